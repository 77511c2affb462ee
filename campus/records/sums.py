"""Facts summed by day and month, kept beside them in the same transaction, so that a range is a few rows."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, TypeVar

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from campus.calendar.months import month_of, next_month
from campus.indicators import EquipmentFact, RoomFact
from campus.indicators.sums import EquipmentSums, LinkSums, RoomSums
from campus.records import remembered
from campus.records.derived_tables import EquipmentSumsTable, LinkSumsTable, RoomSumsTable
from campus.records.upsert import insert_or_add

Sums = TypeVar("Sums", RoomSums, EquipmentSums, LinkSums)

DAY, MONTH, CLOSED = "day", "month", "closed"
OF_ALL = {DAY: "all-day", MONTH: "all-month"}
"""span -> that of the sums over all things of a kind, kept under the id EVERY."""
EVERY = ""
TOTAL = ""
TABLES: dict[type, Any] = {
    RoomSums: RoomSumsTable,
    EquipmentSums: EquipmentSumsTable,
    LinkSums: LinkSumsTable,
}
_ONE_DAY = timedelta(days=1)


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


def store_days(
    session: Session,
    site: str,
    what: str,
    kind: type[Sums],
    new: Mapping[str, Mapping[date, Mapping[str, Sums]]],
) -> list[tuple[str, date, Sums, Sums]]:
    """Replace the sums of days of things, id -> day -> by subject group, and renew those of their months.

    Returns (id, day, before, after) where a total changed, by id and day.
    """
    table, dates = TABLES[kind], {day for days in new.values() for day in days}
    if not dates:
        return []
    groups = _groups(session, table, site) | {
        group for days in new.values() for sums in days.values() for group in sums
    }
    months = {month_of(day) for day in dates}
    found = _held(session, kind, what, site, list(new), months, groups)
    changed = [
        (id, day)
        for id, days in sorted(new.items())
        for day, sums in sorted(days.items())
        if found.get(id, {}).get(day, {}) != sums
    ]
    if not changed:
        return []
    told = []
    rises: dict[tuple[str, date], list[tuple[Sums, Sums]]] = {}
    for id, day in changed:
        days = found.setdefault(id, {})
        old = days.get(day, {})
        days[day] = dict(new[id][day])
        for group in old.keys() | days[day].keys():
            before, after = old.get(group, kind()), days[day].get(group, kind())
            rises.setdefault((group, day), []).append((before, after))
            if group == TOTAL and before != after:
                told.append((id, day, before, after))
    _raise(session, kind, site, what, rises)
    ids = sorted({id for id, _ in changed})
    days_changed = {day for _, day in changed}
    _renew(
        session, table, (site, what), DAY, groups, {
            (id, day): found[id].get(day, {}) for id in ids for day in sorted(days_changed)
        },
    )  # fmt: skip
    _renew(
        session, table, (site, what), MONTH, groups, {
            (id, month): _total(kind, (sums for day, sums in found[id].items() if month_of(day) == month))
            for id in ids
            for month in sorted({month_of(day) for day in days_changed})
        },
    )  # fmt: skip
    return told


def _raise(
    session: Session,
    kind: type[Sums],
    site: str,
    what: str,
    rises: Mapping[tuple[str, date], Iterable[tuple[Sums, Sums]]],
) -> None:
    """Keep the sums over all things by what changed: (subject group, day) -> (before, after) of things."""
    amounts: dict[tuple[str, str, date], list[int]] = {}
    for (group, day), pairs in rises.items():
        before, after = (kind.total(parts).values() for parts in zip(*pairs, strict=True))
        for span, start in ((DAY, day), (MONTH, month_of(day))):
            held = amounts.setdefault((OF_ALL[span], group, start), [0] * len(before))
            held[:] = (amount + b - a for amount, a, b in zip(held, before, after, strict=True))
    rows = [
        {"site": site, "kind": what, "id": EVERY, "span": span, "subject_group": group, "start": start}
        | dict(zip(kind.names(), rise, strict=True))
        for (span, group, start), rise in sorted(amounts.items())
    ]
    insert_or_add(session, TABLES[kind], rows)
    remembered.move(session, site, (day for _, day in rises))


def _total(kind: type[Sums], parts: Iterable[Mapping[str, Sums]]) -> dict[str, Sums]:
    gathered: dict[str, list[Sums]] = {}
    for sums in parts:
        for group, part in sums.items():
            gathered.setdefault(group, []).append(part)
    return {group: kind.total(found) for group, found in gathered.items()}


def _groups(session: Session, table: Any, site: str) -> set[str]:
    """The subject groups of a site's days: each is looked up behind the one before, as the key is ordered so."""
    columns = table.__table__.c
    here = (columns.site == site, columns.span == DAY)
    found = select(func.min(columns.subject_group).label("name")).where(*here).cte(recursive=True)
    after = select(func.min(columns.subject_group)).where(*here, columns.subject_group > found.c.name)
    found = found.union_all(select(after.scalar_subquery()).where(found.c.name.is_not(None)))
    return {name for name in session.connection().scalars(select(found.c.name)) if name is not None}


def _held(
    session: Session,
    kind: type[Sums],
    what: str,
    site: str,
    ids: Sequence[str],
    months: Iterable[date],
    groups: Iterable[str],
) -> dict[str, dict[date, dict[str, Sums]]]:
    """id -> day -> by subject group, of whole months."""
    columns = TABLES[kind].__table__.c
    # Every part of the key is named, so that only these rows are looked at.
    query = select(
        columns.id, columns.start, columns.subject_group, *(columns[name] for name in kind.names())
    ).where(
        columns.site == site,
        columns.span == DAY,
        columns.subject_group.in_(groups),
        columns.start.in_([day for month in months for day in _days(month, next_month(month))]),
        columns.kind == what,
        columns.id.in_(ids),
    )
    found: dict[str, dict[date, dict[str, Sums]]] = {}
    for id, day, group, *values in session.connection().execute(query):
        found.setdefault(id, {}).setdefault(day, {})[group] = kind(*values)
    return found


def _renew(
    session: Session,
    table: Any,
    of: tuple[str, str],
    span: str,
    groups: Iterable[str],
    new: Mapping[tuple[str, date], Mapping[str, Any]],
) -> None:
    """Put sums in place of all that is held of each (id, start)."""
    columns = table.__table__.c
    site, what = of
    session.connection().execute(
        delete(table).where(
            columns.site == site,
            columns.span == span,
            columns.subject_group.in_(groups),
            columns.start.in_({start for _, start in new}),
            columns.kind == what,
            columns.id.in_({id for id, _ in new}),
        )
    )
    _insert(session, table, {"site": site, "kind": what}, span, new)


def _days(start: date, end: date) -> list[date]:
    return [date.fromordinal(n) for n in range(start.toordinal(), end.toordinal())]


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


def _insert(
    session: Session,
    table: Any,
    key: dict[str, str],
    span: str,
    new: Mapping[tuple[str, date], Mapping[str, Any]],
) -> None:
    rows = [
        {**key, "id": id, "span": span, "start": start, "subject_group": group}
        | dict(zip(sums.names(), sums.values(), strict=True))
        for (id, start), by_group in new.items()
        for group, sums in by_group.items()
    ]
    if rows:
        session.connection().execute(insert(table), rows)
