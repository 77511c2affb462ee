"""The telemetry store of a server: InfluxDB, or another that speaks its line protocol and InfluxQL.

Measurement `readings`: tags site, board, point, and clock where the time is in doubt; fields quality (always), value
and received_at_ms (absent where there is none, since InfluxDB has no null). A write is idempotent on (series,
observed_at), and so is a deletion, so the cursor may lag behind what is stored, and is written after it: a batch sent
twice changes nothing.
"""

import logging
import math
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from campus.errors import StoreError, UsageError
from campus.telemetry import (
    IMPLAUSIBLE_TIME,
    UNSYNCED,
    USABLE,
    Batch,
    Mean,
    Readings,
    Row,
    Sample,
    SeriesKey,
)
from campus.telemetry.influx_link import InfluxAddress, InfluxLink
from campus.telemetry.keys import check_keys, valid_key

log = logging.getLogger(__name__)

SCHEMA = 1
LINES = 10_000
"""Lines in one request at most, as InfluxData advises."""
LIMIT_MS = 9_223_372_036_854
"""InfluxDB counts 64-bit nanoseconds: the years 1677 to 2262. It refuses a whole request over one time beyond."""
STATEMENTS = 50
"""Statements in one query at most."""
QUARTER_MS = 900_000
CLOCKS = {UNSYNCED: "unsynced", IMPLAUSIBLE_TIME: "implausible"}
"""Tag `clock` by quality: `extent()` passes by some through the index, and a deletion meets no others."""


def open_influx(url: str, journal: str | None = None) -> "InfluxTelemetry":
    """Open the store of an `influxdb://` URL. Raises UsageError for the URL, StoreError when it does not answer."""
    return InfluxTelemetry(InfluxLink(InfluxAddress.parse(url)), journal=journal)


class InfluxTelemetry:
    """TelemetryStore in InfluxDB. `clock` gives seconds; it only dates the cursor's own points.

    `journal`: whose cursor this is where several collectors write to one database, each with numbers of its own.
    """

    def __init__(
        self, link: InfluxLink, clock: Callable[[], float] = time.time, journal: str | None = None
    ) -> None:
        self._link = link
        self._clock = clock
        self._lock = threading.Lock()
        self._prefixes: dict[tuple[SeriesKey, str], str] = {}
        self._ask_policy_at = 0.0
        self._kept_s = 0  # by the default retention policy; 0: for ever
        try:
            schema = self._newest("version", "campus_schema")
            if schema > SCHEMA:
                raise StoreError(
                    f"The readings in InfluxDB were stored by a newer version of this program (schema {schema}, this "
                    f"one knows {SCHEMA}); upgrade the program."
                )
            if schema < SCHEMA:  # the first write: shows a wrong interface or missing rights now, not later
                link.write(f"campus_schema version={SCHEMA}i {self._today()}")
            self._of_cursor = "campus_cursor"
            self._cursor_tag = ""
            if journal is not None:
                check_keys([SeriesKey(journal, journal, "uptime_s")])
                # A measurement of its own: a collector alone asks for the newest of all that is in the other.
                self._of_cursor, self._cursor_tag = "campus_cursors", f",journal={journal}"
            self._cursor = self._newest("number", self._of_cursor, journal)
        except BaseException:
            link.close()
            raise

    def cursor(self) -> int:
        return self._cursor

    def write(self, number: int, readings: Readings, removed: Readings | None = None) -> None:
        with self._lock:
            if number <= self._cursor:
                return
            lines = self._lines(readings)
            if removed:
                self._delete(removed)
            for first in range(0, len(lines), LINES):
                self._link.write("\n".join(lines[first : first + LINES]))
            self._link.write(f"{self._of_cursor}{self._cursor_tag} number={int(number)}i {self._today()}")
            self._cursor = number

    def _lines(self, readings: Readings) -> list[str]:
        series = list(readings.series)
        check_keys([key for key in series if (key, "") not in self._prefixes])
        plain = [self._prefix(key, "") for key in series]
        lines, beyond = [], 0
        try:
            for index, (which, at, value, quality) in enumerate(
                zip(readings.which, readings.observed_at_ms, readings.value, readings.quality, strict=True)
            ):
                if not -LIMIT_MS < at < LIMIT_MS and -(1 << 63) <= at < 1 << 63:
                    beyond += 1
                    continue
                clock = CLOCKS.get(quality)
                prefix = plain[which] if clock is None else self._prefix(series[which], clock)
                fields = f"quality={quality:d}i"
                if value is not None and math.isfinite(value):
                    fields = f"value={float(value)!r},{fields}"
                if index in readings.received:
                    fields = f"{fields},received_at_ms={readings.received[index]:d}i"
                lines.append(f"{prefix} {fields} {at:d}")
        except (TypeError, ValueError, OverflowError, IndexError) as error:
            raise StoreError(f"A batch of readings is malformed ({error}); it was not stored.") from error
        if beyond:
            log.warning("%d readings claim a time that InfluxDB cannot hold, and were left out.", beyond)
        return lines

    def _prefix(self, key: SeriesKey, clock: str) -> str:
        """Measurement and tags, escaped by the client, once a series: its Point costs 30 times a line of ours."""
        prefix = self._prefixes.get((key, clock))
        if prefix is None:
            from influxdb_client.client.write.point import Point

            point = Point("readings").tag("site", key.site).tag("board", key.board).tag("point", key.point)
            if clock:
                point = point.tag("clock", clock)
            prefix = point.field("quality", 0).to_line_protocol().removesuffix(" quality=0i")
            self._prefixes[key, clock] = prefix
        return prefix

    def _delete(self, removed: Readings) -> None:
        """InfluxDB deletes by tags and a span of time: one for each run of points between which no other lies."""
        gone: dict[tuple[SeriesKey, str], set[int]] = {}
        try:
            for which, at, quality in zip(
                removed.which, removed.observed_at_ms, removed.quality, strict=True
            ):
                if quality in CLOCKS and -LIMIT_MS < at < LIMIT_MS and valid_key(removed.series[which]):
                    gone.setdefault((removed.series[which], CLOCKS[quality]), set()).add(int(at))
        except (TypeError, ValueError, OverflowError, IndexError) as error:
            raise StoreError(f"A batch of readings is malformed ({error}); it was not stored.") from error
        statements = []
        for (key, clock), times in gone.items():
            tags = {**key._asdict(), "clock": clock}
            held = self._all([_select(tags, min(times), max(times) + 1)])
            for wanted, run in groupby((row[0] for row in held), times.__contains__):
                if wanted:
                    span = list(run)
                    where = _where(tags, span[0], span[-1] + 1)
                    statements.append(f'DELETE FROM "readings"{where}')  # noqa: S608
        for first in range(0, len(statements), STATEMENTS):
            self._all(statements[first : first + STATEMENTS])

    def series(self, site: str | None = None, board: str | None = None) -> list[SeriesKey]:
        where = _where({"site": site, "board": board}, None, None)
        if where is None:
            return []
        query = f'SELECT last("quality") FROM "readings"{where} GROUP BY "site", "board", "point"'  # noqa: S608
        return sorted(
            {
                SeriesKey(tags["site"], tags["board"], tags["point"])
                for _, tags, rows in self._link.query([query])
                if all(quality is not None for _, quality in rows)
            }
        )

    def read(self, keys: Sequence[SeriesKey], start_ms: int, end_ms: int) -> dict[SeriesKey, list[Sample]]:
        samples: dict[SeriesKey, list[Sample]] = {key: [] for key in keys}
        wanted = [key for key in samples if valid_key(key)] if start_ms < end_ms else []
        for first in range(0, len(wanted), STATEMENTS):
            part = wanted[first : first + STATEMENTS]
            queries = [_select(key._asdict(), start_ms, end_ms) for key in part]
            for statement, _, rows in self._link.query([query for query in queries if query]):
                samples[part[statement]] += [
                    (at, _float(value), quality) for at, value, quality, _ in _whole(rows)
                ]
        return samples

    def rows(
        self,
        site: str | None,
        board: str | None,
        start_ms: int | None,
        end_ms: int | None,
        chunk: int = 20_000,
    ) -> Iterator[list[Row]]:
        held: list[Row] = []
        for batch in self.batches(site, board, start_ms, end_ms):
            held += batch.rows()
            while len(held) >= chunk:
                yield held[:chunk]
                del held[:chunk]
        if held:
            yield held

    def batches(
        self, site: str | None, board: str | None, start_ms: int | None, end_ms: int | None
    ) -> Iterator[Batch]:
        by_name: dict[tuple[str, str], SeriesKey] = {key[1:]: key for key in self.series(site, board)}
        for (name, point), key in sorted(by_name.items()):
            query = _select({"site": site, "board": name, "point": point}, start_ms, end_ms)
            for _, _, rows in self._link.query([query] if query else []):
                if rows := _whole(rows):
                    at, value, quality, received = zip(*rows, strict=True)
                    yield Batch(
                        [key],
                        np.zeros(len(at), np.int64),
                        np.array(at, np.int64),
                        np.array(value, np.float64),  # None becomes NaN
                        np.array(quality, np.int64),
                        np.array(received, np.float64),
                    )

    def means(self, keys: Sequence[SeriesKey], start_ms: int, end_ms: int) -> dict[SeriesKey, list[Mean]]:
        means: dict[SeriesKey, list[Mean]] = {key: [] for key in keys}
        first = max(-(-start_ms // QUARTER_MS), 0) * QUARTER_MS
        end = min(-(-end_ms // QUARTER_MS) * QUARTER_MS, LIMIT_MS)
        wanted = [key for key in means if valid_key(key)] if first < end else []
        usable = " OR ".join(f'"quality" = {code:d}' for code in sorted(USABLE))
        for start in range(0, len(wanted), STATEMENTS):
            part = wanted[start : start + STATEMENTS]
            queries = [
                'SELECT count("value"), mean("value"), min("value"), max("value"), last("value") '  # noqa: S608
                f'FROM "readings"{_where(key._asdict(), first, end)} AND ({usable}) GROUP BY time(15m) fill(none)'
                for key in part
            ]
            for statement, _, rows in self._link.query(queries):
                means[part[statement]] += [
                    Mean(at, QUARTER_MS, count, *map(float, figures)) for at, count, *figures in rows if count
                ]
        return means

    def raw_from(self) -> int:
        """By the server's retention policy, which is asked once an hour; 0 where it has none, or does not tell."""
        now = self._clock()
        if now >= self._ask_policy_at:
            self._ask_policy_at = now + 3600
            try:
                policies = self._all(["SHOW RETENTION POLICIES"])
            except StoreError as error:  # not every server that speaks InfluxQL has it
                log.warning("How long InfluxDB keeps readings is not known: %s", error)
                policies = []
            self._kept_s = next((_seconds(row[1]) for row in policies if row[-1] is True), 0)
        return int((now - self._kept_s) * 1000) if self._kept_s else 0

    def snapshot(self, target: Path) -> None:
        raise UsageError("Readings are in InfluxDB: back the server up with its own tool (influxd backup).")

    def extent(self) -> tuple[int, int] | None:
        select = 'SELECT {}("quality") FROM "readings" WHERE "clock" != \'implausible\''
        found = self._all([select.format("first"), select.format("last")])
        times = [int(at) for at, quality in found if quality is not None]
        return (times[0], times[1]) if len(times) == 2 else None

    def maintain(self, now_ms: int) -> int:
        """Nothing to do: InfluxDB compacts by itself."""
        return 0

    def bytes_per_reading(self) -> float | None:
        """Not known: the disk is the server's."""
        return None

    def close(self) -> None:
        self._link.close()

    def _today(self) -> int:
        """The time of our own points: overwritten for a day, they neither pile up nor leave the retention."""
        return int(self._clock() // 86_400) * 86_400_000

    def _newest(self, field: str, measurement: str, journal: str | None = None) -> int:
        whose = f" WHERE \"journal\" = '{journal}'" if journal else ""
        found = self._all([f'SELECT max("{field}") FROM "{measurement}"{whose}'])  # noqa: S608
        return int(found[0][1]) if found else 0

    def _all(self, statements: Sequence[str | None]) -> list[list[Any]]:
        return [row for _, _, rows in self._link.query([s for s in statements if s]) for row in rows]


def _select(tags: dict[str, str | None], start_ms: int | None, end_ms: int | None) -> str | None:
    where = _where(tags, start_ms, end_ms)
    return None if where is None else f'SELECT "value", "quality", "received_at_ms" FROM "readings"{where}'  # noqa: S608


def _where(tags: dict[str, str | None], start_ms: int | None, end_ms: int | None) -> str | None:
    """A WHERE clause; None where a tag could not be in the store, which is never put to the server."""
    given = {name: value for name, value in tags.items() if value is not None}
    whole = {"site": "a", "board": "a", "point": "motion", **given}
    if not valid_key(SeriesKey(whole["site"], whole["board"], whole["point"])):
        return None
    terms = [f"\"{name}\" = '{value}'" for name, value in given.items()]
    terms += [f"time >= {int(start_ms)}ms"] if start_ms is not None else []
    terms += [f"time < {int(end_ms)}ms"] if end_ms is not None else []
    return " WHERE " + " AND ".join(terms) if terms else ""


def _whole(rows: list[list[Any]]) -> list[list[Any]]:
    """Those of `_select` with their quality: InfluxDB stores a point field by field, and shows a half of it.

    Where only the value is still to come, it is None for that moment, as it is where there is none.
    """
    return [row for row in rows if row[2] is not None]


def _float(value: float | None) -> float | None:
    return None if value is None else float(value)


def _seconds(duration: str) -> int:
    """Seconds of what InfluxDB writes as 720h0m0s."""
    parts = re.findall(r"(\d+)([hms])", str(duration))
    return sum(int(number) * {"h": 3600, "m": 60, "s": 1}[unit] for number, unit in parts)
