"""The school's time: what a day is cut into, and what was planned for it. Pure.

Dates are local school dates; datetimes are aware UTC; bell times are local wall-clock times.
"""

from dataclasses import dataclass
from datetime import date, datetime, time

LESSON, BREAK, MIDDAY, EVENING, NIGHT, CLOSED = "lesson", "break", "midday", "evening", "night", "closed"
SLOT_KINDS = (LESSON, BREAK, MIDDAY, EVENING, NIGHT, CLOSED)
SESSIONS = ("morning", "afternoon")


ALWAYS = date.min  # `valid_from` of what holds since ever
WEEKS = ("a", "b")

HOME_ROOM, IN_ROOM, IN_ROOM_TYPE, OUTSIDE, NO_LESSON = (
    "home-room",
    "room",
    "room-type",
    "outside",
    "no-lesson",
)
PLACES = (HOME_ROOM, IN_ROOM, IN_ROOM_TYPE, OUTSIDE, NO_LESSON)


@dataclass(frozen=True, slots=True)
class Term:
    """A semester: [start, end) local dates. Outside every term the school is closed.

    `year` names the school year, as 2026-2027. `first_week` is the letter of the week (Monday to Sunday) in which the
    term starts; letters alternate by week from there, closed weeks included.
    """

    name: str
    start: date
    end: date
    year: str | None = None
    first_week: str = "a"


@dataclass(frozen=True, slots=True)
class Bell:
    """One lesson's bell times on one weekday (ISO: Monday = 1), valid over [valid_from, valid_to) local dates."""

    weekday: int
    session: str
    period: int  # counted from 1 within its session
    start: time
    end: time
    valid_from: date = ALWAYS
    valid_to: date | None = None


@dataclass(frozen=True, slots=True)
class Closure:
    """[start, end) local dates without lessons. `public`: a public holiday, and not the school's own closure."""

    start: date
    end: date
    reason: str
    public: bool = False


@dataclass(frozen=True, slots=True)
class MakeUpDay:
    """A date on which lessons are held as on another weekday: its bells, its timetable, and its week if given."""

    date: date
    weekday: int
    reason: str
    week: str | None = None  # None: that of the date itself


@dataclass(frozen=True, slots=True)
class ExamPeriod:
    """[start, end) local dates on which the classes, or all if none is named, have exams in place of lessons."""

    name: str
    start: date
    end: date
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lesson:
    """A weekly timetabled lesson, valid over [valid_from, valid_to) local dates.

    `room` None: it is held in no room of ours, `place` says why (OUTSIDE, or IN_ROOM_TYPE where no room is named).
    `week` None: every week.
    """

    room: str | None
    weekday: int
    session: str
    period: int
    school_class: str
    subject: str
    valid_from: date
    valid_to: date | None = None
    subject_group: str | None = None
    week: str | None = None
    teacher: str | None = None
    place: str = IN_ROOM


@dataclass(frozen=True, slots=True)
class Substitution:
    """On one date, what a class has in one period in place of its timetable. `subject` None: the lesson falls out."""

    date: date
    session: str
    period: int
    school_class: str
    subject: str | None
    room: str | None = None
    subject_group: str | None = None
    teacher: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class SubjectPlace:
    """Where the lessons of a subject are held: one of PLACES; `target` is the id of the room or room type."""

    subject: str
    place: str
    target: str | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """A piece of one local school day; the slots of a day leave no gap. `exam`: in an exam period of all classes."""

    date: date
    start: datetime
    end: datetime
    kind: str
    session: str | None = None
    period: int | None = None
    exam: bool = False
