"""The LD2410: a stream of bytes to reports, the edge of presence, and its silences."""

import asyncio

from fake_lines import Uart, invalid

from firmware.board.sampling import Sampler
from firmware.board.sensors import create, ld2410


def hexed(text):
    return bytes([int(text[at : at + 2], 16) for at in range(0, len(text), 2)])


def report(state, rest):
    return hexed("F4F3F2F10D0002AA" + state + rest + "5500F8F7F6F5")


# Reports of real radars, as the protocol's description and drivers in public show them.
REAL = [
    (report("00", "0000000000370000"), (False, None)),
    (report("00", "45003E00003A0000"), (False, None)),  # nobody: its numbers are left from before
    (
        report("03", "46003400003C0000"),
        (True, 70),
    ),  # an early firmware: the one who sits still has no distance
    (report("02", "5100000000 3B0000".replace(" ", "")), (True, None)),  # the example of the description
    (report("02", "9600000000360000"), (True, None)),
    (report("03", "4F00644C00643200"), (True, 76)),  # two targets: the nearer one
    (
        hexed(
            "F4F3F2F1230001AA031E003C00003900000808"  # engineering mode, switched on by a telephone
            "3C2205030304030605000039101306060804030555 00F8F7F6F5".replace(" ", "")
        ),
        (True, 30),
    ),
]
SOMEBODY, NOBODY = REAL[5][0], REAL[0][0]
PAYLOAD = range(8, 17)  # state, distances, energies: no checksum covers them


def sensor_on(uart, uptime):
    return ld2410.Sensor({"tx": 17, "rx": 16, "uart": 2}, uart, lambda: uptime[0])


def read(sensor):
    return asyncio.run(sensor.read())


def pieces(stream, *cuts):
    edges = (0,) + cuts + (len(stream),)
    return [stream[start:end] for start, end in zip(edges, edges[1:])]  # noqa: RUF007 (MicroPython)


def heard(parts):
    found, rest = [], b""
    for part in parts:
        more, rest = ld2410.take(rest + part)
        found += more
        assert len(rest) <= 73
    return found


def test_reports_of_real_radars():
    for frame, said in REAL:
        assert ld2410.take(frame) == ([said], b"")
    stream = b"".join([frame for frame, _ in REAL])
    assert ld2410.take(stream) == ([said for _, said in REAL], b"")


def test_a_stream_cut_in_any_way_says_the_same():
    stream = SOMEBODY + NOBODY + SOMEBODY
    said = [(True, 76), (False, None), (True, 76)]
    for first in range(len(stream)):
        for second in range(first, len(stream)):
            assert heard(pieces(stream, first, second)) == said
    for size in range(1, 30):
        assert heard([stream[at : at + size] for at in range(0, len(stream), size)]) == said


def test_a_report_cut_off_at_any_byte_costs_no_other():
    for length in range(len(SOMEBODY)):
        assert ld2410.take(SOMEBODY[:length])[0] == []
        assert ld2410.take(SOMEBODY[:length] + SOMEBODY + NOBODY)[0] == [(True, 76), (False, None)]
        assert ld2410.take(SOMEBODY[length:] + NOBODY)[0] == [(True, 76)] * (length == 0) + [(False, None)]


def test_every_wrong_bit_in_a_fixed_byte_is_found_and_costs_no_other_report():
    for at in range(len(SOMEBODY)):
        for bit in range(8):
            wrong = bytearray(SOMEBODY)
            wrong[at] ^= 1 << bit
            found = ld2410.take(bytes(wrong) + 4 * NOBODY)[0]
            assert found[-4:] == [(False, None)] * 4
            if at not in PAYLOAD or (at == 8 and bit > 1):
                assert len(found) == 4


def test_a_parser_that_trusts_a_wrong_length_loses_reports():
    """The control: the same stream, when what a broken report claims to be long is skipped."""
    wrong = bytearray(SOMEBODY)
    wrong[4] = 60
    stream = bytes(wrong) + 4 * NOBODY
    assert ld2410.take(stream)[0] == [(False, None)] * 4
    assert len(ld2410.take(stream[70:])[0]) == 1


def test_garbage_before_between_and_after():
    noises = [
        b"\x00",
        b"\xf4",
        b"\xf4\xf3",
        b"\xf4\xf3\xf2",
        b"\xf4\xf3\xf2\xf1",
        b"\xf8\xf7\xf6\xf5",
        b"\xff" * 100,
    ]
    noises.append(hexed("FDFCFBFA0400FE0100000403020 1".replace(" ", "")))  # the answer to a command
    for noise in noises:
        stream = noise + SOMEBODY + noise + NOBODY + noise
        for cut in range(len(stream)):
            assert heard(pieces(stream, cut)) == [(True, 76), (False, None)]


def test_endless_garbage_is_not_kept():
    rest = b""
    seed = 1
    for _ in range(200):
        noise = bytearray(97)
        for at in range(len(noise)):
            seed = seed * 1103515245 + 12345 & 0x7FFFFFFF
            noise[at] = (0xF4, 0xF3, 0xF2, 0xF1, 0x0D, 0x00, 0xAA, 0x55)[seed >> 16 & 7]
        found, rest = ld2410.take(rest + bytes(noise))
        assert found == [] and len(rest) <= 73
    assert ld2410.take(rest + 4 * SOMEBODY)[0][-1] == (True, 76)
    assert len(ld2410.take(b"\xf4\xf3\xf2\xf1\x40\x00" * 500)[1]) <= 73


def test_a_report_of_a_calibration_says_nothing_of_people():
    for state in ("04", "05", "06"):
        assert ld2410.take(report(state, "4F00644C00643200"))[0] == []


def test_a_distance_is_measured_or_left_out():
    cases = [
        ("01", "0000640000000000", None),
        ("01", "E803640A00640000", 1000),  # it moves at 10 m: the one at 10 cm is not in the state
        ("01", "E903640A00640000", None),  # farther than it can see
        ("02", "0A0064E803640000", 1000),
        ("03", "E90364F401640000", 500),
    ]
    for state, rest, cm in cases:
        assert ld2410.take(report(state, rest))[0] == [(True, cm)]


def test_presence_and_distance():
    uart, uptime = Uart(), [0]
    sensor = sensor_on(uart, uptime)
    assert uart.opened == (2, 256000, 17, 16)
    assert read(sensor) == {}  # it has not spoken yet
    uart.waiting = NOBODY
    assert read(sensor) == {"radar_presence": 0}
    uart.waiting = NOBODY + SOMEBODY
    assert read(sensor) == {"radar_presence": 1, "radar_distance_cm": 76}
    assert read(sensor) == {}
    uart.waiting = SOMEBODY + NOBODY
    assert read(sensor) == {"radar_presence": 0}


def test_presence_is_urgent_when_it_begins_and_only_then():
    uart, uptime = Uart(), [0]
    sensor = sensor_on(uart, uptime)
    sampler = Sampler([sensor], None)
    assert not sampler.urgent()
    for frame, urgent in [(NOBODY, False), (SOMEBODY[:9], False), (SOMEBODY[9:], True), (b"", True)]:
        uart.waiting = frame
        assert sampler.urgent() == urgent and not uart.waiting
    assert read(sensor)["radar_presence"] == 1
    for frame, urgent in [(b"", False), (SOMEBODY, False), (NOBODY, False), (SOMEBODY, True)]:
        uart.waiting = frame
        assert sampler.urgent() == urgent


def test_a_presence_that_ends_before_the_read_is_not_missed():
    uart, uptime = Uart(), [0]
    sensor = sensor_on(uart, uptime)
    uart.waiting = SOMEBODY + NOBODY
    assert sensor.edge
    assert read(sensor) == {"radar_presence": 1}
    assert not sensor.edge
    uart.waiting = NOBODY
    assert read(sensor) == {"radar_presence": 0}


def test_silence_and_what_is_no_report_is_a_timeout_and_it_comes_back():
    uart, uptime = Uart(), [0]
    sensor = sensor_on(uart, uptime)
    uptime[0] = 2999
    assert read(sensor) == {}
    uptime[0] += 1
    assert invalid(sensor, read(sensor)) == "timeout"  # it never spoke
    uart.waiting = SOMEBODY
    assert sensor.edge and read(sensor)["radar_presence"] == 1
    for hung in (b"", SOMEBODY[:-1], b"\xff" * 50):
        uptime[0] += 2999
        assert read(sensor) == {}
        uart.waiting = hung
        uptime[0] += 1
        assert invalid(sensor, read(sensor)) == "timeout" and not sensor.edge
        uart.waiting = b"\x00" + SOMEBODY
        assert sensor.edge and read(sensor) == {"radar_presence": 1, "radar_distance_cm": 76}


def test_a_report_is_as_old_as_it_was_heard_not_as_it_was_read():
    uart, uptime = Uart(), [0]
    sensor = sensor_on(uart, uptime)
    uart.waiting = SOMEBODY
    assert sensor.edge
    uptime[0] += 60000
    assert invalid(sensor, read(sensor)) == "timeout"


def test_a_missing_pin_is_told():
    for missing in ("tx", "rx"):
        options = {"tx": 17, "rx": 16}
        del options[missing]
        try:
            create("ld2410", options, Uart())
            raise AssertionError("made")
        except ValueError as error:
            assert missing in str(error)
