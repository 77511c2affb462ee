"""Journal → stores. What the journal holds above the store's cursor is written, in order, and then forgotten."""

import logging
import threading
from collections import deque
from collections.abc import Callable

from campus.records import Records
from campus.telemetry import Readings, TelemetryStore
from collector.batch import LATE_MS, Batch
from collector.boards import Boards
from collector.intake import Intake
from collector.journal import Journal

log = logging.getLogger(__name__)

MAX_READINGS = 50_000
"""Written in one step."""
MAX_HANDED = 200_000
"""Readings held decoded for the store; past it they are read again from the journal."""
BATCH_READINGS = 50
"""A batch takes as much memory as so many readings, however few it has: 3.6 kB were measured."""
DROP_EVERY = 20

Touched = Callable[[str, str, int, int, int], None]
"""(site, board, first_ms, last_ms, number): the store now has these."""


class Projector:
    """`hand` is called by the ingesting thread, `project` by one other."""

    def __init__(
        self,
        journal: Journal,
        intake: Intake,
        telemetry: TelemetryStore,
        records: Records,
        boards: Boards,
        touched: Touched,
        clock_ms: Callable[[], int] = lambda: 0,
    ) -> None:
        self._journal, self._intake = journal, intake
        self._telemetry, self._records = telemetry, records
        self._boards, self._touched, self._clock_ms = boards, touched, clock_ms
        self._lock = threading.Lock()
        self._handed: deque[tuple[int, Batch]] = deque()
        self._held = 0
        self._dropped = 0
        self.newest = 0  # batch that was handed in last
        self.through = telemetry.cursor()  # batch up to which the store has everything, and deriving knows
        self.pressed = False  # the last step took as much as it may: there is more
        self.readings = 0
        self.missing = journal.missing_after(self.through)
        if self.missing:
            log.warning(
                "The store was set back, and %d batches after it are in no journal any more.", self.missing
            )
        journal.start_after(self.through)

    def hand(self, number: int, batch: Batch) -> None:
        """Take a batch that the journal now has; decoded as it is, it need not be read from there."""
        if not number:
            return
        batch.kept = []
        with self._lock:
            self.newest = number
            if self._held < MAX_HANDED:
                self._handed.append((number, batch))
                self._held += _weight(batch)

    def project(self) -> int:
        """Bring the stores one step on; returns the number of batches. Raises StoreError when one is away."""
        cursor = self._telemetry.cursor()
        batches = self._next(cursor)
        self.pressed = sum(_weight(batch) for _, batch in batches) >= MAX_READINGS
        if not batches:
            self._boards.flush(self._records)
            self._forget(cursor)
            return 0
        number = batches[-1][0]
        readings, removed = _joined([batch.readings for _, batch in batches]), batches[0][1].removed
        self._boards.flush(self._records)
        self._note_late(batches)
        self._telemetry.write(number, readings, removed if len(removed) else None)
        self.readings += len(readings)
        for each, batch in batches:
            for spans in (batch.late, batch.spans):
                for (site, board), (first_ms, last_ms) in spans.items():
                    self._touched(site, board, first_ms, last_ms, each)
        self.through = number
        if number - self._dropped >= DROP_EVERY:
            self._forget(number)
        return len(batches)

    def _note_late(self, batches: list[tuple[int, Batch]]) -> None:
        """What came in time and waited for the store: rooms may be derived past it, which a crash must not forget."""
        before_ms = self._clock_ms() - LATE_MS
        self._journal.add_late(
            [
                (*board, *span, number)
                for number, batch in batches
                for board, span in batch.spans.items()
                if span[0] < before_ms
            ]
        )

    def _next(self, cursor: int) -> list[tuple[int, Batch]]:
        """The batches after `cursor`, of about MAX_READINGS; only the first may have readings to be removed.

        The store removes before it adds, and what is removed may be of the batch before.
        """
        found: list[tuple[int, Batch]] = []
        size = 0
        with self._lock:
            while self._handed and self._handed[0][0] <= cursor:
                self._held -= _weight(self._handed.popleft()[1])
            while self._handed and self._handed[0][0] == cursor + 1 and size < MAX_READINGS:
                if found and self._handed[0][1].removed:
                    break
                number, batch = self._handed.popleft()
                self._held -= _weight(batch)
                size += _weight(batch)
                found.append((number, batch))
                cursor = number
        if found:
            return found
        for number, kept in self._journal.batches(cursor):
            batch = self._intake.replay(kept)
            if found and batch.removed:
                break
            self._boards.saw(batch.sightings, again=True)
            found.append((number, batch))
            size += _weight(batch)
            if size >= MAX_READINGS:
                break
        return found

    def _forget(self, number: int) -> None:
        if number > self._dropped or self._journal.short_of_space():
            self._journal.drop(number)
            self._dropped = number


def _weight(batch: Batch) -> int:
    return BATCH_READINGS + len(batch.readings) + len(batch.removed)


def _joined(parts: list[Readings]) -> Readings:
    if len(parts) == 1:
        return parts[0]
    joined = Readings()
    for part in parts:
        first, at = len(joined.series), len(joined)
        joined.series += part.series
        joined.which += [first + which for which in part.which]
        joined.observed_at_ms += part.observed_at_ms
        joined.value += part.value
        joined.quality += part.quality
        joined.received |= {at + index: received_at_ms for index, received_at_ms in part.received.items()}
    return joined
