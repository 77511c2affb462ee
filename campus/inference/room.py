"""One room, minute by minute: its presence, people, air and warmth, and the equipment that its boards meter. Pure.

It puts the estimators together, and nothing else: each has its contract in its own module. Equipment in use and lamps
are evidence of people; what is learned is used from the minute of its calibration on, here and in any recomputation.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from campus.inference import (
    CO2,
    EQUIPMENT,
    ON,
    PEOPLE,
    POWER,
    ROOM,
    TEMPERATURE,
    UNKNOWN,
    Interval,
    Stretch,
    comfort,
    equipment,
)
from campus.inference.calibration import PresenceCalibration, PresenceLearning
from campus.inference.comfort import CO2_HIGH_PPM, TEMPERATURE_HIGH_C, Comfort, ComfortStep
from campus.inference.equipment import EquipmentCalibration, EquipmentPower, EquipmentStep
from campus.inference.equipment_kinds import power_class
from campus.inference.equipment_learning import EquipmentLearning
from campus.inference.intervals import SETTLE_MS, intervals
from campus.inference.parameters import PresenceParameters, parameters
from campus.inference.people import PeopleCount, PeopleStep, people_stretches
from campus.inference.presence import MINUTE_MS, RECENT_MIN, Presence, PresenceStep
from campus.inference.sensor_checks import SensorChecks

STATE_VERSION = 1
LIGHTING = "lighting"
LEAD_MS = SETTLE_MS + MINUTE_MS
"""What is learned holds so much later: what settles an interval is then known when it is cut, now as in any
recomputation."""


@dataclass(frozen=True, slots=True)
class RoomModel:
    """What is known of a room: its type, its air, its seats, and the kind of each piece of equipment in it."""

    room_type: str | None = None
    volume_m3: float | None = None
    capacity: int | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)

    @property
    def parameters(self) -> PresenceParameters:
        return parameters(self.room_type)


class Learned(NamedTuple):
    """A new calibration of the room or of a piece of equipment, for the minutes from `issued_at_ms` on."""

    kind: str  # ROOM or EQUIPMENT
    id: str  # of the piece; "" for the room
    issued_at_ms: int
    row: dict[str, Any]


class RoomStep(NamedTuple):
    """One minute's causal results; `pieces` holds a step of each piece that was ever metered."""

    presence: PresenceStep
    people: PeopleStep
    co2: ComfortStep
    temperature: ComfortStep
    pieces: dict[str, EquipmentStep]


Power = Mapping[str, tuple[float | None, float | None]]
"""equipment -> (mean W, mean W by its energy counter) of one minute; missing: nothing was measured."""


class RoomInference:
    """The streaming estimators of one room. `state()` is JSON-able; `restore` continues exactly.

    It never learns: `use` gives it what `RoomLearning` issued.
    """

    def __init__(self, model: RoomModel, state: Mapping[str, Any] | None = None) -> None:
        """Raises ValueError for a state of a version that cannot be read."""
        s = state or {}
        if state is not None and s.get("v") != STATE_VERSION:
            raise ValueError(f"room state of version {s.get('v')}, this is {STATE_VERSION}")
        self.model, p = model, model.parameters
        told = s.get("presence")
        self.presence = Presence(p, None) if told is None else Presence.restore(told, p, None)
        self._people = PeopleCount(model.volume_m3, model.capacity, p, s.get("people"))
        self._co2 = Comfort(CO2_HIGH_PPM, s.get("co2"))
        self._temperature = Comfort(TEMPERATURE_HIGH_C, s.get("temperature"))
        self._pieces = {
            id: EquipmentPower.restore(model.kinds.get(id), one) for id, one in s.get("pieces", {}).items()
        }
        self.inputs: Mapping[str, float | None] = {}  # of the last minute, with what its equipment said
        self._recent: deque[tuple[PeopleStep, ComfortStep, ComfortStep]] = deque(
            ((PeopleStep(*a), ComfortStep(*b), ComfortStep(*c)) for a, b, c in s.get("recent", ())),
            maxlen=RECENT_MIN,
        )

    def use(self, learned: Learned) -> None:
        """From the next step on. Raises ValueError for a row that is none."""
        if learned.kind == ROOM:
            self.presence.use(PresenceCalibration.from_row(learned.row))
        else:
            self._piece(learned.id).use(EquipmentCalibration(**learned.row))

    def step(self, minute_ms: int, inputs: Mapping[str, float | None], power: Power) -> RoomStep:
        """Take one minute's values: `inputs` of `fuse`, `power` of the metered equipment.

        Raises ValueError for a minute at or before the last one.
        """
        pieces = {}
        for id in power.keys() - self._pieces.keys():
            self._piece(id)
        for id, piece in self._pieces.items():
            pieces[id] = piece.step(minute_ms, *power.get(id, (None, None)))
        self.inputs = self._with_switched(inputs, pieces)
        presence = self.presence.step(minute_ms, self.inputs)
        counted = self._people.step(presence, self.presence.air)
        co2 = self._co2.step(minute_ms, inputs.get("co2_ppm"))
        warm = self._temperature.step(minute_ms, inputs.get("temperature_c"))
        self._recent.append((counted, co2, warm))
        return RoomStep(presence, counted, co2, warm, pieces)

    def _with_switched(
        self, inputs: Mapping[str, float | None], pieces: Mapping[str, EquipmentStep]
    ) -> Mapping[str, float | None]:
        known = {
            id: step.state == ON
            for id, step in pieces.items()
            if step.power_w is not None and step.state != UNKNOWN
        }
        if not known:
            return inputs
        switched: dict[str, float | None] = dict(inputs)
        for id, on in known.items():
            kind = self.model.kinds.get(id)
            if kind == LIGHTING:
                name = "lighting_on"
            elif power_class(kind).always_on:
                continue
            else:
                name = "equipment_in_use"
            switched[name] = max(switched.get(name) or 0.0, float(on))
        return switched

    def _piece(self, id: str) -> EquipmentPower:
        if id not in self._pieces:
            self._pieces[id] = EquipmentPower(self.model.kinds.get(id))
        return self._pieces[id]

    @property
    def next_ms(self) -> int | None:
        """The minute expected next; None before the first."""
        return self.presence.next_ms

    @property
    def recent(self) -> list[RoomStep]:
        """The last RECENT_MIN steps, oldest first: what `cut` needs to know of the time before."""
        pieces = {id: {step.minute_ms: step for step in piece.recent} for id, piece in self._pieces.items()}
        return [
            RoomStep(
                presence,
                *others,
                {
                    id: steps[minute]
                    for id, steps in pieces.items()
                    if (minute := presence.minute_ms) in steps
                },
            )
            for presence, others in zip(reversed(self.presence.recent), reversed(self._recent), strict=False)
        ][::-1]

    def state(self) -> dict[str, Any]:
        """Everything the next step depends on, JSON-able; what is learned is in `RoomLearning`."""
        return {
            "v": STATE_VERSION,
            "presence": self.presence.state(),
            "people": self._people.state(),
            "co2": self._co2.state(),
            "temperature": self._temperature.state(),
            "pieces": {id: piece.state() for id, piece in self._pieces.items()},
            "recent": [[list(step) for step in steps] for steps in self._recent],
        }


class RoomLearning:
    """What learns of a room and its equipment, and doubts its sensors. Feed it each minute once, as time goes on.

    `state()` is JSON-able.
    """

    def __init__(self, model: RoomModel, state: Mapping[str, Any] | None = None) -> None:
        """Raises ValueError for a state of a version that cannot be read."""
        s = state or {}
        self._kinds = model.kinds
        self._room = PresenceLearning(model.parameters, s.get("room"))
        self._pieces = {
            id: EquipmentLearning(model.kinds.get(id), one) for id, one in s.get("pieces", {}).items()
        }
        self.checks = SensorChecks(model.parameters, s.get("checks"))

    def check(self, step: RoomStep, inference: RoomInference) -> None:
        """Take what the minute came to, after `read`."""
        self.checks.step(step.presence, inference.inputs, inference.presence.air)

    def read(self, minute_ms: int, inputs: Mapping[str, float | None], power: Power) -> list[Learned]:
        """Take one minute; what is to be used anew, from LEAD_MS later on."""
        at_ms = minute_ms + LEAD_MS
        news = []
        if inputs and (room := self._room.read(minute_ms, inputs)) is not None:
            news.append(Learned(ROOM, "", at_ms, room.row()))
        for id, (watts, metered) in power.items():
            if id not in self._pieces:
                self._pieces[id] = EquipmentLearning(self._kinds.get(id))
            piece = self._pieces[id].read(minute_ms, metered if watts is None else watts)
            if piece is not None:
                news.append(Learned(EQUIPMENT, id, at_ms, piece._asdict()))
        return news

    def state(self) -> dict[str, Any]:
        return {
            "room": self._room.state(),
            "pieces": {id: piece.state() for id, piece in self._pieces.items()},
            "checks": self.checks.state(),
        }


Stretches = dict[tuple[str, str, str], list[Stretch]]
"""(kind, id, aspect) -> stretches; the id of the room itself is the one given to `cut`."""


def cut(
    steps: Sequence[RoomStep], start_ms: int, end_ms: int, room: str, p: PresenceParameters
) -> tuple[list[Interval], Stretches]:
    """The final intervals of presence over exactly [start_ms, end_ms), and the stretches of all else.

    `steps` ascend, from SETTLE_MS before the range (`RoomInference.recent`) to SETTLE_MS after it.
    """
    presence = intervals([step.presence for step in steps], start_ms, end_ms, p)
    found: Stretches = {
        (ROOM, room, PEOPLE): people_stretches([step.people for step in steps], presence),
        (ROOM, room, CO2): comfort.stretches([step.co2 for step in steps], start_ms, end_ms),
        (ROOM, room, TEMPERATURE): comfort.stretches([step.temperature for step in steps], start_ms, end_ms),
    }
    for id in dict.fromkeys(id for step in steps for id in step.pieces):
        own = [step.pieces[id] for step in steps if id in step.pieces]
        found[EQUIPMENT, id, POWER] = equipment.stretches(own, start_ms, end_ms)
    return presence, found
