"""How complete the register of a site is: by kind and room, with what each record lacks."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campus.indicators.records import RecordCounts, missing
from campus.records import register
from campus.records.register_tables import StockItemTable, StocktakingTable
from campus.records.tables import EquipmentTable


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """A thing that a stocktaking found in a room, whose code no record has: known to exist, and not recorded."""

    code: str
    room: str


@dataclass(frozen=True, slots=True)
class Completeness:
    """Counts by kind and by room (None: of no room). `missing`: id -> what the record lacks, of those that lack any.

    What is retired does not count. `unrecorded` things count as known, in the room where they were found.
    """

    total: RecordCounts
    kinds: Mapping[str, RecordCounts]
    rooms: Mapping[str | None, RecordCounts]
    missing: Mapping[str, tuple[str, ...]]
    unrecorded: tuple[Unrecorded, ...]


def read(session: Session, site: str, today: date, ids: Collection[str] | None = None) -> Completeness:
    """Of the whole site, or of the records `ids` alone, without what is not recorded."""
    known: dict[tuple[str, str | None], list[int]] = {}
    lacking: dict[str, tuple[str, ...]] = {}
    wanted = None if ids is None else set(ids)
    table = EquipmentTable
    columns = (table.id, table.kind, table.room, table.in_service_on, table.condition, table.verified_on)
    query = select(*columns).where(table.site == site, table.retired_on.is_(None)).order_by(table.id)
    for id, kind, room, since, condition, verified in session.execute(query):
        if wanted is not None and id not in wanted:
            continue
        counts = known.setdefault((kind, room), [0, 0])
        counts[0] += 1
        if lacks := missing(id, kind, room, since, condition, verified, today):
            lacking[id] = lacks
        else:
            counts[1] += 1
    kinds: dict[str, RecordCounts] = {}
    rooms: dict[str | None, RecordCounts] = {}
    for (kind, room), (all_of, complete) in known.items():
        one = RecordCounts(all_of, complete)
        kinds[kind] = kinds.get(kind, RecordCounts()) + one
        rooms[room] = rooms.get(room, RecordCounts()) + one
    found = unrecorded(session, site) if wanted is None else ()
    total = RecordCounts.total(kinds.values()) + RecordCounts(len(found), 0)
    for thing in found:
        rooms[thing.room] = rooms.get(thing.room, RecordCounts()) + RecordCounts(1, 0)
    return Completeness(total, kinds, rooms, lacking, found)


def unrecorded(session: Session, site: str) -> tuple[Unrecorded, ...]:
    """Codes without a record of the last closed stocktaking of each room; each where it was seen last; by code."""
    table, item = StocktakingTable, StockItemTable
    latest = (
        select(table.room, func.max(table.number).label("number"))
        .where(table.site == site, table.closed_ms.is_not(None))
        .group_by(table.room)
        .subquery()
    )
    query = (
        select(item.code, item.found_ms, latest.c.room)
        .join(latest, latest.c.number == item.stocktaking)
        .where(item.equipment.is_(None))
    )
    found: dict[str, tuple[int, str]] = {}
    for code, found_ms, room in session.execute(query):
        found[code] = max(found.get(code, (0, "")), (found_ms or 0, room))
    return tuple(
        Unrecorded(code, room)
        for code, (_, room) in sorted(found.items())
        if register.with_code(session, site, code) is None
    )
