"""Recorded rooms: what is read, how it is moved in time, what is refused."""

from pathlib import Path

import pytest

from campus.cli.recording import WEEK_MS, Recording, load, parse_map
from campus.cli.replay import QUEUED, Sender
from campus.errors import UsageError
from firmware.board.outbox import Outbox

HEADER = "t,co2,light,occ,part\n"


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "room.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_recording_keeps_values_gaps_truth_and_parts(tmp_path: Path):
    """An empty cell is None, the truth is a boolean, local times become Unix ms of the zone."""
    file = write(tmp_path, HEADER + "2024-01-01 07:00:00,800,,1,a\n2024-01-01 07:01:00,810.5,300,0,b\n")
    recording = load(file, None, "Asia/Ho_Chi_Minh", truth="occ", part="part")
    assert recording.points == ["co2_ppm", "illuminance_lx"]
    assert recording.observed_at_ms == [1704067200000, 1704067260000]
    assert recording.rows == [[800.0, None], [810.5, 300.0]]
    assert (recording.truth, recording.part) == ([True, False], ["a", "b"])


def test_it_moves_by_whole_weeks_to_end_now(tmp_path: Path):
    """After the move the last row lies in the week before now, at the same hour of the same weekday."""
    recording = load(write(tmp_path, HEADER + "2024-01-01 07:00:00,800,1,1,a\n"), None, "UTC")
    now_ms = recording.observed_at_ms[-1] + 10 * WEEK_MS + 1234
    shift = recording.shifted(now_ms)
    assert shift == 10 * WEEK_MS
    assert now_ms - WEEK_MS < recording.observed_at_ms[-1] + shift <= now_ms


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column 't'"),
        ("t,x\n2024-01-01 07:00:00,1\n", "no column that is known"),
        (HEADER, "header and no rows"),
        (HEADER + "yesterday,1,1,1,a\n", "line 2: 'yesterday' is not a time"),
        (HEADER + "2024-01-01 07:00:00,lots,1,1,a\n", "line 2, column co2: 'lots' is not a number"),
        (HEADER + "2024-01-01 07:00:00,1,1,1,a\n2024-01-01 07:00:00,1,1,1,a\n", "line 3: the time"),
        (HEADER + "2024-01-01 07:00:00\n", "shorter than the header"),
    ],
)
def test_a_bad_file_is_named_by_line_and_column(tmp_path: Path, text: str, said: str):
    """The sentence says where to look."""
    with pytest.raises(UsageError, match=said):
        load(write(tmp_path, text), None, "UTC", truth="occ" if "occ" in text else None)


def test_missing_columns_are_listed(tmp_path: Path):
    """A mapping that names a column the file lacks shows what the file has."""
    file = write(tmp_path, HEADER + "2024-01-01 07:00:00,1,1,1,a\n")
    with pytest.raises(UsageError, match="no column 'pir'; its columns are: t, co2, light, occ, part"):
        load(file, {"pir": "motion"}, "UTC")


def test_a_file_that_is_not_text_is_refused(tmp_path: Path):
    """Binary input is one sentence, not a traceback."""
    file = tmp_path / "room.csv"
    file.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(UsageError, match="not a CSV file"):
        load(file, None, "UTC")


@pytest.mark.parametrize("text", ["", "co2", "co2=", "co2=co2-ppm", "co2=unheard_of", "a=motion,b=motion"])
def test_a_bad_map_is_refused(text: str):
    """A mapping needs known points, each once."""
    with pytest.raises(UsageError, match="--map"):
        parse_map(text)


def test_a_map_is_parsed():
    """Pairs may be spaced, and a point may have a channel."""
    assert parse_map("co2=co2_ppm, w=power_w.1") == {"co2": "co2_ppm", "w": "power_w.1"}


def test_a_wide_recording_fits_the_virtual_boards_outbox():
    """Rows of many long numbers are all kept until they are committed; a board's own ring would drop some (control)."""
    points = [f"power_w.{n}" for n in range(12)]
    rows: list[list[float | None]] = [[572.666666666667 + n for n in range(12)]] * (QUEUED - 1)
    recording = Recording(points, list(range(0, 60_000 * len(rows), 60_000)), rows)
    sender = Sender(recording, 0, "site", "board", "127.0.0.1", 1, lambda board: None)
    small = Outbox("0123456789abcdef", QUEUED)
    for record in sender._records():
        sender.outbox.add(record)
        small.add(record)
    assert (sender.outbox.depth, sender.outbox.dropped) == (len(rows), 0)
    assert small.dropped > 0
