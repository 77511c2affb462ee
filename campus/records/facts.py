"""Facts of rooms and equipment: read by local date, replaced by range of time."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import date, datetime
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from campus.indicators import EquipmentFact, RoomFact
from campus.records.base import Base
from campus.records.derived_tables import EquipmentFactTable, RoomFactTable
from campus.records.instants import EPOCH, from_ms, to_ms
from campus.records.tables import RoomTable
from campus.records.upsert import insert_or_replace

Fact = TypeVar("Fact", RoomFact, EquipmentFact)

_DAY_MS = 86_400_000
_INSTANTS = {"start": "start_ms", "end": "end_ms"}
TABLES: dict[type, type[Base]] = {RoomFact: RoomFactTable, EquipmentFact: EquipmentFactTable}
_FIELDS: dict[type, list[tuple[str, Any]]] = {
    kind: [(one.name, table.__table__.c[_INSTANTS.get(one.name, one.name)]) for one in fields(kind)]
    for kind, table in TABLES.items()
}


def read(
    session: Session,
    kind: type[Fact],
    site: str,
    room: str | None,
    start: date,
    end: date,
) -> list[Fact]:
    """Facts of the local dates [start, end), of a room or of all; by room and slot."""
    columns = TABLES[kind].__table__.c
    # The rooms are named so that each is one scan of its own rows; a local date lies within a day of UTC's.
    rooms = [room] if room is not None else select(RoomTable.id).where(RoomTable.site == site)
    query = select(*(column for _, column in _FIELDS[kind])).where(
        columns.site == site,
        columns.room.in_(rooms),
        columns.start_ms >= _midnight_ms(start) - _DAY_MS,
        columns.start_ms < _midnight_ms(end) + _DAY_MS,
        columns.date >= start,
        columns.date < end,
    )
    order = [columns.room, columns.start_ms]
    if kind is EquipmentFact:
        order.append(columns.equipment)
    return _made(session, kind, query.order_by(*order))


def of_piece(session: Session, site: str, equipment: str, start: date, end: date) -> list[EquipmentFact]:
    """Facts of one piece over the local dates [start, end), whatever room it was in; by slot."""
    columns = EquipmentFactTable.__table__.c
    query = select(*(column for _, column in _FIELDS[EquipmentFact])).where(
        columns.site == site,
        columns.equipment == equipment,
        columns.start_ms >= _midnight_ms(start) - _DAY_MS,
        columns.start_ms < _midnight_ms(end) + _DAY_MS,
        columns.date >= start,
        columns.date < end,
    )
    return _made(session, EquipmentFact, query.order_by(columns.start_ms, columns.room))


def equipment_by_day(
    session: Session, site: str, room: str, start_ms: int, end_ms: int
) -> dict[date, set[str]]:
    """local date -> pieces of equipment with facts in the room whose slots start in the range."""
    columns = EquipmentFactTable.__table__.c
    query = (
        select(columns.date, columns.equipment)
        .where(
            columns.site == site,
            columns.room == room,
            columns.start_ms >= start_ms,
            columns.start_ms < end_ms,
        )
        .distinct()
    )
    found: dict[date, set[str]] = {}
    for day, piece in session.connection().execute(query):
        found.setdefault(day, set()).add(piece)
    return found


def _made(session: Session, kind: type[Fact], query: Any) -> list[Fact]:
    # The things of a site share their slots: each instant is made once.
    instant: Callable[[int], datetime] = cache(from_ms)
    names = [name for name, _ in _FIELDS[kind]]
    at = [names.index("start"), names.index("end")]
    found = []
    for row in session.connection().execute(query):
        values = list(row)
        for place in at:
            values[place] = instant(values[place])
        found.append(kind(*values))
    return found


def replace(
    session: Session,
    kind: type[Fact],
    site: str,
    room: str,
    start_ms: int,
    end_ms: int,
    given: Sequence[Fact],
) -> set[date]:
    """Facts of a room whose slot starts in the range are removed, a given one replaces one of the same slot.

    Returns the local dates that were touched.
    """
    table = TABLES[kind]
    columns = table.__table__.c
    there = (
        columns.site == site,
        columns.room == room,
        columns.start_ms >= start_ms,
        columns.start_ms < end_ms,
    )
    connection = session.connection()
    dates = {row[0] for row in connection.execute(select(columns.date).where(*there).distinct())}
    if dates:
        connection.execute(delete(table).where(*there))
    # A slot that began before the range and ended inside it has its fact replaced, not repeated.
    insert_or_replace(session, table, [_row(kind, fact) for fact in given])
    return dates | {fact.date for fact in given}


def _row(kind: type[Fact], fact: Fact) -> dict[str, Any]:
    row = {column.name: getattr(fact, name) for name, column in _FIELDS[kind]}
    row["start_ms"], row["end_ms"] = to_ms(fact.start), to_ms(fact.end)
    return row


def _midnight_ms(day: date) -> int:
    return (day - EPOCH.date()).days * _DAY_MS
