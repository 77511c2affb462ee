"""Equipment state from power: when it is on, what is off, how long a reading holds, and stretches with their energy."""

import itertools
import json
import math
import random
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus.inference import ALWAYS_ON, OFF, OFF_OR_STANDBY, ON, STANDBY, UNKNOWN
from campus.inference.equipment import (
    HOUR_MS,
    MINUTE_MS,
    EquipmentCalibration,
    EquipmentPower,
    stretches,
)
from campus.inference.equipment_kinds import CLASSES, kind_in, power_class
from campus.inference.intervals import SETTLE_MS

START = 1_795_305_600_000
FINE = EquipmentCalibration(60.0, 0.1)  # a threshold of 60 W, a meter that tells 0.1 W


def run(*watts, power=None, at=START):
    """One step per value, minute by minute; None: nothing measured."""
    power = power or EquipmentPower("projector", FINE)
    return [power.step(at + i * MINUTE_MS, value) for i, value in enumerate(watts)]


def states(steps):
    return [step.state for step in steps]


def final(steps, minutes=None):
    """The state of each minute with hindsight."""
    end = START + MINUTE_MS * (len(steps) if minutes is None else minutes)
    found = stretches(steps, START, end)
    return [one.state for one in found for _ in range((one.end_ms - one.start_ms) // MINUTE_MS)]


def test_it_is_on_with_one_reading_above_and_off_with_two_below():
    """Live the first low minute is still on; with hindsight the use ended with it."""
    steps = run(3, 66, 66, 53.9, 3, 3)
    assert states(steps) == [STANDBY, ON, ON, ON, STANDBY, STANDBY]
    assert final(steps) == [STANDBY, ON, ON, STANDBY, STANDBY, STANDBY]


def test_one_low_reading_alone_ends_nothing():
    """Nor does power between the two thresholds."""
    assert states(run(66, 3, 66, 55, 55, 55, 3, 55, 3, 55)) == [ON] * 10
    assert set(final(run(66, 3, 66))) == {ON}


@pytest.mark.parametrize(
    ("watts", "state"),
    [(0.0, OFF), (0.49, OFF), (0.5, STANDBY), (54, STANDBY), (65.9, STANDBY), (66, ON), (-3, OFF)],
)
def test_bounds_of_the_states(watts, state):
    """On from 1.1 of the threshold, off below half a watt; what was not on before stays so between the two."""
    steps = run(3, watts)
    assert states(steps)[-1] == state


@pytest.mark.parametrize("step", [None, 2.0])
def test_a_meter_that_cannot_tell_says_so(step):
    """Below two of its steps, or while its step is not known, nothing and a little are the same."""
    low = run(0.2, power=EquipmentPower("projector", EquipmentCalibration(60.0, step)))
    assert states(low) == [OFF_OR_STANDBY]
    between = run(3.9 if step else 0.6, power=EquipmentPower("projector", EquipmentCalibration(60.0, step)))
    assert states(between) == [OFF_OR_STANDBY if step else STANDBY]


def test_a_coarse_meter_leaves_room_for_standby():
    """What counts as nothing is at most half of the threshold."""
    coarse = EquipmentPower("monitor", EquipmentCalibration(12.0, 5.0))
    assert states(run(7, 5, power=coarse)) == [STANDBY, OFF_OR_STANDBY]


def test_what_is_always_on_is_never_in_use():
    """And takes no calibration; without power it is off."""
    router = EquipmentPower("router", EquipmentCalibration(60.0, 2.0))
    assert router.calibration is None
    assert states(run(8, 8, 0.0, 0.0, 8, power=router)) == [ALWAYS_ON, ALWAYS_ON, ALWAYS_ON, OFF, ALWAYS_ON]


def test_a_reading_holds_a_quarter_of_an_hour():
    """Then the state is unknown, and no number is made up for it."""
    steps = run(100, *[None] * 20)
    assert states(steps) == [ON] * 15 + [UNKNOWN] * 6
    assert {step.power_w for step in steps[1:]} == {None}


def test_a_slow_meter_holds_three_intervals():
    """A meter that reports every ten minutes is not unknown in between, once its interval is known."""
    power = EquipmentPower("projector", FINE)
    values = [100 if minute % 10 == 0 else None for minute in range(200)]
    run(*values, power=power)
    later = run(*[None] * 30, power=power, at=START + 200 * MINUTE_MS)
    assert states(later) == [ON] * 20 + [UNKNOWN] * 10  # 30 minutes after the last one, at minute 190


def test_after_an_outage_one_low_reading_is_enough():
    """What was before it is not known to go on."""
    assert states(run(100, *[None] * 20, 3))[-1] == STANDBY
    assert states(run(100, *[None] * 20, 61))[-1] == ON


def test_without_readings_it_is_unknown_and_numbers_that_are_none_are_not_read():
    """Not a number, infinite: nothing measured."""
    assert set(states(run(None, math.nan, math.inf, None))) == {UNKNOWN}


def test_a_minute_that_was_is_refused():
    """Time goes on only."""
    power = EquipmentPower("projector")
    power.step(START, 5.0)
    with pytest.raises(ValueError, match="is not after"):
        power.step(START + 59_999, 5.0)


def test_a_counter_gives_the_energy_and_the_reading_the_state():
    """A minute's mean by the counter is what the step carries; alone it is both."""
    power = EquipmentPower("projector", FINE)
    assert power.step(START, 100.0, 80.0)[:3] == (ON, START, 80.0)
    assert power.step(START + MINUTE_MS, None, 90.0)[:3] == (ON, START + MINUTE_MS, 90.0)
    assert power.step(START + 2 * MINUTE_MS, 100.0, math.nan)[:3] == (ON, START + 2 * MINUTE_MS, 100.0)


@pytest.mark.parametrize(
    ("kind", "name", "watts"),
    [
        ("projector", "projector", 60),
        ("may-chieu", "projector", 60),
        ("PC", "computer", 30),
        ("interactive_board", "display", 30),
        ("tv", "display", 30),
        ("monitor", "monitor", 12),
        ("laptop", "laptop", 10),
        ("router", "always-on", 1),
        ("no-such-thing", "other", 15),
        (None, "other", 15),
    ],
)
def test_kinds_and_what_they_draw(kind, name, watts):
    """Known words, in either language, and a stated class for all others."""
    assert power_class(kind)[:2] == (name, watts)


def test_a_name_tells_the_kind_by_its_longest_word():
    """A laptop of a PC pool is a laptop."""
    assert kind_in("pc-laptop-dev-5ae2ca") == "pc-laptop"
    assert power_class(kind_in("videoprojector_3")).name == "projector"
    assert kind_in("plug-12") is None
    assert kind_in("specials") is None  # not the word "pc" or any other within a word


def test_every_kind_of_the_simulated_school_is_known():
    """Its equipment does not fall to the class of unknown kinds, and its standby is below use."""
    from simulator.rooms import EQUIPMENT_NAMES, TYPES

    assert {power_class(kind).name for kind in EQUIPMENT_NAMES}.isdisjoint({"other"})
    for one in TYPES.values():
        use, standby = one.watts
        assert standby < 0.9 * power_class(one.plug).default_w < 1.1 * power_class(one.plug).default_w < use


# Stretches


def test_use_is_cut_at_whole_hours_so_that_its_energy_lies_in_its_hour():
    """An hour at 100 W and one at 200 W are not two at 150."""
    watts = [100.0] * 60 + [200.0] * 60 + [2.0] * 120
    found = stretches(run(*watts), START, START + 4 * HOUR_MS)
    assert [(one.start_ms - START, one.end_ms - START, one.state, one.value) for one in found] == [
        (0, HOUR_MS, ON, 100.0),
        (HOUR_MS, 2 * HOUR_MS, ON, 200.0),
        (2 * HOUR_MS, 4 * HOUR_MS, STANDBY, 2.0),
    ]


def test_short_gaps_are_metered_and_long_ones_are_not():
    """Five minutes apart a line joins two readings; further apart the state holds, without energy."""
    steps = run(100, None, None, None, None, 200, *[None] * 5, 200)
    found = stretches(steps, START, START + 12 * MINUTE_MS)
    assert [((one.end_ms - one.start_ms) // MINUTE_MS, one.state, one.value) for one in found] == [
        (6, ON, 150.0),
        (5, ON, None),
        (1, ON, 200.0),
    ]


def test_what_has_no_step_is_unknown():
    """Before, between and after the steps; the span is covered exactly, also within minutes."""
    steps = [*run(100, 100), *run(2, 2, at=START + 10 * MINUTE_MS)]
    found = stretches(steps, START - 90_000, START + 20 * MINUTE_MS + 1)
    assert [(one.start_ms - START, one.end_ms - START, one.state, one.value) for one in found] == [
        (-90_000, 0, UNKNOWN, None),
        (0, 2 * MINUTE_MS, ON, 100.0),
        (2 * MINUTE_MS, 10 * MINUTE_MS, UNKNOWN, None),
        (10 * MINUTE_MS, 12 * MINUTE_MS, STANDBY, 2.0),
        (12 * MINUTE_MS, 20 * MINUTE_MS + 1, UNKNOWN, None),
    ]
    assert [one.state for one in stretches([], START, START + 5)] == [UNKNOWN]
    assert stretches(steps, START, START) == []


def test_the_end_moves_back_at_most_fourteen_minutes():
    """So a minute is final after a quarter of an hour, however slow the meter."""
    power = EquipmentPower("projector", FINE)
    run(*[100 if minute % 20 == 0 else None for minute in range(200)], power=power)
    steps = run(
        *[3 if minute % 20 == 0 else None for minute in range(40)], power=power, at=START + 200 * MINUTE_MS
    )
    found = stretches(steps, START + 200 * MINUTE_MS, START + 240 * MINUTE_MS)
    assert found[0].state == ON
    assert sum(one.end_ms - one.start_ms for one in found if one.state == ON) == 6 * MINUTE_MS


VALUES = st.lists(
    st.none() | st.sampled_from([0.0, 0.3, 3.0, 54.0, 60.0, 66.0, 100.0]) | st.floats(0, 300), max_size=200
)


def seen(found):
    """minute -> (state, metered), and the energy of each state in W·ms."""
    minutes, energy = {}, 0.0
    for one in found:
        for minute in range(one.start_ms, one.end_ms, MINUTE_MS):
            minutes[minute] = one.state, one.value is not None
        energy += (one.value or 0.0) * (one.end_ms - one.start_ms)
    return minutes, energy


@given(VALUES, st.lists(st.integers(1, 199), max_size=6), st.sampled_from(["projector", "router"]))
def test_in_pieces_it_is_as_in_one_run(values, cuts, kind):
    """With a restart at every cut and a quarter of an hour of steps around each piece; use is the same row for row."""
    end = START + len(values) * MINUTE_MS
    whole = stretches(run(*values, power=EquipmentPower(kind, FINE)), START, end)
    edges = sorted({0, len(values), *(cut for cut in cuts if cut < len(values))})
    power, steps, pieces = EquipmentPower(kind, FINE), [], []
    for first, last in itertools.pairwise(edges):
        power = EquipmentPower.restore(kind, json.loads(json.dumps(power.state())))
        before = power.recent
        steps = run(*values[first:last], power=power, at=START + first * MINUTE_MS)
        ahead = EquipmentPower.restore(kind, power.state())
        after = run(*values[last : last + SETTLE_MS // MINUTE_MS], power=ahead, at=START + last * MINUTE_MS)
        span = START + first * MINUTE_MS, START + last * MINUTE_MS
        pieces += stretches([*before, *steps, *after], *span)
    assert seen(pieces)[0] == seen(whole)[0]
    assert seen(pieces)[1] == pytest.approx(seen(whole)[1], abs=1e-3 * MINUTE_MS * (len(values) + 1))
    if all(edge % 60 == 0 for edge in edges):
        assert [one for one in pieces if one.state == ON] == [one for one in whole if one.state == ON]


@given(VALUES, st.integers(-5 * MINUTE_MS, 50 * MINUTE_MS), st.integers(0, 200 * MINUTE_MS))
def test_a_span_is_covered_exactly(values, offset, length):
    """Touching, ascending, no row empty, and use in no row over a whole hour."""
    found = stretches(run(*values), START + offset, START + offset + length)
    assert sum(one.end_ms - one.start_ms for one in found) == length
    assert all(one.start_ms < one.end_ms for one in found)
    assert all(a.end_ms == b.start_ms for a, b in itertools.pairwise(found))
    assert all(one.start_ms // HOUR_MS == (one.end_ms - 1) // HOUR_MS for one in found if one.state == ON)
    assert all(one.value is None for one in found if one.state == UNKNOWN)


def test_a_restart_between_two_low_readings_forgets_neither():
    """The second still ends the use."""
    power = EquipmentPower("projector", FINE)
    run(100, 3, power=power)
    again = EquipmentPower.restore("projector", json.loads(json.dumps(power.state())))
    assert states(run(3, power=again, at=START + 2 * MINUTE_MS)) == [STANDBY]


def test_a_restart_without_the_state_changes_the_result():
    """Control: what the property above compares does depend on the state that is carried over."""
    values = [100.0, 3.0, 55.0, 55.0]
    restarted = [*run(*values[:2]), *run(*values[2:], at=START + 2 * MINUTE_MS)]
    assert states(restarted) != states(run(*values))


def test_without_hindsight_the_low_minute_would_be_use():
    """Control: a piece that does not see the next minutes cannot end a use where it ended."""
    steps = run(100, 3, 3)
    assert final(steps[:2], 2) == [ON, ON] != final(steps, 3)[:2]


def test_a_state_of_another_version_is_refused():
    """It would be read wrongly."""
    with pytest.raises(ValueError, match="version 9"):
        EquipmentPower.restore("projector", {"v": 9})


def test_the_state_is_bounded():
    """After months of minutes it is as large as after a day."""
    power, rng, sizes = EquipmentPower("projector", FINE), random.Random(1), []
    for day in range(30):
        for minute in range(1440):
            at = START + (day * 1440 + minute) * MINUTE_MS
            power.step(at, None if rng.random() < 0.3 else rng.uniform(0, 300))
        sizes.append(len(json.dumps(power.state())))
    assert max(sizes) < 1.3 * sizes[0] < 6000


def test_the_page_names_every_class_and_its_watts():
    """docs/equipment.md is what the records' kinds are chosen by."""
    page = (Path(__file__).parents[1] / "docs" / "equipment.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (\d+) W \|", page, re.M))
    assert rows == {one.name: f"{one.default_w:.0f}" for one in CLASSES}
