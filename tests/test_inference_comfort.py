"""Stale and warm air: limits, how long a reading holds, restarts, stretches that cover their span."""

from hypothesis import given
from hypothesis import strategies as st

from campus.inference import FAIR, HIGH, UNKNOWN, Stretch
from campus.inference.comfort import CO2_HIGH_PPM, HOLD_MIN, MINUTE_MS, Comfort, ComfortStep, stretches


def states(values, limit=CO2_HIGH_PPM):
    comfort = Comfort(limit)
    return [comfort.step(minute * MINUTE_MS, value).state for minute, value in enumerate(values)]


def test_high_is_above_the_limit_and_not_at_it():
    """The limit itself is fair."""
    assert states([1000.0, 1000.1, 400.0]) == [FAIR, HIGH, FAIR]


def test_a_reading_holds_for_a_while_and_then_nothing_is_measured():
    """Before the first reading, and later than HOLD_MIN after the last, the state is unknown."""
    found = states([None, 1200.0] + [None] * (HOLD_MIN + 2))
    assert found == [UNKNOWN] + [HIGH] * (HOLD_MIN + 1) + [UNKNOWN] * 2


@given(st.lists(st.none() | st.floats(300, 3000), max_size=60), st.integers(0, 60))
def test_a_restart_changes_nothing(values, at):
    """Restored from its state at any minute, the same states follow."""
    whole, first = Comfort(CO2_HIGH_PPM), Comfort(CO2_HIGH_PPM)
    expected = [whole.step(minute * MINUTE_MS, value) for minute, value in enumerate(values)]
    found = [first.step(minute * MINUTE_MS, value) for minute, value in enumerate(values[:at])]
    second = Comfort(CO2_HIGH_PPM, first.state())
    found += [second.step((at + n) * MINUTE_MS, value) for n, value in enumerate(values[at:])]
    assert found == expected


def test_stretches_cover_their_span_and_join_equals():
    """Cut to the span; minutes that are missing are unknown."""
    steps = [ComfortStep(n * MINUTE_MS, state) for n, state in ((0, FAIR), (1, HIGH), (2, HIGH), (5, FAIR))]
    half = MINUTE_MS // 2
    assert stretches(steps, half, 7 * MINUTE_MS) == [
        Stretch(half, MINUTE_MS, FAIR),
        Stretch(MINUTE_MS, 3 * MINUTE_MS, HIGH),
        Stretch(3 * MINUTE_MS, 5 * MINUTE_MS, UNKNOWN),
        Stretch(5 * MINUTE_MS, 6 * MINUTE_MS, FAIR),
        Stretch(6 * MINUTE_MS, 7 * MINUTE_MS, UNKNOWN),
    ]
    assert stretches([], 0, MINUTE_MS) == [Stretch(0, MINUTE_MS, UNKNOWN)]
