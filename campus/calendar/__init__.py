"""The school's time: what a day is cut into, and what was planned for it. Pure.

Dates are local school dates; datetimes are aware UTC; bell times are local wall-clock times.
"""

from dataclasses import dataclass
from datetime import date, datetime, time

LESSON, BREAK, MIDDAY, EVENING, NIGHT, CLOSED = "lesson", "break", "midday", "evening", "night", "closed"
SLOT_KINDS = (LESSON, BREAK, MIDDAY, EVENING, NIGHT, CLOSED)
SESSIONS = ("morning", "afternoon")


@dataclass(frozen=True, slots=True)
class Bell:
    """One lesson's bell times on one weekday (ISO: Monday = 1), valid from a date until the next version."""

    weekday: int
    session: str
    period: int  # counted from 1 within its session
    start: time
    end: time


@dataclass(frozen=True, slots=True)
class Closure:
    """[start, end) local dates without lessons."""

    start: date
    end: date
    reason: str


@dataclass(frozen=True, slots=True)
class Term:
    """A semester: [start, end) local dates. Outside every term the school is closed."""

    name: str
    start: date
    end: date


@dataclass(frozen=True, slots=True)
class Lesson:
    """A weekly timetabled lesson in a room, valid over [valid_from, valid_to) local dates."""

    room: str
    weekday: int
    session: str
    period: int
    school_class: str
    subject: str
    valid_from: date
    valid_to: date | None = None
    subject_group: str | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """A piece of one local school day; the slots of a day leave no gap."""

    date: date
    start: datetime
    end: datetime
    kind: str
    session: str | None = None
    period: int | None = None
