"""Sums and lists of ranges that were asked for, kept until anything that is derived of their months changes.

Every write of sums or of lesson days moves the numbers of the months that it touches in the same transaction. Whoever
reads takes the numbers first: what changes meanwhile is kept under a number that nobody will read again.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sized
from datetime import date
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from campus.calendar.months import month_of
from campus.records.derived_tables import DerivedNumberTable
from campus.records.upsert import insert_or_add

MOST = 30_000
"""Rows in all, of some hundred bytes each: 12 MB. A year of a school of 60 rooms is 4,000 of them."""

T = TypeVar("T")


def numbers(session: Session, site: str) -> dict[date, int]:
    """Month -> how often anything derived of the site's dates in it was written."""
    column = DerivedNumberTable.__table__.c
    found = session.connection().execute(select(column.month, column.number).where(column.site == site))
    return {month: int(number) for month, number in found}


def move(session: Session, site: str, days: Iterable[date]) -> None:
    """What is derived of these local dates of the site is being written."""
    rows = [{"site": site, "month": month, "number": 1} for month in sorted({month_of(day) for day in days})]
    insert_or_add(session, DerivedNumberTable, rows)


class Remembered:
    """What was asked for last, up to `most` rows. Nothing in it may be changed by who gets it."""

    def __init__(self, most: int = MOST) -> None:
        self._most, self._rows = most, 0
        self._held: OrderedDict[Hashable, Any] = OrderedDict()
        self._turn = Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, or gave for this key. Two at once may both make it."""
        with self._turn:
            if key in self._held:
                self._held.move_to_end(key)
                found: T = self._held[key]
                return found
        made = make()
        with self._turn:
            if key not in self._held:
                self._held[key] = made
                self._rows += _rows(made)
            while self._rows > self._most:
                self._rows -= _rows(self._held.popitem(last=False)[1])
        return made


def _rows(made: object) -> int:
    return 1 + (len(made) if isinstance(made, Sized) else 0)


class Keeping:
    """What is remembered of one site, as long as its numbers are those of when this was made."""

    def __init__(self, remembered: Remembered, site: str, numbers: Mapping[date, int]) -> None:
        self._remembered, self._site, self._numbers = remembered, site, numbers

    def __call__(self, key: Hashable, start: date, end: date, make: Callable[[], T]) -> T:
        """What `make` gives, or gave since anything derived of the months of [start, end) changed last.

        `make` reads nothing but sums and lesson days of the site in the range; the key tells which.
        """
        first = month_of(start)
        # Numbers only grow: their sum is another one after every write.
        written = sum(number for month, number in self._numbers.items() if first <= month < end)
        return self._remembered.get((self._site, key, start, end, written), make)


def cut(start: date, end: date, today: date) -> list[tuple[date, date]]:
    """[start, end) cut where the month of `today` begins: what is before it is hardly ever written again."""
    this = month_of(today)
    return [(start, this), (this, end)] if start < this < end else [(start, end)]
