"""How the board itself is, once a minute."""

import gc

from ..port import sleep_ms
from .parts import point

EVERY_MS = 55000  # less than the minute of the reports, so that each has its reading
NAP_MS = 50
NEVER = 1 << 30


class Lag:
    """How late the program's loop is: by how much a sleep of 50 ms took longer."""

    def __init__(self, uptime):
        self._uptime = uptime
        self._most_ms = 0

    async def run(self):
        """For ever."""
        while True:
            due = self._uptime() + NAP_MS
            await sleep_ms(NAP_MS)
            self._most_ms = max(self._most_ms, self._uptime() - due)

    def take(self):
        """The most since the last call, in ms."""
        most_ms, self._most_ms = self._most_ms, 0
        return most_ms


class Sensor:
    """No options. parts: clock, lag, kept: the Outbox and perhaps the Spool."""

    why = {}
    points = {
        "uptime_s": point("s", NEVER),
        "heap_free_b": point("B", NEVER),
        "heap_free_min_b": point("B", NEVER),
        "loop_lag_ms": point("ms", 100),
        "outbox_depth": point("", 32),
        "outbox_dropped": point("", 1),
    }

    def __init__(self, options, parts):
        self._parts = parts
        self._read_at = -EVERY_MS
        self._least_b = NEVER

    async def read(self):
        parts = self._parts
        now = parts.clock.ticks_ms()
        if now - self._read_at < EVERY_MS:
            return {}
        self._read_at = now
        gc.collect()  # so that garbage is not taken for use
        free_b = gc.mem_free()
        self._least_b = min(self._least_b, free_b)
        return {
            "uptime_s": now // 1000,
            "heap_free_b": free_b,
            "heap_free_min_b": self._least_b,
            "loop_lag_ms": parts.lag.take(),
            "outbox_depth": sum([each.depth for each in parts.kept]),
            "outbox_dropped": sum([each.dropped for each in parts.kept]),
        }
