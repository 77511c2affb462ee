"""What a piece of equipment's power teaches about it: its threshold of use, and its meter's step. Pure, bounded.

It sees power only, never what people say. The method: docs/equipment.md.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from campus.inference.equipment import GAP_MIN, MINUTE_MS, EquipmentCalibration, off_limit_w
from campus.inference.equipment_kinds import power_class

BINS = 160
MOST_W = 25_000.0
_WIDTH = math.log10(1 + MOST_W) / BINS  # 6.5 % of 1 + W
HALF_LIFE_H = 14 * 24
FIRST_MIN = 120
SIDE_MIN = 60.0  # each side of a split has been seen so long
SPLIT = 0.6  # between-class ÷ total variance a split needs
RATIO, APART_W = 1.8, 4.0  # and its medians
FAR_BELOW, SHARE = 0.2, 0.4
LOWEST, HIGHEST = 0.5, 3.0  # × the default of the kind
METER_STEPS_W = (2.0, 1.0, 0.5, 0.1, 0.05, 0.01)  # each a multiple of the next; finer is as good as the last
STEP_SHARE, STEP_SAMPLES = 0.95, 20.0  # of the readings above nothing are multiples of it
CHANGED = 0.10  # of the threshold, for a new calibration
STEP_CHANGED = 0.5  # of the limit of "off"
EVERY_MIN = 24 * 60
FORGET = 1e-3
STATE_VERSION = 1


class EquipmentLearning:
    """Learns from each minute once, as time goes on; a recomputation must not feed it again. `state()` is JSON-able.

    Its size is bounded: two histograms, which forget by half in 14 days. Equipment that is always on teaches nothing.
    """

    def __init__(self, kind: str | None, state: Mapping[str, Any] | None = None) -> None:
        s = state or {}
        if state is not None and s.get("v") != STATE_VERSION:
            raise ValueError(f"equipment learning of version {s.get('v')}, this is {STATE_VERSION}")
        self._class = power_class(kind)
        self._power = _unpacked(s.get("power", ()), BINS)
        self._multiples = _unpacked(s.get("multiples", ()), len(METER_STEPS_W))
        self._first: int | None = s.get("first")
        self._last: int = s.get("last", -1)
        self._hour: int = s.get("hour", -1)
        self._issued: int | None = s.get("issued")
        self._learned: float | None = s.get("learned")
        self._step: float | None = s.get("step")

    def state(self) -> dict[str, Any]:
        return {
            "v": STATE_VERSION,
            "power": _packed(self._power),
            "multiples": _packed(self._multiples),
            "first": self._first,
            "last": self._last,
            "hour": self._hour,
            "issued": self._issued,
            "learned": self._learned,
            "step": self._step,
        }

    def read(self, minute_ms: int, power_w: float | None) -> EquipmentCalibration | None:
        """Take the mean W of a minute; the new calibration if this minute brought one, to be used from the next on.

        There is one only where the threshold moved by CHANGED or what counts as off by STEP_CHANGED, and, once the
        threshold is learned, at most one in EVERY_MIN. Raises ValueError for a minute at or before the last usable one.
        """
        if self._class.always_on or power_w is None or not math.isfinite(power_w):
            return None
        minute = minute_ms // MINUTE_MS
        if minute <= self._last:
            raise ValueError(f"minute {minute_ms} is not after {self._last * MINUTE_MS}")
        watts = min(max(power_w, 0.0), MOST_W)
        hour = minute // 60
        new = None
        if hour != self._hour:
            if self._first is not None and self._last - self._first >= FIRST_MIN - 1:
                new = self._calibration(minute)
            if self._hour >= 0:
                self._forget(hour - self._hour)
            self._hour = hour
        if self._first is None:
            self._first = minute
        gap = minute - self._last if self._last >= 0 else 1
        self._power[int(math.log10(1 + watts) / _WIDTH - 1e-9)] += min(gap, GAP_MIN)
        if watts > 0:
            self._multiples[_coarsest(watts)] += 1.0
        self._last = minute
        return new

    def _forget(self, hours: int) -> None:
        kept = 0.5 ** (hours / HALF_LIFE_H)
        for bins in (self._power, self._multiples):
            for i, count in enumerate(bins):
                if count:
                    bins[i] = count * kept if count > FORGET else 0.0

    def _calibration(self, minute: int) -> EquipmentCalibration | None:
        threshold = threshold_w(self._power)
        default = self._class.default_w
        if threshold is None or not LOWEST * default <= threshold <= HIGHEST * default:
            threshold = self._learned  # what was learned before stands
        step = meter_step_w(self._multiples)
        if step is None:
            step = self._step
        first = self._learned is None and threshold is not None
        if not first and self._issued is not None and minute - self._issued < EVERY_MIN:
            return None
        moved = threshold is not None and (
            self._learned is None or abs(threshold / self._learned - 1) > CHANGED
        )
        limit, before = off_limit_w(step), off_limit_w(self._step)
        resolved = step is not None and (self._step is None or abs(limit / before - 1) > STEP_CHANGED)
        if not moved and not resolved:
            return None
        self._learned, self._step, self._issued = threshold, step, minute
        return EquipmentCalibration(default if threshold is None else threshold, step)


def threshold_w(bins: Sequence[float]) -> float | None:
    """The threshold between the two classes of a histogram of log10(1 + W) in minutes, or None without two.

    Otsu (1979), accepted where it splits well and both classes are long, apart, and unlike.
    """
    split = _otsu(bins)
    if split is None:
        return None
    low, high = bins[:split], bins[split:]
    if sum(low) < SIDE_MIN or sum(high) < SIDE_MIN:
        return None
    a, b = _median_w(low, 0), _median_w(high, split)
    if b < RATIO * a or b - a < APART_W:
        return None
    threshold = math.sqrt(max(a, 1.0) * b)
    return max(threshold, SHARE * b) if a < FAR_BELOW * b else threshold


def meter_step_w(multiples: Sequence[float]) -> float | None:
    """The coarsest of METER_STEPS_W of which nearly all readings are multiples; None before there are enough.

    `multiples` counts readings by the coarsest one that each is a multiple of.
    """
    total, above = sum(multiples), 0.0
    if total < STEP_SAMPLES:
        return None
    for step, count in zip(METER_STEPS_W, multiples, strict=True):
        above += count
        if above >= STEP_SHARE * total:
            return step
    return METER_STEPS_W[-1]


def _otsu(bins: Sequence[float]) -> int | None:
    """The first bin of the upper class, or None where no split explains SPLIT of the variance."""
    n = sum(bins)
    if not n:
        return None
    total = sum(i * count for i, count in enumerate(bins))
    mean = total / n
    variance = sum(count * (i - mean) ** 2 for i, count in enumerate(bins) if count)
    best, split = 0.0, None
    below = below_sum = 0.0
    for i, count in enumerate(bins):
        if count and below:
            between = (below_sum / below - (total - below_sum) / (n - below)) ** 2 * below * (n - below) / n
            if between > best:
                best, split = between, i
        below += count
        below_sum += i * count
    return split if best >= SPLIT * variance else None


def _median_w(bins: Sequence[float], first: int) -> float:
    wanted, below = sum(bins) / 2, 0.0
    for i, count in enumerate(bins):
        if count and below + count >= wanted:
            return float(10 ** ((first + i + (wanted - below) / count) * _WIDTH) - 1)
        below += count
    return 0.0


def _coarsest(watts: float) -> int:
    for i, step in enumerate(METER_STEPS_W):
        if abs(watts / step - round(watts / step)) < 1e-3:
            return i
    return len(METER_STEPS_W) - 1


def _packed(bins: Sequence[float]) -> list[float]:
    return [n for i, count in enumerate(bins) if count for n in (i, count)]


def _unpacked(flat: Sequence[float], size: int) -> list[float]:
    bins = [0.0] * size
    for i, count in zip(flat[::2], flat[1::2], strict=True):
        bins[int(i)] = count
    return bins
