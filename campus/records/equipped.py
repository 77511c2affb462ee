"""Lessons in which equipment operated: kept beside its facts and counted by date, so that a year of quotas is a sum."""

from collections.abc import Collection, Iterable
from datetime import date
from typing import Any

from sqlalchemy import delete, func, insert, literal, select, true
from sqlalchemy.orm import Session

from campus.calendar import LESSON
from campus.indicators.sums import OPERATED_MS
from campus.records.declared import Attainment
from campus.records.derived_tables import EquipmentFactTable, EquippedDayTable, EquippedLessonTable
from campus.records.facts import DAY_MS, midnight_ms
from campus.records.goals import Quota
from campus.records.register_tables import LoanTable

_ROW = EquippedLessonTable.__table__.c
_DAY = EquippedDayTable.__table__.c
_LESSON = (_ROW.date, _ROW.session, _ROW.period, _ROW.school_class)


def refresh(session: Session, site: str, room: str, days: Collection[date]) -> None:
    """The facts of equipment in a room on these local dates were replaced."""
    fact = EquipmentFactTable.__table__.c
    key = (fact.site, fact.date, fact.session, fact.period, fact.school_class, fact.room)
    found = (
        select(*key, func.min(fact.subject_group))
        .where(
            fact.site == site,
            fact.room == room,
            fact.start_ms >= midnight_ms(min(days)) - DAY_MS,
            fact.start_ms < midnight_ms(max(days)) + 2 * DAY_MS,
            fact.date.in_(days),
            fact.kind == LESSON,
            fact.on_minutes * 60_000 >= OPERATED_MS - 0.5,  # rounded, as its sums are
            fact.session.is_not(None),
            fact.period.is_not(None),
            fact.school_class.is_not(None),
        )
        .group_by(*key)
    )
    connection = session.connection()
    here = (_ROW.site == site, _ROW.room == room)
    names = [column.name for column in key] + ["subject_group"]
    made = _by_day(connection.execute(found))
    held = _by_day(connection.execute(select(*(_ROW[n] for n in names)).where(*here, _ROW.date.in_(days))))
    changed = sorted(day for day in made.keys() | held.keys() if made.get(day) != held.get(day))
    if not changed:
        return
    connection.execute(delete(EquippedLessonTable).where(*here, _ROW.date.in_(changed)))
    rows = [dict(zip(names, row, strict=True)) for day in changed for row in made.get(day, ())]
    if rows:
        connection.execute(insert(EquippedLessonTable), rows)
    _count(session, site, changed)


def _by_day(rows: Iterable[Any]) -> dict[date, set[tuple[Any, ...]]]:
    found: dict[date, set[tuple[Any, ...]]] = {}
    for row in rows:
        found.setdefault(row.date, set()).add(tuple(row))
    return found


def _count(session: Session, site: str, days: Collection[date]) -> None:
    """The lessons of these dates, of all rooms, are others."""
    connection = session.connection()
    connection.execute(delete(EquippedDayTable).where(_DAY.site == site, _DAY.date.in_(days)))
    for group, wanted in ((literal(""), true()), (_ROW.subject_group, _ROW.subject_group.is_not(None))):
        lessons = select(*_LESSON, group.label("of_group")).where(
            _ROW.site == site, _ROW.date.in_(days), wanted
        )
        each = lessons.distinct().subquery().c
        counts = select(literal(site), each.of_group, each.date, func.count()).group_by(
            each.of_group, each.date
        )
        names = ["site", "subject_group", "date", "lessons"]
        connection.execute(insert(EquippedDayTable).from_select(names, counts))


def attainments(session: Session, site: str, quotas: Iterable[Quota]) -> list[Attainment]:
    """Each quota with its lessons: a period of a class counts once, whatever was used in it and however it is known.

    A slip without a class is of the class that its borrower teaches: it counts by its borrower.
    """
    return [
        Attainment(one, _measured(session, site, one) + _declared_only(session, site, one)) for one in quotas
    ]


def _measured(session: Session, site: str, quota: Quota) -> int:
    lessons = select(func.coalesce(func.sum(_DAY.lessons), 0)).where(
        _DAY.site == site,
        _DAY.subject_group == (quota.subject_group or ""),
        _DAY.date >= quota.start,
        _DAY.date < quota.end,
    )
    return session.connection().execute(lessons).scalar_one()


def _declared_only(session: Session, site: str, quota: Quota) -> int:
    """Lessons on slips that no meter saw."""
    slip = LoanTable.__table__.c
    known = select(_ROW.site).where(
        _ROW.site == site,
        _ROW.date == slip.used_on,
        _ROW.session == slip.session,
        _ROW.period == slip.period,
        _ROW.school_class == slip.school_class,
    )
    query = select(slip.used_on, slip.session, slip.period, slip.school_class, slip.borrower).where(
        slip.site == site,
        slip.used_on >= quota.start,
        slip.used_on < quota.end,
        slip.session.is_not(None),
        slip.period.is_not(None),
    )
    if quota.subject_group:
        known = known.where(_ROW.subject_group == quota.subject_group)
        query = query.where(slip.subject_group == quota.subject_group)
    rows = session.connection().execute(query.where(~known.exists()).distinct())
    return len({(*lesson, school_class or f"borrower {who}") for *lesson, school_class, who in rows})
