"""Readings as a file: CSV or Parquet with the columns of COLUMNS, from any store, in flat memory."""

import csv
import io
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import duckdb
import numpy as np

from campus.errors import StoreError, UsageError
from campus.telemetry import Row, TelemetryStore

COLUMNS = Row._fields
FORMATS = ("csv", "parquet")


def export(
    store: TelemetryStore,
    target: Path | BinaryIO,
    format: str,
    *,
    site: str | None = None,
    board: str | None = None,
    start_ms: int | None = None,
    end_ms: int | None = None,
) -> int:
    """Write the readings of a range as 'csv' or 'parquet' in the order of `rows()`; returns how many.

    A path appears only when complete; a stream (open for bytes) is written as it goes for CSV. A missing value is
    an empty field or NULL. Raises UsageError for the format or a path that cannot be written, StoreError.
    """
    if format not in FORMATS:
        raise UsageError(f"Readings cannot be exported as '{format}': choose csv or parquet.")
    chunks = store.rows(site, board, start_ms, end_ms)
    write = _write_csv if format == "csv" else _write_parquet
    if not isinstance(target, Path):
        return write(chunks, target)
    part = target.with_name(f".{target.name}.part")
    try:
        with part.open("wb") as file:
            rows = write(chunks, file)
        part.replace(target)
        return rows
    except OSError as error:
        raise UsageError(f"Cannot write {target}: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)


def csv_text(chunks: Iterator[list[Row]]) -> Iterator[bytes]:
    """CSV with its header, a piece for each chunk: what a streamed answer sends."""
    text = io.StringIO()
    line = csv.writer(text, lineterminator="\n")
    line.writerow(COLUMNS)
    for chunk in chunks:
        line.writerows(chunk)
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    if text.tell():
        yield text.getvalue().encode()


def _write_csv(chunks: Iterator[list[Row]], file: BinaryIO) -> int:
    rows = 0

    def counted() -> Iterator[list[Row]]:
        nonlocal rows
        for chunk in chunks:
            rows += len(chunk)
            yield chunk

    for piece in csv_text(counted()):
        file.write(piece)
    return rows


def _write_parquet(chunks: Iterator[list[Row]], file: BinaryIO) -> int:
    """DuckDB writes it, from a staging file: a COPY of the sorted whole would need the memory of the whole."""
    with tempfile.TemporaryDirectory(prefix="campus-export-") as folder:
        rows = 0
        out = Path(folder) / "readings.parquet"
        try:
            with duckdb.connect(
                str(Path(folder) / "staging.duckdb"), config={"memory_limit": "64MB", "threads": "1"}
            ) as staging:
                staging.execute(
                    "CREATE TABLE staged (board VARCHAR, point VARCHAR, observed_at_ms BIGINT, "
                    "value DOUBLE, quality VARCHAR)"
                )
                for chunk in chunks:
                    board, point, at, value, quality = zip(*chunk, strict=True)
                    batch = {  # noqa: F841 DuckDB finds it by name
                        "board": np.array(board, object),
                        "point": np.array(point, object),
                        "observed_at_ms": np.array(at, np.int64),
                        "value": np.array(value, np.float64),
                        "quality": np.array(quality, object),
                    }
                    staging.execute("INSERT INTO staged FROM batch")
                    rows += len(chunk)
                staging.execute("COPY staged TO ? (FORMAT parquet, COMPRESSION zstd)", [str(out)])
        except duckdb.Error as error:
            raise StoreError(f"The Parquet file could not be written: {error}") from error
        with out.open("rb") as made:
            shutil.copyfileobj(made, file, 1 << 20)
    return rows
