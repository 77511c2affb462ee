"""`campus evaluate` on rooms recorded by others: at or above the floors, through the collector's own path."""

import json
from pathlib import Path

import pytest
from cli import campus

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
    done = campus("evaluate", data_dir / "occupancy" / name, "--map", mapping, "--json", cwd=tmp_path)
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
