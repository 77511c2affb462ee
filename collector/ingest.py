"""Queue → journal → acknowledge → `committed`. The order is the promise: see docs/collector.md."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from campus.errors import StoreError
from campus.wire.server import encode_committed
from campus.wire.topics import board_topic
from collector.batch import Batch, BoardKey
from collector.intake import FAULT, Intake
from collector.journal import Journal, JournalError
from collector.ledger import BootKey
from collector.limits import FLOOD, Limits
from collector.messages import DeadLetter, Message

log = logging.getLogger(__name__)

CAPACITY = 10_000
BATCH = 1_000
QUEUE_BYTES = 16 * 1024**2
BATCH_BYTES = 1024**2  # of payload; decoded it is up to a hundred times that
COMMITTED_EVERY_S = 1.0


class Collector:
    """Takes messages in and makes them durable. `ingest()` is called by one thread; the rest by any.

    `acknowledge(tickets)` and `publish(topic, payload)` reach the broker; `hand(number, batch)` receives each batch
    after it is durable and acknowledged. `monotonic` paces `committed`.
    """

    def __init__(
        self,
        journal: Journal,
        intake: Intake,
        clock_ms: Callable[[], int],
        hand: Callable[[int, Batch], None],
        acknowledge: Callable[[Sequence[Any]], Any] = lambda tickets: None,
        publish: Callable[[str, bytes], Any] = lambda topic, payload: None,
        monotonic: Callable[[], float] = time.monotonic,
        capacity: int = CAPACITY,
        limited: bool = True,
    ) -> None:
        self._journal, self._intake = journal, intake
        self._clock_ms, self._monotonic = clock_ms, monotonic
        self._hand, self._acknowledge, self._publish = hand, acknowledge, publish
        self.capacity = capacity
        self.limits = Limits(monotonic) if limited else Limits(monotonic, burst=float("inf"))
        self._queue: deque[Message] = deque()
        self._space = threading.Condition()
        self._adding = threading.Lock()
        self._bytes = 0  # of payload in the queue
        self._closed = False
        self._waiting = self._in_hand = 0
        self._pending: tuple[list[Message], Batch, dict[str, int]] | None = None
        self._due: dict[BootKey, None] = {}
        self._told: dict[BoardKey, float] = {}
        self.threaded = False  # whether somebody else calls ingest(), so that offer() may wait
        self.problem: str | None = None
        self.received = self.dropped = self.records = self.duplicates = self.rejected = self.refused = 0
        self.committed_sent = 0

    def on_message(self, message: Message) -> bool:
        """Only enqueues; False, and counted, when the queue is full."""
        if self.room <= 0:
            self.dropped += 1
            return False
        self._add(message)
        return True

    def _add(self, message: Message, offered: bool = False) -> None:
        with self._adding:
            if offered and self._closed:
                raise JournalError("The collector has stopped: nothing more is taken.")
            self._queue.append(message)
            self._bytes += len(message.payload)

    def offer(self, topic: str, payload: bytes, received_at_ms: int | None = None) -> None:
        """Hand in a message from this process; waits while the queue is full. Durable once ingested.

        Without a thread behind the queue it ingests itself when full, and raises JournalError when that fails;
        also after `close()`.
        """
        at_ms = self._clock_ms() if received_at_ms is None else received_at_ms
        message = Message(topic, payload, at_ms, offered=True)
        while self.room <= 0 and not self._closed:
            if not self.threaded:
                self.ingest()
                continue
            with self._space:
                self._waiting += 1
                self._space.wait(0.1)
                self._waiting -= 1
        self._add(message, offered=True)

    def close(self) -> None:
        """Take nothing more from this process; what the queue holds can still be ingested."""
        with self._adding:
            self._closed = True

    @property
    def room(self) -> int:
        """How many messages the queue can take now."""
        return self.capacity - len(self._queue) if self._bytes < QUEUE_BYTES else 0

    @property
    def queued(self) -> int:
        """Messages that are not yet durable; never 0 while a batch is in hand."""
        return len(self._queue) + self._in_hand

    def ingest(self) -> int:
        """Make the next batch durable, then acknowledge it; returns its messages, 0 when nothing waits.

        Raises JournalError when the journal takes nothing now: the batch is kept, nothing of it is
        acknowledged, and the next call tries the same batch again.
        """
        if self._pending is None:
            self._in_hand = min(BATCH, len(self._queue))
            if not self._in_hand:
                return 0
            self._pending = self._prepare(self._take())
        messages, batch, uncounted = self._pending
        number = 0
        if batch.kept or batch.changed or batch.dead or uncounted:
            late = [(*board, *span) for board, span in batch.late.items()]
            try:
                number = self._journal.append(
                    batch.kept, list(batch.changed.items()), batch.dead, late, uncounted, batch.unsynced
                )
            except JournalError as error:
                self.problem = str(error)
                raise
        self.problem = None
        self._pending = None
        if len(messages) < BATCH // 2:  # what had waited at the broker is through
            self.limits.lenient = False
        self._acknowledge([message.ticket for message in messages])
        self._due |= batch.due
        self._count(messages, batch, sum(uncounted.values()))
        try:
            self._hand(number, batch)
        finally:
            self._in_hand = 0
        return len(messages)

    def _prepare(self, messages: list[Message]) -> tuple[list[Message], Batch, dict[str, int]]:
        """(messages, their batch, by cause how many more are rejected of which nothing is kept).

        Where the batch as a whole fails, by a fault of ours, fewer messages are tried, down to one, which is put aside.
        """
        admitted, letters, more = self.limits.admit(messages)
        try:
            batch = self._intake.prepare(admitted)
        except Exception:
            log.exception("A batch of %d messages could not be taken in", len(messages))
            try:
                self._intake.reset(self._journal.ledger())  # it may be ahead of what is durable
            except StoreError as error:
                self._put_back(messages)
                self.problem = str(error)
                raise JournalError(self.problem) from error
            half = len(messages) // 2
            if half:
                self._put_back(messages[half:])
                return self._prepare(messages[:half])
            batch = Batch(dead=[DeadLetter(m.received_at_ms, FAULT, m.topic, m.payload) for m in admitted])
        batch.dead += letters
        return messages, batch, {FLOOD: more} if more else {}

    def _put_back(self, messages: list[Message]) -> None:
        with self._adding:
            self._queue.extendleft(reversed(messages))
            self._bytes += sum(len(message.payload) for message in messages)
        self._in_hand -= len(messages)

    def _take(self) -> list[Message]:
        messages: list[Message] = []
        size = 0
        while len(messages) < self._in_hand and (size < BATCH_BYTES or not messages):
            messages.append(self._queue.popleft())
            size += len(messages[-1].payload)
        self._in_hand = len(messages)
        with self._adding:
            self._bytes -= size
        if self._waiting:
            with self._space:
                self._space.notify_all()
        return messages

    def _count(self, messages: list[Message], batch: Batch, uncounted: int) -> None:
        self.received += len(messages) - batch.canaries
        self.records += batch.records
        self.duplicates += batch.duplicates
        self.rejected += len(batch.dead) - batch.refused + uncounted
        self.refused += batch.refused

    def tell_committed(self) -> int:
        """Send what is settled to the boards that wait for it, each at most once a second. Returns how many."""
        if not self._due:
            return 0
        now, sent = self._monotonic(), 0
        # The ledger is ahead of the journal where a batch could not be kept: of that, nothing is promised.
        uncertain = self._pending[1].changed if self._pending is not None else {}
        for key in list(self._due):
            board = (key.site, key.board)
            if key in uncertain or now - self._told.get(board, -COMMITTED_EVERY_S) < COMMITTED_EVERY_S:
                continue
            del self._due[key]
            self._told[board] = now
            through, also = self._intake.ledger.boot(key).committed()
            if self._publish(board_topic(*board, "committed"), encode_committed(key.boot, through, also)):
                sent += 1
        self.committed_sent += sent
        return sent
