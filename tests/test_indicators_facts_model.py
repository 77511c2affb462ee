"""Facts against a plain count of minutes: slower, without any arithmetic of spans, and the same to the minute."""

import math
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campus.calendar import BREAK, EVENING, LESSON, NIGHT, Lesson, Slot
from campus.indicators import FREE, HELD, NO_SHOW, NOT_MEASURED, PARTLY_HELD, UNSCHEDULED
from campus.indicators.equipment import equipment_facts
from campus.indicators.facts import facts, ms
from campus.inference import (
    ALWAYS_ON,
    CO2,
    COUNTED,
    FAIR,
    HIGH,
    LOW_CONFIDENCE,
    OCCUPIED,
    OFF,
    OFF_OR_STANDBY,
    ON,
    PEOPLE,
    STANDBY,
    TEMPERATURE,
    UNKNOWN,
    VACANT,
    Interval,
    Stretch,
)

MINUTE = 60_000
DAY = date(2026, 11, 20)
SEVEN = datetime(2026, 11, 20, 0, 0, tzinfo=UTC)
BASE = ms(SEVEN)
BEFORE, AFTER = -30, 190  # minutes that are known, around the day of SLOTS
EDGES = [(0, 20, NIGHT, None), (20, 65, LESSON, 1), (65, 70, BREAK, None), (70, 115, LESSON, 2),
         (115, 150, LESSON, 3), (150, 175, EVENING, None)]  # fmt: skip
SLOTS = [
    Slot(
        DAY,
        SEVEN + timedelta(minutes=start),
        SEVEN + timedelta(minutes=end),
        kind,
        "morning" if period else None,
        period,
    )
    for start, end, kind, period in EDGES
]


def lesson(period, group="maths"):
    return Lesson("a101", 5, "morning", period, f"9A{period}", "Toán", DAY, subject_group=group)


def runs_of(*states):
    """Lists of states, one for each minute from BEFORE to AFTER, in runs; None is a minute without any."""
    piece = st.tuples(st.sampled_from([*states, None]), st.integers(1, 40))
    return st.lists(piece, max_size=14).map(
        lambda pieces: ([state for state, size in pieces for _ in range(size)] + [None] * 300)[
            : AFTER - BEFORE
        ]
    )


def pieces(minutes, make):
    """The states of minutes as spans: `make(start_ms, end_ms, state)`."""
    made, start = [], 0
    for at in range(1, len(minutes) + 1):
        if at == len(minutes) or minutes[at] != minutes[start]:
            if minutes[start] is not None:
                made.append(
                    make(BASE + (BEFORE + start) * MINUTE, BASE + (BEFORE + at) * MINUTE, minutes[start])
                )
            start = at
    return made


def within(minutes, start, end):
    return minutes[start - BEFORE : end - BEFORE]


def scheduled_outcome(minutes):
    """Of a slot's minutes (True, False, or None for missing), by trying both ways to fill what is missing."""

    def judge(there):
        share, late = sum(there) / len(there), any(there[10:])
        return HELD if share >= 0.5 else NO_SHOW if share < 0.1 and not late else PARTLY_HELD

    known = [minute for minute in minutes if minute is not None]
    if len(known) / len(minutes) >= 0.8:
        share = sum(known) / len(known)
        late = any(minute for minute in minutes[10:])
        return HELD if share >= 0.5 else NO_SHOW if share < 0.1 and not late else PARTLY_HELD
    both = {judge([fill if minute is None else minute for minute in minutes]) for fill in (True, False)}
    return both.pop() if len(both) == 1 else NOT_MEASURED


def in_long_runs(there):
    """The minutes that lie in a run of ten or more."""
    marked, start = [False] * len(there), 0
    for at in range(len(there) + 1):
        if at == len(there) or not there[at]:
            if at - start >= 10:
                marked[start:at] = [True] * (at - start)
            start = at + 1
    return marked


@settings(max_examples=300)
@given(runs_of(OCCUPIED, VACANT, UNKNOWN), st.sets(st.integers(1, 3)), st.booleans())
def test_outcomes_and_minutes_are_those_of_a_count_of_minutes(minutes, periods, joined):
    """Every slot, whatever was measured and planned, and however the intervals are cut."""
    if joined:
        intervals = pieces(minutes, Interval)
    else:
        intervals = [
            Interval(BASE + (BEFORE + at) * MINUTE, BASE + (BEFORE + at + 1) * MINUTE, state)
            for at, state in enumerate(minutes)
            if state is not None
        ]
    there = [{OCCUPIED: True, VACANT: False}.get(state) for state in minutes]
    taken = [False] * len(minutes)
    for start, end, _, period in EDGES:
        if period in periods:
            taken[start - BEFORE : end - BEFORE] = [True] * (end - start)
    free = [state is True and not lesson for state, lesson in zip(there, taken, strict=True)]
    perhaps = [state is not False and not lesson for state, lesson in zip(there, taken, strict=True)]
    # Outside of what any interval or slot reaches, nothing is known to be there at all.
    reach = [at for at, state in enumerate(minutes) if state is not None]
    low, high = min([*reach, -BEFORE]), max([*reach, 174 - BEFORE])
    perhaps = [value and low <= at <= high for at, value in enumerate(perhaps)]
    runs, at_most = in_long_runs(free), in_long_runs(perhaps)

    made = facts("s", "a101", intervals, SLOTS, {("morning", period): lesson(period) for period in periods})
    assert len(made) == len(SLOTS)
    for fact, (start, end, kind, period) in zip(made, EDGES, strict=True):
        slot = within(there, start, end)
        known = [minute for minute in slot if minute is not None]
        if period in periods:
            expected = scheduled_outcome(slot)
        else:
            used, perhaps_used = any(within(runs, start, end)), any(within(at_most, start, end))
            thin = len(known) / len(slot) < 0.8
            expected = NOT_MEASURED if thin and used != perhaps_used else UNSCHEDULED if used else FREE
        assert (fact.kind, fact.outcome) == (kind, expected)
        assert (fact.slot_minutes, fact.valid_minutes, fact.occupied_minutes) == (
            len(slot),
            len(known),
            sum(known),
        )
        assert fact.subject_group == ("maths" if period in periods else None)


@given(
    runs_of(OCCUPIED, VACANT, UNKNOWN),
    runs_of((COUNTED, 12.0), (LOW_CONFIDENCE, 3.5), (UNKNOWN, None), (COUNTED, None)),
    runs_of(HIGH, FAIR, UNKNOWN),
    runs_of(HIGH, FAIR, UNKNOWN),
)
def test_people_and_comfort_are_counted_where_they_were_measured(minutes, people, co2, temperature):
    """People in occupied minutes with a number that counts; CO2 and temperature in minutes that were high or fair."""
    made = facts(
        "s",
        "a101",
        pieces(minutes, Interval),
        SLOTS,
        {},
        stretches={
            PEOPLE: pieces(people, lambda start, end, state: Stretch(start, end, *state)),
            CO2: pieces(co2, Stretch),
            TEMPERATURE: pieces(temperature, Stretch),
        },
        capacity=45,
    )
    for fact, (start, end, _, _) in zip(made, EDGES, strict=True):
        numbers = [
            counted[1]
            for state, counted in zip(within(minutes, start, end), within(people, start, end), strict=True)
            if state == OCCUPIED and counted is not None and counted[0] == COUNTED and counted[1] is not None
        ]
        assert fact.capacity == 45
        assert fact.counted_minutes == len(numbers)
        assert math.isclose(fact.person_minutes, sum(numbers))
        for states, measured, high in (
            (co2, fact.co2_minutes, fact.co2_high_minutes),
            (temperature, fact.temperature_minutes, fact.temperature_high_minutes),
        ):
            slot = within(states, start, end)
            assert (measured, high) == (slot.count(HIGH) + slot.count(FAIR), slot.count(HIGH))


@settings(max_examples=300)
@given(
    runs_of((ON, 200.0), (STANDBY, 5.5), (OFF, 0.0), (OFF_OR_STANDBY, 0.5), (ALWAYS_ON, 40.0), (ON, None),
            (UNKNOWN, None)),
    runs_of(OCCUPIED, VACANT, UNKNOWN),
    st.sets(st.integers(1, 3)),
)  # fmt: skip
def test_equipment_is_that_of_a_count_of_minutes(power, minutes, periods):
    """On, standby, energy, and what was left on from the sixteenth minute of an empty room on."""
    made = equipment_facts(
        "s",
        "tv",
        "a101",
        pieces(power, lambda start, end, state: Stretch(start, end, *state)),
        pieces(minutes, Interval),
        SLOTS,
        {("morning", period): lesson(period, "physics") for period in periods},
    )
    empty_for, vacant = [], 0
    for state in minutes:
        vacant = vacant + 1 if state == VACANT else 0
        empty_for.append(vacant)
    for fact, (start, end, kind, period) in zip(made, EDGES, strict=True):
        slot = list(
            zip(
                within(power, start, end),
                within(minutes, start, end),
                within(empty_for, start, end),
                strict=True,
            )
        )
        states = [one[0] if one else UNKNOWN for one, _, _ in slot]
        watts = [one[1] for one, _, _ in slot if one and one[1] is not None]
        idle = [one for one, _, empty in slot if one is not None and one[0] in (ON, STANDBY) and empty > 15]
        both = [one for one, state, _ in slot if one and one[0] != UNKNOWN and state in (OCCUPIED, VACANT)]
        assert (fact.kind, fact.slot_minutes) == (kind, end - start)
        assert fact.valid_minutes == len(states) - states.count(UNKNOWN)
        assert (fact.on_minutes, fact.standby_minutes) == (states.count(ON), states.count(STANDBY))
        assert fact.energy_minutes == len(watts)
        assert math.isclose(fact.energy_wh, sum(watts) / 60)
        assert (fact.idle_valid_minutes, fact.idle_minutes) == (len(both), len(idle))
        assert math.isclose(fact.idle_wh, sum(one[1] or 0.0 for one in idle) / 60)
        assert fact.subject_group == ("physics" if period in periods else None)


def test_a_count_of_low_confidence_is_none():
    """People in a room whose air is exchanged who knows how fast have no figure, nor where there is no number."""
    slot = Slot(DAY, SEVEN, SEVEN + timedelta(minutes=45), LESSON, "morning", 1)
    intervals = [Interval(BASE, BASE + 45 * MINUTE, OCCUPIED)]
    people = [
        Stretch(BASE, BASE + 10 * MINUTE, LOW_CONFIDENCE, 20.0),
        Stretch(BASE + 10 * MINUTE, BASE + 30 * MINUTE, COUNTED, 30.0),
        Stretch(BASE + 30 * MINUTE, BASE + 45 * MINUTE, UNKNOWN, 40.0),
    ]
    [fact] = facts("s", "a101", intervals, [slot], {}, stretches={PEOPLE: people})
    assert (fact.counted_minutes, fact.person_minutes) == (20.0, 600.0)


def test_an_exam_slot_says_so_and_its_outcome_stays():
    """Presence without a lesson is still unscheduled in the fact; the sums keep it apart."""
    slot = Slot(DAY, SEVEN, SEVEN + timedelta(minutes=45), LESSON, "morning", 1, exam=True)
    intervals = [Interval(BASE, BASE + 45 * MINUTE, OCCUPIED)]
    [fact] = facts("s", "a101", intervals, [slot], {})
    assert (fact.exam, fact.outcome) == (True, UNSCHEDULED)


def test_no_slots_make_no_facts():
    """A day without slots is none."""
    assert facts("s", "a101", [Interval(0, 1, OCCUPIED)], [], {}) == []
    assert equipment_facts("s", "tv", None, [], [], [], {}) == []


@pytest.mark.parametrize(("vacant", "idle"), [(15, 0.0), (15.5, 0.5), (60, 30.0)])
def test_the_first_quarter_of_an_hour_is_never_idle(vacant, idle):
    """A room that fell empty before the slot has used up its quarter there; exactly 15 minutes are none."""
    slot = Slot(DAY, SEVEN, SEVEN + timedelta(minutes=30), NIGHT)
    end = BASE + 30 * MINUTE
    start = end - int(vacant * MINUTE)
    [fact] = equipment_facts(
        "s",
        "tv",
        "a101",
        [Stretch(BASE - 90 * MINUTE, end, ON, 100.0)],
        [Interval(BASE - 90 * MINUTE, start, OCCUPIED), Interval(start, end, VACANT)],
        [slot],
        {},
    )
    assert (fact.idle_minutes, fact.idle_wh) == (idle, pytest.approx(idle * 100 / 60))


def test_equipment_in_no_room_is_never_idle():
    """Nobody can tell whether its room was empty."""
    slot = Slot(DAY, SEVEN, SEVEN + timedelta(minutes=60), NIGHT)
    [fact] = equipment_facts("s", "tv", None, [Stretch(BASE, BASE + 60 * MINUTE, ON, 60.0)], [], [slot], {})
    assert (fact.room, fact.on_minutes, fact.energy_wh) == (None, 60.0, 60.0)
    assert (fact.idle_valid_minutes, fact.idle_minutes) == (0.0, 0.0)
