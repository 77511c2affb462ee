"""Lessons in which equipment was used, from its facts."""

from datetime import date
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from campus.calendar import LESSON
from campus.indicators.sums import OPERATED_MS
from campus.records.derived_tables import EquipmentFactTable
from campus.records.facts import DAY_MS, midnight_ms
from campus.records.tables import RoomTable


class OperatedLesson(NamedTuple):
    """A lesson of a class in which equipment was used."""

    subject_group: str | None
    date: date
    session: str
    period: int
    school_class: str


def lessons_operated(session: Session, site: str, start: date, end: date) -> list[OperatedLesson]:
    """The lessons of the local dates [start, end) in which equipment operated OPERATED_MS, each once."""
    columns = EquipmentFactTable.__table__.c
    names = (columns.subject_group, columns.date, columns.session, columns.period, columns.school_class)
    query = (
        select(*names)
        .where(
            columns.site == site,
            columns.room.in_(select(RoomTable.id).where(RoomTable.site == site)),
            columns.start_ms >= midnight_ms(start) - DAY_MS,
            columns.start_ms < midnight_ms(end) + DAY_MS,
            columns.date >= start,
            columns.date < end,
            columns.kind == LESSON,
            columns.on_minutes * 60_000 >= OPERATED_MS - 0.5,  # rounded, as its sums are
            columns.session.is_not(None),
            columns.period.is_not(None),
            columns.school_class.is_not(None),
        )
        .distinct()
    )
    return [OperatedLesson(*row) for row in session.connection().execute(query)]
