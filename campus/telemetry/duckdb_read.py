"""What is read from the DuckDB file: each answer is of one moment, whatever is written or thinned meanwhile."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import duckdb
import numpy as np

from campus.telemetry import Batch, Mean, Row, Sample, SeriesKey, duckdb_days, duckdb_means
from campus.telemetry.duckdb_days import DAY_MS, Columns, Window
from campus.telemetry.duckdb_file import DuckDBFile

GROUP = 100_000
"""Readings `rows()` holds at a time; a single series-day may be larger."""


class DuckDBReader:
    """The reading half of TelemetryStore. The series known, `_keys` by id, only ever grow."""

    _file: DuckDBFile
    _keys: list[SeriesKey]
    _ids: dict[SeriesKey, int]
    _strays: bool

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
        series, at, value, quality, _ = self._fetch(Window(sorted(known), start_ms, end_ms))
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
        for batch in self._cut(site, board, start_ms, end_ms, chunk):
            yield batch.rows()

    def batches(
        self, site: str | None, board: str | None, start_ms: int | None, end_ms: int | None
    ) -> Iterator[Batch]:
        return self._cut(site, board, start_ms, end_ms, GROUP)

    def _cut(
        self, site: str | None, board: str | None, start_ms: int | None, end_ms: int | None, most: int
    ) -> Iterator[Batch]:
        ids = sorted(self._ids[key] for key in self.series(site, board))
        if not ids:
            return
        for window, place in self._groups(_window(ids, start_ms, end_ms)):
            series, at, value, quality, received = self._fetch(window)
            order = np.lexsort((at, place[series]))
            for first in range(0, len(order), most):
                part = order[first : first + most]
                yield Batch(self._keys, series[part], at[part], value[part], quality[part], received[part])

    def means(self, keys: Sequence[SeriesKey], start_ms: int, end_ms: int) -> dict[SeriesKey, list[Mean]]:
        means: dict[SeriesKey, list[Mean]] = {key: [] for key in keys}
        known = {self._ids[key]: key for key in means if key in self._ids}
        if known and start_ms < end_ms:
            with self._file.reading() as reader:
                found = duckdb_means.read(reader, _held(reader), list(known), start_ms, end_ms)
            means |= {known[id]: of_series for id, of_series in found.items()}
        return means

    def raw_from(self) -> int:
        ((raw_from_ms,),) = self._file.ask("SELECT raw_from_ms FROM about")
        return int(raw_from_ms)

    def extent(self) -> tuple[int, int] | None:
        with self._file.reading() as reader:
            days = sorted(_held(reader))
            if not days:
                return None
            first, last = (
                reader.execute(duckdb_days.times(day)).fetchall()[0] for day in (days[0], days[-1])
            )
        return first[0], last[1]

    def bytes_per_reading(self) -> float | None:
        """Bytes on the disk, log included, for each reading or mean held; None when empty."""
        held = sum(self._counts().values()) + self._file.ask(duckdb_means.COUNT)[0][0]
        return self._file.size() / held if held else None

    def _counts(self) -> dict[int, int]:
        """Readings of each day."""
        with self._file.reading() as reader:
            return {day: reader.execute(duckdb_days.count(day)).fetchall()[0][0] for day in _held(reader)}

    def _groups(self, everything: Window) -> Iterator[tuple[Window, np.ndarray]]:
        """Cut a window into ones of about GROUP readings, in the order of `rows()`; with each id's place in it."""
        sizes = np.zeros(len(self._keys), np.int64)
        with self._file.reading() as reader:
            days = everything.days(_held(reader))
            for day in days:
                for id, size in reader.execute(duckdb_days.count_series(day)).fetchall():
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

    def _fetch(self, window: Window) -> Columns:
        """The window's readings, in no order."""
        parts: list[Columns] = []
        with self._file.reading() as reader:
            for day in window.days(_held(reader)):
                found = reader.execute(window.select(day)).fetchnumpy()
                series, of_day = np.divmod(found["key"], DAY_MS)
                never = np.full(len(series), np.nan)
                parts.append((series, of_day + day * DAY_MS, _nan(found["value"]), found["quality"], never))
            if self._strays:
                found = reader.execute(window.select_stray()).fetchnumpy()
                value, received = _nan(found["value"]), _nan(found["received"])
                parts.append((found["series"], found["observed_at_ms"], value, found["quality"], received))
        if not parts:
            none = np.zeros(0, np.int64)
            return none, none, none, none, none
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        inside = (columns[1] >= window.start_ms) & (columns[1] < window.end_ms)
        if not inside.all():
            columns = [column[inside] for column in columns]
        series, at, value, quality, received = columns
        return series, at, value, quality, received


def _held(reader: duckdb.DuckDBPyConnection) -> list[int]:
    """The days held as readings; asked with each answer, for a day may be thinned at any moment."""
    return [day for (day,) in reader.execute("SELECT day FROM days").fetchall()]


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
