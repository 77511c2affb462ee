"""What differs between two calendars of a school: which dates of which rooms. Pure."""

from collections.abc import Iterable
from datetime import date, timedelta

from campus.calendar.days import Day, Hour
from campus.calendar.planned import Plan, content
from campus.calendar.school import SchoolCalendar

_ONE_DAY = timedelta(days=1)

Content = dict[Hour, tuple[str | None, ...]]


def touched(
    before: SchoolCalendar, after: SchoolCalendar, rooms: Iterable[str], start: date, end: date
) -> dict[str, set[date]]:
    """room -> the dates of [start, end) on which its slots, or what is planned in it, differ; no room without any.

    Exactly those. A lesson differs by its class, subject, group or teacher, not by since when or in which weeks it
    holds: a new version of the timetable touches no date before it begins.
    """
    wanted = list(dict.fromkeys(rooms))
    found: dict[str, set[date]] = {}
    compared: dict[tuple[int, int], tuple[Plan, Plan, list[str]]] = {}
    if before.tz == after.tz:
        # Outside the terms of both, a day is closed in both.
        terms = [*before.terms, *after.terms]
        start = max(start, min((term.start for term in terms), default=end))
        end = min(end, max((term.end for term in terms), default=end))
    day = start
    while day < end:
        differing = wanted
        if _cut_alike(before, after, day):
            old, new = before.plan(day), after.plan(day)
            # The plans are kept with the answer, so that no other takes their place in memory.
            if (known := compared.get((id(old), id(new)))) is None:
                known = (old, new, [room for room in wanted if _content(old, room) != _content(new, room)])
                compared[id(old), id(new)] = known
            differing = known[2]
        for room in differing:
            found.setdefault(room, set()).add(day)
        day += _ONE_DAY
    return found


def _cut_alike(before: SchoolCalendar, after: SchoolCalendar, day: date) -> bool:
    # Equal bells make equal slots; unequal ones may too, where a change of clocks swallows the difference.
    alike = before.tz == after.tz and _ringing(before.day(day)) == _ringing(after.day(day))
    return alike or before.slots(day) == after.slots(day)


def _ringing(day: Day | None) -> tuple[object, ...] | None:
    if day is None:
        return None
    return day.exam, [(bell.session, bell.period, bell.start, bell.end) for bell in day.bells]


def _content(plan: Plan, room: str) -> Content:
    return {hour: content(lesson) for hour, lesson in plan.get(room, {}).items()}
