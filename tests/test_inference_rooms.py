"""Presence on recorded rooms: causal, without labels, at the floors; and what a predictor without sensors reaches."""

import csv
import random
from datetime import UTC, datetime
from statistics import fmean

import pytest

from campus.inference import OCCUPIED, UNKNOWN, VACANT
from campus.inference.intervals import intervals
from campus.inference.presence import MINUTE_MS, Presence
from campus.inference.score import score, time_of_day

pytestmark = pytest.mark.data

INPUT = {
    "pir": "motion", "co2": "co2_ppm", "light": "illuminance_lx",
    "sound": "sound_level_dba", "wifi": "access_point_clients",
}  # fmt: skip
OFFICE, DESKS, UNIVERSITY = "uci357_1min.csv", "uci864_1min.csv", "robod_room1_5min.csv"


class Recording:
    """A recorded room: minute, inputs, truth and part of every row, in time order."""

    def __init__(self, path):
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        self.minutes = [
            int(datetime.fromisoformat(row["t"]).replace(tzinfo=UTC).timestamp()) * 1000 for row in rows
        ]
        self.inputs = [
            {key: float(row[column]) for column, key in INPUT.items() if row.get(column)} for row in rows
        ]
        self.truth = [int(float(row["occ"])) for row in rows]
        self.parts = [row.get("part", "all") for row in rows]
        self.habit = time_of_day(self.minutes, self.truth)

    def steps(self, keys, lost=lambda minute, key: False):
        presence, steps = Presence(), []
        for minute, inputs in zip(self.minutes, self.inputs, strict=True):
            kept = {key: value for key, value in inputs.items() if key in keys and not lost(minute, key)}
            if presence.next_ms is not None:
                steps += [presence.step(gap, {}) for gap in range(presence.next_ms, minute, MINUTE_MS)]
            steps.append(presence.step(minute, kept))
        return steps

    def live(self, keys, lost=lambda minute, key: False):
        states = {step.minute_ms: step.state for step in self.steps(keys, lost)}
        return [states[minute] for minute in self.minutes]

    def final(self, keys):
        states = {}
        for start, end, state in intervals(self.steps(keys)):
            states.update(dict.fromkeys(range(start, end, MINUTE_MS), state))
        return [states[minute] for minute in self.minutes]

    def scores(self, predicted):
        found = {}
        for part in dict.fromkeys(self.parts):
            chosen = [i for i, name in enumerate(self.parts) if name == part]
            columns = (self.minutes, self.truth, predicted, self.habit)
            found[part] = score(*[[column[i] for i in chosen] for column in columns])
        return found


@pytest.fixture(scope="module")
def recordings():
    return {}


@pytest.fixture
def recording(data_dir, recordings):
    def load(name):
        if name not in recordings:
            recordings[name] = Recording(data_dir / "occupancy" / name)
        return recordings[name]

    return load


CO2_LIGHT = ("co2_ppm", "illuminance_lx")
ALL = ("motion", *CO2_LIGHT)
FLOORS = [
    (OFFICE, CO2_LIGHT, {"test1": (0.970, 0.97), "test2": (0.980, 0.97)}),
    (OFFICE, ("co2_ppm",), {"test1": (0.88, 0.85), "test2": (0.72, 0.65)}),
    (DESKS, ALL, {"all": (0.978, 0.97)}),
    (DESKS, ("motion",), {"all": (0.976, 0.97)}),
]


@pytest.mark.parametrize(("name", "keys", "floors"), FLOORS)
def test_recorded_rooms_reach_their_floors(recording, name, keys, floors):
    """Live states, scored per part: accuracy and balanced accuracy at the floor, almost every minute known."""
    room = recording(name)
    found = room.scores(room.live(keys))
    for part, (accuracy, balanced) in floors.items():
        assert found[part].accuracy >= accuracy, part
        assert found[part].balanced_accuracy >= balanced, part
        assert found[part].coverage >= 0.99, part


@pytest.mark.parametrize(("name", "keys", "floors"), FLOORS)
def test_hindsight_does_not_fall_under_the_floors(recording, name, keys, floors):
    """The final intervals keep the floors of the live states, with no more switches."""
    room = recording(name)
    live, final = room.scores(room.live(keys)), room.scores(room.final(keys))
    for part, (accuracy, _) in floors.items():
        assert final[part].accuracy >= accuracy, part
        assert final[part].switches_per_day <= live[part].switches_per_day, part


@pytest.mark.parametrize(("name", "keys", "floors"), FLOORS)
def test_predictors_without_a_sensor_do_not_pass(recording, name, keys, floors):
    """Control: always vacant, and the habit of the other days, miss the floors on every part that has them."""
    room = recording(name)
    habit = [OCCUPIED if usual else VACANT for usual in room.habit]
    for part, (accuracy, balanced) in floors.items():
        vacant = room.scores([VACANT] * len(room.minutes))[part]
        assert vacant.balanced_accuracy == 0.5 < balanced
        if keys != ("co2_ppm",):  # a regular room's habit beats CO2 alone
            usual = room.scores(habit)[part]
            assert usual.accuracy < accuracy or usual.balanced_accuracy < balanced, part


def outage(seed, share, hours=None, only=None):
    """Seeded loss of single readings, or of blocks of hours, of each sensor on its own."""
    drawn = {}

    def lost(minute, key):
        if only and key != only:
            return False
        block = (key, minute if hours is None else minute // (hours * 60 * MINUTE_MS))
        if block not in drawn:
            drawn[block] = random.Random(f"{seed}{block}").random() < share
        return drawn[block]

    return lost


@pytest.mark.parametrize(
    ("lost", "floor", "least", "coverage"),
    [
        ({"share": 0.1}, 0.979, 0.979, 0.99),
        ({"share": 0.2, "hours": 2}, 0.966, 0.96, 0.90),
        ({"share": 0.5, "hours": 2, "only": "motion"}, 0.957, 0.94, 0.98),
        ({"share": 0.4, "hours": 6}, 0.930, 0.93, 0.65),
    ],
    ids=["10 % lost", "2 h gaps in 20 %", "PIR out half the time", "6 h gaps in 40 %"],
)
def test_outages_cost_coverage_more_than_truth(recording, lost, floor, least, coverage):
    """With sensors away, what is still claimed stays right; the rest is unknown, not invented. By five seeds."""
    room = recording(DESKS)
    found = [room.scores(room.live(ALL, outage(seed, **lost)))["all"] for seed in range(1, 6)]
    assert fmean(scores.accuracy for scores in found) >= floor
    assert min(scores.accuracy for scores in found) >= least
    assert min(scores.coverage for scores in found) >= coverage


def test_a_dim_room_without_motion_sensor_is_not_written_off(recording):
    """Lamps under the first light threshold do not silence CO2: light is no worse than a point beside none."""
    room = recording(DESKS)
    with_light, without = (
        room.scores(room.live(CO2_LIGHT))["all"],
        room.scores(room.live(("co2_ppm",)))["all"],
    )
    assert with_light.accuracy >= without.accuracy - 0.01


def test_coarse_recordings_with_holes_are_carried(recording):
    """Five-minute readings with missing values and weeks between: known where sensors reported, unknown elsewhere."""
    room = recording(UNIVERSITY)
    states = room.live(CO2_LIGHT)
    found = room.scores(states)["all"]
    assert found.accuracy > found.majority_pct / 100
    silent = [
        state for state, inputs in zip(states, room.inputs, strict=True) if not inputs.keys() & {*CO2_LIGHT}
    ]
    assert silent.count(UNKNOWN) >= 0.9 * len(silent)
    assert found.coverage == pytest.approx(0.9, abs=0.02)


def test_sound_and_clients_find_people_where_air_and_light_do_not(recording):
    """A well-aired, dim university room: each adds balanced accuracy, both together most; nothing was fitted to it."""
    room = recording(UNIVERSITY)
    extra = ((), ("sound_level_dba",), ("access_point_clients",), ("sound_level_dba", "access_point_clients"))
    none, sound, clients, both = (
        room.scores(room.live((*CO2_LIGHT, *keys)))["all"].balanced_accuracy for keys in extra
    )
    assert both > max(sound, clients) > min(sound, clients) > none
    assert both >= 0.68
