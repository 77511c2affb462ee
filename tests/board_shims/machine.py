"""What MicroPython's unix port lacks of `machine`: pins and an I2C bus with an SCD4x on it, at the level of bytes.

A test writes `world.json` into the folder the board runs in: {"pins": {"27": 1}, "scd4x_ms": 100, "scd4x": "ok"}.
The sensor's n-th measurement is 400 + 25 n ppm, so a receiver sees from the values alone whether one is missing.
scd4x may also be "unplugged", "corrupt" (checksums) or "hung" (never ready). {"ctrl_c": true} is Ctrl-C over USB: the
unix port raises a real one in the middle of anything, even a garbage collection, which a board does not.
"""

import _thread
import asyncio
import json
import os
import sys
import time

PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5


RESETS = {"reset": SOFT_RESET, "watchdog": WDT_RESET}


def reset():
    """The process ends with 75; a test starts it again, as a chip does by itself."""
    _note("reset")
    sys.exit(75)


def reset_cause():
    return _cause


def _note(cause):
    with open("reset.txt", "w") as file:
        file.write(cause)


def _why_we_started():
    try:
        with open("reset.txt") as file:
            cause = file.read()
        os.remove("reset.txt")
        return RESETS.get(cause, PWRON_RESET)
    except OSError:
        return PWRON_RESET


_cause = _why_we_started()


class WDT:
    """A watchdog of the operating system: it kills the process that feeds it no more. As on the chip there is one:
    a second WDT only gives it another timeout."""

    _watched = False

    def __init__(self, id=0, timeout=5000):
        WDT._timeout = timeout
        self.feed()
        if not WDT._watched:
            WDT._watched = True
            _thread.start_new_thread(self._watch, ())

    def feed(self):
        WDT._fed = time.ticks_ms()

    def _watch(self):
        while time.ticks_diff(time.ticks_ms(), self._fed) < self._timeout:
            time.sleep_ms(100)
        _note("watchdog")
        os.system("kill -9 $PPID")


class RTC:
    """Cannot be set: the computer keeps the time."""

    def datetime(self, fields=None):
        return time.gmtime()


def unique_id():
    return b"\xa0\xb1\xc2\xd3\xe4\xf5"


def world():
    try:
        with open("world.json") as file:
            return json.load(file)
    except (OSError, ValueError):  # not there, or just being written
        return {}


class Pin:
    IN, OUT, IRQ_RISING = 0, 1, 1

    def __init__(self, number, mode=IN):
        self._number = str(number)

    def value(self, level=None):
        return world().get("pins", {}).get(self._number, 0)

    def irq(self, handler, trigger):
        self._watching = asyncio.create_task(self._watch(handler))

    async def _watch(self, handler):
        before = 0
        while True:
            now = self.value()
            if now and not before:
                handler(self)
            before = now
            if world().get("ctrl_c"):
                raise KeyboardInterrupt
            await asyncio.sleep_ms(20)


def crc8(data):
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = ((crc << 1) ^ 0x31 if crc & 0x80 else crc << 1) & 0xFF
    return crc


class I2C:
    """A bus with an SCD4x at 0x62 that was left measuring by an earlier run."""

    def __init__(self, number, sda, scl, freq):
        self._measuring = True
        self._stopped_at = None
        self._measured_at = time.ticks_ms()
        self._count = 0
        self._command = b""

    def writeto(self, address, command):
        state = world().get("scd4x", "ok")
        if address != 0x62 or state == "unplugged":
            raise OSError(19)
        if command == b"\x3f\x86":
            self._measuring = False
            self._stopped_at = time.ticks_ms()
        elif command == b"\x21\xb1":
            stopped = (
                self._stopped_at is not None and time.ticks_diff(time.ticks_ms(), self._stopped_at) >= 500
            )
            if self._measuring or not stopped:
                raise OSError(19)
            self._measuring = True
            self._measured_at = time.ticks_ms()
        self._command = command

    def readfrom(self, address, length):
        now = world()
        due = time.ticks_diff(time.ticks_ms(), self._measured_at) >= now.get("scd4x_ms", 5000)
        ready = self._measuring and due and now.get("scd4x") != "hung"
        if self._command == b"\xe4\xb8":
            return self._words(now, 0x8006 if ready else 0x8000)
        if self._command != b"\xec\x05" or not ready:
            raise OSError(19)
        self._measured_at = time.ticks_ms()
        self._count += 1
        return self._words(now, 400 + 25 * (self._count - 1), 0x6667, 0x5EB9)

    def _words(self, now, *values):
        reply = b""
        for value in values:
            pair = bytes((value >> 8, value & 0xFF))
            reply += pair + bytes((crc8(pair) ^ (now.get("scd4x") == "corrupt"),))
        return reply
