"""Personal tokens, for programs. Made by tools/make_client.py from the OpenAPI."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from campus.client import shapes
from campus.client.transport import Transport, part


class Tokens:
    """Personal tokens, for programs."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def tokens(
        self,
        *,
        limit: int | None = None,
        sort: Literal[
            "id",
            "-id",
            "label",
            "-label",
            "created_at",
            "-created_at",
            "expires_at",
            "-expires_at",
            "last_used_at",
            "-last_used_at",
        ]
        | None = None,
    ) -> Iterator[shapes.Token]:
        """Your tokens, without their secrets."""
        return self._transport.items(shapes.Token, "/api/v1/tokens", {"limit": limit, "sort": sort})

    def create_token(self, form: shapes.TokenForm) -> shapes.NewToken:
        """A new token, valid for a year if you say nothing else. It is shown once, and never may what you may
        not."""
        return self._transport.read(shapes.NewToken, "POST", "/api/v1/tokens", form=form)

    def one_token(self, id: int) -> shapes.Token:
        """One of your tokens, without its secret."""
        return self._transport.read(shapes.Token, "GET", f"/api/v1/tokens/{part(id)}")

    def revoke_token(self, id: int) -> None:
        """Revoke one of your tokens."""
        self._transport.done("DELETE", f"/api/v1/tokens/{part(id)}")
