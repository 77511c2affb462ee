"""What happened in a slot: every rule of a fact at its ends, in whole minutes and in milliseconds."""

import random
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus.calendar import BREAK, LESSON, NIGHT, Lesson, Slot
from campus.indicators import FREE, HELD, NO_SHOW, NOT_MEASURED, OUTCOMES, PARTLY_HELD, UNSCHEDULED
from campus.indicators.facts import facts, ms, outcome
from campus.inference import OCCUPIED, UNKNOWN, VACANT, Interval
from campus.inference.intervals import cover

MINUTE = 60_000
DAY = date(2026, 11, 20)
SEVEN = datetime(2026, 11, 20, 0, 0, tzinfo=UTC)  # 07:00 in Viet Nam
MATHS = Lesson("a101", 5, "morning", 1, "9A", "Toán", DAY)


def slot(start, end, kind=LESSON, period=1):
    """A slot from and to minutes after seven."""
    session = "morning" if kind == LESSON else None
    return Slot(
        DAY,
        SEVEN + timedelta(minutes=start),
        SEVEN + timedelta(minutes=end),
        kind,
        session,
        period if session else None,
    )


def seen(*spans, start=-60, end=240, unknown=()):
    """Intervals with presence in these minute spans, unknown in those, vacant elsewhere."""
    pieces = sorted(
        [(a * MINUTE, b * MINUTE, OCCUPIED) for a, b in spans]
        + [(a * MINUTE, b * MINUTE, UNKNOWN) for a, b in unknown]
    )
    filled, reached = [], start * MINUTE
    for a, b, state in [*pieces, (end * MINUTE, end * MINUTE, UNKNOWN)]:
        filled.append((reached, a, VACANT))
        filled.append((a, b, state))
        reached = b
    base = ms(SEVEN)
    return [Interval(base + int(a), base + int(b), state) for a, b, state in filled if a < b]


def one(intervals, scheduled=True, period=None):
    [fact] = facts(
        "s", "a101", intervals, [period or slot(0, 45)], {("morning", 1): MATHS} if scheduled else {}
    )
    return fact


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([(0, 45)], HELD),
        ([(0, 22.5)], HELD),  # exactly 50 %
        ([(0, 22.4)], PARTLY_HELD),
        ([(0, 4.5)], PARTLY_HELD),  # exactly 10 %
        ([(0, 4.4)], NO_SHOW),  # someone looked in
        ([(5.6, 10)], NO_SHOW),  # up to start + 10 min
        ([(6, 10.1)], PARTLY_HELD),  # and beyond it
        ([(44, 45)], PARTLY_HELD),
        ([], NO_SHOW),
        ([(-60, 0), (45, 200)], NO_SHOW),  # the neighbours' presence is theirs
    ],
)
def test_a_scheduled_slot_by_how_much_presence(spans, expected):
    """held from 50 %, no-show under 10 % with none after the tenth minute, partly held between."""
    fact = one(seen(*spans))
    assert fact.outcome == expected
    assert (fact.school_class, fact.subject, fact.coverage) == ("9A", "Toán", 1.0)


@pytest.mark.parametrize(
    ("spans", "unknown", "expected"),
    [
        ([], [(36, 45)], NO_SHOW),  # exactly 80 % measured: judged on what was
        ([], [(35.9, 45)], NOT_MEASURED),
        ([], [(0, 45)], NOT_MEASURED),
        ([(0, 22.5)], [(22.5, 45)], HELD),  # half the slot is enough whatever followed
        ([(0, 22.4)], [(22.4, 45)], NOT_MEASURED),
        ([(0, 10)], [(20, 31)], PARTLY_HELD),  # 10 of 45, at most 21 of 45
        ([(0, 12)], [(20, 31)], NOT_MEASURED),  # at most 23 of 45 is held
        ([(0, 18)], [(37, 45)], PARTLY_HELD),  # 82 % measured: 18 of 37 is 49 %
        ([(0, 18.5)], [(37, 45)], HELD),
    ],
)
def test_missing_minutes_matter_only_where_they_could(spans, unknown, expected):
    """Under 80 % coverage the class stands only if no filling of the gap changes it."""
    assert one(seen(*spans, unknown=unknown)).outcome == expected


def test_time_without_an_interval_is_not_measured():
    """No interval at all: the slot's coverage is 0, and the fact says so."""
    fact = one([])
    assert (fact.outcome, fact.valid_minutes, fact.occupied_minutes) == (NOT_MEASURED, 0.0, 0.0)


def test_a_free_period_is_unscheduled_from_ten_minutes_on():
    """Exactly ten consecutive minutes are use; a millisecond less is not, nor are two shorter runs."""
    assert one(seen((20, 30)), scheduled=False).outcome == UNSCHEDULED
    assert one(seen((20, 29.99)), scheduled=False).outcome == FREE
    assert one(seen((0, 9), (20, 29)), scheduled=False).outcome == FREE
    fact = one(seen((20, 30)), scheduled=False)
    assert (fact.school_class, fact.subject, fact.occupied_minutes) == (None, None, 10.0)


def test_a_run_is_measured_before_it_is_cut():
    """Six minutes in each of two free slots are one run of twelve, and count in both."""
    first, second = slot(0, 45), slot(45, 50, BREAK)
    found = facts("s", "a101", seen((39, 51)), [first, second], {})
    assert [fact.outcome for fact in found] == [UNSCHEDULED, UNSCHEDULED]
    assert [fact.occupied_minutes for fact in found] == [6.0, 5.0]


def test_a_run_from_before_the_day_counts_in_full():
    """Intervals that reach over the first slot lend it their length."""
    night = slot(0, 45, NIGHT)
    assert one(seen((-5, 5)), period=night).outcome == UNSCHEDULED
    assert one(seen((-5, 5), start=0), period=night).outcome == UNSCHEDULED
    assert one(seen((0, 5), start=0), period=night).outcome == FREE


def test_less_than_a_minute_over_the_end_is_not_use():
    """A long run that only touches the next slot does not count there."""
    found = facts("s", "a101", seen((0, 45.9)), [slot(0, 45), slot(45, 50, BREAK)], {})
    assert [fact.outcome for fact in found] == [UNSCHEDULED, FREE]


def test_a_class_that_overruns_is_no_unscheduled_use():
    """Presence in a scheduled lesson does not lengthen a run in the break behind it."""
    lesson, pause = slot(0, 45), slot(45, 70, BREAK)
    planned = {("morning", 1): MATHS}
    assert [f.outcome for f in facts("s", "a101", seen((0, 54)), [lesson, pause], planned)] == [HELD, FREE]
    assert [f.outcome for f in facts("s", "a101", seen((0, 55)), [lesson, pause], planned)] == [
        HELD,
        UNSCHEDULED,
    ]


def test_a_free_slot_that_was_hardly_measured_is_not_measured():
    """Unless a run was seen anyway, or the gaps are too small to hide one."""
    assert one(seen(unknown=[(0, 30)]), scheduled=False).outcome == NOT_MEASURED
    assert one(seen((30, 40), unknown=[(0, 30)]), scheduled=False).outcome == UNSCHEDULED
    gaps = [(0, 9), (12, 20)]
    assert one(seen(unknown=gaps), scheduled=False).outcome == FREE


def test_a_lesson_elsewhere_in_the_week_does_not_fill_other_slots():
    """Only the slot with the lesson's session and period is scheduled; a break never is."""
    found = facts("s", "a101", seen(), [slot(0, 45, period=2), slot(45, 50, BREAK)], {("morning", 1): MATHS})
    assert [fact.outcome for fact in found] == [FREE, FREE]


def test_milliseconds_are_exact():
    """Times off the minute are counted to the millisecond."""
    base = ms(SEVEN)
    fact = one([Interval(base, base + 1, OCCUPIED), Interval(base + 1, base + 45 * MINUTE, VACANT)])
    assert fact.occupied_minutes == 1 / 60_000
    assert fact.valid_minutes == 45.0


SPAN = st.tuples(st.integers(-30, 200), st.integers(1, 40), st.sampled_from([OCCUPIED, VACANT, UNKNOWN]))


@given(st.lists(SPAN, max_size=12), st.sets(st.integers(1, 3)))
def test_valid_and_missing_minutes_make_up_the_slot(parts, periods):
    """Whatever was measured: one fact per slot, its times within one another and its outcome a known one."""
    base, pieces, reached = ms(SEVEN), [], -(10**9)
    for start, length, state in sorted(parts):
        if start >= reached:
            reached = start + length
            pieces.append(Interval(base + start * MINUTE, base + reached * MINUTE, state))
    slots = [
        slot(0, 45), slot(45, 50, BREAK), slot(50, 95, period=2), slot(95, 115, BREAK), slot(115, 160, period=3),
    ]  # fmt: skip
    made = facts("s", "a101", pieces, slots, {("morning", period): MATHS for period in periods})
    assert [(fact.start, fact.kind, fact.period) for fact in made] == [
        (s.start, s.kind, s.period) for s in slots
    ]
    for fact, place in zip(made, slots, strict=True):
        states = cover(pieces, ms(place.start), ms(place.end))
        unknown = sum(b - a for a, b, state in states if state == UNKNOWN) / MINUTE
        assert fact.valid_minutes + unknown == fact.slot_minutes
        assert 0 <= fact.occupied_minutes <= fact.valid_minutes
        assert fact.outcome in OUTCOMES
        assert (fact.school_class is not None) == (fact.kind == LESSON and fact.period in periods)


def test_the_two_extremes_decide_for_every_filling():
    """Under 80 % coverage a class that was given is the class of any way the missing minutes may have been."""
    rng = random.Random(3)
    given_classes = 0
    for _ in range(300):
        minutes = [rng.choice("ov?") if rng.random() < 0.9 else "v" for _ in range(20)]
        minutes = [m if rng.random() < 0.5 else minutes[0] for m in minutes]

        def spans(letters, these=minutes):
            return [(i * MINUTE, (i + 1) * MINUTE) for i, m in enumerate(these) if m in letters]

        if minutes.count("?") <= 4:
            continue
        found = outcome(0, 20 * MINUTE, spans("o"), spans("?"))
        fillings = set()
        for _ in range(60):
            share = rng.random()
            filled = [("o" if rng.random() < share else "v") if m == "?" else m for m in minutes]
            fillings.add(outcome(0, 20 * MINUTE, spans("o", filled), []))
        if found != NOT_MEASURED:
            given_classes += 1
            assert fillings == {found}
    assert given_classes > 20
