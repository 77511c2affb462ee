"""The BH1750: raw values to lx, its first measurement, and darkness that is none."""

import asyncio

from fake_lines import I2c, invalid

from firmware.board.sensors import bh1750


class Rohm(I2c):
    """Measures `light` once it is told to; without power it forgets both. It takes no heed of time: the test does."""

    address = 0x23

    def __init__(self, light=0x8390):
        super().__init__()
        self.light, self.measures, self.cut = light, False, False

    def lose_power(self):
        self.measures = False

    def on_write(self, data):
        assert data == b"\x10"
        self.measures = True

    def on_read(self):
        if self.cut:
            raise OSError(5)
        raw = self.light if self.measures else 0
        return bytes((raw >> 8, raw & 255))


def sensor_on(bus, uptime, **options):
    return bh1750.Sensor(dict(options, sda=21, scl=22), bus, lambda: uptime[0])


def read(sensor):
    return asyncio.run(sensor.read())


def measuring(light=600):
    bus, uptime = Rohm(light), [0]
    sensor = sensor_on(bus, uptime)
    assert invalid(sensor, read(sensor)) == "warmup"
    return bus, uptime, sensor


def later(sensor, uptime, ms=1000):
    uptime[0] += ms
    return read(sensor)


def test_the_example_of_its_technical_note():
    _, uptime, sensor = measuring(0x8390)
    assert later(sensor, uptime) == {"illuminance_lx": 28066.7}  # the note rounds to 28067


def test_raw_values_to_lx():
    for raw, lx in ((1, 0.8), (2, 1.7), (12, 10.0), (600, 500.0), (65534, 54611.7)):
        _, uptime, sensor = measuring(raw)
        assert later(sensor, uptime) == {"illuminance_lx": lx}


def test_the_first_measurement_is_waited_for():
    bus, uptime, sensor = measuring()
    assert invalid(sensor, later(sensor, uptime, 179)) == "warmup"
    assert bus.written == [b"\x10"]
    assert later(sensor, uptime, 1) == {"illuminance_lx": 500.0}
    assert later(sensor, uptime, 179) == {}
    assert later(sensor, uptime, 1) == {"illuminance_lx": 500.0}


def test_darkness_is_a_value():
    bus, uptime, sensor = measuring(0)
    assert later(sensor, uptime) == {"illuminance_lx": 0.0}
    bus.light = 600
    assert later(sensor, uptime) == {"illuminance_lx": 500.0}
    bus.light = 0
    assert [later(sensor, uptime) for _ in range(3)] == [{}, {"illuminance_lx": 0.0}, {"illuminance_lx": 0.0}]


def test_a_moment_without_power_is_no_darkness():
    bus, uptime, sensor = measuring()
    assert later(sensor, uptime) == {"illuminance_lx": 500.0}
    for _ in range(3):
        bus.lose_power()
        assert bus.on_read() == b"\x00\x00"  # what would have been taken for darkness
        assert later(sensor, uptime) == {}
        assert later(sensor, uptime) == {"illuminance_lx": 500.0}


def test_more_light_than_it_can_tell_is_no_value():
    bus, uptime, sensor = measuring(65535)
    assert invalid(sensor, later(sensor, uptime)) == "range"
    bus.light = 65534
    assert later(sensor, uptime) == {"illuminance_lx": 54611.7}


def test_an_unplugged_or_broken_off_sensor_fails_and_comes_back():
    bus, uptime, sensor = measuring()
    for fault in ("there", "cut"):
        assert later(sensor, uptime) == {"illuminance_lx": 500.0}
        setattr(bus, fault, fault == "cut")
        for _ in range(3):
            assert invalid(sensor, later(sensor, uptime)) == "failed"
        setattr(bus, fault, fault != "cut")
        bus.lose_power()
        assert invalid(sensor, later(sensor, uptime)) == "failed"  # until it has measured
        assert later(sensor, uptime) == {"illuminance_lx": 500.0}


def test_darkness_before_a_failure_says_nothing_of_the_time_after_it():
    bus, uptime, sensor = measuring(0)
    assert later(sensor, uptime) == {"illuminance_lx": 0.0}
    bus.there = False
    assert invalid(sensor, later(sensor, uptime)) == "failed"
    bus.there, bus.light = True, 600
    bus.lose_power()
    assert invalid(sensor, later(sensor, uptime)) == "failed"
    assert later(sensor, uptime) == {"illuminance_lx": 500.0}


def test_one_that_was_never_there_fails():
    bus, uptime = Rohm(), [0]
    bus.there = False
    sensor = sensor_on(bus, uptime)
    for _ in range(3):
        assert invalid(sensor, later(sensor, uptime)) == "failed"


def test_the_address_can_be_said():
    bus, uptime = Rohm(600), [0]
    bus.address = 0x5C
    sensor = sensor_on(bus, uptime, address=0x5C)
    read(sensor)
    assert later(sensor, uptime) == {"illuminance_lx": 500.0}
