"""Presence of people in a room, minute by minute: additive log-odds over whichever sensors are fresh. Causal.

Source of the method and its figures: docs/indicators.md. The timetable is never an input: it would prove itself.
"""

import math
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

from campus.inference import OCCUPIED, UNKNOWN, VACANT
from campus.inference.air import Air, CarbonDioxide
from campus.inference.background import Clients, Light, Sound
from campus.inference.calibration import (
    NOTHING_LEARNED,
    PresenceCalibration,
    PresenceLearning,
    learning_of_version_2,
    track_of_version_2,
)
from campus.inference.evidence import Door, Motion, Radar, Switched
from campus.inference.parameters import DEFAULT, PresenceParameters

MINUTE_MS = 60_000
RECENT_MIN = 30
EVIDENCE_MIN = 60
STATE_VERSION = 3
READABLE = (1, 2, STATE_VERSION)  # in 1 and 2 what was learned and what estimates were one
TOLD = ("equipment_in_use", "lighting_on")
"""Inputs beside those of `fuse`: the caller's judgement of each minute, 1 or 0, left out where it has none."""
OWN = PresenceLearning()  # stands for a learner of its own


class PresenceStep(NamedTuple):
    """One minute's causal result; what live views show.

    `state` is occupied, vacant or unknown; `p` the smoothed probability, None when unknown; `evidence_ms` the newest
    minute up to this one with somebody moving, or with sensors that on balance spoke for presence; None when there
    was none for EVIDENCE_MIN. `onset_ms` is the first of the minutes since which, unsmoothed and without a break, all
    sensors together speak for presence; None while they do not.
    """

    state: str
    p: float | None
    minute_ms: int
    evidence_ms: int | None
    onset_ms: int | None = None


class Presence:
    """The streaming estimator of one room.

    Call `step` once for each minute in order; minutes left out are taken as empty. By default it teaches itself: a
    `PresenceLearning` reads each minute first. With `learner=None` it uses what `use` gives it, and learns nothing.
    `state()` is JSON-able, and `Presence.restore(state, parameters)` continues exactly as if there had been no break.
    """

    def __init__(
        self, parameters: PresenceParameters = DEFAULT, learner: PresenceLearning | None = OWN
    ) -> None:
        self.learner = PresenceLearning(parameters) if learner is OWN else learner
        self._begin(parameters, {})
        if self.learner is not None and self.learner.issued is not None:
            self.use(self.learner.issued)

    def _begin(self, p: PresenceParameters, s: Mapping[str, Any]) -> None:
        self.parameters = p
        self._motion = Motion(p, s.get("motion"))
        self._co2 = CarbonDioxide(p, s.get("co2"))
        self._light = Light(p, s.get("light"))
        self._radar = Radar(p, s.get("radar"))
        self._sound = Sound(p, s.get("sound"))
        self._clients = Clients(p, s.get("clients"))
        self._door = Door(p, s.get("door"))
        self._equipment = Switched(p, p.equipment_used, p.equipment_unused, s.get("equipment"))
        self._lighting = Switched(p, p.lighting_on, p.lighting_off, s.get("lighting"))
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
        self.use(PresenceCalibration.from_row(s.get("calibration") or {}))

    @classmethod
    def restore(
        cls,
        state: Mapping[str, Any],
        parameters: PresenceParameters = DEFAULT,
        learner: PresenceLearning | None = OWN,
    ) -> "Presence":
        """Continue from `state()`, with the learner in it or none if it has none; or with the one that is given.

        Raises ValueError for a state of a version that is not READABLE.
        """
        version = state.get("v")
        if version not in READABLE:
            raise ValueError(f"presence state of version {version}, this is {STATE_VERSION}")
        if version != STATE_VERSION:
            state = _of_version_2(state, parameters)
        presence = cls.__new__(cls)
        presence._begin(parameters, state["estimator"])
        if learner is OWN:
            learned = state["learner"]
            learner = None if learned is None else PresenceLearning(parameters, learned)
        presence.learner = learner
        return presence

    def state(self) -> dict[str, Any]:
        """JSON-able: under `estimator` all that the next step depends on, under `learner` what it is taught by.

        Estimators that use the same calibrations have equal states again some time after different readings.
        """
        return {
            "v": STATE_VERSION,
            "estimator": {
                "motion": self._motion.state(),
                "co2": self._co2.state(),
                "light": self._light.state(),
                "radar": self._radar.state(),
                "sound": self._sound.state(),
                "clients": self._clients.state(),
                "door": self._door.state(),
                "equipment": self._equipment.state(),
                "lighting": self._lighting.state(),
                "minute": self._minute,
                "smooth": self._smooth,
                "state": self._state,
                "evidence_ms": self._evidence_ms,
                "onset_ms": self._onset_ms,
                "recent": [list(step) for step in self._recent],
                "calibration": self.calibration.row(),
            },
            "learner": None if self.learner is None else self.learner.state(),
        }

    def use(self, calibration: PresenceCalibration) -> None:
        """Use what was learned, from the next step on."""
        self.calibration = c = calibration
        self._co2.use(c.co2_baseline_ppm, c.decay_per_h, c.decay_fits)
        self._light.use(c.light_threshold_lx, c.light_proven)
        self._sound.use(c.sound_quiet_db, c.sound_low_db)
        self._clients.use(c.usual_clients)
        self._radar.echoes = c.radar_echoes and self._equipment.on

    @property
    def recent(self) -> list[PresenceStep]:
        """The last RECENT_MIN steps, oldest first: what `intervals` needs to know of the time before."""
        return list(self._recent)

    @property
    def next_ms(self) -> int | None:
        """The minute expected next; None before the first."""
        return None if self._minute is None else (self._minute + 1) * MINUTE_MS

    @property
    def air(self) -> Air | None:
        """The CO2 balance of the last minute; None where CO2 says nothing. For `PeopleCount`."""
        return None if self._minute is None else self._co2.air(self._minute)

    def step(self, minute_ms: int, inputs: Mapping[str, float | None]) -> PresenceStep:
        """Take one minute's usable values and return its state.

        `minute_ms` is the start of the minute (Unix ms). `inputs` may hold the points of `fuse.INPUTS`, with
        `door_open` a true `door_changed`, if a door was opened or closed in this minute, and what is TOLD. A missing
        key is "nothing measured"; None, a number that is not finite and one that no sensor can mean are ignored.
        Raises ValueError for a minute at or before the last one.
        """
        minute = minute_ms // MINUTE_MS
        if self._minute is not None and minute != self._minute + 1:
            if minute <= self._minute:
                raise ValueError(f"minute {minute_ms} is not after {self._minute * MINUTE_MS}")
            for missed in range(self._minute + 1, minute):
                self._advance(missed, {})
        if self.learner is not None and inputs:
            learned = self.learner.read(minute_ms, inputs)
            if learned is not None:
                self.use(learned)
        return self._advance(minute, inputs)

    def _advance(self, minute: int, inputs: Mapping[str, float | None]) -> PresenceStep:
        seen = bool(inputs) and self._read(minute, inputs)
        self._minute = minute
        minute_ms = minute * MINUTE_MS
        motion, co2 = self._motion.weight(minute), self._co2.weight(minute)
        radar, sound = self._radar.weight(minute), self._sound.weight(minute)
        if self._evidence_ms is not None and minute_ms - self._evidence_ms > EVIDENCE_MIN * MINUTE_MS:
            self._evidence_ms = None
        if motion is None and co2 is None and radar is None and sound is None:
            self._smooth, self._state, self._onset_ms = None, UNKNOWN, None
            step = PresenceStep(UNKNOWN, None, minute_ms, self._evidence_ms)
        else:
            detected = (motion or 0.0) + (radar or 0.0)
            heard = (co2 or 0.0) + (sound or 0.0)
            door = self._door.weight(minute, self._motion.quiet(minute)) or 0.0
            left = [  # what may stay on or near when people leave
                self._light.weight(minute) or 0.0,
                self._clients.weight(minute) or 0.0,
                self._equipment.weight(minute) or 0.0,
                self._lighting.weight(minute) or 0.0,
            ]
            if seen:  # somebody is there: that lamps are dark and devices off says nothing against it
                left = [max(0.0, weight) for weight in left]
            said = heard + door + sum(left)
            if motion is None and radar is None:
                seen = seen or said > 0
            elif not seen:
                door_now = door if self._door.changed == minute else min(door, 0.0)
                against = sum([weight for weight in (*left, motion, radar) if weight and weight < 0])
                seen = self.parameters.prior + self._rising(co2) + (sound or 0.0) + door_now + against > 0
            step = self._judge(minute_ms, seen, said + detected)
        self._recent.append(step)
        return step

    def _rising(self, co2: float | None) -> float:
        """What CO2 says, and for presence only while it does not fall fast: a room still holds its air when left."""
        falls = (self._co2.slope or 0.0) < -self.parameters.co2_middle_ppm_h
        return min(co2 or 0.0, 0.0) if falls else co2 or 0.0

    def _read(self, minute: int, inputs: Mapping[str, float | None]) -> bool:
        """Take the usable values; True if a sensor saw somebody. The comparisons are false for NaN too."""
        moved = present = vouched = False
        get = inputs.get
        value = get("motion")
        if value is not None and 0 <= value < math.inf:
            moved = self._motion.read(minute, value)
        value = get("co2_ppm")
        if value is not None and 0 < value < 1e6:
            self._co2.read(minute, value)
        value = get("illuminance_lx")
        if value is not None and 0 <= value < 1e7:
            self._light.read(minute, value)
        value = get("sound_level_dba")
        if value is not None and 0 < value < 200:
            self._sound.read(minute, value)
        value = get("access_point_clients")
        if value is not None and 0 <= value < 1e6:
            self._clients.read(minute, value)
        value = get("door_open")
        if value is not None and 0 <= value < math.inf:
            self._door.read(minute, value, bool(get("door_changed")))
        value = get("equipment_in_use")
        if value is not None and 0 <= value < math.inf:
            vouched = self._equipment.read(minute, value) and not self.calibration.radar_echoes
            self._radar.echoes = self.calibration.radar_echoes and self._equipment.on
        value = get("lighting_on")
        if value is not None and 0 <= value < math.inf:
            self._lighting.read(minute, value)
        value = get("radar_presence")
        if value is not None and 0 <= value < math.inf:
            self._radar.read(minute, value)
            present = self._radar.present
        if moved or vouched or (self._co2.weight(minute) or 0.0) > 0:
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
        if -_SAME < odds - smooth < _SAME:
            smooth = odds  # else a trace of the past would stay for ever in the last digits
        self._smooth = smooth
        if smooth >= self._occupied_at:
            self._state = OCCUPIED
        elif smooth <= self._vacant_at:
            self._state = VACANT
        elif self._state == UNKNOWN:
            self._state = OCCUPIED if smooth >= 0 else VACANT
        p = 1 / (1 + math.exp(-smooth))
        return PresenceStep(self._state, p, minute_ms, self._evidence_ms, self._onset_ms)


_SAME = 1e-9


def _logit(p: float) -> float:
    return math.log(p / (1 - p))


def _of_version_2(state: Mapping[str, Any], p: PresenceParameters) -> dict[str, Any]:
    """A state of version 1 or 2 as one of today: one by one the same, what was learned moved to the learner."""
    learner = learning_of_version_2(state, p)
    estimator = dict(state) | {"calibration": learner["issued"] or NOTHING_LEARNED.row()}
    co2 = state.get("co2")
    if co2:
        estimator["co2"] = {key: co2[key] for key in ("value", "same", "said")} | {
            "track": track_of_version_2(co2)
        }
    return {"estimator": estimator, "learner": learner}
