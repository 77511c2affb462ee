"""Months of a site: provisional until closed; what changes afterwards is an amendment beside the snapshot."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from campus.calendar.months import month_of, next_month
from campus.errors import UsageError
from campus.records import dirty, places, sums
from campus.records.derived_tables import AmendmentTable, DerivedTable, MonthTable
from campus.records.entities import Amendment, ClosedMonth
from campus.records.instants import from_ms, to_ms
from campus.records.tables import SiteTable

_MONTH = MonthTable.__table__.c

DayChange = tuple[str, date, Any, Any]
"""(id, local date, sums before, sums after), as `sums.store_days` tells."""


def is_closed(session: Session, site: str, day: date) -> bool:
    """Whether the month of a date is closed."""
    query = select(_MONTH.start).where(_MONTH.site == site, _MONTH.start == month_of(day))
    return session.connection().execute(query).first() is not None


def amend(session: Session, site: str, kind: str, changes: Iterable[DayChange], at: datetime) -> None:
    """Log what became of the sums of days, of those whose month is closed."""
    closed: dict[date, bool] = {}
    rows = []
    for id, day, before, after in changes:
        month = month_of(day)
        if month not in closed:
            closed[month] = is_closed(session, site, month)
        if not closed[month]:
            continue
        old, new = (dict(zip(one.names(), one.values(), strict=True)) for one in (before, after))
        names = [name for name in old if old[name] != new[name]]
        rows.append(
            {
                "site": site,
                "month": month,
                "at_ms": to_ms(at),
                "kind": kind,
                "id": id,
                "date": day,
                "before": {name: old[name] for name in names},
                "after": {name: new[name] for name in names},
            }
        )
    if rows:
        session.connection().execute(insert(AmendmentTable), rows)


def close(session: Session, site: str, month: date, by: str, at: datetime) -> ClosedMonth:
    """Keep a month's sums as they are now. Raises UsageError for one that is closed, not over, or not derived yet."""
    place = places.site(session, site)
    first, after = month_of(month), next_month(month)
    if is_closed(session, site, first):
        raise UsageError(f"{first:%Y-%m} of '{site}' is closed already; what changes now is an amendment.")
    ends = datetime(after.year, after.month, 1, tzinfo=ZoneInfo(place.tz))
    if at < ends:
        raise UsageError(f"{first:%Y-%m} is not over at '{site}': it can be closed from {after} on.")
    behind = [
        row.room
        for row in session.scalars(select(DerivedTable).where(DerivedTable.site == site))
        if row.through_ms < to_ms(ends)
    ]
    if behind:
        raise UsageError(
            f"{first:%Y-%m} of '{site}' is not complete: {', '.join(sorted(behind)[:5])}"
            f"{' and others' if len(behind) > 5 else ''} {'is' if len(behind) == 1 else 'are'} not derived to its end; "
            "wait until the collector has caught up."
        )
    waiting = [one for one in dirty.read(session, site) if one.start < after and one.end > first]
    if waiting:
        raise UsageError(
            f"{first:%Y-%m} of '{site}' is being made anew ({waiting[0].reason}); close it when that is done."
        )
    version = session.scalars(select(SiteTable.calendar_version).where(SiteTable.id == site)).one()
    row = {
        "site": site,
        "start": first,
        "closed_at_ms": to_ms(at),
        "closed_by": by,
        "calendar_version": version,
    }
    session.connection().execute(insert(MonthTable), [row])
    sums.close(session, site, first)
    return ClosedMonth(site, first, at, by, version)


def read(session: Session, site: str) -> list[ClosedMonth]:
    """The closed months of a site, the newest first."""
    query = select(MonthTable).where(MonthTable.site == site).order_by(MonthTable.start.desc())
    return [
        ClosedMonth(row.site, row.start, from_ms(row.closed_at_ms), row.closed_by, row.calendar_version)
        for row in session.scalars(query)
    ]


def amendments(session: Session, site: str, month: date) -> list[Amendment]:
    """What changed in a closed month since, in the order in which it did."""
    query = (
        select(AmendmentTable)
        .where(AmendmentTable.site == site, AmendmentTable.month == month_of(month))
        .order_by(AmendmentTable.number)
    )
    return [
        Amendment(from_ms(row.at_ms), row.kind, row.id, row.local_date, row.before, row.after, row.number)
        for row in session.scalars(query)
    ]
