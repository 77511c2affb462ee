"""Sensirion SCD40/SCD41: CO2, temperature and humidity over I2C. Numbers and formulas: the SCD4x datasheet, 3.3-3.6.

It measures every 5 s by itself; nothing here waits longer than a command takes.
"""

from ..port import const, sleep_ms
from .parts import AIR, Driver, air, point
from .sensirion import words

_START = const(b"\x21\xb1")
_STOP = const(b"\x3f\x86")
_READY = const(b"\xe4\xb8")
_READ = const(b"\xec\x05")
_STOP_MS = const(500)  # it takes no other command this long after STOP
_STALE_MS = const(20000)  # four measurements missed: it hangs


def measurement(reply):
    """The points of the nine bytes of a measurement. Raises ValueError if a checksum is wrong."""
    co2, temperature, humidity = words(reply)
    return dict(air(-45 + 175 * temperature / 65535, 100 * humidity / 65535), co2_ppm=co2)


class Sensor(Driver):
    """options: sda, scl, and bus (0 if left out)."""

    points = dict(AIR, co2_ppm=point("ppm", 20))
    address = 0x62

    def __init__(self, options, pins, uptime=None):
        super().__init__(options, pins, uptime)
        self._begin(self.uptime(), "warmup")

    def _begin(self, now, reason):
        """Stop it first: a sensor that kept its power through our restart still measures, and refuses START."""
        self._measuring = False
        self._since = now  # the latest command or measurement
        try:
            self._i2c.writeto(self.address, _STOP)
        except OSError:  # it was not measuring, or is not there: START will tell
            pass
        return self._invalid(reason)

    async def read(self):
        """The three points if there is a new measurement, {} if not; None while it warms up or fails."""
        now = self.uptime()
        try:
            if not self._measuring:
                if now - self._since < _STOP_MS:
                    return dict.fromkeys(self.points)  # for the reason it had
                self._since = now
                self._i2c.writeto(self.address, _START)
                self._measuring = True
                return self._invalid("warmup")
            if not words(await self._ask(_READY, 3))[0] & 0x7FF:
                return {} if now - self._since < _STALE_MS else self._begin(now, "timeout")
            values = measurement(await self._ask(_READ, 9))
        except ValueError:
            return self._invalid("crc")
        except OSError:
            return self._begin(now, "failed")
        self._since = now
        return values

    async def _ask(self, command, length):
        self._i2c.writeto(self.address, command)
        await sleep_ms(1)
        return self._i2c.readfrom(self.address, length)
