"""Who changed what. Made by tools/make_client.py from the OpenAPI."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from campus.client import shapes
from campus.client.transport import Transport


class Audit:
    """Who changed what."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def audit_log(
        self,
        *,
        site: str | None = None,
        who: str | None = None,
        what: str | None = None,
        limit: int | None = None,
        sort: Literal["number", "-number", "at", "-at"] | None = None,
    ) -> Iterator[shapes.Audit]:
        """Who changed what, the newest first. What concerns no single site is for those with a role at every
        site."""
        return self._transport.items(
            shapes.Audit,
            "/api/v1/audit",
            {"site": site, "who": who, "what": what, "limit": limit, "sort": sort},
        )
