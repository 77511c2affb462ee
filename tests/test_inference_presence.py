"""Presence, minute by minute: what sensors say, what happens when they go, and that a restart changes nothing."""

import json
import math
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inference_room import START, a_room, stream

from campus.inference import OCCUPIED, UNKNOWN, VACANT
from campus.inference.air import AirLearning, CarbonDioxide, Track
from campus.inference.background import (
    Clients,
    ClientsLearning,
    Light,
    LightLearning,
    Sound,
    SoundLearning,
)
from campus.inference.evidence import Door, Motion, Radar, Reports
from campus.inference.fuse import INPUTS
from campus.inference.parameters import DEFAULT, ROOM_TYPES, parameters
from campus.inference.presence import MINUTE_MS, Presence


def states(steps):
    return [step.state for step in steps]


def test_without_any_sensor_the_state_is_unknown():
    """An empty minute is not measured, and has no probability."""
    [step] = stream({})
    assert (step.state, step.p, step.evidence_ms) == (UNKNOWN, None, None)


def test_light_alone_is_never_a_state():
    """Light, however bright, says nothing without motion or CO2."""
    assert set(states(stream(*[{"illuminance_lx": 900.0}] * 60))) == {UNKNOWN}


@pytest.mark.parametrize("key", ["access_point_clients", "door_open"])
def test_what_is_not_of_the_room_alone_is_never_a_state(key):
    """The access point serves the neighbours too, and a door does not say on which side somebody is."""
    inputs = [{key: float(minute % 3), "door_changed": 1.0} for minute in range(3 * 1440)]
    assert set(states(stream(*inputs))) == {UNKNOWN}


def test_radar_measures_a_room_and_so_does_sound_once_it_knows_the_quiet():
    """Each alone finds a visit: a radar at once, a sound meter after a day."""
    there = [minute % 480 in range(300, 400) for minute in range(2 * 1440)]
    radar = states(stream(*[{"radar_presence": float(some)} for some in there]))
    assert [state == OCCUPIED for state in radar].count(True) == pytest.approx(sum(there), abs=6)
    levels = [55.0 if some else 35.0 + minute % 4 for minute, some in enumerate(there)]
    sound = states(stream(*[{"sound_level_dba": level} for level in levels]))
    assert set(sound[:1439]) == {UNKNOWN}
    assert [state == OCCUPIED for state in sound[1440:]].count(True) == pytest.approx(
        sum(there[1440:]),
        abs=30,  # it may just say so much that the state changes, and so does slowly
    )


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
@pytest.mark.parametrize("key", INPUTS)
def test_bad_numbers_are_as_good_as_nothing(key, bad):
    """None, NaN, an infinity or a negative value changes no state."""
    good = [{"motion": 1.0}] * 5 if key != "motion" else [{"co2_ppm": 500.0}] * 5
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
        (("estimator", "smooth"), 243),
        (("estimator", "evidence_ms"), 290),
        (("estimator", "motion", "since"), 243),
        (("estimator", "co2", "track", "samples"), 243),
        (("estimator", "calibration"), 243),
        (("learner", "air", "history"), 243),
        (("learner", "air", "fits"), 243),
        (("learner", "issued"), 230),
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
    co2 = AirLearning(DEFAULT)
    for minute in range(5 * 1440):
        hour = minute % 1440 / 60
        co2.read(minute, 420 + (800 * math.exp(-1.2 * (hour - 12)) if hour >= 12 else 0))
    assert len(co2.fits) >= 4
    assert co2.k == pytest.approx(1.2, abs=0.15)


def evenings(aired, every=1):
    """Nine days, read every so many minutes: 400 ppm at 12 and at 16, which a window takes away at 5/h in the first
    `aired` days; at 20 as many, which fall at 0.5/h through the night."""
    learning = AirLearning(DEFAULT)
    for minute in range(0, 9 * 1440, every):
        day, hour = minute // 1440, minute % 1440 / 60
        fast = 5.0 if day < aired else 0.5
        falls = [
            400 * math.exp(-(fast if begins < 20 else 0.5) * (hour - begins)) if hour >= begins else 0.0
            for begins in (12, 16, 20)
        ]
        learning.read(minute, 420 + max(falls))
    return learning


@pytest.mark.parametrize("every", [1, 5])
def test_where_windows_are_opened_there_is_no_one_decay(every):
    """A fall by a window is too short for a fit: the nights alone agree, and teach nothing of the lessons."""
    closed, opened = evenings(0, every), evenings(9, every)
    assert closed.agreed == len(closed.fits) >= 9
    assert opened.agreed == 0 < len(opened.fits)
    assert evenings(2, every).agreed > 0, "windows that stay closed for a week: it is known again"
    again = AirLearning(DEFAULT, json.loads(json.dumps(opened.state())))
    assert again.state() == opened.state() and again.agreed == 0


@pytest.mark.parametrize("level", [420, 1200])
def test_a_stuck_carbon_dioxide_sensor_falls_silent(level):
    """A value that never changes stops counting: after 3 h when high above the baseline, after a day in any case."""
    co2 = CarbonDioxide(DEFAULT)
    co2.use(420.0, None, 0)
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
    light, learning = Light(DEFAULT), LightLearning(DEFAULT)
    for minute in range(4 * 1440):
        on = minute % 1440 in range(480, 960)
        lux = (80.0 if on else 15.0) + minute % 3
        if learning.read(minute, lux):
            light.use(learning.threshold, learning.proven)
        light.read(minute, lux)
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


def test_room_types_differ_in_hold_time_and_breath_only():
    """Every listed type keeps T within 8 to 20 minutes and has pupils in it; an unknown one has the default."""
    assert parameters("no-such-type") == parameters(None) == DEFAULT
    for found in ROOM_TYPES.values():
        assert 8 <= found.motion_hold_min <= 20
        assert found.co2_per_head_m3_h == pytest.approx(0.0159, abs=1e-4)
        same = {"motion_hold_min": 8.0, "co2_per_head_m3_h": 0.0187}
        assert replace(found, **same) == DEFAULT


def test_radar_says_more_of_an_absence_after_two_minutes():
    """Present +4; absent −2 and, from two minutes on, −3; silent once stale."""
    radar = Radar(DEFAULT)
    found = []
    for minute, value in enumerate([1, 1, 0, 0, 0, 0, 1]):
        radar.read(minute, value)
        found.append(radar.weight(minute))
    assert found == [4, 4, -2, -2, -3, -3, 4]
    assert radar.weight(6 + 14) == 4
    assert radar.weight(6 + 15) is None


def test_radar_that_returns_counts_absence_anew():
    """Minutes of an outage are not observed absence."""
    radar = Radar(DEFAULT)
    for minute in range(5):
        radar.read(minute, 0)
    radar.read(100, 0)
    assert radar.weight(100) == -2


def test_a_fan_is_presence_for_four_hours_and_then_counts_little():
    """Presence that no other sensor vouches for is worth 1.5 after 4 h; one that is vouched for stays 4."""
    alone, vouched = Radar(DEFAULT), Radar(DEFAULT)
    for minute in range(500):
        alone.read(minute, 1)
        vouched.read(minute, 1)
        if minute == 300:
            vouched.vouch(minute)
        assert alone.weight(minute) == (4 if minute <= 240 else 1.5)
        assert vouched.weight(minute) == (4 if minute <= 240 or minute >= 300 else 1.5)


def test_a_fan_does_not_occupy_a_room_whose_motion_sensor_is_quiet():
    """Radar alone keeps people who sit still for hours; a fan over night is found out, and not before."""
    steps = stream(*[{"motion": float(minute < 3), "radar_presence": 1.0} for minute in range(600)])
    assert set(states(steps)[:242]) == {OCCUPIED}
    assert set(states(steps)[250:]) == {VACANT}


def test_sound_evidence_follows_the_formula():
    """z = (s − q30) ÷ (q30 − q05), and (z − 2) ÷ 2 within −0.7 and +1.5; nothing before a day's readings."""
    sound, learning = Sound(DEFAULT), SoundLearning(DEFAULT)
    for minute in range(1440):
        level = 30.0 + minute % 40 / 2  # uniform over 30 to 50 dB(A)
        assert not learning.read(minute, level)
        sound.read(minute, level)
        assert sound.weight(minute) is None
    assert learning.read(1440, 36.0)
    sound.use(learning.quiet, learning.low)
    sound.read(1440, 36.0)
    q30, q05 = 36.0, 31.0
    assert (sound.quiet, sound.low) == (pytest.approx(q30, abs=0.1), pytest.approx(q05, abs=0.1))
    for minute, z in ((1441, 0.0), (1442, 2.0), (1443, 3.0), (1444, 9.0)):
        sound.read(minute, q30 + z * (q30 - q05))
        assert sound.weight(minute) == pytest.approx(max(-0.7, min((z - 2) / 2, 1.5)), abs=0.02)


def test_a_sound_that_never_varies_makes_nothing_loud():
    """Where the quiet has no spread, one decibel is the least: a step of the meter is no visit."""
    sound = Sound(DEFAULT)
    sound.use(40.0, 40.0)
    sound.read(2000, 40.5)
    assert sound.weight(2000) == DEFAULT.sound_lowest


def test_sound_every_five_minutes_learns_in_a_day_too():
    """A day's worth of readings counts by their interval."""
    learning = SoundLearning(DEFAULT)
    for minute in range(0, 1560, 5):
        learning.read(minute, 40.0 + minute % 3)
    assert learning.quiet is not None


def test_clients_beyond_those_that_are_always_there_are_people():
    """count − q10 ≥ 2: +2, else −0.5; a printer and a camera are in q10."""
    clients, learning = Clients(DEFAULT), ClientsLearning(DEFAULT)
    for minute in range(1500):
        count = 3 + (20 if minute % 1440 > 700 else 0)
        if learning.read(minute, count):
            clients.use(learning.always)
        clients.read(minute, count)
        assert (clients.weight(minute) is None) == (minute < 1440)
    for count, weight in ((3, -0.5), (4, -0.5), (5, 2), (0, -0.5), (1e5, 2)):
        clients.read(1500, count)
        assert clients.weight(1500) == weight
    assert clients.weight(1500 + 15) is None


def test_door_evidence_fades_in_ten_minutes():
    """+1.5 at a change, 0 ten minutes later, whether it now stands open or closed."""
    door = Door(DEFAULT)
    assert door.weight(0, None) is None
    door.read(0, 0, changed=True)
    assert [door.weight(minute, None) for minute in (0, 5, 10)] == [1.5, 0.75, 0]
    assert door.weight(15, None) is None


def test_a_closed_door_and_quiet_speak_against_presence():
    """Closed, and no motion for T minutes: −1. Not while it is open, nor without a motion sensor."""
    door, hold = Door(DEFAULT), int(DEFAULT.motion_hold_min)
    door.read(0, 0, changed=False)
    assert [door.weight(0, quiet) for quiet in (None, hold - 1, hold)] == [0, 0, -1]
    door.read(1, 1, changed=False)
    assert door.weight(1, hold) == 0


def test_a_door_moved_with_no_motion_sensor_is_evidence_beside_another_sensor():
    """Door and CO2: the minutes after the door moved lean to presence, then no more."""
    air = [{"co2_ppm": 420.0 + minute % 2, "door_open": 0.0} for minute in range(60)]
    moved = [{**inputs, "door_changed": float(minute == 30)} for minute, inputs in enumerate(air)]
    still, after = stream(*air), stream(*moved)
    assert after[31].p > still[31].p
    assert after[59].p == pytest.approx(still[59].p, abs=1e-3)


def test_what_is_stored_of_a_room_stays_small():
    """Eight days of all sensors: at most 25 KB of JSON, however the numbers vary within reason."""
    presence = Presence()
    stream(*a_room(8 * 1440, seed=3), presence=presence)
    assert len(json.dumps(presence.state(), separators=(",", ":"))) <= 25_000


def test_the_onset_is_the_first_minute_of_uninterrupted_evidence():
    """It begins with the first motion, before the state changes, stays while sensors speak for presence, and ends."""
    steps = stream(*[{"motion": 0}] * 20, *[{"motion": 1}] * 10, *[{"motion": 0}] * 20)
    first = (START + 20) * MINUTE_MS
    assert [step.onset_ms for step in steps[:20]] == [None] * 20
    assert {step.onset_ms for step in steps[20:34]} == {first}
    assert states(steps)[20] == VACANT
    assert steps[-1].onset_ms is None


@pytest.mark.parametrize(
    ("key", "high", "low"), [("equipment_in_use", 2.0, -0.4), ("lighting_on", 2.0, -1.0)]
)
def test_what_people_switch_shifts_the_others_and_measures_nothing(key, high, low):
    """In use or lit, and not, by the caller's word; alone it is no state, beside a sensor its weight is added."""
    assert set(states(stream(*[{key: 1.0}] * 60))) == {UNKNOWN}
    plain = stream(*[{"motion": 0.0}] * 60)[-1]
    for value, weight in ((1.0, high), (0.0, low)):
        off = {"motion": 0.0, key: 0.0}
        with_it = stream(off, *[{"motion": 0.0, key: value}] * 59)[-1]
        odds = [math.log(step.p / (1 - step.p)) for step in (plain, with_it)]
        assert odds[1] - odds[0] == pytest.approx(weight, abs=1e-6)


@pytest.mark.parametrize("key", ["equipment_in_use", "lighting_on"])
def test_what_is_never_off_says_nothing(key):
    """A meter with a load that nobody switches: nothing before it was seen off, and nothing a day after."""

    def last(*values):
        plain = stream(*[{"motion": 0.0}] * len(values))[-1].p
        return stream(*[{"motion": 0.0, key: value} for value in values])[-1].p > plain

    assert not last(*[1.0] * 60)
    assert last(0.0, *[1.0] * 60)
    assert last(0.0, *[1.0] * 1440)
    assert not last(0.0, *[1.0] * 1600)


def test_equipment_left_on_does_not_lengthen_a_visit_that_a_motion_sensor_saw_end():
    """As with lamps: evidence of its own only where nothing sees motion."""
    there = [{"motion": 1, "equipment_in_use": 1.0}] * 30
    gone = [{"motion": 0, "equipment_in_use": 1.0, "lighting_on": 1.0}] * 20
    assert stream(*there, *gone)[-1].evidence_ms == (START + 29) * MINUTE_MS


def test_equipment_in_use_vouches_for_a_radar():
    """Presence for over four hours is doubted while PIR, CO2 and power are silent, and not while power is used."""
    silent, used = (
        stream(
            *[{"motion": float(minute < 3), "radar_presence": 1.0, **given(minute)} for minute in range(600)]
        )
        for given in (lambda minute: {}, lambda minute: {"equipment_in_use": float(minute > 0)})
    )
    assert (states(silent)[-1], states(used)[-1]) == (VACANT, OCCUPIED)


def test_sums_of_the_slope_are_those_of_its_samples():
    """Taken forward or made anew from the stored samples, they are the same to the last digit."""
    rng, track, minute = random.Random(3), Track(DEFAULT), 0
    for _ in range(500):
        minute += rng.choice((1, 1, 1, 2, 5, 70))
        slope = track.read(minute, rng.uniform(400, 1400))
        again = Track(DEFAULT, json.loads(json.dumps(track.state())))
        assert again._sums == track._sums
        if slope is not None:
            xs, ys = zip(*[(at, grains / 1024) for at, grains in track.samples], strict=True)
            middle, level = sum(xs) / len(xs), sum(ys) / len(ys)
            wanted = sum((x - middle) * (y - level) for x, y in zip(xs, ys, strict=True)) / sum(
                (x - middle) ** 2 for x in xs
            )
            assert slope == pytest.approx(60 * wanted, rel=1e-6, abs=1e-6)
