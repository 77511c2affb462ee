"""Who was lost, since when and why; how good a link is. Made by tools/make_client.py from the OpenAPI."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Literal

from campus.client import shapes
from campus.client.transport import Transport, part


class Connectivity:
    """Who was lost, since when and why; how good a link is."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def incidents(
        self,
        site: str,
        *,
        to: date,
        from_: date,
        cause: Literal["power", "uplink", "access_point", "board", "server", "unknown"] | None = None,
        limit: int | None = None,
        sort: Literal["number", "-number", "start_ms", "-start_ms", "cause", "-cause"] | None = None,
    ) -> Iterator[shapes.Incident]:
        """Incidents that reach into [from, to), by start. Those of the last days may still change: causes
        become known."""
        return self._transport.items(
            shapes.Incident,
            f"/api/v1/sites/{part(site)}/incidents",
            {"cause": cause, "from": from_, "to": to, "limit": limit, "sort": sort},
        )

    def incident(self, site: str, id: int) -> shapes.Incident:
        """One incident. Of the last days they may still change, and one that was none is gone."""
        return self._transport.read(
            shapes.Incident, "GET", f"/api/v1/sites/{part(site)}/incidents/{part(id)}"
        )

    def availability(
        self,
        site: str,
        board: str,
        *,
        to: date,
        from_: date,
        limit: int | None = None,
        sort: Literal["start_ms", "-start_ms"] | None = None,
    ) -> Iterator[shapes.Availability]:
        """States of one board over [from, to), at most 31 days; the last minutes may still change."""
        return self._transport.items(
            shapes.Availability,
            f"/api/v1/sites/{part(site)}/boards/{part(board)}/availability",
            {"from": from_, "to": to, "limit": limit, "sort": sort},
        )

    def quality(self, site: str, board: str) -> shapes.Quality:
        """How good a board's connection is over the last 10 minutes, by its parts, and whether the board
        flaps."""
        return self._transport.read(
            shapes.Quality, "GET", f"/api/v1/sites/{part(site)}/boards/{part(board)}/quality"
        )
