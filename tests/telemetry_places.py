"""The engines that the adapter suite runs on, and batches to write there."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from influx_front import InfluxFront

from campus.telemetry import Readings, Row, SeriesKey, TelemetryStore
from campus.telemetry.stores import open_telemetry

DAY = 86_400_000
NOON = 20_780 * DAY + DAY // 2
CO2 = SeriesKey("school", "board-1", "co2_ppm")
POWER = SeriesKey("school", "board-1", "power_w.1")
ENERGY = SeriesKey("school", "board-2", "energy_mwh.1")
FAR = SeriesKey("other", "board-0", "motion")


@dataclass
class Place:
    """A store's address; `open()` as often as a test likes."""

    url: str
    data: Path

    def open(self) -> TelemetryStore:
        return open_telemetry(self.url, self.data)


PLACES = [
    "duckdb",
    pytest.param("influx-v1", marks=pytest.mark.influxdb),
    pytest.param("influx-v2", marks=pytest.mark.influxdb),
]


def places(request: pytest.FixtureRequest, data: Path) -> Iterator[Place]:
    """The body of a fixture over PLACES: DuckDB, and InfluxDB by both of its interfaces."""
    if request.param == "duckdb":
        yield Place("duckdb", data)
        return
    server = request.getfixturevalue("influxdb")
    url = server.database()
    if request.param == "influx-v1":
        yield Place(url + "?api=v1", data)
        return
    front = InfluxFront(server.host, server.port)
    yield Place(url.replace(f":{server.port}/", f":{front.port}/"), data)
    front.stop()


def readings(*rows: tuple[SeriesKey, int, float | None, int]) -> Readings:
    batch = Readings(series=list(dict.fromkeys(key for key, *_ in rows)))
    for key, at, value, quality in rows:
        batch.which.append(batch.series.index(key))
        batch.observed_at_ms.append(at)
        batch.value.append(value)
        batch.quality.append(quality)
    return batch


def everything(store: TelemetryStore, **chunk: int) -> list[Row]:
    return [row for part in store.rows(None, None, None, None, **chunk) for row in part]
