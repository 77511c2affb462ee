"""How the lesson slots of a room were used: of its facts only what forecasts and anomalies look at."""

from datetime import date
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from campus.calendar import LESSON
from campus.records.derived_tables import RoomFactTable
from campus.records.facts import DAY_MS, midnight_ms


class LessonUse(NamedTuple):
    """One lesson slot; minutes as those of its fact."""

    date: date
    start_ms: int
    slot_minutes: float
    valid_minutes: float
    occupied_minutes: float


def read(session: Session, site: str, room: str, start: date, end: date) -> list[LessonUse]:
    """Those of the local dates [start, end), in order."""
    of = RoomFactTable.__table__.c
    query = (
        select(of.date, of.start_ms, of.slot_minutes, of.valid_minutes, of.occupied_minutes)
        .where(
            of.site == site,
            of.room == room,
            of.start_ms >= midnight_ms(start) - DAY_MS,
            of.start_ms < midnight_ms(end) + DAY_MS,
            of.date >= start,
            of.date < end,
            of.kind == LESSON,
        )
        .order_by(of.start_ms)
    )
    return [LessonUse(*row) for row in session.connection().execute(query)]
