"""Always recoverable, on a real MicroPython: main.py with slots of compiled programs, started as a chip that resets."""

import pytest
from slots import RESTARTED, Slots

BROKEN = {
    "crashes when it is imported": {"at_import": "import a_module_that_is_not_there"},
    "crashes when it starts": {"at_start": 'raise RuntimeError("broken")'},
    "hangs at its start": {"at_start": "machine.WDT(timeout=300); hang()"},
    "hangs before it has a watchdog": {"at_import": "hang()"},
    "hangs later": {"alive": "up_ms() < 20000 or hang()", "broker": "up_ms() > 30000"},
    "reaches no broker": {"broker": "False"},
}


@pytest.fixture
def board(tmp_path, micropython):
    return Slots(tmp_path / "flash", micropython)


def test_a_program_in_a_slot_starts_and_settles(board):
    """Compiled files, a heap as small as an ESP32's, and a chip that remembers nothing yet."""
    board.install("a")
    assert board.life() == ["old in a", "settled"]
    assert board.nvs()["attempts"] == "0"


@pytest.mark.parametrize("fault", BROKEN)
def test_a_trial_that_fails_ends_in_the_old_program(board, fault):
    """Whatever it does, it is started once; the old one settles and tells of it."""
    board.install("a")
    board.install("b", name="new", **BROKEN[fault])
    board.nvs(slot="a", trial="b", trial_version=2, version=1)
    story = board.life()
    assert story[-2:] == ["old in a update-reverted", "settled"], board.output
    assert story.count("new in b") <= 1
    assert board.life() == ["old in a", "settled"]
    assert board.nvs()["version"] == "1"


def test_control_a_loader_that_forgets_the_trial_stays_in_the_broken_program(board):
    """With the defect put back the old program never runs, so the tests above can fail."""
    program = board.folder / "main.py"
    program.write_text(program.read_text().replace('keep(chip, "tried", trial)', "True"))
    board.install("a")
    board.install("b", name="new", **BROKEN["crashes when it starts"])
    board.nvs(slot="a", trial="b")
    assert board.life(8) == ["new in b"] * 8


def test_a_crash_loop_ends_in_safe_mode_and_a_mended_program_leaves_it(board):
    """Five starts, then safe mode, which lets it try again; the program is alive there, and can be updated."""
    board.install("a", at_start="if not safe: raise RuntimeError")
    story = board.life(9)
    assert story == ["old in a"] * 5 + ["old in a safe-mode", "old in a"] * 2
    board.install("a", name="mended")
    assert board.life() == ["mended in a safe-mode", "mended in a", "settled"]
    assert board.life() == ["mended in a", "settled"]


def test_a_slot_that_went_bad_gives_way_to_the_other_in_the_same_start(board):
    """A file that is gone, or half there, costs a start of the other program only."""
    board.install("a")
    board.install("b", name="older")
    (board.folder / "a" / "board" / "clock.mpy").write_bytes(b"M\x06")
    assert board.life() == ["older in b", "settled"]
    (board.folder / "a" / "board" / "clock.mpy").unlink()
    assert board.life() == ["older in b", "settled"]
    (board.folder / "b" / "manifest.json").unlink()  # now b is no program, and a is broken
    assert board.start() == ([], RESTARTED)
    assert "no program" in board.output


def test_a_half_written_slot_is_never_started(board):
    """Not even when the chip says so: a slot counts with its manifest.json only."""
    board.install("a")
    board.install("b", name="half")
    (board.folder / "b" / "manifest.json").unlink()
    board.nvs(slot="b")
    assert board.life() == ["old in a", "settled"]


def test_a_hang_is_ended_by_the_watchdog_and_named_at_the_next_start(board):
    """The task that is silent stops the feeding, although the loop goes on."""
    board.install("a", at_start="told = list(recovery.notes)", alive="told or up_ms() < 5000", limit_ms=50000)
    assert board.life() == ["old in a", "old in a stalled:measure", "settled"]
