"""Energy: whole mWh, and counters that no power cut sets back."""

import random

from boards_nvs import Chip

from firmware.board.energy import Energy
from firmware.board.nvs import Nvs

MINUTE = 60000


class Cut(Exception):
    """The power went."""


class Flash(Chip):
    """A Chip that loses what was not committed, and whose power goes after `left` more operations."""

    def __init__(self):
        Chip.__init__(self)
        self.left = -1
        self.durable = {}

    def _operate(self):
        if self.left == 0:
            raise Cut
        self.left -= 1

    def set_blob(self, key, value):
        self._operate()
        Chip.set_blob(self, key, value)

    def commit(self):
        self._operate()
        self.durable = dict(self.held)
        self._operate()  # it is durable, and the program never learns it

    def boot(self):
        self.held = dict(self.durable)
        self.left = -1
        return Nvs(self)


def made(chip=None, channels=1):
    return Energy(Nvs(chip or Chip()), "e_test", channels)


def after(energy, now_ms=10**15):
    """The counters once they are saved."""
    return list(energy.shown(now_ms))


def test_parts_of_a_mwh_add_up():
    energy = made()
    for _ in range(3600):
        energy.count(0, 1000)
    assert after(energy) == [1]


def test_channels_do_not_mix():
    energy = made(channels=3)
    for channel, mwh in ((2, 1000), (0, 2000), (1, 5)):
        energy.count(channel, 3600000 * mwh)
    assert after(energy) == [2000, 5, 1000]


def test_it_saves_once_a_minute_and_only_what_changed():
    chip = Chip()
    energy = made(chip)
    for second in range(1, 601):
        energy.count(0, 3600000)
        energy.shown(second * 1000)
    assert chip.commits == 10 and after(energy) == [600]
    for second in range(601, 1201):
        energy.shown(second * 1000 + 10**15)
    assert chip.commits == 10


def test_what_is_not_saved_is_not_shown():
    energy = made()
    energy.count(0, 3600000 * 9)
    assert list(energy.shown(MINUTE - 1)) == [0]
    assert list(energy.shown(MINUTE)) == [9]


def test_a_new_start_goes_on_where_the_old_one_was_shown():
    chip = Chip()
    energy = made(chip, 2)
    energy.count(0, 3600000 * 12)
    energy.count(1, 3600000 * 7)
    shown = after(energy)
    again = made(chip, 2)
    assert list(again.shown(0)) == shown == [12, 7]
    again.count(1, 3600000)
    assert after(again) == [12, 8]


def test_a_channel_more_or_less_keeps_the_others():
    chip = Chip()
    energy = made(chip, 2)
    energy.count(0, 3600000 * 3)
    energy.count(1, 3600000 * 4)
    after(energy)
    assert list(made(chip, 3).shown(0)) == [3, 4, 0] and list(made(chip, 1).shown(0)) == [3]


def test_a_text_that_is_no_counter_is_zero():
    for text in ("", "x", "5, y", "-5, 1.5", ",", "5,6", "[5, 6]"):
        nvs = Nvs(Chip())
        nvs.set(e_test=text)
        shown = list(Energy(nvs, "e_test", 2).shown(0))
        assert shown == [5 if text == "5, y" else 0, 0], (text, shown)


def test_counters_have_no_end():
    chip = Chip()
    energy = made(chip)
    for _ in range(4):
        energy.count(0, 3600000 * (2**62))
    assert after(energy) == [2**64] and list(made(chip).shown(0)) == [2**64]


def test_a_counter_that_cannot_be_saved_is_told_and_saved_a_minute_later():
    class Full(Chip):
        full = True

        def set_blob(self, key, value):
            if self.full:
                raise OSError(-4357)
            Chip.set_blob(self, key, value)

    chip = Full()
    energy = made(chip)
    energy.count(0, 3600000)
    try:
        energy.shown(MINUTE)
        raise AssertionError("shown")
    except OSError:
        pass
    chip.full = False
    assert list(energy.shown(2 * MINUTE - 1)) == [0]
    assert list(energy.shown(2 * MINUTE)) == [1]


class Eager(Energy):
    """The defect: it shows what is not saved."""

    def shown(self, now_ms):
        Energy.shown(self, now_ms)
        return self._mwh


def falls(kind, lives=60):
    """How often a shown counter falls over power cuts at random moments, in the middle of a save too."""
    random.seed(7)
    flash = Flash()
    highest = fell = 0
    for _ in range(lives):
        energy = kind(flash.boot(), "e_test", 1)
        flash.left = random.randrange(12)
        now = 0
        try:
            for _ in range(random.randrange(400)):
                now += random.randrange(2000)
                energy.count(0, random.randrange(20000000))
                shown = energy.shown(now)[0]
                fell += shown < highest
                highest = max(highest, shown)
        except Cut:
            pass
    assert highest > 1000
    return fell


def test_no_power_cut_sets_a_shown_counter_back():
    assert falls(Energy) == 0


def test_the_control_that_shows_before_it_saves_falls():
    assert falls(Eager) > 0
