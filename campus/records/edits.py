"""What an edit of the records touches among the facts that are there: noted as dirty in the edit's transaction."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from campus.calendar.compare import touched
from campus.calendar.school import SchoolCalendar
from campus.records import dirty
from campus.records.derived_tables import DerivedTable, RoomFactTable
from campus.records.instants import from_ms
from campus.records.tables import PlacementTable

_FACT = RoomFactTable.__table__.c
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Moved:
    """A placement that was made, changed or ended: [start_ms, end_ms) is where it says something else than before."""

    board: str
    rooms: frozenset[str]  # empty: of a piece of equipment, and so of the rooms in which the board was
    start_ms: int
    end_ms: int | None


def calendar(session: Session, site: str, before: SchoolCalendar, after: SchoolCalendar) -> None:
    """Facts whose slots or lessons are others now."""
    dates = _dates_of_facts(session, site)
    if not dates:
        return
    start = min(first for first, _ in dates.values())
    end = max(last for _, last in dates.values()) + _ONE_DAY
    found = touched(before, after, list(dates), start, end)
    within = {
        room: [day for day in days if dates[room][0] <= day <= dates[room][1]] for room, days in found.items()
    }
    dirty.mark(session, site, within, dirty.FACTS, "the calendar or timetable was changed")


def capacities(session: Session, site: str, rooms: Iterable[str]) -> None:
    """Every fact of rooms that have another capacity now."""
    dates = _dates_of_facts(session, site)
    found = {room: _days(*dates[room]) for room in rooms if room in dates}
    dirty.mark(session, site, found, dirty.FACTS, "the capacity was changed")


def time_zone(session: Session, site: str) -> None:
    """Everything: local days, and so the dates and slots of all facts, begin at other times."""
    dates = _dates_of_facts(session, site)
    margin = _ONE_DAY
    found = {room: _days(first - margin, last + margin) for room, (first, last) in dates.items()}
    dirty.mark(session, site, found, dirty.READINGS, "the time zone was changed")


def placements(session: Session, site: str, zone: ZoneInfo, moved: Iterable[Moved]) -> None:
    """What was derived of rooms while another board measured them, or another thing was on its channel."""
    through = {
        row.room: row.through_ms
        for row in session.scalars(select(DerivedTable).where(DerivedTable.site == site))
    }
    found: dict[str, set[date]] = {}
    for one in moved:
        rooms = one.rooms or _rooms_of(session, site, one)
        for room in rooms & through.keys():
            end_ms = through[room] if one.end_ms is None else min(one.end_ms, through[room])
            if one.start_ms < end_ms:
                first, last = (from_ms(ms).astimezone(zone).date() for ms in (one.start_ms, end_ms - 1))
                found.setdefault(room, set()).update(_days(first, last))
    dirty.mark(session, site, found, dirty.READINGS, "a placement was changed")


def _rooms_of(session: Session, site: str, moved: Moved) -> frozenset[str]:
    query = select(PlacementTable.room).where(
        PlacementTable.site == site,
        PlacementTable.board == moved.board,
        PlacementTable.room.is_not(None),
        or_(PlacementTable.valid_to_ms.is_(None), PlacementTable.valid_to_ms > moved.start_ms),
    )
    if moved.end_ms is not None:
        query = query.where(PlacementTable.valid_from_ms < moved.end_ms)
    return frozenset(room for room in session.scalars(query) if room is not None)


def _dates_of_facts(session: Session, site: str) -> Mapping[str, tuple[date, date]]:
    """room -> first and last local date with facts."""
    query = (
        select(_FACT.room, func.min(_FACT.date), func.max(_FACT.date))
        .where(_FACT.site == site)
        .group_by(_FACT.room)
    )
    return {room: (first, last) for room, first, last in session.connection().execute(query)}


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
