"""How much of the available lesson time a room was in use, from its facts. Pure."""

from collections.abc import Iterable
from datetime import datetime

from campus.indicators import Indicator, RoomFact
from campus.indicators.computing import compute
from campus.indicators.sums import RoomSums


def frequency_rate(facts: Iterable[RoomFact], calendar_version: str, now: datetime) -> Indicator:
    """The `frequency_rate` of any set of rooms and days, 0 to 1, with its evidence and `rooms.counts`.

    Numerator and denominator are occupied and valid minutes of the lesson slots among `facts`, scheduled or not;
    coverage is valid ÷ slot minutes. Without a value, `reason` says why, and the evidence still stands.
    """
    sums = RoomSums.total(map(RoomSums.of, facts))
    [found] = compute(sums, ["frequency_rate"], calendar_version, now)
    return found
