"""Small texts in the chip's NVS."""

from firmware.board.nvs import Nvs


class Chip:
    """An esp32.NVS in memory. `commits` counts its durable writes; what was not committed is in `held` all the same."""

    def __init__(self):
        self.held = {}
        self.commits = 0

    def get_blob(self, key, buffer):
        if key not in self.held:
            raise OSError(-4354)
        value = self.held[key]
        if len(value) > len(buffer):
            raise OSError(-4364)
        buffer[: len(value)] = value
        return len(value)

    def set_blob(self, key, value):
        assert len(key) <= 15
        self.held[key] = bytes(value)

    def erase_key(self, key):
        if key not in self.held:
            raise OSError(-4354)
        del self.held[key]

    def commit(self):
        self.commits += 1


def test_texts_and_numbers_are_kept_and_erased():
    chip = Chip()
    nvs = Nvs(chip)
    assert nvs.text("password") is None and nvs.number("tries", 3) == 3
    nvs.set(password="bí mật", tries=7)
    assert Nvs(chip).text("password") == "bí mật" and Nvs(chip).number("tries") == 7
    nvs.set(password=None)
    assert nvs.text("password", "-") == "-" and nvs.number("tries") == 7


def test_what_is_there_already_costs_no_write():
    chip = Chip()
    nvs = Nvs(chip)
    nvs.set(tries=1, slot="a")
    nvs.set(tries=1, slot="a")
    nvs.set(gone=None)
    assert chip.commits == 1


def test_a_text_that_is_no_number_is_the_default():
    chip = Chip()
    nvs = Nvs(chip)
    nvs.set(tries="many")
    chip.held["broken"] = b"\xff\xfe"
    assert nvs.number("tries", 5) == 5 and nvs.text("broken", "?") == "?"
