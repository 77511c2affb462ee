"""What the air says about presence: CO2 and the room's mass balance. The contract is that of `evidence`. Pure."""

import math
from collections import deque
from statistics import median, quantiles
from typing import Any, NamedTuple

from campus.inference.evidence import Reports
from campus.inference.parameters import PresenceParameters
from campus.inference.windows import Window, quantile

CO2_BIN_PPM = 5
_GRAIN = (
    1024  # of a ppm: levels in the slope's sums are whole numbers, so that adding and removing them is exact
)
_SAME_PPM = 1e-6
AGREE = 0.5
FALL_MIN, AIRED_MIN = 5, 3
"""A fall of the air lasts at least FALL_MIN; it was aired if AIRED_MIN of them took thrice what the decay explains."""
FALLS = 30  # the newest are looked at


class Air(NamedTuple):
    """One minute's CO2 balance: smoothed level and baseline in ppm, slope in ppm/h, decay in 1/h.

    `baseline_ppm` is None before one is learned; `decay_known` says that the decay was fitted, not assumed.
    """

    level_ppm: float
    slope_ppm_h: float
    baseline_ppm: float | None
    decay_per_h: float
    decay_known: bool


class Track:
    """The smoothed level of CO2 and its slope, by least squares over a window that is longer for a slow sensor."""

    __slots__ = ("_alpha", "_sums", "level", "p", "reports", "samples")

    def __init__(self, p: PresenceParameters, state: dict[str, Any] | None = None) -> None:
        s = state or {}
        self.p = p
        self._alpha = 1 - math.exp(-1 / p.co2_smooth_min)
        self.reports = Reports(p, s.get("reports"))
        self.level: float = s.get("level", 0.0)
        self.samples: deque[tuple[int, int]] = deque(
            (minute, grains) for minute, grains in s.get("samples", ())
        )
        self._sums = (0, 0, 0, 0)  # of x, x², y, xy; x in minutes from the newest sample
        if self.samples:
            newest = self.samples[-1][0]
            pairs = [(minute - newest, grains) for minute, grains in self.samples]
            self._sums = (
                sum(x for x, _ in pairs), sum(x * x for x, _ in pairs),
                sum(y for _, y in pairs), sum(x * y for x, y in pairs),
            )  # fmt: skip

    def read(self, minute: int, value: float) -> float | None:
        """Take a reading; the slope in ppm/h, None with fewer than 3 samples or less than `co2_slope_span_min`."""
        p, last, samples = self.p, self.reports.last, self.samples
        self.reports.note(minute)
        gap = p.co2_gap_min + 1 if last is None else minute - last
        if gap > p.co2_gap_min:
            self.level = value
            samples.clear()
            sx = sxx = sy = sxy = 0
        else:
            alpha = self._alpha if gap == 1 else 1 - math.exp(-gap / p.co2_smooth_min)
            change = value - self.level
            self.level = value if -_SAME_PPM < change < _SAME_PPM else self.level + alpha * change
            sx, sxx, sy, sxy = self._sums
            n = len(samples)
            sxx += gap * (n * gap - 2 * sx)
            sx -= n * gap
            sxy -= gap * sy
        grains = int(self.level * _GRAIN)
        samples.append((minute, grains))
        sy += grains
        oldest = minute - max(p.co2_slope_min, 2 * self.reports.interval_min)
        while samples[0][0] < oldest:
            then, grains = samples.popleft()
            x = then - minute
            sx -= x
            sxx -= x * x
            sy -= grains
            sxy -= x * grains
        self._sums = (sx, sxx, sy, sxy)
        n = len(samples)
        if n < 3 or minute - samples[0][0] < p.co2_slope_span_min:
            return None
        return 60 / _GRAIN * (n * sxy - sx * sy) / (n * sxx - sx * sx)

    def state(self) -> dict[str, Any]:
        return {
            "reports": self.reports.state(),
            "level": self.level,
            "samples": [list(pair) for pair in self.samples],
        }


class CarbonDioxide:
    """CO2: the net source u = slope + k × (level above the baseline), in ppm/h, of the room's mass balance.

    Baseline and decay k are given by `use`; before, there is no level above the baseline.
    """

    __slots__ = ("baseline", "fits", "k", "p", "said", "same", "slope", "track", "value")

    def __init__(self, p: PresenceParameters, state: dict[str, Any] | None = None) -> None:
        s = state or {}
        self.p = p
        self.track = Track(p, s.get("track"))
        self.value: float | None = s.get("value")
        self.same: int = s.get("same", 0)  # since when the value has not changed at all, as far as it matters
        self.said: float | None = s.get("said")
        self.slope: float | None = s.get("slope")
        self.use(None, None, 0)

    def use(self, baseline: float | None, decay: float | None, fits: int) -> None:
        self.baseline, self.k, self.fits = baseline, self.p.decay_per_h if decay is None else decay, fits

    def read(self, minute: int, value: float) -> None:
        p = self.p
        if value != self.value:
            self.value, self.same = value, minute
        elif minute - self.same > p.co2_stuck_anywhere_min:
            self.same = minute - p.co2_stuck_anywhere_min
        slope = self.slope = self.track.read(minute, value)
        above = 0.0 if self.baseline is None else self.track.level - self.baseline
        if slope is None or self._stuck(minute, above):
            self.said = None
            return
        source = slope + self.k * max(above, 0.0)
        weight = p.co2_gain * (source - p.co2_middle_ppm_h) / p.co2_half_width_ppm_h
        self.said = max(p.co2_low, min(weight, p.co2_high))

    def weight(self, minute: int) -> float | None:
        return self.said if minute < self.track.reports.until else None

    def air(self, minute: int) -> Air | None:
        """The balance behind `weight`; None where that is None."""
        if self.said is None or self.slope is None or minute >= self.track.reports.until:
            return None
        known = self.fits > self.p.decay_pseudo_fits
        return Air(self.track.level, self.slope, self.baseline, self.k, known)

    def _stuck(self, minute: int, above: float) -> bool:
        unchanged = minute - self.same
        limit = self.p.co2_stuck_min if above > self.p.decay_above_ppm else self.p.co2_stuck_anywhere_min
        return unchanged >= limit

    def state(self) -> dict[str, Any]:
        return {
            "track": self.track.state(),
            "value": self.value,
            "same": self.same,
            "said": self.said,
            "slope": self.slope,
        }


class AirLearning:
    """Baseline and decay of one room's CO2: the lowest of two days, and the fall of runs in an empty room."""

    __slots__ = (
        "aired_min",
        "baseline",
        "fall_min",
        "falls",
        "fits",
        "history",
        "hour",
        "k",
        "p",
        "run",
        "slope",
        "track",
    )

    def __init__(self, p: PresenceParameters, state: dict[str, Any] | None = None) -> None:
        s = state or {}
        self.p = p
        self.track = Track(p, s.get("track"))
        self.run: deque[tuple[int, float]] = deque((minute, level) for minute, level in s.get("run", ()))
        self.history = Window(p.co2_baseline_min, 240, s.get("history"))
        self.baseline: float | None = s.get("baseline")
        self.hour: int = s.get("hour", -1)
        self.fits: deque[float] = deque(s.get("fits", ()), maxlen=p.decay_fits)
        self.fall_min: int = s.get("fall_min", 0)  # of the fall that goes on
        self.aired_min: int = s.get("aired_min", 0)
        self.falls: deque[bool] = deque(s.get("falls", ()), maxlen=FALLS)  # whether aired, the newest last
        self.slope: float | None = s.get("slope")
        self.k = self._decay()

    def read(self, minute: int, value: float) -> bool:
        """Take a reading; True if something may have been learned."""
        learned = False
        last = self.track.reports.last
        since_min = 0 if last is None else minute - last
        if last is None or since_min > self.p.co2_gap_min:
            self.run.clear()
            self.fall_min = self.aired_min = 0
        slope = self.slope = self.track.read(minute, value)
        self.history.add(minute, int(value // CO2_BIN_PPM))
        if minute // 60 != self.hour:
            self.hour, learned = minute // 60, True
            lowest = quantile(self.history.counts(minute), self.p.co2_baseline_quantile)
            if lowest is not None:
                self.baseline = lowest * CO2_BIN_PPM
        p, run = self.p, self.run
        above = 0.0 if self.baseline is None else self.track.level - self.baseline
        loss = 0.0 if slope is None else -slope
        falling = loss > -p.decay_slope_ppm_h and above > p.decay_above_ppm
        if falling:
            run.append((minute, self.track.level))
            explained = self.k * above
            self.fall_min += since_min
            if loss > explained + max(2 * explained, p.co2_middle_ppm_h):
                self.aired_min += since_min
        if run and (not falling or minute - run[0][0] >= p.decay_window_min):
            if run[-1][0] - run[0][0] >= p.decay_run_min:
                learned = self._fit() or learned
            run.clear()
        if self.fall_min and not falling:
            if self.fall_min >= FALL_MIN:
                self.falls.append(self.aired_min >= AIRED_MIN)
            self.fall_min = self.aired_min = 0
        return learned

    def air(self, minute: int) -> Air | None:
        """The balance as the learner sees it; None while its readings are stale or too few."""
        if self.slope is None or minute >= self.track.reports.until:
            return None
        return Air(self.track.level, self.slope, self.baseline, self.k, bool(self.fits))

    def _fit(self) -> bool:
        baseline = self.baseline or 0.0
        logs = [(minute, math.log(level - baseline)) for minute, level in self.run if level > baseline]
        if len(logs) < 3:
            return False
        k = -60 * _regress(logs)
        if not self.p.decay_lowest_per_h <= k <= self.p.decay_highest_per_h:
            return False
        self.fits.append(k)
        self.k = self._decay()
        return True

    @property
    def agreed(self) -> int:
        """The number of fits, or 0 while their quartiles lie further apart than AGREE of their median.

        Also 0 while most of the last falls were aired: those are too short for a fit. Where windows
        are opened and closed there is no one decay, and what is counted by it is wrong.
        """
        if 2 * sum(self.falls) > len(self.falls):
            return 0
        if len(self.fits) < 4:
            return len(self.fits)
        low, middle, high = quantiles(self.fits, n=4)
        return len(self.fits) if high - low <= AGREE * middle else 0

    def _decay(self) -> float:
        return median([*self.fits, *[self.p.decay_per_h] * self.p.decay_pseudo_fits])

    def state(self) -> dict[str, Any]:
        return {
            "track": self.track.state(),
            "run": [list(pair) for pair in self.run],
            "history": self.history.state(),
            "baseline": self.baseline,
            "hour": self.hour,
            "fits": list(self.fits),
            "fall_min": self.fall_min,
            "aired_min": self.aired_min,
            "falls": list(self.falls),
            "slope": self.slope,
        }


def _regress(samples: list[tuple[int, float]]) -> float:
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
