"""Readings as a file: CSV or Parquet with the columns of COLUMNS, from any store, in flat memory; means as CSV."""

import csv
import io
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import duckdb
import numpy as np

from campus.errors import StoreError, UsageError
from campus.telemetry import Mean, Row, TelemetryStore

COLUMNS = Row._fields
MEAN_COLUMNS = ("board", "point", *Mean._fields)
FORMATS = ("csv", "parquet")
MAX_DAYS_OF_MEANS = 400
"""In one export of means: one series is in memory at a time."""
_MEANS_AT_ONCE = 40_000


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


def means(
    store: TelemetryStore, site: str | None, board: str | None, start_ms: int, end_ms: int
) -> Iterator[list[tuple]]:
    """Rows of MEAN_COLUMNS by (board, point, start_ms), in chunks, for at most MAX_DAYS_OF_MEANS.

    Raises UsageError for a longer range.
    """
    days = (end_ms - start_ms) / 86_400_000
    if days > MAX_DAYS_OF_MEANS:
        raise UsageError(f"The range is longer than {MAX_DAYS_OF_MEANS} days; ask for it in parts.")
    keys = sorted(store.series(site, board), key=lambda key: (key[1:], key.site))
    at_once = max(1, int(_MEANS_AT_ONCE / (96 * max(days, 1))))
    for first in range(0, len(keys), at_once):
        part = keys[first : first + at_once]
        found = store.means(part, start_ms, end_ms)
        yield [(key.board, key.point, *mean) for key in part for mean in found[key]]


def csv_text(chunks: Iterable[Sequence[tuple]], columns: Sequence[str] = COLUMNS) -> Iterator[bytes]:
    """CSV with its header, a piece for each chunk: what a streamed answer sends."""
    text = io.StringIO()
    line = csv.writer(text, lineterminator="\n")
    line.writerow(columns)
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
                    "value DOUBLE, quality VARCHAR, received_at_ms BIGINT)"
                )
                for chunk in chunks:
                    board, point, at, value, quality, received = zip(*chunk, strict=True)
                    batch = {  # noqa: F841 DuckDB finds it by name
                        "board": np.array(board, object),
                        "point": np.array(point, object),
                        "observed_at_ms": np.array(at, np.int64),
                        "value": np.array(value, np.float64),
                        "quality": np.array(quality, object),
                        "received": np.array(received, np.float64),  # a missing one is NULL; ms are exact
                    }
                    staging.execute("INSERT INTO staged FROM batch")
                    rows += len(chunk)
                staging.execute("COPY staged TO ? (FORMAT parquet, COMPRESSION zstd)", [str(out)])
        except duckdb.Error as error:
            raise StoreError(f"The Parquet file could not be written: {error}") from error
        with out.open("rb") as made:
            shutil.copyfileobj(made, file, 1 << 20)
    return rows
