"""HLW8012 and BL0937 power meter chips: pulses. CF tells the power, CF1 the voltage or the current, as SEL is wired.

HLW8012 datasheet, CF: F = 48 V1 V2 / Vref^2 * fosc / 128. So a pulse is always the same energy. How much it is has to
be calibrated (docs/sensors/hlw8012.md): fosc alone may be off by 15 %.
"""

from ..clock import Uptime
from ..energy import Energy
from .parts import point

KEEPS = True
OUTPUTS = (
    ("cf", "mw_per_hz", "power_w", "W", 5),
    ("cf1", "mv_per_hz", "voltage_v", "V", 2),
    ("cf1", "ma_per_hz", "current_a", "A", 0.05),
)


class Pulses:
    """Rising edges of a pin. The chip counts them where MicroPython can (ESP32 and S3, from 1.26), or interrupts do."""

    counted = []  # pins that counters of the chip have

    def __init__(self, pins, number):
        pin = pins.Pin(number, pins.Pin.IN)
        self._count = self._from = self._since = 0
        if hasattr(pins, "Counter"):
            self.value = pins.Counter(len(self.counted), pin).value
            self.counted.append(pin)
        else:
            pin.irq(self._rise, pin.IRQ_RISING)

    def _rise(self, pin):
        self._count = self._count + 1 & 0xFFFFFF  # a small integer: an interrupt must not allocate

    def value(self):
        return self._count

    def read(self, now):
        """(pulses, ms) since the read before; (0, 0), and none is lost, before there are 50 (2 %) or it is 10 s."""
        total, ms = self.value(), now - self._since
        pulses = total - self._from & 0xFFFFFF
        if pulses < 50 and ms < 10000:
            return 0, 0
        self._from, self._since = total, now
        return pulses, ms


class Sensor:
    """options: channels, each {cf, mw_per_hz} and perhaps {cf1, mv_per_hz or ma_per_hz}: two pins, and the value for
    a pulse each second, a whole number for the power; first, number of the first channel (1 if left out)."""

    why = {}

    def __init__(self, options, pins, nvs, uptime=None):
        self.points = {}
        self.uptime = uptime or Uptime()
        self._first = number = options.get("first", 1)
        self._energy = Energy(nvs, "e_hlw8012.%d" % number, len(options["channels"]))
        self._outputs = []
        for channel in options["channels"]:
            self.points["energy_mwh.%d" % number] = point("mWh", 1)
            for pin, factor, name, unit, deadband in OUTPUTS:
                if factor in channel or pin == "cf":
                    name += ".%d" % number
                    self.points[name] = point(unit, deadband)
                    self._outputs.append((number, name, channel[factor], Pulses(pins, channel[pin])))
            number += 1

    async def read(self):
        """The counters, and what has a new value. Raises OSError if the counters cannot be saved."""
        now = self.uptime()
        values = {}
        for number, name, factor, pulses in self._outputs:
            count, ms = pulses.read(now)
            if ms:
                values[name] = round(count * factor / ms, 2)
                if name[0] == "p":
                    self._energy.count(number - self._first, int(count * factor) * 1000)
        for place, mwh in enumerate(self._energy.shown(now)):
            values["energy_mwh.%d" % (self._first + place)] = mwh
        return values
