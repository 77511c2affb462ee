"""Door contact: a reed switch on the frame, a magnet on the door."""

from ..port import sleep_ms


class Sensor:
    """options: pin; open_level, what the pin reads with the door open (1 if left out: a switch to GND that the magnet
    closes); point (door_open), such as door_open.2 for a second door."""

    why = {}

    def __init__(self, options, pins):
        self._point = options.get("point", "door_open")
        self.points = {self._point: {"unit": ""}}
        self._open = options.get("open_level", 1)
        self._read = pins.Pin(options["pin"], pins.Pin.IN, pins.Pin.PULL_UP).value
        self._level = self._read()

    @property
    def edge(self):
        """Whether the contact is not as it was read last."""
        return self._read() != self._level

    async def read(self):
        """1 or 0; {} while a change bounces, so that a spike opens no door."""
        level = self._read()
        if level != self._level:
            for _ in range(20):  # a reed switch bounces for a few ms
                await sleep_ms(1)
                if self._read() != level:
                    return {}
            self._level = level
        return {self._point: int(level == self._open)}
