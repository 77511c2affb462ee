"""Facts of rooms and equipment: read by local date, replaced by range of time."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime, timedelta
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

from sqlalchemy import bindparam, delete, select
from sqlalchemy.orm import Session

from campus.calendar import LESSON
from campus.indicators import EquipmentFact, RoomFact
from campus.records.base import Base
from campus.records.derived_tables import EquipmentFactTable, RoomFactTable
from campus.records.instants import EPOCH, from_ms, to_ms
from campus.records.paging import Page, paged
from campus.records.tables import RoomTable
from campus.records.upsert import insert_or_replace

Fact = TypeVar("Fact", RoomFact, EquipmentFact)

DAY_MS = 86_400_000
_INSTANTS = {"start": "start_ms", "end": "end_ms"}
TABLES: dict[type, type[Base]] = {RoomFact: RoomFactTable, EquipmentFact: EquipmentFactTable}
_FIELDS: dict[type, list[tuple[str, Any]]] = {
    kind: [(one.name, table.__table__.c[_INSTANTS.get(one.name, one.name)]) for one in fields(kind)]
    for kind, table in TABLES.items()
}
KEYS: dict[type, tuple[str, ...]] = {
    RoomFact: ("start", "room"),
    EquipmentFact: ("start", "room", "equipment"),
}
"""What tells the facts of a date apart."""
_FIRST = ("start", "end", "date")  # these are stored in another form
_NAMES = {
    kind: ["start_ms", "end_ms", "date", *(column.name for name, column in columns if name not in _FIRST)]
    for kind, columns in _FIELDS.items()
}
_OTHERS: dict[type, Callable[[Any], tuple[Any, ...]]] = {
    kind: attrgetter(*(name for name, _ in columns if name not in _FIRST))
    for kind, columns in _FIELDS.items()
}
_REPLACING = {
    kind: f"INSERT OR REPLACE INTO {TABLES[kind].__tablename__} ({', '.join(names)}) "  # noqa: S608 - our own names
    f"VALUES ({', '.join('?' for _ in names)})"
    for kind, names in _NAMES.items()
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
        columns.start_ms >= midnight_ms(start) - DAY_MS,
        columns.start_ms < midnight_ms(end) + DAY_MS,
        columns.date >= start,
        columns.date < end,
    )
    order = [columns.room, columns.start_ms]
    if kind is EquipmentFact:
        order.append(columns.equipment)
    return _made(session, kind, query.order_by(*order))


def page_of(
    session: Session,
    kind: type[Fact],
    site: str,
    room: str | None,
    start: date,
    end: date,
    equal: Mapping[str, str | None],
    page: Page,
) -> list[Fact]:
    """A page of the facts of [start, end) by date, slot and room; of those with the values of `equal` that are given.

    Read in windows of days, of twice as many each time: a page costs what it holds and not what the range does.
    """
    columns = TABLES[kind].__table__.c
    rooms = [room] if room is not None else select(RoomTable.id).where(RoomTable.site == site)
    wanted = [columns[name] == value for name, value in equal.items() if value is not None]
    if page.after is not None:
        start, end = (
            (start, min(end, _next(page.after[0]))) if page.descending else (max(start, page.after[0]), end)
        )
    found: list[Fact] = []
    days = 1
    while start < end and len(found) <= page.limit:
        days = min(days, (end - start).days)
        first, last = (end - timedelta(days), end) if page.descending else (start, start + timedelta(days))
        query = select(*(column for _, column in _FIELDS[kind])).where(
            columns.site == site,
            columns.room.in_(rooms),
            columns.start_ms >= midnight_ms(first) - DAY_MS,
            columns.start_ms < midnight_ms(last) + DAY_MS,
            columns.date >= first,
            columns.date < last,
            *wanted,
        )
        found += _made(session, kind, paged(query, page, TABLES[kind], KEYS[kind], _INSTANTS))
        start, end = (start, first) if page.descending else (last, end)
        days *= 2
    return found[: page.limit + 1]


def of_lessons(session: Session, site: str, wanted: Iterable[tuple[str, date]]) -> list[EquipmentFact]:
    """The facts of lessons of each (piece of equipment, local date)."""
    columns = TABLES[EquipmentFact].__table__.c
    query = select(*(column for _, column in _FIELDS[EquipmentFact])).where(
        columns.site == site,
        columns.equipment == bindparam("piece"),  # one by one, see `beside`
        columns.start_ms >= bindparam("since"),
        columns.start_ms < bindparam("until"),
        columns.date == bindparam("day"),
        columns.kind == LESSON,
    )
    found: list[EquipmentFact] = []
    for piece, day in wanted:
        midnight = midnight_ms(day)
        window = {"since": midnight - DAY_MS, "until": midnight + 2 * DAY_MS}
        found += _made(session, EquipmentFact, query.params(piece=piece, day=day, **window))
    return found


def _next(day: date) -> date:
    return date.max if day == date.max else day + timedelta(1)


def beside(
    session: Session,
    kind: type[Fact],
    site: str,
    room: str,
    start_ms: int,
    end_ms: int,
    given: Iterable[Fact],
    days: Collection[date],
    pieces: Sequence[str] = (),
) -> list[Fact]:
    """Facts of local dates outside the range of the room, without those that `given` replaces.

    Of equipment only `pieces`, whatever room they were in.
    """
    columns = TABLES[kind].__table__.c
    first, last = midnight_ms(min(days)) - DAY_MS, midnight_ms(max(days)) + 2 * DAY_MS
    here = columns.room == room
    windows = [
        (here, columns.start_ms >= first, columns.start_ms < start_ms),
        (here, columns.start_ms >= end_ms, columns.start_ms < last),
    ]
    query = select(*(column for _, column in _FIELDS[kind])).where(columns.site == site)
    found: list[Fact] = []
    for window in windows:
        own = (columns.equipment.in_(pieces),) if kind is EquipmentFact else ()
        found += _made(session, kind, query.where(*window, *own))
    for piece in pieces:  # one by one: of a list of them SQLite would look at every fact of the site
        elsewhere = (columns.room != room, columns.start_ms >= first, columns.start_ms < last)
        found += _made(session, kind, query.where(columns.equipment == piece, *elsewhere))
    if not found:
        return found
    replaced = {_key(fact) for fact in given}
    return [fact for fact in found if fact.date in days and _key(fact) not in replaced]


def distinct(given: Iterable[Fact]) -> list[Fact]:
    """The last given of each slot, as `replace` stores them."""
    return list({_key(fact): fact for fact in given}.values())


def _key(fact: RoomFact | EquipmentFact) -> tuple[Any, ...]:
    return fact.room, fact.start, getattr(fact, "equipment", None)


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
    for row in session.connection().execute(query).all():
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
    _store(session, kind, given)
    return dates | {fact.date for fact in given}


def _store(session: Session, kind: type, given: Sequence[Any]) -> None:
    """A year of a school is millions of rows: SQLite takes them as plain tuples, in a third of the time."""
    instant: Callable[[datetime], int] = cache(to_ms)
    iso: Callable[[date], str] = cache(date.isoformat)
    connection = session.connection()
    plain = connection.dialect.name == "sqlite"
    rows: list[tuple[Any, ...]] = []
    others = _OTHERS[kind]
    for one in given:
        day = iso(one.date) if plain else one.date
        rows.append((instant(one.start), instant(one.end), day, *others(one)))
    if plain and rows:
        connection.exec_driver_sql(_REPLACING[kind], rows)
    else:
        insert_or_replace(session, TABLES[kind], [dict(zip(_NAMES[kind], row, strict=True)) for row in rows])


def midnight_ms(day: date) -> int:
    return (day - EPOCH.date()).days * DAY_MS
