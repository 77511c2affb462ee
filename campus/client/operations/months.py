"""Months that were signed, and what changed afterwards. Made by tools/make_client.py from the OpenAPI."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from campus.client import shapes
from campus.client.transport import Transport, part


class Months:
    """Months that were signed, and what changed afterwards."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def months(
        self,
        site: str,
        *,
        limit: int | None = None,
        sort: Literal["start", "-start", "closed_at", "-closed_at"] | None = None,
    ) -> Iterator[shapes.Month]:
        """The months that were closed, the newest first."""
        return self._transport.items(
            shapes.Month, f"/api/v1/sites/{part(site)}/months", {"limit": limit, "sort": sort}
        )

    def close_month(self, site: str, form: shapes.MonthForm) -> shapes.Month:
        """Sign the figures of a month: they are kept as they are, and what changes afterwards is listed."""
        return self._transport.read(shapes.Month, "POST", f"/api/v1/sites/{part(site)}/months", form=form)

    def amendments(
        self,
        site: str,
        month: str,
        *,
        kind: Literal["room", "equipment", "board"] | None = None,
        id: str | None = None,
        limit: int | None = None,
        sort: Literal["number", "-number", "at", "-at", "date", "-date"] | None = None,
    ) -> Iterator[shapes.Amendment]:
        """What changed in a closed month since it was closed, in the order in which it did."""
        return self._transport.items(
            shapes.Amendment,
            f"/api/v1/sites/{part(site)}/months/{part(month)}/amendments",
            {"kind": kind, "id": id, "limit": limit, "sort": sort},
        )

    def signed_month(self, site: str, month: str) -> shapes.SignedMonth:
        """A closed month, with the site's indicators as they were when it was closed, whatever changed
        since."""
        return self._transport.read(
            shapes.SignedMonth, "GET", f"/api/v1/sites/{part(site)}/months/{part(month)}"
        )
