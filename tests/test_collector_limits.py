"""A board that floods: what is over its limit is refused, counted and not settled, and the others notice nothing."""

from test_collector_ingest import TOPIC, Bench, sample

from campus.wire.topics import board_topic
from collector.limits import BOOTS, FLOOD, KNOWN, Limits, NewBoots
from collector.messages import Message

OTHER = board_topic("school", "board-2", "telemetry")


def message(topic: str, size: int = 100, offered: bool = False) -> Message:
    return Message(topic, b"x" * size, 0, offered=offered)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_passes_and_then_the_rate():
    """The burst at once, then `rate` a second, in order; one letter for each time that a board gets over its limit."""
    clock = Clock()
    limits = Limits(clock, rate=10, burst=50)
    flood = [message(TOPIC)] * 60
    passed, letters, more = limits.admit(flood)
    assert len(passed) == 50 and len(letters) == 1 and more == 9
    assert letters[0].cause == FLOOD and limits.limited == [TOPIC]
    clock.now += 1
    passed, letters, more = limits.admit(flood)
    assert (len(passed), len(letters), more) == (10, 0, 50), "the same episode"
    clock.now += 60
    assert limits.limited == []
    passed, letters, _ = limits.admit(flood)
    assert len(passed) == 50 and len(letters) == 1, "another episode"
    assert limits.refused == 10 + 50 + 10


def test_others_and_our_own_history_are_not_limited():
    """Each board has its own limit; what this process offers has none."""
    limits = Limits(Clock(), rate=10, burst=50)
    mixed = [m for _ in range(60) for m in (message(TOPIC), message(TOPIC, offered=True), message(OTHER))][
        :150
    ]
    passed, _, _ = limits.admit(mixed)
    assert sum(m.offered for m in passed) == 50
    assert sum(m.topic == OTHER for m in passed) == 50
    assert passed == [m for m in mixed if m in passed], "in order"
    again, _, _ = limits.admit([message(TOPIC, offered=True)] * 1000)
    assert len(again) == 1000


def test_large_messages_count_by_their_size():
    """64 KiB cost as much as 65 small ones: a flood of few large messages is one too."""
    limits = Limits(Clock(), rate=10, burst=130)
    passed, _, more = limits.admit([message(TOPIC, 65_536)] * 4)
    assert (len(passed), more) == (2, 1)


def test_boards_without_number_do_not_fill_the_memory():
    """What is remembered of boards is bounded, and a bucket that is full again is forgotten."""
    clock = Clock()
    limits = Limits(clock, rate=10, burst=50)
    for start in range(0, 5 * KNOWN, 1000):
        limits.admit(
            [message(board_topic("school", f"b-{n}", "telemetry")) for n in range(start, start + 1000)]
        )
        assert len(limits._buckets) <= KNOWN + 1000
    clock.now += 60
    limits.admit([message(board_topic("school", f"c-{n}", "telemetry")) for n in range(KNOWN)])
    clock.now += 60
    limits.admit([message(TOPIC)])
    assert len(limits._buckets) == 1, "none of the others is near its limit"


def test_what_is_refused_is_acknowledged_counted_and_can_come_again(tmp_path):
    """No record of the flooding board is settled unless it is stored, so nothing is lost when it sends again."""
    bench = Bench(tmp_path, capacity=40_000)
    clock = Clock()
    bench.collector.limits = Limits(clock, rate=10, burst=50)
    for seq in range(2_000):
        bench.arrive(sample(seq), (1, seq + 1))
        if seq % 100 == 0:
            bench.arrive(sample(seq // 100), (1, 30_000 + seq), topic=OTHER)
    bench.pipeline.pump()
    boards = [row[0] for row in bench.stored()]
    assert boards.count("board-2") == 20 and boards.count("board-1") == 50
    assert sum(len(tickets) for kind, tickets in bench.told if kind == "ack") == 2_020
    assert bench.pipeline.journal.dead_counts() == {FLOOD: 1_950}
    assert [letter.cause for letter in bench.pipeline.journal.dead_letters()] == [FLOOD]
    assert bench.pipeline.intake.ledger.committed("school", "board-1", "9f3a61c20000002a") == (49, [])
    assert bench.pipeline.intake.ledger.gaps() == 0
    for seq in range(50, 2_000):  # the board sends what was not committed again, slowly
        clock.now += 0.101
        bench.arrive(sample(seq), (1, seq + 1))
        bench.pipeline.pump()
    assert [row[0] for row in bench.stored()].count("board-1") == 2_000
    bench.close()


def test_what_had_waited_at_the_broker_passes(tmp_path):
    """After a connection is made everything passes, until a batch is no longer full: a board may have let go of it."""
    bench = Bench(tmp_path, capacity=40_000)
    bench.collector.limits = Limits(Clock(), rate=10, burst=50)
    bench.collector.limits.lenient = True
    for seq in range(2_100):
        bench.arrive(sample(seq), (1, seq + 1))
    bench.pipeline.pump()
    assert len(bench.stored()) == 2_100 and bench.collector.limits.lenient is False
    for seq in range(2_100, 2_200):
        bench.arrive(sample(seq), (1, seq + 1))
    bench.pipeline.pump()
    assert len(bench.stored()) == 2_150
    bench.close()


def test_boots_without_number_do_not_fill_the_memory(tmp_path):
    """A board that names a new boot in each message is held to some; what it is refused is not settled, nor told."""
    bench = Bench(tmp_path, capacity=40_000)
    for n in range(1_000):
        bench.arrive(sample(0, boot=f"{n:016x}"), (1, n + 1))
        bench.arrive(sample(0, boot=f"{n:016x}").replace(b'"v":1', b'"v":9'), (1, 10_000 + n))
    bench.arrive(sample(0), (1, 30_000), topic=OTHER)
    bench.pipeline.pump()
    assert len(bench.pipeline.intake.ledger) == BOOTS + 1
    assert [row[0] for row in bench.stored()].count("board-2") == 1
    assert len(bench.collector._due) + bench.collector.committed_sent <= BOOTS + 1
    assert bench.pipeline.journal.dead_counts()[FLOOD] == 1_000 - BOOTS
    bench.close()


def test_a_board_may_start_once_a_minute_for_ever():
    """A crash loop that slow is told by what it reports, not cut off; a clock that is set back gives nothing."""
    boots = NewBoots(burst=3, every_s=60)
    board = ("school", "board-1")
    assert [boots.may(board, 0) for _ in range(4)] == [True, True, True, False]
    assert all(boots.may(board, minute * 60_000) for minute in range(1, 2_000))
    assert not boots.may(board, 0) and not boots.may(board, 59_000)
    assert boots.may(("school", "board-2"), 0)
