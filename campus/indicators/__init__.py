"""Intervals × calendar to facts to indicators. Pure."""

from dataclasses import dataclass, field
from datetime import date, datetime

HELD, PARTLY_HELD, NO_SHOW, NOT_MEASURED = "held", "partly_held", "no_show", "not_measured"
FREE, UNSCHEDULED = "free", "unscheduled"  # of a lesson slot without a lesson, and of every other slot
OUTCOMES = (HELD, PARTLY_HELD, NO_SHOW, NOT_MEASURED, FREE, UNSCHEDULED)


@dataclass(frozen=True, slots=True)
class RoomFact:
    """What happened in one slot of one date in one room. Minutes are floats (ms are exact before division)."""

    site: str
    room: str
    date: date
    start: datetime  # aware UTC, of the slot
    end: datetime
    kind: str  # one of calendar.SLOT_KINDS
    session: str | None
    period: int | None
    school_class: str | None  # None: nothing was scheduled
    subject: str | None
    slot_minutes: float
    valid_minutes: float
    occupied_minutes: float
    outcome: str  # one of OUTCOMES
    subject_group: str | None = None
    exam: bool = False  # of an exam period: use without a lesson is expected, and is not unscheduled
    capacity: int | None = None  # of the room, as it was counted with
    counted_minutes: float = 0.0  # occupied, and people were counted
    person_minutes: float = 0.0  # people × those minutes
    co2_minutes: float = 0.0  # CO2 was measured
    co2_high_minutes: float = 0.0
    temperature_minutes: float = 0.0
    temperature_high_minutes: float = 0.0

    @property
    def coverage(self) -> float:
        return self.valid_minutes / self.slot_minutes if self.slot_minutes else 0.0


@dataclass(frozen=True, slots=True)
class EquipmentFact:
    """What happened in one slot of one date to one piece of equipment. `energy_minutes`: those that were metered.

    idle: on or in standby while the room had been empty for 15 minutes or more; `idle_valid_minutes` are those in which
    both the room and the equipment were measured.
    """

    site: str
    equipment: str
    room: str | None  # where its board was
    date: date
    start: datetime
    end: datetime
    kind: str
    session: str | None
    period: int | None
    school_class: str | None
    subject_group: str | None
    slot_minutes: float
    valid_minutes: float
    on_minutes: float
    standby_minutes: float
    energy_minutes: float
    energy_wh: float
    idle_valid_minutes: float
    idle_minutes: float
    idle_wh: float


POWER_LOST, UPLINK, ACCESS_POINT, BOARD, SERVER, UNTOLD = (
    "power",
    "uplink",
    "access_point",
    "board",
    "server",
    "unknown",
)
CAUSES = (POWER_LOST, UPLINK, ACCESS_POINT, BOARD, SERVER, UNTOLD)


@dataclass(frozen=True, slots=True)
class LinkDay:
    """How well a board, or a room by its boards, was connected in the school hours of one local date.

    School hours: from the first bell to the last of an open day. `lost` holds minutes by cause; those of SERVER were
    judged by nobody, and are in no denominator.
    """

    site: str
    kind: str  # inference.BOARD or inference.ROOM
    id: str
    date: date
    school_minutes: float
    online_minutes: float
    lost: dict[str, float]
    interruptions: int


@dataclass(frozen=True, slots=True)
class Indicator:
    """A computed figure with its evidence. `value` is None with a `reason`, never a zero for unknown.

    `reason` is an English sentence; `reason_code` (of `reasons.CODES`) and `reason_values` say the same to a page.
    """

    id: str
    version: int
    value: float | None
    reason: str | None
    unit: str
    numerator: float
    denominator: float
    coverage: float | None
    calendar_version: str
    computed_at: datetime
    provisional: bool = True
    counts: dict[str, int] = field(default_factory=dict)
    reason_code: str | None = None
    reason_values: dict[str, float | str] = field(default_factory=dict)
