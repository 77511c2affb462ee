"""The collector's own durable memory, one SQLite file: what arrived and is not yet in every store, which records are
settled, what was rejected. A batch is one transaction with a number; what it holds survives a power cut.
"""

import json
import secrets
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

from campus.errors import StoreError
from collector.ledger import BootKey, BootLedger, Ledger
from collector.messages import DeadLetter, Kept, pack, unpack

SCHEMA = 1
MAX_BYTES = 4 * 1024**3
MIN_FREE_BYTES = 64 * 1024**2
MAX_DEAD_LETTERS = 1_000
DEAD_LETTER_BYTES = 2_048

TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE batches (number INTEGER PRIMARY KEY AUTOINCREMENT, messages BLOB NOT NULL);
CREATE TABLE settled (site TEXT, board TEXT, boot TEXT, low INTEGER NOT NULL, ranges TEXT NOT NULL,
  offset_ms INTEGER, offset_told INTEGER NOT NULL, closed INTEGER NOT NULL,
  PRIMARY KEY (site, board, boot)) WITHOUT ROWID;
CREATE TABLE dead_letters (id INTEGER PRIMARY KEY AUTOINCREMENT, received_at_ms INTEGER NOT NULL, cause TEXT NOT NULL,
  topic TEXT NOT NULL, payload BLOB NOT NULL);
CREATE TABLE dead_counts (cause TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE late (site TEXT, board TEXT, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, number INTEGER NOT NULL,
  PRIMARY KEY (site, board)) WITHOUT ROWID;
"""


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
    messages, nothing more is taken.
    """

    def __init__(
        self,
        path: Path,
        max_bytes: int = MAX_BYTES,
        min_free_bytes: int = MIN_FREE_BYTES,
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self.path = path
        self._max_bytes, self._min_free_bytes, self._free_bytes = max_bytes, min_free_bytes, free_bytes
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
            self._open()
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"The journal {path} cannot be opened: {error}. Check the folder and its disk."
            ) from error

    def _open(self) -> None:
        db = self._db
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA:
            db.close()
            raise StoreError(
                f"The journal {self.path} was made by a newer version of Campus Monitor: upgrade this one."
            )
        if version == 0:
            db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        if version == 0:
            with self._transaction():
                for statement in filter(str.strip, TABLES.split(";")):
                    db.execute(statement)
                db.execute("INSERT INTO meta VALUES ('identity', ?)", (secrets.token_hex(6),))
                db.execute(f"PRAGMA user_version = {SCHEMA}")
        self._waiting = db.execute("SELECT coalesce(sum(length(messages)), 0) FROM batches").fetchone()[0]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @property
    def identity(self) -> str:
        """A random name, the same for the life of the file: what the broker's session hangs on."""
        with self._lock:
            return str(self._db.execute("SELECT value FROM meta WHERE name = 'identity'").fetchone()[0])

    def append(
        self,
        messages: Sequence[Kept],
        settled: Sequence[tuple[BootKey, BootLedger]],
        dead_letters: Sequence[DeadLetter] = (),
        late: Sequence[tuple[str, str, int, int]] = (),
    ) -> int:
        """Keep a batch durably and return its number; 0 if it holds no message to store."""
        blob = pack(messages) if messages else b""
        if self._waiting + len(blob) > self._max_bytes:
            raise JournalError(
                "The journal is full: the store takes nothing, and what waits has reached its limit."
            )
        with self._lock:
            try:
                if self._free_bytes(self.path.parent) < self._min_free_bytes:
                    raise JournalError(
                        f"The disk of {self.path.parent} is full: make room, and it goes on by itself."
                    )
                with self._transaction():
                    number = self._append(blob, settled, dead_letters, late)
            except (sqlite3.Error, OSError) as error:
                raise JournalError(f"The journal {self.path} cannot be written: {error}.") from error
            self._waiting += len(blob)
        return number

    def _append(
        self,
        blob: bytes,
        settled: Sequence[tuple[BootKey, BootLedger]],
        dead_letters: Sequence[DeadLetter],
        late: Sequence[tuple[str, str, int, int]],
    ) -> int:
        db = self._db
        number = 0
        if blob:
            number = db.execute("INSERT INTO batches (messages) VALUES (?)", (blob,)).lastrowid or 0
        db.executemany(
            "INSERT OR REPLACE INTO settled VALUES (?, ?, ?, ?, ?, ?, ?, ?)", map(_settled_row, settled)
        )
        if dead_letters:
            self._bury(dead_letters)
        self._note_late([(*each, number) for each in late])
        return number

    def _note_late(self, rows: Sequence[tuple[str, str, int, int, int]]) -> None:
        self._db.executemany(
            "INSERT INTO late VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET first_ms = min(first_ms, "
            "excluded.first_ms), last_ms = max(last_ms, excluded.last_ms), number = max(number, excluded.number)",
            rows,
        )

    def add_late(self, rows: Sequence[tuple[str, str, int, int, int]]) -> None:
        """(site, board, first_ms, last_ms, number): came in time, and is late by now. Raises StoreError."""
        if rows:
            with self._writing():
                self._note_late(rows)

    def _bury(self, letters: Sequence[DeadLetter]) -> None:
        db = self._db
        counts: dict[str, int] = {}
        for letter in letters:
            counts[letter.cause] = counts.get(letter.cause, 0) + 1
        db.executemany(
            "INSERT INTO dead_counts VALUES (?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
            counts.items(),
        )
        newest = letters[-MAX_DEAD_LETTERS:]
        db.executemany(
            "INSERT INTO dead_letters (received_at_ms, cause, topic, payload) VALUES (?, ?, ?, ?)",
            [
                (e.received_at_ms, e.cause, _text(e.topic)[:512], e.payload[:DEAD_LETTER_BYTES])
                for e in newest
            ],
        )
        db.execute(
            "DELETE FROM dead_letters WHERE id <= (SELECT max(id) FROM dead_letters) - ?", (MAX_DEAD_LETTERS,)
        )

    def batches(self, after: int) -> Iterator[tuple[int, list[Kept]]]:
        """(number, messages) of each batch above `after`, in order. Raises StoreError."""
        while True:
            row = self._one(
                "SELECT number, messages FROM batches WHERE number > ? ORDER BY number LIMIT 1", (after,)
            )
            if row is None:
                return
            after = row[0]
            yield after, unpack(row[1])

    def drop(self, through: int) -> None:
        """Forget the batches up to a number: every store has them. Raises StoreError."""
        with self._writing():
            where = "FROM batches WHERE number <= ?"
            gone = self._db.execute(
                f"SELECT coalesce(sum(length(messages)), 0) {where}", (through,)
            ).fetchone()[0]
            self._db.execute(f"DELETE {where}", (through,))
        with self._writing(transaction=False):
            self._waiting -= gone
            self._db.execute("PRAGMA incremental_vacuum(2000)").fetchall()

    def start_after(self, number: int) -> None:
        """Number batches above `number`: the store's cursor, which is ahead where this file was lost."""
        with self._writing():
            self._db.execute("INSERT INTO sqlite_sequence (name, seq) SELECT 'batches', 0 WHERE NOT EXISTS "
                             "(SELECT 1 FROM sqlite_sequence WHERE name = 'batches')")  # fmt: skip
            self._db.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'batches'", (number,))

    def ledger(self) -> Ledger:
        """Everything that was ever settled."""
        with self._lock:
            rows = self._db.execute("SELECT * FROM settled").fetchall()
        return Ledger(
            (BootKey(*row[:3]), BootLedger(row[3], json.loads(row[4]), row[5], bool(row[6]), row[7]))
            for row in rows
        )

    def late(self) -> list[Late]:
        with self._lock:
            return [Late(*row) for row in self._db.execute("SELECT * FROM late")]

    def clear_late(self, done: Sequence[tuple[str, str, int]]) -> None:
        """(site, board, number): what was late up to that batch has been derived from. Raises StoreError."""
        if done:
            with self._writing():
                self._db.executemany("DELETE FROM late WHERE site = ? AND board = ? AND number <= ?", done)

    def dead_letters(self, limit: int = MAX_DEAD_LETTERS) -> list[DeadLetter]:
        """The newest first."""
        with self._lock:
            rows = self._db.execute(
                "SELECT received_at_ms, cause, topic, payload FROM dead_letters ORDER BY id DESC LIMIT ?",
                (limit,),
            ).fetchall()
        return [DeadLetter(*row) for row in rows]

    def dead_counts(self) -> dict[str, int]:
        """How many were ever rejected, by cause."""
        with self._lock:
            return dict(self._db.execute("SELECT cause, count FROM dead_counts ORDER BY cause"))

    @property
    def waiting_bytes(self) -> int:
        """Size of the messages that some store does not have yet."""
        return self._waiting

    def _one(self, statement: str, values: tuple[int, ...]) -> "tuple[int, bytes] | None":
        try:
            with self._lock:
                found: tuple[int, bytes] | None = self._db.execute(statement, values).fetchone()
                return found
        except sqlite3.Error as error:
            raise StoreError(f"The journal {self.path} cannot be read: {error}.") from error

    @contextmanager
    def _writing(self, transaction: bool = True) -> Iterator[None]:
        try:
            with self._lock, self._transaction() if transaction else nullcontext():
                yield
        except sqlite3.Error as error:
            raise StoreError(f"The journal {self.path} cannot be written: {error}.") from error


def _settled_row(entry: tuple[BootKey, BootLedger]) -> tuple[object, ...]:
    key, boot = entry
    if len(boot.ranges) == 1:
        ranges = f"[[{boot.ranges[0][0]},{boot.ranges[0][1]}]]"
    else:
        ranges = json.dumps(boot.ranges, separators=(",", ":"))
    return (*key, boot.low, ranges, boot.offset_ms, boot.offset_told, boot.closed)


def _text(topic: str) -> str:
    return topic.encode("utf-8", "replace").decode()
