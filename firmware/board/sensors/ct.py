"""Current clamp (SCT-013) at an ADC pin: amperes, never watts: for those the voltage and its phase are missing.

The clamp's AC stands on half the supply (docs/sensors/ct.md), which is taken off again as the mean.
"""

from ..port import sleep_ms
from .parts import point


def rms(count, total, squares):
    """Root mean square about the mean of integers: their count, sum and sum of squares. Exact up to the root."""
    return (count * squares - total * total) ** 0.5 / count


class Sensor:
    """options: channels, each {pin, ma_per_mv}: the current for each mV of the clamp; first, number of the first
    channel (1 if left out)."""

    why = {}

    def __init__(self, options, pins):
        self.points = {}
        self._clamps = []
        number = options.get("first", 1)
        for channel in options["channels"]:
            name = "current_a.%d" % number
            self.points[name] = point("A", 0.1)
            adc = pins.ADC(channel["pin"], atten=pins.ADC.ATTN_11DB)
            self._clamps.append((name, adc, channel["ma_per_mv"]))
            number += 1

    async def read(self):
        """The current of the next clamp; None if the wave was cut off at the ADC's ends."""
        clamp = name, adc, ma_per_mv = self._clamps.pop(0)
        self._clamps.append(clamp)
        total = squares = 0
        cut = False
        for block in range(4, 38):  # of many lengths: equal ones could keep step with the mains
            for _ in range(block):
                mv = adc.read_uv() // 1000 - 1600  # about the middle, so that the sums stay small
                total += mv
                squares += mv * mv
                cut = cut or adc.read_u16() in (0, 65535)
            await sleep_ms(0)
        if cut:
            self.why = {name: "range"}
            return {name: None}
        mv = rms(697, total, squares)
        return {name: round(mv * ma_per_mv / 1000, 2) if mv >= 8 else 0}  # 8 mV: the ADC's own noise
