"""The journal's SQLite file: opened safely, brought to this program's schema, one transaction at a time."""

import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from campus.errors import StoreError

MIGRATIONS = (
    """
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
""",
    """
CREATE TABLE unsynced (id INTEGER PRIMARY KEY AUTOINCREMENT, site TEXT NOT NULL, board TEXT NOT NULL,
  boot TEXT NOT NULL, messages BLOB NOT NULL);
CREATE INDEX unsynced_boot ON unsynced (site, board, boot);
""",
)
"""Step n brings a file of schema n to n + 1; a new file goes through all."""
SCHEMA = len(MIGRATIONS)


class JournalFile:
    """Safe from any thread: `reading` and `writing` hold one lock. Raises StoreError where the file cannot be used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
            self._open()
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"The journal {path} cannot be opened: {error}. Check the folder and its disk."
            ) from error

    def _open(self) -> None:
        db = self.db
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
        if version < SCHEMA:
            with self._transaction():
                for step in MIGRATIONS[version:]:
                    for statement in filter(str.strip, step.split(";")):
                        db.execute(statement)
                if version == 0:
                    db.execute("INSERT INTO meta VALUES ('identity', ?)", (secrets.token_hex(6),))
                db.execute(f"PRAGMA user_version = {SCHEMA}")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, to read what is committed."""
        try:
            with self._lock:
                yield self.db
        except sqlite3.Error as error:
            raise StoreError(f"The journal {self.path} cannot be read: {error}.") from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: committed at the end, rolled back on any error."""
        try:
            with self._lock, self._transaction():
                yield self.db
        except sqlite3.Error as error:
            raise StoreError(
                f"The journal {self.path} cannot be written ({error}): look at its disk and rights; it tries again."
            ) from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise

    def copy_to(self, target: Path) -> None:
        """A consistent copy as a file of its own, of one moment; others go on writing. Raises StoreError."""
        try:
            with closing(sqlite3.connect(self.path)) as own, closing(sqlite3.connect(target)) as copy:
                own.backup(copy)  # in one step: it reads one moment, and WAL lets writers pass
        except sqlite3.Error as error:
            raise StoreError(f"The journal {self.path} cannot be copied: {error}.") from error

    def shrink(self, pages: int) -> None:
        """Give at most so many free pages back to the disk."""
        with self.reading() as db:
            db.executescript(f"PRAGMA incremental_vacuum({int(pages)})")  # `execute` would free one page

    def close(self) -> None:
        with self._lock:
            self.db.close()
