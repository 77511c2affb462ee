"""Facts summed by day and month, kept beside them in the same transaction, so that a range is a few rows."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any, TypeVar

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from campus.indicators import EquipmentFact, LinkDay, RoomFact
from campus.indicators.sums import EquipmentSums, LinkSums, RoomSums
from campus.records.derived_tables import EquipmentSumsTable, LinkSumsTable, RoomSumsTable

Sums = TypeVar("Sums", RoomSums, EquipmentSums, LinkSums)

DAY, MONTH, CLOSED = "day", "month", "closed"
TOTAL = ""
TABLES: dict[type, Any] = {
    RoomSums: RoomSumsTable,
    EquipmentSums: EquipmentSumsTable,
    LinkSums: LinkSumsTable,
}
_ONE_DAY = timedelta(days=1)


def month_of(day: date) -> date:
    """The first day of its month."""
    return day.replace(day=1)


def next_month(day: date) -> date:
    """The first day of the month after."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def of_room(facts: Iterable[RoomFact]) -> dict[str, RoomSums]:
    """Sums by subject group, TOTAL among them."""
    return _grouped(RoomSums, ((fact.subject_group, RoomSums.of(fact)) for fact in facts))


def of_equipment(facts: Iterable[EquipmentFact]) -> dict[str, EquipmentSums]:
    """Sums by subject group, TOTAL among them."""
    return _grouped(EquipmentSums, ((fact.subject_group, EquipmentSums.of(fact)) for fact in facts))


def _grouped(kind: type[Sums], parts: Iterable[tuple[str | None, Sums]]) -> dict[str, Sums]:
    gathered: dict[str, list[Sums]] = {}
    for group, part in parts:
        gathered.setdefault(TOTAL, []).append(part)
        if group:
            gathered.setdefault(group, []).append(part)
    return {group: kind.total(found) for group, found in gathered.items()}


def read(
    session: Session,
    kind: type[Sums],
    what: str,
    site: str,
    start: date,
    end: date,
    ids: Sequence[str] | None = None,
    subject_group: str = TOTAL,
) -> dict[str, Sums]:
    """id -> sums over the local dates [start, end): whole months from their own rows, the rest by days.

    `what`: ROOM, EQUIPMENT or BOARD. A thing without any fact in the range is missing.
    """
    found: dict[str, Sums] = {}
    for span, first, last in _pieces(start, end):
        for id, part in _added(session, kind, what, site, span, first, last, ids, subject_group).items():
            found[id] = found[id] + part if id in found else part
    return found


def by_day(
    session: Session,
    kind: type[Sums],
    what: str,
    site: str,
    start: date,
    end: date,
    ids: Sequence[str] | None = None,
    subject_group: str = TOTAL,
) -> dict[date, Sums]:
    """local date -> sums over the things, of [start, end)."""
    columns = TABLES[kind].__table__.c
    query = (
        select(columns.start, *(func.sum(columns[name]) for name in kind.names()))
        .where(*_which(columns, what, site, DAY, start, end, ids, subject_group))
        .group_by(columns.start)
        .order_by(columns.start)
    )
    return {row[0]: kind(*map(int, row[1:])) for row in session.connection().execute(query)}


def store_day(
    session: Session, site: str, what: str, id: str, day: date, kind: type[Sums], new: dict[str, Sums]
) -> tuple[Sums, Sums] | None:
    """Replace the sums of one day of one thing, and renew those of its month; (before, after) if the total changed."""
    table = TABLES[kind]
    columns = table.__table__.c
    here = (columns.site == site, columns.kind == what, columns.id == id)
    connection = session.connection()
    query = select(columns.subject_group, *(columns[name] for name in kind.names())).where(
        *here, columns.span == DAY, columns.start == day
    )
    old = {row[0]: kind(*row[1:]) for row in connection.execute(query)}
    if old == new:
        return None
    key = {"site": site, "kind": what, "id": id}
    connection.execute(delete(table).where(*here, columns.span == DAY, columns.start == day))
    _insert(session, table, key, DAY, day, new)
    month = month_of(day)
    groups = {
        row[0]: kind(*map(int, row[1:]))
        for row in connection.execute(
            select(columns.subject_group, *(func.sum(columns[name]) for name in kind.names()))
            .where(*here, columns.span == DAY, columns.start >= month, columns.start < next_month(month))
            .group_by(columns.subject_group)
        )
    }
    connection.execute(delete(table).where(*here, columns.span == MONTH, columns.start == month))
    _insert(session, table, key, MONTH, month, groups)
    before, after = old.get(TOTAL, kind()), new.get(TOTAL, kind())
    return None if before == after else (before, after)


def store_link(session: Session, day: LinkDay) -> tuple[LinkSums, LinkSums] | None:
    """`store_day` for a day of a board's or room's connectivity."""
    return store_day(session, day.site, day.kind, day.id, day.date, LinkSums, {TOTAL: LinkSums.of(day)})


def close(session: Session, site: str, month: date) -> None:
    """Keep the sums of a month as they are now, as its CLOSED ones."""
    for table in TABLES.values():
        columns = table.__table__.c
        rows = session.connection().execute(
            select(table.__table__).where(columns.site == site, columns.span == MONTH, columns.start == month)
        )
        copies = [dict(row) | {"span": CLOSED} for row in rows.mappings()]
        if copies:
            session.connection().execute(insert(table), copies)


def closed(
    session: Session, kind: type[Sums], what: str, site: str, month: date, subject_group: str = TOTAL
) -> dict[str, Sums]:
    """id -> sums of a month as they were when it was closed."""
    return _added(session, kind, what, site, CLOSED, month, month + _ONE_DAY, None, subject_group)


def _pieces(start: date, end: date) -> list[tuple[str, date, date]]:
    """(span, first, last) whose rows together are the range."""
    first = start if start.day == 1 else next_month(start)
    last = month_of(end) if end > start else start
    if first >= last:
        return [(DAY, start, end)] if start < end else []
    pieces = [(DAY, start, first), (MONTH, first, last), (DAY, last, end)]
    return [piece for piece in pieces if piece[1] < piece[2]]


def _added(
    session: Session,
    kind: type[Sums],
    what: str,
    site: str,
    span: str,
    start: date,
    end: date,
    ids: Sequence[str] | None,
    subject_group: str,
) -> dict[str, Sums]:
    columns = TABLES[kind].__table__.c
    query = (
        select(columns.id, *(func.sum(columns[name]) for name in kind.names()))
        .where(*_which(columns, what, site, span, start, end, ids, subject_group))
        .group_by(columns.id)
    )
    return {row[0]: kind(*map(int, row[1:])) for row in session.connection().execute(query)}


def _which(
    columns: Any,
    what: str,
    site: str,
    span: str,
    start: date,
    end: date,
    ids: Sequence[str] | None,
    subject_group: str,
) -> list[Any]:
    wanted = [
        columns.site == site,
        columns.span == span,
        columns.subject_group == subject_group,
        columns.start >= start,
        columns.start < end,
        columns.kind == what,
    ]
    if ids is not None:
        wanted.append(columns.id.in_(ids))
    return wanted


def _insert(
    session: Session, table: Any, key: dict[str, str], span: str, start: date, new: dict[str, Any]
) -> None:
    rows = [
        {**key, "span": span, "start": start, "subject_group": group}
        | dict(zip(sums.names(), sums.values(), strict=True))
        for group, sums in new.items()
    ]
    if rows:
        session.connection().execute(insert(table), rows)
