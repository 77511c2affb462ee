"""What goes wrong, drawn from the seed per local day: boards, sensors, an access point, clocks, late data."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from campus.errors import UsageError
from simulator.rooms import Room
from simulator.school import MINUTE_MS, School, midnight_ms

LOST, STUCK, WEAK_AP, CLOCK_SKEW = "lost", "stuck", "weak-ap", "clock-skew"
BLIND_PIR, LATE = "blind-pir", "late"
KINDS = {
    LOST: "a board has no power for half an hour to four hours; it comes back with a new boot",
    STUCK: "a CO2 sensor repeats one value for three to ten hours",
    WEAK_AP: "one access point is too far from its rooms, every day",
    CLOCK_SKEW: "a board's clock is minutes to an hour off for a day, and says 'hold'",
    BLIND_PIR: "a motion sensor sees nothing for three to ten hours: somebody hung a coat over it",
    LATE: "a board's readings of six hours to three days arrive a week late (`campus semester` only)",
}
DEFAULT = (LOST, WEAK_AP)
LocalDate = date  # beside the field `date` of Fault
_CHANCE = {LOST: 0.02, STUCK: 0.02, CLOCK_SKEW: 0.02, BLIND_PIR: 0.01}  # of one board on one day
_LATE_CHANCE = 0.005  # of one board, that such a time begins on a day
LATE_BY = timedelta(days=7)  # after the last date of such a time
_LATE_MINUTES = (6 * 60, 3 * 1440)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of one room's board over [start_minute, end_minute) of a local day.

    `offset_ms` is a skewed clock's; `arrives_on` the local date on which late readings of these minutes arrive.
    """

    kind: str
    room: str
    board: str
    date: date
    start_minute: int
    end_minute: int
    offset_ms: int = 0
    arrives_on: LocalDate | None = None

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
        if LATE in kinds and (late := _late(school, room, day)) is not None:
            found.append(late)
        for kind, chance in _CHANCE.items():
            rng = school.rng("fault", kind, day, room.id)
            if kind not in kinds or rng.random() >= chance:
                continue
            if kind == LOST:
                start, length = int(rng.integers(6 * 60, 18 * 60)), int(rng.integers(30, 240))
                found.append(Fault(kind, room.id, room.board, day, start, start + length))
            elif kind in (STUCK, BLIND_PIR):
                start, length = int(rng.integers(5 * 60, 13 * 60)), int(rng.integers(180, 600))
                found.append(Fault(kind, room.id, room.board, day, start, start + length))
            else:
                minutes = float(rng.uniform(2, 60)) * (1 if rng.random() < 0.5 else -1)
                found.append(Fault(kind, room.id, room.board, day, 0, 1440, round(minutes * MINUTE_MS)))
    return found


def _late(school: School, room: Room, day: date) -> Fault | None:
    """The part of a date in a time whose readings are late; such a time began on it or shortly before."""
    for back in range(_LATE_MINUTES[1] // 1440 + 1):
        began = day - timedelta(days=back)
        rng = school.rng("fault", LATE, began, room.id)
        if rng.random() >= _LATE_CHANCE:
            continue
        start = int(rng.integers(0, 1440))
        end = start + int(rng.integers(*_LATE_MINUTES))
        first, last = max(0, start - back * 1440), min(1440, end - back * 1440)
        if first < last:
            arrives = began + timedelta(days=(end - 1) // 1440) + LATE_BY
            return Fault(LATE, room.id, room.board, day, first, last, arrives_on=arrives)
    return None
