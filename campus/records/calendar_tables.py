"""The tables of the calendar and the timetable. Dates are local school dates, times local wall-clock times."""

from datetime import date, time

from sqlalchemy import (
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


class BellTable(Base):
    __tablename__ = "bell"
    site: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    weekday: Mapped[int] = mapped_column(Integer, primary_key=True)
    session: Mapped[str] = mapped_column(WORD, primary_key=True)
    period: Mapped[int] = mapped_column(Integer, primary_key=True)
    start: Mapped[time]
    end: Mapped[time]


class ClosureTable(Base):
    __tablename__ = "closure"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    site: Mapped[str] = mapped_column(ForeignKey("site.id"), index=True)
    start: Mapped[date]
    end: Mapped[date]
    reason: Mapped[str] = mapped_column(LABEL)


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
    site: Mapped[str] = mapped_column(primary_key=True)
    room: Mapped[str] = mapped_column(primary_key=True)
    weekday: Mapped[int] = mapped_column(Integer, primary_key=True)
    session: Mapped[str] = mapped_column(WORD, primary_key=True)
    period: Mapped[int] = mapped_column(Integer, primary_key=True)
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    valid_to: Mapped[date | None]
    school_class: Mapped[str] = mapped_column(LABEL)
    subject: Mapped[str] = mapped_column(LABEL)
    subject_group: Mapped[str | None]
