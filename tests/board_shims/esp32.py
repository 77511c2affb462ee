"""What MicroPython's unix port lacks of `esp32`: the chip's NVS, kept in `nvs.json` of the folder the board runs in."""

import json
import os


class NVS:
    def __init__(self, namespace):
        self._file = "nvs.json"
        self._namespace = namespace
        self._read()

    def _read(self):
        try:
            with open(self._file) as file:
                self._all = json.load(file)
        except OSError:
            self._all = {}
        self._held = self._all.setdefault(self._namespace, {})

    def get_blob(self, key, buffer):
        if key not in self._held:
            raise OSError(-4354)  # ESP_ERR_NVS_NOT_FOUND
        value = self._held[key].encode()
        if len(value) > len(buffer):
            raise OSError(-4364)  # ESP_ERR_NVS_INVALID_LENGTH
        buffer[: len(value)] = value
        return len(value)

    def set_blob(self, key, value):
        if len(key) > 15:
            raise OSError(-4361)  # ESP_ERR_NVS_KEY_TOO_LONG
        self._held[key] = bytes(value).decode()

    def erase_key(self, key):
        if key not in self._held:
            raise OSError(-4354)
        del self._held[key]

    def commit(self):
        with open(self._file + ".new", "w") as file:
            json.dump(self._all, file)
        os.rename(self._file + ".new", self._file)
