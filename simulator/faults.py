"""What goes wrong, drawn from the seed per local day: lost boards, stuck sensors, a weak access point, clocks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from campus.errors import UsageError
from simulator.school import MINUTE_MS, School, midnight_ms

LOST, STUCK, WEAK_AP, CLOCK_SKEW = "lost", "stuck", "weak-ap", "clock-skew"
KINDS = {
    LOST: "a board has no power for half an hour to four hours; it comes back with a new boot",
    STUCK: "a CO2 sensor repeats one value for three to ten hours",
    WEAK_AP: "one access point is too far from its rooms, every day",
    CLOCK_SKEW: "a board's clock is minutes to an hour off for a day, and says 'hold'",
}
DEFAULT = (LOST, WEAK_AP)
_CHANCE = {LOST: 0.02, STUCK: 0.02, CLOCK_SKEW: 0.02}  # of one board on one day


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of one room's board over [start_minute, end_minute) of a local day; `offset_ms` of a skewed clock."""

    kind: str
    room: str
    board: str
    date: date
    start_minute: int
    end_minute: int
    offset_ms: int = 0

    @property
    def start_ms(self) -> int:
        return midnight_ms(self.date) + self.start_minute * MINUTE_MS

    @property
    def end_ms(self) -> int:
        return midnight_ms(self.date) + self.end_minute * MINUTE_MS


def chosen(kinds: Sequence[str]) -> tuple[str, ...]:
    """The kinds, checked. Raises UsageError."""
    for kind in kinds:
        if kind not in KINDS:
            raise UsageError(f"There is no fault '{kind}'; known are: {', '.join(KINDS)}.")
    return tuple(kind for kind in KINDS if kind in kinds)


def weak_access_point(school: School) -> str:
    """The access point that serves the rooms last built: those are the farthest from the switch."""
    return school.rooms[-1].access_point


def faults_on(school: School, day: date, kinds: Sequence[str] = DEFAULT) -> list[Fault]:
    """The faults of one local date, by room; at most one of a kind per board. Leaving a kind out moves no other."""
    found = []
    weak = weak_access_point(school)
    for room in school.rooms:
        if WEAK_AP in kinds and room.access_point == weak:
            found.append(Fault(WEAK_AP, room.id, room.board, day, 0, 1440))
        for kind, chance in _CHANCE.items():
            rng = school.rng("fault", kind, day, room.id)
            if kind not in kinds or rng.random() >= chance:
                continue
            if kind == LOST:
                start, length = int(rng.integers(6 * 60, 18 * 60)), int(rng.integers(30, 240))
                found.append(Fault(kind, room.id, room.board, day, start, start + length))
            elif kind == STUCK:
                start, length = int(rng.integers(5 * 60, 13 * 60)), int(rng.integers(180, 600))
                found.append(Fault(kind, room.id, room.board, day, start, start + length))
            else:
                minutes = float(rng.uniform(2, 60)) * (1 if rng.random() < 0.5 else -1)
                found.append(Fault(kind, room.id, room.board, day, 0, 1440, round(minutes * MINUTE_MS)))
    return found
