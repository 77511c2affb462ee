"""Several boards' readings to one room's minutes. Pure."""

import math
from collections.abc import Iterator, Mapping, Sequence

from campus.inference.presence import MINUTE_MS
from campus.telemetry import USABLE, Sample, SeriesKey

INPUTS = ("motion", "co2_ppm", "illuminance_lx")
"""The points that presence uses; what `fuse` and `Presence.step` key their inputs by."""

HOLD_MIN = 15


def fuse(
    samples: Mapping[SeriesKey, Sequence[Sample]], start_ms: int, end_ms: int
) -> Iterator[tuple[int, dict[str, float | None]]]:
    """Yield (minute_ms, inputs) for every minute of [start_ms, end_ms), both whole minutes; {} where nothing came.

    Only usable readings count. `motion` and `illuminance_lx` are the largest value of the minute over all boards
    and channels. `co2_ppm` is the mean over the sensors of each one's mean of the minute; a sensor that is silent
    in a minute in which another reports counts with its last value of at most HOLD_MIN before, because a mean over
    changing sensors jumps by their offset. For the same result from a stream in pieces, let `samples` begin
    HOLD_MIN before `start_ms`; they may.
    """
    motion: dict[int, float] = {}
    light: dict[int, float] = {}
    co2: list[dict[int, float]] = []
    for key, series in samples.items():
        point = key.point.partition(".")[0]
        if point == "motion":
            _largest(series, motion)
        elif point == "illuminance_lx":
            _largest(series, light)
        elif point == "co2_ppm":
            co2.append(_means(series))
    for minute in range(start_ms // MINUTE_MS, -(-end_ms // MINUTE_MS)):
        inputs: dict[str, float | None] = {}
        if minute in motion:
            inputs["motion"] = motion[minute]
        if minute in light:
            inputs["illuminance_lx"] = light[minute]
        level = _level(co2, minute)
        if level is not None:
            inputs["co2_ppm"] = level
        yield minute * MINUTE_MS, inputs


def _usable(series: Sequence[Sample]) -> Iterator[tuple[int, float]]:
    for observed_at_ms, value, quality in series:
        if quality in USABLE and value is not None and math.isfinite(value):
            yield observed_at_ms // MINUTE_MS, value


def _largest(series: Sequence[Sample], into: dict[int, float]) -> None:
    for minute, value in _usable(series):
        if value > into.get(minute, -math.inf):
            into[minute] = value


def _means(series: Sequence[Sample]) -> dict[int, float]:
    gathered: dict[int, list[float]] = {}
    for minute, value in _usable(series):
        gathered.setdefault(minute, []).append(value)
    return {minute: sum(values) / len(values) for minute, values in gathered.items()}


def _level(sensors: list[dict[int, float]], minute: int) -> float | None:
    if len(sensors) == 1:
        return sensors[0].get(minute)
    if not any(minute in sensor for sensor in sensors):
        return None
    latest = [
        next((sensor[m] for m in range(minute, minute - HOLD_MIN - 1, -1) if m in sensor), None)
        for sensor in sensors
    ]
    held = [value for value in latest if value is not None]
    return sum(held) / len(held)
