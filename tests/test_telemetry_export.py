"""Exports of readings: the same rows in CSV and Parquet, whole files only."""

import io

import duckdb
import pytest

from campus.errors import StoreError, UsageError
from campus.telemetry import GOOD, IMPLAUSIBLE_TIME, INVALID_CRC, Readings, Row, SeriesKey
from campus.telemetry.duckdb import DuckDBTelemetry
from campus.telemetry.export import COLUMNS, MEAN_COLUMNS, csv_text, export, means

DAY = 86_400_000
START = 20_780 * DAY
KEYS = [SeriesKey("school", f"board-{n}", point) for n in range(3) for point in ("co2_ppm", "power_w.1")]


@pytest.fixture
def store(tmp_path):
    opened = DuckDBTelemetry(tmp_path / "telemetry.duckdb")
    batch = Readings(series=KEYS)
    for minute in range(3000):
        for which in range(len(KEYS)):
            failed = (minute + which) % 50 == 0
            batch.which.append(which)
            batch.observed_at_ms.append(START + minute * 60_000)
            batch.value.append(None if failed else 0.1 + 0.2 + minute)
            batch.quality.append(INVALID_CRC if failed else GOOD)
    opened.write(1, batch)
    yield opened
    opened.close()


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def rows_of(store, *where) -> list[Row]:
    return [row for part in store.rows(*(where or (None, None, None, None))) for row in part]


def test_csv_holds_every_row(store, out):
    """A CSV has the header of the contract and each row, nulls empty, floats in full, read back by DuckDB."""
    rows = rows_of(store)
    assert export(store, out / "readings.csv", "csv") == len(rows) == 18_000
    lines = (out / "readings.csv").read_text().splitlines()
    assert lines[0] == "board,point,observed_at_ms,value,quality,received_at_ms"
    assert lines[1:3] == [
        f"board-0,co2_ppm,{START},,invalid:crc,",
        f"board-0,co2_ppm,{START + 60_000},{0.1 + 0.2 + 1!r},good,",
    ]
    assert duckdb.sql(f"FROM read_csv('{out}/readings.csv')").fetchall() == [tuple(row) for row in rows]


def test_parquet_holds_every_row(store, out):
    """A Parquet file has the same columns, types and rows in the same order."""
    rows = rows_of(store)
    assert export(store, out / "readings.parquet", "parquet") == 18_000
    table = duckdb.sql(f"FROM '{out}/readings.parquet'")
    assert tuple(table.columns) == COLUMNS
    assert [str(kind) for kind in table.types] == [
        "VARCHAR",
        "VARCHAR",
        "BIGINT",
        "DOUBLE",
        "VARCHAR",
        "BIGINT",
    ]
    assert table.fetchall() == [tuple(row) for row in rows]


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_export_of_a_part(store, out, format):
    """An export narrowed to a board and a range holds that only, and one of nothing is a file without rows."""
    asked = {"board": "board-1", "start_ms": START + 60_000, "end_ms": START + 180_000}
    assert export(store, out / "part", format, **asked) == 4
    read = {"csv": "read_csv", "parquet": "read_parquet"}[format]
    assert duckdb.sql(f"FROM {read}('{out}/part')").fetchall() == [
        tuple(row) for row in rows_of(store, None, "board-1", START + 60_000, START + 180_000)
    ]
    assert export(store, out / "none", format, site="nowhere") == 0
    assert duckdb.sql(f"SELECT count(*) FROM {read}('{out}/none')").fetchall() == [(0,)]
    assert tuple(duckdb.sql(f"FROM {read}('{out}/none')").columns) == COLUMNS


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_export_to_a_stream(store, out, format):
    """A stream gets the very bytes a file would hold."""
    stream = io.BytesIO()
    assert export(store, stream, format) == 18_000
    export(store, out / "file", format)
    assert stream.getvalue() == (out / "file").read_bytes()


def test_streamed_text_equals_the_file(store, out):
    """The pieces of a streamed answer are the file, the header also where there are no rows."""
    export(store, out / "file", "csv")
    assert b"".join(csv_text(store.rows(None, None, None, None))) == (out / "file").read_bytes()
    assert b"".join(csv_text(iter(()))) == b"board,point,observed_at_ms,value,quality,received_at_ms\n"


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_time_that_cannot_be_shows_when_it_came(store, out, format):
    """`received_at_ms` stands beside a reading of implausible time, and is empty everywhere else."""
    wild = Readings([KEYS[0]], [0, 0], [5, 6], [1.0, 2.0], [IMPLAUSIBLE_TIME] * 2, {0: START, 1: START + 1})
    store.write(2, wild)
    assert export(store, out / "file", format) == 18_002
    read = {"csv": "read_csv", "parquet": "read_parquet"}[format]
    found = duckdb.sql(
        f"SELECT observed_at_ms, received_at_ms FROM {read}('{out}/file') WHERE received_at_ms IS NOT NULL"
    ).fetchall()
    assert found == [(5, START), (6, START + 1)]


def test_means_come_in_chunks_by_board_point_and_time(store):
    """An export of means holds those of the store once each, one range at most 400 days long."""
    rows = [row for part in means(store, None, None, START, START + 4 * DAY) for row in part]
    found = store.means(KEYS, START, START + 4 * DAY)
    assert rows == [(key.board, key.point, *mean) for key in sorted(KEYS) for mean in found[key]]
    assert len(rows) == 6 * 200 and rows == sorted(rows)
    parts = list(means(store, None, "board-1", START, START + 399 * DAY))
    assert len(parts) == 2 and [row for part in parts for row in part] == rows[400:800]
    assert next(csv_text(iter(()), MEAN_COLUMNS)).startswith(b"board,point,start_ms,width_ms,count,mean,")
    with pytest.raises(UsageError, match="400 days"):
        next(means(store, None, None, START, START + 401 * DAY))


class Breaking:
    """A store whose connection is lost in the middle."""

    def __init__(self, store):
        self._store = store

    def rows(self, *where):
        yield next(self._store.rows(*where, chunk=100))
        raise StoreError("The store went away.")


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_failed_export_leaves_the_old_file(store, out, format):
    """An export that fails half way leaves what was there before, and no part of itself."""
    (out / "readings").write_text("before")
    with pytest.raises(StoreError):
        export(Breaking(store), out / "readings", format)
    assert [(file.name, file.read_text()) for file in out.iterdir()] == [("readings", "before")]


def test_wrong_format_or_place(store, out):
    """An unknown format and a folder that is not there are usage errors of one sentence."""
    with pytest.raises(UsageError, match="choose csv or parquet"):
        export(store, out / "readings", "xlsx")
    with pytest.raises(UsageError, match="Cannot write"):
        export(store, out / "absent" / "readings.csv", "csv")
    assert list(out.iterdir()) == []
