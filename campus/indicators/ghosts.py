"""Weekly slots that are in the timetable and that nobody comes to. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from campus.calendar import LESSON
from campus.indicators import NO_SHOW, NOT_MEASURED, Indicator, RoomFact
from campus.indicators.computing import indicator
from campus.indicators.definitions import DEFINITIONS

WEEKS, EMPTY_WEEKS = 4, 3
STILL_DATES = 2  # of a slot: A and B weeks may give it to two classes by turns

Place = tuple[str, str, int, str, int]
"""Site, room, ISO weekday, session, period."""


@dataclass(frozen=True, slots=True)
class GhostSlot:
    """A class's weekly slot with the dates on which it was judged, ascending, and on how many nobody came."""

    site: str
    room: str
    weekday: int
    session: str
    period: int
    school_class: str
    dates: tuple[date, ...]
    empty: int


@dataclass(frozen=True, slots=True)
class _Counts:
    ghosts: int
    judged: int
    known: int


def ghost_slots(
    facts: Iterable[RoomFact], calendar_version: str, now: datetime, *, provisional: bool = True
) -> tuple[Indicator, list[GhostSlot]]:
    """The `ghost_slots` of rooms, and which they are, by place; see the definition.

    `facts` of one or more rooms, in any order, should reach back far enough for 4 measured weeks: 8 weeks, or 12
    with A and B weeks. A class that the slot no longer belongs to is left out: one that is not in the last two dates
    on which the slot was scheduled.
    """
    dates: dict[Place, set[date]] = {}
    outcomes: dict[tuple[Place, str], dict[date, str]] = {}
    for fact in facts:
        if fact.kind != LESSON or fact.school_class is None or fact.session is None or fact.period is None:
            continue
        place = (fact.site, fact.room, fact.date.isoweekday(), fact.session, fact.period)
        dates.setdefault(place, set()).add(fact.date)
        outcomes.setdefault((place, fact.school_class), {})[fact.date] = fact.outcome
    last = {place: set(sorted(found)[-STILL_DATES:]) for place, found in dates.items()}
    ghosts: list[GhostSlot] = []
    known = judged = 0
    for (place, school_class), found in sorted(outcomes.items()):
        if last[place].isdisjoint(found):
            continue
        known += 1
        measured = sorted(day for day, outcome in found.items() if outcome != NOT_MEASURED)[-WEEKS:]
        if len(measured) < WEEKS:
            continue
        judged += 1
        empty = sum(found[day] == NO_SHOW for day in measured)
        if empty >= EMPTY_WEEKS:
            ghosts.append(GhostSlot(*place, school_class, tuple(measured), empty))
    sums = _Counts(len(ghosts), judged, known)
    made = indicator(DEFINITIONS["ghost_slots"], sums, calendar_version, now, provisional=provisional)
    return made, ghosts
