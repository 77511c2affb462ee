"""Sensirion SHT3x and SHT4x: temperature and humidity over I2C, one measurement for each read.

SHT3x-DIS datasheet, version 5: times 2.2, command and reply 4.3-4.4, checksum 4.12, formulas 4.13. SHT4x datasheet:
checksum 4.4, command 4.5, formulas 4.6. Until a measurement is done the sensor refuses to be read.
"""

from ..port import sleep_ms
from .parts import AIR, Driver, air
from .sensirion import words

TYPES = {"sht3x": (b"\x24\x00", 0, 100), "sht4x": (b"\xfd", -6, 125)}
"""type -> (command: measure once, as exactly as it can; humidity in % at raw 0, and how much more at raw 65535)."""


def measurement(reply, least, span):
    """The points of the six bytes of a reply. Raises ValueError if a checksum is wrong."""
    temperature, humidity = words(reply)
    return air(-45 + 175 * temperature / 65535, least + span * humidity / 65535)


class Sensor(Driver):
    """options: type ("sht3x" or "sht4x"), sda, scl, and address (0x44 if left out) and bus (0)."""

    points = AIR
    address = 0x44

    def __init__(self, options, pins):
        if options["type"] not in TYPES:
            raise ValueError("type has to be sht3x or sht4x")
        self._type = TYPES[options["type"]]
        super().__init__(options, pins)

    async def read(self):
        """Both points, None if the sensor did not answer or a checksum is wrong."""
        command, least, span = self._type
        try:
            self._i2c.writeto(self.address, command)
            await sleep_ms(17)  # an SHT3x takes 15.5 ms at most, an SHT4x 8.3
            return measurement(self._i2c.readfrom(self.address, 6), least, span)
        except OSError:
            return self._invalid("failed")
        except ValueError:
            return self._invalid("crc")
