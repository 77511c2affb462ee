"""A day of the real board program in little more than a minute, through TLS to the real collector."""

import time

import pytest
from real_school import School
from test_firmware_end_to_end import SHIMS
from test_firmware_troubles import drained, enrolled, values


@pytest.fixture
def school(tmp_path):
    with School(tmp_path / "school") as one:
        yield one


def test_a_day_without_the_network(tmp_path, micropython, school):
    """24 hours offline, in compressed time, then drained behind the live records: every reading once, none twice."""
    board = enrolled(tmp_path, micropython, school, watchdog=False)
    school.proxy.cut()
    board.start(SHIMS / "fast_day.py")
    heap = board.folder / "heap.txt"
    school.until(lambda: heap.exists() and heap.read_text().count("\n") >= 24, "a day", 180)
    began = time.monotonic()
    school.proxy.mend()
    school.until(lambda: not any((board.folder / "spool").iterdir()), "an empty flash", 240)
    drained_s = time.monotonic() - began
    kept, dropped = drained(school, board)
    co2, readings = values(school)
    print(f"{len(co2)} measurements, {readings} readings of a day, drained in {drained_s:.0f} s")
    assert dropped == 0 and kept <= 2, board.log()
    assert len(co2) > 240  # ten an hour at the least: how many more depends on how busy this machine is
    assert sorted(co2) == [400 + 25 * n for n in range(len(co2))]


def test_a_day_leaves_the_heap_as_it_was(tmp_path, micropython, school):
    """24 hours of reports, answered, in compressed time: the heap in use grows by at most 2 %."""
    board = enrolled(tmp_path, micropython, school, watchdog=False)
    board.start(SHIMS / "fast_day.py")
    heap = board.folder / "heap.txt"
    school.until(lambda: heap.exists() and heap.read_text().count("\n") >= 24, "a day", 180)
    board.stop()
    used = [int(line.split()[1]) for line in heap.read_text().splitlines()]
    print(f"heap in use after an hour {used[0]}, after a day {used[23]}, at most {max(used)}")
    assert used[23] <= used[0] * 1.02
