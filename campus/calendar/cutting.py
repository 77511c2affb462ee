"""An open local day cut into slots at its bells. Pure."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from itertools import pairwise

from campus.calendar import BREAK, EVENING, LESSON, MIDDAY, NIGHT, SESSIONS, Bell, Slot

MORNING_BEGINS = time(5)
EVENING_BEGINS = time(18)
NIGHT_BEGINS = time(22)


def cut(
    day: date,
    bounds: tuple[datetime, datetime],
    bells: Sequence[Bell],
    exam: bool,
    utc: Callable[[time], datetime],
) -> list[Slot]:
    """The slots of a day whose `bells` ring, at least one, by start; `utc` gives the instant of a local time."""
    at, end = bounds
    slots: list[Slot] = []
    for until, kind, bell in pieces(bells):
        # Nothing is cut backwards: where clocks skip an hour, the pieces inside it are empty.
        instant = end if until is None else min(max(utc(until), at), end)
        if at < instant:
            if bell is None:
                slots.append(Slot(day, at, instant, kind))
            else:
                slots.append(Slot(day, at, instant, kind, bell.session, bell.period, exam))
        at = instant
    return slots


def pieces(bells: Sequence[Bell]) -> list[tuple[time | None, str, Bell | None]]:
    """(local end or None for midnight, kind, bell) of an open day, in order; ends never fall."""
    found: list[tuple[time | None, str, Bell | None]] = [
        (min(MORNING_BEGINS, bells[0].start), NIGHT, None),
        (bells[0].start, BREAK, None),
    ]
    for bell, following in pairwise([*bells, None]):
        assert bell is not None  # noqa: S101 - only the last `following` is None
        found.append((bell.end, LESSON, bell))
        if following is not None:
            kind = BREAK if following.session == bell.session else MIDDAY
            found.append((following.start, kind, None))
    last = bells[-1]
    if last.session == SESSIONS[0] and last.end < EVENING_BEGINS:
        found.append((EVENING_BEGINS, MIDDAY, None))
    return [*found, (max(NIGHT_BEGINS, last.end), EVENING, None), (None, NIGHT, None)]
