"""How much one board may send, so that one that floods costs the others nothing and does not fill the disk."""

import logging
from collections.abc import Callable, Sequence

from collector.messages import DeadLetter, Message

log = logging.getLogger(__name__)

FLOOD = "flood"
"""Cause of dead letters beside those of the wire contract."""
RATE = 100.0
"""Messages a second of one board, each of at most 1 KiB; a larger one counts once more for each KiB. Many times what a
board with all its sensors sends while it drains a day's spool."""
BURST = 12_000.0
"""Messages it may send at once after a pause."""
KNOWN = 10_000
BOOTS = 200.0
BOOT_EVERY_S = 60.0
"""A board may start so often at once, and then once in so many seconds: its boots are remembered for ever."""
CALM_S = 10.0
"""So long within its limit, and a board counts as limited no more."""


class Limits:
    """A token bucket for each board's topic. `clock` gives monotonic seconds. Called by one thread.

    What is over the limit is acknowledged to the broker, and not settled: its board keeps it and sends it again.
    `lenient` lets everything pass: what waited at the broker while we were away is no flood, and its board may not
    have it any more.
    """

    def __init__(self, clock: Callable[[], float], rate: float = RATE, burst: float = BURST) -> None:
        self._clock, self._rate, self._burst = clock, rate, burst
        self._buckets: dict[str, tuple[float, float]] = {}  # topic -> (left, at)
        self._limited: dict[str, float] = {}  # topic -> when it was over its limit last
        self.lenient = False
        self.refused = 0

    @property
    def limited(self) -> list[str]:
        """Topics that were over their limit within the last seconds."""
        now = self._clock()
        return [topic for topic, at in list(self._limited.items()) if now - at < CALM_S]

    def admit(self, messages: Sequence[Message]) -> tuple[Sequence[Message], list[DeadLetter], int]:
        """(what may pass, in order; a letter for each topic newly over its limit; how many more are refused)."""
        if self.lenient:
            return messages, [], 0
        costs: dict[str, int] = {}
        for message in messages:
            if not message.offered:
                topic = message.topic
                costs[topic] = costs.get(topic, 0) + 1 + (len(message.payload) >> 10)
        now = self._clock()
        over: dict[str, float] = {}
        if len(self._buckets) > KNOWN:
            self._forget(now)
        for topic, cost in costs.items():
            left = self._left(topic, now)
            if cost > left:
                over[topic] = left
            else:
                self._buckets[topic] = left - cost, now
        return self._narrowed(messages, over, now) if over else (messages, [], 0)

    def _left(self, topic: str, now: float) -> float:
        bucket = self._buckets.get(topic)
        if bucket is None:
            return self._burst
        return min(self._burst, bucket[0] + (now - bucket[1]) * self._rate)

    def _narrowed(
        self, messages: Sequence[Message], over: dict[str, float], now: float
    ) -> tuple[Sequence[Message], list[DeadLetter], int]:
        passed: list[Message] = []
        letters: list[DeadLetter] = []
        refused = 0
        known, closed = set(self.limited), set[str]()
        for message in messages:
            topic = message.topic
            left = None if message.offered else over.get(topic)
            cost = 1 + (len(message.payload) >> 10)
            if left is None or (cost <= left and topic not in closed):
                passed.append(message)
                if left is not None:
                    over[topic] = left - cost
                continue
            closed.add(topic)  # what came later does not overtake it
            refused += 1
            if topic not in known:
                known.add(topic)
                log.warning("%s: more than %.0f messages a second; the rest is refused", topic, self._rate)
                letters.append(DeadLetter(message.received_at_ms, FLOOD, topic, message.payload))
            self._limited[topic] = now
        for topic, left in over.items():
            self._buckets[topic] = left, now
        self.refused += refused
        return passed, letters, refused - len(letters)

    def _forget(self, now: float) -> None:
        """Full buckets say nothing. Should there be too many others, all begin anew."""
        self._buckets = {
            topic: bucket for topic, bucket in self._buckets.items() if self._left(topic, now) < self._burst
        }
        if len(self._buckets) > KNOWN // 2:
            self._buckets.clear()
        self._limited = {topic: at for topic, at in self._limited.items() if now - at < CALM_S}


class NewBoots:
    """Which boards may begin one more boot. A clock that was set back stands still here."""

    def __init__(self, burst: float = BOOTS, every_s: float = BOOT_EVERY_S) -> None:
        self._burst, self._every_ms = burst, every_s * 1000
        self._boards: dict[tuple[str, str], tuple[float, int]] = {}  # (left, at_ms)

    def may(self, board: tuple[str, str], at_ms: int) -> bool:
        """Whether it may, heard at `at_ms` (Unix ms); it counts as done."""
        if len(self._boards) > KNOWN:
            self._boards.clear()
        left, before_ms = self._boards.get(board, (self._burst, at_ms))
        left = min(self._burst, left + max(0, at_ms - before_ms) / self._every_ms)
        allowed = left >= 1
        self._boards[board] = left - allowed, at_ms
        return allowed
