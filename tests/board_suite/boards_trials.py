"""A configuration on trial, alone and beside a program, and the power going between any two writes of either."""

from boards_nvs import Chip
from boards_recovery import CONFIG, CRASH, DEAF, GOOD, HANG, Board, read

from firmware.board.recovery import Recovery


def test_a_configuration_that_works_is_kept():
    board = Board(a=GOOD)
    board.desire(4, "better")
    assert board.starts(2) == [("a", "settled")] * 2
    assert read(CONFIG) == "better"
    nvs = board.nvs
    assert (nvs.number("config_rev"), nvs.text("config_error"), nvs.text("config_trial")) == (4, None, None)


def test_a_configuration_without_a_broker_or_with_a_crash_is_taken_back():
    """After 5 minutes, or at the next start, and told."""
    for program, ends in ((GOOD, "restart"), (CRASH, "crash"), (HANG, "watchdog")):
        board = Board(a=program)
        board.desire(4, board.bad_config)
        if program == CRASH:
            Recovery(board.nvs, "a", False, CONFIG)  # it got as far as this
        assert board.start() == ("a", ends)
        assert read(CONFIG) == board.bad_config
        board.slots["a"] = GOOD
        assert board.start() == ("a", "settled"), program
        assert read(CONFIG) == "good" and board.notes == ["config-reverted"]
        nvs = board.nvs
        assert nvs.number("config_rev") == 4 and "no broker" in nvs.text("config_error")
        assert board.start() == ("a", "settled") and board.notes == [] and nvs.text("config_trial") is None


def test_program_and_configuration_on_trial_together_are_each_taken_back():
    board = Board(a=GOOD)
    board.start()
    board.arrive("b", GOOD)
    board.desire(1, board.bad_config)
    assert board.starts(2) == [("b", "restart"), ("a", "settled")]
    assert board.notes == ["update-reverted", "config-reverted"] and read(CONFIG) == "good"


class PowerCut(BaseException):
    pass


class Wearing(Chip):
    """Power goes after so many writes."""

    def __init__(self, writes):
        super().__init__()
        self.left = writes

    def set_blob(self, key, value):
        self.count()
        super().set_blob(key, value)

    def erase_key(self, key):
        self.count()
        super().erase_key(key)

    def count(self):
        self.left -= 1
        if self.left < 0:
            self.left = 1 << 30
            raise PowerCut()


def test_a_power_cut_between_any_two_writes_leaves_a_board_that_works():
    """An update and a configuration, good and bad, a cut after every write: the next starts settle without a trace."""
    for program, text in (
        (GOOD, "better"),
        (CRASH, "better"),
        (DEAF, "better"),
        (GOOD, "no way to the broker"),
    ):
        for writes in range(40):
            board = Board(Wearing(1 << 30), a=GOOD)
            board.start()
            board.chip.left = writes
            try:
                board.arrive("b", program)
                board.desire(4, text)
                board.starts(4)
            except PowerCut:
                pass
            cut, board.chip.left = board.chip.left > 1 << 20, 1 << 30
            assert all([end != "nothing runs" for _, end in board.starts(4)])
            slot, end = board.start()
            assert end == "settled" and (program == GOOD or slot == "a"), (program, writes)
            assert read(CONFIG) == "good" or read(CONFIG) == text != board.bad_config
            nvs = board.nvs
            assert nvs.text("trial") is None and nvs.text("config_trial") is None
            assert nvs.text("slot") == slot and nvs.number("version") == (slot == "b")
            if not cut:
                break
        assert not cut
