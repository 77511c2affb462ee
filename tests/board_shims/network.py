"""What MicroPython's unix port lacks of `network`: a station whose access point is there as `world.json` says.

{"access_point": false} takes it away. The computer's own network stays, so traffic is not cut: what is tried here is
the supervision. Each connect and disconnect is written to `wifi.log`.
"""

from machine import world

STA_IF = 0


class WLAN:
    def __init__(self, interface):
        self._joined = False

    def active(self, on):
        return on

    def isconnected(self):
        if not world().get("access_point", True):
            self._joined = False
        return self._joined

    def connect(self, ssid, password):
        self._note("connect " + ssid)
        self._joined = world().get("access_point", True)

    def disconnect(self):
        self._note("disconnect")
        self._joined = False

    def _note(self, line):
        with open("wifi.log", "a") as file:  # noqa: PTH123 (MicroPython has no pathlib)
            file.write(line + "\n")
