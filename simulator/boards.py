"""The boards of a virtual school, in history: firmware/board's Sampler and Outbox under a virtual clock."""

from collections.abc import Coroutine, Iterator
from typing import Any

from campus.wire.telemetry import Telemetry
from firmware.board.outbox import Outbox
from firmware.board.sampling import Sampler
from simulator.faults import CLOCK_SKEW, LOST
from simulator.people import MINUTES
from simulator.rooms import Room
from simulator.school import MINUTE_MS, School
from simulator.sensors import MinuteFeed, sensors
from simulator.shelf import Shelf
from simulator.world import WARM_UP_MINUTES, Day

BACKLOG = 24  # records: more than one message of 1 KiB holds


KEPT = 256


class VirtualClock:
    """A clock that stands still until it is set. Same methods as firmware.board.clock.Clock."""

    def __init__(self) -> None:
        self.ms = 0
        self.word = "ntp"

    def now_ms(self) -> int:
        return self.ms

    def ticks_ms(self) -> int:
        return self.ms

    def quality(self) -> str:
        return self.word


def phase_ms(school: School, room: Room) -> int:
    """When in each minute a board measures: late, so that its movement is reported in it; not all at once."""
    return int(school.hex_id(8, "phase", room.board), 16) % 9_000 + 50_500


class HistoryBoard:
    """One board through one-minute samples. Each local day is a boot of its own, and so is each return of power;
    a record's number is its minute within the boot. So a minute has one identity, whatever range asked for it."""

    def __init__(self, school: School, room: Room) -> None:
        self._school, self.room = school, room
        self._feed = MinuteFeed()
        self._clock = VirtualClock()
        self._sampler = Sampler(sensors(room, self._feed), self._clock)
        self._phase_ms = phase_ms(school, room)
        self._boots: list[tuple[int, int, int]] = []
        self._boot = -1
        self.offset_ms = 0
        self._whole = True
        self._outbox = _outbox("0" * 16)

    @property
    def phase_ms(self) -> int:
        """When in each minute this board measures."""
        return self._phase_ms

    def load(self, day: Day) -> None:
        """Go to the start of a local day."""
        self._day = day
        self._feed.load(day, self.room)
        lost, skew = day.fault(self.room, LOST), day.fault(self.room, CLOCK_SKEW)
        self._boots = [(0, MINUTES, 0)]  # (first minute, end, first minute with valid air)
        if lost is not None:
            back = lost.end_minute
            self._boots = [(0, lost.start_minute, 0), (back, MINUTES, back + WARM_UP_MINUTES)]
        self._boot = -1
        self.offset_ms = skew.offset_ms if skew is not None else 0
        self._clock.word = "hold" if skew is not None else "ntp"

    def run(self, first: int, end: int, last: bool) -> Iterator[Telemetry]:
        """Measure the minutes [first, end) of the loaded day; the messages of at most 1 KiB that carry them.

        Up to BACKLOG records wait for the next call, so that messages are full, unless this call is the `last`.
        Once the consumer asks for the next message, the one before is committed.
        """
        for number, (power, off, warm) in enumerate(self._boots):
            start, stop = max(first, power), min(end, off)
            if start >= stop:
                continue
            self._feed.warm_from = warm
            yield from self._send(number, power, start, stop, 0 if last or stop == off else BACKLOG)

    def _send(self, number: int, power: int, start: int, stop: int, keep: int) -> Iterator[Telemetry]:
        feed, clock, sample = self._feed, self._clock, self._sampler.sample
        box = self._outbox
        if number != self._boot or box.next_seq != start - power:
            self._boot = number
            boot = self._school.hex_id(16, "history", self.room.board, self._day.date, number)
            box = self._outbox = _outbox(boot)
            box.next_seq = box.low = start - power
            self._whole = start == power
        origin = self._day.start_ms + self._phase_ms + self.offset_ms
        for minute in range(start, stop):
            feed.minute = minute
            clock.ms = origin + minute * MINUTE_MS
            box.add(now(sample(True)))
            if box.depth == box.capacity:
                yield from self._drain(keep)
        yield from self._drain(keep)

    def _drain(self, keep: int) -> Iterator[Telemetry]:
        box = self._outbox
        while box.pending > keep and (telemetry := box.message()) is not None:
            box.sent(telemetry)
            # A range that begins within a boot leaves what is before it to another range: it is kept, not lost.
            yield telemetry if self._whole else telemetry._replace(low=0)
            box.committed(box.boot, telemetry.seq + telemetry.rows[-1][0])


def _outbox(boot: str) -> Outbox:
    """A board's outbox that keeps records as they are: a computer has the memory that a board saves."""
    return Outbox(boot, KEPT, Shelf(KEPT))


def now(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise RuntimeError("a simulated sensor waited")
