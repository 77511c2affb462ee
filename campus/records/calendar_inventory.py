"""The rows of an inventory file that make the calendar and the timetable. Dates are local, ends no longer belong."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from campus.calendar import ALWAYS
from campus.records.inventory_fields import (
    ClockTime,
    Id,
    Label,
    Many,
    Period,
    Row,
    SchoolYear,
    SessionName,
    Weekday,
    WeekLetter,
)

PlaceName = Literal["home-room", "room", "room-type", "outside", "no-lesson"]


class TermRow(Row):
    """[start, end); `first_week` is the letter of the week in which it starts."""

    name: Label
    start: date
    end: date
    year: SchoolYear | None = None
    first_week: WeekLetter = "a"


class BellRow(Row):
    """The times of one period, on one weekday or on each of a list (Monday = 1), over [from, to) or always."""

    weekday: Annotated[tuple[Weekday, ...], Many, Field(min_length=1)]
    session: SessionName
    period: Period
    start: ClockTime
    end: ClockTime
    valid_from: date = Field(alias="from", default=ALWAYS)
    valid_to: date | None = Field(alias="to", default=None)


class ClosureRow(Row):
    """[start, end)."""

    start: date
    end: date
    reason: Label
    public: bool = False


class LessonRow(Row):
    """A weekly lesson over [from, to), every week or in the weeks a or b; in no room if `place` says why."""

    room: Id | None = None
    weekday: Weekday
    session: SessionName
    period: Period
    school_class: Label
    subject: Label
    subject_group: Id | None = None
    valid_from: date = Field(alias="from")
    valid_to: date | None = Field(default=None, alias="to")
    week: WeekLetter | None = None
    teacher: Label | None = None
    place: PlaceName = "room"


class MakeUpDayRow(Row):
    """A date on which the bells and the timetable of another weekday hold, and of week `week` if it is given."""

    date: date
    weekday: Weekday
    reason: Label
    week: WeekLetter | None = None


class ExamRow(Row):
    """[start, end); without classes it is of all."""

    name: Label
    start: date
    end: date
    classes: tuple[Label, ...] = ()


class SubstitutionRow(Row):
    """What a class has in one period of one date in place of its timetable; without a subject its lesson falls out."""

    date: date
    session: SessionName
    period: Period
    school_class: Label
    subject: Label | None = None
    room: Id | None = None
    subject_group: Id | None = None
    teacher: Label | None = None
    reason: Label | None = None


class SubjectPlaceRow(Row):
    """Where a subject is taught; `target` is the room or the room type."""

    subject: Label
    place: PlaceName
    target: Id | None = None
