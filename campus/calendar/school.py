"""One school's calendar: which slots a day has, and which lesson was planned in a room. Pure."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from campus.calendar import (
    CLOSED,
    LESSON,
    Bell,
    Closure,
    ExamPeriod,
    Lesson,
    MakeUpDay,
    Slot,
    Substitution,
    Term,
)
from campus.calendar.checks import CalendarError
from campus.calendar.cutting import cut
from campus.calendar.days import Day, Days, Hour
from campus.calendar.planned import Plan, Planned
from campus.calendar.validation import validate

__all__ = ["CalendarError", "SchoolCalendar", "validate"]

_MIDNIGHT = time(0)
_ONE_DAY = timedelta(days=1)
_CACHED_DAYS = 2000
_NOTHING: Plan = {}


class SchoolCalendar:
    """Immutable and thread-safe. `version` names its content in every figure computed from it.

    `tz` is an IANA name. Raises CalendarError.
    """

    def __init__(
        self,
        tz: str,
        terms: Iterable[Term],
        bells: Iterable[Bell],
        closures: Iterable[Closure] = (),
        lessons: Iterable[Lesson] = (),
        version: str = "",
        make_up_days: Iterable[MakeUpDay] = (),
        exams: Iterable[ExamPeriod] = (),
        substitutions: Iterable[Substitution] = (),
    ) -> None:
        self.tz = tz
        self.zone = ZoneInfo(tz)
        self.terms = tuple(terms)
        self.bells = tuple(bells)
        self.closures = tuple(closures)
        self.lessons = tuple(lessons)
        self.version = version
        self.make_up_days = tuple(make_up_days)
        self.exams = tuple(exams)
        self.substitutions = tuple(substitutions)
        validate(
            self.terms,
            self.bells,
            self.closures,
            self.lessons,
            self.make_up_days,
            self.exams,
            self.substitutions,
        )
        self._days = Days(self.terms, self.bells, self.closures, self.make_up_days, self.exams)
        self._planned = Planned(self.lessons, self.substitutions)
        self._slots: dict[date, tuple[Slot, ...]] = {}

    def is_open(self, day: date) -> bool:
        """Whether lessons can be held: inside a term, no closure, and bells of the weekday it follows."""
        return self._days.day(day) is not None

    def day(self, day: date) -> Day | None:
        """What an open date follows: weekday, week, bells, exams; None for a closed one."""
        return self._days.day(day)

    def follows(self, day: date) -> int:
        """The ISO weekday whose bells and timetable hold on a date: that of a make-up day, or its own."""
        return self._days.follows(day)

    def week_letter(self, day: date) -> str | None:
        """ "a" or "b": the week that a date follows, that of a make-up day where it names one. None outside terms."""
        return self._days.week_letter(day)

    def slots(self, day: date) -> list[Slot]:
        """The local day [00:00, 24:00) cut into slots, in order, without a gap or an overlap.

        A closed day is one `closed` slot. On an open day it is `night` before 05:00 and after 22:00, `break`
        between lessons of a session and from 05:00 to the first, `midday` between the sessions (and to 18:00
        after a last session in the morning), and `evening` from then to 22:00. Where the clocks change, a
        local time that does not exist is moved forward, and the first of two is meant.
        """
        cached = self._slots.get(day)
        if cached is None:
            if len(self._slots) >= _CACHED_DAYS:
                self._slots.clear()
            cached = self._slots[day] = tuple(self._cut(day))
        return list(cached)

    def school_hours(self, day: date) -> tuple[datetime, datetime] | None:
        """[start, end) in UTC from the first lesson's bell to the last one's; None on a closed day."""
        lessons = [slot for slot in self.slots(day) if slot.kind == LESSON]
        return (lessons[0].start, lessons[-1].end) if lessons else None

    def lesson(self, room: str, slot: Slot) -> Lesson | None:
        """The lesson planned in a room in a slot; None for a free one, and for any slot that is no lesson."""
        if slot.kind != LESSON or slot.session is None or slot.period is None:
            return None
        return self.plan(slot.date).get(room, {}).get((slot.session, slot.period))

    def scheduled(self, room: str, day: date) -> dict[Hour, Lesson]:
        """(session, period) -> lesson planned in a room on a date; empty on a closed day.

        Exams and substitutions count. Classes that are taught together are one lesson, of the class "6A + 6B".
        """
        return dict(self.plan(day).get(room, {}))

    def plan(self, day: date) -> Plan:
        """`scheduled` of every room that has a lesson; days planned alike share one object. Not to be changed."""
        found = self._days.day(day)
        return _NOTHING if found is None else self._planned.plan(found)

    def bounds(self, day: date) -> tuple[datetime, datetime]:
        """[start, end) of a local day in UTC: 23, 24 or 25 hours."""
        return self._instant(day, _MIDNIGHT), self._instant(day + _ONE_DAY, _MIDNIGHT)

    def _cut(self, day: date) -> list[Slot]:
        start, end = self.bounds(day)
        found = self._days.day(day)
        if found is None:
            return [Slot(day, start, end, CLOSED)] if start < end else []
        return cut(day, (start, end), found.bells, found.exam, partial(self._instant, day))

    def _instant(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, tzinfo=self.zone).astimezone(UTC)
