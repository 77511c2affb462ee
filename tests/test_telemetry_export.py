"""Exports of readings: the same rows in CSV and Parquet, whole files only."""

import io
from datetime import UTC

import duckdb
import numpy as np
import pytest
from openpyxl import load_workbook

from campus.errors import StoreError, UsageError
from campus.table_files import BOM
from campus.telemetry import GOOD, IMPLAUSIBLE_TIME, INVALID_CRC, Batch, Readings, Row, SeriesKey
from campus.telemetry.duckdb import DuckDBTelemetry
from campus.telemetry.export import COLUMNS, MEAN_COLUMNS, csv_text, export, means, readings_csv

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
    everything = (out / "file").read_bytes()
    assert b"".join(csv_text(store.rows(None, None, None, None))) == everything
    assert b"".join(readings_csv(store.batches(None, None, None, None))) == everything
    assert b"".join(readings_csv(store.batches(None, None, None, None), bom=True)) == BOM + everything
    assert b"".join(readings_csv(iter(()))) == b"board,point,observed_at_ms,value,quality,received_at_ms\n"
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


def test_a_sheet_holds_every_row_with_real_dates(store, out):
    """An Excel file has the same readings in the same order; their times are dates, in UTC."""
    wild = Readings([KEYS[0]], [0], [START], [1.0], [IMPLAUSIBLE_TIME], {0: START + 1000})
    store.write(2, wild)
    assert export(store, out / "file.xlsx", "xlsx", board="board-0") == 6001
    head, *rows = load_workbook(out / "file.xlsx").active.values
    assert head == ("board", "point", "observed_at", "value", "quality", "received_at")
    told = [(*row[:2], ms(row[2]), *row[3:5], ms(row[5])) for row in rows]
    wanted = [tuple(row) for row in rows_of(store, None, "board-0", None, None)]
    values = [(row[3], held[3]) for row, held in zip(told, wanted, strict=True)]  # Excel keeps 15 digits
    assert all(a == b or a == pytest.approx(b, rel=1e-14) for a, b in values)
    assert [(*row[:3], *row[4:]) for row in told] == [(*row[:3], *row[4:]) for row in wanted]


def ms(at):
    return None if at is None else round(at.replace(tzinfo=UTC).timestamp() * 1000)


def test_more_readings_than_a_sheet_holds_are_refused_before_one_is_written(store, monkeypatch):
    """What no sheet can hold is refused with one sentence, and nothing is written; as many as fit are written."""
    monkeypatch.setattr("campus.telemetry.export.MOST_SHEET_ROWS", 5999)
    stream = io.BytesIO()
    with pytest.raises(UsageError, match="choose csv or parquet"):
        export(store, stream, "xlsx", board="board-0")
    assert stream.getvalue() == b""
    assert export(store, stream, "xlsx", board="board-0", start_ms=START + 60_000) == 5998


def test_a_batch_of_the_store_says_what_its_rows_say():
    """In columns as in rows: invalid values, times in doubt and a code of a later version, mixed in one batch."""
    at, nan = START, float("nan")
    batch = Batch(
        KEYS[:2],
        np.array([1, 0, 1]),
        np.array([at, at + 1, 5]),
        np.array([nan, -0.1, 1e300]),
        np.array([INVALID_CRC, 200, IMPLAUSIBLE_TIME]),
        np.array([nan, nan, float(at)]),
    )
    rows = [
        Row("board-0", "power_w.1", at, None, "invalid:crc"),
        Row("board-0", "co2_ppm", at + 1, -0.1, "200"),
        Row("board-0", "power_w.1", 5, 1e300, "implausible_time", at),
    ]
    assert batch.rows() == rows
    assert b"".join(readings_csv([batch])) == b"".join(csv_text([rows]))


class Breaking:
    """A store whose connection is lost in the middle."""

    def __init__(self, store):
        self._store = store

    def batches(self, *where):
        yield next(self._store.batches(*where))
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
    with pytest.raises(UsageError, match="choose csv, parquet, xlsx"):
        export(store, out / "readings", "ods")
    with pytest.raises(UsageError, match="Cannot write"):
        export(store, out / "absent" / "readings.csv", "csv")
    assert list(out.iterdir()) == []
