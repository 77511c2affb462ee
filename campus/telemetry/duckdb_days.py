"""Day tables of the DuckDB store: one per UTC day of observed_at, and the SQL on them. Only integers enter the SQL.

A row is `key` = series id x 86,400,000 + millisecond of the day, `value`, `quality`. One sorted key instead of
two columns, because neighbours then differ by the sampling interval even where one series ends and the next
begins: DuckDB packs such differences into a few bits (2.4 instead of 5 B/reading for a school's month).
`value` is a DOUBLE: DuckDB's ALP stores a decimal such as 23.4 or a counter as the short integer it is, exactly
(up to 2^53), so FLOAT would save nothing and lose digits.
"""

# ruff: noqa: S608
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np

from campus.telemetry import IMPLAUSIBLE_TIME

DAY_MS = 86_400_000
_EVER = 1 << 62

Columns = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""(series id, observed_at_ms, value, quality, received_at_ms); value and the last are NaN where there is none."""

Chosen = np.ndarray | slice
"""Which rows of Columns."""


@dataclass(frozen=True, slots=True)
class Window:
    """Series ids, ascending and at least one, in [start_ms, end_ms)."""

    ids: Sequence[int]
    start_ms: int = -_EVER
    end_ms: int = _EVER

    def days(self, held: Iterable[int]) -> list[int]:
        """Those of the days held that the window touches, ascending."""
        first, last = self.start_ms // DAY_MS, (self.end_ms - 1) // DAY_MS
        return sorted(day for day in held if first <= day <= last)

    def select(self, day: int) -> str:
        """key, value, quality of one day: all of the window, and a little around it in a day held in part."""
        start = max(self.start_ms - day * DAY_MS, 0)
        end = min(self.end_ms - day * DAY_MS, DAY_MS)
        ranges = [f"key >= {a * DAY_MS + start} AND key < {b * DAY_MS + end}" for a, b in _runs(self.ids)]
        query = (
            f'SELECT key, value, quality FROM "day_{day}" WHERE '
            f"key >= {self.ids[0] * DAY_MS + start} AND key < {self.ids[-1] * DAY_MS + end}"
        )
        # DuckDB skips row groups by the outer range only; an OR alone would make it read the whole day.
        return query if len(ranges) == 1 else f"{query} AND (({') OR ('.join(ranges)}))"

    def select_stray(self) -> str:
        """Columns of the readings whose time is not plausible."""
        return (
            "SELECT series, observed_at_ms, value, quality, received_at_ms::DOUBLE AS received FROM stray "
            f"WHERE observed_at_ms >= {self.start_ms} AND observed_at_ms < {self.end_ms} "
            f"AND series IN ({', '.join(map(str, self.ids))})"
        )


def _runs(ids: Sequence[int]) -> list[tuple[int, int]]:
    """(first, last) of each run of consecutive ids."""
    runs: list[tuple[int, int]] = []
    for id in ids:
        if runs and id == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], id)
        else:
            runs.append((id, id))
    return runs


def split(columns: Columns) -> tuple[dict[int, Chosen], Chosen | None]:
    """Which rows go to which day, and which to `stray`.

    A time that is not plausible is kept apart: a board with a wild clock would otherwise make a table for each
    day it claims.
    """
    _, at, _, quality, _ = columns
    if not len(at):
        return {}, None
    days = at // DAY_MS
    stray = quality == IMPLAUSIBLE_TIME
    if stray.any():
        return {int(day): ~stray & (days == day) for day in np.unique(days[~stray])}, stray
    if days.min() == days.max():
        return {int(days[0]): slice(None)}, None
    return {int(day): days == day for day in np.unique(days)}, None


def create(day: int) -> str:
    """A new day. No primary key: its index would cost 41 B/reading; the cursor keeps a batch from entering twice."""
    return (
        f'CREATE TABLE "day_{day}" (key BIGINT, value DOUBLE, quality UTINYINT); '
        f"INSERT INTO days VALUES ({day}, 0, 0, 0);"
    )


def drop(day: int) -> str:
    return f'DROP TABLE "day_{day}"; DELETE FROM days WHERE day = {day};'


def insert(writer: duckdb.DuckDBPyConnection, table: str, batch: dict[str, np.ndarray]) -> None:
    """Add columns, in the table's order. DuckDB finds the variable `batch` by its name."""
    writer.execute(f'INSERT INTO "{table}" FROM batch')


def delete(writer: duckdb.DuckDBPyConnection, table: str, batch: dict[str, np.ndarray]) -> int:
    """Delete for each row of `batch` one that equals it in its columns, of several the one of its value; how many.

    One for one: two boots without a clock may have been estimated to the same millisecond, and one tells its time.
    """
    names = [name for name in batch if name != "value"]
    here, same = (
        ", ".join(f"held.{name}" for name in names),
        " AND ".join(f"held.{name} = wanted.{name}" for name in names),
    )
    ((deleted,),) = writer.execute(
        f"WITH exact AS (SELECT DISTINCT * FROM batch), "
        f"counted AS (SELECT {', '.join(names)}, count(*) AS many FROM batch GROUP BY ALL), "
        f"ranked AS (SELECT held.rowid AS id, {here}, "
        f"row_number() OVER (PARTITION BY {here} ORDER BY wanted.quality IS NULL) AS nth "
        f'FROM "{table}" AS held LEFT JOIN exact AS wanted '
        f"ON {same} AND held.value IS NOT DISTINCT FROM wanted.value "
        f"WHERE held.{names[0]} IN (SELECT {names[0]} FROM batch)) "
        f'DELETE FROM "{table}" WHERE rowid IN '
        f"(SELECT id FROM ranked AS held JOIN counted AS wanted ON {same} WHERE nth <= many)"
    ).fetchall()
    return int(deleted)


def date(writer: duckdb.DuckDBPyConnection, batch: dict[str, np.ndarray], now_ms: int) -> None:
    """Note of the days of `batch` that they have so many rows, and changed now."""
    writer.execute(
        "UPDATE days SET rows = batch.rows, changed_ms = ? FROM batch WHERE days.day = batch.day", [now_ms]
    )


def rewrite(day: int) -> str:
    """Replace a day by itself sorted; to be run in one transaction."""
    return (
        f'CREATE TABLE "sorted_{day}" AS FROM "day_{day}" ORDER BY key; '
        f'DROP TABLE "day_{day}"; ALTER TABLE "sorted_{day}" RENAME TO "day_{day}"; '
        f'UPDATE days SET sorted_rows = (SELECT count(*) FROM "day_{day}") WHERE day = {day};'
    )


def count(day: int) -> str:
    return f'SELECT count(*) FROM "day_{day}"'


def count_series(day: int) -> str:
    return f'SELECT key // {DAY_MS}, count(*) FROM "day_{day}" GROUP BY ALL'


def times(day: int) -> str:
    return (
        f'SELECT min(key % {DAY_MS}) + {day * DAY_MS}, max(key % {DAY_MS}) + {day * DAY_MS} FROM "day_{day}"'
    )
