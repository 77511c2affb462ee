"""The lessons of rooms and how they went, a row for each room and date: what looks at many weeks reads these."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from campus.indicators import RoomFact
from campus.indicators.ghosts import LessonDay, Planned, lesson_day
from campus.records import remembered
from campus.records.derived_tables import LessonDayTable

_COLUMNS = LessonDayTable.__table__.c


def store(session: Session, site: str, room: str, new: Mapping[date, Iterable[RoomFact]]) -> None:
    """Replace the lessons of a room on these dates by those of all its facts of each."""
    session.connection().execute(
        delete(LessonDayTable).where(
            _COLUMNS.site == site, _COLUMNS.date.in_(list(new)), _COLUMNS.room == room
        )
    )
    rows = [
        {"site": site, "room": room, "date": day, "planned": json.dumps(planned), "outcomes": outcomes}
        for day, facts in new.items()
        for planned, outcomes in [lesson_day(facts)]
        if planned
    ]
    if rows:
        session.connection().execute(insert(LessonDayTable), rows)
    remembered.move(session, site, new)


def read(
    session: Session, site: str, start: date, end: date, rooms: Sequence[str] | None = None
) -> list[LessonDay]:
    """Those of the local dates [start, end), by date."""
    query = (
        select(_COLUMNS.room, _COLUMNS.date, _COLUMNS.planned, _COLUMNS.outcomes)
        .where(_COLUMNS.site == site, _COLUMNS.date >= start, _COLUMNS.date < end)
        .order_by(_COLUMNS.date)
    )
    if rooms is not None:
        query = query.where(_COLUMNS.room.in_(rooms))
    rows = session.connection().execute(query).all()
    return [LessonDay(site, room, day, _planned(text), outcomes) for room, day, text, outcomes in rows]


@lru_cache(maxsize=4096)  # a timetable says the same week after week; 2 KB each
def _planned(text: str) -> Planned:
    return tuple((session, period, school_class) for session, period, school_class in json.loads(text))
