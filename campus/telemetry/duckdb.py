"""The embedded telemetry store: one DuckDB file in the data folder, owned by one process."""

import threading
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np

from campus.errors import StoreError
from campus.telemetry import QUALITY_NAMES, Readings, Row, Sample, SeriesKey, duckdb_days
from campus.telemetry.duckdb_days import DAY_MS, Chosen, Columns, Window, split
from campus.telemetry.duckdb_file import DuckDBFile
from campus.telemetry.keys import check_keys

GROUP = 100_000
"""Readings `rows()` holds at a time; a single series-day may be larger."""


class DuckDBTelemetry:
    """TelemetryStore in a DuckDB file: a writer behind a lock, and a DuckDB cursor for each reader.

    A batch, its number and its new series are one transaction. A day is written as readings arrive, and
    rewritten sorted by `maintain()` once closed, which makes it small and quick to read.
    """

    def __init__(self, path: Path) -> None:
        """Open or make `path`. Raises StoreError: bad folder, held by another process, newer, damaged."""
        self._file = DuckDBFile(path)
        self._lock = threading.RLock()
        self._touched: set[int] = set()
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
        self._days: dict[int, int] = dict(self._file.ask("SELECT day, sorted_rows FROM days"))
        self._strays = self._file.ask("SELECT count(*) FROM stray") != [(0,)]
        self._uncertain = False

    def cursor(self) -> int:
        return self._cursor

    def write(self, number: int, readings: Readings) -> None:
        with self._lock, self._file.failing("Writing to"):
            if self._uncertain:
                self._load()
            if number <= self._cursor:
                return
            fresh = [key for key in dict.fromkeys(readings.series) if key not in self._ids]
            check_keys(fresh)
            ids = {key: len(self._keys) + offset for offset, key in enumerate(fresh)}
            columns = self._columns(readings, ids)
            tables, stray = split(columns)
            new = [day for day in tables if day not in self._days]
            self._uncertain = True  # until the commit returned: a failed one may have reached the disk
            with self._file.transaction() as writer:
                if fresh:
                    rows = [list(ids.values()), *map(list, zip(*fresh, strict=True))]
                    writer.execute(
                        "INSERT INTO series SELECT unnest(?), unnest(?), unnest(?), unnest(?)", rows
                    )
                for day in new:
                    writer.execute(duckdb_days.create(day))
                self._insert(writer, columns, tables, stray)
                moved = writer.execute("UPDATE about SET cursor = ? WHERE cursor = ?", [number, self._cursor])
                if moved.fetchall() != [(1,)]:
                    raise StoreError(f"Something else writes to {self._file.path}; let one owner run only.")
            self._uncertain = False
            self._cursor = number
            self._keys += fresh
            self._ids |= ids
            self._days |= dict.fromkeys(new, 0)
            self._strays |= stray is not None
            self._touched = set(tables)

    def _columns(self, readings: Readings, fresh: dict[SeriesKey, int]) -> Columns:
        ids = [fresh[key] if key in fresh else self._ids[key] for key in readings.series]
        try:
            which = np.array(readings.which, np.int64)
            columns = (
                np.array(ids, np.int64)[which],
                np.array(readings.observed_at_ms, np.int64),
                np.array(readings.value, np.float64),  # None becomes NaN, which DuckDB stores as NULL
                np.array(readings.quality, np.uint8),
            )
        except (TypeError, ValueError, OverflowError, IndexError) as error:
            raise StoreError(f"A batch of readings is malformed ({error}); it was not stored.") from error
        if len({len(column) for column in columns}) != 1:
            raise StoreError("A batch of readings has columns of unequal length; it was not stored.")
        return columns

    @staticmethod
    def _insert(
        writer: duckdb.DuckDBPyConnection, columns: Columns, tables: dict[int, Chosen], stray: Chosen | None
    ) -> None:
        series, at, value, quality = columns
        key = series * DAY_MS + at % DAY_MS
        for day, chosen in tables.items():
            batch = {"key": key[chosen], "value": value[chosen], "quality": quality[chosen]}
            duckdb_days.insert(writer, f"day_{day}", batch)
        if stray is not None:
            apart = (column[stray] for column in columns)
            duckdb_days.insert(writer, "stray", dict(zip("satq", apart, strict=True)))

    def series(self, site: str | None = None, board: str | None = None) -> list[SeriesKey]:
        return sorted(
            key
            for key in self._keys[:]
            if (site is None or key.site == site) and (board is None or key.board == board)
        )

    def read(self, keys: Sequence[SeriesKey], start_ms: int, end_ms: int) -> dict[SeriesKey, list[Sample]]:
        samples: dict[SeriesKey, list[Sample]] = {key: [] for key in keys}
        known = {self._ids[key]: key for key in samples if key in self._ids}
        if not known or start_ms >= end_ms:
            return samples
        series, at, value, quality = self._fetch(Window(sorted(known), start_ms, end_ms))
        order = np.lexsort((at, series))
        series, at, value, quality = series[order], at[order], value[order], quality[order]
        starts, ends = (np.searchsorted(series, list(known), side) for side in ("left", "right"))
        for key, first, last in zip(known.values(), starts, ends, strict=True):
            part = slice(first, last)
            samples[key] = list(
                zip(at[part].tolist(), _values(value[part]), quality[part].tolist(), strict=True)
            )
        return samples

    def rows(
        self,
        site: str | None,
        board: str | None,
        start_ms: int | None,
        end_ms: int | None,
        chunk: int = 20_000,
    ) -> Iterator[list[Row]]:
        ids = sorted(self._ids[key] for key in self.series(site, board))
        if not ids:
            return
        everything = _window(ids, start_ms, end_ms)
        for window, place in self._groups(everything):
            series, at, value, quality = self._fetch(window)
            order = np.lexsort((at, place[series]))
            for first in range(0, len(order), chunk):
                part = order[first : first + chunk]
                columns = (
                    series[part].tolist(),
                    at[part].tolist(),
                    _values(value[part]),
                    quality[part].tolist(),
                )
                yield [
                    Row(
                        self._keys[id].board,
                        self._keys[id].point,
                        time,
                        value,
                        QUALITY_NAMES.get(code, str(code)),
                    )
                    for id, time, value, code in zip(*columns, strict=True)
                ]

    def _groups(self, everything: Window) -> Iterator[tuple[Window, np.ndarray]]:
        """Cut a window into ones of about GROUP readings, in the order of `rows()`; with each id's place in it."""
        sizes = np.zeros(len(self._keys), np.int64)
        days = everything.days(self._days)
        for day in days:
            for id, size in self._file.ask(duckdb_days.count_series(day)):
                if id < len(sizes):
                    sizes[id] += size
        names: dict[tuple[str, str], list[int]] = {}
        for id in sorted(everything.ids, key=lambda id: self._keys[id][1:]):
            names.setdefault(self._keys[id][1:], []).append(id)
        place = np.zeros(len(self._keys), np.int64)
        group: list[int] = []
        for position, ids in enumerate(names.values()):
            place[ids] = position
            if group and sizes[group].sum() + sizes[ids].sum() > GROUP:
                yield Window(sorted(group), everything.start_ms, everything.end_ms), place
                group = []
            if sizes[ids].sum() > GROUP and len(days) > 1:
                starts = [everything.start_ms, *(day * DAY_MS for day in days[1:]), everything.end_ms]
                for start, end in pairwise(starts):
                    yield Window(sorted(ids), start, end), place
            else:
                group += ids
        if group:
            yield Window(sorted(group), everything.start_ms, everything.end_ms), place

    def extent(self) -> tuple[int, int] | None:
        days = sorted(self._days)
        if not days:
            return None
        ((first, _),) = self._file.ask(duckdb_days.times(days[0]))
        ((_, last),) = self._file.ask(duckdb_days.times(days[-1]))
        return first, last

    def bytes_per_reading(self) -> float | None:
        """Bytes on the disk, log included, for each reading held; None when empty."""
        held = sum(self._file.ask(duckdb_days.count(day))[0][0] for day in list(self._days))
        return self._file.size() / held if held else None

    def maintain(self, now_ms: int) -> int:
        """Rewrite sorted the days that ended an hour ago and are not being written; how many that were.

        A day counts when one reading in fifty came after its last rewriting. Safe at any time: a day is
        replaced in one transaction, and the writer waits for one day at most.
        """
        done = 0
        for day in sorted(self._days):
            if (day + 1) * DAY_MS + 3_600_000 > now_ms:
                break
            with self._lock, self._file.failing("Rewriting a day of"):
                ((rows,),) = self._file.ask(duckdb_days.count(day))
                if day in self._touched or (rows - self._days[day]) * 50 < max(rows, 1):
                    continue
                with self._file.transaction() as writer:
                    writer.execute(duckdb_days.rewrite(day))
                self._days[day] = rows
                done += 1
                # Frees the old tables' blocks for the next ones. Not at each day: that would put the loose days
                # still in the log into the file, only to be dropped, and a file does not shrink.
                if done % 8 == 0:
                    self._file.checkpoint()
        if done % 8:
            with self._lock, self._file.failing("Rewriting a day of"):
                self._file.checkpoint()
        self._touched = set()
        return done

    def close(self) -> None:
        with self._lock:
            self._file.close()

    def _fetch(self, window: Window) -> Columns:
        """The window's readings, in no order."""
        parts: list[Columns] = []
        with self._file.reading() as reader:
            for day in window.days(self._days):
                found = reader.execute(window.select(day)).fetchnumpy()
                series, of_day = np.divmod(found["key"], DAY_MS)
                parts.append((series, of_day + day * DAY_MS, _nan(found["value"]), found["quality"]))
            if self._strays:
                found = reader.execute(window.select_stray()).fetchnumpy()
                parts.append(
                    (found["series"], found["observed_at_ms"], _nan(found["value"]), found["quality"])
                )
        if not parts:
            none = np.zeros(0, np.int64)
            return none, none, none, none
        series, at, value, quality = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        inside = (at >= window.start_ms) & (at < window.end_ms)
        if inside.all():
            return series, at, value, quality
        return series[inside], at[inside], value[inside], quality[inside]


def _window(ids: list[int], start_ms: int | None, end_ms: int | None) -> Window:
    ever = Window(ids)
    return Window(
        ids, ever.start_ms if start_ms is None else start_ms, ever.end_ms if end_ms is None else end_ms
    )


def _nan(value: np.ndarray) -> np.ndarray:
    """NULL as NaN."""
    return np.ma.filled(value, np.nan)


def _values(value: np.ndarray) -> list[float | None]:
    """NaN as None."""
    values = value.tolist()
    return [None if v != v else v for v in values] if np.isnan(value).any() else values
