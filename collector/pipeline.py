"""The collector's steps wired to its stores, without threads and without a broker: the same for service and tests."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from campus.live import Live
from campus.records import Records
from campus.telemetry import TelemetryStore
from collector.batch import Batch, Sighting
from collector.boards import Boards
from collector.connectivity import Connectivity
from collector.derive import Deriver
from collector.ingest import CAPACITY, Collector
from collector.intake import Intake
from collector.journal import Journal
from collector.live import LiveRooms, Step
from collector.places import Places
from collector.progress import Told
from collector.project import Projector


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Pipeline:
    """`offer()` messages, then `pump()`: they are durable and in the store. `derive()` makes intervals and facts.

    `clock_ms` is the time of everything here, so that a recording can be run with its own. Opens `journal.sqlite`
    in `data`; the stores are the caller's. Raises StoreError.
    """

    def __init__(
        self,
        data: Path,
        records: Records,
        telemetry: TelemetryStore,
        live: Live,
        clock_ms: Callable[[], int] = now_ms,
        acknowledge: Callable[[Sequence[Any]], Any] = lambda tickets: None,
        publish: Callable[[str, bytes], Any] = lambda topic, payload: None,
        heard: Callable[[Sequence[Sighting]], None] = lambda sightings: None,
        capacity: int = CAPACITY,
        journal: Journal | None = None,
        unique: bool = True,
        limited: bool = True,
    ) -> None:
        self.clock_ms, self._heard = clock_ms, heard
        self.records, self.telemetry = records, telemetry
        self.journal = journal or Journal(data / "journal.sqlite")
        self.places = Places(records, clock_ms)
        self.intake = Intake(self.journal.ledger(), self.journal.unsynced, unique, self.places.zone)
        self.boards = Boards(live, self.places.room_of)
        self.boards.load(records)
        self.connectivity = Connectivity(records, self.places)
        self.connectivity.handed(clock_ms())  # nothing was received before
        self.boards.follow = self.connectivity.saw
        self.deriver = Deriver(
            records,
            telemetry,
            self.places,
            clock_ms,
            Told(
                cleared=self.journal.clear_late,
                changed=lambda *room: self.rooms.resume(*room),
                learned=lambda *news: self.rooms.learned(*news),
                doubted=lambda site, room, found: live.set_doubts(
                    site, room, [one._asdict() for one in found]
                ),
            ),
        )
        self.rooms = LiveRooms(
            live, self.places, telemetry, self.deriver.state, self.deriver.learned_since, self.boards.set_rssi
        )
        self.projector = Projector(
            self.journal, self.intake, telemetry, records, self.boards, self.deriver.touched, clock_ms
        )  # fmt: skip
        self.collector = Collector(
            self.journal, self.intake, clock_ms, self._hand, acknowledge, publish, capacity=capacity, limited=limited
        )  # fmt: skip
        for late in self.journal.late():
            self.deriver.touched(*late)

    def _hand(self, number: int, batch: Batch) -> None:
        self.boards.saw(batch.sightings)
        if batch.sightings:
            self.connectivity.handed(max(heard.at_ms for heard in batch.sightings))
        self._heard(batch.sightings)
        self.rooms.heard(batch.readings, self.clock_ms())
        self.projector.hand(number, batch)

    def offer(self, topic: str, payload: bytes, received_at_ms: int | None = None) -> None:
        self.collector.offer(topic, payload, received_at_ms)

    def pump(self) -> None:
        """Ingest and project everything that waits. Raises StoreError (JournalError) where one is away."""
        while self.collector.ingest():
            pass
        while self.projector.project():
            pass
        self.collector.tell_committed()

    def derive(self, until_ms: int | None = None) -> int:
        """Intervals and facts of every room up to SETTLE_MS before `until_ms` (default: now). Returns room-days."""
        return self.deriver.derive(until_ms)

    def tick(self) -> list[Step]:
        """Step the live presence of every room through the minutes that are over."""
        self.boards.judge_silence(self.clock_ms())
        return self.rooms.tick(self.clock_ms())

    def listen(self) -> None:
        """Note that we listen, where we do: to be called every few seconds. Waits for no store."""
        self.connectivity.listen(self._seen_ms(), self.boards.listening_ms)

    def follow(self) -> None:
        """Store availability, incidents and days of boards, as far as we listened. Raises StoreError."""
        self.connectivity.turn(self._seen_ms(), self.boards.listening_ms)

    def _seen_ms(self) -> int:
        """What was received up to then has been taken in; messages that wait in the queue hold it back."""
        now = self.clock_ms()
        return min(now, self.connectivity.handed_ms) if self.collector.queued else now

    def close(self) -> None:
        self.journal.close()
