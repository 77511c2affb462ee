"""Power cuts at random writes of a littlefs flash, on a real MicroPython: no record that was written is lost."""

import json
from pathlib import Path

PROGRAM = Path(__file__).resolve().parent / "board_shims" / "power_cuts.py"
AT_MOST = 30  # records that wait in RAM while there is no connection


def cuts(micropython, tmp_path, seed, rounds, *defect):
    ran = micropython.run([PROGRAM, seed, rounds, *defect], cwd=tmp_path, timeout=300)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return json.loads(ran.stdout)


def test_no_flushed_record_is_lost_and_every_flash_mounts(micropython, tmp_path):
    """Through more than a hundred cuts: every file system mounts, every replaced file is whole, no boot id repeats."""
    told = cuts(micropython, tmp_path, 7, 20)
    print(told)
    assert told["cuts"] > 100
    assert told["lost"] == told["torn"] == 0
    assert 0 < told["unflushed"] <= AT_MOST


def test_control_records_let_go_before_they_are_written_are_missed(micropython, tmp_path):
    """The same cuts with the defect put back."""
    assert cuts(micropython, tmp_path, 7, 5, "early")["lost"] > 0
