"""The embedded telemetry store: one DuckDB file in the data folder, owned by one process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from campus.errors import StoreError
from campus.telemetry import (
    IMPLAUSIBLE_TIME,
    UNSYNCED,
    Readings,
    SeriesKey,
    duckdb_days,
    duckdb_means,
)
from campus.telemetry.duckdb_days import DAY_MS, Chosen, Columns, split
from campus.telemetry.duckdb_file import DuckDBFile
from campus.telemetry.duckdb_read import DuckDBReader
from campus.telemetry.keys import check_keys

HOUR_MS = 3_600_000
MONTH_MS = 31 * DAY_MS
THINNED_A_CALL = 8
"""Days at most that one `maintain()` thins, and folds: the process must not wait long for it when it stops."""


@dataclass(slots=True)
class _Day:
    """A day held as readings: how many are sorted, and how many there were when it was last seen to change."""

    sorted_rows: int = 0
    rows: int = 0
    changed_ms: int = 0


class DuckDBTelemetry(DuckDBReader):
    """TelemetryStore in a DuckDB file: a writer behind a lock, and a DuckDB cursor for each reader.

    A batch, its number and its new series are one transaction. A day is written as readings arrive, and
    rewritten sorted by `maintain()` once closed, which makes it small and quick to read. Later it is thinned to
    15-minute means, and these to daily ones.
    """

    def __init__(self, path: Path, raw_days: int = 30, mean_months: int = 13) -> None:
        """Open or make `path`; for `raw_days` and `mean_months` see `open_telemetry`.

        Raises StoreError: bad folder, held by another process, newer, damaged.
        """
        self._raw_ms, self._means_ms = raw_days * DAY_MS, mean_months * MONTH_MS
        self._file = DuckDBFile(path)
        self._turn, self._lock = threading.Lock(), threading.Lock()
        self._touched: set[int] = set()  # by the last batch
        self._changed: set[int] = set()  # by batches since the last maintain()
        try:
            self._load()
        except BaseException:
            self._file.close()
            raise

    def _load(self) -> None:
        """Learn from the file what a writer must know; again after a write that failed half way."""
        ((self._cursor,),) = self._file.ask("SELECT cursor FROM about")
        held = self._file.ask("SELECT id, site, board, point FROM series ORDER BY id")
        self._keys = [SeriesKey(*key) for _, *key in held]
        self._ids = {key: id for id, key in enumerate(self._keys)}
        days = self._file.ask("SELECT day, sorted_rows, rows, changed_ms FROM days")
        self._days = {day: _Day(*known) for day, *known in days}
        self._strays = self._file.ask("SELECT count(*) FROM stray") != [(0,)]
        self._uncertain = False

    def cursor(self) -> int:
        return self._cursor

    @contextmanager
    def _alone(self, doing: str) -> Iterator[None]:
        """The writer's lock, in turn: a batch that waits comes before the next day of `maintain()`."""
        with self._turn:
            self._lock.acquire()
        try:
            with self._file.failing(doing):
                if self._uncertain:
                    self._load()
                yield
        finally:
            self._lock.release()

    @contextmanager
    def _transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        self._uncertain = True  # until the commit returned: a failed one may have reached the disk
        with self._file.transaction() as writer:
            yield writer
        self._uncertain = False

    def write(self, number: int, readings: Readings, removed: Readings | None = None) -> None:
        with self._alone("Writing to"):
            if number <= self._cursor:
                return
            fresh = [key for key in dict.fromkeys(readings.series) if key not in self._ids]
            check_keys(fresh)
            ids = {key: len(self._keys) + offset for offset, key in enumerate(fresh)}
            columns = _columns(readings, self._ids | ids if fresh else self._ids)
            tables, stray = split(columns)
            gone = _columns(removed, self._ids) if removed else None
            new = [day for day in tables if day not in self._days]
            with self._transaction() as writer:
                deleted = self._delete(writer, gone) if gone else {}
                if fresh:
                    rows = [list(ids.values()), *map(list, zip(*fresh, strict=True))]
                    writer.execute(
                        "INSERT INTO series SELECT unnest(?), unnest(?), unnest(?), unnest(?)", rows
                    )
                for day in new:
                    writer.execute(duckdb_days.create(day))
                _insert(writer, columns, tables, stray)
                empty = [
                    day for day in deleted if writer.execute(duckdb_days.count(day)).fetchall() == [(0,)]
                ]
                for day in empty:
                    writer.execute(duckdb_days.drop(day))
                moved = writer.execute("UPDATE about SET cursor = ? WHERE cursor = ?", [number, self._cursor])
                if moved.fetchall() != [(1,)]:
                    raise StoreError(f"Something else writes to {self._file.path}; let one owner run only.")
            self._cursor = number
            self._keys += fresh
            self._ids |= ids
            self._strays |= stray is not None
            self._days |= {day: _Day() for day in new}
            for day, rows_deleted in deleted.items():
                self._days[day].sorted_rows = max(self._days[day].sorted_rows - rows_deleted, 0)
            for day in empty:
                del self._days[day]
            self._touched = {*tables, *deleted}
            self._changed |= self._touched

    def _delete(self, writer: duckdb.DuckDBPyConnection, columns: Columns) -> dict[int, int]:
        """Delete readings of these series, times, values and qualities; day -> how many."""
        doubtful = np.isin(columns[3], (UNSYNCED, IMPLAUSIBLE_TIME)) & (columns[0] >= 0)
        series, at, value, quality, received = (column[doubtful] for column in columns)
        tables, stray = split((series, at, value, quality, received))
        key, deleted = series * DAY_MS + at % DAY_MS, {}
        for day, chosen in tables.items():
            if day not in self._days:
                continue
            batch = {"key": key[chosen], "value": value[chosen], "quality": quality[chosen]}
            rows = duckdb_days.delete(writer, f"day_{day}", batch)
            if rows:
                # Counted as if they had been sorted ones: what comes in their place is not taken for sorted.
                writer.execute(
                    "UPDATE days SET sorted_rows = greatest(sorted_rows - ?, 0) WHERE day = ?", [rows, day]
                )
                deleted[day] = rows
        if stray is not None:
            apart = (series[stray], at[stray], value[stray], quality[stray])
            batch = dict(zip(("series", "observed_at_ms", "value", "quality"), apart, strict=True))
            duckdb_days.delete(writer, "stray", batch)
        return deleted

    def maintain(self, now_ms: int) -> int:
        """Thin what is old enough, and rewrite sorted the days that ended an hour ago; how many days that were.

        A day is left alone while it is being written, and rewritten when one reading in fifty came after its last
        rewriting. Safe at any time: a day is replaced in one transaction, and the writer waits for one at most.
        """
        self._notice(now_ms)
        rewritten = thinned = 0
        for day, known in sorted(self._days.copy().items()):
            old = self._raw_ms and now_ms - known.changed_ms >= self._raw_ms
            loose = (known.rows - known.sorted_rows) * 50 >= max(known.rows, 1)
            if (day + 1) * DAY_MS + HOUR_MS > now_ms or not (old or loose):
                continue
            with self._alone("Rewriting a day of"):
                if day in self._touched or self._days.get(day) is not known:
                    continue
                if old:
                    if thinned < THINNED_A_CALL and day not in self._changed:
                        self._thin(day)
                        thinned += 1
                    continue
                self._sort(day, known)
                rewritten += 1
                # Frees the old tables' blocks for the next ones. Not at each day: that would put the loose days
                # still in the log into the file, only to be dropped, and a file does not shrink.
                if rewritten % 8 == 0:
                    self._file.checkpoint()
        folded = self._fold(now_ms)
        if rewritten % 8 or thinned or folded:
            with self._alone("Rewriting a day of"):
                self._file.checkpoint()
        self._touched = set()
        return rewritten + thinned + folded

    def _notice(self, now_ms: int) -> None:
        """Date the days that changed since the last time: their retention counts from it."""
        counts = self._counts()
        with self._alone("Looking through"):
            changed = {
                day: rows
                for day, rows in counts.items()
                if day in self._days and (rows != self._days[day].rows or day in self._changed)
            }
            if changed:
                with self._transaction() as writer:
                    batch = {"day": np.array(list(changed)), "rows": np.array(list(changed.values()))}
                    duckdb_days.date(writer, batch, now_ms)
            for day, rows in changed.items():
                self._days[day].rows, self._days[day].changed_ms = rows, now_ms
            self._changed -= changed.keys()

    def _sort(self, day: int, known: _Day) -> None:
        ((rows,),) = self._file.ask(duckdb_days.count(day))
        with self._transaction() as writer:
            writer.execute(duckdb_days.rewrite(day))
        known.sorted_rows = rows

    def _thin(self, day: int) -> None:
        with self._transaction() as writer:
            writer.execute(duckdb_means.thin(day))
        del self._days[day]

    def _fold(self, now_ms: int) -> int:
        """Make daily means of 15-minute ones that are old enough; of how many days."""
        folded = 0
        while self._means_ms and folded < THINNED_A_CALL:
            with self._alone("Thinning"):
                ((day,),) = self._file.ask(duckdb_means.OLDEST)
                if day is None or (day + 1) * DAY_MS + self._means_ms > now_ms:
                    break
                with self._transaction() as writer:
                    writer.execute(duckdb_means.fold(day))
            folded += 1
        return folded

    def snapshot(self, target: Path) -> None:
        self._file.copy(target)

    def close(self) -> None:
        with self._lock:
            self._file.close()


def _columns(readings: Readings, ids: dict[SeriesKey, int]) -> Columns:
    """A batch as arrays; series -1 where an id is not known."""
    try:
        which = np.array(readings.which, np.int64)
        columns = (
            np.array([ids.get(key, -1) for key in readings.series], np.int64)[which],
            np.array(readings.observed_at_ms, np.int64),
            np.array(readings.value, np.float64),  # None becomes NaN, which DuckDB stores as NULL
            np.array(readings.quality, np.uint8),
            np.full(len(which), np.nan),
        )
        if readings.received:
            columns[4][list(readings.received)] = list(readings.received.values())
    except (TypeError, ValueError, OverflowError, IndexError) as error:
        raise StoreError(f"A batch of readings is malformed ({error}); it was not stored.") from error
    if len({len(column) for column in columns}) != 1:
        raise StoreError("A batch of readings has columns of unequal length; it was not stored.")
    return columns


def _insert(
    writer: duckdb.DuckDBPyConnection, columns: Columns, tables: dict[int, Chosen], stray: Chosen | None
) -> None:
    series, at, value, quality, _ = columns
    key = series * DAY_MS + at % DAY_MS
    for day, chosen in tables.items():
        batch = {"key": key[chosen], "value": value[chosen], "quality": quality[chosen]}
        duckdb_days.insert(writer, f"day_{day}", batch)
    if stray is not None:
        apart = (column[stray] for column in columns)
        duckdb_days.insert(writer, "stray", dict(zip("satqr", apart, strict=True)))
