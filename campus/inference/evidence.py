"""What each sensor says about presence: readings in, log-odds out, None while it says nothing. Pure, causal.

Time is the integer Unix minute. Each class is fed by `read` in minutes with a usable value and asked by `weight`
in every minute. `state()` is JSON-able; a restored one continues exactly.
"""

import math
from collections import deque
from statistics import median
from typing import Any

from campus.inference.parameters import PresenceParameters
from campus.inference.windows import Window, otsu, quantile

CO2_BIN_PPM = 5
LIGHT_BIN = math.log(1.03)
_GAPS = 9


class Reports:
    """When a sensor last reported, how often it does, and so whether its reading is fresh.

    The interval is the median of the last gaps, starting with two of a minute: one outage is not an interval.
    """

    __slots__ = ("gaps", "interval_min", "last", "limit_min", "p")

    def __init__(self, p: PresenceParameters, state: dict[str, Any] | None = None) -> None:
        self.p = p
        self.last: int | None = state["last"] if state else None
        self.gaps: deque[int] = deque(state["gaps"] if state else (1, 1), maxlen=_GAPS)
        self._learn()

    def _learn(self) -> None:
        middle = sorted(self.gaps)[(len(self.gaps) - 1) // 2]
        self.interval_min = min(middle, self.p.longest_interval_min)
        self.limit_min = max(self.p.stale_reports * self.interval_min, self.p.stale_min)

    def note(self, minute: int) -> None:
        if self.last is not None:
            gap = minute - self.last
            self.gaps.append(gap)
            if gap != self.interval_min or self.interval_min != 1:
                self._learn()
        self.last = minute

    def fresh(self, minute: int) -> bool:
        return self.last is not None and minute - self.last < self.limit_min

    def state(self) -> dict[str, Any]:
        return {"last": self.last, "gaps": list(self.gaps)}


class Motion:
    """PIR: full evidence at motion, fading over the quiet minutes that were observed.

    Only readings make quiet: minutes lost on the way do not count as still. After an outage the time before is
    unknown, so the sensor says nothing for presence until it sees motion, and against it as quiet is observed.
    """

    __slots__ = ("p", "reports", "seen", "since")

    def __init__(self, p: PresenceParameters, state: dict[str, Any] | None = None) -> None:
        self.p = p
        self.reports = Reports(p, state and state["reports"])
        self.since: int = (
            state["since"] if state else 0
        )  # of the last motion, or of the first reading since an outage
        self.seen: bool = state["seen"] if state else False  # `since` is a motion

    def read(self, minute: int, value: float) -> bool:
        """Take a reading; True if it is motion."""
        returned = not self.reports.fresh(minute)
        self.reports.note(minute)
        if value >= 0.5:
            self.since, self.seen = minute, True
            return True
        if returned:
            self.since, self.seen = minute, False
        return False

    def weight(self, minute: int) -> float | None:
        if not self.reports.fresh(minute) or self.reports.last is None:
            return None
        p = self.p
        quiet = self.reports.last - self.since
        weight = p.motion_high * (1 - (quiet - 1) / (p.motion_hold_min - 1))
        return max(p.motion_low, min(weight, p.motion_high if self.seen else 0.0))

    def state(self) -> dict[str, Any]:
        return {"reports": self.reports.state(), "since": self.since, "seen": self.seen}


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


class Light:
    """Illuminance against a threshold that is learned after three days. It never makes a state alone.

    The first threshold is a guess: until a reading has crossed it, one below it says nothing (the sensor may hang
    in a dim corner), unless it is dark.
    """

    __slots__ = ("first", "history", "hour", "lux", "p", "proven", "reports", "threshold")

    def __init__(self, p: PresenceParameters, state: dict[str, Any] | None = None) -> None:
        s = state or {}
        self.p = p
        self.reports = Reports(p, s.get("reports"))
        self.lux: float = s.get("lux", 0.0)
        self.first: int | None = s.get("first")
        self.history = Window(p.light_window_min, 24 * 60, s.get("history"))
        self.threshold: float = s.get("threshold", p.light_lx)
        self.proven: bool = s.get("proven", False)
        self.hour: int = s.get("hour", -1)

    def read(self, minute: int, lux: float) -> None:
        self.reports.note(minute)
        self.lux = lux
        if self.first is None:
            self.first = minute
        if lux >= self.threshold:
            self.proven = True
        if lux > self.p.light_dark_lx:
            self.history.add(minute, round(math.log(lux) / LIGHT_BIN))
        if minute // 60 != self.hour:
            self.hour = minute // 60
            if minute - self.first >= self.p.light_learn_min:
                self._learn(minute)

    def _learn(self, minute: int) -> None:
        counts = self.history.counts(minute)
        split = otsu({math.exp(bin_ * LIGHT_BIN): count for bin_, count in counts.items()})
        if split and split[1] >= self.p.light_split:
            self.threshold, self.proven = split[0], True

    def weight(self, minute: int) -> float | None:
        if not self.reports.fresh(minute):
            return None
        if not self.proven and self.lux > self.p.light_dark_lx:
            return 0.0
        above = (self.lux - self.threshold) / (self.p.light_width * self.threshold)
        return self.p.light_gain * max(-1.0, min(above, 1.0))

    def state(self) -> dict[str, Any]:
        return {
            "reports": self.reports.state(),
            "lux": self.lux,
            "first": self.first,
            "history": self.history.state(),
            "threshold": self.threshold,
            "proven": self.proven,
            "hour": self.hour,
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
