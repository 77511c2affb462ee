"""Signing in and out, one's own password. Made by tools/make_client.py from the OpenAPI."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from campus.client import shapes
from campus.client.transport import Transport, part


class Sessions:
    """Signing in and out, one's own password."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def sign_in(self, form: shapes.SignInForm) -> shapes.Person:
        """Sign in: sets the session cookie. Open to everyone; limited by account."""
        return self._transport.read(shapes.Person, "POST", "/api/v1/sessions", form=form)

    def sessions(
        self,
        *,
        limit: int | None = None,
        sort: Literal["id", "-id", "created_at", "-created_at", "expires_at", "-expires_at"] | None = None,
    ) -> Iterator[shapes.Session]:
        """Where you are signed in, the newest first."""
        return self._transport.items(shapes.Session, "/api/v1/sessions", {"limit": limit, "sort": sort})

    def end_own_sessions(self) -> None:
        """End all of your sessions, this one too."""
        self._transport.done("DELETE", "/api/v1/sessions")

    def current_session(self) -> shapes.Person:
        """Who is signed in."""
        return self._transport.read(shapes.Person, "GET", "/api/v1/sessions/current")

    def sign_out(self) -> None:
        """End this session."""
        self._transport.done("DELETE", "/api/v1/sessions/current")

    def change_password(self, form: shapes.PasswordForm) -> None:
        """Change your password. Every session ends but a new one that begins here, and every token is
        revoked."""
        self._transport.done("PUT", "/api/v1/sessions/current/password", form=form)

    def one_session(self, id: str) -> shapes.Session:
        """One of your sessions."""
        return self._transport.read(shapes.Session, "GET", f"/api/v1/sessions/{part(id)}")

    def end_session(self, id: str) -> None:
        """End one of your sessions."""
        self._transport.done("DELETE", f"/api/v1/sessions/{part(id)}")
