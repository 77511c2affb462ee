"""Equipment state from its power, minute by minute, and the stretches of it. Pure, causal.

Source of the method and its figures: docs/equipment.md. What is learned comes from `equipment_learning`, by `use`.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from campus.inference import (
    ALWAYS_ON,
    OFF,
    OFF_OR_STANDBY,
    ON,
    STANDBY,
    UNKNOWN,
    Stretch,
)
from campus.inference.equipment_kinds import power_class
from campus.inference.evidence import Reports
from campus.inference.intervals import SETTLE_MS
from campus.inference.parameters import DEFAULT

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
RECENT_MIN = 30
ON_AT, OFF_BELOW = 1.1, 0.9  # of the threshold
OFF_W = 0.5  # below it, or below METER_STEPS steps of the meter, nothing is drawn
METER_STEPS = 2
OFF_SHARE = 0.5  # of the threshold, at most so much is "off" however coarse the meter
GAP_MIN = 5  # power is not known between two readings further apart
BACKDATE_MIN = SETTLE_MS // MINUTE_MS - 1  # with it a minute is final after SETTLE_MS
STATE_VERSION = 1


class EquipmentCalibration(NamedTuple):
    """What was learned of one piece: in use from about `threshold_w`; `meter_step_w` is None while not known.

    JSON-able by `_asdict()`; `EquipmentCalibration(**learned)` is the way back.
    """

    threshold_w: float
    meter_step_w: float | None = None


class EquipmentStep(NamedTuple):
    """One minute's causal result.

    `state` is on, standby, off, off_or_standby, always_on or unknown; `power_w` the mean W of the minute, None where
    nothing was measured. `low`: the state is still on, but the latest reading was this; the next one decides.
    """

    state: str
    minute_ms: int
    power_w: float | None
    low: str | None = None


class EquipmentPower:
    """The streaming estimator of one piece of equipment. It never learns: `use` gives it what was learned.

    Call `step` once for each minute in order; minutes left out are taken as empty. A reading is held for three of
    the meter's intervals, at least 15 minutes and at most an hour; then the state is unknown. `state()` is JSON-able,
    and `EquipmentPower.restore(kind, state)` continues exactly as if there had been no break.
    """

    def __init__(self, kind: str | None, calibration: EquipmentCalibration | None = None) -> None:
        self._begin(kind, calibration, {})

    def _begin(
        self, kind: str | None, calibration: EquipmentCalibration | None, s: Mapping[str, Any]
    ) -> None:
        self.kind = kind
        self._class = power_class(kind)
        self._operating = ALWAYS_ON if self._class.always_on else ON
        self._reports = Reports(DEFAULT, s.get("reports"))
        self._minute: int = s.get("minute", -1)
        self._state: str = s.get("state", UNKNOWN)
        self._low: str | None = s.get("low")
        self._recent: deque[EquipmentStep] = deque(
            (EquipmentStep(*step) for step in s.get("recent", ())), maxlen=RECENT_MIN
        )
        self.use(calibration)

    @classmethod
    def restore(cls, kind: str | None, state: Mapping[str, Any]) -> "EquipmentPower":
        """Continue from `state()`. Raises ValueError for a state of another version."""
        if state.get("v") != STATE_VERSION:
            raise ValueError(f"equipment state of version {state.get('v')}, this is {STATE_VERSION}")
        power = cls.__new__(cls)
        learned = state["calibration"]
        power._begin(kind, None if learned is None else EquipmentCalibration(*learned), state)
        return power

    def state(self) -> dict[str, Any]:
        """Everything the next step depends on, JSON-able."""
        return {
            "v": STATE_VERSION,
            "calibration": None if self.calibration is None else list(self.calibration),
            "reports": self._reports.state(),
            "minute": self._minute,
            "state": self._state,
            "low": self._low,
            "recent": [list(step) for step in self._recent],
        }

    def use(self, calibration: EquipmentCalibration | None) -> None:
        """From the next step on; None is the default of the kind. Equipment that is always on takes none."""
        if self._class.always_on:
            calibration = None
        self.calibration = calibration
        threshold = self._class.default_w if calibration is None else calibration.threshold_w
        step = None if calibration is None else calibration.meter_step_w
        self.threshold_w = threshold
        self._on_at, self._off_below = ON_AT * threshold, OFF_BELOW * threshold
        self._nothing_w = min(off_limit_w(step), OFF_SHARE * threshold)
        # A meter tells nothing from a little only where it was seen to resolve less than that.
        self._told = self._class.always_on or (step is not None and METER_STEPS * step <= OFF_W)

    @property
    def recent(self) -> list[EquipmentStep]:
        """The last RECENT_MIN steps, oldest first: what `stretches` needs to know of the time before."""
        return list(self._recent)

    @property
    def next_ms(self) -> int | None:
        """The minute expected next; None before the first."""
        return None if self._minute < 0 else (self._minute + 1) * MINUTE_MS

    def step(self, minute_ms: int, power_w: float | None, metered_w: float | None = None) -> EquipmentStep:
        """Take the mean W of one minute, None where nothing usable was measured, and return its state.

        `metered_w`: the mean W of this minute by an energy counter, where there is one; it is what the step carries
        as power. Numbers that are not finite are ignored. Raises ValueError for a minute at or before the last one.
        """
        minute = minute_ms // MINUTE_MS
        if minute <= self._minute:
            raise ValueError(f"minute {minute_ms} is not after {self._minute * MINUTE_MS}")
        self._minute = minute
        if metered_w is not None and not math.isfinite(metered_w):
            metered_w = None
        if power_w is None or not math.isfinite(power_w):
            power_w = metered_w
        if power_w is None:
            if self._state != UNKNOWN and not self._reports.fresh(minute):
                self._state, self._low = UNKNOWN, None
        else:
            self._read(minute, power_w)
        operating = self._state == ON
        step = EquipmentStep(
            self._operating if operating else self._state,
            minute * MINUTE_MS,
            power_w if metered_w is None else metered_w,
            self._low,
        )
        self._recent.append(step)
        return step

    def _read(self, minute: int, power_w: float) -> None:
        if not self._reports.fresh(minute):
            self._state, self._low = UNKNOWN, None
        self._reports.note(minute)
        if power_w >= self._on_at or (self._state == UNKNOWN and power_w >= self.threshold_w):
            self._state, self._low = ON, None
        elif self._state == ON and power_w >= self._off_below:
            self._low = None
        elif self._state == ON and self._low is None:
            self._low = self._level(power_w)
        else:
            self._state, self._low = self._level(power_w), None

    def _level(self, power_w: float) -> str:
        """The state of power too low for use."""
        if power_w >= self._nothing_w:
            return STANDBY
        return OFF if self._told else OFF_OR_STANDBY


def off_limit_w(meter_step_w: float | None) -> float:
    """Below it nothing is drawn, as far as the meter can tell."""
    return OFF_W if meter_step_w is None else max(OFF_W, METER_STEPS * meter_step_w)


def stretches(steps: Sequence[EquipmentStep], start_ms: int, end_ms: int) -> list[Stretch]:
    """POWER stretches over exactly [start_ms, end_ms): sorted, touching; `value` is the mean W, None where unmetered.

    `steps` ascend; minutes without a step are unknown. Use ends with the first of the readings that ended it, at most
    BACKDATE_MIN earlier. A minute is metered with a reading, or between two at most GAP_MIN apart (linear), and no
    stretch mixes metered and other time: metered_ms is the length of those with a value, their value × length the
    energy. Stretches of use are cut at whole UTC hours, so that their energy lies in its hour. For the same result
    in pieces give each the steps from SETTLE_MS before `start_ms` (`EquipmentPower.recent`) to SETTLE_MS after
    `end_ms`; what spans two pieces is cut between them, each with its own mean.
    """
    states = _backdated(steps)
    watts = _metered(steps)
    found: list[Stretch] = []
    reached = begun = start_ms
    state, metered, energy = UNKNOWN, False, 0.0  # of the stretch being built; energy in W·ms

    def close() -> None:
        if begun < reached:
            value = round(energy / (reached - begun), 3) if metered else None
            found.append(Stretch(begun, reached, state, value))

    for (_, minute_ms, _, _), own, power in zip(steps, states, watts, strict=True):
        end = min(minute_ms + MINUTE_MS, end_ms)
        begin = max(minute_ms, reached)
        if begin >= end:
            continue
        if begin > reached:  # no step
            if state != UNKNOWN or metered:
                close()
                begun, state, metered, energy = reached, UNKNOWN, False, 0.0
            reached = begin
        new_hour = own == ON and begin % HOUR_MS == 0
        if own != state or (power is not None) != metered or new_hour:
            close()
            begun, state, metered, energy = begin, own, power is not None, 0.0
        energy += (power or 0.0) * (end - begin)
        reached = end
    if reached < end_ms:
        if state != UNKNOWN or metered:
            close()
            begun, state, metered = reached, UNKNOWN, False
        reached = end_ms
    close()
    return found


def _backdated(steps: Sequence[EquipmentStep]) -> list[str]:
    states = [step.state for step in steps]
    for i in range(1, len(steps)):
        after, before = steps[i], steps[i - 1]
        if before.low is None or after.low is not None or after.state in (before.state, UNKNOWN):
            continue
        earliest = after.minute_ms - BACKDATE_MIN * MINUTE_MS
        j = i - 1
        while j >= 0 and steps[j].minute_ms >= earliest:
            low = steps[j].low
            if low is None or steps[j + 1].minute_ms - steps[j].minute_ms != MINUTE_MS:
                break
            states[j] = low
            j -= 1
    return states


def _metered(steps: Sequence[EquipmentStep]) -> list[float | None]:
    watts = [step.power_w for step in steps]
    last = -1
    for i, power in enumerate(watts):
        if power is None:
            continue
        before = watts[last] if last >= 0 else None
        if before is not None and i - last > 1:
            span = steps[i].minute_ms - steps[last].minute_ms
            if span <= GAP_MIN * MINUTE_MS:
                for j in range(last + 1, i):
                    share = (steps[j].minute_ms - steps[last].minute_ms) / span
                    watts[j] = before + (power - before) * share
        last = i
    return watts
