"""What happened in every slot of every date. Made by tools/make_client.py from the OpenAPI."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Literal

from campus.client import shapes
from campus.client.transport import Transport, part


class Facts:
    """What happened in every slot of every date."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def facts(
        self,
        site: str,
        *,
        to: date,
        from_: date,
        kind: Literal["lesson", "break", "midday", "evening", "night", "closed"] | None = None,
        outcome: Literal["held", "partly_held", "no_show", "not_measured", "free", "unscheduled"]
        | None = None,
        room: str | None = None,
        limit: int | None = None,
        sort: Literal["date", "-date"] | None = None,
    ) -> Iterator[shapes.Fact]:
        """What happened in every slot of [from, to), by date, slot and room: provisional until the month is
        closed."""
        return self._transport.items(
            shapes.Fact,
            f"/api/v1/sites/{part(site)}/facts",
            {
                "kind": kind,
                "outcome": outcome,
                "from": from_,
                "to": to,
                "room": room,
                "limit": limit,
                "sort": sort,
            },
        )

    def equipment_facts(
        self,
        site: str,
        *,
        to: date,
        from_: date,
        equipment: str | None = None,
        kind: Literal["lesson", "break", "midday", "evening", "night", "closed"] | None = None,
        room: str | None = None,
        limit: int | None = None,
        sort: Literal["date", "-date"] | None = None,
    ) -> Iterator[shapes.EquipmentFact]:
        """What happened to equipment in every slot of [from, to), by date, slot, room and piece: provisional
        until the month is closed."""
        return self._transport.items(
            shapes.EquipmentFact,
            f"/api/v1/sites/{part(site)}/equipment/facts",
            {
                "equipment": equipment,
                "kind": kind,
                "from": from_,
                "to": to,
                "room": room,
                "limit": limit,
                "sort": sort,
            },
        )
