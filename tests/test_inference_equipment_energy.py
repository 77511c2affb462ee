"""Energy of equipment: by its counter where there is one, never across gaps, never absurd."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus.inference import ON
from campus.inference.energy import LONGEST_GAP_MS, energy, metered, minute_power
from campus.inference.equipment import EquipmentCalibration, EquipmentPower, stretches
from campus.telemetry import GOOD, HOLD, INVALID, OUT_OF_RANGE, UNSYNCED

MIN, HOUR = 60_000, 3_600_000
DAY = 24 * HOUR


def samples(*pairs, quality=GOOD):
    return [(round(at * MIN), value, quality) for at, value in pairs]


def test_power_between_readings_is_a_trapezoid():
    """60 W falling to 0 in a minute is half a watt hour."""
    assert energy(samples((0, 60), (1, 0)), [], 0, MIN) == (pytest.approx(0.5), MIN)


def test_nothing_is_added_across_a_gap():
    """Five minutes apart is measured, six is not, and the missing time shows in what was metered."""
    assert energy(samples((0, 60), (5, 60)), [], 0, HOUR) == (pytest.approx(5), 5 * MIN)
    assert energy(samples((0, 60), (6, 60)), [], 0, HOUR) == (0, 0)
    assert energy(samples((0, 60), (2, 60), (8, 60), (9, 60)), [], 0, HOUR) == (pytest.approx(3), 3 * MIN)
    late = [(0, 60.0, GOOD), (LONGEST_GAP_MS, 60.0, GOOD)]
    assert energy(late, [], 0, HOUR).metered_ms == LONGEST_GAP_MS
    assert energy([late[0], (LONGEST_GAP_MS + 1, 60.0, GOOD)], [], 0, HOUR).metered_ms == 0


def test_the_counter_comes_first():
    """It saw what samples of power missed; where it is silent, power stands in."""
    watts = samples(*((minute, 10) for minute in range(61)))
    counter = samples(*((minute, minute * 1000) for minute in range(31)))  # 60 W
    assert energy(watts, counter, 0, HOUR) == (pytest.approx(30 + 5), HOUR)
    assert energy([], counter, 0, HOUR) == (pytest.approx(30), 30 * MIN)


@pytest.mark.parametrize("after", [0, 5, 999_999])
def test_a_reset_is_never_negative_nor_absurd(after):
    """For the minute of the reset power stands in; without it the minute is missing."""
    counter = samples((0, 1_000_000), (1, 1_001_000), (2, after), (3, after + 1000))
    assert energy([], counter, 0, 3 * MIN) == (pytest.approx(2), 2 * MIN)
    watts = samples(*((minute, 60) for minute in range(4)))
    assert energy(watts, counter, 0, 3 * MIN) == (pytest.approx(3), 3 * MIN)


def test_another_meter_in_its_place_adds_nothing():
    """A jump that no circuit could draw is not energy."""
    counter = samples((0, 1000), (1, 900_000_000), (2, 900_001_000))
    assert energy([], counter, 0, 2 * MIN) == (pytest.approx(1), MIN)


@pytest.mark.parametrize("wrap", [2**31, 2**32])
def test_a_counter_that_wraps_goes_on(wrap):
    """From the top of its bits to nothing."""
    counter = samples((0, wrap - 400), (1, 600))
    assert energy([], counter, 0, MIN) == (pytest.approx(1), MIN)


def test_only_usable_readings_count():
    """Invalid, out of range and unsynced ones are not there; those of a clock that holds are."""
    bad = [(MIN // 2, 9000.0, OUT_OF_RANGE), (MIN // 3, None, INVALID), (MIN // 4, 5.0, UNSYNCED)]
    watts = sorted([*samples((0, 60), (1, 60), quality=HOLD), *bad, (MIN // 5, float("nan"), GOOD)])
    assert energy(watts, [], 0, MIN) == (pytest.approx(1), MIN)
    twice = [(0, 60.0, GOOD), (0, 90.0, GOOD), (MIN, 60.0, GOOD)]
    assert energy(twice, [], 0, MIN) == (pytest.approx(1), MIN)


def test_nothing_measured_is_nothing_metered():
    """Zero watt hours of zero time: a page shows it as not measured."""
    assert energy([], [], 0, HOUR) == (0, 0)
    assert energy(samples((0, 60)), samples((0, 5)), 0, HOUR) == (0, 0)
    assert energy(samples((0, 60), (1, 60)), [], HOUR, HOUR) == (0, 0)


AT = st.lists(st.integers(0, 40 * MIN), max_size=30, unique=True).map(sorted)


@st.composite
def readings(draw):
    watts = [(at, draw(st.floats(-50, 3000)), GOOD) for at in draw(AT)]
    count, counter = draw(st.integers(0, 2**32 - 1)), []
    for at in draw(AT):
        count = (
            draw(st.integers(0, 2000))
            if draw(st.integers(0, 9)) == 0
            else count + draw(st.integers(0, 50_000))
        )
        counter.append((at, count, GOOD))
    return watts, counter


@given(readings(), st.integers(0, 40 * MIN), st.integers(0, 40 * MIN), st.integers(0, 40 * MIN))
def test_splitting_a_range_adds_up(given_, a, b, c):
    """The metered time to the millisecond, the energy up to rounding."""
    a, b, c = sorted((a, b, c))
    whole, first, second = (energy(*given_, *span) for span in ((a, c), (a, b), (b, c)))
    assert first.metered_ms + second.metered_ms == whole.metered_ms <= c - a
    assert first.wh + second.wh == pytest.approx(whole.wh, abs=1e-6)


@given(readings())
def test_no_time_is_metered_twice(given_):
    """Pieces of counter and power touch at most; a counter never gives negative energy, nor more than a circuit."""
    found = metered(*given_)
    assert all(a.end_ms <= b.start_ms for a, b in itertools.pairwise(found))
    alone = energy([], given_[1], 0, 40 * MIN)
    assert 0 <= alone.wh <= 25_000 * alone.metered_ms / HOUR + 1e-6


@given(st.lists(st.floats(0, 3000), min_size=2, max_size=60), st.integers(0, 2**32 - 1))
def test_a_counter_and_its_power_agree(watts, first):
    """A counter made from the power itself: the same energy, within its own step of 1 mWh a reading."""
    power = [(i * MIN, value, GOOD) for i, value in enumerate(watts)]
    exact = [0.0, *itertools.accumulate((a + b) / 2 * 1000 / 60 for a, b in itertools.pairwise(watts))]
    counter = [(i * MIN, (first + round(mwh)) % 2**32, GOOD) for i, mwh in enumerate(exact)]
    end = (len(watts) - 1) * MIN
    by_power, by_counter = energy(power, [], 0, end), energy([], counter, 0, end)
    assert by_counter.wh == pytest.approx(by_power.wh, abs=0.002)
    assert by_counter.metered_ms == by_power.metered_ms == end


def test_minutes_carry_both():
    """The mean of the minute's readings for the state, the counter's mean for the energy where it covers the minute."""
    watts = samples((0, 10), (0.5, 30), (2, 50))
    counter = samples((0.5, 0), (1, 500), (2, 1500), (3.5, 3000))
    assert list(minute_power(watts, counter, 0, 4 * MIN)) == [
        (0, 20.0, None),
        (MIN, None, pytest.approx(60)),
        (2 * MIN, 50.0, pytest.approx(60)),
        (3 * MIN, None, None),
    ]


def test_energy_of_the_stretches_is_that_of_the_meter():
    """A day in minutes, states and stretches: within 1 % of the trapezoids, gaps in both."""
    rng, power = random.Random(5), EquipmentPower("projector", EquipmentCalibration(60.0, 0.1))
    watts = []
    for minute in range(1440):
        on = 420 <= minute < 700 and minute // 45 % 3 != 2
        if rng.random() > 0.05 and not 550 <= minute < 580:
            watts.append((minute * MIN, rng.gauss(230, 10) if on else 3.0, GOOD))
    steps = [power.step(at, mean, counted) for at, mean, counted in minute_power(watts, [], 0, DAY)]
    found = stretches(steps, 0, DAY)
    wh = sum((one.value or 0.0) * (one.end_ms - one.start_ms) for one in found) / HOUR
    measured = energy(watts, [], 0, DAY)
    assert wh == pytest.approx(measured.wh, rel=0.01)
    metered_ms = sum(one.end_ms - one.start_ms for one in found if one.value is not None)
    assert metered_ms == pytest.approx(measured.metered_ms, rel=0.01)
    assert any(one.state == ON and one.value is None for one in found)
