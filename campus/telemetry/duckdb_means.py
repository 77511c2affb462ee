"""Means in the DuckDB store: tables `quarters` (15 minutes) and `daily` (UTC days), and the SQL on them.

A row is a part of a mean: the mean of a window is that of all its rows, so late readings of a day that was thinned
before become further rows, and nothing is changed in place. Days are appended one after another, so `key` rises by
one from row to row and packs to nothing. The sum is kept and not the mean, which would be a long fraction: a sum of
decimals is a short decimal again, once the noise of adding floats is rounded off.
"""

# ruff: noqa: S608
from collections.abc import Sequence

import duckdb
import numpy as np

from campus.telemetry import USABLE, Mean
from campus.telemetry.duckdb_days import DAY_MS, Window, drop

QUARTER_MS = 900_000
QUARTERS = DAY_MS // QUARTER_MS
_SERIES = 1 << 24
_SPAN = _SERIES * QUARTERS
"""`key` of quarters is day x _SPAN + series x 96 + quarter of the day; of daily, day x _SPAN + series x 96."""

_PARTS = """count(*)::INTEGER AS count, round(fsum(value), 6) AS total, min(value) AS low, max(value) AS high,
    arg_max(value, key) AS last"""
_USED = f"quality IN ({', '.join(map(str, sorted(USABLE)))}) AND isfinite(value)"

Parts = dict[str, np.ndarray]
"""Columns series, at (ms, start of the window), daily, count, total, low, high, last, last_ms (at, Unix ms)."""


def thin(day: int) -> str:
    """Replace a day's readings by their means; to be run in one transaction."""
    return (
        f"INSERT INTO quarters SELECT {day * _SPAN} + key // {QUARTER_MS} AS slot, {_PARTS}, "
        f'(max(key) % {QUARTER_MS})::INTEGER FROM "day_{day}" WHERE {_USED} GROUP BY slot ORDER BY slot; '
        f"{drop(day)} "
        f"UPDATE about SET raw_from_ms = greatest(raw_from_ms, {(day + 1) * DAY_MS});"
    )


def fold(day: int) -> str:
    """Replace a day's 15-minute means by daily ones; to be run in one transaction."""
    held = f"key >= {day * _SPAN} AND key < {(day + 1) * _SPAN}"
    return (
        f"INSERT INTO daily SELECT key // {QUARTERS} * {QUARTERS} AS slot, sum(count)::INTEGER, round(fsum(total), 6), "
        "min(low), max(high), arg_max(last, since), max(since)::INTEGER FROM "
        f"(SELECT *, key % {QUARTERS} * {QUARTER_MS} + last_ms AS since FROM quarters WHERE {held}) "
        f"GROUP BY slot ORDER BY slot; DELETE FROM quarters WHERE {held};"
    )


OLDEST = f"SELECT min(key) // {_SPAN} FROM quarters"
"""The first day of which there are 15-minute means; NULL where there is none."""

COUNT = "SELECT (SELECT count(*) FROM quarters) + (SELECT count(*) FROM daily)"


def read(
    reader: duckdb.DuckDBPyConnection, held: Sequence[int], ids: Sequence[int], start_ms: int, end_ms: int
) -> dict[int, list[Mean]]:
    """Means of the ids that begin in [start_ms, end_ms); `held` are the days still held as readings."""
    whole = Window(sorted(ids), start_ms // DAY_MS * DAY_MS, -(-end_ms // DAY_MS) * DAY_MS)
    parts = [_stored(reader, table, whole) for table in ("quarters", "daily")]
    parts += [_computed(reader, day, whole) for day in whole.days(held)]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    # Where a day is daily, what came later joins it.
    day = joined["at"] // DAY_MS
    code = day * _SERIES + joined["series"]
    joined["daily"] = np.isin(code, code[joined["daily"]])
    joined["at"] = np.where(joined["daily"], day * DAY_MS, joined["at"])
    inside = (joined["at"] >= start_ms) & (joined["at"] < end_ms)
    return _merged({name: column[inside] for name, column in joined.items()})


def _stored(reader: duckdb.DuckDBPyConnection, table: str, window: Window) -> Parts:
    first, last = window.start_ms // DAY_MS, window.end_ms // DAY_MS
    series = f"(key % {_SPAN}) // {QUARTERS}"
    found = reader.execute(
        f"SELECT key, {series} AS series, count, total, low, high, last, last_ms FROM {table} "
        f"WHERE key >= {first * _SPAN + window.ids[0] * QUARTERS} AND key < {last * _SPAN} "
        f"AND series IN ({', '.join(map(str, window.ids))})"
    ).fetchnumpy()
    key = found.pop("key")
    at = key // _SPAN * DAY_MS + key % QUARTERS * QUARTER_MS
    return found | {
        "at": at,
        "daily": np.full(len(key), table == "daily"),
        "last_ms": at + found["last_ms"],
    }


def _computed(reader: duckdb.DuckDBPyConnection, day: int, window: Window) -> Parts:
    rows = Window(window.ids).select(day)
    found = reader.execute(
        f"SELECT key // {QUARTER_MS} AS slot, {_PARTS}, max(key) % {DAY_MS} AS last_ms "
        f"FROM ({rows}) WHERE {_USED} GROUP BY slot"
    ).fetchnumpy()
    slot = found.pop("slot")
    return found | {
        "series": slot // QUARTERS,
        "at": day * DAY_MS + slot % QUARTERS * QUARTER_MS,
        "daily": np.zeros(len(slot), bool),
        "last_ms": day * DAY_MS + found["last_ms"],
    }


def _merged(parts: Parts) -> dict[int, list[Mean]]:
    """Parts of one window as one mean, by series and time."""
    means: dict[int, list[Mean]] = {}
    if not len(parts["at"]):
        return means
    order = np.lexsort((parts["last_ms"], parts["at"], parts["series"]))
    parts = {name: column[order] for name, column in parts.items()}
    series, at = parts["series"], parts["at"]
    begins = np.flatnonzero(np.r_[True, (series[1:] != series[:-1]) | (at[1:] != at[:-1])])
    count = np.add.reduceat(parts["count"], begins, dtype=np.int64)
    columns = (
        series[begins],
        at[begins],
        np.where(parts["daily"][begins], DAY_MS, QUARTER_MS),
        count,
        np.add.reduceat(parts["total"], begins) / count,
        np.minimum.reduceat(parts["low"], begins),
        np.maximum.reduceat(parts["high"], begins),
        parts["last"][np.r_[begins[1:], len(at)] - 1],
    )
    for id, *mean in zip(*(column.tolist() for column in columns), strict=True):
        means.setdefault(id, []).append(Mean(*mean))
    return means
