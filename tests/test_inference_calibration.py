"""What presence learns: issued as rows, used from its minute on, and all that a recomputation needs beside readings."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inference_room import START, a_room, stream

from campus.inference.calibration import NOTHING_LEARNED, PresenceCalibration, PresenceLearning
from campus.inference.parameters import DEFAULT
from campus.inference.presence import MINUTE_MS, Presence

DAYS = 4
ROOM = list(a_room(DAYS * 1440))
RETURNS_MIN = 360
"""So long after readings differed the estimator's state is the same again."""


def first_run(room):
    """(steps, rows by minute, presence) of a room as it goes by: learned first, then estimated."""
    presence, learner, steps, rows = Presence(learner=None), PresenceLearning(), [], {}
    for minute, inputs in enumerate(room, START):
        learned = learner.read(minute * MINUTE_MS, inputs) if inputs else None
        if learned is not None:
            rows[minute] = json.loads(json.dumps(learned.row()))
            presence.use(learned)
        steps.append(presence.step(minute * MINUTE_MS, inputs))
    return steps, rows, presence


def again(room, rows, presence, begin=0):
    """The steps from `begin` on of a run that learns nothing."""
    steps = []
    for minute, inputs in enumerate(room[begin:], START + begin):
        if minute in rows:
            presence.use(PresenceCalibration.from_row(rows[minute]))
        steps.append(presence.step(minute * MINUTE_MS, inputs))
    return steps


STEPS, ROWS, END = first_run(ROOM)


def test_a_presence_that_teaches_itself_does_the_same():
    """The default is a learner that reads each minute first."""
    own = Presence()
    assert stream(*ROOM, presence=own) == STEPS
    assert own.state()["estimator"] == END.state()["estimator"]
    assert END.state()["learner"] is None


@settings(max_examples=15, deadline=None)
@given(st.integers(0, len(ROOM) - 1))
def test_a_recomputation_with_stored_calibrations_is_the_first_run(begin):
    """From any checkpoint on, readings and rows give the very steps and state."""
    start = Presence(learner=None)
    again(ROOM[:begin], ROWS, start)
    presence = Presence.restore(json.loads(json.dumps(start.state())))
    assert again(ROOM, ROWS, presence, begin) == STEPS[begin:]
    assert presence.state() == END.state()


def test_a_recomputation_without_them_is_another():
    """Control: what was learned is not in the readings of the part that is computed anew."""
    assert again(ROOM, {}, Presence(learner=None)) != STEPS


def holed(begin, length):
    """The room as it was first received: minutes of one outage are missing."""
    return [{} if begin <= minute < begin + length else inputs for minute, inputs in enumerate(ROOM)]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, len(ROOM) - 2 * RETURNS_MIN), st.integers(1, RETURNS_MIN))
def test_late_readings_change_only_what_they_touch(begin, length):
    """Before the outage nothing, after it for some hours; then states are equal, and all that follows."""
    before, rows, _ = first_run(holed(begin, length))
    first, second = Presence(learner=None), Presence(learner=None)
    settled = begin + length + RETURNS_MIN
    after = again(ROOM[:settled], rows, second)
    assert again(holed(begin, length)[:settled], rows, first) == before[:settled]
    assert after[:begin] == before[:begin]
    assert first.state() == second.state()
    assert again(ROOM, rows, second, settled) == before[settled:]


def test_a_run_that_learns_from_late_readings_does_not_return():
    """Control: teaching itself anew, the state differs for good: what was learned does."""
    holes = holed(700, 1000)
    first, second = Presence(), Presence()
    stream(*holes, presence=first)
    stream(*ROOM, presence=second)
    assert first.state() != second.state()


@settings(max_examples=15, deadline=None)
@given(st.integers(1, len(ROOM) - 1))
def test_a_learner_that_restarts_learns_the_same(cut):
    """Stored as JSON text at any minute, it issues the very rows at the very minutes."""
    learner, rows = PresenceLearning(), {}
    for minute, inputs in enumerate(ROOM, START):
        if minute == START + cut:
            learner = PresenceLearning(DEFAULT, json.loads(json.dumps(learner.state())))
        learned = learner.read(minute * MINUTE_MS, inputs) if inputs else None
        if learned is not None:
            rows[minute] = learned.row()
    assert rows == ROWS


def test_few_rows_are_issued():
    """Some in the first day, then one or two a day: news is a step, not a digit."""
    learner, days = PresenceLearning(), [0] * 14
    for minute, inputs in enumerate(a_room(14 * 1440, seed=2)):
        days[minute // 1440] += learner.read((START + minute) * MINUTE_MS, inputs) is not None
    assert 3 <= days[0] <= 6 and max(days[1:]) <= 2


def test_what_is_issued_is_used_from_its_minute_on():
    """The first CO2 reading is a baseline at once, and the estimator has it in that minute."""
    presence = Presence()
    presence.step(START * MINUTE_MS, {"co2_ppm": 600.0})
    assert presence.calibration.co2_baseline_ppm == pytest.approx(600, abs=5)
    assert Presence(learner=presence.learner).calibration == presence.calibration


def test_an_estimator_that_was_told_nothing_knows_nothing():
    """Without a baseline only the slope counts, without a quiet sound none, and light has its first threshold."""
    presence = Presence(learner=None)
    stream(*ROOM[:60], presence=presence)
    assert presence.calibration == NOTHING_LEARNED
    air = presence.air
    assert (air.baseline_ppm, air.decay_per_h, air.decay_known) == (None, DEFAULT.decay_per_h, False)


def test_a_decay_is_known_once_its_fits_outnumber_the_assumed_ones():
    """Three fits: the median is one of them."""
    presence = Presence(learner=None)
    stream(*ROOM[:60], presence=presence)
    for fits, known in ((2, False), (3, True)):
        presence.use(PresenceCalibration(420.0, 1.3, fits))
        assert presence.air.decay_known is known


def test_time_does_not_go_back():
    """A minute at or before the last one is refused: a learner is never fed twice."""
    learner = PresenceLearning()
    learner.read(START * MINUTE_MS, {})
    with pytest.raises(ValueError, match="not after"):
        learner.read(START * MINUTE_MS, {})


def test_rows_are_read_back_and_may_be_older_or_newer():
    """As JSON; a field left out is not learned, one that is unknown is ignored."""
    for row in ROWS.values():
        assert PresenceCalibration.from_row(row).row() == row
    assert PresenceCalibration.from_row({"co2_baseline_ppm": 420, "of_tomorrow": 1}) == PresenceCalibration(
        420
    )
    assert PresenceCalibration.from_row({}) == NOTHING_LEARNED


@pytest.mark.parametrize(
    "row",
    [
        {"co2_baseline_ppm": "420"},
        {"co2_baseline_ppm": math.nan},
        {"decay_fits": 1.5},
        {"decay_fits": None},
        {"light_proven": 1},
        {"usual_clients": True},
    ],
)
def test_a_row_that_cannot_be_is_refused(row):
    """The sentence names the field and the value."""
    [(name, value)] = row.items()
    with pytest.raises(ValueError, match=f"{name} is {value!r}"):
        PresenceCalibration.from_row(row)


def test_a_radar_that_follows_a_fan_is_found_and_counts_little():
    """Five runs of a metered fan, present exactly while it runs, a PIR that sees nobody: a row says so."""
    presence, running = Presence(), [minute % 400 < 90 for minute in range(2400)]
    steps = stream(
        *[{"motion": 0.0, "radar_presence": float(on), "equipment_in_use": float(on)} for on in running],
        presence=presence,
    )
    assert presence.calibration.radar_echoes
    assert {step.state for step in steps[:90][10:]} == {"occupied"}
    assert {step.state for step in steps[-400:]} == {"vacant"}


def test_a_radar_that_others_agree_with_is_no_echo():
    """Control: people who switch a projector on when they come; the PIR sees them too."""
    presence = Presence()
    inputs = [
        {
            "motion": float(on and minute % 3 == 0),
            "radar_presence": float(on),
            "equipment_in_use": float(on),
        }
        for minute in range(2400)
        for on in (minute % 400 < 90,)
    ]
    stream(*inputs, presence=presence)
    assert not presence.calibration.radar_echoes


@pytest.mark.parametrize("version", [1, 2])
def test_a_state_of_a_version_before_is_continued(version):
    """A state that version 2 stored: what was learned is not lost, and nothing is read wrongly."""
    file = Path(__file__).parent / "states" / "presence_v2.json"
    old = json.loads(file.read_text())
    if version == 1:
        old = {k: v for k, v in old.items() if k not in ("radar", "sound", "clients", "door", "onset_ms")}
        old |= {"v": 1, "recent": [step[:4] for step in old["recent"]]}
    presence = Presence.restore(old)
    learned = presence.calibration
    assert learned.co2_baseline_ppm == pytest.approx(420.3, abs=0.1)
    assert (learned.light_threshold_lx, learned.light_proven) == (pytest.approx(52.74, abs=0.01), True)
    assert (learned.sound_quiet_db, learned.usual_clients) == (
        (None, None),
        (old.get("sound", {}).get("quiet"), 2),
    )[version - 1]
    assert presence.next_ms == (old["minute"] + 1) * MINUTE_MS
    assert [step.state for step in presence.recent] == ["vacant"] * 2
    step = presence.step(presence.next_ms, {"motion": 0.0, "co2_ppm": 421.0, "illuminance_lx": 15.0})
    assert step.state == "vacant"
    assert presence.calibration == learned
    assert Presence.restore(json.loads(json.dumps(presence.state()))).state() == presence.state()
