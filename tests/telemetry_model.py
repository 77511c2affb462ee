"""A history of batches, and what a store must hold after any number of them: in plain Python."""

from collections import defaultdict
from pathlib import Path

import duckdb

from campus.telemetry import (
    GOOD,
    HOLD,
    IMPLAUSIBLE_TIME,
    QUALITY_NAMES,
    UNSYNCED,
    USABLE,
    Readings,
    SeriesKey,
)
from campus.telemetry.duckdb import DuckDBTelemetry
from campus.telemetry.duckdb_means import QUARTERS

DAY = 86_400_000
QUARTER = 900_000
KEYS = [SeriesKey("school", "board-1", "co2_ppm"), SeriesKey("school", "board-2", "power_w.1")]
Key = tuple[SeriesKey, int, int]
"""(series, observed_at_ms, quality)"""


def batch(number: int) -> tuple[Readings, Readings | None]:
    """Batch `number`: six a day; some late for a day long thinned; each fifth takes doubtful ones of the last back."""
    made = Readings(series=list(KEYS))
    start = Model.START + number // 6 * DAY + number % 6 * 3 * 3_600_000
    rows = [(i % 2, start + i * 61_000, HOLD if i % 5 == 0 else GOOD) for i in range(40)]
    rows += [(0, start + 1 + i, UNSYNCED) for i in range(6)]
    if number % 7 == 0 and number > 60:
        rows += [(1, start - 8 * DAY + 3 + i * 1000, GOOD) for i in range(10)]
    for which, at, quality in rows:
        _add(made, which, at, float(number) + at % 7 / 8, quality)
    _add(made, 1, number, float(number), IMPLAUSIBLE_TIME)
    made.received[len(made) - 1] = Model.START + number
    if number % 5 or number == 5:
        return made, None
    before, removed = batch(number - 1)[0], Readings(series=list(KEYS))
    for which, at, quality in zip(before.which, before.observed_at_ms, before.quality, strict=True):
        if quality in (UNSYNCED, IMPLAUSIBLE_TIME):
            _add(removed, which, at, None, quality)
            if quality == UNSYNCED:
                _add(made, which, at + 500, float(number), GOOD)
    return made, removed


def _add(into: Readings, which: int, at: int, value: float | None, quality: int) -> None:
    into.which.append(which)
    into.observed_at_ms.append(at)
    into.value.append(value)
    into.quality.append(quality)


class Model:
    """The readings of batches 1 to `number`, with the batch that each came in."""

    START = 20_780 * DAY

    def __init__(self) -> None:
        self.number = 0
        self._rows: dict[Key, tuple[float | None, int | None, int]] = {}

    def extend(self, number: int, with_received: bool = True) -> None:
        """Go on to batch `number`."""
        for each in range(self.number + 1, number + 1):
            made, removed = batch(each)
            if removed:
                for key in _keys(removed):
                    self._rows.pop(key, None)
            for index, (key, value) in enumerate(zip(_keys(made), made.value, strict=True)):
                received = made.received.get(index) if with_received else None
                self._rows[key] = (value, received, each)
        self.number = max(self.number, number)

    def differs(self, store: DuckDBTelemetry) -> str:
        """What the store holds otherwise than it must: nothing is missing, nothing is there twice."""
        return self._readings(store) or self._means(store)

    def _readings(self, store: DuckDBTelemetry) -> str:
        """A day never thinned holds all of its readings; a thinned one those that came since, all of them."""
        thinned = {day for (day,) in store._file.ask(f"SELECT DISTINCT key // {_SPAN} FROM quarters")}
        thinned |= {day for (day,) in store._file.ask(f"SELECT DISTINCT key // {_SPAN} FROM daily")}
        codes = {name: code for code, name in QUALITY_NAMES.items()}
        boards = {key[1:]: key for key in KEYS}
        found: dict[int, dict[Key, tuple]] = defaultdict(dict)
        for part in store.rows(None, None, None, None):
            for row in part:
                key = (boards[row.board, row.point], row.observed_at_ms, codes[row.quality])
                day = -1 if key[2] == IMPLAUSIBLE_TIME else row.observed_at_ms // DAY
                if key in found[day]:
                    return f"{key} is there twice"
                found[day][key] = (row.value, row.received_at_ms)
        wanted: dict[int, dict[Key, tuple]] = defaultdict(dict)
        for key, held in self._rows.items():
            wanted[-1 if key[2] == IMPLAUSIBLE_TIME else key[1] // DAY][key] = held
        for day in wanted.keys() | found.keys():
            since = 0
            if day in thinned:
                since = min(
                    (wanted[day][key][2] for key in found[day] if key in wanted[day]), default=1 << 60
                )
            expected = {key: held[:2] for key, held in wanted[day].items() if held[2] >= since}
            if found[day] != expected:
                return f"day {day} holds {len(found[day])} readings in place of {len(expected)}"
        return ""

    def _means(self, store: DuckDBTelemetry) -> str:
        daily = {
            (store._keys[key % _SPAN // QUARTERS], key // _SPAN)
            for (key,) in store._file.ask("SELECT key FROM daily")
        }
        windows: dict[tuple[SeriesKey, int, int], list[tuple[int, float]]] = defaultdict(list)
        for (key, at, quality), (value, _, _) in self._rows.items():
            if quality in USABLE and value is not None:
                width = DAY if (key, at // DAY) in daily else QUARTER
                windows[key, at // width * width, width].append((at, value))
        found = store.means(KEYS, self.START - 100 * DAY, self.START + 10_000 * DAY)
        held = {(key, mean.start_ms, mean.width_ms): mean for key in KEYS for mean in found[key]}
        if held.keys() != windows.keys():
            return f"{len(held)} means in place of {len(windows)}"
        for window, part in windows.items():
            mean, values = held[window], [value for _, value in part]
            right = (len(part), min(values), max(values), max(part)[1])
            if (mean.count, mean.low, mean.high, mean.last) != right:
                return f"the mean {mean} in place of {right}"
            if abs(mean.mean - sum(values) / len(values)) > 1e-6:
                return f"the mean {mean} has wrong weights"
        return ""


_SPAN = QUARTERS << 24


def _keys(readings: Readings) -> list[Key]:
    return [
        (readings.series[which], at, quality)
        for which, at, quality in zip(readings.which, readings.observed_at_ms, readings.quality, strict=True)
    ]


def write_schema_1(path: Path, batches: int) -> None:
    """A file as version 0.2.0 made it, with that many batches, one of its days sorted."""
    with duckdb.connect(str(path), config={"default_block_size": "65536"}) as file:
        file.execute(
            """
            CREATE TABLE about (schema INTEGER, cursor BIGINT);
            CREATE TABLE series (
                id INTEGER PRIMARY KEY, site VARCHAR NOT NULL, board VARCHAR NOT NULL, point VARCHAR NOT NULL
            );
            CREATE TABLE days (day INTEGER PRIMARY KEY, sorted_rows BIGINT NOT NULL);
            CREATE TABLE stray (series INTEGER, observed_at_ms BIGINT, value DOUBLE, quality UTINYINT);
            """
        )
        file.execute("INSERT INTO about VALUES (1, ?)", [batches])
        file.executemany("INSERT INTO series VALUES (?, ?, ?, ?)", [[i, *key] for i, key in enumerate(KEYS)])
        model = Model()
        model.extend(batches)
        days: set[int] = set()
        for (key, at, quality), (value, _, _) in model._rows.items():
            if quality == IMPLAUSIBLE_TIME:
                file.execute("INSERT INTO stray VALUES (?, ?, ?, ?)", [KEYS.index(key), at, value, quality])
                continue
            day = at // DAY
            if day not in days:
                days.add(day)
                file.execute(f'CREATE TABLE "day_{day}" (key BIGINT, value DOUBLE, quality UTINYINT)')
                file.execute("INSERT INTO days VALUES (?, 0)", [day])
            file.execute(
                f'INSERT INTO "day_{day}" VALUES (?, ?, ?)',
                [KEYS.index(key) * DAY + at % DAY, value, quality],
            )
