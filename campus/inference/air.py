"""What the air says about presence: CO2 and the room's mass balance. The contract is that of `evidence`. Pure."""

import math
from collections import deque
from statistics import median
from typing import Any

from campus.inference.evidence import Reports
from campus.inference.parameters import PresenceParameters
from campus.inference.windows import Window, quantile

CO2_BIN_PPM = 5


class CarbonDioxide:
    """CO2: the net source u = slope + k × (level above the baseline), in ppm/h, of the room's mass balance."""

    __slots__ = (
        "_alpha", "baseline", "fits", "history", "hour", "k", "level", "p", "reports", "run", "said", "same", "samples",
        "value",
    )  # fmt: skip

    def __init__(self, p: PresenceParameters, state: dict[str, Any] | None = None) -> None:
        s = state or {}
        self.p = p
        self._alpha = 1 - math.exp(-1 / p.co2_smooth_min)
        self.reports = Reports(p, s.get("reports"))
        self.level: float = s.get("level", 0.0)
        self.value: float | None = s.get("value")
        self.same: int = s.get("same", 0)  # minute since when the value has not changed at all
        self.samples: deque[tuple[int, float]] = deque(tuple(pair) for pair in s.get("samples", ()))
        self.run: deque[tuple[int, float]] = deque(tuple(pair) for pair in s.get("run", ()))
        self.history = Window(p.co2_baseline_min, 240, s.get("history"))
        self.baseline: float = s.get("baseline", 0.0)
        self.hour: int = s.get("hour", -1)
        self.fits: deque[float] = deque(s.get("fits", ()), maxlen=p.decay_fits)
        self.k = self._decay()
        self.said: float | None = s.get("said")

    def read(self, minute: int, value: float) -> None:
        p, last = self.p, self.reports.last
        self.reports.note(minute)
        if value != self.value:
            self.value, self.same = value, minute
        gap = p.co2_gap_min + 1 if last is None else minute - last
        if gap > p.co2_gap_min:
            self.level = value
            self.samples.clear()
            self.run.clear()
        else:
            alpha = self._alpha if gap == 1 else 1 - math.exp(-gap / p.co2_smooth_min)
            self.level += alpha * (value - self.level)
        self.history.add(minute, int(value // CO2_BIN_PPM))
        if minute // 60 != self.hour:
            self.hour = minute // 60
            self._baseline(minute)
        slope = self._slope(minute)
        above = self.level - self.baseline
        self._watch_decay(minute, slope, above)
        if slope is None or self._stuck(minute, above):
            self.said = None
            return
        source = slope + self.k * max(above, 0.0)
        weight = p.co2_gain * (source - p.co2_middle_ppm_h) / p.co2_half_width_ppm_h
        self.said = max(p.co2_low, min(weight, p.co2_high))

    def weight(self, minute: int) -> float | None:
        return self.said if self.reports.fresh(minute) else None

    def _baseline(self, minute: int) -> None:
        lowest = quantile(self.history.counts(minute), self.p.co2_baseline_quantile)
        if lowest is not None:
            self.baseline = lowest * CO2_BIN_PPM

    def _slope(self, minute: int) -> float | None:
        """ppm/h by least squares over the window, longer for a slow sensor; None with too little in it."""
        samples, p = self.samples, self.p
        samples.append((minute, self.level))
        oldest = minute - max(p.co2_slope_min, 2 * self.reports.interval_min)
        while samples[0][0] < oldest:
            samples.popleft()
        n = len(samples)
        if n < 3 or minute - samples[0][0] < p.co2_slope_span_min:
            return None
        return 60 * _regress(samples)

    def _stuck(self, minute: int, above: float) -> bool:
        unchanged = minute - self.same
        limit = self.p.co2_stuck_min if above > self.p.decay_above_ppm else self.p.co2_stuck_anywhere_min
        return unchanged >= limit

    def _watch_decay(self, minute: int, slope: float | None, above: float) -> None:
        """Collect a falling run; fit it when it ends or fills the window."""
        p, run = self.p, self.run
        falling = slope is not None and slope < p.decay_slope_ppm_h and above > p.decay_above_ppm
        if falling:
            run.append((minute, self.level))
        if run and (not falling or minute - run[0][0] >= p.decay_window_min):
            if run[-1][0] - run[0][0] >= p.decay_run_min:
                self._fit()
            run.clear()

    def _fit(self) -> None:
        logs = [
            (minute, math.log(level - self.baseline)) for minute, level in self.run if level > self.baseline
        ]
        if len(logs) < 3:
            return
        k = -60 * _regress(logs)
        if self.p.decay_lowest_per_h <= k <= self.p.decay_highest_per_h:
            self.fits.append(k)
            self.k = self._decay()

    def _decay(self) -> float:
        return median([*self.fits, *[self.p.decay_per_h] * self.p.decay_pseudo_fits])

    def state(self) -> dict[str, Any]:
        return {
            "reports": self.reports.state(),
            "level": self.level,
            "value": self.value,
            "same": self.same,
            "samples": [list(pair) for pair in self.samples],
            "run": [list(pair) for pair in self.run],
            "history": self.history.state(),
            "baseline": self.baseline,
            "hour": self.hour,
            "fits": list(self.fits),
            "said": self.said,
        }


def _regress(samples: "deque[tuple[int, float]] | list[tuple[int, float]]") -> float:
    """Least-squares slope per minute. Minutes are taken from the last one, to keep the products small."""
    origin, n = samples[-1][0], len(samples)
    sx = sxx = 0
    sy = sxy = 0.0
    for minute, y in samples:
        x = minute - origin
        sx += x
        sxx += x * x
        sy += y
        sxy += x * y
    return (n * sxy - sx * sy) / (n * sxx - sx * sx)
