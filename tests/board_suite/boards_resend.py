"""What is sent again and when: the promise of the contract, against a collector that is away, late or hostile."""

from campus.wire.server import seqs
from firmware.board.outbox import Outbox
from firmware.board.retry import Unanswered
from firmware.board.sampling import Record

BOOT = "9f3a61c20000002a"
NOW_MS = 1795326683120
FIRST_MS = 10000


class Collector:
    """Settles what it receives, while it is `there`; what came before is gone with the broker."""

    def __init__(self, outbox):
        self.outbox = outbox
        self.there = True
        self.received = set()
        self.sent = 0

    def take(self):
        outbox = self.outbox
        while True:
            message = outbox.message()
            if message is None:
                return
            outbox.sent(message)
            self.sent += len(message.rows)
            if self.there:
                self.received.update(seqs(message))
                outbox.committed(BOOT, *self.settled(message.low))

    def settled(self, low):
        """(seq, also) as the contract has it."""
        seq = low - 1
        while seq + 1 in self.received:
            seq += 1
        also = []
        for each in sorted(self.received):
            if each > seq:
                if also and also[-1][1] == each - 1:
                    also[-1] = (also[-1][0], each)
                else:
                    also.append((each, each))
        return seq, also[:8]


class Board:
    """A board that makes a record every `every_s`, second by second."""

    def __init__(self, capacity=64, every_s=4):
        self.outbox = Outbox(BOOT, capacity)
        self.collector = Collector(self.outbox)
        self.ms = 0
        self._every_ms = every_s * 1000
        self._unanswered = Unanswered(self.outbox, lambda: self.ms, FIRST_MS)

    def run(self, seconds):
        for _ in range(seconds):
            self.ms += 1000
            if self.ms % self._every_ms == 0:
                self.outbox.add(Record(NOW_MS + self.ms, "ntp", {"co2_ppm": 812}, None))
            self._unanswered.look()
            self.collector.take()


def test_what_a_full_outbox_holds_is_sent_again_once_the_collector_is_back():
    board = Board()
    board.collector.there = False
    board.run(1800)
    dropped = board.outbox.dropped
    assert dropped and board.outbox.depth == 64
    board.collector.there = True
    board.run(600)
    assert board.outbox.dropped <= dropped + 4, board.outbox.dropped - dropped
    assert board.outbox.in_flight <= 1
    assert (
        len([seq for seq in range(dropped + 4, board.outbox.low) if seq not in board.collector.received]) == 0
    )


def test_while_nobody_answers_it_is_tried_ever_less_often_though_the_outbox_is_full():
    board = Board(every_s=30)
    board.collector.there = False
    board.run(4 * 3600)
    fresh = board.outbox.next_seq
    assert board.outbox.dropped
    assert board.collector.sent - fresh < 16 * 100, (
        board.collector.sent - fresh
    )  # 16 each 5 min, and a few sooner


def test_a_record_that_is_never_settled_costs_little_and_is_given_up():
    board = Board(capacity=512)
    box = board.outbox
    board.collector.settled = lambda low: (-1, [(1, box.next_seq - 1)] if box.next_seq > 1 else [])
    board.run(1500)
    again = board.collector.sent - box.next_seq
    assert 3 <= again <= 20, again


def test_a_committed_beyond_every_number_frees_what_was_sent_and_no_more():
    for seq, also in (
        (4294967295, ()),
        (-1, ((0, 4294967295),)),
        (-1, ((0, 9), (4294967290, 4294967295))),
        (-1, ((0, 9), (1 << 70, 1 << 71))),
    ):
        outbox = Outbox(BOOT, 64)
        for n in range(10):
            outbox.add(Record(NOW_MS + n, "ntp", {"co2_ppm": 812}, None))
        outbox.sent(outbox.message())
        outbox.add(Record(NOW_MS + 99, "ntp", {"co2_ppm": 812}, None))
        assert outbox.committed(BOOT, seq, also) == 10
        assert (outbox.depth, outbox.low, outbox.pending) == (1, 10, 1)


def test_a_message_that_the_contract_refuses_is_taken_apart_and_its_bad_record_dropped():
    outbox = Outbox(BOOT, 64)
    for n in range(5):
        outbox.add(Record(NOW_MS + n, "ntp", {"co2_ppm": True if n == 2 else 812}, None))
    whole = outbox.message()
    outbox.refuse(whole)
    alone = []
    while outbox.pending:
        message = outbox.message()
        assert len(message.rows) == 1
        alone.append(message.seq)
        if message.seq == 2:
            outbox.refuse(message)
        else:
            outbox.sent(message)
    assert alone == [0, 1, 2, 3, 4]
    assert (outbox.dropped, outbox.depth, outbox.in_flight) == (1, 4, 4)
