"""Equipment that nobody ever uses. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from campus.indicators import Indicator
from campus.indicators.computing import indicator
from campus.indicators.definitions import DEFINITIONS
from campus.indicators.sums import COVERAGE_PCT, EquipmentSums


@dataclass(frozen=True, slots=True)
class _Counts:
    unused: int
    judged: int
    known: int


def never_used(
    pieces: Mapping[str, EquipmentSums], calendar_version: str, now: datetime, *, provisional: bool = True
) -> tuple[Indicator, list[str]]:
    """The `never_used` of these pieces by id over one range, and which they are, ascending.

    Give no piece that is never switched off (a server, a switch): it is never on, and would be never used.
    """
    judged = {
        id: sums
        for id, sums in pieces.items()
        if sums.periods_used or 100 * sums.periods_measured >= COVERAGE_PCT * sums.periods > 0
    }
    unused = sorted(id for id, sums in judged.items() if not sums.periods_used)
    sums = _Counts(len(unused), len(judged), len(pieces))
    made = indicator(DEFINITIONS["never_used"], sums, calendar_version, now, provisional=provisional)
    return made, unused
