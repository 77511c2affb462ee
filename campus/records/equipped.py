"""Lessons in which equipment operated: kept beside its facts, so that a year of quotas is counted in one look."""

from collections.abc import Collection, Iterable
from datetime import date

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from campus.calendar import LESSON
from campus.indicators.sums import OPERATED_MS
from campus.records.declared import Attainment
from campus.records.derived_tables import EquipmentFactTable, EquippedLessonTable
from campus.records.facts import DAY_MS, midnight_ms
from campus.records.goals import Quota
from campus.records.register_tables import LoanTable

_ROW = EquippedLessonTable.__table__.c
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
    stale = delete(EquippedLessonTable).where(_ROW.site == site, _ROW.date.in_(days), _ROW.room == room)
    connection.execute(stale)
    names = [column.name for column in key] + ["subject_group"]
    connection.execute(insert(EquippedLessonTable).from_select(names, found))


def attainments(session: Session, site: str, quotas: Iterable[Quota]) -> list[Attainment]:
    """Each quota with its lessons: a period of a class counts once, whatever was used in it and however it is known.

    A slip without a class is of the class that its borrower teaches: it counts by its borrower.
    """
    return [
        Attainment(one, _measured(session, site, one) + _declared_only(session, site, one)) for one in quotas
    ]


def _measured(session: Session, site: str, quota: Quota) -> int:
    lessons = select(*_LESSON).where(_ROW.site == site, _ROW.date >= quota.start, _ROW.date < quota.end)
    if quota.subject_group:
        lessons = lessons.where(_ROW.subject_group == quota.subject_group)
    count = select(func.count()).select_from(lessons.distinct().subquery())
    return session.connection().execute(count).scalar_one()


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
