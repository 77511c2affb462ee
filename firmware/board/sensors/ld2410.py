"""Hi-Link HLK-LD2410 (also B and C): a 24 GHz radar that sees people, also those who sit still, over UART.

LD2410 serial communication protocol, version 1.02, 2.3 "Radar data output protocol". About ten reports a second:
F4F3F2F1, length, type, AA, state, distances and energies, 55 00, F8F7F6F5. There is no checksum (the byte called
"check" is always 0): a report counts if all its fixed bytes are in place.
"""

import struct

from ..port import const
from .parts import Driver, point

_HEAD = const(b"\xf4\xf3\xf2\xf1")
_TAIL = const(b"\x55\x00\xf8\xf7\xf6\xf5")
_SILENT_MS = const(3000)


def target(report):
    """(present, cm) of a whole report. cm: the nearest of the targets that its state names; None without a distance.

    Early firmware says 0 cm for somebody who sits still: that is no distance.
    """
    state, moving, _, still = struct.unpack_from("<BHBH", report, 8)
    cm = min(moving if state & 1 and moving else 9999, still if state & 2 and still else 9999)
    return state > 0, cm if cm <= 1000 else None


def take(heard):
    """(list of target() of each report in `heard`, the bytes at its end that may begin another: 73 at most)."""
    found = []
    while True:
        at = heard.find(_HEAD)
        if at < 0:
            return found, heard[-3:]
        heard = heard[at:]
        length = heard[4] | heard[5] << 8 if len(heard) > 5 else 13
        end = length + 10 if 13 <= length <= 64 else 4  # 13: a basic report, 35: one of the engineering mode
        if len(heard) < end:
            return found, heard
        # state: 1 moving, 2 still, 3 both; 4 to 6 tell of a calibration, not of people
        if heard[end - 6 : end] == _TAIL and heard[6] in (1, 2) and heard[7] == 0xAA and heard[8] < 4:
            found.append(target(heard))
        else:
            end = 4  # a wrong one: the next may begin within it
        heard = heard[end:]


class Sensor(Driver):
    """options: tx, rx (pins of the board), and uart (1 if left out)."""

    points = {"radar_presence": {"unit": "", "max_interval_ms": 60000}, "radar_distance_cm": point("cm", 50)}
    baudrate = 256000
    _rest = b""
    _latest = None  # target() of the latest report; None: there was none since the latest read
    _present = _began = False
    _heard_at = 0

    @property
    def edge(self):
        """True from the report with which presence begins until the next read. Takes in what the radar sent."""
        waiting = self._uart.any()
        if waiting:
            found, self._rest = take(self._rest + (self._uart.read(waiting) or b""))
            for self._latest in found:
                self._heard_at = self.uptime()
                if self._latest[0] and not self._present:
                    self._began = True
                self._present = self._latest[0]
        return self._began

    async def read(self):
        """Presence, 1 also if it began and ended since the latest read; the distance only while there is one."""
        began = self.edge
        latest, self._latest, self._began = self._latest, None, False
        if self.uptime() - self._heard_at >= _SILENT_MS:
            self._present = False
            return self._invalid("timeout")
        if latest is None:
            return {}
        values = {"radar_presence": 1 if began or latest[0] else 0}
        if latest[1]:
            values["radar_distance_cm"] = latest[1]
        return values
