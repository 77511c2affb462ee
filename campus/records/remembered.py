"""Sums and lists of ranges that were asked for, kept until anything that is derived of their site changes.

Every write of sums or of lesson days moves the site's number in the same transaction. Whoever reads takes the number
first: what changes meanwhile is kept under a number that nobody will read again.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from campus.records.derived_tables import DerivedNumberTable
from campus.records.upsert import insert_or_add

MOST = 128  # a range of the whole site is four of them; the largest is 60 KB

T = TypeVar("T")


def number(session: Session, site: str) -> int:
    """How often anything derived of the site was written."""
    column = DerivedNumberTable.__table__.c
    found = session.connection().scalar(select(column.number).where(column.site == site))
    return int(found or 0)


def move(session: Session, site: str) -> None:
    """What is derived of the site is being written."""
    insert_or_add(session, DerivedNumberTable, [{"site": site, "number": 1}])


class Remembered:
    """The newest `most`. Nothing in it may be changed by who gets it."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
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
            self._held[key] = made
            while len(self._held) > self._most:
                self._held.popitem(last=False)
        return made
