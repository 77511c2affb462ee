"""One school's calendar: which slots a day has, and which lesson was planned in a room. Pure."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from campus.calendar import (
    BREAK,
    CLOSED,
    EVENING,
    LESSON,
    MIDDAY,
    NIGHT,
    SESSIONS,
    Bell,
    Closure,
    Lesson,
    Slot,
    Term,
)

MORNING_BEGINS = time(5)
EVENING_BEGINS = time(18)
NIGHT_BEGINS = time(22)
_MIDNIGHT = time(0)
_ONE_DAY = timedelta(days=1)
_CACHED_DAYS = 2000


class CalendarError(ValueError):
    """A calendar that contradicts itself; the text names the row and the field, as `bells[3].start: ...`."""


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
    ) -> None:
        self.tz = tz
        self.zone = ZoneInfo(tz)
        self.terms = tuple(terms)
        self.bells = tuple(bells)
        self.closures = tuple(closures)
        self.lessons = tuple(lessons)
        self.version = version
        validate(self.terms, self.bells, self.closures, self.lessons)
        self._rings: dict[int, list[Bell]] = {}
        for bell in sorted(self.bells, key=lambda bell: bell.start):
            self._rings.setdefault(bell.weekday, []).append(bell)
        self._lessons: dict[tuple[str, int], list[Lesson]] = {}
        for lesson in self.lessons:
            self._lessons.setdefault((lesson.room, lesson.weekday), []).append(lesson)
        self._slots: dict[date, tuple[Slot, ...]] = {}

    def is_open(self, day: date) -> bool:
        """Whether lessons can be held: inside a term, no closure, and a weekday that has bells."""
        return (
            day.isoweekday() in self._rings
            and any(term.start <= day < term.end for term in self.terms)
            and not any(closure.start <= day < closure.end for closure in self.closures)
        )

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

    def lesson(self, room: str, slot: Slot) -> Lesson | None:
        """The lesson planned in a room in a slot; None for a free one, and for any slot that is no lesson."""
        if slot.kind != LESSON or slot.session is None or slot.period is None:
            return None
        return self.scheduled(room, slot.date).get((slot.session, slot.period))

    def scheduled(self, room: str, day: date) -> dict[tuple[str, int], Lesson]:
        """(session, period) -> lesson planned in a room on a date; empty on a closed day."""
        if not self.is_open(day):
            return {}
        return {
            (lesson.session, lesson.period): lesson
            for lesson in self._lessons.get((room, day.isoweekday()), ())
            if lesson.valid_from <= day and (lesson.valid_to is None or day < lesson.valid_to)
        }

    def bounds(self, day: date) -> tuple[datetime, datetime]:
        """[start, end) of a local day in UTC: 23, 24 or 25 hours."""
        return self._instant(day, _MIDNIGHT), self._instant(day + _ONE_DAY, _MIDNIGHT)

    def _cut(self, day: date) -> list[Slot]:
        start, end = self.bounds(day)
        if not self.is_open(day):
            return [Slot(day, start, end, CLOSED)] if start < end else []
        slots: list[Slot] = []
        at = start
        for until, kind, bell in self._pieces(day.isoweekday()):
            # Nothing is cut backwards: where clocks skip an hour, the pieces inside it are empty.
            instant = end if until is None else min(max(self._instant(day, until), at), end)
            if at < instant:
                slots.append(
                    Slot(
                        day, at, instant, kind, bell.session if bell else None, bell.period if bell else None
                    )
                )
            at = instant
        return slots

    def _pieces(self, weekday: int) -> list[tuple[time | None, str, Bell | None]]:
        """(local end or None for midnight, kind, bell) of an open day, in order; ends never fall."""
        bells = self._rings[weekday]
        pieces: list[tuple[time | None, str, Bell | None]] = [
            (min(MORNING_BEGINS, bells[0].start), NIGHT, None),
            (bells[0].start, BREAK, None),
        ]
        for bell, following in pairwise([*bells, None]):
            assert bell is not None  # noqa: S101 - only the last `following` is None
            pieces.append((bell.end, LESSON, bell))
            if following is not None:
                kind = BREAK if following.session == bell.session else MIDDAY
                pieces.append((following.start, kind, None))
        last = bells[-1]
        if last.session == SESSIONS[0] and last.end < EVENING_BEGINS:
            pieces.append((EVENING_BEGINS, MIDDAY, None))
        pieces += [(max(NIGHT_BEGINS, last.end), EVENING, None), (None, NIGHT, None)]
        return pieces

    def _instant(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, tzinfo=self.zone).astimezone(UTC)


def validate(
    terms: Sequence[Term],
    bells: Sequence[Bell],
    closures: Sequence[Closure],
    lessons: Sequence[Lesson],
    rooms: Iterable[str] | None = None,
    bell_names: Sequence[str] | None = None,
    lesson_names: Sequence[str] | None = None,
) -> None:
    """Refuse a calendar that contradicts itself; `rooms` are the ids that lessons may use, None for any.

    The names say where each bell and lesson was written, `bells[0]` and so on when they are not given.
    Raises CalendarError for the first wrong row.
    """
    _validate_terms(terms, closures)
    _validate_bells(bells, bell_names or [f"bells[{row}]" for row in range(len(bells))])
    names = lesson_names or [f"lessons[{row}]" for row in range(len(lessons))]
    rung = {(bell.weekday, bell.session, bell.period) for bell in bells}
    known = None if rooms is None else set(rooms)
    taken: dict[tuple[str, int, str, int], list[int]] = {}
    for row, (name, lesson) in enumerate(zip(names, lessons, strict=True)):
        if known is not None and lesson.room not in known:
            raise CalendarError(f"{name}.room: there is no room '{lesson.room}'; add it first.")
        if lesson.valid_to is not None and lesson.valid_to <= lesson.valid_from:
            raise CalendarError(f"{name}.to: {lesson.valid_to} is not after 'from' {lesson.valid_from}.")
        key = (lesson.weekday, lesson.session, lesson.period)
        if key not in rung:
            raise CalendarError(
                f"{name}.period: no bell rings for {_when(*key)}; add it to the bells or move the lesson."
            )
        others = taken.setdefault((lesson.room, *key), [])
        for other in others:
            if _meet(lesson, lessons[other]):
                raise CalendarError(
                    f"{name}.room: '{lesson.room}' already holds {lessons[other].school_class} "
                    f"{lessons[other].subject} ({names[other]}) at {_when(*key)} on the same dates."
                )
        others.append(row)


def _validate_terms(terms: Sequence[Term], closures: Sequence[Closure]) -> None:
    named: tuple[tuple[str, Sequence[Term | Closure]], ...] = (("terms", terms), ("closures", closures))
    for name, spans in named:
        for row, span in enumerate(spans):
            if span.end <= span.start:
                raise CalendarError(
                    f"{name}[{row}].end: {span.end} is not after the start {span.start}; the end is the first "
                    "day that no longer belongs to it."
                )
    ordered = sorted(range(len(terms)), key=lambda row: terms[row].start)
    for one, other in pairwise(ordered):
        if terms[other].start < terms[one].end:
            raise CalendarError(
                f"terms[{other}].start: '{terms[other].name}' begins before '{terms[one].name}' ends."
            )


def _validate_bells(bells: Sequence[Bell], names: Sequence[str]) -> None:
    seen: set[tuple[int, str, int]] = set()
    for name, bell in zip(names, bells, strict=True):
        if not 1 <= bell.weekday <= 7:
            raise CalendarError(f"{name}.weekday: {bell.weekday} is not 1 (Monday) to 7.")
        if bell.session not in SESSIONS:
            raise CalendarError(f"{name}.session: '{bell.session}' is not one of {', '.join(SESSIONS)}.")
        if bell.end <= bell.start:
            raise CalendarError(f"{name}.end: {bell.end:%H:%M} is not after the start {bell.start:%H:%M}.")
        key = (bell.weekday, bell.session, bell.period)
        if key in seen:
            raise CalendarError(f"{name}.period: {_when(*key)} has two bells.")
        seen.add(key)
    ordered = sorted(range(len(bells)), key=lambda row: (bells[row].weekday, bells[row].start))
    for one, other in pairwise(ordered):
        before, after = bells[one], bells[other]
        if before.weekday != after.weekday:
            continue
        if after.start < before.end:
            raise CalendarError(
                f"{names[other]}.start: {after.start:%H:%M} of {_when(after.weekday, after.session, after.period)} is "
                f"before the end {before.end:%H:%M} of {before.session} {before.period} ({names[one]})."
            )
        if (SESSIONS.index(after.session), after.period) < (SESSIONS.index(before.session), before.period):
            raise CalendarError(
                f"{names[other]}.period: {_when(after.weekday, after.session, after.period)} rings after "
                f"{before.session} {before.period} ({names[one]}); periods must rise through the day."
            )


def _meet(one: Lesson, other: Lesson) -> bool:
    return (other.valid_to is None or one.valid_from < other.valid_to) and (
        one.valid_to is None or other.valid_from < one.valid_to
    )


def _when(weekday: int, session: str, period: int) -> str:
    return f"weekday {weekday}, {session} {period}"
