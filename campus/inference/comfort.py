"""Air that is too stale or too warm, as stretches of time. Pure, causal.

Air is taken as stale above 1,000 ppm of CO2 (German working group on indoor guide values, 2008) and as too warm above
32 °C, the limit of QCVN 26:2016/BYT for work of middle weight; docs/indicator-reference.md names both.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from campus.inference import FAIR, HIGH, UNKNOWN, Stretch

CO2_HIGH_PPM = 1000.0
TEMPERATURE_HIGH_C = 32.0
MINUTE_MS = 60_000
HOLD_MIN = 15
"""A reading holds so long; then nothing is measured."""


class ComfortStep(NamedTuple):
    """The state of one minute: high, fair or unknown."""

    minute_ms: int
    state: str


class Comfort:
    """One quantity of one room against its limit. `state()` is JSON-able and exact."""

    def __init__(self, limit: float, state: Mapping[str, Any] | None = None) -> None:
        s = state or {}
        self._limit = limit
        self._value: float | None = s.get("value")
        self._at_ms: int = s.get("at_ms", 0)

    def step(self, minute_ms: int, value: float | None) -> ComfortStep:
        """Take a minute's value; None where nothing was measured. High is above the limit, not at it."""
        if value is not None:
            self._value, self._at_ms = value, minute_ms
        if self._value is None or minute_ms - self._at_ms > HOLD_MIN * MINUTE_MS:
            self._value = None
            return ComfortStep(minute_ms, UNKNOWN)
        return ComfortStep(minute_ms, HIGH if self._value > self._limit else FAIR)

    def state(self) -> dict[str, Any]:
        return {"value": self._value, "at_ms": self._at_ms}


def stretches(steps: Iterable[ComfortStep], start_ms: int, end_ms: int) -> list[Stretch]:
    """Stretches over exactly [start_ms, end_ms) of steps that ascend; minutes without a step are unknown."""
    found: list[Stretch] = []
    reached = start_ms
    for minute_ms, state in steps:
        begin, end = max(minute_ms, reached), min(minute_ms + MINUTE_MS, end_ms)
        if begin >= end:
            continue
        if begin > reached:
            _add(found, reached, begin, UNKNOWN)
        _add(found, begin, end, state)
        reached = end
    if reached < end_ms:
        _add(found, reached, end_ms, UNKNOWN)
    return found


def _add(found: list[Stretch], start_ms: int, end_ms: int, state: str) -> None:
    if found and found[-1].state == state:
        found[-1] = found[-1]._replace(end_ms=end_ms)
    else:
        found.append(Stretch(start_ms, end_ms, state))
