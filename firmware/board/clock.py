"""Unix time in integer milliseconds, and an honest word on how far it can be trusted."""

import time

from .port import ticks_diff, ticks_ms

EPOCH_MS = {1970: 0, 2000: 946684800000}[time.gmtime(0)[0]]  # 2000 on most boards, 1970 elsewhere
PLAUSIBLE_MS = 1704067200000  # 2024-01-01: a clock that shows less was never set
HOLD_AFTER_MS = 86400000  # without a sync for a day, a board's crystal may be seconds off


def rtc_ms():
    """The system's clock as Unix ms."""
    return time.time_ns() // 1000000 + EPOCH_MS


class Uptime:
    """Milliseconds since it was made; never wraps, as long as it is called once in six days."""

    def __init__(self, ticks=ticks_ms, difference=ticks_diff):
        self._ticks = ticks
        self._difference = difference
        self._latest = ticks()
        self._ms = 0

    def __call__(self):
        now = self._ticks()
        self._ms += self._difference(now, self._latest)
        self._latest = now
        return self._ms


class Clock:
    """Counts on from where it was last set, so that a step of the system's clock moves no reading unseen.

    uptime() -> ms since boot, rising; rtc() -> the system's clock in Unix ms. Both are passed in by tests.
    """

    def __init__(self, uptime=None, rtc=rtc_ms):
        self.ticks_ms = uptime or Uptime()  # ticks_ms() -> ms since boot, never wraps
        self._rtc = rtc
        self._synced = None  # quality at the last sync
        self._synced_at = 0
        self.up_offset_ms = None  # what to add to a time since boot, known once synced

    def now_ms(self):
        """Unix ms, or ms since boot while quality() is "up"."""
        ticks = self.ticks_ms()
        return ticks if self.up_offset_ms is None else ticks + self.up_offset_ms

    def quality(self):
        """ "ntp": synced within a day. "hold": synced earlier. "up": never synced since power came."""
        if self._synced is None:
            return "up"
        if self._synced == "ntp" and self.ticks_ms() - self._synced_at > HOLD_AFTER_MS:
            return "hold"
        return self._synced

    def set(self, unix_ms, ticks_ms):
        """A time server's word: it was `unix_ms` when ticks_ms() was `ticks_ms`."""
        self.up_offset_ms = unix_ms - ticks_ms
        self._synced_at = ticks_ms
        self._synced = "ntp"

    def adopt(self, quality="hold"):
        """Take the system's clock, set before this boot, if it is plausible; whether it was."""
        now = self._rtc()
        if now < PLAUSIBLE_MS:
            return False
        self.set(now, self.ticks_ms())
        self._synced = quality
        return True
