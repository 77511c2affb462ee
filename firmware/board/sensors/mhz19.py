"""Winsen MH-Z19B and MH-Z19C: CO2 over UART. Frames and times: MH-Z19B user manual, version 1.6, "Software setting".

It is asked at one read and answers by a later one: nothing here waits. For 3 minutes after power came it makes its
values up (388, 400, 410, 500, 555 and 0 ppm were seen): they are never shown.
"""

from ..port import const
from .parts import Driver, point

_ASK = const(b"\xff\x01\x86\x00\x00\x00\x00\x00\x79")
_ABC_OFF = const(b"\xff\x01\x79\x00\x00\x00\x00\x00\x86")
_ABC_ON = const(b"\xff\x01\x79\xa0\x00\x00\x00\x00\xe6")
_WARMUP_MS = const(180000)
_REPLY_MS = const(500)  # what did not come by then does not come
_MISSED = const(3)  # so many replies missing: it hangs or is not there, and may have lost its power


def co2(heard):
    """ppm of the reply in `heard`, whatever is around it; None if there is none with a right checksum.

    A reply is FF 86, six bytes, and what makes the sum of all but FF a multiple of 256.
    """
    for at in range(len(heard) - 8):
        if heard[at : at + 2] == b"\xff\x86" and not sum(heard[at + 1 : at + 9]) & 0xFF:
            return heard[at + 2] << 8 | heard[at + 3]


class Sensor(Driver):
    """options: tx, rx (pins of the board), and uart (1 if left out) and abc (true or false; left out: as it is)."""

    points = {"co2_ppm": point("ppm", 30)}
    why = {"co2_ppm": "warmup"}
    baudrate = 9600
    _heard = b""
    _asked_at = -_REPLY_MS
    _missed = -1  # replies, in a row; the first read finds none and misses none
    _ready_at = _WARMUP_MS  # by the time since our start: power did not come later

    def __init__(self, options, pins, uptime=None):
        super().__init__(options, pins, uptime)
        if "abc" in options:
            self._uart.write(_ABC_ON if options["abc"] else _ABC_OFF)

    async def read(self):
        """The point if there is a new reply, {} if not; None while it warms up, is silent or garbled."""
        now = self.uptime()
        heard = self._heard = self._heard + (self._uart.read(64) or b"")
        ppm = co2(heard)
        if ppm is None and now - self._asked_at < _REPLY_MS:
            return dict.fromkeys(self.why)  # as it was
        self._heard = b""
        self._asked_at = now
        self._uart.write(_ASK)
        if ppm is None:
            if len(heard) > 8:
                return self._invalid("crc")
            self._missed += 1
            return self._invalid("timeout") if self._missed >= _MISSED else dict.fromkeys(self.why)
        if self._missed >= _MISSED:
            self._ready_at = now + _WARMUP_MS
        self._missed = 0
        if now < self._ready_at or not ppm:
            return self._invalid("warmup")
        self.why = {}
        return {"co2_ppm": ppm}
