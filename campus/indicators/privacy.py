"""Whose work a figure shows: presence beside a timetable is personal data of teachers. Pure."""

from datetime import date

from campus.indicators.definition import Definition

LEAST_TEACHERS = 3
MONDAY = 1


def may_show(
    definition: Definition, *, facilities: bool, start: date, end: date, teachers: int | None
) -> bool:
    """Whether this figure over local dates [start, end) may be shown; `facilities`: to the facilities role.

    Others see what is `personal` only for whole weeks, Monday to Sunday, and only where the lessons behind it are
    those of LEAST_TEACHERS or more different teachers (None: nobody knows how many). Weeks, because the difference of
    two ranges must not be one day. A single room or class counts as a group too.
    """
    if facilities or not definition.personal:
        return True
    weeks = start < end and start.isoweekday() == end.isoweekday() == MONDAY
    return weeks and teachers is not None and teachers >= LEAST_TEACHERS
