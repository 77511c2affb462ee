"""One telemetry message to readings: absolute times, one entry per value, and the quality of each."""

from functools import lru_cache

from campus.telemetry import (
    GOOD,
    HOLD,
    IMPLAUSIBLE_TIME,
    INVALID,
    INVALID_CRC,
    INVALID_FAILED,
    INVALID_TIMEOUT,
    INVALID_WARMUP,
    OUT_OF_RANGE,
    UNSYNCED,
    Readings,
    SeriesKey,
)
from campus.wire.names import base
from campus.wire.points import POINTS, limits
from campus.wire.telemetry import Telemetry

EARLIEST_MS = 1_704_067_200_000  # 2024-01-01: no board of this product measured before
AHEAD_MS = 24 * 3600 * 1000
REASONS = {
    "warmup": INVALID_WARMUP,
    "failed": INVALID_FAILED,
    "crc": INVALID_CRC,
    "timeout": INVALID_TIMEOUT,
}

Column = tuple[int, float, float, bool]
"""(index into `Readings.series`, least and greatest plausible value, whether only 0 and 1 are)."""
Columns = dict[tuple[str, str, tuple[str, ...]], list[Column]]
"""Per batch: the columns that a board's messages were seen with."""


def readings(
    telemetry: Telemetry,
    site: str,
    board: str,
    received_at_ms: int,
    offset_ms: int | None,
    offset_told: bool,
    into: Readings,
    columns: Columns,
) -> tuple[int, int] | None:
    """Add the message's readings to `into`; return its (first, last) trustworthy observed_at_ms, or None.

    `offset_ms`: Unix ms of the boot, needed where the clock is "up"; unless it was `offset_told` by the board, every
    reading is UNSYNCED, whatever its value. A time before 2024 or more than 24 h ahead of `received_at_ms` is kept
    and flagged, and `received_at_ms` kept beside it.
    """
    key = (site, board, telemetry.columns)
    described = columns.get(key)
    if described is None:
        described = columns[key] = [
            _column(SeriesKey(site, board, point), into) for point in telemetry.columns
        ]
    start, trusted = telemetry.ts_ms, GOOD
    if telemetry.clock == "hold":
        trusted = HOLD
    elif telemetry.clock == "up":
        start += offset_ms or 0
        trusted = HOLD if offset_told else UNSYNCED
    latest = received_at_ms + AHEAD_MS
    why = telemetry.why
    which, times, values, qualities = into.which, into.observed_at_ms, into.value, into.quality
    begin, first, last, stray = len(which), 0, 0, False
    for row in telemetry.rows:
        observed = start + row[1]
        plausible = EARLIEST_MS <= observed <= latest
        # Above HOLD it outweighs what is wrong with a value.
        quality = trusted if plausible else IMPLAUSIBLE_TIME
        if plausible:
            first = min(first, observed) if first else observed
            last = max(last, observed)
        else:
            stray = True
        place = 2
        for index, low, high, binary in described:
            value = row[place]
            place += 1
            if value.__class__ is str:
                continue
            which.append(index)
            times.append(observed)
            values.append(value)
            if value is None:
                reason = why.get(telemetry.columns[place - 3]) if why else None
                qualities.append(quality if quality > HOLD else REASONS.get(reason or "", INVALID))
            elif low <= value <= high and not (binary and value != 0 and value != 1):
                qualities.append(quality)
            else:
                qualities.append(quality if quality > HOLD else OUT_OF_RANGE)
    if stray:
        for at in range(begin, len(which)):
            if qualities[at] == IMPLAUSIBLE_TIME:
                into.received[at] = received_at_ms
    return (first, last) if first and trusted != UNSYNCED else None


def _column(key: SeriesKey, into: Readings) -> Column:
    into.series.append(key)
    return (len(into.series) - 1, *_plausible(key.point))


@lru_cache(maxsize=4096)
def _plausible(point: str) -> tuple[float, float, bool]:
    """(least and greatest plausible value, whether only 0 and 1 are)."""
    low, high = limits(point)
    binary = POINTS.get(base(point), ("", None, None, "number"))[3] == "bool"
    return float("-inf") if low is None else low, float("inf") if high is None else high, binary
