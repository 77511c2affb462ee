"""The collector's own durable memory, one SQLite file: what arrived and is not yet in every store, which records are
settled, what was rejected. A batch is one transaction with a number; what it holds survives a power cut.
"""

import json
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from campus.errors import StoreError
from collector import dead_letters
from collector.dead_letters import MAX_DEAD_LETTERS
from collector.journal_file import JournalFile
from collector.ledger import BootKey, BootLedger, Ledger
from collector.messages import DeadLetter, Kept, pack, unpack
from collector.unsynced import Applied, Change, Unsynced

MAX_BYTES = 4 * 1024**3
MIN_FREE_BYTES = 64 * 1024**2
KEEP_BYTES = 256 * 1024**2
"""Of messages that every store has, kept all the same: a store set back to a backup is brought up to date from them."""


class JournalError(StoreError):
    """The journal cannot take a batch now: nothing of it was kept, and nothing may be acknowledged."""


class Late(NamedTuple):
    """Observations of [first_ms, last_ms] that arrived late, up to batch `number`, and are not yet derived from."""

    site: str
    board: str
    first_ms: int
    last_ms: int
    number: int


class Journal:
    """Safe from any thread. `append` raises JournalError and leaves the file as it was; the same batch may come again.

    `free_bytes` tells the space left on the disk; below `min_free_bytes`, or above `max_bytes` of waiting
    messages, nothing more is taken, and of what the stores have nothing is kept.
    """

    def __init__(
        self,
        path: Path,
        max_bytes: int = MAX_BYTES,
        min_free_bytes: int = MIN_FREE_BYTES,
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
        keep_bytes: int = KEEP_BYTES,
    ) -> None:
        self.path = path
        self._max_bytes, self._min_free_bytes, self._free_bytes = max_bytes, min_free_bytes, free_bytes
        self._keep_bytes = keep_bytes
        self._file = JournalFile(path)
        self.unsynced = Unsynced(self._file)
        self._counting = threading.Lock()
        self._held = 0  # bytes of messages, those that are only kept included
        self._stored = 0  # of them, what every store has
        self._stored_through = 0
        self._holds = 0
        self._held = self._size(0)

    def close(self) -> None:
        self._file.close()

    @property
    def identity(self) -> str:
        """A random name, the same for the life of the file: what the broker's session hangs on."""
        with self._file.reading() as db:
            return str(db.execute("SELECT value FROM meta WHERE name = 'identity'").fetchone()[0])

    def append(
        self,
        messages: Sequence[Kept],
        settled: Sequence[tuple[BootKey, BootLedger]],
        letters: Sequence[DeadLetter] = (),
        late: Sequence[tuple[str, str, int, int]] = (),
        uncounted: Mapping[str, int] | None = None,
        unsynced: Change | None = None,
    ) -> int:
        """Keep a batch durably and return its number; 0 if it holds no message to store.

        `uncounted`: rejected messages of which nothing is kept, by cause. `unsynced`: see `Unsynced.apply`.
        """
        blob = pack(messages) if messages else b""
        if self.waiting_bytes + len(blob) > self._max_bytes:
            raise JournalError(
                "The journal is full: the store takes nothing, and what waits has reached its limit."
            )
        if problem := self.short_of_space():
            raise JournalError(problem)
        applied = Applied()
        try:
            with self._file.writing() as db:
                number = 0
                if blob:
                    number = db.execute("INSERT INTO batches (messages) VALUES (?)", (blob,)).lastrowid or 0
                db.executemany(
                    "INSERT OR REPLACE INTO settled VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    map(_settled_row, settled),
                )
                if letters or uncounted:
                    dead_letters.bury(db, letters, uncounted or {})
                _note_late(db, [(*each, number) for each in late])
                if unsynced:
                    applied = self.unsynced.apply(db, unsynced)
        except (StoreError, OSError) as error:
            raise JournalError(str(error)) from error
        self.unsynced.settle(applied)
        with self._counting:
            self._held += len(blob)
        return number

    def short_of_space(self) -> str | None:
        """A sentence where the disk has too little left to take anything, else None."""
        try:
            if self._free_bytes(self.path.parent) >= self._min_free_bytes:
                return None
        except OSError as error:
            return f"The disk of {self.path.parent} cannot be read: {error.strerror}."
        return f"The disk of {self.path.parent} is full: make room, and it goes on by itself."

    def add_late(self, rows: Sequence[tuple[str, str, int, int, int]]) -> None:
        """(site, board, first_ms, last_ms, number): came in time, and is late by now. Raises StoreError."""
        if rows:
            with self._file.writing() as db:
                _note_late(db, rows)

    def batches(self, after: int) -> Iterator[tuple[int, list[Kept]]]:
        """(number, messages) of each batch above `after`, in order. Raises StoreError."""
        while True:
            with self._file.reading() as db:
                row = db.execute(
                    "SELECT number, messages FROM batches WHERE number > ? ORDER BY number LIMIT 1", (after,)
                ).fetchone()
            if row is None:
                return
            after = row[0]
            yield after, unpack(row[1])

    def drop(self, through: int) -> None:
        """Every store has the batches up to a number: forget the oldest of them, but for `keep_bytes`.

        While `holding`, nothing is forgotten. Raises StoreError.
        """
        with self._counting:
            self._stored += self._size(self._stored_through, through)
            self._stored_through = max(through, self._stored_through)
            keep = 0 if self.short_of_space() else self._keep_bytes
            surplus = 0 if self._holds else self._stored - keep
        if surplus <= 0:
            return
        with self._file.writing() as db:
            last = gone = 0
            for number, size in db.execute(
                "SELECT number, length(messages) FROM batches WHERE number <= ? ORDER BY number", (through,)
            ):
                if gone >= surplus:
                    break
                last, gone = number, gone + size
            db.execute("DELETE FROM batches WHERE number <= ?", (last,))
        with self._counting:
            self._stored -= gone
            self._held -= gone
        self._file.shrink(2000)

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Nothing is dropped, nor taken as derived from, meanwhile: what copies the stores needs what they lack."""
        with self._counting:
            self._holds += 1
        try:
            yield
        finally:
            with self._counting:
                self._holds -= 1

    def copy_to(self, target: Path) -> None:
        """A consistent copy of the file at one moment; see `holding`. Raises StoreError."""
        self._file.copy_to(target)

    def missing_after(self, number: int) -> int:
        """How many batches above `number` are no longer here: 0, unless a store was set back further than we keep."""
        with self._file.reading() as db:
            first, newest = db.execute(
                "SELECT (SELECT min(number) FROM batches WHERE number > ?), "
                "(SELECT seq FROM sqlite_sequence WHERE name = 'batches')",
                (number,),
            ).fetchone()
        return max(0, (newest or 0) - number if first is None else first - number - 1)

    def start_after(self, number: int) -> None:
        """The store has everything up to `number`. New batches are numbered above it: it is ahead where this file was
        lost."""
        with self._file.writing() as db:
            db.execute("INSERT INTO sqlite_sequence (name, seq) SELECT 'batches', 0 WHERE NOT EXISTS "
                       "(SELECT 1 FROM sqlite_sequence WHERE name = 'batches')")  # fmt: skip
            db.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'batches'", (number,))
        stored = self._size(0, number)
        with self._counting:
            self._stored, self._stored_through = stored, number

    def ledger(self) -> Ledger:
        """Everything that was ever settled."""
        with self._file.reading() as db:
            rows = db.execute("SELECT * FROM settled").fetchall()
        return Ledger(
            (BootKey(*row[:3]), BootLedger(row[3], json.loads(row[4]), row[5], bool(row[6]), row[7]))
            for row in rows
        )

    def late(self) -> list[Late]:
        with self._file.reading() as db:
            return [Late(*row) for row in db.execute("SELECT * FROM late")]

    def clear_late(self, done: Sequence[tuple[str, str, int]]) -> None:
        """(site, board, number): what was late up to that batch has been derived from. Raises StoreError."""
        if done and not self._holds:
            with self._file.writing() as db:
                db.executemany("DELETE FROM late WHERE site = ? AND board = ? AND number <= ?", done)

    def dead_letters(self, limit: int = MAX_DEAD_LETTERS, cause: str | None = None) -> list[DeadLetter]:
        """The newest first; of one cause, or of all."""
        with self._file.reading() as db:
            return dead_letters.newest(db, limit, cause)

    def dead_counts(self) -> dict[str, int]:
        """How many were ever rejected, by cause."""
        with self._file.reading() as db:
            return dead_letters.counts(db)

    @property
    def waiting_bytes(self) -> int:
        """Size of the messages that some store does not have yet."""
        return self._held - self._stored

    def _size(self, after: int, through: int = 1 << 62) -> int:
        with self._file.reading() as db:
            found = db.execute(
                "SELECT coalesce(sum(length(messages)), 0) FROM batches WHERE number > ? AND number <= ?",
                (after, through),
            ).fetchone()
        return int(found[0])


def _note_late(db: sqlite3.Connection, rows: Sequence[tuple[str, str, int, int, int]]) -> None:
    db.executemany(
        "INSERT INTO late VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET first_ms = min(first_ms, "
        "excluded.first_ms), last_ms = max(last_ms, excluded.last_ms), number = max(number, excluded.number)",
        rows,
    )


def _settled_row(entry: tuple[BootKey, BootLedger]) -> tuple[object, ...]:
    key, boot = entry
    if len(boot.ranges) == 1:
        ranges = f"[[{boot.ranges[0][0]},{boot.ranges[0][1]}]]"
    else:
        ranges = json.dumps(boot.ranges, separators=(",", ":"))
    return (*key, boot.low, ranges, boot.offset_ms, boot.offset_told, boot.closed)
