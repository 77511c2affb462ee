"""The outbox: what is kept, sent, freed and dropped."""

from campus.wire.telemetry import ABSENT, encode
from firmware.board.outbox import Outbox
from firmware.board.ring import Ring
from firmware.board.sampling import Record

BOOT = "9f3a61c20000002a"
NOW_MS = 1795326683120
MAX_STRIKES = 20  # unanswered sends, while others advance, and a record is given up
ALONE_AFTER = 4  # and from here on it is sent alone


def record(at=0, clock="ntp", values=None, why=None):
    return Record(NOW_MS + at, clock, values or {"co2_ppm": 812}, why)


def filled(count, capacity=32, **more):
    outbox = Outbox(BOOT, capacity)
    for n in range(count):
        outbox.add(record(n * 1000, **more))
    return outbox


def numbers(telemetry):
    return [telemetry.seq + row[0] for row in telemetry.rows]


def flown(outbox):
    """Send all that waits; the numbers sent."""
    sent = []
    while True:
        message = outbox.message()
        if message is None:
            return sent
        outbox.sent(message)
        sent += numbers(message)


def test_a_message_is_the_contracts():
    outbox = Outbox(BOOT)
    outbox.add(record(0, values={"co2_ppm": 812, "temperature_c": 23.4}))
    outbox.add(record(60000, values={"co2_ppm": None}, why={"co2_ppm": "crc"}))
    outbox.add(record(61000, values={"motion": 1}))
    message = outbox.message()
    assert (message.boot, message.seq, message.low, message.ts_ms, message.clock) == (
        BOOT,
        0,
        0,
        NOW_MS,
        "ntp",
    )
    values = [{p: row[2 + i] for i, p in enumerate(message.columns)} for row in message.rows]
    assert values == [
        {"co2_ppm": 812, "temperature_c": 23.4, "motion": ABSENT},
        {"co2_ppm": None, "temperature_c": ABSENT, "motion": ABSENT},
        {"co2_ppm": ABSENT, "temperature_c": ABSENT, "motion": 1},
    ]
    assert [row[:2] for row in message.rows] == [[0, 0], [1, 60000], [2, 61000]]
    assert message.why == {"co2_ppm": "crc"}
    encode(message)


def test_what_is_in_flight_is_not_sent_twice_until_resend():
    outbox = filled(5)
    assert flown(outbox) == [0, 1, 2, 3, 4]
    assert outbox.message() is None and outbox.in_flight == 5
    outbox.add(record(9000))
    assert flown(outbox) == [5]
    assert outbox.resend(2) == 2
    assert flown(outbox) == [0, 1]
    assert outbox.resend() == 6
    assert flown(outbox) == [0, 1, 2, 3, 4, 5]


def test_committed_frees_exactly_what_it_covers():
    outbox = filled(10)
    flown(outbox)
    assert outbox.committed(BOOT, 2, ((5, 6), (8, 8))) == 6
    assert (outbox.low, outbox.depth) == (3, 4)
    outbox.resend()
    assert flown(outbox) == [3, 4, 7, 9]
    assert outbox.committed(BOOT, 9) == 4
    assert (outbox.low, outbox.depth, outbox.pending, outbox.dropped) == (10, 0, 0, 0)


def test_committed_of_another_boot_or_of_nothing_sent_frees_nothing():
    outbox = filled(3)
    assert outbox.committed(BOOT, 2) == 0  # none was sent: whoever says so is wrong
    flown(outbox)
    assert outbox.committed("9f3a61c20000002b", 2) == 0
    assert outbox.committed(BOOT, -1) == 0
    assert outbox.committed(BOOT, 4294967295, ((4294967295, 4294967295),)) == 3


def test_low_is_the_lowest_number_kept():
    outbox = filled(4)
    flown(outbox)
    outbox.committed(BOOT, -1, ((1, 2),))
    assert outbox.low == 0
    outbox.committed(BOOT, 0)
    assert outbox.low == 3
    outbox.add(record(9000))
    assert outbox.message().low == 3


def test_a_full_ring_drops_the_oldest_and_counts_it():
    outbox = filled(12, capacity=8)
    assert (outbox.dropped, outbox.low, outbox.depth) == (4, 4, 8)
    assert flown(outbox) == [4, 5, 6, 7, 8, 9, 10, 11]
    outbox.add(record(20000))  # pushes out one that is in flight
    assert outbox.committed(BOOT, 4) == 0
    assert (outbox.dropped, outbox.depth, outbox.pending) == (5, 8, 1)


def test_when_the_memory_is_full_the_oldest_go_too():
    outbox = Outbox(BOOT, 32, Ring(32, 256))
    for n in range(300):
        values = {"co2_ppm": 400 + n, "temperature_c": 20.5} if n % 7 else {"co2_ppm": None}
        outbox.add(record(n * 1000, values=values, why=None if n % 7 else {"co2_ppm": "crc"}))
        assert outbox.depth + outbox.dropped == n + 1
    assert outbox.depth >= 5
    outbox.add(record(400000, values={f"power_w.{n}": 1.5 for n in range(40)}))  # more than all the memory
    assert (outbox.depth, outbox.dropped) == (0, 301)
    outbox.add(record(500000))
    message = outbox.message()
    assert (message.seq, message.low, message.rows) == (301, 301, [[0, 0, 812]])


def test_a_change_of_clock_and_a_step_back_begin_a_new_message():
    outbox = Outbox(BOOT)
    outbox.add(Record(1000, "up", {"motion": 0}, None))
    outbox.add(Record(2000, "up", {"motion": 1}, None))
    outbox.add(record(0))
    outbox.add(record(5000))
    outbox.add(record(4000))
    outbox.add(record(4000))
    sent = []
    while outbox.pending:
        message = outbox.message()
        encode(message)
        outbox.sent(message)
        sent.append(
            (message.clock, message.ts_ms - (0 if message.clock == "up" else NOW_MS), numbers(message))
        )
    assert sent == [("up", 1000, [0, 1]), ("ntp", 0, [2, 3]), ("ntp", 4000, [4]), ("ntp", 4000, [5])]


def test_two_reasons_for_one_point_do_not_share_a_message():
    outbox = Outbox(BOOT)
    for n, reason in enumerate(("warmup", "warmup", "crc")):
        outbox.add(record(n, values={"co2_ppm": None}, why={"co2_ppm": reason}))
    first = outbox.message()
    outbox.sent(first)
    assert (numbers(first), first.why) == ([0, 1], {"co2_ppm": "warmup"})
    assert outbox.message().why == {"co2_ppm": "crc"}


def test_messages_are_full_but_not_above_the_limit():
    outbox = filled(200, capacity=200, values={"co2_ppm": 812, "temperature_c": 23.45, "motion": 0})
    while True:
        message = outbox.message(1024)
        outbox.sent(message)
        if not outbox.pending:
            break
        assert 960 < len(encode(message)) <= 1024


def test_a_record_above_the_limit_goes_alone():
    outbox = Outbox(BOOT)
    outbox.add(record(0, values={f"power_w.{n}": 1234.5 for n in range(60)}))
    outbox.add(record(1))
    message = outbox.message(1024)
    assert len(encode(message)) > 1024
    outbox.sent(message)
    assert flown(outbox) == [1]


def test_a_record_nobody_answers_is_given_up_while_others_advance():
    outbox = Outbox(BOOT)
    poison = outbox.add(record(0))
    sends = 0
    while outbox.low == poison:
        sends += 1
        outbox.add(record(sends))
        first = numbers(outbox.message())
        if sends > ALONE_AFTER + 1:
            assert first == [poison]
        flown(outbox)
        outbox.committed(BOOT, -1, ((sends, sends),))
        outbox.resend()
        assert sends <= MAX_STRIKES
    assert sends == MAX_STRIKES
    assert (outbox.dropped, outbox.depth) == (1, 0)


def test_a_collector_that_is_away_costs_no_record():
    outbox = filled(5)
    for _ in range(3 * MAX_STRIKES):
        assert flown(outbox) == [0, 1, 2, 3, 4]
        outbox.resend()
    assert (outbox.dropped, outbox.depth) == (0, 5)
