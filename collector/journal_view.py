"""The journal's file as other processes read it, beside the collector or after it: dead letters and gaps."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from campus.errors import NotFound, StoreError
from collector import dead_letters
from collector.journal_file import SCHEMA
from collector.messages import DeadLetter

FILE = "journal.sqlite"
BUSY_S = 5.0


class Gap(NamedTuple):
    """Records of one boot that its board made, no longer keeps, and never delivered.

    `ranges`: (first, last) record numbers, rising. `closed`: so many more, whose numbers were given up.
    """

    site: str
    board: str
    boot: str
    ranges: list[tuple[int, int]]
    closed: int

    @property
    def missing(self) -> int:
        """How many records."""
        return sum(last - first + 1 for first, last in self.ranges) + self.closed


def gap_ranges(low: int, settled: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """The (first, last) ranges under `low` beside the `settled` ones, which are rising and disjoint."""
    found = []
    start = 0
    for first, last in settled:
        if first >= low:
            break
        if first > start:
            found.append((start, first - 1))
        start = last + 1
    if start < low:
        found.append((start, low - 1))
    return found


def rejected(data: Path, limit: int, cause: str | None = None) -> tuple[dict[str, int], list[DeadLetter]]:
    """(how many were ever rejected, by cause; the newest `limit` that are kept, of one cause or of all).

    `data`: the data folder. Raises StoreError.
    """
    with _reading(data) as db:
        return dead_letters.counts(db), dead_letters.newest(db, limit, cause)


def find_gaps(data: Path, site: str | None = None, board: str | None = None) -> list[Gap]:
    """Of every boot that has any, by site, board and boot. `data`: the data folder.

    Raises StoreError, and NotFound for a site or board that was never heard.
    """
    with _reading(data) as db:
        rows = db.execute(
            "SELECT site, board, boot, low, ranges, closed FROM settled WHERE (site = ?1 OR ?1 IS NULL) "
            "AND (board = ?2 OR ?2 IS NULL) ORDER BY site, board, boot",
            (site, board),
        ).fetchall()
    if not rows and (site or board):
        who = " ".join(f"{kind} '{name}'" for kind, name in (("site", site), ("board", board)) if name)
        raise NotFound(f"The collector never received a record of {who}: check the spelling.")
    found = (
        Gap(site, board, boot, gap_ranges(low, json.loads(ranges)), closed)
        for site, board, boot, low, ranges, closed in rows
    )
    return [gap for gap in found if gap.missing]


@contextmanager
def _reading(data: Path) -> Iterator[sqlite3.Connection]:
    """The file at one moment, for this call only: a reader that stays would keep its WAL from being emptied."""
    path = data / FILE
    try:
        if not path.stat().st_size:
            raise FileNotFoundError
        db = _connect(path)
        try:
            db.execute("BEGIN")
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version > SCHEMA:
                raise StoreError(
                    f"The journal {path} was made by a newer version of Campus Monitor: upgrade this one."
                )
            if not version:
                raise FileNotFoundError
            yield db
        finally:
            db.close()
    except FileNotFoundError as error:
        raise StoreError(
            f"There is no journal in {data} yet: start the system once, or name its folder with --data."
        ) from error
    except (sqlite3.Error, OSError) as error:
        raise StoreError(
            f"The journal {path} cannot be read: {error}. Check its owner and its disk."
        ) from error


def _connect(path: Path) -> sqlite3.Connection:
    where = path.absolute().as_uri()
    db = sqlite3.connect(f"{where}?mode=ro", uri=True, isolation_level=None, timeout=BUSY_S)
    try:
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        db.close()
        if Path(f"{path}-wal").exists():
            raise
        # In a folder that may not be written SQLite cannot make the files of a WAL; nobody writes where there are none.
        return sqlite3.connect(f"{where}?mode=ro&immutable=1", uri=True, isolation_level=None)
    return db
