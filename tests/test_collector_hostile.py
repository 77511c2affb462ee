"""Boards and disks that misbehave: what is promised stays true, memory stays bounded, nothing stops for ever."""

import threading

import pytest
from test_collector_ingest import BOOT, NOW, OTHER_BOOT, TOPIC, Bench, sample

from campus.errors import StoreError
from campus.wire.lifecycle import encode_birth
from campus.wire.topics import board_topic
from collector import ingest, intake
from collector.journal import JournalError
from collector.ledger import MAX_RANGES, BootLedger
from collector.messages import Kept, Message


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.close()


def test_committed_never_covers_a_batch_that_the_journal_has_not_taken(bench):
    """A board that waits for its turn is not told of records whose commit fails meanwhile."""
    for seq in range(2):
        bench.arrive(sample(seq), (1, seq + 1))
        bench.pipeline.pump()  # the second is due a second later
    free = [0]
    bench.pipeline.journal._free_bytes = lambda folder: free[0]
    bench.arrive(sample(2), (1, 3))
    with pytest.raises(JournalError):
        bench.collector.ingest()
    bench.monotonic = 5.0
    bench.collector.tell_committed()
    assert [each.seq for topic, each in bench.told if topic != "ack"] == [0]
    free[0] = 1 << 40
    bench.pipeline.pump()
    assert [each.seq for topic, each in bench.told if topic != "ack"] == [0, 2]


def test_a_boot_with_many_old_holes_goes_on(bench):
    """Holes under low are given up when there is no room: a boot that lost records 512 times is not cut off."""
    boot = BootLedger()
    for seq in range(0, 2 * MAX_RANGES, 2):
        boot.settle(0, [seq])
    after = 3 * MAX_RANGES
    assert boot.refused([after]), "these holes may still be filled"
    assert not boot.refused([after], low=after)
    boot.settle(after, [after])
    assert boot.committed() == (after, []) and len(boot.ranges) <= MAX_RANGES
    for seq in range(0, 4 * MAX_RANGES, 2):
        bench.arrive(sample(seq, low=seq))
    bench.pipeline.pump()
    assert bench.collector.refused == 0
    assert bench.pipeline.intake.ledger.gaps() == 2 * MAX_RANGES - 1


def test_a_batch_is_bounded_in_bytes_too(bench, monkeypatch):
    """A thousand messages of 64 KiB would be gigabytes of readings at once."""
    monkeypatch.setattr(ingest, "BATCH_BYTES", 5_000)
    monkeypatch.setattr(ingest, "QUEUE_BYTES", 20_000)
    payload = sample(0, rows=[[n, n * 1000, 600] for n in range(100)])
    taken = [bench.arrive(payload.replace(b'"seq":0', b'"seq":%d' % (n * 100))) for n in range(100)]
    assert taken.count(True) * len(payload) <= 20_000 + len(payload) and bench.collector.dropped > 0
    assert bench.collector.room == 0
    assert bench.collector.ingest() <= 5_000 // len(payload) + 1
    assert bench.collector.room > 0
    bench.pipeline.pump()
    assert len(bench.stored()) == 100 * taken.count(True)
    bench.arrive(b"x" * 30_000)
    assert bench.collector.ingest() == 1, "what is larger than the bound goes alone"
    assert bench.collector.room == bench.collector.capacity


def test_a_board_cannot_make_series_without_end(bench, monkeypatch):
    """Points beyond the limit of one board are rejected and settled; those it had, and other boards, go on."""
    monkeypatch.setattr(intake, "MAX_POINTS", 20)
    for seq in range(30):
        payload = sample(seq).replace(b'"co2_ppm"', b'"made_up_%d"' % seq)
        bench.arrive(payload)
    bench.arrive(sample(30).replace(b'"co2_ppm"', b'"made_up_3"'))
    bench.arrive(sample(0), topic=board_topic("school", "board-2", "telemetry"))
    bench.pipeline.pump()
    assert len(bench.telemetry.series("school", "board-1")) == 20
    assert len(bench.stored()) == 22
    assert bench.pipeline.journal.dead_counts() == {"point": 10}
    assert bench.told[-2][1].seq == 30 or bench.told[-1][1].seq == 30


def test_a_message_that_cannot_be_read_again_does_not_hold_up_the_journal(tmp_path, monkeypatch):
    """A fault of ours while replaying costs that message, and is logged; what comes after is stored."""
    first = Bench(tmp_path)
    for seq in range(3):
        first.arrive(sample(seq))
    first.collector.ingest()
    first.close()
    again, decode = Bench(tmp_path), intake.decode_telemetry

    def faulty(payload):
        if b'"seq":1,' in payload:
            raise KeyError("a fault")
        return decode(payload)

    monkeypatch.setattr(intake, "decode_telemetry", faulty)
    again.pipeline.pump()
    assert [row[2] for row in again.stored()] == [NOW, NOW + 2000]
    again.close()


def test_reading_an_old_birth_again_leaves_the_newer_offset(tmp_path):
    """A replay settles nothing: the boot time that was told last stays."""
    bench = Bench(tmp_path)
    births = [
        Kept(Message(board_topic("school", "board-1", "birth"), payload, NOW))
        for payload in (encode_birth(BOOT, "1", "e", "x", "ntp", {}, up_offset_ms=NOW - n) for n in (5, 9))
    ]
    for birth in births:
        bench.arrive(birth.message.payload, topic=birth.message.topic)
    bench.pipeline.pump()
    bench.pipeline.intake.replay(births[:1])
    ((_, boot),) = bench.pipeline.intake.ledger
    assert boot.offset_ms == NOW - 9
    bench.close()


def test_offering_after_the_stop_fails_instead_of_waiting_for_ever(tmp_path):
    """A thread that hands in history while the service stops hears that nothing is taken any more."""
    bench = Bench(tmp_path, capacity=3)
    bench.collector.threaded = True
    raised = []

    def offer():
        try:
            for seq in range(10):
                bench.pipeline.offer(TOPIC, sample(seq))
        except StoreError as error:
            raised.append(error)

    sender = threading.Thread(target=offer, daemon=True)
    sender.start()
    bench.pipeline.collector.close()
    sender.join(5)
    assert not sender.is_alive() and raised
    assert bench.collector.ingest() == 3, "what was taken before becomes durable"
    bench.close()


def test_a_batch_that_fails_as_a_whole_costs_one_message_and_promises_nothing(bench, monkeypatch):
    """A fault of ours beside the messages: the one that causes it is put aside, unsettled; the others are stored."""
    intake_, prepare = bench.pipeline.intake, bench.pipeline.intake.prepare

    def faulty(messages):
        batch = prepare(messages)
        if any(b'"seq":5,' in message.payload for message in messages):
            raise KeyError("a fault")
        return batch

    monkeypatch.setattr(intake_, "prepare", faulty)
    for seq in range(40):
        bench.arrive(sample(seq), (1, seq + 1))
    bench.pipeline.pump()
    assert len(bench.stored()) == 39 and bench.collector.queued == 0
    assert [letter.cause for letter in bench.pipeline.journal.dead_letters()] == ["fault"]
    tickets = [ticket for kind, tickets in bench.told if kind == "ack" for ticket in tickets]
    assert tickets == [(1, n) for n in range(1, 41)], "in the order of arrival"
    assert [(told.seq, told.also) for kind, told in bench.told if kind != "ack"] == [(4, ((6, 39),))]
    monkeypatch.undo()
    bench.arrive(sample(5), (1, 41))
    bench.pipeline.pump()
    assert len(bench.stored()) == 40, "its board has it still"


def test_a_batch_that_fails_waits_where_the_journal_cannot_be_read(bench, monkeypatch):
    """What is durable has to be known before anything more is promised: the messages stay in the queue until then."""

    def away():
        raise StoreError("The journal cannot be read.")

    def faulty(messages):
        raise KeyError("a fault")

    with monkeypatch.context() as broken:
        broken.setattr(bench.pipeline.intake, "prepare", faulty)
        broken.setattr(bench.pipeline.journal, "ledger", away)
        for seq in range(10):
            bench.arrive(sample(seq), (1, seq + 1))
        with pytest.raises(JournalError):
            bench.collector.ingest()
        assert bench.collector.queued == 10 and bench.told == []
        assert bench.collector.problem == "The journal cannot be read.", "and health says so"
    bench.pipeline.pump()
    assert len(bench.stored()) == 10 and bench.collector.problem is None


def test_what_waits_for_its_time_and_is_damaged_holds_up_nothing(bench):
    """It stays at the estimate; the birth that told the time, and all that comes after, are taken in."""
    bench.arrive(sample(0, clock="up", at=5_000))
    bench.pipeline.pump()
    with bench.pipeline.journal._file.writing() as db:
        db.execute("UPDATE unsynced SET messages = x'00'")
    birth = encode_birth(BOOT, "1", "e", "x", "ntp", {}, up_offset_ms=NOW - 9)
    bench.arrive(birth, topic=board_topic("school", "board-1", "birth"))
    bench.arrive(sample(1))
    bench.pipeline.pump()
    assert [row[4] for row in bench.stored()] == ["good", "unsynced"]
    assert bench.pipeline.journal.dead_letters() == []


def test_a_broker_that_was_set_back_does_not_set_a_board_back(tmp_path):
    """After a power cut it repeats the birth of an earlier boot: the record keeps the latest, over our restart too."""

    def born(bench, boot, retain=False):
        birth = encode_birth(boot, "1", "esp32", "power_on", "ntp", {})
        bench.arrive(birth, topic=board_topic("school", "board-1", "birth"), retain=retain)
        bench.pipeline.pump()
        return bench.records.board("school", "board-1").boot

    first = Bench(tmp_path)
    assert born(first, BOOT) == BOOT
    assert born(first, OTHER_BOOT) == OTHER_BOOT
    first.close()
    again = Bench(tmp_path)
    assert born(again, BOOT, retain=True) == OTHER_BOOT
    assert born(again, "abcdefabcdef0001", retain=True) == "abcdefabcdef0001", "one that nobody heard is news"
    assert born(again, BOOT) == BOOT, "what the board says itself counts"
    again.close()
