"""Sound level in dB(A), from a digital microphone (INMP441, ICS-43434) or from a sound level module's voltage.

94 dB at 1 kHz are 26 dB below full scale: INMP441 datasheet, table 1; ICS-43434 datasheet, tables 2 and 3.
No sound is kept or sent: each reading overwrites the samples of the one before.
"""

from array import array
from math import log

from ..port import sleep_ms
from .parts import point


async def weighed(samples):
    """Sum of the squares of 2048 samples after the A-weighting filter, the first 512 left out, in quarters of a step.

    IEC 61672-1 annex E: poles at 20.6 (twice), 107.7, 737.9 and 12194 Hz (twice). At 16 kHz, high passes by shifts of
    6, 6, 5 and 2 bits and a zero in place of the last follow its curve to 0.4 dB from 63 to 7000 Hz; +0.54 dB at 1 kHz.
    In quarters most sums are small integers, which take no memory.
    """
    a = samples[0] << 8  # the filter settles within the first 512
    b = c = d = before = total = 0
    for at in range(0, 2048, 128):
        await sleep_ms(0)
        if at <= 512:
            total = 0
        for x in samples[at : at + 128]:
            x = (x << 2) - (a >> 6)
            a += x
            x -= b >> 6
            b += x
            x -= c >> 5
            c += x
            x -= d >> 2
            d += x
            y = x + (before >> 3)
            before = x
            total += y * y
    return total


class Sensor:
    """options: type "i2s" with sck, ws, sd, or "adc" with pin: a module that gives 1 V for each 50 dB(A); offset_db,
    what is added (0)."""

    points = {"sound_level_dba": point("dB(A)", 3)}
    why = {}
    _cold = 2  # readings of 200 ms: an INMP441 starts for 2^18 clocks, 256 ms (its datasheet, "Startup")
    _adc = None

    def __init__(self, options, pins):
        self._offset = options.get("offset_db", 0)
        if options["type"] == "adc":
            self._adc = pins.ADC(options["pin"], atten=pins.ADC.ATTN_11DB)
            return
        self._samples = array("h", bytes(4096))
        self._full = []
        i2s = pins.I2S
        self._i2s = i2s(
            0,
            sck=options["sck"],
            ws=options["ws"],
            sd=options["sd"],
            mode=i2s.RX,
            bits=16,
            format=i2s.MONO,
            rate=16000,
            ibuf=4096,
        )
        self._i2s.irq(self._full.append)

    async def read(self):
        """The level of 96 ms; None while it starts, fails, or is too loud."""
        level = await self._level()
        if type(level) is str:
            self.why = {"sound_level_dba": level}
            return {"sound_level_dba": None}
        return {"sound_level_dba": round(level + self._offset, 1)}

    async def _level(self):
        """dB(A), or the reason why there is none."""
        if self._adc:
            level = self._adc.read_uv() / 20000
            return level if 30 <= level <= 130 else "range"
        samples = self._samples
        self._full.clear()
        self._i2s.readinto(samples)
        await sleep_ms(200)
        if self._cold:
            self._cold -= 1
            return "warmup"
        if not self._full:
            return "timeout"
        if max(samples) - min(samples) > 65000:  # pyright: ignore[reportOperatorIssue] (the stubs: of any type)
            return "range"
        total = await weighed(samples)
        # 1536 samples of 94 dB: 1536 (4 * 32768 * 10^(-26/20))^2 / 2 and the 0.54 dB are 105.74 dB
        return 4.343 * log(total) - 11.74 if total else "failed"
