"""Presence of people in a room, minute by minute: additive log-odds over whichever sensors are fresh. Causal.

Source of the method and its figures: docs/indicators.md. The timetable is never an input: it would prove itself.
"""

import math
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

from campus.inference import OCCUPIED, UNKNOWN, VACANT
from campus.inference.air import CarbonDioxide
from campus.inference.background import Clients, Light, Sound
from campus.inference.evidence import Door, Motion, Radar
from campus.inference.parameters import DEFAULT, PresenceParameters

MINUTE_MS = 60_000
RECENT_MIN = 30
STATE_VERSION = 2
READABLE = (1, STATE_VERSION)  # version 1 lacks sensors that then were not read, and the onset of a step


class PresenceStep(NamedTuple):
    """One minute's causal result; what live views show.

    `state` is occupied, vacant or unknown; `p` the smoothed probability, None when unknown; `evidence_ms` the newest
    minute up to this one with somebody moving, or with sensors that on balance spoke for presence; None before the
    first. `onset_ms` is the first of the minutes since which, unsmoothed and without a break, all sensors together
    speak for presence; None while they do not.
    """

    state: str
    p: float | None
    minute_ms: int
    evidence_ms: int | None
    onset_ms: int | None = None


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
        self._radar = Radar(p, s.get("radar"))
        self._sound = Sound(p, s.get("sound"))
        self._clients = Clients(p, s.get("clients"))
        self._door = Door(p, s.get("door"))
        self._minute: int | None = s.get("minute")
        self._smooth: float | None = s.get("smooth")
        self._state: str = s.get("state", UNKNOWN)
        self._evidence_ms: int | None = s.get("evidence_ms")
        self._onset_ms: int | None = s.get("onset_ms")
        self._recent: deque[PresenceStep] = deque(
            (PresenceStep(*step) for step in s.get("recent", ())), maxlen=RECENT_MIN
        )
        self._alpha = 1 - math.exp(-1 / p.smooth_min)
        self._occupied_at = _logit(p.occupied_p)
        self._vacant_at = _logit(p.vacant_p)

    @classmethod
    def restore(cls, state: Mapping[str, Any], parameters: PresenceParameters = DEFAULT) -> "Presence":
        """Continue from `state()`. Raises ValueError for a state of a version that is not READABLE."""
        if state.get("v") not in READABLE:
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
            "radar": self._radar.state(),
            "sound": self._sound.state(),
            "clients": self._clients.state(),
            "door": self._door.state(),
            "minute": self._minute,
            "smooth": self._smooth,
            "state": self._state,
            "evidence_ms": self._evidence_ms,
            "onset_ms": self._onset_ms,
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

        `minute_ms` is the start of the minute (Unix ms). `inputs` may hold the points of `fuse.INPUTS`, and with
        `door_open` a true `door_changed`, if a door was opened or closed in this minute. A missing key is "nothing
        measured"; None, a number that is not finite and one that no sensor can mean are ignored.
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
        seen = bool(inputs) and self._read(minute, inputs)
        self._minute = minute
        minute_ms = minute * MINUTE_MS
        motion, co2 = self._motion.weight(minute), self._co2.weight(minute)
        radar, sound = self._radar.weight(minute), self._sound.weight(minute)
        if motion is None and co2 is None and radar is None and sound is None:
            self._smooth, self._state, self._onset_ms = None, UNKNOWN, None
            step = PresenceStep(UNKNOWN, None, minute_ms, self._evidence_ms)
        else:
            detected = (motion or 0.0) + (radar or 0.0)
            heard = (co2 or 0.0) + (sound or 0.0)
            light, clients = self._light.weight(minute) or 0.0, self._clients.weight(minute) or 0.0
            door = self._door.weight(minute, self._motion.quiet(minute)) or 0.0
            if motion is None and radar is None:
                seen = seen or heard + light + clients + door > 0
            elif not seen:
                door_now = door if self._door.changed == minute else min(door, 0.0)
                against = (
                    min(light, 0.0) + min(clients, 0.0) + min(motion or 0.0, 0.0) + min(radar or 0.0, 0.0)
                )
                seen = self.parameters.prior + heard + door_now + against > 0
            step = self._judge(minute_ms, seen, heard + light + clients + door + detected)
        self._recent.append(step)
        return step

    def _read(self, minute: int, inputs: Mapping[str, float | None]) -> bool:
        """Take the usable values; True if a sensor saw somebody. The comparisons are false for NaN too."""
        moved = present = False
        value = inputs.get("motion")
        if value is not None and 0 <= value < math.inf:
            moved = self._motion.read(minute, value)
        value = inputs.get("co2_ppm")
        if value is not None and 0 < value < 1e6:
            self._co2.read(minute, value)
        value = inputs.get("illuminance_lx")
        if value is not None and 0 <= value < 1e7:
            self._light.read(minute, value)
        value = inputs.get("sound_level_dba")
        if value is not None and 0 < value < 200:
            self._sound.read(minute, value)
        value = inputs.get("access_point_clients")
        if value is not None and 0 <= value < 1e6:
            self._clients.read(minute, value)
        value = inputs.get("door_open")
        if value is not None and 0 <= value < math.inf:
            self._door.read(minute, value, bool(inputs.get("door_changed")))
        value = inputs.get("radar_presence")
        if value is not None and 0 <= value < math.inf:
            self._radar.read(minute, value)
            present = self._radar.present
        if moved or (self._co2.weight(minute) or 0.0) > 0:
            self._radar.vouch(minute)
        return moved or (present and not self._radar.doubtful())

    def _judge(self, minute_ms: int, seen: bool, said: float) -> PresenceStep:
        odds = self.parameters.prior + said
        if seen:
            self._evidence_ms = minute_ms
        if odds <= 0:
            self._onset_ms = None
        elif self._onset_ms is None:
            self._onset_ms = minute_ms
        smooth = odds if self._smooth is None else self._smooth + self._alpha * (odds - self._smooth)
        self._smooth = smooth
        if smooth >= self._occupied_at:
            self._state = OCCUPIED
        elif smooth <= self._vacant_at:
            self._state = VACANT
        elif self._state == UNKNOWN:
            self._state = OCCUPIED if smooth >= 0 else VACANT
        p = 1 / (1 + math.exp(-smooth))
        return PresenceStep(self._state, p, minute_ms, self._evidence_ms, self._onset_ms)


def _logit(p: float) -> float:
    return math.log(p / (1 - p))
