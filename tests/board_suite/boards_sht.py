"""The SHT3x and SHT4x: bytes to values, and its failures."""

import asyncio

from fake_lines import I2c, invalid

from firmware.board.sensors import create, sht
from firmware.board.sensors.sensirion import crc8

REPLY = b"\x66\x67\xa2\x5e\xb9\x3c"  # the words of the example in the SCD4x datasheet: 25 degrees C, 37 % as an SHT3x
COMMANDS = {"sht3x": b"\x24\x00", "sht4x": b"\xfd"}


class Sht(I2c):
    address = 0x44

    def __init__(self):
        super().__init__()
        self.reply, self.busy, self.measured = REPLY, False, False

    def on_write(self, data):
        self.measured = not self.busy

    def on_read(self):
        return self.reply if self.measured else None


def sensor_on(i2c, kind="sht3x", **options):
    return sht.Sensor(dict(options, type=kind, sda=21, scl=22), i2c)


def read(sensor):
    return asyncio.run(sensor.read())


def word(raw):
    pair = bytes((raw >> 8, raw & 255))
    return pair + bytes((crc8(pair),))


def test_the_checksum_is_the_datasheets():
    assert word(0xBEEF) == b"\xbe\xef\x92"


def test_the_formulas_of_both():
    cases = [
        ("sht3x", 0x6667, 0x5EB9, 25.0, 37.0),
        ("sht3x", 0, 0, -45.0, 0.0),
        ("sht3x", 65535, 65535, 130.0, 100.0),
        ("sht4x", 0x6667, 0x5EB9, 25.0, 40.3),  # -6 + 125 x 24249 / 65535
        ("sht4x", 32768, 32768, 42.5, 56.5),
        ("sht4x", 0, 3145, -45.0, 0.0),
        ("sht4x", 0, 0, -45.0, 0.0),  # -6 %: cut to 0
        ("sht4x", 65535, 65535, 130.0, 100.0),  # 119 %: cut to 100
    ]
    for kind, temperature, humidity, c, pct in cases:
        bus = Sht()
        bus.reply = word(temperature) + word(humidity)
        assert read(sensor_on(bus, kind)) == {"temperature_c": c, "relative_humidity_pct": pct}
        assert bus.written == [COMMANDS[kind]]


def test_every_wrong_bit_and_every_cut_is_found():
    for at in range(len(REPLY)):
        for bit in range(8):
            wrong = bytearray(REPLY)
            wrong[at] ^= 1 << bit
            for answer in (bytes(wrong), REPLY[:at] if at != 0 else b"\x00" * 6):
                try:
                    sht.measurement(answer, 0, 100)
                    raise AssertionError("accepted")
                except ValueError:
                    pass


def test_a_wrong_checksum_gives_no_value_and_the_next_read_does():
    bus = Sht()
    sensor = sensor_on(bus)
    for wrong in (REPLY[:2] + b"\x00" + REPLY[3:], REPLY[:5] + b"\x00", b"\x00" * 6, b"\xff" * 6):
        bus.reply = wrong
        assert invalid(sensor, read(sensor)) == "crc"
        bus.reply = REPLY
        assert read(sensor)["temperature_c"] == 25.0


def test_an_unplugged_sensor_fails_and_comes_back():
    bus = Sht()
    sensor = sensor_on(bus)
    for _ in range(3):
        bus.there = False
        assert invalid(sensor, read(sensor)) == "failed"
        bus.there = True
        assert read(sensor) == {"temperature_c": 25.0, "relative_humidity_pct": 37.0}


def test_one_that_does_not_finish_fails_and_comes_back():
    bus = Sht()
    sensor = sensor_on(bus)
    bus.busy = True
    assert invalid(sensor, read(sensor)) == "failed"
    bus.busy = False
    assert read(sensor)["temperature_c"] == 25.0


def test_it_is_given_the_time_to_measure():
    waited = []

    async def sleep_ms(ms):
        waited.append(ms)

    real, sht.sleep_ms = sht.sleep_ms, sleep_ms
    try:
        read(sensor_on(Sht()))
    finally:
        sht.sleep_ms = real
    assert len(waited) == 1 and 16 <= waited[0] <= 20


def test_the_address_can_be_said():
    bus = Sht()
    bus.address = 0x45
    sensor = sensor_on(bus, address=0x45, bus=1)
    assert bus.opened == (1, 21, 22)
    assert read(sensor)["temperature_c"] == 25.0
    other = sensor_on(bus)
    assert invalid(other, read(other)) == "failed"


def test_a_wrong_or_missing_type_is_told():
    for options in ({"type": "sht9x"}, {}, {"type": None}):
        try:
            create("sht", dict(options, sda=21, scl=22), Sht())
            raise AssertionError("made")
        except ValueError as error:
            assert "type" in str(error)


def test_its_points_are_the_ones_it_reads():
    assert set(read(sensor_on(Sht()))) == set(sht.Sensor.points)
