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

    `offset_ms`: Unix ms of the boot, needed where the clock is "up"; what is to be added to a "hold" clock that is
    wrong. Unless `offset_told` (by the board, or by a steady lag), every reading is UNSYNCED, whatever its value. A
    time before 2024 or more than 24 h ahead of `received_at_ms` is kept and flagged, with `received_at_ms` beside it.
    """
    key = (site, board, telemetry.columns)
    described = columns.get(key)
    if described is None:
        described = columns[key] = [
            _column(SeriesKey(site, board, point), into) for point in telemetry.columns
        ]
    start, trusted = telemetry.ts_ms, GOOD
    if telemetry.clock == "up" or offset_ms is not None:
        start += offset_ms or 0
        trusted = HOLD if offset_told else UNSYNCED
    elif telemetry.clock == "hold":
        trusted = HOLD
    latest = received_at_ms + AHEAD_MS
    why, rows = telemetry.why, telemetry.rows
    if len(rows) > 1:
        observed = [start + row[1] for row in rows]
        span = min(observed), max(observed)
        if span[0] >= EARLIEST_MS and span[1] <= latest:
            _add_columns(telemetry, described, observed, trusted, into)
            return span if trusted != UNSYNCED else None
    which, times, values, qualities = into.which, into.observed_at_ms, into.value, into.quality
    begin, first, last, stray = len(which), 0, 0, False
    for row in rows:
        at = start + row[1]
        quality = trusted
        if EARLIEST_MS <= at <= latest:
            if not first:
                first = last = at
            elif at > last:
                last = at
            elif at < first:
                first = at
        else:
            stray = True
            quality = IMPLAUSIBLE_TIME
        place = 2
        for index, low, high, binary in described:
            value = row[place]
            place += 1
            if value.__class__ is str:
                continue
            which.append(index)
            times.append(at)
            values.append(value)
            fine = value is not None and low <= value <= high and not (binary and value != 0 and value != 1)
            # A doubtful time outweighs what is wrong with a value.
            qualities.append(
                quality if fine or quality > HOLD else _wrong(value, telemetry.columns[place - 3], why)
            )
    if stray:
        for at in range(begin, len(which)):
            if qualities[at] == IMPLAUSIBLE_TIME:
                into.received[at] = received_at_ms
    return (first, last) if first and trusted != UNSYNCED else None


def _add_columns(
    telemetry: Telemetry, described: list[Column], observed: list[int], trusted: int, into: Readings
) -> None:
    """Many rows, point by point: all values of one are compared at once, and mostly nothing is wrong with them."""
    count = len(observed)
    for place, (index, low, high, binary) in enumerate(described):
        column = [row[place + 2] for row in telemetry.rows]
        try:
            right = low <= min(column) and max(column) <= high
        except TypeError:  # one is not measured, or invalid
            right = False
        if right and not (binary and any(value != 0 and value != 1 for value in column)):
            into.which += [index] * count
            into.observed_at_ms += observed
            into.value += column
            into.quality += [trusted] * count
            continue
        for at, value in zip(observed, column, strict=True):
            if value.__class__ is str:
                continue
            into.which.append(index)
            into.observed_at_ms.append(at)
            into.value.append(value)
            fine = value is not None and low <= value <= high and not (binary and value != 0 and value != 1)
            into.quality.append(
                trusted if fine or trusted > HOLD else _wrong(value, telemetry.columns[place], telemetry.why)
            )


def _wrong(value: float | None, point: str, why: dict[str, str]) -> int:
    return OUT_OF_RANGE if value is not None else REASONS.get(why.get(point, ""), INVALID)


def _column(key: SeriesKey, into: Readings) -> Column:
    into.series.append(key)
    return (len(into.series) - 1, *_plausible(key.point))


@lru_cache(maxsize=4096)
def _plausible(point: str) -> tuple[float, float, bool]:
    """(least and greatest plausible value, whether only 0 and 1 are)."""
    low, high = limits(point)
    binary = POINTS.get(base(point), ("", None, None, "number"))[3] == "bool"
    return float("-inf") if low is None else low, float("inf") if high is None else high, binary
