"""Memory of an export does not grow with its rows: 200,000 of them, beside a control that collects them all."""

import tempfile
import tracemalloc
from datetime import UTC, date, datetime
from itertools import chain

import pytest
from sqlalchemy import insert

from campus.records import exporting_rows, open_records
from campus.records.derived_tables import RoomFactTable
from campus.records.exporting import export
from campus.records.exporting_rows import Asked
from campus.records.inventory import Inventory
from campus.telemetry import Readings, SeriesKey
from campus.telemetry.export import export as export_readings
from campus.telemetry.stores import open_telemetry

ROWS = 200_000
MOST_MB = 12
NOW = datetime(2026, 11, 18, tzinfo=UTC)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """A room with facts of 200,000 slots."""
    with open_records("sqlite", tmp_path_factory.mktemp("records")) as records:
        inventory = {
            "site": {"id": "demo", "name": "THCS", "tz": "Asia/Ho_Chi_Minh"},
            "room_types": [{"id": "classroom", "name_vi": "Phòng học", "name_en": "Classroom"}],
            "rooms": [{"id": "a101", "name": "A101", "room_type": "classroom"}],
        }
        records.import_inventory(Inventory.parse(inventory))
        fact = {
            "site": "demo", "room": "a101", "date": date(2026, 11, 18), "kind": "lesson", "outcome": "held",
            "exam": False,
            "slot_minutes": 45.0, "valid_minutes": 45.0, "occupied_minutes": 41.5, "counted_minutes": 0.0,
            "person_minutes": 0.0, "co2_minutes": 0.0, "co2_high_minutes": 0.0, "temperature_minutes": 0.0,
            "temperature_high_minutes": 0.0,
        }  # fmt: skip
        rows = [fact | {"start_ms": n * 1000, "end_ms": n * 1000 + 500} for n in range(ROWS)]
        with records._database.write() as session:
            session.connection().execute(insert(RoomFactTable), rows)
        yield records


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """200,000 readings of ten series."""
    opened = open_telemetry("duckdb", tmp_path_factory.mktemp("telemetry"))
    keys = [SeriesKey("demo", f"board-{n}", "co2_ppm") for n in range(10)]
    for number in range(10):
        at = [number * 2_000_000 + 1_795_000_000_000 + n // 10 * 1000 for n in range(ROWS // 10)]
        which = [n % 10 for n in range(ROWS // 10)]
        opened.write(number + 1, Readings(keys, which, at, [812.5] * len(at), [0] * len(at)))
    yield opened
    opened.close()


def peak_mb(act):
    """Of what Python and NumPy take while it runs."""
    tracemalloc.start()
    try:
        with tempfile.TemporaryFile() as file:
            assert act(file) == ROWS
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_an_export_of_records_is_flat(records, monkeypatch, format):
    """A few MB; all rows at once take many times as many."""
    asked = Asked(records.site("demo"), NOW, periods=True)

    def act(file):
        return export(records, "facts", asked, file, format)

    flat = peak_mb(act)
    assert flat < MOST_MB
    if format == "csv":
        read = exporting_rows.chunks
        monkeypatch.setattr(exporting_rows, "chunks", lambda *of: [list(chain(*read(*of)))])
        assert peak_mb(act) > 5 * MOST_MB


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_an_export_of_readings_is_flat(store, format):
    """A batch of the store at a time; all rows at once take many times as many."""
    assert peak_mb(lambda file: export_readings(store, file, format)) < 3 * MOST_MB
    if format == "csv":

        def collected(_):
            return len([row for chunk in store.rows(None, None, None, None) for row in chunk])

        assert peak_mb(collected) > 3 * MOST_MB
