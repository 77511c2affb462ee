"""`campus evaluate` on rooms recorded by others: at or above the floors, through the collector's own path."""

import json
import statistics
from dataclasses import replace
from pathlib import Path

import pytest
from cli import campus, refused

from campus.cli.evaluate import is_of_power
from campus.cli.evaluate_run import RoomAbout, Run, compare, counts, plausible_shift
from campus.cli.recording import load
from campus.cli.spoiling import FAULTS, OUTAGES, with_fault, with_outage
from campus.errors import UsageError

pytestmark = pytest.mark.data
MEASURES = {
    "accuracy",
    "balanced_accuracy",
    "f1",
    "mcc",
    "occupied_hours_error_pct",
    "switches_per_day",
    "coverage",
    "majority_pct",
    "time_of_day_pct",
}


@pytest.mark.parametrize(
    ("name", "mapping", "floors"),
    [
        ("uci357_1min.csv", "co2=co2_ppm,light=illuminance_lx", {"test1": 0.970, "test2": 0.980}),
        ("uci357_1min.csv", "co2=co2_ppm", {"test1": 0.88, "test2": 0.72}),
        ("uci864_1min.csv", "pir=motion,co2=co2_ppm,light=illuminance_lx", {"all": 0.978}),
        ("uci864_1min.csv", "pir=motion", {"all": 0.976}),
    ],
)
def test_live_presence_reaches_its_floor(
    data_dir: Path, tmp_path: Path, name: str, mapping: str, floors: dict
):
    """Causal and label-free: accuracy of each part, every measure present, and hardly a minute left out."""
    done = campus(
        "evaluate", data_dir / "occupancy" / name, "--map", mapping, "--json", cwd=tmp_path, timeout=400
    )
    assert done.returncode == 0, done.stderr
    parts = json.loads(done.stdout)["parts"]
    for part, floor in floors.items():
        for kind in ("live", "final"):
            scores = parts[part][kind]
            assert set(scores) >= MEASURES
            assert scores["accuracy"] >= floor, (part, kind, scores)
            assert scores["coverage"] > 0.99
    assert list(tmp_path.iterdir()) == [], "its own stores are thrown away"


def test_a_room_whose_truth_is_turned_round_fails(data_dir: Path, tmp_path: Path):
    """Control: the score comes from the truth column, so its opposite scores what is missing to one."""
    source = (data_dir / "occupancy" / "uci864_1min.csv").read_text().splitlines()
    place = source[0].split(",").index("occ")
    turned = [source[0]]
    for line in source[1:]:
        cells = line.split(",")
        cells[place] = str(1 - float(cells[place]))
        turned.append(",".join(cells))
    (tmp_path / "turned.csv").write_text("\n".join(turned))
    done = campus("evaluate", "turned.csv", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["parts"]["all"]["live"]["accuracy"] < 0.05


def test_the_table_shows_the_baselines_beside_the_scores(data_dir: Path, tmp_path: Path):
    """A person sees what guessing reaches in the same line."""
    shown = campus("evaluate", data_dir / "occupancy" / "uci864_1min.csv", cwd=tmp_path).stdout
    assert "major. %" in shown
    assert "by hour %" in shown
    assert "81.2" in shown


DESKS = "pir=motion,co2=co2_ppm,light=illuminance_lx"
POINTS = dict(pair.split("=") for pair in DESKS.split(","))
ROOM = RoomAbout("office", 83.0, 4)


@pytest.fixture(scope="module")
def desks():
    """Loads the room of four desks, or its first rows."""
    kept = {}

    def loaded(data_dir: Path, rows: int | None = None):
        if not kept:
            file = data_dir / "occupancy" / "uci864_1min.csv"
            kept["all"] = load(file, POINTS, "UTC", truth="occ", part="part", people="n")
            kept["all"].move(plausible_shift(kept["all"].observed_at_ms[0]))
        whole = kept["all"]
        columns = ("observed_at_ms", "rows", "truth", "part", "people")
        return replace(whole, **{name: getattr(whole, name)[:rows] for name in columns})

    return loaded


def test_people_are_counted(data_dir: Path, tmp_path: Path):
    """At the floor 15 minutes later, half a percent under it at once; nearly always within its own margin."""
    file = data_dir / "occupancy" / "uci864_1min.csv"
    words = ("--map", DESKS, "--volume", 83, "--capacity", 4, "--json")
    done = campus("evaluate", file, *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    live, final = (json.loads(done.stdout)["parts"]["all"][kind]["people"] for kind in ("live", "final"))
    assert live["mean_absolute_error"] <= 0.12 and live["exact_pct"] >= 90.2
    assert final["mean_absolute_error"] <= 0.12 and final["exact_pct"] >= 90.9
    assert min(live["within_margin_pct"], final["within_margin_pct"]) >= 99
    assert min(live["coverage"], final["coverage"]) >= 0.99


def test_a_wrong_volume_miscounts(data_dir: Path, desks):
    """Control: what is counted follows from the air: in three times the room the same air is more people."""
    recording = desks(data_dir)
    errors = []
    for volume in (83.0, 250.0):
        room = replace(ROOM, volume_m3=volume, capacity=None)
        live, _ = counts(recording, room)
        rows = [
            (real, count) for real, count in zip(recording.people, live, strict=True) if count is not None
        ]
        errors.append(statistics.fmean(abs(real - count) for real, count in rows))
    assert errors[0] <= 0.12 < 3 * errors[0] < errors[1]


def test_an_outage_is_evaluated(data_dir: Path, tmp_path: Path):
    """One in ten readings lost: at the floor through the collector's own path, and its name is told."""
    file = data_dir / "occupancy" / "uci864_1min.csv"
    done = campus("evaluate", file, "--map", DESKS, "--outage", "loss10", "--json", cwd=tmp_path)
    told = json.loads(done.stdout)
    assert (told["outage"], told["seed"]) == ("loss10", 1)
    assert told["parts"]["all"]["live"]["accuracy"] >= 0.979


def test_duplicates_and_disorder_change_nothing_and_a_wrong_clock_does(data_dir: Path, desks):
    """The very states, live and final; the control is an hour off."""
    recording = desks(data_dir, 900)
    plain = Run(recording, "UTC", ROOM).states()
    for name in ("duplicates", "disorder"):
        assert Run(recording, "UTC", ROOM, FAULTS[name], seed=5).states() == plain, name
    live, final = Run(recording, "UTC", ROOM, FAULTS["skew+1h"]).states()
    assert live != plain[0] and final != plain[1]


def test_what_an_outage_loses_is_drawn_and_drawn_again_the_same(data_dir: Path, desks):
    """The share of each sensor's blocks, of that point only, by the seed."""
    recording = desks(data_dir)
    for name, outage in OUTAGES.items():
        once, again, other = (with_outage(recording, name, seed) for seed in (1, 1, 2))
        assert once.rows == again.rows != other.rows
        for place, point in enumerate(recording.points):
            lost = statistics.fmean(row[place] is None for row in once.rows)
            share = outage.share if outage.point in (None, point) else 0.0
            assert lost == pytest.approx(share, abs=0.01 if outage.hours is None else 0.25), (name, point)
    assert all(None not in row for row in recording.rows), "the recording itself is as it was"


def test_faults_change_what_carbon_dioxide_says(data_dir: Path, desks):
    """Stuck at its highest from a third on; drifting by 100 ppm a week."""
    recording = desks(data_dir)
    place = recording.points.index("co2_ppm")
    stuck, _ = with_fault(recording, "stuck-co2")
    third = len(recording.rows) // 3
    assert stuck.rows[:third] == recording.rows[:third]
    assert {row[place] for row in stuck.rows[third:]} == {max(row[place] for row in recording.rows[:third])}
    drifting, _ = with_fault(recording, "drift")
    weeks = (recording.observed_at_ms[-1] - recording.observed_at_ms[0]) / (7 * 86_400_000)
    assert drifting.rows[-1][place] - recording.rows[-1][place] == pytest.approx(100 * weeks)


def test_a_stuck_sensor_beside_others_costs_little(data_dir: Path, desks):
    """PIR and light carry the room: two days through the collector's own path stay above 97 %."""
    spoiled, fault = with_fault(desks(data_dir, 2600), "stuck-co2")
    live, final = Run(spoiled, "UTC", ROOM, fault).states()
    scores = compare(spoiled, {"live": live, "final": final}, {}, ROOM, "UTC")["all"]
    assert min(scores["live"]["accuracy"], scores["final"]["accuracy"]) >= 0.97


def test_what_cannot_be_done_is_said(data_dir: Path, tmp_path: Path, desks):
    """The names there are, or the sensor that is missing; by the command as by what it calls."""
    file = data_dir / "occupancy" / "uci864_1min.csv"
    said = refused(campus("evaluate", file, "--outage", "loss99", cwd=tmp_path))
    assert "--outage 'loss99' is none; they are loss10, gaps2h, pir-half, gaps6h." in said
    said = refused(campus("evaluate", file, "--outages", "--fault", "drift", cwd=tmp_path))
    assert "give no --outage or --fault beside it" in said
    recording = desks(data_dir, 10)
    blind = replace(recording, points=["co2_ppm"], rows=[[row[1]] for row in recording.rows])
    airless = replace(recording, points=["motion"], rows=[[row[0]] for row in recording.rows])
    with pytest.raises(UsageError, match=r"--fault 'fire' is none; they are skew\+1h"):
        with_fault(recording, "fire")
    with pytest.raises(UsageError, match="of the point motion, which the recording has not"):
        with_outage(blind, "pir-half", 1)
    with pytest.raises(UsageError, match="of the point co2_ppm, which the recording has not"):
        with_fault(airless, "drift")


def test_the_table_of_outages_has_a_line_for_each(data_dir: Path, tmp_path: Path):
    """Of those for which the recording has the sensor; here no motion."""
    lines = (data_dir / "occupancy" / "uci864_1min.csv").read_text().splitlines()[:130]
    (tmp_path / "short.csv").write_text("\n".join(lines))
    done = campus("evaluate", "short.csv", "--map", "co2=co2_ppm", "--outages", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)["runs"]) == {"none", *OUTAGES, *FAULTS} - {"pir-half"}


def test_a_file_of_power_is_of_a_plug(data_dir: Path, tmp_path: Path):
    """By its column or by the mapping; its scores are those of equipment."""
    plug, room = (
        data_dir / "equipment" / "pc-laptop-dev-5ae2ca.csv",
        data_dir / "occupancy" / "uci864_1min.csv",
    )
    assert is_of_power(plug, None) and is_of_power(plug, {"w": "power_w.1"})
    assert not is_of_power(room, None) and not is_of_power(tmp_path / "none.csv", None)
    done = campus("evaluate", plug, "--json", cwd=tmp_path)
    assert [one["file"] for one in json.loads(done.stdout)["files"]] == [plug.name]
