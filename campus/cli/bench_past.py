"""Readings of the past, for benchmarks of a school that has run for a while."""

from contextlib import closing
from pathlib import Path

import numpy as np

from campus.telemetry import Readings, SeriesKey
from campus.telemetry.stores import open_telemetry
from simulator.school import MINUTE_MS

BATCH = 100_000


def store_readings(data: Path, keys: list[SeriesKey], until_ms: int, readings: int) -> None:
    """Exactly so many readings into the DuckDB of a data folder, one a minute of each series, up to an instant."""
    minutes = -(-readings // len(keys))
    rng, left, number, batch = np.random.default_rng(1), readings, 0, Readings(keys)
    with closing(open_telemetry("duckdb", data)) as store:
        for minute in range(minutes):
            many = min(left, len(keys))
            batch.which.extend(range(many))
            batch.observed_at_ms.extend([until_ms - (minutes - minute) * MINUTE_MS] * many)
            batch.value.extend(rng.normal(500, 80, many).round(1).tolist())
            batch.quality.extend([0] * many)
            left -= many
            if len(batch) >= BATCH or minute == minutes - 1:
                number += 1
                store.write(number, batch)
                batch = Readings(keys)
        store.maintain(until_ms)
