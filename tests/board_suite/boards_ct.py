"""The current clamp: what an ADC reads to amperes."""

import asyncio
import math
import random

from firmware.board.port import sleep_ms
from firmware.board.sensors import create, ct


class Adc:
    """An ADC pin on which `wave(seconds)` millivolts stand; every reading takes `reading_us`, every pause `pause_us`.

    It reads from `low_mv` to `high_mv`, which are 0 and 65535 of read_u16, in steps of a 12-bit ADC.
    """

    ATTN_11DB = 3

    def __init__(self, wave, reading_us=70, pause_us=200, low_mv=142, high_mv=3130):
        self.wave, self.reading_us, self.pause_us = wave, reading_us, pause_us
        self.low_mv, self.high_mv = low_mv, high_mv
        self.us = 0
        self.readings = self.longest = self.without_pause = 0

    def _steps(self):
        self.us += self.reading_us
        self.readings += 1
        self.without_pause += 1
        self.longest = max(self.longest, self.without_pause)
        steps = (self.wave(self.us / 1000000) - self.low_mv) * 4095 / (self.high_mv - self.low_mv)
        return min(max(int(steps), 0), 4095)

    def read_u16(self):
        steps = self._steps()
        return steps << 4 | steps >> 8

    def read_uv(self):
        return int(self.low_mv + self._steps() * (self.high_mv - self.low_mv) / 4095) * 1000

    def sleep_ms(self, ms):
        self.without_pause = 0
        self.us += self.pause_us + 1000 * ms
        return sleep_ms(0)


class Machine:
    """A `machine` whose pins 34 and up are the given ADCs."""

    def __init__(self, *adcs):
        class ADC:
            ATTN_11DB = Adc.ATTN_11DB

            def __new__(cls, number, atten):
                assert atten == cls.ATTN_11DB
                return adcs[number - 34]

        self.ADC = ADC


def sine(rms_mv, hz=50, bias_mv=1650, phase=0.0):
    peak = rms_mv * math.sqrt(2)
    return lambda seconds: bias_mv + peak * math.sin(2 * math.pi * hz * seconds + phase)


def made(*adcs, ma_per_mv=30, **options):
    ct.sleep_ms = adcs[0].sleep_ms
    options["channels"] = [{"pin": 34 + place, "ma_per_mv": ma_per_mv} for place in range(len(adcs))]
    return create("ct", options, Machine(*adcs))


def read(sensor):
    return asyncio.run(sensor.read())


def amperes(adc, **options):
    return read(made(adc, **options))["current_a.1"]


def test_root_mean_square_about_the_mean():
    for values in ([5], [3, -3], [1650, 1650], [1, 2, 3, 4], [3000, 150] * 300):
        mean = sum(values) / len(values)
        wanted = math.sqrt(sum([(value - mean) ** 2 for value in values]) / len(values))
        found = ct.rms(len(values), sum(values), sum([value * value for value in values]))
        assert abs(found - wanted) <= 0.0001 * wanted


def test_it_stays_exact_far_from_the_mean():
    """A small wave on a large mean: what floats of a board would lose."""
    values = [100000000 + sign for sign in (1, -1) * 300]
    assert ct.rms(600, sum(values), sum([value * value for value in values])) == 1.0


def test_a_sine_is_its_rms_current_whatever_its_size_bias_and_frequency():
    for rms_mv in (20, 100, 333, 900):
        for bias_mv in (1500, 1650, 1700):
            for hz in (50, 60):
                found = amperes(Adc(sine(rms_mv, hz, bias_mv)))
                assert abs(found - rms_mv * 0.03) <= 0.02 * rms_mv * 0.03 + 0.01, (rms_mv, hz, bias_mv, found)


def farthest(measure):
    """The largest error, as a part of the value, over many speeds of the ADC and regular pauses by other tasks."""
    random.seed(5)
    error = 0
    for _ in range(60):
        adc = Adc(sine(500, phase=random.random() * 6), random.randrange(40, 130), random.randrange(3000))
        error = max(error, abs(measure(adc) / 15 - 1))
    return error


def in_equal_blocks(adc):
    """The defect: as many readings, in blocks of one length."""
    total = squares = 0
    for _ in range(17):
        for _ in range(41):
            mv = adc.read_uv() // 1000 - 1600
            total += mv
            squares += mv * mv
            adc.read_u16()
        adc.us += adc.pause_us
    return ct.rms(697, total, squares) * 0.03


def test_neither_the_adcs_speed_nor_other_tasks_change_it():
    assert farthest(amperes) < 0.06


def test_the_control_with_blocks_of_one_length_is_farther_off():
    assert farthest(in_equal_blocks) > 0.08


def test_a_wave_that_is_no_sine_has_its_true_rms():
    def pulses(seconds):  # what a switching power supply draws: short peaks
        part = seconds * 100 % 1
        sign = 1 if seconds * 50 % 1 < 0.5 else -1
        return 1650 + (sign * 1000 if 0.35 < part < 0.65 else 0)

    wanted = 1000 * math.sqrt(0.3) * 0.03
    assert abs(amperes(Adc(pulses)) - wanted) <= 0.04 * wanted


def test_noise_alone_is_zero():
    random.seed(1)
    assert amperes(Adc(lambda seconds: 1650 + random.randrange(-12, 13))) == 0.0
    assert amperes(Adc(lambda seconds: 1650)) == 0.0
    assert amperes(Adc(sine(10))) > 0.0


def test_a_wave_that_is_cut_off_has_no_value():
    for adc in (
        Adc(sine(1200)),
        Adc(sine(900, bias_mv=1100)),
        Adc(sine(900, bias_mv=2200)),
        Adc(sine(1000), low_mv=0, high_mv=2500),  # an ESP32-C3 reads to 2.5 V only
        Adc(lambda seconds: 0),  # no bias: the jack is not in
        Adc(lambda seconds: 3300),
    ):
        sensor = made(adc)
        assert read(sensor) == {"current_a.1": None} and sensor.why == {"current_a.1": "range"}


def test_cut_off_and_back():
    adc = Adc(sine(1200))
    sensor = made(adc)
    assert read(sensor)["current_a.1"] is None
    adc.wave = sine(500)
    assert abs(read(sensor)["current_a.1"] - 15) < 0.5


def test_clamps_take_turns():
    first, second = Adc(sine(100)), Adc(sine(500))
    sensor = made(first, second, first=4)
    assert list(sorted(sensor.points)) == ["current_a.4", "current_a.5"]
    for _ in range(2):
        assert abs(read(sensor)["current_a.4"] - 3) < 0.3
        assert abs(read(sensor)["current_a.5"] - 15) < 0.5


def test_it_lets_others_run():
    adc = Adc(sine(500))
    read(made(adc))
    assert adc.readings == 2 * 697 and adc.longest == 2 * 37


def test_it_knows_no_watts():
    assert list(made(Adc(sine(100))).points) == ["current_a.1"]
