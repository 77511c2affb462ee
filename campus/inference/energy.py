"""Energy from a meter's readings: the counter where it has one, else power over time. Never across gaps. Pure."""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from campus.telemetry import USABLE, Sample

LONGEST_GAP_MS = (
    5 * 60_000 + 30_000
)  # 5 minutes, and a meter that reports every 5 minutes may be a tenth late
MOST_W = 25_000.0  # a counter that rises faster was changed, not used
WRAPS_MWH = (2**31, 2**32)  # where counters of 31 and 32 bits begin again
MINUTE_MS = 60_000
MWH_PER_W_MS = 1 / 3600


class Energy(NamedTuple):
    """`wh` over `metered_ms`; the rest of the span was not measured, and nothing is added for it."""

    wh: float
    metered_ms: int


class Piece(NamedTuple):
    """[start_ms, end_ms) with the power of its two ends; of a counter, its mean twice."""

    start_ms: int
    end_ms: int
    start_w: float
    end_w: float

    def at(self, at_ms: int) -> float:
        """The power at a time of the piece."""
        share = (at_ms - self.start_ms) / (self.end_ms - self.start_ms)
        return self.start_w + (self.end_w - self.start_w) * share

    def within(self, start_ms: int, end_ms: int) -> "Piece | None":
        """Its part in [start_ms, end_ms)."""
        begin, end = max(start_ms, self.start_ms), min(end_ms, self.end_ms)
        return Piece(begin, end, self.at(begin), self.at(end)) if begin < end else None

    @property
    def mwh(self) -> float:
        return (self.start_w + self.end_w) / 2 * (self.end_ms - self.start_ms) * MWH_PER_W_MS


def energy(
    power_samples: Sequence[Sample], counter_samples: Sequence[Sample], start_ms: int, end_ms: int
) -> Energy:
    """Wh drawn in [start_ms, end_ms) as far as it was measured.

    `power_samples` are of `power_w` (W), `counter_samples` of `energy_mwh` (mWh, rising), both ascending in time; give
    those from LONGEST_GAP_MS before the span to as long after it. Only usable readings count. Between two readings
    of the counter at most LONGEST_GAP_MS apart its difference is spread evenly; where it fell (a reset) or rose by more
    than MOST_W, power stands in: trapezoids between readings at most as far apart. A counter that wraps goes on.
    Spans add up: energy of [a, c) is that of [a, b) and of [b, c), up to rounding of floats; `metered_ms` exactly.
    """
    pieces = [
        part
        for piece in metered(power_samples, counter_samples)
        if (part := piece.within(start_ms, end_ms)) is not None
    ]
    total = math.fsum(piece.mwh for piece in pieces)
    return Energy(total / 1000, sum(piece.end_ms - piece.start_ms for piece in pieces))


def minute_power(
    power_samples: Sequence[Sample], counter_samples: Sequence[Sample], start_ms: int, end_ms: int
) -> Iterator[tuple[int, float | None, float | None]]:
    """(minute_ms, power_w, metered_w) of each minute of [start_ms, end_ms), both whole minutes: `EquipmentPower.step`.

    `power_w` is the mean of the minute's usable readings of power; `metered_w` the mean power by the counter where it
    covers the whole minute. None: not measured.
    """
    sums: dict[int, tuple[float, int]] = {}
    for at, watts in _usable(power_samples):
        total, count = sums.get(at // MINUTE_MS, (0.0, 0))
        sums[at // MINUTE_MS] = total + watts, count + 1
    counted: dict[int, tuple[float, int]] = {}
    for piece in _counted(_usable(counter_samples)):
        for minute in range(piece.start_ms // MINUTE_MS, -(-piece.end_ms // MINUTE_MS)):
            part = piece.within(minute * MINUTE_MS, (minute + 1) * MINUTE_MS)
            if part is not None:
                mwh, ms = counted.get(minute, (0.0, 0))
                counted[minute] = mwh + part.mwh, ms + part.end_ms - part.start_ms
    for minute in range(start_ms // MINUTE_MS, -(-end_ms // MINUTE_MS)):
        total, count = sums.get(minute, (0.0, 0))
        mwh, ms = counted.get(minute, (0.0, 0))
        yield (
            minute * MINUTE_MS,
            total / count if count else None,
            mwh / (MINUTE_MS * MWH_PER_W_MS) if ms == MINUTE_MS else None,
        )


def metered(power_samples: Sequence[Sample], counter_samples: Sequence[Sample]) -> list[Piece]:
    """The pieces of time whose energy is known, ascending, none overlapping another."""
    counted = _counted(_usable(counter_samples))
    found: list[Piece] = []
    place = 0
    for piece in _trapezoids(_usable(power_samples)):
        reached = piece.start_ms
        while place < len(counted) and counted[place].end_ms <= reached:
            place += 1
        for other in range(place, len(counted)):
            if counted[other].start_ms >= piece.end_ms:
                break
            if (part := piece.within(reached, counted[other].start_ms)) is not None:
                found.append(part)
            reached = max(reached, counted[other].end_ms)
        if (part := piece.within(reached, piece.end_ms)) is not None:
            found.append(part)
    return sorted([*found, *counted])


def _usable(samples: Sequence[Sample]) -> list[tuple[int, float]]:
    found: list[tuple[int, float]] = []
    for at, value, quality in samples:
        if quality in USABLE and value is not None and math.isfinite(value):
            if found and at <= found[-1][0]:
                continue  # a second reading of the same moment
            found.append((at, value))
    return found


def _trapezoids(samples: Sequence[tuple[int, float]]) -> list[Piece]:
    return [
        Piece(a, b, before, after)
        for (a, before), (b, after) in itertools.pairwise(samples)
        if b - a <= LONGEST_GAP_MS
    ]


def _counted(samples: Sequence[tuple[int, float]]) -> list[Piece]:
    found = []
    for (a, before), (b, after) in itertools.pairwise(samples):
        if b - a > LONGEST_GAP_MS:
            continue
        most = MOST_W * (b - a) * MWH_PER_W_MS
        risen = after - before
        if risen < 0:
            risen = min(
                (after + wrap - before for wrap in WRAPS_MWH if before < wrap and after >= 0),
                default=-1.0,
            )
        if 0 <= risen <= most:
            mean = risen / (b - a) / MWH_PER_W_MS
            found.append(Piece(a, b, mean, mean))
    return found
