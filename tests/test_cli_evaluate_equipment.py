"""`campus evaluate` of plugs: above its floors on recorded ones, blind to the reference, and clear about bad files."""

import json
import re
from pathlib import Path
from statistics import fmean

import pytest

from campus.cli.bench_equipment import equipment
from campus.cli.evaluate_equipment import agreement, evaluate_equipment, load, mean_of, score_file, zone_of
from campus.errors import UsageError
from campus.inference import ALWAYS_ON, OFF, ON, UNKNOWN

ZONE = zone_of("Asia/Ho_Chi_Minh")


@pytest.fixture(scope="module")
def recorded(request):
    """The scores of every recorded plug, computed once."""
    found = {}

    def scores(folder: Path):
        if not found:
            found.update({file.name: score_file(file, ZONE, None) for file in sorted(folder.glob("*.csv"))})
        return list(found.values())

    return scores


@pytest.mark.data
def test_plugs_are_above_the_floors(data_dir, recorded):
    """Mean F1 of at least 99 and hours in use within 1 %, final and live; final for each of them."""
    scores = recorded(data_dir / "equipment")
    assert len(scores) == 10
    means = mean_of(scores)
    for name in ("final", "live"):
        assert means[f"{name}_f1_pct"] >= 99
        assert means[f"{name}_hours_error_pct"] <= 1
    assert min(one.final.f1_pct for one in scores) >= 99
    assert max(abs(one.final.hours_error_pct) for one in scores) <= 1
    assert all(one.final.coverage_pct == 100 for one in scores)


@pytest.mark.data
def test_without_the_plug_that_is_always_on_the_floors_hold_too(data_dir, recorded):
    """A router is right by definition, and lifts the mean."""
    scores = [one for one in recorded(data_dir / "equipment") if one.kind != "router"]
    assert len(scores) == 9
    assert fmean(one.final.f1_pct for one in scores) >= 99
    assert fmean(abs(one.final.hours_error_pct) for one in scores) <= 1


@pytest.mark.data
def test_what_is_learned_is_not_worse_than_the_default_and_few_rows(data_dir, recorded):
    """Over the plugs; and a plug of half a year has a handful of calibrations."""
    scores = recorded(data_dir / "equipment")
    means = mean_of(scores)
    assert means["final_f1_pct"] >= means["default_f1_pct"]
    assert max(one.calibrations for one in scores) <= 6


@pytest.mark.data
def test_the_reference_is_scored_and_never_learned_from(data_dir, recorded, tmp_path):
    """Turned round, it turns the score round, and moves neither threshold nor energy."""
    [source] = (data_dir / "equipment").glob("projector*.csv")
    lines = source.read_text().splitlines()
    turned = [lines[0], *(f"{line[:-1]}{1 - int(line[-1])}" for line in lines[1:])]
    (tmp_path / source.name).write_text("\n".join(turned))
    wrong = score_file(tmp_path / source.name, ZONE, None)
    [right] = [one for one in recorded(data_dir / "equipment") if one.file == source.name]
    assert wrong.final.f1_pct < 5 < 99 < right.final.f1_pct
    assert (wrong.threshold_w, wrong.energy_wh) == (right.threshold_w, right.energy_wh)


def plug(folder, *rows, name="projector-1.csv", head="t,w,ref_in_use"):
    path = folder / name
    path.write_text("\n".join([head, *rows]))
    return path


def minutes(*values):
    return [f"2026-11-26 07:{i:02d}:00,{value}" for i, value in enumerate(values)]


def test_a_small_plug_is_scored_by_hand(tmp_path):
    """Three minutes of use of which live adds one; energy is that of the minutes."""
    path = plug(tmp_path, *minutes("3,0", "120,1", "120,1", "120,1", "3,0", "3,0"))
    found = score_file(path, ZONE, None)
    assert (found.kind, found.minutes, found.threshold_w) == ("projector", 6, 60)
    assert (found.live.f1_pct, found.live.hours_error_pct) == (pytest.approx(600 / 7), pytest.approx(100 / 3))
    assert (found.final.f1_pct, found.final.hours_error_pct) == (100, 0)
    assert found.energy_wh == pytest.approx(369 / 60, abs=1e-3)
    assert found.metered_hours == pytest.approx(0.1)


def test_agreement_leaves_out_what_is_not_known():
    """Unknown minutes count in coverage only; what is always on operates."""
    found = agreement([ON, OFF, UNKNOWN, ALWAYS_ON], [True, True, True, None])
    assert (found.precision_pct, found.recall_pct) == (100, 50)
    assert found.coverage_pct == pytest.approx(200 / 3)
    none = agreement([UNKNOWN], [True])
    assert (none.f1_pct, none.coverage_pct) == (None, 0)


def test_a_folder_prints_every_file_and_the_means(tmp_path, capsys):
    """As a table, and as one JSON document."""
    plug(tmp_path, *minutes("3,0", "120,1", "120,1"))
    plug(tmp_path, *minutes("8,1", "8,1"), name="router-2.csv")
    evaluate_equipment(tmp_path, "Asia/Ho_Chi_Minh", False, None)
    shown = capsys.readouterr().out
    assert "projector-1.csv" in shown and "router-2.csv" in shown
    assert re.search(r"mean of 2 files, final: F1 100.00, hours off by 0.00 %", shown)
    evaluate_equipment(tmp_path / "router-2.csv", "Asia/Ho_Chi_Minh", True, "laptop")
    told = json.loads(capsys.readouterr().out)
    assert told["files"][0]["kind"] == "laptop"
    assert told["means"]["final_f1_pct"] == 0  # 8 W are no laptop in use


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["yesterday,3,0"], "row 2, t: 'yesterday' is not a time such as"),
        (["2026-11-26 07:00:00,much,0"], "row 2, w: 'much' is not a number of watts"),
        (["2026-11-26 07:00:00,inf,0"], "row 2, w: 'inf' is not a number of watts"),
        (["2026-11-26 07:00:00,3,yes"], "row 2, ref_in_use: 'yes' is not 0, 1 or empty"),
        (
            ["2026-11-26 07:00:00,3,0", "2026-11-26 07:00:30,3,0"],
            "row 3, t: 2026-11-26 07:00:30 is not a minute after",
        ),
        ([], "there is no row to read"),
        (["2026-11-26 07:00:00,3,"], "holds no value to compare with"),
    ],
)
def test_bad_rows_are_named(tmp_path, rows, message):
    """Row, column, value and what is allowed, in one sentence; nothing is scored."""
    with pytest.raises(UsageError, match=re.escape(message)):
        score_file(plug(tmp_path, *rows), ZONE, None)


def test_files_that_are_none_are_named(tmp_path):
    """A missing column, no file, an empty folder, bytes, and a time zone that is none."""
    with pytest.raises(UsageError, match="there is no column 'ref_in_use'"):
        load(plug(tmp_path, "1", head="t,w"), ZONE)
    with pytest.raises(UsageError, match="cannot be read as a CSV in UTF-8"):
        load(tmp_path / "missing.csv", ZONE)
    (tmp_path / "bytes.csv").write_bytes(b"t,w,ref_in_use\n\xff\xfe,1,1\n")
    with pytest.raises(UsageError, match="cannot be read as a CSV in UTF-8"):
        load(tmp_path / "bytes.csv", ZONE)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="there is no CSV file"):
        evaluate_equipment(tmp_path / "empty", "Asia/Ho_Chi_Minh", False, None)
    with pytest.raises(UsageError, match="is not a time zone"):
        zone_of("Mars/Base")


def test_the_benchmark_prints_its_figures(capsys):
    """One piece and one day, as one JSON document and as a sentence."""
    equipment(pieces=1, days=1, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["pieces"], told["days"], told["us_per_minute_limit"]) == (1, 1, 10)
    assert told["us_per_minute"] > 0 < told["stretches_per_day"]
    equipment(pieces=1, days=1, as_json=False)
    assert "CPU per minute and piece" in capsys.readouterr().out
