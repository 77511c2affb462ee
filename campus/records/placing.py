"""Applies the placements of an inventory beside those that are stored."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from campus.errors import UsageError
from campus.records import placement_spans
from campus.records.history import Log
from campus.records.instants import to_ms
from campus.records.inventory import Inventory, PlacementRow
from campus.records.placement_spans import Span, Spans
from campus.records.tables import SiteTable


def apply(session: Session, inventory: Inventory, known: Mapping[str, set[str]], log: Log) -> list[str]:
    """Add and update placements; one that is open ends where the next one of its board or channel starts.

    `known` holds the ids of rooms, equipment and boards. What was derived with other placements is to be derived
    anew. Raises UsageError naming the row.
    """
    site = inventory.site.id
    zone = ZoneInfo(session.scalars(select(SiteTable.tz).where(SiteTable.id == site)).one())
    stored = placement_spans.read(session, site)
    wanted = dict(stored)
    for number, row in enumerate(inventory.placements):
        _check(number, row, known)
        key = (row.board, row.channel, _ms(row.valid_from, zone))
        old = wanted.get(key)
        if old is not None and old.row is not None:
            raise UsageError(
                f"placements[{number}].from: the same as placements[{old.row}]; remove one of them."
            )
        until = _ms(row.valid_to, zone) if row.valid_to else None
        if until is not None and until <= key[2]:
            raise UsageError(f"placements[{number}].to: {row.valid_to} is not after 'from' {row.valid_from}.")
        if old is not None and "valid_to" not in row.model_fields_set:
            until = old.valid_to_ms
        wanted[key] = Span(row.room, row.equipment, until, number)
    _close_open(wanted)
    return placement_spans.store(session, site, zone, stored, wanted, log)


def _check(number: int, row: PlacementRow, known: Mapping[str, set[str]]) -> None:
    name = f"placements[{number}]"
    if (row.room is None) == (row.equipment is None):
        raise UsageError(f"{name}: give either a room, or a channel and a piece of equipment.")
    if (row.channel is None) != (row.equipment is None):
        raise UsageError(f"{name}.channel: a piece of equipment needs one, and a room has none.")
    for field, target in (("board", "boards"), ("room", "rooms"), ("equipment", "equipment")):
        value = getattr(row, field)
        if value is not None and value not in known[target]:
            raise UsageError(
                f"{name}.{field}: there is no '{value}' in {target}; add it to {target} or correct it."
            )


def _ms(at: datetime, zone: ZoneInfo) -> int:
    return to_ms(at if at.tzinfo else at.replace(tzinfo=zone))


def _close_open(wanted: Spans) -> None:
    ordered = sorted(wanted, key=lambda key: (key[0], -1 if key[1] is None else key[1], key[2]))
    for one, other in pairwise(ordered):
        if one[:2] != other[:2]:
            continue
        span = wanted[one]
        if span.valid_to_ms is None:
            wanted[one] = replace(span, valid_to_ms=other[2])
        elif span.valid_to_ms > other[2]:
            number = wanted[other].row if wanted[other].row is not None else span.row
            raise UsageError(
                f"placements[{number}]: board '{one[0]}' is placed twice at the same time; give the earlier "
                "placement a 'to' that is not after the 'from' of the later one."
            )
