"""The single place where a role decides. Presence joined with a timetable is personal data."""

from api.problems import ProblemError
from campus.records.entities import Person

PLACES = "places"  # sites, buildings, rooms, boards
LIVE = "live"  # what a room is like now
FIGURES = "figures"  # indicators; what tells about single teachers is withheld from those without PERIODS
CLOSE = "close"  # sign a month
PERIODS = "periods"  # what happened in one period of one room: intervals, facts, readings, one room's figures

RIGHTS: dict[str, frozenset[str]] = {
    "administrator": frozenset({PLACES, LIVE, PERIODS, FIGURES, CLOSE}),
    "facilities": frozenset({PLACES, LIVE, PERIODS, FIGURES}),
    "it": frozenset({PLACES, FIGURES}),
    "leader": frozenset({PLACES, FIGURES, CLOSE}),
    "equipment": frozenset({PLACES, FIGURES}),
    "auditor": frozenset({PLACES, FIGURES}),
}
"""A no-show of one period is for the facilities role only; the administrator sees what facilities staff see."""


def may(person: Person, right: str) -> bool:
    """Whether the person's role has the right."""
    return right in RIGHTS.get(person.role, frozenset())


def require(person: Person, right: str) -> None:
    """Raises ProblemError 403 when it has not."""
    if not may(person, right):
        raise ProblemError(
            403,
            f"Your role '{person.role}' may not read this. Ask an administrator for an account with that right.",
        )
