"""Months as the dates on which they begin. Pure."""

from collections.abc import Iterator
from datetime import date, timedelta


def month_of(day: date) -> date:
    """The first day of its month."""
    return day.replace(day=1)


def next_month(day: date) -> date:
    """The first day of the month after."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def months(start: date, end: date) -> Iterator[tuple[date, date]]:
    """[start, end) cut where months begin."""
    while start < end:
        after = min(next_month(start), end)
        yield start, after
        start = after
