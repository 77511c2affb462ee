"""Presence, minute by minute: what sensors say, what happens when they go, and that a restart changes nothing."""

import json
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campus.inference import OCCUPIED, UNKNOWN, VACANT
from campus.inference.evidence import CarbonDioxide, Light, Motion, Reports
from campus.inference.parameters import DEFAULT, ROOM_TYPES, parameters
from campus.inference.presence import MINUTE_MS, Presence

START = 1_795_326_720_000 // MINUTE_MS


def stream(*inputs, presence=None, at=START):
    presence = presence or Presence()
    return [presence.step((at + i) * MINUTE_MS, given) for i, given in enumerate(inputs)]


def states(steps):
    return [step.state for step in steps]


def a_room(minutes, seed=7):
    """A room with PIR, CO2 and light, two visits a day, 5 % of readings lost and one bad number in a hundred."""
    rng = random.Random(seed)
    co2 = 420.0
    for minute in range(minutes):
        there = minute % 720 in range(60, 240)
        co2 += (25 if there else 0) - (co2 - 420) * 0.02
        inputs = {
            "motion": float(there and rng.random() < 0.5),
            "co2_ppm": round(co2 + rng.gauss(0, 3)),
            "illuminance_lx": (260.0 if there else 20.0) * (1 + rng.random() / 5),
        }
        inputs = {key: value for key, value in inputs.items() if rng.random() > 0.05}
        yield {key: math.nan if rng.random() < 0.01 else value for key, value in inputs.items()}


def test_without_any_sensor_the_state_is_unknown():
    """An empty minute is not measured, and has no probability."""
    [step] = stream({})
    assert (step.state, step.p, step.evidence_ms) == (UNKNOWN, None, None)


def test_light_alone_is_never_a_state():
    """Light, however bright, says nothing without motion or CO2."""
    assert set(states(stream(*[{"illuminance_lx": 900.0}] * 60))) == {UNKNOWN}


def test_motion_occupies_and_quiet_vacates():
    """Motion makes the room occupied within minutes; quiet makes it vacant once the hold time is over."""
    steps = stream(*[{"motion": 0}] * 20, *[{"motion": 1}] * 10, *[{"motion": 0}] * 20)
    assert states(steps)[19] == VACANT
    assert states(steps)[29] == OCCUPIED
    assert states(steps)[29 + 7] == OCCUPIED
    assert states(steps)[-1] == VACANT
    assert steps[-1].evidence_ms == (START + 29) * MINUTE_MS


def test_lamps_left_on_do_not_lengthen_a_visit_that_a_motion_sensor_saw_end():
    """Where a motion sensor reports, the last evidence is motion's and the air's; light is, where none does."""
    there = [{"motion": 1, "illuminance_lx": 450.0, "co2_ppm": 900.0}] * 30
    gone = [{"motion": 0, "illuminance_lx": 450.0, "co2_ppm": 900.0 - 6 * minute} for minute in range(30)]
    assert stream(*there, *gone)[-1].evidence_ms == (START + 29) * MINUTE_MS
    unseen = [{key: given[key] for key in ("illuminance_lx", "co2_ppm")} for given in (*there, *gone)]
    assert stream(*unseen)[-1].evidence_ms == (START + 59) * MINUTE_MS


def test_air_that_speaks_for_people_outweighs_a_motion_sensor_that_sees_none():
    """People sitting still behind a cupboard: CO2 keeps rising, and their visit goes on."""
    still = [{"motion": 0, "co2_ppm": 500.0 + 15 * minute} for minute in range(7)]
    steps = stream(*[{"motion": 1, "co2_ppm": 440.0 + 2 * minute} for minute in range(30)], *still)
    assert steps[-1].evidence_ms == (START + 36) * MINUTE_MS


def test_a_silent_sensor_is_held_for_fifteen_minutes_and_then_unknown():
    """The last reading counts for exactly max(3 intervals, 15 min), and the state is unknown from then on."""
    steps = stream(*[{"motion": 1}] * 10, *[{}] * 20)
    assert states(steps)[10:24] == [OCCUPIED] * 14
    assert states(steps)[24:] == [UNKNOWN] * 6


@pytest.mark.parametrize("bad", [None, math.nan, math.inf, -math.inf, -1.0])
@pytest.mark.parametrize("key", ["motion", "co2_ppm", "illuminance_lx"])
def test_bad_numbers_are_as_good_as_nothing(key, bad):
    """None, NaN, an infinity or a negative value changes no state."""
    good = [{"motion": 1.0}] * 5
    broken, clean = Presence(), Presence()
    stream(*[{**inputs, key: inputs.get(key, bad)} for inputs in good], presence=broken)
    stream(*good, presence=clean)
    assert broken.state() == clean.state()


def test_minutes_left_out_are_empty_minutes():
    """Skipping the minutes of an outage equals stepping through it."""
    skipping, stepping = Presence(), Presence()
    room = list(a_room(300))
    for i, inputs in enumerate(room):
        if 100 <= i < 190:
            stepping.step((START + i) * MINUTE_MS, {})
        else:
            assert skipping.step((START + i) * MINUTE_MS, inputs) == stepping.step(
                (START + i) * MINUTE_MS, inputs
            )
    assert skipping.state() == stepping.state()


def test_time_does_not_go_back():
    """A minute at or before the last one is refused."""
    presence = Presence()
    presence.step(START * MINUTE_MS, {})
    with pytest.raises(ValueError, match="not after"):
        presence.step(START * MINUTE_MS, {})


ROOM = list(a_room(3 * 1440 + 400))
WHOLE = Presence()
WHOLE_STEPS = stream(*ROOM, presence=WHOLE)


@settings(max_examples=30)
@given(st.lists(st.integers(1, len(ROOM) - 1), min_size=1, max_size=3, unique=True))
def test_a_restart_at_any_minute_changes_nothing(cuts):
    """Stored as JSON text and restored, the estimator gives the very steps and state of a run without a break."""
    presence, steps = Presence(), []
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(ROOM)], strict=True):
        presence = Presence.restore(json.loads(json.dumps(presence.state())))
        steps += stream(*ROOM[begin:end], presence=presence, at=START + begin)
    assert steps == WHOLE_STEPS
    assert presence.state() == WHOLE.state()


@pytest.mark.parametrize(
    ("forgotten", "minute"),
    [
        (("smooth",), 243),
        (("evidence_ms",), 300),
        (("motion", "since"), 243),
        (("co2", "samples"), 243),
        (("co2", "history"), 243),
        (("co2", "fits"), 243),
        (("light", "threshold"), 230),
    ],
)
def test_a_state_that_forgets_is_noticed(forgotten, minute):
    """Control: with any of these left out of the stored state, the run after a restart is another one."""
    cut = 3 * 1440 + minute  # a visit ends at 240
    presence = Presence()
    stream(*ROOM[:cut], presence=presence)
    state, fresh = json.loads(json.dumps(presence.state())), Presence().state()
    *path, last = forgotten
    inner = state
    for key in path:
        inner, fresh = inner[key], fresh[key]
    assert inner[last] != fresh[last]
    inner[last] = fresh[last]
    restored = Presence.restore(state)
    steps = stream(*ROOM[cut:], presence=restored, at=START + cut)
    assert (steps, restored.state()) != (WHOLE_STEPS[cut:], WHOLE.state())


def test_a_state_of_another_version_is_refused():
    """A stored state that this code does not understand raises instead of being half read."""
    with pytest.raises(ValueError, match="version 99"):
        Presence.restore({"v": 99})


def test_the_state_stays_small():
    """A room's checkpoint after days is some kilobytes of JSON."""
    assert len(json.dumps(WHOLE.state())) < 20_000


def test_one_outage_is_not_an_interval():
    """The reporting interval is the median gap: a six-hour outage of a one-minute sensor leaves it at a minute."""
    reports = Reports(DEFAULT)
    for minute in [0, 1, 2, 3, 363, 364, 365]:
        reports.note(minute)
    assert (reports.interval_min, reports.limit_min) == (1, 15)
    slow = Reports(DEFAULT)
    for minute in range(0, 100, 10):
        slow.note(minute)
    assert (slow.interval_min, slow.limit_min) == (10, 30)


def test_a_motion_sensor_that_returns_does_not_remember():
    """After an outage motion from before it is no evidence; quiet is, as far as it was observed."""
    motion = Motion(DEFAULT)
    motion.read(0, 1)
    assert motion.weight(14) == DEFAULT.motion_high
    assert motion.weight(15) is None
    motion.read(30, 0)
    assert motion.weight(30) == 0
    for minute in range(31, 60):
        motion.read(minute, 0)
    assert motion.weight(59) == DEFAULT.motion_low


def test_motion_evidence_follows_the_formula():
    """4 − 4(τ−1)/(T−1): full at one quiet minute, nothing at the hold time, at most −3."""
    motion = Motion(DEFAULT)
    motion.read(0, 1)
    found = []
    for minute in range(1, 30):
        motion.read(minute, 0)
        found.append(motion.weight(minute))
    assert found[0] == 4
    assert found[7] == 0  # at T = 8
    assert found[-1] == -3


def test_carbon_dioxide_needs_three_samples_over_five_minutes():
    """No evidence before; afterwards a steep rise is the most it can say, and quiet air little."""
    co2 = CarbonDioxide(DEFAULT)
    for minute in range(5):
        co2.read(minute, 500.0)
        assert co2.weight(minute) is None
    co2.read(5, 500.0)
    assert co2.weight(5) == DEFAULT.co2_low
    for minute in range(6, 20):
        co2.read(minute, 500.0 + 15 * (minute - 5))
    assert co2.weight(19) == DEFAULT.co2_high


def test_carbon_dioxide_every_five_or_fifteen_minutes_works():
    """Slow sensors get a longer slope window, so a classroom filling up is seen."""
    for every, until in ((5, 60), (15, 240)):
        co2 = CarbonDioxide(DEFAULT)
        for minute in range(0, until, every):
            co2.read(minute, 420 + 8.0 * minute)
        assert co2.weight(until - every) == DEFAULT.co2_high, every


def test_carbon_dioxide_learns_its_decay():
    """An empty room airing at 1.2/h moves the decay there from 0.5/h, once fits outnumber the pseudo samples."""
    co2 = CarbonDioxide(DEFAULT)
    for minute in range(5 * 1440):
        hour = minute % 1440 / 60
        co2.read(minute, 420 + (800 * math.exp(-1.2 * (hour - 12)) if hour >= 12 else 0))
    assert len(co2.fits) >= 4
    assert co2.k == pytest.approx(1.2, abs=0.15)


@pytest.mark.parametrize("level", [420, 1200])
def test_a_stuck_carbon_dioxide_sensor_falls_silent(level):
    """A value that never changes stops counting: after 3 h when high above the baseline, after a day in any case."""
    co2 = CarbonDioxide(DEFAULT)
    for minute in range(1440):
        co2.read(minute, 420 + minute % 3)
    for minute in range(1440, 1440 + 1500):
        co2.read(minute, level)
    assert co2.weight(1440 + 1499) is None


def test_a_falling_baseline_is_followed():
    """A sensor that drifts down by 100 ppm in a week leaves an empty room vacant all along."""
    steps = stream(*[{"co2_ppm": 520 - minute * 100 / 10080 + minute % 2} for minute in range(10080)])
    assert {step.state for step in steps[10:]} == {VACANT}


def test_light_learns_a_dim_room_after_three_days():
    """Lamps of 80 lux are nothing against the first threshold, and decide once the threshold is learned."""
    light = Light(DEFAULT)
    for minute in range(4 * 1440):
        on = minute % 1440 in range(480, 960)
        light.read(minute, (80.0 if on else 15.0) + minute % 3)
        if minute == 600:
            assert light.weight(minute) == 0
        if minute == 3 * 1440 + 600:
            assert light.weight(minute) == DEFAULT.light_gain
    assert 17 < light.threshold < 80


def test_darkness_counts_before_anything_is_learned():
    """A dark room is evidence against presence from the first minute."""
    light = Light(DEFAULT)
    light.read(0, 0.0)
    assert light.weight(0) == -DEFAULT.light_gain


def test_room_types_differ_in_hold_time_only():
    """Every listed type keeps T within 8 to 20 minutes, and an unknown one has the default."""
    assert parameters("no-such-type") == parameters(None) == DEFAULT
    for found in ROOM_TYPES.values():
        assert 8 <= found.motion_hold_min <= 20
