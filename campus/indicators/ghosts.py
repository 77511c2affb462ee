"""Weekly slots that are in the timetable and that nobody comes to. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from campus.calendar import LESSON
from campus.indicators import HELD, NO_SHOW, NOT_MEASURED, PARTLY_HELD, Indicator, RoomFact
from campus.indicators.computing import indicator
from campus.indicators.definitions import DEFINITIONS

WEEKS, EMPTY_WEEKS = 4, 3
STILL_DATES = 2  # of a slot: A and B weeks may give it to two classes by turns

Planned = tuple[tuple[str, int, str], ...]
"""(session, period, class) of lessons."""
LETTERS = {HELD: "h", PARTLY_HELD: "p", NO_SHOW: "n", NOT_MEASURED: "-"}
_EMPTY, _UNMEASURED = LETTERS[NO_SHOW], LETTERS[NOT_MEASURED]


class LessonDay(NamedTuple):
    """The lessons of a room on a date, and how each went: a letter of LETTERS for each of `planned`."""

    site: str
    room: str
    date: date
    planned: Planned
    outcomes: str


@dataclass(frozen=True, slots=True)
class GhostSlot:
    """A class's weekly slot with the dates on which it was judged, ascending, and on how many nobody came."""

    site: str
    room: str
    weekday: int
    session: str
    period: int
    school_class: str
    dates: tuple[date, ...]
    empty: int


@dataclass(frozen=True, slots=True)
class _Counts:
    ghosts: int
    judged: int
    known: int


def lesson_day(facts: Iterable[RoomFact]) -> tuple[Planned, str]:
    """`planned` and `outcomes` of the facts of one room and date, in their order."""
    found = {
        (fact.session, fact.period, fact.school_class): LETTERS[fact.outcome]
        for fact in facts
        if fact.kind == LESSON and fact.session and fact.period is not None and fact.school_class is not None
    }
    return tuple(found), "".join(found.values())


def ghost_slots(
    facts: Iterable[RoomFact], calendar_version: str, now: datetime, *, provisional: bool = True
) -> tuple[Indicator, list[GhostSlot]]:
    """`ghosts` of facts of one or more rooms, in any order."""
    by_day: dict[tuple[str, str, date], list[RoomFact]] = {}
    for fact in facts:
        by_day.setdefault((fact.site, fact.room, fact.date), []).append(fact)
    days = [LessonDay(*key, *lesson_day(found)) for key, found in sorted(by_day.items())]
    return ghosts(days, calendar_version, now, provisional=provisional)


def ghosts(
    days: Iterable[LessonDay], calendar_version: str, now: datetime, *, provisional: bool = True
) -> tuple[Indicator, list[GhostSlot]]:
    """The `ghost_slots` of rooms, and which they are, by place; see the definition.

    `days`, by date, should reach back far enough for 4 measured weeks: 8 weeks, or 12 with A and B weeks. A class
    that the slot no longer belongs to is left out: one that is not in the last two dates on which the slot was
    scheduled.
    """
    weekdays: dict[tuple[str, str, int], list[LessonDay]] = {}
    for day in days:
        weekdays.setdefault((day.site, day.room, day.date.isoweekday()), []).append(day)
    found: list[GhostSlot] = []
    known = judged = 0
    for of, its_days in sorted(weekdays.items()):
        if regular := _regular(its_days):
            known += regular
            judged += regular
            continue
        places: dict[tuple[str, int], list[_Lesson]] = {}
        for (session, period, school_class), (dates, letters) in _slots(its_days).items():
            places.setdefault((session, period), []).append((school_class, dates, letters))
        for place, lessons in sorted(places.items()):
            for school_class, dates, letters in _still(lessons):
                known += 1
                if _UNMEASURED in letters:
                    measured = [at for at, letter in enumerate(letters) if letter != _UNMEASURED]
                    dates, letters = [dates[at] for at in measured], [letters[at] for at in measured]
                if len(letters) < WEEKS:
                    continue
                judged += 1
                empty = letters[-WEEKS:].count(_EMPTY)
                if empty >= EMPTY_WEEKS:
                    found.append(GhostSlot(*of, *place, school_class, tuple(dates[-WEEKS:]), empty))
    sums = _Counts(len(found), judged, known)
    made = indicator(DEFINITIONS["ghost_slots"], sums, calendar_version, now, provisional=provisional)
    return made, found


def _regular(days: Sequence[LessonDay]) -> int:
    """How many slots a weekday has, where it was always planned alike and lately measured, and none is a ghost; else 0.

    Most weekdays of most rooms are so, and need not be turned from days to lessons.
    """
    last = [day.outcomes for day in days[-WEEKS:]]
    together = "".join(last)
    planned = days[-1].planned
    if len(days) < WEEKS or _UNMEASURED in together or any(day.planned != planned for day in days):
        return 0
    if together.count(_EMPTY) < EMPTY_WEEKS:
        return len(planned)
    slots = zip(*last, strict=True)
    return 0 if any(letters.count(_EMPTY) >= EMPTY_WEEKS for letters in slots) else len(planned)


_Lesson = tuple[str, list[date], list[str]]
"""Class, dates, letters."""


def _still(lessons: list[_Lesson]) -> list[_Lesson]:
    """Those of one place that it still belongs to, by class."""
    if len(lessons) == 1:
        return lessons
    last = sorted({day for _, dates, _ in lessons for day in dates[-STILL_DATES:]})[-STILL_DATES:]
    return sorted(lesson for lesson in lessons if lesson[1][-1] >= last[0])


def _slots(days: Sequence[LessonDay]) -> dict[tuple[str, int, str], tuple[list[date], list[str]]]:
    """lesson -> the dates on which it was planned and the letters of how it went, by date.

    Most weeks are planned like the week before: those are turned from days to lessons at once.
    """
    slots: dict[tuple[str, int, str], tuple[list[date], list[str]]] = {}
    for planned, alike in groupby(days, key=attrgetter("planned")):
        same = list(alike)
        on = [day.date for day in same]
        columns = zip(*(day.outcomes for day in same), strict=True)
        for lesson, letters in zip(planned, columns, strict=True):
            dates, before = slots.setdefault(lesson, ([], []))
            dates += on
            before += letters
    return slots
