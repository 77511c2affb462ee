"""Figures with their evidence, forecasts, what was unusual. Made by tools/make_client.py from the OpenAPI."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Literal

from campus.client import shapes
from campus.client.transport import Transport, part


class Indicators:
    """Figures with their evidence, forecasts, what was unusual."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def room_indicators(self, site: str, room: str, *, to: date, from_: date) -> shapes.Figures:
        """Every indicator of one room over [from, to) local dates, with its evidence and counts."""
        return self._transport.read(
            shapes.Figures,
            "GET",
            f"/api/v1/sites/{part(site)}/rooms/{part(room)}/indicators",
            query={"from": from_, "to": to},
        )

    def indicator_definitions(
        self,
        *,
        limit: int | None = None,
        sort: Literal["id", "-id", "of", "-of", "name_vi", "-name_vi", "name_en", "-name_en"] | None = None,
    ) -> Iterator[shapes.Definition]:
        """What every figure means: the definitions, with their versions and sources."""
        return self._transport.items(shapes.Definition, "/api/v1/indicators", {"limit": limit, "sort": sort})

    def indicator_definition(self, indicator: str) -> shapes.Definition:
        """What one figure means."""
        return self._transport.read(shapes.Definition, "GET", f"/api/v1/indicators/{part(indicator)}")

    def indicators(
        self,
        site: str,
        *,
        to: date,
        from_: date,
        scope: Literal[
            "site", "building", "room-type", "room", "subject-group", "equipment-kind", "equipment", "board"
        ]
        | None = None,
        id: str | None = None,
        indicator: list[str] | None = None,
    ) -> shapes.Figures:
        """Every indicator that has a meaning for the scope, over [from, to) local dates, with its
        evidence."""
        return self._transport.read(
            shapes.Figures,
            "GET",
            f"/api/v1/sites/{part(site)}/indicators",
            query={"scope": scope, "id": id, "indicator": indicator, "from": from_, "to": to},
        )

    def forecast(
        self,
        site: str,
        room: str,
        *,
        date: date,
        limit: int | None = None,
        sort: Literal["start_minute", "-start_minute"] | None = None,
    ) -> Iterator[shapes.Forecast]:
        """What is expected of a room in each period of a date, at most two weeks ahead."""
        return self._transport.items(
            shapes.Forecast,
            f"/api/v1/sites/{part(site)}/rooms/{part(room)}/forecast",
            {"date": date, "limit": limit, "sort": sort},
        )

    def anomalies(
        self,
        site: str,
        room: str,
        *,
        date: date,
        limit: int | None = None,
        sort: Literal["start_minute", "-start_minute"] | None = None,
    ) -> Iterator[shapes.Judged]:
        """The periods of a past date beside what was expected of them."""
        return self._transport.items(
            shapes.Judged,
            f"/api/v1/sites/{part(site)}/rooms/{part(room)}/anomalies",
            {"date": date, "limit": limit, "sort": sort},
        )
