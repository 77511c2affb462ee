"""Sensirion SCD40/SCD41: CO2, temperature and humidity over I2C. Numbers and formulas: the SCD4x datasheet, 3.3-3.6.

It measures every 5 s by itself; nothing here waits longer than a command takes.
"""

from ..clock import Uptime
from ..port import sleep_ms

ADDRESS = 0x62
START, STOP, READY, READ = b"\x21\xb1", b"\x3f\x86", b"\xe4\xb8", b"\xec\x05"
STOP_MS = 500  # it takes no other command this long after STOP
STALE_MS = 20000  # four measurements missed: it hangs


def crc8(data):
    """Sensirion's checksum: polynomial 0x31, starts at 0xFF; crc8(b"\\xbe\\xef") is 0x92."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x31 if crc & 0x80 else crc << 1) & 0xFF
    return crc


def words(reply):
    """The 16-bit words of a reply: two bytes and their checksum each. Raises ValueError if one does not match."""
    found = []
    for at in range(0, len(reply), 3):
        if len(reply) < at + 3 or crc8(reply[at : at + 2]) != reply[at + 2]:
            raise ValueError("checksum")
        found.append(reply[at] << 8 | reply[at + 1])
    return found


def measurement(raw):
    """(CO2 ppm, temperature in degrees C, relative humidity in %) of the three words of a measurement."""
    return raw[0], round(-45 + 175 * raw[1] / 65535, 2), round(100 * raw[2] / 65535, 1)


class Sensor:
    """options: sda, scl, and bus (0 if left out)."""

    points = {
        "co2_ppm": {"unit": "ppm", "deadband": 20, "min_interval_ms": 5000, "max_interval_ms": 60000},
        "temperature_c": {"unit": "°C", "deadband": 0.3, "min_interval_ms": 5000, "max_interval_ms": 60000},
        "relative_humidity_pct": {
            "unit": "%",
            "deadband": 2,
            "min_interval_ms": 5000,
            "max_interval_ms": 60000,
        },
    }

    def __init__(self, options, pins, uptime=None):
        self.why = {}
        self._uptime = uptime or Uptime()
        sda, scl = pins.Pin(options["sda"]), pins.Pin(options["scl"])
        self._i2c = pins.I2C(options.get("bus", 0), sda=sda, scl=scl, freq=100000)
        self._begin(self._uptime(), "warmup")

    def _begin(self, now, reason):
        """Stop it first: a sensor that kept its power through our restart still measures, and refuses START."""
        self._measuring = False
        self._since = now  # the latest command or measurement
        try:
            self._i2c.writeto(ADDRESS, STOP)
        except OSError:  # it was not measuring, or is not there: START will tell
            pass
        return self._none(reason)

    async def read(self):
        """The three points if there is a new measurement, {} if not; None while it warms up or fails."""
        now = self._uptime()
        try:
            if not self._measuring:
                if now - self._since < STOP_MS:
                    return dict.fromkeys(self.points)  # for the reason it had
                self._since = now
                self._i2c.writeto(ADDRESS, START)
                self._measuring = True
                return self._none("warmup")
            if not words(await self._ask(READY, 3))[0] & 0x7FF:
                return {} if now - self._since < STALE_MS else self._begin(now, "timeout")
            values = measurement(words(await self._ask(READ, 9)))
        except ValueError:
            return self._none("crc")
        except OSError:
            return self._begin(now, "failed")
        self._since = now
        return dict(zip(("co2_ppm", "temperature_c", "relative_humidity_pct"), values))

    async def _ask(self, command, length):
        self._i2c.writeto(ADDRESS, command)
        await sleep_ms(1)
        return self._i2c.readfrom(ADDRESS, length)

    def _none(self, reason):
        self.why = dict.fromkeys(self.points, reason)
        return dict.fromkeys(self.points)
