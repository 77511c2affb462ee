"""The SCD4x: bytes to values, and its states."""

import asyncio

from firmware.board.sensors import scd4x, sensirion

# The example of the datasheet's section on reading a measurement: 500 ppm, 25 degrees C, 37 %.
REPLY = b"\x01\xf4\x33\x66\x67\xa2\x5e\xb9\x3c"
NOT_READY = b"\x80\x00\xa2"
IS_READY = b"\x80\x06\x04"
# Its commands, and how long it may take.
START, STOP, READY = b"\x21\xb1", b"\x3f\x86", b"\xe4\xb8"
STOP_MS, STALE_MS = 500, 20000


class Bus:
    """Answers READY and READ with what it is given; refuses what is in `refuses`."""

    def __init__(self):
        self.ready, self.reply, self.refuses, self.written = IS_READY, REPLY, (), []

    def Pin(self, number):
        return number

    def I2C(self, number, sda, scl, freq):
        return self

    def writeto(self, address, command):
        assert address == 0x62
        self.written.append(command)
        if command in self.refuses:
            raise OSError(19)

    def readfrom(self, address, length):
        reply = self.ready if self.written[-1] == READY else self.reply
        assert len(reply) == length
        return reply


def sensor_on(bus, uptime):
    return scd4x.Sensor({"sda": 21, "scl": 22}, bus, lambda: uptime[0])


def read(sensor):
    return asyncio.run(sensor.read())


def measuring():
    bus, uptime = Bus(), [0]
    sensor = sensor_on(bus, uptime)
    uptime[0] = STOP_MS
    assert read(sensor)["co2_ppm"] is None
    return bus, uptime, sensor


def invalid(sensor, values):
    assert set(values) == set(sensor.points) and set(values.values()) == {None}
    (reason,) = set(sensor.why.values())
    return reason


def test_the_checksum_is_sensirions():
    assert sensirion.crc8(b"\xbe\xef") == 0x92
    assert sensirion.crc8(b"\x00\x00") == 0x81
    assert sensirion.crc8(b"") == 0xFF


def test_the_datasheets_example():
    assert sensirion.words(REPLY) == [0x01F4, 0x6667, 0x5EB9]
    for reply, *values in (
        (REPLY, 500, 25.0, 37.0),
        (b"\x9c\x40\x45\x00\x00\x81\x00\x00\x81", 40000, -45.0, 0.0),
        (b"\x00\x00\x81\xff\xff\xac\xff\xff\xac", 0, 130.0, 100.0),
    ):
        measured = scd4x.measurement(reply)
        assert values == [measured[point] for point in ("co2_ppm", "temperature_c", "relative_humidity_pct")]


def test_every_wrong_bit_and_every_cut_is_found():
    for at in range(len(REPLY)):
        for bit in range(8):
            wrong = bytearray(REPLY)
            wrong[at] ^= 1 << bit
            try:
                sensirion.words(bytes(wrong))
                raise AssertionError("accepted")
            except ValueError:
                pass
        if at % 3:
            try:
                sensirion.words(REPLY[:at])
                raise AssertionError("accepted")
            except ValueError:
                pass


def test_it_is_stopped_first_and_warms_up():
    bus, uptime = Bus(), [0]
    sensor = sensor_on(bus, uptime)
    assert invalid(sensor, read(sensor)) == "warmup" and bus.written == [STOP]
    uptime[0] = STOP_MS
    assert invalid(sensor, read(sensor)) == "warmup" and bus.written[1:] == [START]
    bus.ready = NOT_READY
    assert read(sensor) == {}
    bus.ready = IS_READY
    assert read(sensor) == {"co2_ppm": 500, "temperature_c": 25.0, "relative_humidity_pct": 37.0}


def test_a_wrong_checksum_gives_no_value():
    bus, _, sensor = measuring()
    bus.reply = REPLY[:-1] + b"\x00"
    assert invalid(sensor, read(sensor)) == "crc"
    bus.reply = REPLY
    assert read(sensor)["co2_ppm"] == 500
    bus.ready = b"\x80\x06\x05"
    assert invalid(sensor, read(sensor)) == "crc"


def test_a_sensor_that_never_has_a_measurement_is_started_again():
    bus, uptime, sensor = measuring()
    bus.ready = NOT_READY
    uptime[0] += STALE_MS - 1
    assert read(sensor) == {}
    uptime[0] += 1
    assert invalid(sensor, read(sensor)) == "timeout" and bus.written[-1] == STOP
    uptime[0] += STOP_MS
    read(sensor)
    assert bus.written[-1] == START
    bus.ready = IS_READY
    uptime[0] += STALE_MS - 1
    assert read(sensor)["co2_ppm"] == 500
    bus.ready = NOT_READY
    uptime[0] += STALE_MS - 1  # counted from the latest measurement
    assert read(sensor) == {}


def test_an_unplugged_sensor_stays_failed_and_comes_back():
    bus, uptime, sensor = measuring()
    bus.refuses = (READY, START, STOP)
    for _ in range(5):
        assert invalid(sensor, read(sensor)) == "failed"
        uptime[0] += 300
    bus.refuses = ()
    uptime[0] += STOP_MS
    assert invalid(sensor, read(sensor)) == "warmup"
    assert read(sensor)["co2_ppm"] == 500


def test_its_points_are_the_ones_it_reads():
    _, _, sensor = measuring()
    assert set(read(sensor)) == set(sensor.points)
