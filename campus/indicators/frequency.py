"""How much of the available lesson time a room was in use. Presence only: no occupancy or utilisation rate. Pure."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from campus.calendar import BREAK, LESSON
from campus.indicators import (
    FREE,
    HELD,
    NO_SHOW,
    NOT_MEASURED,
    PARTLY_HELD,
    UNSCHEDULED,
    Indicator,
    RoomFact,
)
from campus.indicators.definitions import DEFINITIONS
from campus.indicators.facts import COVERAGE_PCT

NO_SLOTS = "no lesson slot in this range"
NOTHING_MEASURED = "nothing was measured in these lesson slots"


def frequency_rate(facts: Sequence[RoomFact], calendar_version: str, now: datetime) -> Indicator:
    """The `frequency_rate` of any set of rooms and days, 0 to 1, with its evidence.

    Numerator and denominator are occupied and valid minutes of the lesson slots among `facts`, scheduled or not;
    coverage is valid ÷ slot minutes. Without a value, `reason` says why, and the evidence still stands.
    `counts`: `slots` available lesson slots; of the scheduled ones `held`, `partly_held`, `no_show`,
    `not_measured`; of the others `free`, `unscheduled`, `not_measured_free`; `periods_used`; and, outside the
    lesson slots, `after_hours`.
    """
    definition = DEFINITIONS["frequency_rate"]
    lessons = [fact for fact in facts if fact.kind == LESSON]
    # Minutes are whole ms divided by 60,000; summed as ms they stay exact in any order.
    occupied, valid, slot = (
        sum(round(getattr(fact, name) * 60_000) for fact in lessons)
        for name in ("occupied_minutes", "valid_minutes", "slot_minutes")
    )
    value: float | None = None
    reason: str | None = None
    if not slot:
        reason = NO_SLOTS
    elif not valid:
        reason = NOTHING_MEASURED
    elif 100 * valid < COVERAGE_PCT * slot:
        reason = f"measured {100 * valid / slot:.0f} % of the lesson time, {COVERAGE_PCT} % is needed"
    else:
        value = occupied / valid
    return Indicator(
        id=definition.id,
        version=definition.version,
        value=value,
        reason=reason,
        unit=definition.unit,
        numerator=occupied / 60_000,
        denominator=valid / 60_000,
        coverage=valid / slot if slot else None,
        calendar_version=calendar_version,
        computed_at=now,
        counts=counts(facts),
    )


def counts(facts: Sequence[RoomFact]) -> dict[str, int]:
    """Slots by outcome, as `frequency_rate` describes them."""
    planned: Counter[str] = Counter()
    unplanned: Counter[str] = Counter()
    after_hours = 0
    for fact in facts:
        if fact.kind != LESSON:
            after_hours += fact.kind != BREAK and fact.outcome == UNSCHEDULED
        elif fact.school_class is not None:
            planned[fact.outcome] += 1
        else:
            unplanned[fact.outcome] += 1
    return {
        "slots": planned.total() + unplanned.total(),
        HELD: planned[HELD],
        PARTLY_HELD: planned[PARTLY_HELD],
        NO_SHOW: planned[NO_SHOW],
        NOT_MEASURED: planned[NOT_MEASURED],
        FREE: unplanned[FREE],
        UNSCHEDULED: unplanned[UNSCHEDULED],
        "not_measured_free": unplanned[NOT_MEASURED],
        "periods_used": planned[HELD] + planned[PARTLY_HELD] + unplanned[UNSCHEDULED],
        "after_hours": after_hours,
    }
