"""Presence of people in a room, minute by minute: additive log-odds over whichever sensors are fresh. Causal.

Source of the method and its figures: docs/indicators.md. The timetable is never an input: it would prove itself.
"""

import math
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

from campus.inference import OCCUPIED, UNKNOWN, VACANT
from campus.inference.evidence import CarbonDioxide, Light, Motion
from campus.inference.parameters import DEFAULT, PresenceParameters

MINUTE_MS = 60_000
RECENT_MIN = 30
STATE_VERSION = 1


class PresenceStep(NamedTuple):
    """One minute's causal result; what live views show.

    `state` is occupied, vacant or unknown; `p` the smoothed probability, None when unknown; `evidence_ms` the newest
    minute up to this one with motion, or with sensors that on balance spoke for presence; None before the first.
    """

    state: str
    p: float | None
    minute_ms: int
    evidence_ms: int | None


class Presence:
    """The streaming estimator of one room.

    Call `step` once for each minute in order; minutes left out are taken as empty. `state()` is JSON-able, and
    `Presence.restore(state, parameters)` continues exactly as if there had been no break.
    """

    def __init__(self, parameters: PresenceParameters = DEFAULT) -> None:
        self._begin(parameters, {})

    def _begin(self, p: PresenceParameters, s: Mapping[str, Any]) -> None:
        self.parameters = p
        self._motion = Motion(p, s.get("motion"))
        self._co2 = CarbonDioxide(p, s.get("co2"))
        self._light = Light(p, s.get("light"))
        self._minute: int | None = s.get("minute")
        self._smooth: float | None = s.get("smooth")
        self._state: str = s.get("state", UNKNOWN)
        self._evidence_ms: int | None = s.get("evidence_ms")
        self._recent: deque[PresenceStep] = deque(
            (PresenceStep(*step) for step in s.get("recent", ())), maxlen=RECENT_MIN
        )
        self._alpha = 1 - math.exp(-1 / p.smooth_min)
        self._occupied_at = _logit(p.occupied_p)
        self._vacant_at = _logit(p.vacant_p)

    @classmethod
    def restore(cls, state: Mapping[str, Any], parameters: PresenceParameters = DEFAULT) -> "Presence":
        """Continue from `state()`. Raises ValueError for a state of another version."""
        if state.get("v") != STATE_VERSION:
            raise ValueError(f"presence state of version {state.get('v')}, this is {STATE_VERSION}")
        presence = cls.__new__(cls)
        presence._begin(parameters, state)
        return presence

    def state(self) -> dict[str, Any]:
        """Everything the next step depends on, JSON-able."""
        return {
            "v": STATE_VERSION,
            "motion": self._motion.state(),
            "co2": self._co2.state(),
            "light": self._light.state(),
            "minute": self._minute,
            "smooth": self._smooth,
            "state": self._state,
            "evidence_ms": self._evidence_ms,
            "recent": [list(step) for step in self._recent],
        }

    @property
    def recent(self) -> list[PresenceStep]:
        """The last RECENT_MIN steps, oldest first: what `intervals` needs to know of the time before."""
        return list(self._recent)

    @property
    def next_ms(self) -> int | None:
        """The minute expected next; None before the first."""
        return None if self._minute is None else (self._minute + 1) * MINUTE_MS

    def step(self, minute_ms: int, inputs: Mapping[str, float | None]) -> PresenceStep:
        """Take one minute's usable values and return its state.

        `minute_ms` is the start of the minute (Unix ms). `inputs` may hold `motion` (0/1), `co2_ppm` and
        `illuminance_lx`; a missing key is "nothing measured", None or a number that is not finite is ignored.
        Raises ValueError for a minute at or before the last one.
        """
        minute = minute_ms // MINUTE_MS
        if self._minute is not None and minute != self._minute + 1:
            if minute <= self._minute:
                raise ValueError(f"minute {minute_ms} is not after {self._minute * MINUTE_MS}")
            for missed in range(self._minute + 1, minute):
                self._advance(missed, {})
        return self._advance(minute, inputs)

    def _advance(self, minute: int, inputs: Mapping[str, float | None]) -> PresenceStep:
        moved = False
        value = inputs.get("motion")
        if value is not None and 0 <= value < math.inf:  # false for NaN too
            moved = self._motion.read(minute, value)
        value = inputs.get("co2_ppm")
        if value is not None and 0 < value < 1e6:
            self._co2.read(minute, value)
        value = inputs.get("illuminance_lx")
        if value is not None and 0 <= value < 1e7:
            self._light.read(minute, value)

        self._minute = minute
        minute_ms = minute * MINUTE_MS
        motion, co2 = self._motion.weight(minute), self._co2.weight(minute)
        if motion is None and co2 is None:
            self._smooth, self._state = None, UNKNOWN
            step = PresenceStep(UNKNOWN, None, minute_ms, self._evidence_ms)
        else:
            step = self._judge(minute_ms, moved, motion, co2, self._light.weight(minute))
        self._recent.append(step)
        return step

    def _judge(
        self, minute_ms: int, moved: bool, motion: float | None, co2: float | None, light: float | None
    ) -> PresenceStep:
        others = (co2 or 0.0) + (light or 0.0)
        odds = self.parameters.prior + others + (motion or 0.0)
        if moved or self._speaks(motion, co2 or 0.0, light or 0.0):
            self._evidence_ms = minute_ms
        smooth = odds if self._smooth is None else self._smooth + self._alpha * (odds - self._smooth)
        self._smooth = smooth
        if smooth >= self._occupied_at:
            self._state = OCCUPIED
        elif smooth <= self._vacant_at:
            self._state = VACANT
        elif self._state == UNKNOWN:
            self._state = OCCUPIED if smooth >= 0 else VACANT
        return PresenceStep(self._state, 1 / (1 + math.exp(-smooth)), minute_ms, self._evidence_ms)

    def _speaks(self, motion: float | None, co2: float, light: float) -> bool:
        """Whether the sensors speak for presence in this minute. A motion sensor's memory keeps a state alive and
        says nothing of this minute; and where one reports, light does not either: lamps are left on."""
        if motion is None:
            return co2 + light > 0
        return self.parameters.prior + co2 + min(light, 0.0) + min(motion, 0.0) > 0


def _logit(p: float) -> float:
    return math.log(p / (1 - p))
