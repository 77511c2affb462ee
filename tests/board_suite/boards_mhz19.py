"""The MH-Z19: bytes to ppm, its warm-up, and what it does when it is silent."""

import asyncio

from fake_lines import Uart, invalid

from firmware.board.sensors import mhz19

# What its manual says to send, and how long it takes.
ASK = b"\xff\x01\x86\x00\x00\x00\x00\x00\x79"
ABC_ON = b"\xff\x01\x79\xa0\x00\x00\x00\x00\xe6"
ABC_OFF = b"\xff\x01\x79\x00\x00\x00\x00\x00\x86"
WARMUP_MS = 180000
MISSED = 3  # replies, and it counts as silent
REPLY = b"\xff\x86\x02\x20\x00\x00\x00\x00\x58"  # the example of its manual: 544 ppm
ABC_REPLY = b"\xff\x79\x01\x00\x00\x00\x00\x00\x86"  # to a command that the manual says has no reply


class Winsen(Uart):
    """Answers each request with `reply`."""

    def __init__(self):
        super().__init__()
        self.reply = REPLY

    def write(self, data):
        if data == ASK:
            self.waiting += self.reply
        return super().write(data)


def with_ppm(ppm):
    frame = bytes((0xFF, 0x86, ppm >> 8, ppm & 255, 0x3E, 0, 0, 0))
    return frame + bytes((-sum(frame[1:]) & 0xFF,))


def sensor_on(uart, uptime, **options):
    return mhz19.Sensor(dict(options, tx=17, rx=16), uart, lambda: uptime[0])


def read(sensor):
    return asyncio.run(sensor.read())


def warm():
    uart, uptime = Winsen(), [0]
    sensor = sensor_on(uart, uptime)
    read(sensor)
    uptime[0] = WARMUP_MS
    assert read(sensor) == {"co2_ppm": 544}
    return uart, uptime, sensor


def test_the_frames_of_the_manual():
    assert mhz19.co2(REPLY) == 544
    assert mhz19.co2(with_ppm(0)) == 0 and mhz19.co2(with_ppm(10000)) == 10000
    for frame in (ASK, ABC_ON, ABC_OFF):
        assert len(frame) == 9 and sum(frame[1:]) & 0xFF == 0


def test_every_wrong_bit_and_every_cut_is_found():
    for at in range(len(REPLY)):
        for bit in range(8):
            wrong = bytearray(REPLY)
            wrong[at] ^= 1 << bit
            assert mhz19.co2(bytes(wrong)) is None
        assert mhz19.co2(REPLY[:at]) is None


def test_a_reply_is_found_in_garbage():
    for noise in (b"", b"\xff", b"\xff\x86", b"\x00" * 50, REPLY[:8], ASK, ABC_REPLY):
        assert mhz19.co2(noise + REPLY + noise) == 544
    assert mhz19.co2(ABC_REPLY + ASK) is None


def test_values_made_up_while_it_warms_up_are_not_shown():
    uart, uptime = Winsen(), [0]
    sensor = sensor_on(uart, uptime)
    assert uart.opened == (1, 9600, 17, 16)
    for ppm in (388, 400, 410, 500, 555, 0):
        uart.reply = with_ppm(ppm)
        uptime[0] += 1000
        assert invalid(sensor, read(sensor)) == "warmup"
    uptime[0] = WARMUP_MS - 1
    assert invalid(sensor, read(sensor)) == "warmup"
    uptime[0] += 1
    assert invalid(sensor, read(sensor)) == "warmup"  # still without a value: 0 ppm
    uart.reply = REPLY
    read(sensor)
    assert read(sensor) == {"co2_ppm": 544}


def test_it_is_asked_once_and_answers_later():
    uart, uptime, sensor = warm()
    uart.reply = b""
    read(sensor)
    assert uart.written == [ASK] * 3
    for part in range(8):
        uart.waiting = REPLY[part : part + 1]
        uptime[0] += 20
        assert read(sensor) == {} and len(uart.written) == 3
    uart.waiting = REPLY[8:]
    assert read(sensor) == {"co2_ppm": 544} and len(uart.written) == 4


def test_a_reply_cut_in_any_way_says_the_same():
    uart, _, sensor = warm()
    uart.reply = b""
    read(sensor)
    for cut in range(1, len(REPLY)):
        uart.waiting = REPLY[:cut]
        assert read(sensor) == {}
        uart.waiting = REPLY[cut:]
        assert read(sensor) == {"co2_ppm": 544}


def test_a_read_a_minute_is_enough():
    uart, uptime, sensor = warm()
    for ppm in (600, 700, 800):
        uart.reply = with_ppm(ppm)
        read(sensor)
        uptime[0] += 60000
        assert read(sensor) == {"co2_ppm": ppm}


def test_a_wrong_checksum_gives_no_value():
    uart, uptime, sensor = warm()
    uart.reply = REPLY[:-1] + b"\x00"
    read(sensor)
    for _ in range(5):
        uptime[0] += 1000
        assert invalid(sensor, read(sensor)) == "crc"
    uart.reply = REPLY
    uptime[0] += 1000
    read(sensor)
    assert read(sensor) == {"co2_ppm": 544}  # it did not lose its power


def test_one_reply_that_is_missing_changes_nothing():
    uart, uptime, sensor = warm()
    uart.reply = b""
    read(sensor)
    uptime[0] += 1000
    uart.reply = REPLY
    assert read(sensor) == {}
    assert read(sensor) == {"co2_ppm": 544}


def test_a_silent_or_hung_sensor_warms_up_when_it_comes_back():
    for hung in (b"", REPLY[:8], b"\xff"):
        uart, uptime, sensor = warm()
        uart.reply = hung
        read(sensor)
        for _ in range(MISSED - 1):
            uptime[0] += 1000
            assert read(sensor) == {}
        for _ in range(5):
            uptime[0] += 1000
            assert invalid(sensor, read(sensor)) == "timeout"
        uart.reply = with_ppm(410)  # power is back, and it makes its values up
        uptime[0] += 1000
        assert invalid(sensor, read(sensor)) == "timeout"
        came_back = uptime[0]
        assert invalid(sensor, read(sensor)) == "warmup"
        uptime[0] = came_back + WARMUP_MS - 1
        assert invalid(sensor, read(sensor)) == "warmup"
        uptime[0] += 1
        assert read(sensor) == {"co2_ppm": 410}


def test_one_that_was_never_there_is_a_timeout():
    uart, uptime = Winsen(), [0]
    uart.reply = b""
    sensor = sensor_on(uart, uptime)
    reasons = []
    for _ in range(6):
        reasons.append(invalid(sensor, read(sensor)))
        uptime[0] += 1000
    assert reasons == ["warmup"] * 3 + ["timeout"] * 3


def test_its_own_calibration_is_switched_only_if_it_is_said():
    for options, first in (({}, []), ({"abc": True}, [ABC_ON]), ({"abc": False}, [ABC_OFF])):
        uart = Winsen()
        sensor = sensor_on(uart, [0], **options)
        uart.waiting = ABC_REPLY if first else b""
        read(sensor)
        assert uart.written == first + [ASK]
