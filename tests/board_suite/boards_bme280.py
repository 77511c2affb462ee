"""The BME280: registers to values, by whole numbers as by Bosch's fractions, and its failures."""

import asyncio
import struct

from fake_lines import I2c, invalid

from firmware.board.sensors import bme280

# A calibration and raw values that the tests of a public driver (pimoroni/bme280-python) publish, with their results.
CALIBRATION = (28009, 25654, 50, 75, 376, 0, 286, 50, 30)
RAW = (529191, 30281)  # 24.7895 degrees C, 68.6700 %
# Bosch's own example: temperature 519888 is 25.08 degrees C; the humidity's numbers come with tests of public drivers.
BOSCH = (27504, 26435, -1000, 75, 363, 0, 349, 30, 30)


def registers(known, raw):
    """register -> byte, as a sensor with this calibration and these raw values has them."""
    t1, t2, t3, h1, h2, h3, h4, h5, h6 = known
    temperature, humidity = raw
    h = struct.pack("<hBBBBb", h2, h3, h4 >> 4 & 255, (h4 & 15) | (h5 & 15) << 4, h5 >> 4 & 255, h6)
    found = {0xD0: 0x60, 0xA1: h1, 0xF3: 0}
    for start, values in (
        (0x88, struct.pack("<Hhh", t1, t2, t3)),
        (0xE1, h),
        (0xFA, data(temperature, humidity)),
    ):
        for at in range(len(values)):
            found[start + at] = values[at]
    return found


def data(temperature, humidity):
    return bytes(
        (temperature >> 12, temperature >> 4 & 255, temperature << 4 & 255, humidity >> 8, humidity & 255)
    )


def by_fractions(raw, known):
    """Bosch's formulas for fractions (datasheet, 8.1): what the ones for whole numbers come close to."""
    t1, t2, t3, h1, h2, h3, h4, h5, h6 = known
    fine = (raw[0] / 16384 - t1 / 1024) * t2 + (raw[0] / 131072 - t1 / 8192) ** 2 * t3
    h = fine - 76800
    h = (raw[1] - (h4 * 64 + h5 / 16384 * h)) * (
        h2 / 65536 * (1 + h6 / 67108864 * h * (1 + h3 / 67108864 * h))
    )
    return fine / 5120, min(max(h * (1 - h1 * h / 524288), 0), 100)


class Bme(I2c):
    """Measures when it is told to, humidity only if that was switched on before."""

    address = 0x76

    def __init__(self, known=CALIBRATION, raw=RAW):
        super().__init__()
        self.known, self.raw, self.hung, self.read_calibration = known, raw, False, 0
        self.power_on()

    def power_on(self):
        self.registers = registers(self.known, (0x80000, 0x8000))

    def on_write(self, data_written):
        assert data_written == b"\xf2\x01\xf4\x21"
        if self.hung:
            self.registers[0xF3] = 8
        else:
            self.registers = registers(self.known, self.raw)

    def readfrom_mem(self, address, register, length):
        self.read_calibration += register == 0x88
        return super().readfrom_mem(address, register, length)


def sensor_on(bus, **options):
    return bme280.Sensor(dict(options, sda=21, scl=22), bus)


def read(sensor):
    return asyncio.run(sensor.read())


def test_published_calibrations_and_raw_values():
    assert read(sensor_on(Bme())) == {"temperature_c": 24.79, "relative_humidity_pct": 68.7}
    assert read(sensor_on(Bme(BOSCH, (519888, 0x6FF0)))) == {
        "temperature_c": 25.08,
        "relative_humidity_pct": 35.1,  # 35945 / 1024
    }
    negative = BOSCH[:6] + (-349, -30, 30)
    assert read(sensor_on(Bme(negative, (519888, 0x6FF0))))["relative_humidity_pct"] == 100.0  # cut


def test_the_calibration_keeps_its_signs():
    for known in (
        CALIBRATION,
        BOSCH,
        (65535, -32768, 32767, 255, -32768, 255, -2048, 2047, -128),
        (0, 32767, -1, 0, 32767, 0, 2047, -2048, 127),
        (1, 1, 1, 1, 1, 1, -1, -1, -1),
    ):
        found = registers(known, RAW)
        t, h1, h = [
            bytes([found[start + at] for at in range(length)])
            for start, length in ((0x88, 6), (0xA1, 1), (0xE1, 7))
        ]
        assert bme280.calibration(t, h1, h) == known


def test_whole_numbers_come_as_close_as_fractions():
    for temperature in range(460000, 600000, 7919):
        for humidity in range(12000, 46000, 1709):
            got = bme280.measurement(data(temperature, humidity), CALIBRATION)
            c, pct = by_fractions((temperature, humidity), CALIBRATION)
            assert abs(got["temperature_c"] - c) <= 0.011, temperature
            assert abs(got["relative_humidity_pct"] - pct) <= 0.06, (temperature, humidity)


def test_below_zero():
    raw = 430000
    got = bme280.measurement(data(raw, 25000), CALIBRATION)
    assert (
        got["temperature_c"] < -5
        and abs(got["temperature_c"] - by_fractions((raw, 25000), CALIBRATION)[0]) < 0.02
    )


def test_what_cannot_be_is_no_value():
    for answer in (
        b"\x00" * 5,
        b"\xff" * 5,
        data(0x80000, RAW[1]),
        data(RAW[0], 0x8000),
        data(300000, RAW[1]),
    ):
        try:
            bme280.measurement(answer, CALIBRATION)
            raise AssertionError("accepted")
        except ValueError:
            pass


def test_the_calibration_is_read_once():
    bus = Bme()
    sensor = sensor_on(bus)
    for _ in range(3):
        assert read(sensor)["temperature_c"] == 24.79
    assert bus.read_calibration == 1


def test_another_chip_is_refused():
    bus = Bme()
    bus.known = CALIBRATION
    for chip in (0x58, 0x00, 0xFF, 0x61):
        bus.registers[0xD0] = chip
        sensor = sensor_on(bus)
        assert invalid(sensor, read(sensor)) == "failed" and not bus.written
    bus.power_on()
    assert read(sensor)["temperature_c"] == 24.79


def test_an_unplugged_sensor_fails_and_another_comes_back_with_its_own_calibration():
    bus = Bme()
    sensor = sensor_on(bus)
    assert read(sensor)["temperature_c"] == 24.79
    bus.there = False
    for _ in range(3):
        assert invalid(sensor, read(sensor)) == "failed"
    bus.there, bus.known, bus.raw = True, BOSCH, (519888, 0x6FF0)
    bus.power_on()
    assert read(sensor) == {"temperature_c": 25.08, "relative_humidity_pct": 35.1}


def test_one_that_does_not_finish_or_does_not_begin_fails_and_comes_back():
    bus = Bme()
    sensor = sensor_on(bus)
    assert read(sensor)["temperature_c"] == 24.79
    bus.hung = True  # what it measured before is still there, and is not taken for new
    assert invalid(sensor, read(sensor)) == "failed"
    bus.hung = False
    assert read(sensor)["temperature_c"] == 24.79
    bus.raw = (0x80000, 0x8000)  # what its registers hold before it ever measured
    assert invalid(sensor, read(sensor)) == "failed"
    bus.raw = RAW
    assert read(sensor)["temperature_c"] == 24.79


def test_one_that_lost_its_power_unseen_measures_on():
    bus = Bme()
    sensor = sensor_on(bus)
    read(sensor)
    bus.power_on()
    assert read(sensor)["relative_humidity_pct"] == 68.7


def test_the_address_can_be_said():
    bus = Bme()
    bus.address = 0x77
    assert read(sensor_on(bus, address=0x77))["temperature_c"] == 24.79
    sensor = sensor_on(bus)
    assert invalid(sensor, read(sensor)) == "failed"
