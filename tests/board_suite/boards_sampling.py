"""What is reported and when."""

import asyncio

from firmware.board.port import sleep_ms, wait_for_ms
from firmware.board.sampling import Sampler, phase_ms
from firmware.board.sensors import create
from firmware.board.sensors.pir import Sensor as Pir


class Clock:
    def __init__(self, at=1795326660000):
        self.at = at
        self.word = "ntp"

    def now_ms(self):
        return self.at

    def quality(self):
        return self.word


class Sensor:
    """Gives what it is told to."""

    def __init__(self, **described):
        self.points = {"co2_ppm": dict({"unit": "ppm"}, **described)}
        self.why = {}
        self.value = 800

    async def read(self):
        if isinstance(self.value, Exception):
            raise self.value
        return {} if self.value == "nothing" else {"co2_ppm": self.value}


class Pins:
    """A `machine` with one pin."""

    class Pin:
        IN, IRQ_RISING = 0, 1
        level = 0

        def __init__(self, number, mode):
            pass

        def irq(self, handler, trigger):
            Pins.rise = handler

        def value(self):
            return Pins.Pin.level


def reports(sampler, sensor, clock, values, step_ms=1000):
    """The values reported, "-" where there was no report."""
    seen = []
    for value in values:
        sensor.value = value
        record = asyncio.run(sampler.sample())
        seen.append(record.values["co2_ppm"] if record else "-")
        clock.at += step_ms
    return seen


def test_a_value_is_reported_when_it_moved_by_its_deadband():
    clock, sensor = Clock(), Sensor(deadband=20)
    sampler = Sampler([sensor], clock)
    assert reports(sampler, sensor, clock, [800, 810, 819, 820, 830, 801, 800]) == [
        800,
        "-",
        "-",
        820,
        "-",
        "-",
        800,
    ]


def test_not_sooner_than_the_minimum_interval():
    clock, sensor = Clock(), Sensor(deadband=20, min_interval_ms=5000)
    sampler = Sampler([sensor], clock)
    assert reports(sampler, sensor, clock, [800, 900, 900, 900, 900, 900, 1000]) == [
        800,
        "-",
        "-",
        "-",
        "-",
        900,
        "-",
    ]


def test_every_interval_has_its_report_even_if_nothing_moves():
    clock, sensor = Clock(1795326660000 + 250), Sensor(deadband=20, max_interval_ms=60000)
    sampler = Sampler([sensor], clock, 7000)
    minutes = []
    for _ in range(3000):
        if asyncio.run(sampler.sample()):
            minutes.append(clock.at // 60000)
        clock.at += 1037  # a loop that drifts
    assert minutes[1:] == list(range(minutes[1], minutes[1] + len(minutes) - 1))


def test_invalid_and_valid_again_are_reported_with_the_reason():
    clock, sensor = Clock(), Sensor(deadband=20)
    sampler = Sampler([sensor], clock)
    sensor.why = {"co2_ppm": "warmup"}
    assert reports(sampler, sensor, clock, [None, None]) == [None, "-"]
    sensor.why = {"co2_ppm": "crc"}
    assert asyncio.run(sampler.sample()).why == {"co2_ppm": "crc"}
    assert reports(sampler, sensor, clock, [800, None, "nothing", 800]) == [800, None, "-", 800]


def test_what_is_not_a_number_is_invalid():
    clock, sensor = Clock(), Sensor()
    sampler = Sampler([sensor], clock)
    for value in (float("nan"), float("inf"), -float("inf")):
        sensor.value = value
        record = asyncio.run(sampler.sample(force=True))
        assert (record.values, record.why) == ({"co2_ppm": None}, {"co2_ppm": "failed"})


def test_a_driver_that_raises_is_invalid_and_told_once():
    told = []
    clock, sensor = Clock(), Sensor()
    sampler = Sampler([sensor], clock, log=told.append)
    assert reports(sampler, sensor, clock, [OSError(5), OSError(5), 800]) == [None, "-", 800]
    assert len(told) == 1 and "co2_ppm" in told[0]


def test_a_clock_set_back_does_not_silence_a_point():
    clock, sensor = Clock(), Sensor(deadband=20, min_interval_ms=5000)
    sampler = Sampler([sensor], clock)
    assert reports(sampler, sensor, clock, [800]) == [800]
    clock.at -= 3600000
    assert reports(sampler, sensor, clock, [800]) == [800]


def test_a_record_carries_the_clocks_word():
    clock, sensor = Clock(5000), Sensor()
    clock.word = "up"
    record = asyncio.run(Sampler([sensor], clock).sample())
    assert (record.observed_at_ms, record.clock, record.why) == (5000, "up", None)


def test_a_pulse_between_two_reads_is_not_missed():
    sensor = Pir({"pin": 27}, Pins)
    sampler = Sampler([sensor], Clock())
    assert asyncio.run(sensor.read()) == {"motion": 0} and not sampler.urgent()
    Pins.rise(None)
    assert sampler.urgent()
    assert asyncio.run(sensor.read()) == {"motion": 1} and not sampler.urgent()
    assert asyncio.run(sensor.read()) == {"motion": 0}
    Pins.Pin.level = 1
    assert asyncio.run(sensor.read()) == {"motion": 1}
    Pins.Pin.level = 0


def test_the_registry_makes_a_sensor_and_changes_its_reporting():
    sensor = create("pir", {"pin": 27, "points": {"motion": {"max_interval_ms": 1000}}}, Pins)
    assert sensor.points == {"motion": {"unit": "", "max_interval_ms": 1000}}
    assert Pir.points["motion"]["max_interval_ms"] == 60000


def test_the_registry_refuses_what_it_does_not_know():
    for name, options, named in (
        ("pir", {}, "pin"),
        ("pir", {"pin": 27, "points": {"co2_ppm": {"deadband": 1}}}, "co2_ppm"),
        ("pir", {"pin": 27, "points": {"motion": {"unit": 3}}}, "unit"),
        ("pir", {"pin": 27, "points": {"motion": {"max_interval_ms": 0}}}, "max_interval_ms"),
        ("pir", {"pin": 27, "points": {"motion": {"min_interval_ms": 0.5}}}, "min_interval_ms"),
    ):
        try:
            create(name, options, Pins)
            raise AssertionError(f"accepted: {options!r}")
        except ValueError as error:
            assert named in str(error)


def test_phases_are_spread_and_leave_time_in_the_minute():
    phases = {phase_ms(f"esp32-{n:06x}") for n in range(200)}
    assert len(phases) > 150 and min(phases) >= 0 and max(phases) <= 45000


class Beside:
    """A second sensor, which is well."""

    def __init__(self):
        self.points = {"motion": {"unit": ""}}
        self.why = {}

    async def read(self):
        return {"motion": 1}


def test_no_driver_however_broken_silences_another():
    class Broken(Sensor):
        given = None

        async def read(self):
            return self.given

    for given in (None, 812, {"co2_ppm": "812"}, {"co2_ppm": [1]}, {"co2_ppm": True}, {"other_ppm": 3}):
        sensor = Broken()
        sensor.given = given
        clock = Clock()
        sampler = Sampler([sensor, Beside()], clock)
        for _ in range(3):
            clock.at += 60000
            record = asyncio.run(sampler.sample())
            assert record.values == {"co2_ppm": None, "motion": 1}, (given, record)
            assert record.why == {"co2_ppm": "failed"}


def test_a_reason_that_the_contract_does_not_allow_is_not_given():
    for reason in ("", "x" * 33, 7, None):
        sensor = Sensor()
        sensor.value = None
        sensor.why = {"co2_ppm": reason}
        assert asyncio.run(Sampler([sensor], Clock()).sample()).why == {"co2_ppm": "failed"}


def test_a_driver_that_never_returns_keeps_the_others_waiting_for_a_moment_only():
    class Hangs(Sensor):
        async def read(self):
            await sleep_ms(60000)

    def bound(reading):
        return wait_for_ms(reading, 50)

    async def sample():
        return await Sampler([Hangs(), Beside()], Clock(), bound=bound).sample()

    record = asyncio.run(sample())
    assert record.values == {"co2_ppm": None, "motion": 1} and record.why == {"co2_ppm": "timeout"}
