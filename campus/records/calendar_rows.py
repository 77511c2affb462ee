"""Lessons, closures and exams of a site's calendar as they are kept: each with the number of its row.

A part of the calendar that changes is stored anew as a whole (campus.records.timetable), with other numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from campus.calendar import Closure, ExamPeriod, Lesson
from campus.errors import NotFound
from campus.records import places
from campus.records.base import Base
from campus.records.calendar_tables import ClosureTable, ExamPeriodTable, LessonTable
from campus.records.paging import Page, paged


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLesson(Lesson):
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptClosure(Closure):
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptExam(ExamPeriod):
    id: int


_KINDS: dict[type, tuple[type, type[Base], str]] = {
    Lesson: (KeptLesson, LessonTable, "lesson"),
    Closure: (KeptClosure, ClosureTable, "closure"),
    ExamPeriod: (KeptExam, ExamPeriodTable, "exam"),
}


def lessons(
    session: Session, site: str, page: Page, equal: Mapping[str, Any], on: date | None
) -> list[KeptLesson]:
    """A page of those whose columns have the values of `equal`, as far as they are not None; `on`: valid then."""
    columns = LessonTable.__table__.c
    query = select(LessonTable).where(columns.site == site)
    for name, value in equal.items():
        if value is not None:
            query = query.where(columns[name] == value)
    if on is not None:
        query = query.where(columns.valid_from <= on, or_(columns.valid_to.is_(None), columns.valid_to > on))
    return [_kept(Lesson, row) for row in session.scalars(paged(query, page, LessonTable, ("id",)))]


def listed(session: Session, kind: type, site: str) -> list[Any]:
    """Every closure or exam of a site, by start."""
    places.site(session, site)
    table = _KINDS[kind][1]
    columns = table.__table__.c
    query = select(table).where(columns.site == site).order_by(columns.start, columns.id)
    return [_kept(kind, row) for row in session.scalars(query)]


def one(session: Session, kind: type, site: str, id: int) -> Any:
    """Raises NotFound."""
    _, table, name = _KINDS[kind]
    row: Any = session.get(table, id) if 0 < id < 2**31 else None
    if row is None or row.site != site:
        places.site(session, site)
        raise NotFound(
            f"There is no {name} {id} in site '{site}'. A changed calendar is stored with new numbers: read its list."
        )
    return _kept(kind, row)


def _kept(kind: type, row: Any) -> Any:
    values = {one.name: getattr(row, one.name) for one in fields(kind)}
    if kind is ExamPeriod:
        values["classes"] = tuple(values["classes"])
    return _KINDS[kind][0](id=row.id, **values)
