"""Small texts that outlive power, updates and an erased file system: credential, counters, which program runs.

On an ESP32 they lie in the chip's NVS, which is written in turn over its pages and survives a power cut in the middle
of a write. https://docs.micropython.org/en/latest/library/esp32.html#non-volatile-storage
"""


class Nvs:
    """`chip`: an esp32.NVS or an object like it. Keys have at most 15 signs."""

    def __init__(self, chip=None):
        if chip is None:
            from esp32 import NVS

            chip = NVS("campus")
        self.chip = chip

    def text(self, key, default=None):
        """The text under `key`, or `default`."""
        for size in 64, 640, 2048:  # a password, a key, a certificate: 2 KiB in one piece may not be free
            held = bytearray(size)
            try:
                return str(held[: self.chip.get_blob(key, held)], "utf-8")
            except ValueError:  # not ours
                break
            except OSError as error:
                if error.args[0] == -4354:  # ESP_ERR_NVS_NOT_FOUND; all others: it may be longer
                    break
        return default

    def number(self, key, default=0):
        """The whole number under `key`, or `default`."""
        try:
            return int(self.text(key, ""))
        except ValueError:
            return default

    def set(self, **values):
        """Write texts and whole numbers, durable when it returns; None erases. What is there already is not written."""
        changed = False
        for key in values:
            value = values[key]
            text = None if value is None else str(value)
            if text == self.text(key):
                continue
            changed = True
            if text is None:
                self.chip.erase_key(key)
            else:
                self.chip.set_blob(key, text.encode())
        if changed:
            self.chip.commit()
