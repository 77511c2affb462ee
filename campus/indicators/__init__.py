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

    @property
    def coverage(self) -> float:
        return self.valid_minutes / self.slot_minutes if self.slot_minutes else 0.0


@dataclass(frozen=True, slots=True)
class Indicator:
    """A computed figure with its evidence. `value` is None with a `reason`, never a zero for unknown."""

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
