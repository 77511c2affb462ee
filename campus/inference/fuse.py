"""Several boards' readings to one room's minutes. Pure."""

import math
from collections.abc import Iterator, Mapping, Sequence

from campus.inference.presence import MINUTE_MS
from campus.telemetry import USABLE, Sample, SeriesKey

INPUTS = (
    "motion", "radar_presence", "co2_ppm", "sound_level_dba", "illuminance_lx", "access_point_clients", "door_open",
)  # fmt: skip
"""The points that presence uses; what `fuse` and `Presence.step` key their inputs by."""
LARGEST = ("motion", "radar_presence", "illuminance_lx", "access_point_clients")
MEAN = ("co2_ppm", "sound_level_dba", "temperature_c")
DOOR = "door_open"

HOLD_MIN = 15


def fuse(
    samples: Mapping[SeriesKey, Sequence[Sample]], start_ms: int, end_ms: int
) -> Iterator[tuple[int, dict[str, float | None]]]:
    """Yield (minute_ms, inputs) for every minute of [start_ms, end_ms), both whole minutes; {} where nothing came.

    Only usable readings count. LARGEST points are the largest value of the minute over all boards and channels.
    MEAN points are the mean over the sensors of each one's mean of the minute; a sensor that is silent in a minute
    in which another reports counts with its last value of at most HOLD_MIN before, because a mean over changing
    sensors jumps by their offset. `door_open` is 1 if any door is open as the minute ends, a silent one held likewise;
    `door_changed` is 1 beside it if any door moved in this minute, even if it is again as it was: a reading unlike
    the same door's one before, if that is at most HOLD_MIN old. For the same result from a stream in pieces, let
    `samples` begin HOLD_MIN before `start_ms`; they may.
    """
    first, end = start_ms // MINUTE_MS, -(-end_ms // MINUTE_MS)
    grouped: dict[str, list[Sequence[Sample]]] = {}
    for key, series in samples.items():
        grouped.setdefault(key.point.partition(".")[0], []).append(series)
    largest: dict[str, dict[int, float]] = {}
    alone: dict[str, dict[int, float]] = {}
    several: dict[str, list[dict[int, float]]] = {}
    doors: list[dict[int, float]] = []
    changes: set[int] = set()
    for point, found in grouped.items():
        if point in LARGEST:
            values = largest.setdefault(point, {})
            for series in found:
                _largest(series, values, start_ms)
        elif point in MEAN and len(found) == 1:
            alone[point] = _means(found[0], start_ms)
        elif point in MEAN:
            several[point] = [_means(series) for series in found]
        elif point == DOOR:
            doors = [_last(series, changes) for series in found]
    plain = [*largest.items(), *alone.items()]
    for minute in range(first, end):
        inputs: dict[str, float | None] = {}
        for point, values in plain:
            value = values.get(minute)
            if value is not None:
                inputs[point] = value
        for point, sensors in several.items():
            held = _held(sensors, minute)
            if held:
                inputs[point] = sum(held) / len(held)
        if doors:
            held = _held(doors, minute)
            if held:
                inputs[DOOR] = max(held)
                if minute in changes:
                    inputs["door_changed"] = 1.0
        yield minute * MINUTE_MS, inputs


def _usable(series: Sequence[Sample], start_ms: int) -> Iterator[tuple[int, float]]:
    for observed_at_ms, value, quality in series:
        if observed_at_ms >= start_ms and quality in USABLE and value is not None and math.isfinite(value):
            yield observed_at_ms // MINUTE_MS, value


def _largest(series: Sequence[Sample], into: dict[int, float], start_ms: int) -> None:
    for minute, value in _usable(series, start_ms):
        if value > into.get(minute, -math.inf):
            into[minute] = value


def _means(series: Sequence[Sample], start_ms: int = 0) -> dict[int, float]:
    """Each minute's mean; most minutes hold one value."""
    means: dict[int, float] = {}
    more: dict[int, list[float]] = {}
    for minute, value in _usable(series, start_ms):
        if minute not in means:
            means[minute] = value
        else:
            more.setdefault(minute, [means[minute]]).append(value)
    for minute, values in more.items():
        means[minute] = sum(values) / len(values)
    return means


def _last(series: Sequence[Sample], changes: set[int]) -> dict[int, float]:
    """Each minute's last state of one door, 0 or 1; the minutes in which it moved are added to `changes`."""
    last: dict[int, float] = {}
    before: tuple[int, float] | None = None
    for minute, value in _usable(sorted(series, key=_observed), 0):
        state = float(value >= 0.5)
        if before is not None and state != before[1] and minute - before[0] <= HOLD_MIN:
            changes.add(minute)
        last[minute] = state
        before = minute, state
    return last


def _observed(sample: Sample) -> int:
    return sample[0]


def _held(sensors: list[dict[int, float]], minute: int) -> list[float]:
    """The values that count in a minute: none if no sensor reports in it."""
    if not any(minute in sensor for sensor in sensors):
        return []
    if len(sensors) == 1:
        return [sensors[0][minute]]
    latest = [
        next((sensor[m] for m in range(minute, minute - HOLD_MIN - 1, -1) if m in sensor), None)
        for sensor in sensors
    ]
    return [value for value in latest if value is not None]
