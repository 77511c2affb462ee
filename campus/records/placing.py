"""Applies the placements of an inventory beside those that are stored."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from campus.errors import UsageError
from campus.records import edits
from campus.records.instants import to_ms
from campus.records.inventory import Inventory, PlacementRow
from campus.records.tables import PlacementTable, SiteTable

_Key = tuple[str, int | None, int]  # board, channel, valid_from_ms: what a placement is known by


@dataclass(frozen=True, slots=True)
class _Span:
    room: str | None
    equipment: str | None
    valid_to_ms: int | None
    row: int | None = None  # in the file; None: stored


def apply(session: Session, inventory: Inventory, known: Mapping[str, set[str]]) -> list[str]:
    """Add and update placements; one that is open ends where the next one of its board or channel starts.

    `known` holds the ids of rooms, equipment and boards. What was derived with other placements is to be derived
    anew. Raises UsageError naming the row.
    """
    site = inventory.site.id
    zone = ZoneInfo(session.scalars(select(SiteTable.tz).where(SiteTable.id == site)).one())
    stored = _stored(session, site)
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
        wanted[key] = _Span(row.room, row.equipment, until, number)
    _close_open(wanted)
    changes = _write(session, site, zone, stored, wanted)
    edits.placements(session, site, zone, _moved(stored, wanted))
    return changes


def _stored(session: Session, site: str) -> dict[_Key, _Span]:
    return {
        (row.board, row.channel, row.valid_from_ms): _Span(row.room, row.equipment, row.valid_to_ms)
        for row in session.scalars(select(PlacementTable).where(PlacementTable.site == site))
    }


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


def _close_open(wanted: dict[_Key, _Span]) -> None:
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


def _moved(stored: Mapping[_Key, _Span], wanted: Mapping[_Key, _Span]) -> list[edits.Moved]:
    moved = []
    for (board, channel, start_ms), span in wanted.items():
        old = stored.get((board, channel, start_ms))
        if old is None:
            moved.append(edits.Moved(board, _rooms(span), start_ms, span.valid_to_ms))
        elif (old.room, old.equipment) != (span.room, span.equipment):
            end_ms = _latest(old.valid_to_ms, span.valid_to_ms)
            moved.append(edits.Moved(board, _rooms(old) | _rooms(span), start_ms, end_ms))
        elif old.valid_to_ms != span.valid_to_ms:
            ends = [end for end in (old.valid_to_ms, span.valid_to_ms) if end is not None]
            end_ms = None if len(ends) == 1 else max(ends)
            moved.append(edits.Moved(board, _rooms(span), min(ends), end_ms))
    return moved


def _rooms(span: _Span) -> frozenset[str]:
    return frozenset() if span.room is None else frozenset({span.room})


def _latest(one_ms: int | None, other_ms: int | None) -> int | None:
    return None if one_ms is None or other_ms is None else max(one_ms, other_ms)


def _write(
    session: Session, site: str, zone: ZoneInfo, stored: Mapping[_Key, _Span], wanted: Mapping[_Key, _Span]
) -> list[str]:
    changes, added = [], []
    for key, span in wanted.items():
        board, channel, from_ms = key
        values = {"room": span.room, "equipment": span.equipment, "valid_to_ms": span.valid_to_ms}
        line = f"placement {_described(key, span, zone)}"
        old = stored.get(key)
        if old is None:
            added.append(
                {"site": site, "board": board, "channel": channel, "valid_from_ms": from_ms, **values}
            )
            changes.append(f"add {line}")
        elif replace(span, row=None) != old:
            statement = update(PlacementTable).where(
                PlacementTable.site == site,
                PlacementTable.board == board,
                PlacementTable.channel.is_not_distinct_from(channel),
                PlacementTable.valid_from_ms == from_ms,
            )
            session.connection().execute(statement.values(values))
            changes.append(f"change {line}; it was {_described(key, old, zone)}")
    if added:
        session.connection().execute(insert(PlacementTable), added)
    return changes


def _described(key: _Key, span: _Span, zone: ZoneInfo) -> str:
    board, channel, from_ms = key
    what = f"board {board}" + ("" if channel is None else f" channel {channel}")
    until = f" to {_local(span.valid_to_ms, zone)}" if span.valid_to_ms is not None else ""
    return f"{what} in {span.room or span.equipment} from {_local(from_ms, zone)}{until}"


def _local(ms: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(ms / 1000, zone).isoformat(timespec="minutes")
