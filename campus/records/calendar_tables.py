"""The tables of the calendar and the timetable. Dates are local school dates, times local wall-clock times.

Columns are named as the fields of the entities in campus.calendar.
"""

from datetime import date, time

from sqlalchemy import (
    JSON,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
)
from sqlalchemy.orm import Mapped, mapped_column

from campus.records.base import LABEL, WORD, Base


class TermTable(Base):
    __tablename__ = "term"
    site: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    start: Mapped[date] = mapped_column(primary_key=True)
    end: Mapped[date]
    name: Mapped[str] = mapped_column(LABEL)
    year: Mapped[str | None] = mapped_column(WORD)
    first_week: Mapped[str] = mapped_column(WORD)


class BellTable(Base):
    __tablename__ = "bell"
    site: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    weekday: Mapped[int] = mapped_column(Integer, primary_key=True)
    session: Mapped[str] = mapped_column(WORD, primary_key=True)
    period: Mapped[int] = mapped_column(Integer, primary_key=True)
    valid_from: Mapped[date] = mapped_column(primary_key=True)  # 0001-01-01: since ever
    valid_to: Mapped[date | None]
    start: Mapped[time]
    end: Mapped[time]


class ClosureTable(Base):
    __tablename__ = "closure"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    site: Mapped[str] = mapped_column(ForeignKey("site.id"), index=True)
    start: Mapped[date]
    end: Mapped[date]
    reason: Mapped[str] = mapped_column(LABEL)
    public: Mapped[bool]


class MakeUpDayTable(Base):
    __tablename__ = "make_up_day"
    site: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    local_date: Mapped[date] = mapped_column("date", primary_key=True)
    weekday: Mapped[int] = mapped_column(Integer)
    reason: Mapped[str] = mapped_column(LABEL)
    week: Mapped[str | None] = mapped_column(WORD)


class ExamPeriodTable(Base):
    __tablename__ = "exam_period"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    site: Mapped[str] = mapped_column(ForeignKey("site.id"), index=True)
    name: Mapped[str] = mapped_column(LABEL)
    start: Mapped[date]
    end: Mapped[date]
    classes: Mapped[list[str]] = mapped_column(JSON)  # names of classes; empty: all


class LessonTable(Base):
    __tablename__ = "lesson"
    __table_args__ = (
        ForeignKeyConstraint(["site", "room"], ["room.site", "room.id"], name="fk_lesson_in_room"),
        ForeignKeyConstraint(
            ["site", "school_class"], ["school_class.site", "school_class.name"], name="fk_lesson_of_class"
        ),
        ForeignKeyConstraint(
            ["site", "subject_group"], ["subject_group.site", "subject_group.id"], name="fk_lesson_of_group"
        ),
    )
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    site: Mapped[str] = mapped_column(index=True)
    room: Mapped[str | None]
    weekday: Mapped[int] = mapped_column(Integer)
    session: Mapped[str] = mapped_column(WORD)
    period: Mapped[int] = mapped_column(Integer)
    school_class: Mapped[str] = mapped_column(LABEL)
    subject: Mapped[str] = mapped_column(LABEL)
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    subject_group: Mapped[str | None]
    week: Mapped[str | None] = mapped_column(WORD)
    teacher: Mapped[str | None] = mapped_column(LABEL)
    place: Mapped[str] = mapped_column(WORD)


class SubstitutionTable(Base):
    __tablename__ = "substitution"
    __table_args__ = (
        ForeignKeyConstraint(["site", "room"], ["room.site", "room.id"], name="fk_substitution_in_room"),
        ForeignKeyConstraint(
            ["site", "school_class"],
            ["school_class.site", "school_class.name"],
            name="fk_substitution_of_class",
        ),
        ForeignKeyConstraint(
            ["site", "subject_group"],
            ["subject_group.site", "subject_group.id"],
            name="fk_substitution_of_group",
        ),
    )
    site: Mapped[str] = mapped_column(primary_key=True)
    local_date: Mapped[date] = mapped_column("date", primary_key=True)
    session: Mapped[str] = mapped_column(WORD, primary_key=True)
    period: Mapped[int] = mapped_column(Integer, primary_key=True)
    school_class: Mapped[str] = mapped_column(LABEL, primary_key=True)
    subject: Mapped[str | None] = mapped_column(LABEL)
    room: Mapped[str | None]
    subject_group: Mapped[str | None]
    teacher: Mapped[str | None] = mapped_column(LABEL)
    reason: Mapped[str | None] = mapped_column(LABEL)


class SubjectPlaceTable(Base):
    __tablename__ = "subject_place"
    site: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    subject: Mapped[str] = mapped_column(LABEL, primary_key=True)
    place: Mapped[str] = mapped_column(WORD)
    target: Mapped[str | None]
