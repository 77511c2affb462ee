"""Journal → stores. What the journal holds above the store's cursor is written, in order, and then forgotten."""

import threading
from collections import deque
from collections.abc import Callable

from campus.records import Records
from campus.telemetry import Readings, TelemetryStore
from collector.boards import Boards
from collector.intake import LATE_MS, Batch, Intake
from collector.journal import Journal

MAX_READINGS = 50_000
"""Written in one step."""
MAX_HANDED = 200_000
"""Readings held decoded for the store; past it they are read again from the journal."""
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
        self.problem: str | None = None
        self.readings = 0
        journal.start_after(telemetry.cursor())

    def hand(self, number: int, batch: Batch) -> None:
        """Take a batch that the journal now has; decoded as it is, it need not be read from there."""
        if not number:
            return
        batch.kept = []
        with self._lock:
            self.newest = number
            if self._held < MAX_HANDED:
                self._handed.append((number, batch))
                self._held += len(batch.readings)

    def project(self) -> int:
        """Bring the stores one step on; returns the number of batches. Raises StoreError when one is away."""
        cursor = self._telemetry.cursor()
        batches = self._next(cursor)
        if not batches:
            self._boards.flush(self._records)
            self._forget(cursor)
            return 0
        number = batches[-1][0]
        readings = _joined([batch.readings for _, batch in batches])
        self._boards.flush(self._records)
        self._note_late(batches)
        self._telemetry.write(number, readings)
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
        """The batches after `cursor`, about MAX_READINGS of them."""
        found: list[tuple[int, Batch]] = []
        size = 0
        with self._lock:
            while self._handed and self._handed[0][0] <= cursor:
                self._held -= len(self._handed.popleft()[1].readings)
            while self._handed and self._handed[0][0] == cursor + 1 and size < MAX_READINGS:
                number, batch = self._handed.popleft()
                self._held -= len(batch.readings)
                size += len(batch.readings)
                found.append((number, batch))
                cursor = number
        if found:
            return found
        for number, kept in self._journal.batches(cursor):
            batch = self._intake.replay(kept)
            self._boards.saw(batch.sightings, again=True)
            found.append((number, batch))
            size += len(batch.readings)
            if size >= MAX_READINGS:
                break
        return found

    def _forget(self, number: int) -> None:
        if number > self._dropped or self._journal.short_of_space():
            self._journal.drop(number)
            self._dropped = number


def _joined(parts: list[Readings]) -> Readings:
    if len(parts) == 1:
        return parts[0]
    joined = Readings()
    for part in parts:
        first = len(joined.series)
        joined.series += part.series
        joined.which += [first + which for which in part.which]
        joined.observed_at_ms += part.observed_at_ms
        joined.value += part.value
        joined.quality += part.quality
    return joined
