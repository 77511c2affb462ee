"""What the boards measured. Made by tools/make_client.py from the OpenAPI."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Literal

from campus.client import shapes
from campus.client.transport import Transport


class Readings:
    """What the boards measured."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def readings(
        self,
        *,
        to: date,
        from_: date,
        site: str,
        board: str | None = None,
        room: str | None = None,
        point: str | None = None,
        limit: int | None = None,
        sort: Literal["board"] | None = None,
    ) -> Iterator[shapes.Reading]:
        """Readings of one board or room over [from, to), at most 31 days, by board, point and time."""
        return self._transport.items(
            shapes.Reading,
            "/api/v1/readings",
            {
                "site": site,
                "board": board,
                "room": room,
                "point": point,
                "from": from_,
                "to": to,
                "limit": limit,
                "sort": sort,
            },
        )

    def export_readings(
        self,
        target: Path,
        *,
        format: Literal["csv", "parquet", "xlsx"] | None = None,
        bom: bool | None = None,
        site: str | None = None,
        board: str | None = None,
        from_: date | None = None,
        to: date | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
    ) -> Path:
        """Readings by (board, point, observed_at_ms); `received_at_ms` only where the time is not
        plausible."""
        return self._transport.file(
            target,
            "GET",
            "/api/v1/readings/export",
            query={
                "format": format,
                "bom": bom,
                "site": site,
                "board": board,
                "from": from_,
                "to": to,
                "start_ms": start_ms,
                "end_ms": end_ms,
            },
        )

    def means(
        self,
        target: Path,
        *,
        site: str | None = None,
        board: str | None = None,
        from_: date | None = None,
        to: date | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
    ) -> Path:
        """Means of the usable readings in each 15 minutes by (board, point, start_ms), at most 400 days of
        them."""
        return self._transport.file(
            target,
            "GET",
            "/api/v1/readings/means",
            query={
                "site": site,
                "board": board,
                "from": from_,
                "to": to,
                "start_ms": start_ms,
                "end_ms": end_ms,
            },
        )
