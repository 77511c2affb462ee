"""Versions: bells and lessons hold over [valid_from, valid_to) local dates. Pure."""

from collections.abc import Iterable
from datetime import date
from typing import Protocol


class Versioned(Protocol):
    """`valid_to` None: without an end."""

    @property
    def valid_from(self) -> date: ...

    @property
    def valid_to(self) -> date | None: ...


def holds(entry: Versioned, day: date) -> bool:
    return entry.valid_from <= day and (entry.valid_to is None or day < entry.valid_to)


def meet(one: Versioned, other: Versioned) -> bool:
    """Whether both hold on some date."""
    return (other.valid_to is None or one.valid_from < other.valid_to) and (
        one.valid_to is None or other.valid_from < one.valid_to
    )


def boundaries(entries: Iterable[Versioned]) -> list[date]:
    """The dates on which any entry begins or ends, ascending: between two of them nothing changes."""
    found: set[date] = set()
    for entry in entries:
        found.add(entry.valid_from)
        if entry.valid_to is not None:
            found.add(entry.valid_to)
    return sorted(found)
