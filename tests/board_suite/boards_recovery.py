"""Lives of a board: whatever a program or a configuration does, a later start is one that the server can reach."""

import os

from boards_nvs import Chip

from firmware import main
from firmware.board.nvs import Nvs
from firmware.board.recovery import Recovery

GOOD, IMPORT, CRASH, LATE, HANG, UNSAFE, DEAF = range(7)
"""What a program does: all it should; fail to import; crash at its start, after 30 s; stand still, so that the watchdog
bites; crash unless in safe mode; never reach a broker."""
CONFIG = "flash-config.json"


def write(name, text):
    with open(name, "w") as file:
        file.write(text)


def read(name):
    try:
        with open(name) as file:
            return file.read()
    except OSError:
        return None


class Board:
    """slots: "a" and "b" -> what the program in it does; one that is missing is not complete. choose: the loader's."""

    def __init__(self, chip=None, choose=main.choose, **slots):
        self.chip = chip or Chip()
        self.nvs = Nvs(self.chip)
        self.slots = slots
        self.choose = choose
        self.broker = True
        self.bad_config = "no way to the broker"
        self.notes = []
        for name, text in (("json", "good"), ("old", None), ("new", None)):
            if text:
                write(CONFIG[:-4] + name, text)
            elif read(CONFIG[:-4] + name) is not None:
                os.remove(CONFIG[:-4] + name)

    def arrive(self, slot, program):
        """What board/update.py does at the end of an update."""
        self.slots[slot] = program
        self.nvs.set(tried=None, trial_version=self.nvs.number("version") + 1)
        self.nvs.set(trial=slot)

    def desire(self, rev, text):
        """What board/remote.py does with a configuration that it takes."""
        self.nvs.set(config_trial=None)
        write(CONFIG[:-4] + "old", read(CONFIG))
        write(CONFIG[:-4] + "new", text)
        self.nvs.set(config_trial=rev)

    def start(self):
        """One start: (slot that ran, how it ended or that it settled)."""
        slots, safe, _ = self.choose(self.chip)
        for slot in slots:
            program = self.slots.get(slot, IMPORT)
            if program != IMPORT:
                break
        else:
            return None, "nothing runs"
        if program == CRASH or (program == UNSAFE and not safe):
            return slot, "crash"
        recovery = Recovery(self.nvs, slot, safe, CONFIG)
        self.notes = recovery.notes
        reached = False
        for second in range(0, 301):
            if program == HANG and second == 20:
                return slot, "watchdog"
            if program == LATE and second == 30:
                return slot, "crash"
            if second == 5 and self.broker and program != DEAF and read(CONFIG) != self.bad_config:
                recovery.accepted()
                reached = True
            if recovery.look(second * 1000, second * 1000):
                return slot, "safe" if safe else "restart"
        return slot, "settled" if reached else "alone"

    def starts(self, count):
        return [self.start() for _ in range(count)]


def test_a_board_as_it_was_installed_starts_and_is_healthy():
    board = Board(a=GOOD)
    assert board.starts(3) == [("a", "settled")] * 3
    assert board.nvs.number("attempts") == 0 and board.nvs.text("slot") == "a" and board.notes == []


def test_without_slots_and_with_a_chip_that_forgets_it_starts_all_the_same():
    """A flat folder is `None`; an NVS that can be neither read nor written costs no start."""

    class Dead(Chip):
        def set_blob(self, key, value):
            raise OSError(-4357)

    chip = Dead()
    chip.held = {"attempts": b"\xff", "slot": b"b"}
    assert main.choose(chip) == (("b", "a"), False, False)
    chip.held = {"trial": b"b"}
    assert main.choose(chip) == (("a", "b"), False, False)  # a trial that cannot be noted is not begun
    chip.held = {"attempts": b"many", "slot": b"?"}
    assert main.choose(chip) == (("a", "b"), False, False)
    recovery = Recovery(Nvs(Chip()), None)
    recovery.accepted()
    assert recovery.notes == [] and not recovery.trial and not recovery.look(10**9, 0)


def test_a_crash_loop_ends_in_safe_mode_that_lets_the_program_try_again():
    """Five starts, then 5 minutes of safe mode, then one more start each time; a program that gets well is well."""
    board = Board(a=UNSAFE)
    assert board.starts(6) == [("a", "crash")] * 5 + [("a", "safe")]
    assert board.notes == ["safe-mode"]
    assert board.starts(4) == [("a", "crash"), ("a", "safe")] * 2
    board.slots["a"] = GOOD
    assert board.starts(2) == [("a", "settled")] * 2 and board.notes == []
    assert board.nvs.number("attempts") == 0


def test_control_without_counting_the_starts_a_crash_loop_never_ends():
    board = Board(Forgetful("attempts"), a=UNSAFE)
    assert board.starts(20) == [("a", "crash")] * 20


class Forgetful(Chip):
    """A defect: one key is never written."""

    def __init__(self, key):
        super().__init__()
        self._lost = key

    def set_blob(self, key, value):
        if key != self._lost:
            super().set_blob(key, value)


def test_an_update_on_trial_that_works_is_confirmed_and_raises_the_floor():
    board = Board(a=GOOD)
    board.nvs.set(version=6)
    board.start()
    board.arrive("b", GOOD)
    assert board.starts(3) == [("b", "settled")] * 3
    nvs = board.nvs
    assert (nvs.text("slot"), nvs.text("trial"), nvs.text("tried"), nvs.number("version")) == (
        "b",
        None,
        None,
        7,
    )
    assert board.notes == []


def test_a_trial_that_fails_in_any_way_ends_in_the_old_program():
    """It runs once at most, the next birth tells, and the floor stays."""
    for program, first in (
        (IMPORT, ("a", "settled")),  # the same start goes on with the old one
        (CRASH, ("b", "crash")),
        (HANG, ("b", "watchdog")),
        (DEAF, ("b", "restart")),
        (UNSAFE, ("b", "crash")),
    ):
        board = Board(a=GOOD)
        board.start()
        board.arrive("b", program)
        if program == HANG:
            board.broker = False  # it hangs before it gets there
        assert board.start() == first, program
        if program == IMPORT:
            assert board.notes == ["update-reverted"]
        board.broker = True
        assert board.starts(1) == [("a", "settled")], program
        assert board.notes == ([] if program == IMPORT else ["update-reverted"]), program
        assert board.starts(2) == [("a", "settled")] * 2 and board.notes == []
        assert board.nvs.number("version") == 0 and board.nvs.text("slot") == "a"
        board.arrive("b", GOOD)
        assert board.start() == ("b", "settled"), program


def test_the_old_program_tells_of_the_trial_until_the_broker_has_heard_it():
    board = Board(a=GOOD)
    board.start()
    board.arrive("b", CRASH)
    board.start()
    board.broker = False
    assert board.starts(2) == [("a", "alone")] * 2 and board.notes == ["update-reverted"]
    board.broker = True
    board.start()
    assert board.notes == ["update-reverted"]
    board.start()
    assert board.notes == []


def test_no_broker_for_days_costs_a_confirmed_program_nothing():
    """Only a trial is restarted for it."""
    board = Board(a=GOOD)
    board.broker = False
    assert board.starts(10) == [("a", "alone")] * 10 and board.nvs.number("attempts") == 0


def test_control_a_loader_that_does_not_note_a_trial_stays_in_the_broken_slot():
    board = Board(Forgetful("tried"), a=GOOD)
    board.start()
    board.arrive("b", CRASH)
    assert board.starts(20) == [("b", "crash")] * 20


def test_a_trial_is_tried_in_full_even_from_safe_mode_and_saves_a_board_that_crashes():
    board = Board(a=UNSAFE)
    board.starts(6)
    board.arrive("b", GOOD)
    assert board.starts(2) == [("b", "settled")] * 2 and board.nvs.number("attempts") == 0
    board = Board(a=UNSAFE)
    board.starts(6)
    board.arrive("b", UNSAFE)
    assert board.starts(2) == [("b", "crash"), ("a", "safe")]


def test_a_confirmed_program_that_crashes_even_in_safe_mode_gives_way_to_the_one_before():
    """It reached its broker and was confirmed, and dies after 30 s ever since: ten starts are enough."""
    board = Board(a=GOOD)
    board.start()
    board.arrive("b", LATE)
    assert board.starts(10) == [("b", "crash")] * 10
    assert board.nvs.text("slot") == "b"
    assert board.start() == ("a", "safe")
    assert board.nvs.text("slot") == "a"  # it reached the broker, so it is the one to start
    assert board.starts(2) == [("a", "settled")] * 2
    assert board.nvs.number("version") == 1  # but nothing older than b may be installed from afar


def test_a_slot_that_cannot_be_imported_gives_way_to_the_other_at_once():
    """A flash that went bad, or an update that was cut off."""
    board = Board(a=IMPORT, b=GOOD)
    assert board.starts(2) == [("b", "settled")] * 2
    board = Board(a=GOOD)
    board.nvs.set(slot="b")
    assert board.starts(2) == [("a", "settled")] * 2


def test_health_is_noted_once_and_safe_mode_notes_none():
    chip = Chip()
    nvs = Nvs(chip)
    nvs.set(attempts=3)
    recovery = Recovery(nvs, "a", False, CONFIG)
    assert not recovery.look(59000, 59999) and nvs.number("attempts") == 3
    assert not recovery.look(61000, 60000) and nvs.number("attempts") == 0
    commits = chip.commits
    nvs.set(attempts=1)
    recovery.look(62000, 61000)
    assert chip.commits == commits + 1 and nvs.number("attempts") == 1
    nvs.set(attempts=7)
    safe = Recovery(nvs, "a", True, CONFIG)
    assert not safe.look(299999, 299999) and nvs.number("attempts") == 7
    assert safe.look(300000, 300000) and nvs.number("attempts") == 4


def test_a_part_that_stood_still_is_told_until_it_is_heard():
    nvs = Nvs(Chip())
    nvs.set(stalled="measure")
    recovery = Recovery(nvs, "a", False, CONFIG)
    assert recovery.notes == ["stalled:measure"]
    recovery.accepted()
    assert Recovery(nvs, "a", False, CONFIG).notes == []
