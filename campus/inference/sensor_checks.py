"""Sensors that cannot be right: stuck, blind, following an appliance, never moving, drifting. Causal, pure.

Findings are for a work list: somebody goes and looks. What a finding takes from a sensor's evidence is in `presence`:
a stuck CO2 sensor says nothing, a radar that is alone or follows an appliance little.
"""

import math
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

from campus.inference import OCCUPIED, VACANT
from campus.inference.air import Air
from campus.inference.echo import Echo, other_sees, people_seen, source
from campus.inference.parameters import DEFAULT, PresenceParameters
from campus.inference.presence import MINUTE_MS, PresenceStep

STUCK, BLIND, ECHO, STILL = "stuck", "blind", "echo", "still"
BASELINE_LOW, BASELINE_CREEPS = "baseline_low", "baseline_creeps"

VARYING = ("co2_ppm", "sound_level_dba", "illuminance_lx")
STUCK_MIN = 1440  # unchanged to the last digit, and
STUCK_DARK_MIN = 3 * 1440  # darkness: over a weekend it is none
STUCK_OTHERS_MIN = 60  # in as many of those minutes another sensor's value changed
BLIND_MIN = 2 * 1440  # readings without seeing anybody, and
BLIND_PEOPLE_MIN = 60  # in as many of those minutes others saw people
STILL_MIN = 7 * 1440
STILL_VISITS = 5
LOW_PPM = 350.0  # outdoor air has some 420
CREEP_PPM = 75.0
CREEP_DAYS, WEEK = 28, 7


class Finding(NamedTuple):
    """One doubt about one point of the room, since when, and the figures for the sentence that tells it.

    `kind` is also the key of that sentence.
    """

    kind: str
    point: str
    since_ms: int
    figures: dict[str, float]


class SensorChecks:
    """The streaming checks of one room. `state()` is JSON-able; given back, it continues as if without a break."""

    def __init__(
        self, parameters: PresenceParameters = DEFAULT, state: Mapping[str, Any] | None = None
    ) -> None:
        s = state or {}
        self._p = parameters
        # value, since, minutes in which others changed
        self._same: dict[str, list[float]] = {key: list(row) for key, row in s.get("same", {}).items()}
        # since, readings without seeing anybody, minutes of them with people
        self._quiet: dict[str, list[int]] = {key: list(row) for key, row in s.get("quiet", {}).items()}
        self._echo = {key: Echo(s.get("echo", {}).get(key)) for key in ("motion", "radar_presence")}
        self._door: list[float] | None = s.get("door") and list(s["door"])  # value, since, readings, visits
        self._was: str | None = s.get("was")
        self._lowest: deque[tuple[int, float]] = deque(
            ((day, ppm) for day, ppm in s.get("lowest", ())), maxlen=CREEP_DAYS
        )
        self._low_since: int | None = s.get("low_since")
        self._creep_since: int | None = s.get("creep_since")

    def state(self) -> dict[str, Any]:
        return {
            "same": {key: list(row) for key, row in self._same.items()},
            "quiet": {key: list(row) for key, row in self._quiet.items()},
            "echo": {key: echo.state() for key, echo in self._echo.items()},
            "door": self._door and list(self._door),
            "was": self._was,
            "lowest": [list(pair) for pair in self._lowest],
            "low_since": self._low_since,
            "creep_since": self._creep_since,
        }

    def step(self, presence: PresenceStep, inputs: Mapping[str, float | None], air: Air | None) -> None:
        """Take one minute: the step that presence made of `inputs`, and its `Presence.air`."""
        minute = presence.minute_ms // MINUTE_MS
        arrived = self._was == VACANT and presence.state == OCCUPIED
        self._was = presence.state
        if inputs:
            self._watch_same(minute, inputs)
            self._watch_detectors(minute, inputs, air)
            self._watch_door(minute, inputs, arrived)
        if air is not None and air.baseline_ppm is not None:
            self._watch_baseline(minute, air.baseline_ppm)

    def findings(self) -> list[Finding]:
        """What is doubted now, by kind and point."""
        found: list[Finding] = []

        def add(kind: str, point: str, since: float, **figures: float) -> None:
            found.append(Finding(kind, point, int(since) * MINUTE_MS, figures))

        for point, (value, since, changes, last) in self._same.items():
            dark = point == "illuminance_lx" and value <= self._p.light_dark_lx
            if last - since >= (STUCK_DARK_MIN if dark else STUCK_MIN) and changes >= STUCK_OTHERS_MIN:
                add(STUCK, point, since, value=value, unchanged_min=last - since)
        for point, (first, readings, people) in self._quiet.items():
            if readings >= BLIND_MIN and people >= BLIND_PEOPLE_MIN:
                add(BLIND, point, first, readings=readings, people_min=people)
        for point, echo in self._echo.items():
            if echo.found and echo.since is not None:
                add(ECHO, point, echo.since, **echo.figures())
        if self._door is not None:
            state, begin, checked, visits = self._door
            if checked >= STILL_MIN and visits >= STILL_VISITS:
                add(STILL, "door_open", begin, value=state, visits=visits)
        if self._low_since is not None:
            add(BASELINE_LOW, "co2_ppm", self._low_since, baseline_ppm=self._lowest[-1][1])
        if self._creep_since is not None:
            early, late = self._weeks()
            add(BASELINE_CREEPS, "co2_ppm", self._creep_since, baseline_ppm=late, before_ppm=early)
        return found

    def _watch_same(self, minute: int, inputs: Mapping[str, float | None]) -> None:
        moved = 1 if inputs.get("motion") else 0
        held: list[list[float]] = []
        for point in VARYING:
            value = inputs.get(point)
            if value is None or not math.isfinite(value):
                continue
            row = self._same.get(point)
            if row is None or row[0] != value:
                moved += row is not None
                self._same[point] = [value, minute, 0, minute]
            else:
                row[3] = minute
                held.append(row)
        if moved:
            for row in held:
                row[2] += 1

    def _watch_detectors(self, minute: int, inputs: Mapping[str, float | None], air: Air | None) -> None:
        breath = source(air)
        running = inputs.get("equipment_in_use")
        for point, other_point in (("motion", "radar_presence"), ("radar_presence", "motion")):
            value = inputs.get(point)
            if value is None or not 0 <= value < 1e6:
                continue
            other = inputs.get(other_point)
            seen = value >= 0.5
            self._watch_quiet(minute, point, seen, people_seen(breath, other, running, self._p))
            if running is not None:
                agrees = other_sees(breath, other, self._p)
                self._echo[point].read(minute, seen, running >= 0.5, agrees)

    def _watch_quiet(self, minute: int, point: str, seen: bool, people: bool) -> None:
        row = self._quiet.get(point)
        if seen or row is None:
            self._quiet[point] = [minute, 0, 0]
            return
        row[1] += 1
        row[2] += people

    def _watch_door(self, minute: int, inputs: Mapping[str, float | None], arrived: bool) -> None:
        value = inputs.get("door_open")
        if value is None:
            return
        door = self._door
        if door is None or door[0] != value or inputs.get("door_changed"):
            self._door = [value, minute, 0, 0]
            return
        door[2] += 1
        door[3] += arrived

    def _watch_baseline(self, minute: int, baseline: float) -> None:
        day = minute // 1440
        if self._lowest and self._lowest[-1][0] == day:
            if self._lowest[-1][1] == baseline:
                return
            self._lowest[-1] = (day, baseline)
        else:
            self._lowest.append((day, baseline))
        if baseline >= LOW_PPM:
            self._low_since = None
        elif self._low_since is None:
            self._low_since = minute
        early, late = self._weeks()
        if not early or late - early < CREEP_PPM:
            self._creep_since = None
        elif self._creep_since is None:
            self._creep_since = minute

    def _weeks(self) -> tuple[float, float]:
        """The lowest baselines of the first and the last week of CREEP_DAYS; (0, 0) before so many days."""
        newest = self._lowest[-1][0]
        early = [ppm for day, ppm in self._lowest if newest - CREEP_DAYS < day <= newest - CREEP_DAYS + WEEK]
        late = [ppm for day, ppm in self._lowest if day > newest - WEEK]
        return (min(early), min(late)) if early else (0.0, 0.0)
