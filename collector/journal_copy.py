"""A copy of the journal, in no process's use: what it holds, and what it lacks for a store that is set back."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from campus.errors import StoreError
from campus.telemetry import TelemetryStore
from collector.journal_file import JournalFile


class Copied(NamedTuple):
    """`newest`: number of the last batch that the journal ever took in, kept here or not."""

    identity: str
    newest: int


class JournalCopy:
    """One file, opened for each step. Raises StoreError: no journal, damaged, or made by a newer version."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, source: Path, target: Path) -> "JournalCopy":
        """Make `target` a copy of a journal that no process has open; `source` is only read."""
        try:
            with (
                closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as db,
                closing(sqlite3.connect(target)) as copy,
            ):
                db.backup(copy)
        except sqlite3.Error as error:
            raise StoreError(f"The journal {source} cannot be read: {error}.") from error
        return cls(target)

    def check(self) -> Copied:
        """What it is, after SQLite looked at every page."""
        if not self.path.exists():
            raise StoreError(f"There is no journal {self.path}.")
        with self._open() as db:
            ((found,),) = db.execute("PRAGMA integrity_check(1)").fetchall()
            if found != "ok":
                raise StoreError(f"The journal {self.path} is damaged: {' '.join(str(found).split())}.")
            ((identity,),) = db.execute("SELECT value FROM meta WHERE name = 'identity'").fetchall()
            return Copied(identity, _newest(db))

    def prune(self, through: int) -> None:
        """Forget the batches up to a number and what room they took: a store that is kept beside has them."""
        with self._open() as db:
            db.execute("DELETE FROM batches WHERE number <= ?", (through,))
            db.executescript("PRAGMA incremental_vacuum")  # `execute` would free one page

    def waiting(self, cursor: int) -> int:
        """How many batches it holds above a store's cursor."""
        with self._open() as db:
            ((count,),) = db.execute("SELECT count(*) FROM batches WHERE number > ?", (cursor,)).fetchall()
            return int(count)

    def missing(self, cursor: int) -> list[tuple[int, int]]:
        """The batches above a store's cursor that were taken in and are not here, as [first, last] ranges."""
        ranges = []
        with self._open() as db:
            held = db.execute("SELECT number FROM batches WHERE number > ? ORDER BY number", (cursor,))
            for number in chain((row[0] for row in held), [_newest(db) + 1]):
                if number > cursor + 1:
                    ranges.append((cursor + 1, number - 1))
                cursor = max(cursor, number)
        return ranges

    def take_late(self, other: "JournalCopy") -> None:
        """Also hold as late what `other` does: its records are older, and what was derived since is not in them."""
        with other._open() as db:
            late = db.execute("SELECT * FROM late").fetchall()
        self._add_late(late)

    def doubt(self, telemetry: TelemetryStore, start_ms: int, end_ms: int) -> None:
        """Hold as late what a store has of [start_ms, end_ms): some of it may have come late that is not told here."""
        with self._open() as db:
            boards = db.execute("SELECT DISTINCT site, board FROM settled").fetchall()
            newest = _newest(db)
        rows = []
        for site, board in boards:
            held = [
                one for one in telemetry.read(telemetry.series(site, board), start_ms, end_ms).values() if one
            ]
            if held:
                first_ms, last_ms = min(one[0][0] for one in held), max(one[-1][0] for one in held)
                rows.append((site, board, first_ms, last_ms, newest))
        self._add_late(rows)

    def _add_late(self, rows: list[tuple[str, str, int, int, int]]) -> None:
        with self._open() as db:
            db.executemany(
                "INSERT INTO late VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET first_ms = min(first_ms, "
                "excluded.first_ms), last_ms = max(last_ms, excluded.last_ms), number = max(number, excluded.number)",
                rows,
            )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(JournalFile(self.path)) as file, file.reading() as db:
            yield db


def _newest(db: sqlite3.Connection) -> int:
    ((number,),) = db.execute(
        "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'batches'), 0)"
    ).fetchall()
    return int(number)
