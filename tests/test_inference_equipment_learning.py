"""Thresholds that equipment learns of itself: from power alone, few of them, and never out of bounds."""

import itertools
import json
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campus.inference.equipment import MINUTE_MS, EquipmentCalibration, EquipmentPower
from campus.inference.equipment_kinds import power_class
from campus.inference.equipment_learning import (
    BINS,
    EVERY_MIN,
    HIGHEST,
    LOWEST,
    METER_STEPS_W,
    EquipmentLearning,
    meter_step_w,
    threshold_w,
)

START = 1_795_305_600_000
DAY = 1440


def learn(watts, kind="projector", learning=None, first=0):
    """(minute, calibration) of each that was issued."""
    learning = learning or EquipmentLearning(kind)
    found = []
    for minute, value in enumerate(watts, first):
        new = learning.read(START + minute * MINUTE_MS, value)
        if new is not None:
            found.append((minute, new))
    return found


def lessons(minutes, on=170.0, standby=1.0, noise=1.0, seed=1):
    """In use for 45 of every 120 minutes."""
    rng = random.Random(seed)
    return [max(0.0, rng.gauss(on if minute % 120 < 45 else standby, noise)) for minute in range(minutes)]


def test_a_projector_learns_where_its_use_begins():
    """0.4 of what it draws in use, as its standby is far below."""
    [*_, (minute, last)] = learn(lessons(3 * DAY))
    assert last.threshold_w == pytest.approx(0.4 * 170, rel=0.07)
    assert minute <= 10 * 60


def test_nothing_is_learned_in_two_hours_or_of_one_state_alone():
    """A piece that is never used keeps the threshold of its kind."""
    assert learn(lessons(120)) == []
    assert {one.threshold_w for _, one in learn([3.0, 3.2] * DAY)} == {60.0}  # its meter's step alone is told


def test_two_loads_that_are_alike_are_no_two_states():
    """A fan that turns a little faster is not in use now and then."""
    assert all(one.threshold_w == 60.0 for _, one in learn(lessons(3 * DAY, on=80.0, standby=62.0)))


@pytest.mark.parametrize(("on", "kind"), [(1200.0, "projector"), (9.0, "projector"), (900.0, "monitor")])
def test_a_threshold_out_of_bounds_is_not_taken(on, kind):
    """Something else hangs on that meter than the records say."""
    default = power_class(kind).default_w
    assert all(one.threshold_w == default for _, one in learn(lessons(3 * DAY, on=on, standby=0.4), kind))


def test_another_appliance_moves_it_only_within_bounds():
    """A heater for a week, then a lamp: what was learned stands, or follows between 0.5 and 3 times the default."""
    watts = [*lessons(5 * DAY), *lessons(7 * DAY, on=1500.0), *lessons(7 * DAY, on=35.0)]
    found = [one.threshold_w for _, one in learn(watts)]
    assert found
    assert all(LOWEST * 60 <= one <= HIGHEST * 60 for one in found)


def test_it_follows_a_projector_that_is_replaced():
    """The old one's power is forgotten by half in two weeks."""
    learning = EquipmentLearning("projector")
    before = learn(lessons(50 * DAY, on=300.0), learning=learning)[-1][1]
    after = learn(lessons(30 * DAY, on=150.0), learning=learning, first=50 * DAY)[-1][1]
    assert before.threshold_w == pytest.approx(120, rel=0.1)
    assert after.threshold_w < 75


def test_rows_are_few():
    """A month of ordinary use brings a handful; however wild the power, at most about one a day."""
    assert len(learn(lessons(30 * DAY, noise=3.0))) <= 5
    rng = random.Random(3)
    wild = [rng.choice([0.0, 1.0, 40.0, 90.0, 200.0, 3000.0]) * rng.random() for _ in range(30 * DAY)]
    found = [minute for minute, _ in learn(wild)]
    assert len(found) <= 31
    assert all(b - a >= EVERY_MIN for a, b in itertools.pairwise(found[1:]))


def test_a_threshold_that_moves_fast_brings_one_row_a_day():
    """The first one comes as soon as it is learned, the next a day later."""
    watts = [*lessons(5 * 60, on=90.0), *lessons(3 * DAY, on=300.0)]
    minutes = [minute for minute, one in learn(watts) if one.threshold_w != 60.0]
    assert minutes[0] < 5 * 60
    assert len(minutes) >= 2
    assert minutes[1] - minutes[0] >= EVERY_MIN


def test_always_on_equipment_teaches_nothing():
    """Nor do minutes without a reading."""
    assert learn(lessons(3 * DAY), "router") == []
    assert learn([None, math.nan, math.inf] * DAY) == []


@pytest.mark.parametrize("step", [0.01, 0.1, 0.5, 1.0, 2.0])
def test_the_step_of_a_meter_is_seen(step):
    """From what its readings are multiples of; a few odd ones do not hide it, and means of readings are finer."""
    watts = [round(value / step) * step for value in lessons(DAY, standby=4.0, noise=4.0)]
    watts[::50] = [value + 0.003 for value in watts[::50]]
    assert learn(watts)[-1][1].meter_step_w == step
    means = [(a + b) / 2 for a, b in itertools.pairwise(watts)]
    assert learn(means)[-1][1].meter_step_w <= max(step / 2, 0.01)


def test_power_that_does_not_vary_does_not_make_a_meter_coarse():
    """A standby of 3.2 W, to the digit, is told as what it is."""
    watts = [265.0 if minute % 120 < 45 else 3.2 for minute in range(3 * DAY)]
    last = learn(watts)[-1][1]
    assert EquipmentPower("projector", last).step(START, 3.2).state == "standby"


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["noise", "ramp", "steps", "flat", "silent"]),
            st.floats(0, 5000),
            st.floats(0, 5000),
            st.integers(10, 400),
        ),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from(["projector", "monitor", "computers", "laptop", "no-such-kind"]),
    st.integers(0, 99),
)
def test_no_power_drives_the_threshold_out_of_its_bounds(parts, kind, seed):
    """Noise, ramps, steps, silence and jumps of months: every row lies between 0.5 and 3 times the default."""
    rng, watts = random.Random(seed), []
    for shape, a, b, length in parts:
        for i in range(length):
            watts.append(
                {
                    "noise": rng.uniform(min(a, b), max(a, b)),
                    "ramp": a + (b - a) * i / length,
                    "steps": a if i // 60 % 2 else b,
                    "flat": a,
                    "silent": None,
                }[shape]
            )
    default = power_class(kind).default_w
    for _, one in learn(watts, kind):
        assert LOWEST * default <= one.threshold_w <= HIGHEST * default
        assert one.meter_step_w in (None, *METER_STEPS_W)


def test_the_bounds_are_what_keeps_it():
    """Control: without them the very same heater would have moved the threshold of a projector."""
    bins = [0.0] * BINS
    learning = EquipmentLearning("projector")
    learn(lessons(3 * DAY, on=1500.0), learning=learning)
    for i, count in zip(*[iter(learning.state()["power"])] * 2, strict=True):
        bins[i] = count
    assert threshold_w(bins) > HIGHEST * 60


@settings(max_examples=25)
@given(st.lists(st.integers(1, 3000), max_size=6), st.integers(0, 9))
def test_a_restart_changes_nothing(cuts, seed):
    """Stored as JSON and restored at every cut: the same rows at the same minutes, and the same state."""
    watts = lessons(3000, noise=5.0, seed=seed)
    whole = EquipmentLearning("projector")
    expected = learn(watts, learning=whole)
    learning, found = EquipmentLearning("projector"), []
    edges = sorted({0, 3000, *cuts})
    for first, last in itertools.pairwise(edges):
        learning = EquipmentLearning("projector", json.loads(json.dumps(learning.state())))
        found += learn(watts[first:last], learning=learning, first=first)
    assert found == expected
    assert learning.state() == whole.state()


def test_the_state_is_bounded():
    """Two histograms, whatever comes."""
    rng, learning = random.Random(1), EquipmentLearning("projector")
    learn([rng.uniform(0, 25_000) ** rng.random() for _ in range(20 * DAY)], learning=learning)
    assert len(json.dumps(learning.state())) < 8000


def test_negative_and_absurd_power_is_read_as_the_bounds():
    """A clamp that hangs the other way round measures no use; nothing breaks."""
    learning = EquipmentLearning("projector")
    assert learn([-5000.0, 1e9, 0.0] * 200, learning=learning) is not None
    assert all(0 <= i < BINS for i in learning.state()["power"][::2])


def test_minutes_that_were_and_states_of_other_versions_are_refused():
    """Each minute teaches once."""
    learning = EquipmentLearning("projector")
    learning.read(START, 5.0)
    with pytest.raises(ValueError, match="is not after"):
        learning.read(START, 5.0)
    with pytest.raises(ValueError, match="version 9"):
        EquipmentLearning("projector", {"v": 9})


def test_a_histogram_without_two_classes_has_no_threshold():
    """Empty, one bin, or a side that was seen for less than an hour; and no step is told from a few readings."""
    assert threshold_w([0.0] * BINS) is None
    assert threshold_w([500.0] + [0.0] * (BINS - 1)) is None
    bins = [0.0] * BINS
    bins[0], bins[80] = 500.0, 59.0
    assert threshold_w(bins) is None
    bins[80] = 60.0
    assert threshold_w(bins) is not None
    assert (
        threshold_w([70.0 if i in (40, 80) else 1000.0 * (i == 60) for i in range(BINS)]) is None
    )  # one, with tails
    assert meter_step_w([10.0, *[0.0] * (len(METER_STEPS_W) - 1)]) is None


def test_a_calibration_is_stored_as_it_is():
    """By its field names, and back."""
    one = EquipmentCalibration(67.25, None)
    assert EquipmentCalibration(**json.loads(json.dumps(one._asdict()))) == one
