"""What is learned of one room's sensors, apart from what estimates with it. Pure.

A learner is fed with each minute once, as time advances, and issues a `PresenceCalibration` when it has learned enough
that is new. Estimators only use what was issued: a recomputation is readings and the stored calibrations.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from campus.inference.air import AirLearning
from campus.inference.background import ClientsLearning, LightLearning, SoundLearning
from campus.inference.echo import Echo, other_sees, source
from campus.inference.parameters import DEFAULT, PresenceParameters

MINUTE_MS = 60_000
STEP_BASELINE_PPM = 5.0  # a bin of its histogram
STEP_DECAY = 0.15  # relative, as that of the light
STEP_LIGHT = 0.05  # a third of the width over which light is undecided
STEP_SOUND_DB = 1.0
"""Less than this is no news: fewer rows are stored, and the evidence changes by less than a sensor's own noise."""


class PresenceCalibration(NamedTuple):
    """What presence has learned of a room; a field is None while nothing is learned.

    `decay_per_h` is the median of the fits and two assumed ones; `decay_fits` is their number, 0 while they disagree.
    `light_proven`: a reading has once crossed the threshold, be it the learned or the first one. `usual_clients` are
    there all the time.
    """

    co2_baseline_ppm: float | None = None
    decay_per_h: float | None = None
    decay_fits: int = 0
    light_threshold_lx: float | None = None
    light_proven: bool = False
    sound_quiet_db: float | None = None
    sound_low_db: float | None = None
    usual_clients: int | None = None
    radar_echoes: bool = False

    def row(self) -> dict[str, Any]:
        """JSON-able, by field name."""
        return self._asdict()

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "PresenceCalibration":
        """The opposite of `row`; keys left out are not learned, unknown ones are ignored. Raises ValueError."""
        found: dict[str, Any] = {}
        for name, default in cls._field_defaults.items():
            value = row.get(name, default)
            wanted = bool if default is False else int if name in _WHOLE else (int, float)
            missing = value is None and default is None
            if not missing and (
                not isinstance(value, wanted)
                or (isinstance(value, bool) and wanted is not bool)
                or not math.isfinite(value)
            ):
                raise ValueError(f"presence calibration: {name} is {value!r}, which is not a {_KIND[wanted]}")
            found[name] = value
        return cls(**found)

    def differs(self, other: "PresenceCalibration | None", p: PresenceParameters = DEFAULT) -> bool:
        """Whether it says something new: at least a step, or that something is learned at all."""
        if other is None:
            return self != NOTHING_LEARNED
        if self == other:
            return False
        enough = p.decay_pseudo_fits  # fitted more often, the decay counts as known
        return (
            _far(self.co2_baseline_ppm, other.co2_baseline_ppm, STEP_BASELINE_PPM)
            or _far(self.decay_per_h, other.decay_per_h, STEP_DECAY * (other.decay_per_h or 0.0))
            or (self.decay_fits > enough) != (other.decay_fits > enough)
            or _far(
                self.light_threshold_lx,
                other.light_threshold_lx,
                STEP_LIGHT * (other.light_threshold_lx or 0.0),
            )
            or self.light_proven != other.light_proven
            or _far(self.sound_quiet_db, other.sound_quiet_db, STEP_SOUND_DB)
            or _far(self.sound_low_db, other.sound_low_db, STEP_SOUND_DB)
            or self.usual_clients != other.usual_clients
            or self.radar_echoes != other.radar_echoes
        )


NOTHING_LEARNED = PresenceCalibration()
_WHOLE = ("decay_fits", "usual_clients")
_KIND = {bool: "truth value", int: "whole number", (int, float): "number"}


class PresenceLearning:
    """Learns from each minute's inputs; the same that `Presence.step` takes.

    `state()` is JSON-able, and `PresenceLearning(parameters, state)` continues exactly as if there had been no break.
    """

    def __init__(
        self, parameters: PresenceParameters = DEFAULT, state: Mapping[str, Any] | None = None
    ) -> None:
        s = state or {}
        self.parameters = parameters
        self._air = AirLearning(parameters, s.get("air"))
        self._light = LightLearning(parameters, s.get("light"))
        self._sound = SoundLearning(parameters, s.get("sound"))
        self._clients = ClientsLearning(parameters, s.get("clients"))
        self._echo = Echo(s.get("radar_echo"))
        self._minute: int | None = s.get("minute")
        issued = s.get("issued")
        self.issued: PresenceCalibration | None = issued and PresenceCalibration.from_row(issued)

    def read(self, minute_ms: int, inputs: Mapping[str, float | None]) -> PresenceCalibration | None:
        """Take one minute's values; a calibration to be used from this minute on, if there is news.

        Minutes may be left out where nothing came. Values that no sensor can mean are ignored. Raises ValueError for
        a minute at or before the last one.
        """
        minute = minute_ms // MINUTE_MS
        if self._minute is not None and minute <= self._minute:
            raise ValueError(f"minute {minute_ms} is not after {self._minute * MINUTE_MS}")
        self._minute = minute
        learned = False
        value = inputs.get("co2_ppm")
        if value is not None and 0 < value < 1e6:
            learned = self._air.read(minute, value)
        value = inputs.get("illuminance_lx")
        if value is not None and 0 <= value < 1e7:
            learned = self._light.read(minute, value) or learned
        value = inputs.get("sound_level_dba")
        if value is not None and 0 < value < 200:
            learned = self._sound.read(minute, value) or learned
        value = inputs.get("access_point_clients")
        if value is not None and 0 <= value < 1e6:
            learned = self._clients.read(minute, value) or learned
        running, radar = inputs.get("equipment_in_use"), inputs.get("radar_presence")
        if running is not None and radar is not None and radar >= 0:
            other = other_sees(source(self._air.air(minute)), inputs.get("motion"), self.parameters)
            learned = self._echo.read(minute, radar >= 0.5, running >= 0.5, other) or learned
        if not learned:
            return None
        now = self._now()
        if not now.differs(self.issued, self.parameters):
            return None
        self.issued = now
        return now

    def _now(self) -> PresenceCalibration:
        air, light, sound = self._air, self._light, self._sound
        return PresenceCalibration(
            co2_baseline_ppm=air.baseline,
            decay_per_h=air.k if air.fits else None,
            decay_fits=air.agreed,
            light_threshold_lx=light.threshold,
            light_proven=light.proven,
            sound_quiet_db=sound.quiet,
            sound_low_db=sound.low,
            usual_clients=self._clients.always,
            radar_echoes=self._echo.found,
        )

    def state(self) -> dict[str, Any]:
        """Everything that is learned or will be, JSON-able."""
        return {
            "air": self._air.state(),
            "light": self._light.state(),
            "sound": self._sound.state(),
            "clients": self._clients.state(),
            "radar_echo": self._echo.state(),
            "minute": self._minute,
            "issued": self.issued and self.issued.row(),
        }


def _far(value: float | None, other: float | None, step: float) -> bool:
    if value is None or other is None:
        return value is not other
    return abs(value - other) >= step and value != other


def learning_of_version_2(state: Mapping[str, Any], p: PresenceParameters) -> dict[str, Any]:
    """The state of a learner, from one of presence in which both were one (and of version 1)."""
    co2, light, sound, clients = (state.get(key) or {} for key in ("co2", "light", "sound", "clients"))
    learned: dict[str, Any] = {"minute": state.get("minute")}
    measured = co2.get("reports", {}).get("last") is not None
    if measured:
        learned["air"] = {key: co2[key] for key in ("run", "history", "hour", "fits")}
        learned["air"] |= {"track": track_of_version_2(co2), "baseline": co2["baseline"]}
    if light:
        learned["light"] = {key: light[key] for key in ("first", "history", "proven", "hour")}
        first = light["threshold"] == p.light_lx  # as long as none is learned
        learned["light"]["threshold"] = None if first else light["threshold"]
    if sound:
        learned["sound"] = {key: sound[key] for key in ("reports", "history", "quiet", "hour")}
        learned["sound"]["low"] = None if sound["quiet"] is None else sound["low"]
    if clients:
        learned["clients"] = {key: clients[key] for key in ("reports", "history", "always", "hour")}
    now = PresenceLearning(p, learned)._now()
    return learned | {"issued": now.row() if now.differs(None) else None}


def track_of_version_2(co2: Mapping[str, Any]) -> dict[str, Any]:
    """Level and slope of CO2, likewise."""
    samples = [[minute, int(level * 1024)] for minute, level in co2["samples"]]
    return {"reports": co2["reports"], "level": co2["level"], "samples": samples}
