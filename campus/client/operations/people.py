"""Accounts, for those who administer them. Made by tools/make_client.py from the OpenAPI."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from campus.client import shapes
from campus.client.transport import Transport, part


class People:
    """Accounts, for those who administer them."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def people(
        self,
        *,
        role: Literal["administrator", "leader", "facilities", "it", "equipment", "auditor"] | None = None,
        site: str | None = None,
        limit: int | None = None,
        sort: Literal["name", "-name", "language", "-language"] | None = None,
    ) -> Iterator[shapes.Person]:
        """The people you administer, by name."""
        return self._transport.items(
            shapes.Person, "/api/v1/people", {"role": role, "site": site, "limit": limit, "sort": sort}
        )

    def add_person(self, form: shapes.PersonForm) -> shapes.NewPerson:
        """Add an account. Its password is made by the server and shown once; the person may change it."""
        return self._transport.read(shapes.NewPerson, "POST", "/api/v1/people", form=form)

    def one_person(self, name: str) -> shapes.Person:
        """One of the people you administer."""
        return self._transport.read(shapes.Person, "GET", f"/api/v1/people/{part(name)}")

    def change_person(self, name: str, form: shapes.PersonChange) -> shapes.Person:
        """Change what somebody may, their language, or how the sign-in service knows them."""
        return self._transport.read(shapes.Person, "PATCH", f"/api/v1/people/{part(name)}", form=form)

    def remove_person(self, name: str) -> None:
        """Remove an account, with its sessions and tokens. What the person did stays in the audit log."""
        self._transport.done("DELETE", f"/api/v1/people/{part(name)}")

    def new_password(self, name: str) -> shapes.NewPassword:
        """Give somebody a new password, shown once. Their sessions end and their tokens are revoked."""
        return self._transport.read(shapes.NewPassword, "PUT", f"/api/v1/people/{part(name)}/password")

    def end_sessions_of(self, name: str) -> None:
        """End all sessions of somebody; tokens stay."""
        self._transport.done("DELETE", f"/api/v1/people/{part(name)}/sessions")
