"""What a local date is for the school: open or closed, whose bells ring, which week it is, who sits exams. Pure."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from campus.calendar import WEEKS, Bell, Closure, ExamPeriod, MakeUpDay, Term
from campus.calendar.validity import boundaries, holds

_CACHED_DAYS = 2000

Hour = tuple[str, int]
"""(session, period)."""


@dataclass(frozen=True, slots=True)
class Day:
    """One open date. `bells` are those that ring, in order; `week` and `weekday` say whose timetable holds."""

    date: date
    weekday: int
    week: str
    bells: tuple[Bell, ...]
    hours: frozenset[Hour]  # of the bells
    exam: bool = False  # of all classes
    sitting: frozenset[str] = frozenset()  # classes with exams


class _Unseen:
    """Not looked up yet; None is a closed date."""


_UNSEEN = _Unseen()


class Days:
    """Looks dates up; the parts must have been validated. Thread-safe."""

    def __init__(
        self,
        terms: Sequence[Term],
        bells: Sequence[Bell],
        closures: Sequence[Closure],
        make_up_days: Sequence[MakeUpDay],
        exams: Sequence[ExamPeriod],
    ) -> None:
        self._terms, self._closures, self._exams = terms, closures, exams
        self._rings = Rings(bells)
        self._made_up = {made_up.date: made_up for made_up in make_up_days}
        self._days: dict[date, Day | _Unseen | None] = {}

    def day(self, day: date) -> Day | None:
        """None for a closed date: outside the terms, in a closure, or with no bell."""
        found = self._days.get(day, _UNSEEN)
        if isinstance(found, _Unseen):
            if len(self._days) >= _CACHED_DAYS:
                self._days.clear()
            found = self._days[day] = self._look_up(day)
        return found

    def follows(self, day: date) -> int:
        """The ISO weekday whose bells and timetable hold on a date."""
        made_up = self._made_up.get(day)
        return made_up.weekday if made_up else day.isoweekday()

    def week_letter(self, day: date) -> str | None:
        """The letter of the week that a date follows; None outside the terms."""
        term = term_of(self._terms, day)
        if term is None:
            return None
        made_up = self._made_up.get(day)
        return made_up.week if made_up and made_up.week else letter(term, day)

    def _look_up(self, day: date) -> Day | None:
        week = self.week_letter(day)
        if week is None or any(closure.start <= day < closure.end for closure in self._closures):
            return None
        weekday = self.follows(day)
        bells = self._rings.on(weekday, day)
        if not bells:
            return None
        held = [exam for exam in self._exams if exam.start <= day < exam.end]
        sitting = frozenset(name for exam in held for name in exam.classes)
        hours = frozenset((bell.session, bell.period) for bell in bells)
        return Day(day, weekday, week, bells, hours, any(not exam.classes for exam in held), sitting)


class Rings:
    """The bells of each weekday, by the dates between which they do not change."""

    def __init__(self, bells: Iterable[Bell]) -> None:
        self._bells: dict[int, list[Bell]] = {}
        for bell in sorted(bells, key=lambda bell: bell.start):
            self._bells.setdefault(bell.weekday, []).append(bell)
        self._changes = boundaries(bell for rung in self._bells.values() for bell in rung)
        self._found: dict[tuple[int, int], tuple[Bell, ...]] = {}

    def on(self, weekday: int, day: date) -> tuple[Bell, ...]:
        """The bells of an ISO weekday as they are on a date, by their start."""
        key = (weekday, bisect_right(self._changes, day))
        found = self._found.get(key)
        if found is None:
            found = tuple(bell for bell in self._bells.get(weekday, ()) if holds(bell, day))
            self._found[key] = found
        return found


def term_of(terms: Iterable[Term], day: date) -> Term | None:
    return next((term for term in terms if term.start <= day < term.end), None)


def letter(term: Term, day: date) -> str:
    """The letter of the week (Monday to Sunday) of a date, counted from the week in which the term starts."""
    monday = term.start - timedelta(days=term.start.weekday())
    return WEEKS[(WEEKS.index(term.first_week) + (day - monday).days // 7) % 2]
