"""Dates of rooms whose facts an edit has touched, noted in the transaction of the edit."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from campus.records.derived_tables import DerivedTable, DirtyTable
from campus.records.entities import Dirty

FACTS, READINGS = "facts", "readings"
"""What has to be made anew: facts from the stored intervals, or everything from the readings."""


def mark(
    session: Session,
    site: str,
    touched: Mapping[str, Iterable[date]],
    again: str,
    reason: str,
) -> None:
    """Note dates by room. Rooms of which nothing was derived yet have nothing to be made anew."""
    derived = set(session.scalars(select(DerivedTable.room).where(DerivedTable.site == site)))
    rows = [
        {
            "site": site,
            "room": room,
            "start": start,
            "end": end,
            "again": again,
            "reason": reason[:120],
        }
        for room, dates in touched.items()
        if room in derived
        for start, end in _runs(dates)
    ]
    if rows:
        session.connection().execute(insert(DirtyTable), rows)


def read(session: Session, site: str | None = None, room: str | None = None) -> list[Dirty]:
    """What is to be made anew, in the order in which it was noted."""
    query = select(DirtyTable).order_by(DirtyTable.number)
    if site is not None:
        query = query.where(DirtyTable.site == site)
    if room is not None:
        query = query.where(DirtyTable.room == room)
    return [
        Dirty(row.number, row.site, row.room, row.start, row.end, row.again, row.reason)
        for row in session.scalars(query)
    ]


def settle(session: Session, numbers: Sequence[int]) -> None:
    """These were made anew."""
    if numbers:
        session.connection().execute(delete(DirtyTable).where(DirtyTable.number.in_(numbers)))


def _runs(dates: Iterable[date]) -> list[tuple[date, date]]:
    """[start, end) of consecutive dates."""
    runs: list[tuple[date, date]] = []
    for day in sorted(set(dates)):
        if runs and runs[-1][1] == day:
            runs[-1] = (runs[-1][0], day + timedelta(days=1))
        else:
            runs.append((day, day + timedelta(days=1)))
    return runs
