"""A detector that follows an appliance: a fan that a radar sees turn, warm air that a PIR sees move. Pure, causal."""

from collections import deque
from collections.abc import Mapping
from typing import Any

from campus.inference.air import Air
from campus.inference.parameters import PresenceParameters

DAYS = 7
RUNS = 4
LEAST_MIN = 120  # of the appliance running, and of it not running
FOLLOWS = 0.95  # share of its running time in which the detector sees somebody
ELSE = 0.02  # share of the other time, at most
AGREED = 0.05  # share of its running time in which another sensor sees somebody, at most
WATCHED = 0.8  # share of its running time in which another sensor could have


class Echo:
    """Whether one detector sees somebody exactly while equipment runs, and no other sensor agrees.

    Judged over the last DAYS whenever a run ends; `found` holds until it is judged otherwise. `state()` is JSON-able.
    """

    __slots__ = ("_days", "_running", "found", "since")

    def __init__(self, state: Mapping[str, Any] | None = None) -> None:
        s = state or {}
        # day, then minutes: running and seen, running, not running and seen, not running, agreed, watched; runs
        self._days: deque[list[int]] = deque((list(day) for day in s.get("days", ())), maxlen=DAYS)
        self._running: bool = s.get("running", False)
        self.found: bool = s.get("found", False)
        self.since: int | None = s.get("since")  # minute of the judgement

    def read(self, minute: int, seen: bool, running: bool, other: bool | None) -> bool:
        """Take a minute in which detector and equipment both reported; True if the judgement is another.

        `other`: whether another sensor sees somebody; None if there is none.
        """
        day = minute // 1440
        if not self._days or self._days[-1][0] != day:
            self._days.append([day, 0, 0, 0, 0, 0, 0, 0])
        today = self._days[-1]
        if running:
            today[1] += seen
            today[2] += 1
            today[5] += bool(other)
            today[6] += other is not None
            self._running = True
            return False
        today[3] += seen
        today[4] += 1
        if not self._running:
            return False
        self._running = False
        today[7] += 1
        found = self._judged(day)
        changed = found != self.found
        if changed:
            self.found, self.since = found, minute if found else None
        return changed

    def _judged(self, day: int) -> bool:
        both, on, elsewhere, off, agreed, watched, runs = self._sums(day)
        return (
            runs >= RUNS
            and on >= LEAST_MIN
            and off >= LEAST_MIN
            and both >= FOLLOWS * on
            and elsewhere <= ELSE * off
            and watched >= WATCHED * on
            and agreed <= AGREED * on
        )

    def _sums(self, day: int) -> list[int]:
        recent = [one[1:] for one in self._days if one[0] > day - DAYS]
        return [sum(column) for column in zip(*recent, strict=True)]

    def figures(self) -> dict[str, int]:
        """Of the last DAYS: minutes seen while running, minutes of running, minutes seen else, and runs."""
        if not self._days:
            return {}
        both, on, elsewhere, _, _, _, runs = self._sums(self._days[-1][0])
        return {"seen_running_min": both, "running_min": on, "seen_else_min": elsewhere, "runs": runs}

    def state(self) -> dict[str, Any]:
        return {
            "days": [list(day) for day in self._days],
            "running": self._running,
            "found": self.found,
            "since": self.since,
        }


def source(air: Air | None) -> float | None:
    """The net source of CO2 in ppm/h, as far as it is known; None without CO2."""
    if air is None:
        return None
    above = 0.0 if air.baseline_ppm is None else max(air.level_ppm - air.baseline_ppm, 0.0)
    return air.slope_ppm_h + air.decay_per_h * above


def other_sees(breath: float | None, detector: float | None, p: PresenceParameters) -> bool | None:
    """Whether CO2 or another detector sees somebody; None if there is neither."""
    if breath is None and detector is None:
        return None
    return (breath is not None and breath > p.co2_middle_ppm_h) or (detector is not None and detector >= 0.5)


def people_seen(
    breath: float | None, detector: float | None, running: float | None, p: PresenceParameters
) -> bool:
    """Whether people are there beyond doubt: by a source of CO2 that says all it can, or by two that agree."""
    if breath is None:
        return bool(detector and detector >= 0.5 and running and running >= 0.5)
    most = p.co2_middle_ppm_h + p.co2_half_width_ppm_h * p.co2_high / p.co2_gain
    if breath >= most:
        return True
    agree = (breath > p.co2_middle_ppm_h) + bool(detector and detector >= 0.5)
    return agree + bool(running and running >= 0.5) >= 2
