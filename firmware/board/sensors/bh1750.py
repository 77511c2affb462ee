"""ROHM BH1750FVI: light over I2C. Numbers and formula: its technical note of 2009 (rev. B), pages 2, 5 and 10.

Each read takes the measurement that the read before began. After a moment without power it answers 0: only the second
0 in a row is darkness.
"""

from ..port import const
from .parts import Driver, point

_CONTINUOUS = const(b"\x10")  # measure, in steps of about 1 lx; it wakes from the rest after power came, too
_MEASURE_MS = const(180)


class Sensor(Driver):
    """options: sda, scl, and address (0x23 if left out) and bus (0)."""

    points = {"illuminance_lx": point("lx", 20)}
    why = {"illuminance_lx": "warmup"}
    address = 0x23
    _raw = None  # what was read last; None: never, or it did not answer
    _begun_at = -_MEASURE_MS

    async def read(self):
        """The point; {} if it is not measured yet; None before the first, if it fails, or sees too much light."""
        now = self.uptime()
        if now - self._begun_at < _MEASURE_MS:
            return dict.fromkeys(self.why)
        before, self._raw = self._raw, None
        self._begun_at = now
        try:
            reply = self._i2c.readfrom(self.address, 2)
            self._i2c.writeto(self.address, _CONTINUOUS)
        except OSError:
            return self._invalid("failed")
        self._raw = raw = reply[0] << 8 | reply[1]
        if before is None or (before and not raw):
            return dict.fromkeys(self.why)
        if raw == 0xFFFF:
            return self._invalid("range")
        self.why = {}
        return {"illuminance_lx": round(raw / 1.2, 1)}
