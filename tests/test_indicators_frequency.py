"""The frequency rate: its figure, its evidence, and when it has none."""

from datetime import UTC, date, datetime

import pytest

from campus.calendar import BREAK, CLOSED, EVENING, LESSON
from campus.indicators import (
    FREE,
    HELD,
    NO_SHOW,
    NOT_MEASURED,
    OUTCOMES,
    PARTLY_HELD,
    UNSCHEDULED,
    RoomFact,
)
from campus.indicators.frequency import frequency_rate
from campus.indicators.reasons import CODES, LOW_COVERAGE, NOTHING_IN_RANGE, NOTHING_MEASURED

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


def fact(outcome, occupied, valid=45.0, kind=LESSON, scheduled=None, slot=45.0, exam=False):
    planned = outcome in (HELD, PARTLY_HELD, NO_SHOW) if scheduled is None else scheduled
    start = datetime(2026, 11, 20, tzinfo=UTC)
    return RoomFact(
        site="s",
        room="a101",
        date=date(2026, 11, 20),
        start=start,
        end=start,
        kind=kind,
        session="morning" if kind == LESSON else None,
        period=1 if kind == LESSON else None,
        school_class="9A" if planned else None,
        subject="Toán" if planned else None,
        slot_minutes=slot,
        valid_minutes=valid,
        occupied_minutes=occupied,
        outcome=outcome,
        exam=exam,
    )


def test_occupied_over_valid_minutes_of_lesson_slots():
    """Free lesson slots are available time too; breaks and evenings are not."""
    found = frequency_rate(
        [
            fact(HELD, 40),
            fact(PARTLY_HELD, 10, valid=40),
            fact(NO_SHOW, 0),
            fact(FREE, 0),
            fact(UNSCHEDULED, 20),
            fact(UNSCHEDULED, 30, exam=True),
            fact(UNSCHEDULED, 15, kind=EVENING),
            fact(UNSCHEDULED, 20, kind=BREAK),
            fact(FREE, 0, kind=CLOSED),
        ],
        "calendar-7",
        NOW,
    )
    assert (found.id, found.version, found.unit) == ("frequency_rate", 1, "1")
    assert (found.numerator, found.denominator) == (100.0, 265.0)
    assert found.value == 100 / 265
    assert (found.reason, found.reason_code, found.reason_values) == (None, None, {})
    assert found.coverage == 265 / 270
    assert (found.calendar_version, found.computed_at, found.provisional) == ("calendar-7", NOW, True)
    assert found.counts == {
        "slots": 6, "held": 1, "partly_held": 1, "no_show": 1, "not_measured": 0, "exams": 1,
        "free": 1, "unscheduled": 1, "not_measured_free": 0, "periods_used": 3, "after_hours": 1,
    }  # fmt: skip


def test_a_vacant_room_has_a_rate_of_zero():
    """Measured and empty is a figure, not a missing one."""
    assert frequency_rate([fact(NO_SHOW, 0)], "", NOW).value == 0.0


@pytest.mark.parametrize(
    ("made", "code", "values"),
    [
        ([], NOTHING_IN_RANGE, {}),
        ([fact(UNSCHEDULED, 15, kind=EVENING)], NOTHING_IN_RANGE, {}),
        ([fact(NOT_MEASURED, 0, valid=0, scheduled=True)], NOTHING_MEASURED, {}),
        ([fact(HELD, 30, valid=30)], LOW_COVERAGE, {"coverage_pct": 66, "needed_pct": 80}),
        ([fact(HELD, 30, valid=35.99)], LOW_COVERAGE, {"coverage_pct": 79, "needed_pct": 80}),
    ],
)
def test_without_enough_time_there_is_no_value(made, code, values):
    """None with a reason, never a zero; the evidence stands beside it, and a share is never rounded up to enough."""
    found = frequency_rate(made, "", NOW)
    assert (found.value, found.reason_code, found.reason_values) == (None, code, values)
    assert found.reason == CODES[code].format(**values)
    assert found.denominator == sum(f.valid_minutes for f in made if f.kind == LESSON)


def test_exactly_eighty_percent_is_enough():
    """The bound itself is measured."""
    assert frequency_rate([fact(HELD, 36, valid=36)], "", NOW).value == 1.0
    assert frequency_rate([fact(HELD, 35.999, valid=35.999)], "", NOW).value is None


def test_sums_do_not_depend_on_the_order():
    """Thousands of odd milliseconds add up exactly, forwards and backwards."""
    made = [fact(HELD, (i * 7919 % 2_700_000) / 60_000) for i in range(5000)]
    forward, backward = frequency_rate(made, "", NOW), frequency_rate(made[::-1], "", NOW)
    assert forward == backward
    assert round(forward.numerator * 60_000) == sum(i * 7919 % 2_700_000 for i in range(5000))


def test_counts_name_every_outcome():
    """Each outcome of a fact is counted under its own name."""
    assert set(OUTCOMES) <= set(frequency_rate([], "", NOW).counts)
