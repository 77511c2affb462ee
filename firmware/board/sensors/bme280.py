"""Bosch BME280: temperature and humidity over I2C, one measurement for each read.

Datasheet BST-BME280-DS002, version 1.6: forced mode 3.3.3, calibration 4.2.2, formulas 4.2.3, registers 5.3-5.4,
duration 9.1. There is no checksum: what cannot be (nothing measured, beyond -40..85 degrees C) is a failure.
"""

import struct

from ..port import sleep_ms
from .parts import AIR, Driver, air


def calibration(t, h1, h):
    """(T1, T2, T3, H1 .. H6) of the registers 0x88-0x8D, 0xA1 and 0xE1-0xE7."""
    h2, h3, e4, e5, e6, h6 = struct.unpack("<hBbBbb", h)
    return struct.unpack("<Hhh", t) + (h1[0], h2, h3, e4 << 4 | e5 & 15, e6 << 4 | e5 >> 4, h6)


def measurement(reply, known):
    """The points of the registers 0xFA-0xFE, by Bosch's formulas for 32-bit integers. Raises ValueError, see above."""
    t1, t2, t3, h1, h2, h3, h4, h5, h6 = known
    raw = reply[0] << 12 | reply[1] << 4 | reply[2] >> 4
    wet = reply[3] << 8 | reply[4]
    above = (raw >> 4) - t1
    fine = (((raw >> 3) - 2 * t1) * t2 >> 11) + ((above * above >> 12) * t3 >> 14)
    centi = fine * 5 + 128 >> 8
    if raw == 0x80000 or wet == 0x8000 or not -4000 <= centi <= 8500:  # the registers after power came
        raise ValueError
    fine -= 76800
    wet = (wet << 14) - (h4 << 20) - h5 * fine + 16384 >> 15
    wet *= (((fine * h6 >> 10) * ((fine * h3 >> 11) + 32768) >> 10) + 2097152) * h2 + 8192 >> 14
    wet -= ((wet >> 15) * (wet >> 15) >> 7) * h1 >> 4
    return air(centi / 100, wet / 4194304)


class Sensor(Driver):
    """options: sda, scl, and address (0x76 if left out) and bus (0)."""

    points = AIR
    address = 0x76
    _known = None  # the calibration; read again after a failure: it may be another sensor

    async def read(self):
        """Both points, None if the sensor did not answer, is none or did not measure."""
        try:
            if self._known is None:
                # A BMP280, which looks alike and has no humidity, answers 0x58.
                if self._get(0xD0, 1) != b"\x60":
                    raise ValueError
                self._known = calibration(self._get(0x88, 6), self._get(0xA1, 1), self._get(0xE1, 7))
            # Humidity once from the next command on, which is: temperature once, no pressure, now.
            self._i2c.writeto(self.address, b"\xf2\x01\xf4\x21")
            await sleep_ms(10)  # it takes 6.4 ms at most
            if self._get(0xF3, 1)[0] & 8:  # it still measures
                raise ValueError
            return measurement(self._get(0xFA, 5), self._known)
        except (OSError, ValueError):
            self._known = None
            return self._invalid("failed")

    def _get(self, register, length):
        return self._i2c.readfrom_mem(self.address, register, length)
