"""The PZEM-004T v3: frames to values, and a line on which anything may happen."""

import asyncio

from firmware.board.port import sleep_ms
from firmware.board.sensors import create, pzem

# Two replies of real meters. The first: ESPHome's pzemac.cpp; 225.7 V, 0.108 A, 24.4 W, 38 Wh.
REPLY = (
    b"\x01\x04\x14\x08\xd1\x00\x6c\x00\x00\x00\xf4\x00\x00\x00\x26\x00\x00\x01\xf4\x00\x64\x00\x00\x51\x34"
)
OTHER = (
    b"\x01\x04\x14\x09\x59\x02\x04\x00\x00\x03\x85\x00\x00\x12\x29\x00\x00\x01\xf3\x00\x49\x00\x00\xd3\xea"
)
ASKED = b"\x01\x04\x00\x00\x00\x0a\x70\x0d"  # as the manual shows it
REFUSED = pzem.framed(b"\x01\x84\x02")
GARBAGE = b"\xff\x00\x01\x04\x13\x00\x01\x84"


def reply_of(address, registers=bytes(20)):
    return pzem.framed(bytes((address, 4, 20)) + registers)


class Line:
    """A UART: what was written goes to `answers`, address -> bytes or list of pieces; it comes a piece per look."""

    def __init__(self, answers):
        self.answers = answers
        self.written = []
        self.waiting = []
        self.asleep_ms = 0

    def UART(self, number, baudrate, tx, rx, rxbuf):
        self.opened = (number, baudrate, tx, rx)
        return self

    def write(self, frame):
        self.written.append(frame)
        answer = self.answers.get(frame[0], ())
        self.waiting += [answer] if type(answer) is bytes else list(answer)

    def read(self):
        return self.waiting.pop(0) or None if self.waiting else None

    def sleep_ms(self, ms):
        self.asleep_ms += ms
        return sleep_ms(0)


def made(answers, **options):
    line = Line(answers)
    pzem.sleep_ms = line.sleep_ms
    return line, create("pzem", dict({"tx": 17, "rx": 16, "addresses": [1]}, **options), line)


def read(sensor):
    return asyncio.run(sensor.read())


def reason(data, address=1):
    try:
        raise AssertionError(f"accepted: {pzem.measured(data, address)!r}")
    except ValueError as error:
        return error.args[0]


def test_the_checksum_is_modbus():
    assert pzem.crc16(b"123456789") == 0x4B37  # the check value of CRC-16/MODBUS
    assert pzem.framed(ASKED[:-2]) == ASKED
    assert pzem.crc16(REPLY) == pzem.crc16(OTHER) == 0


def test_real_replies():
    assert pzem.measured(REPLY, 1) == (225.7, 0.108, 24.4, 38000)
    assert pzem.measured(OTHER, 1) == (239.3, 0.516, 90.1, 4649000)


def test_the_low_half_comes_first_and_the_energy_stays_whole():
    registers = b"\x09\x2e\x86\xa0\x00\x01\x82\x70\x00\x03\x96\x7f\x00\x98\x01\xf4\x00\x64\xff\xff"
    volts, amps, watts, mwh = pzem.measured(reply_of(1, registers), 1)
    assert (volts, amps, watts) == (235.0, 100.0, 23000.0)
    assert mwh == 9999999000 and type(mwh) is int  # the meter's last: 9999.999 kWh


def test_every_wrong_bit_is_found():
    for at in range(len(REPLY)):
        for bit in range(8):
            wrong = bytearray(REPLY)
            wrong[at] ^= 1 << bit
            assert reason(bytes(wrong)) == "crc"


def test_every_cut_is_found():
    assert reason(b"") == "timeout"
    for length in range(1, len(REPLY)):
        assert reason(REPLY[:length]) == "crc" and reason(REPLY[length:]) == "crc"


def test_a_meter_that_refuses():
    assert reason(REFUSED) == "failed"
    for code in (1, 2, 3, 4):
        assert reason(pzem.framed(bytes((1, 0x84, code)))) == "failed"
    assert reason(pzem.framed(b"\x01\x84\x02")[:-1] + b"\x00") == "crc"


def test_another_meters_reply_is_not_ours():
    assert reason(REPLY, 2) == "crc" and reason(reply_of(2)) == "crc"
    assert reason(pzem.framed(b"\x02\x84\x02")) == "crc"


def test_garbage_is_no_reply_and_before_one_does_no_harm():
    for garbage in (GARBAGE, b"\x00" * 25, b"\xff" * 25, b"\x01" * 60, ASKED):
        assert reason(garbage) == "crc"
        assert pzem.measured(garbage + REPLY, 1) == (225.7, 0.108, 24.4, 38000)
        assert pzem.measured(reply_of(2) + garbage + REPLY, 1)[0] == 225.7


def test_it_asks_and_reads():
    line, sensor = made({1: REPLY})
    assert line.opened == (1, 9600, 17, 16)
    values = {"voltage_v.1": 225.7, "current_a.1": 0.108, "power_w.1": 24.4, "energy_mwh.1": 38000}
    assert read(sensor) == values and line.written == [ASKED]
    assert set(sensor.points) == set(values) and sensor.points["power_w.1"]["unit"] == "W"


def test_a_reply_may_come_in_pieces():
    for cut in range(1, len(REPLY)):
        line, sensor = made({1: [b"", REPLY[:cut], b"", REPLY[cut:]]})
        assert read(sensor)["energy_mwh.1"] == 38000 and line.asleep_ms == 20


def test_without_a_good_reply_all_four_are_none_for_the_reason():
    for answer, wanted in ((b"", "timeout"), (REPLY[:-1], "crc"), (GARBAGE, "crc"), (REFUSED, "failed")):
        line, sensor = made({1: answer})
        values = read(sensor)
        assert values == dict.fromkeys(sensor.points) and line.asleep_ms == 200
        assert sensor.why == dict.fromkeys(sensor.points, wanted)


def test_meters_take_turns_and_keep_their_channels():
    answers = {5: reply_of(5, b"\x08\xfc" + bytes(18)), 9: reply_of(9, b"\x08\x98" + bytes(18))}
    line, sensor = made(answers, addresses=[5, 9, 7], first=2)
    assert len(sensor.points) == 12
    for _ in range(2):
        assert read(sensor)["voltage_v.2"] == 230.0
        assert read(sensor)["voltage_v.3"] == 220.0
        assert read(sensor)["voltage_v.4"] is None and sensor.why["voltage_v.4"] == "timeout"
    assert [frame[0] for frame in line.written] == [5, 9, 7] * 2


def test_a_reply_that_comes_too_late_answers_no_other_question():
    line, sensor = made({1: [], 2: reply_of(2, b"\x08\xfc" + bytes(18))}, addresses=[1, 2])
    assert read(sensor)["voltage_v.1"] is None
    line.waiting = [REPLY]
    assert read(sensor)["voltage_v.2"] == 230.0 and not line.waiting
    line.answers[1] = OTHER
    line.waiting = [REPLY]
    assert read(sensor)["voltage_v.1"] == 239.3


def test_unplugged_and_back():
    line, sensor = made({1: REPLY})
    assert read(sensor)["power_w.1"] == 24.4
    line.answers = {}
    assert read(sensor)["power_w.1"] is None and sensor.why["power_w.1"] == "timeout"
    line.answers = {1: OTHER}
    assert read(sensor)["power_w.1"] == 90.1


def test_its_addresses_have_to_be_given():
    try:
        create("pzem", {"tx": 17, "rx": 16}, Line({}))
        raise AssertionError("accepted")
    except ValueError as error:
        assert "'addresses'" in str(error)
