"""Sums to indicators: values with their evidence, or none with a reason. Pure."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from campus.indicators import Indicator
from campus.indicators.definition import EQUIPMENT, LINK, RECORD, ROOM, UPKEEP, Definition
from campus.indicators.definitions import DEFINITIONS
from campus.indicators.reasons import (
    LOW_COVERAGE,
    NO_TARIFF,
    NOTHING_IN_RANGE,
    NOTHING_MEASURED,
    NOTHING_TO_DIVIDE,
    sentence,
)
from campus.indicators.records import RecordCounts
from campus.indicators.sums import EquipmentSums, LinkSums, RoomSums
from campus.indicators.tariff import Priced, unpriced, vnd
from campus.indicators.upkeep import UpkeepSums

Sums = RoomSums | EquipmentSums | LinkSums | RecordCounts | UpkeepSums

KINDS: dict[type, str] = {
    RoomSums: ROOM,
    EquipmentSums: EQUIPMENT,
    LinkSums: LINK,
    RecordCounts: RECORD,
    UpkeepSums: UPKEEP,
}

Reason = tuple[str, dict[str, float | str]]


def compute(
    sums: Sums, ids: Iterable[str], calendar_version: str, now: datetime, *, provisional: bool = True
) -> list[Indicator]:
    """The indicators `ids`, in their order, of what was summed: any set of rooms, equipment or boards over any dates.

    Raises ValueError for an id that is not defined, not of these sums, or needs more than sums: `cost`,
    `ghosts.ghost_slots` and `unused.never_used` make those.
    """
    return [indicator(_of_sums(sums, id), sums, calendar_version, now, provisional=provisional) for id in ids]


def every(of: str) -> tuple[str, ...]:
    """The ids that `compute` takes for sums of this kind (ROOM, EQUIPMENT, LINK, RECORD, UPKEEP)."""
    return tuple(
        found.id for found in DEFINITIONS.values() if found.of == of and not found.listed and not found.priced
    )


def indicator(
    definition: Definition, sums: Any, calendar_version: str, now: datetime, *, provisional: bool = True
) -> Indicator:
    """One definition of sums that have its fields."""
    numerator, denominator = definition.numerator.of(sums), definition.denominator.of(sums)
    lowest, why = _judged(definition, sums, denominator)
    value = None
    if why is None:
        value = definition.numerator.shown(sums) if definition.total else numerator / denominator
        if not definition.total and definition.numerator.size != definition.denominator.size:
            # A mean, as of hours by a count: of the amounts as they are shown, not of their integers.
            value = definition.numerator.shown(sums) / definition.denominator.shown(sums)
    return _made(definition, value, why, sums, lowest, calendar_version, now, provisional)


def cost(
    parts: Iterable[Priced], id: str, calendar_version: str, now: datetime, *, provisional: bool = True
) -> Indicator:
    """A priced indicator in VND, of sums with the price of their dates (`tariff.periods` cuts a range by price).

    Without a value where a part with energy has no price. Raises ValueError for an id that is not priced.
    """
    definition = DEFINITIONS.get(id)
    if definition is None or not definition.priced:
        raise ValueError(f"'{id}' has no price; use one of {', '.join(_priced())}.")
    held = list(parts)
    sums = EquipmentSums.total(part.sums for part in held)
    lowest, why = _judged(definition, sums, definition.denominator.of(sums))
    without: date | None = unpriced(held, definition.numerator)
    if why is None and without is not None:
        why = NO_TARIFF, {"date": without.isoformat()}
    value = vnd(held, definition.numerator) if why is None else None
    return _made(definition, value, why, sums, lowest, calendar_version, now, provisional)


def _of_sums(sums: Sums, id: str) -> Definition:
    definition, kind = DEFINITIONS.get(id), KINDS[type(sums)]
    if definition is None or definition.of != kind or definition.listed or definition.priced:
        raise ValueError(f"'{id}' is no indicator of {kind} sums; use one of {', '.join(every(kind))}.")
    return definition


def _priced() -> list[str]:
    return [found.id for found in DEFINITIONS.values() if found.priced]


def _judged(definition: Definition, sums: Any, denominator: int) -> tuple[float | None, Reason | None]:
    """(the lowest coverage, why there is no value)."""
    needed = definition.least_coverage_pct
    lowest: float | None = None
    why: Reason | None = None
    for at, (measured, expected) in enumerate(definition.coverage):
        part, whole = measured.of(sums), expected.of(sums)
        if whole:
            lowest = part / whole if lowest is None else min(lowest, part / whole)
        if why is not None:
            continue
        if not whole:
            # Without any lesson there is nothing to measure; without any use there was nobody to count.
            why = (NOTHING_TO_DIVIDE if at else NOTHING_IN_RANGE), {}
        elif needed and not part:
            why = NOTHING_MEASURED, {}
        elif 100 * part < needed * whole:
            why = LOW_COVERAGE, {"coverage_pct": 100 * part // whole, "needed_pct": needed}
    if why is None and not denominator:
        why = (NOTHING_TO_DIVIDE if definition.coverage else NOTHING_IN_RANGE), {}
    return lowest, why


def _made(
    definition: Definition,
    value: float | None,
    why: Reason | None,
    sums: Any,
    coverage: float | None,
    calendar_version: str,
    now: datetime,
    provisional: bool,
) -> Indicator:
    return Indicator(
        id=definition.id,
        version=definition.version,
        value=value,
        reason=sentence(*why) if why else None,
        unit=definition.unit,
        numerator=definition.numerator.shown(sums),
        denominator=definition.denominator.shown(sums),
        coverage=coverage,
        calendar_version=calendar_version,
        computed_at=now,
        provisional=provisional,
        counts=definition.counts(sums) if definition.counts else {},
        reason_code=why[0] if why else None,
        reason_values=why[1] if why else {},
    )
