"""iCalendar (RFC 5545): weekly events, or dated events over some weeks. The shape is told in docs/timetable.md.

SUMMARY is `Subject (Class)`, LOCATION the room, DESCRIPTION the teacher. An event takes the periods whose bells lie at
least half within it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Calendar

from campus.calendar import Bell
from campus.calendar.days import letter, term_of
from campus.calendar.formats import MOST_ROWS, Activity, FormatError, Given, Parsed, Problem
from campus.calendar.formats.text import decode

GROUP = "X-CAMPUS-SUBJECT-GROUP"
_SUMMARY = re.compile(r"(?P<subject>.*\S)\s*\((?P<classes>[^()]+)\)\s*", re.DOTALL)
_BYDAY = {day: number for number, day in enumerate(("MO", "TU", "WE", "TH", "FR", "SA", "SU"), 1)}
_WEEKLY = {"FREQ", "INTERVAL", "BYDAY", "UNTIL", "COUNT", "WKST"}


@dataclass(frozen=True, slots=True)
class _Hours:
    """A piece of a weekday at local wall-clock times."""

    weekday: int
    start: time
    end: time


@dataclass(frozen=True, slots=True)
class _Dated:
    """What events that are one lesson on several dates have in common."""

    hours: _Hours
    summary: str
    room: str
    teacher: str
    subject_group: str


def read(content: bytes, given: Given) -> Parsed:
    if not given.bells:
        raise FormatError(
            "Clock times become periods by the bells, and the school has none; import its bells first."
        )
    text = decode(content)
    if text.upper().count("BEGIN:VEVENT") > MOST_ROWS:
        raise FormatError(f"The file has more than {MOST_ROWS} events.")
    try:
        calendars = Calendar.from_ical(text, multiple=True)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise FormatError(f"The file is no iCalendar: {' '.join(str(error).split())}.") from None
    events = [event for one in calendars for event in one.walk("VEVENT")]
    reading = _Reading(given)
    for number, event in enumerate(events, 1):
        reading.take(f"event {number}", event)
    return reading.parsed()


class _Reading:
    """Sorts events into weekly ones and dated ones, and dated ones into lessons."""

    def __init__(self, given: Given) -> None:
        self._given = given
        self._zone = ZoneInfo(given.tz)
        self._activities: list[Activity] = []
        self._problems: list[Problem] = []
        self._unplaced: list[str] = []
        self._dated: dict[_Dated, dict[date, str]] = {}
        self._exceptions = 0

    def take(self, row: str, event: Any) -> None:
        told = _text(event, "SUMMARY") or "no summary"
        if event.get("RECURRENCE-ID") is not None or _text(event, "STATUS").upper() == "CANCELLED":
            self._unplaced.append(f"{row} ({told}): a change of one date; enter it as a substitution.")
            return
        try:
            if event.errors:
                raise ValueError(event.errors)
            start = event.decoded("DTSTART")
            end = event.decoded("DTEND") if "DTEND" in event else start + event.decoded("DURATION")
        except (KeyError, ValueError, TypeError):
            self._problems.append(
                Problem(row, "DTSTART", f"'{told}' has a start, an end or a rule that cannot be read.")
            )
            return
        if not isinstance(start, datetime) or not isinstance(end, datetime):
            self._problems.append(
                Problem(row, "DTSTART", f"'{told}' lasts whole days; a lesson has times of day.")
            )
            return
        first, last = self._local(start), self._local(end)
        if first.date() != last.date() or first >= last:
            self._problems.append(Problem(row, "DTEND", f"'{told}' does not end later on the same day."))
            return
        lesson = _Dated(
            _Hours(first.isoweekday(), first.time(), last.time()),
            told,
            _text(event, "LOCATION"),
            _text(event, "DESCRIPTION"),
            _text(event, GROUP),
        )
        self._exceptions += len(_listed(event, "EXDATE"))
        if "RDATE" in event:
            self._problems.append(
                Problem(row, "RDATE", f"'{told}' has dates beside its rule; write events of their own.")
            )
        elif "RRULE" in event:
            self._weekly(row, event, lesson, start, first)
        else:
            self._dated.setdefault(lesson, {})[first.date()] = row

    def parsed(self) -> Parsed:
        for lesson, dates in self._dated.items():
            week = self._week_of(lesson.hours.weekday, dates)
            row = next(iter(dates.values()))
            if week == "":
                self._problems.append(
                    Problem(
                        row,
                        "DTSTART",
                        f"'{lesson.summary}' is on {len(dates)} dates only, neither weekly nor every other week.",
                    )
                )
            else:
                self._add(row, lesson, week)
        notes = []
        if self._exceptions:
            notes.append(
                f"{self._exceptions} excluded dates (EXDATE) are not taken over; enter closures or substitutions."
            )
        return Parsed(self._activities, self._problems, self._unplaced, notes)

    def _weekly(self, row: str, event: Any, lesson: _Dated, start: datetime, first: datetime) -> None:
        rules = _listed(event, "RRULE")
        rule = {str(key).upper(): value for key, value in rules[0].items()}
        interval = int((rule.get("INTERVAL") or [1])[0])
        days = [str(day).upper() for day in rule.get("BYDAY") or []]
        if (
            len(rules) != 1
            or str((rule.get("FREQ") or [""])[0]).upper() != "WEEKLY"
            or set(rule) - _WEEKLY
            or interval not in (1, 2)
            or any(day not in _BYDAY for day in days)
        ):
            self._problems.append(
                Problem(row, "RRULE", f"'{lesson.summary}' is not weekly or every second week.")
            )
            return
        week = None
        if interval == 2:
            term = term_of(self._given.terms, first.date())
            if term is None:
                self._problems.append(
                    Problem(
                        row,
                        "RRULE",
                        f"'{lesson.summary}' is every second week and begins in no term, so A or B is not known.",
                    )
                )
                return
            week = letter(term, first.date())
        moved = first.isoweekday() - start.isoweekday()  # BYDAY is told in the zone of the event
        for weekday in [(_BYDAY[day] + moved - 1) % 7 + 1 for day in days] or [lesson.hours.weekday]:
            self._add(row, replace(lesson, hours=replace(lesson.hours, weekday=weekday)), week)

    def _week_of(self, weekday: int, dates: dict[date, str]) -> str | None:
        """None for every week, a, b; or "" when the dates are too few for either."""
        taught = {
            day for lesson, days in self._dated.items() if lesson.hours.weekday == weekday for day in days
        }
        letters = {day: self._letter(day) for day in taught}
        own = {letters[day] for day in dates}
        if len(own) == 1 and None not in own and own != set(letters.values()):
            (week,) = own
            of_week = [day for day in taught if letters[day] == week]
            return week if 2 * len(dates) > len(of_week) else ""
        return None if 2 * len(dates) > len(taught) else ""

    def _letter(self, day: date) -> str | None:
        term = term_of(self._given.terms, day)
        return letter(term, day) if term else None

    def _add(self, row: str, lesson: _Dated, week: str | None) -> None:
        found = _SUMMARY.fullmatch(lesson.summary)
        if found is None:
            self._problems.append(Problem(row, "SUMMARY", f"'{lesson.summary}' is not 'Subject (Class)'."))
            return
        bells = _within(lesson.hours, self._given.bells)
        if not bells:
            hours = lesson.hours
            self._problems.append(
                Problem(
                    row,
                    "DTSTART",
                    f"no bell of weekday {hours.weekday} rings in {hours.start:%H:%M} to {hours.end:%H:%M}.",
                )
            )
        classes = tuple(name.strip() for name in re.split(r"[+,;]", found["classes"]) if name.strip())
        for bell in bells:
            self._activities.append(
                Activity(
                    f"{row} ({lesson.summary})",
                    classes,
                    lesson.hours.weekday,
                    bell.session,
                    bell.period,
                    found["subject"],
                    lesson.teacher or None,
                    lesson.room or None,
                    week,
                    None,
                    lesson.subject_group or None,
                )
            )

    def _local(self, at: datetime) -> datetime:
        """A time without a zone is local already."""
        return at.astimezone(self._zone).replace(tzinfo=None) if at.tzinfo else at


def _within(hours: _Hours, bells: Sequence[Bell]) -> list[Bell]:
    found = []
    for bell in bells:
        if bell.weekday == hours.weekday:
            inside = _minutes(min(bell.end, hours.end)) - _minutes(max(bell.start, hours.start))
            if inside > 0 and 2 * inside >= _minutes(bell.end) - _minutes(bell.start):
                found.append(bell)
    return found


def _minutes(at: time) -> float:
    return timedelta(hours=at.hour, minutes=at.minute, seconds=at.second) / timedelta(minutes=1)


def _text(event: Any, name: str) -> str:
    value = event.get(name)
    return "" if value is None or isinstance(value, list) else " ".join(str(value).split())


def _listed(event: Any, name: str) -> list[Any]:
    value = event.get(name)
    return [] if value is None else value if isinstance(value, list) else [value]
