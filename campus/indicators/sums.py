"""Facts summed: what any scope and range of dates is computed from. Additive, exact, pure.

Time is integer ms, energy integer mWh, so sums do not depend on their order.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from functools import cache
from operator import attrgetter
from typing import Any, Self

from campus.calendar import BREAK, LESSON
from campus.indicators import (
    ACCESS_POINT,
    BOARD,
    FREE,
    HELD,
    NO_SHOW,
    NOT_MEASURED,
    PARTLY_HELD,
    POWER_LOST,
    SERVER,
    UNSCHEDULED,
    UNTOLD,
    UPLINK,
    EquipmentFact,
    LinkDay,
    RoomFact,
)

OPERATED_MS = 5 * 60_000  # of a slot, for equipment to have been used in it
COVERAGE_PCT = 80


class _Additive:
    __slots__ = ()

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The fields, in order."""
        kind: Any = cls
        return _names(kind)

    def values(self) -> tuple[int, ...]:
        """The values of the fields, in order."""
        kind: Any = type(self)
        found: tuple[int, ...] = _reader(kind)(self)
        return found

    def __add__(self, other: Self) -> Self:
        return self.total((self, other))

    @classmethod
    def total(cls, parts: Iterable[Self]) -> Self:
        """The sum of any number of them; all zero for none."""
        return cls(*map(sum, zip(*(part.values() for part in parts), strict=True)))


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


@cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    return attrgetter(*_names(kind))


@dataclass(frozen=True, slots=True)
class RoomSums(_Additive):
    """Of the facts of rooms. All but `after_hours…` and `outside…` are of lesson slots.

    `exams`: slots in an exam period without a lesson; they are in none of `free`, `unscheduled`, `not_measured_free`.
    """

    slots: int = 0
    slot_ms: int = 0
    valid_ms: int = 0
    occupied_ms: int = 0
    scheduled: int = 0
    held: int = 0
    partly_held: int = 0
    no_show: int = 0
    not_measured: int = 0
    scheduled_ms: int = 0
    scheduled_valid_ms: int = 0
    scheduled_occupied_ms: int = 0
    free: int = 0
    unscheduled: int = 0
    not_measured_free: int = 0
    exams: int = 0
    after_hours: int = 0  # unscheduled slots outside lessons and breaks
    after_hours_ms: int = 0  # occupied there
    outside_ms: int = 0  # all slots outside lessons and breaks
    outside_valid_ms: int = 0
    counted_ms: int = 0  # occupied, with people counted and the capacity known
    person_ms: int = 0  # people × counted ms
    seat_ms: int = 0  # capacity × counted ms
    co2_ms: int = 0
    co2_high_ms: int = 0
    temperature_ms: int = 0
    temperature_high_ms: int = 0

    @classmethod
    def of(cls, fact: RoomFact) -> "RoomSums":
        """Of one fact."""
        occupied = _ms(fact.occupied_minutes)
        slot, valid = _ms(fact.slot_minutes), _ms(fact.valid_minutes)
        if fact.kind == BREAK:
            return cls()
        if fact.kind != LESSON:
            used = fact.outcome == UNSCHEDULED
            return cls(
                after_hours=int(used),
                after_hours_ms=occupied if used else 0,
                outside_ms=slot,
                outside_valid_ms=valid,
            )
        planned = fact.school_class is not None
        open_ = not planned and not fact.exam
        counted = 0 if fact.capacity is None else _ms(fact.counted_minutes)
        return cls(
            slots=1,
            slot_ms=slot,
            valid_ms=valid,
            occupied_ms=occupied,
            scheduled=int(planned),
            held=int(planned and fact.outcome == HELD),
            partly_held=int(planned and fact.outcome == PARTLY_HELD),
            no_show=int(planned and fact.outcome == NO_SHOW),
            not_measured=int(planned and fact.outcome == NOT_MEASURED),
            scheduled_ms=slot if planned else 0,
            scheduled_valid_ms=valid if planned else 0,
            scheduled_occupied_ms=occupied if planned else 0,
            free=int(open_ and fact.outcome == FREE),
            unscheduled=int(open_ and fact.outcome == UNSCHEDULED),
            not_measured_free=int(open_ and fact.outcome == NOT_MEASURED),
            exams=int(fact.exam and not planned),
            counted_ms=counted,
            person_ms=_ms(fact.person_minutes) if counted else 0,
            seat_ms=counted * (fact.capacity or 0),
            co2_ms=_ms(fact.co2_minutes),
            co2_high_ms=_ms(fact.co2_high_minutes),
            temperature_ms=_ms(fact.temperature_minutes),
            temperature_high_ms=_ms(fact.temperature_high_minutes),
        )


@dataclass(frozen=True, slots=True)
class EquipmentSums(_Additive):
    """Of the facts of equipment, over all slots of the day; `lesson…` and `periods…` are of lesson slots.

    `periods_measured`: with coverage of at least COVERAGE_PCT, or used; `periods_used`: it operated OPERATED_MS.
    """

    slot_ms: int = 0
    valid_ms: int = 0
    on_ms: int = 0
    standby_ms: int = 0
    energy_ms: int = 0
    energy_mwh: int = 0
    idle_valid_ms: int = 0
    idle_ms: int = 0
    idle_mwh: int = 0
    lesson_ms: int = 0
    lesson_valid_ms: int = 0
    lesson_on_ms: int = 0
    periods: int = 0
    periods_measured: int = 0
    periods_used: int = 0

    @classmethod
    def of(cls, fact: EquipmentFact) -> "EquipmentSums":
        """Of one fact."""
        slot, valid, on = _ms(fact.slot_minutes), _ms(fact.valid_minutes), _ms(fact.on_minutes)
        lesson = fact.kind == LESSON
        used = lesson and on >= OPERATED_MS
        return cls(
            slot_ms=slot,
            valid_ms=valid,
            on_ms=on,
            standby_ms=_ms(fact.standby_minutes),
            energy_ms=_ms(fact.energy_minutes),
            energy_mwh=round(1000 * fact.energy_wh),
            idle_valid_ms=_ms(fact.idle_valid_minutes),
            idle_ms=_ms(fact.idle_minutes),
            idle_mwh=round(1000 * fact.idle_wh),
            lesson_ms=slot if lesson else 0,
            lesson_valid_ms=valid if lesson else 0,
            lesson_on_ms=on if lesson else 0,
            periods=int(lesson),
            periods_measured=int(used or (lesson and 100 * valid >= COVERAGE_PCT * slot)),
            periods_used=int(used),
        )


@dataclass(frozen=True, slots=True)
class LinkSums(_Additive):
    """Of the connectivity of boards or rooms in school hours."""

    school_ms: int = 0
    online_ms: int = 0
    lost_power_ms: int = 0
    lost_uplink_ms: int = 0
    lost_access_point_ms: int = 0
    lost_board_ms: int = 0
    lost_server_ms: int = 0
    lost_unknown_ms: int = 0
    interruptions: int = 0

    @classmethod
    def of(cls, day: LinkDay) -> "LinkSums":
        """Of one board or room on one date."""
        lost = {cause: _ms(minutes) for cause, minutes in day.lost.items()}
        return cls(
            school_ms=_ms(day.school_minutes),
            online_ms=_ms(day.online_minutes),
            lost_power_ms=lost.get(POWER_LOST, 0),
            lost_uplink_ms=lost.get(UPLINK, 0),
            lost_access_point_ms=lost.get(ACCESS_POINT, 0),
            lost_board_ms=lost.get(BOARD, 0),
            lost_server_ms=lost.get(SERVER, 0),
            lost_unknown_ms=lost.get(UNTOLD, 0),
            interruptions=day.interruptions,
        )


def _ms(minutes: float) -> int:
    """Minutes are whole ms divided by 60,000: as ms they are exact again."""
    return round(minutes * 60_000)
