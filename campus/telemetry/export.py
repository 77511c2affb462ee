"""Readings as a file: CSV, Parquet or Excel from any store, in flat memory; means as CSV."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import BinaryIO

import numpy as np

from campus.errors import UsageError
from campus.table_files import BOM, FORMATS, MOST_SHEET_ROWS, Column, Staging, too_many_rows, write_sheet
from campus.telemetry import QUALITY_NAMES, Batch, Mean, Row, TelemetryStore

COLUMNS = Row._fields
MEAN_COLUMNS = ("board", "point", *Mean._fields)
MAX_DAYS_OF_MEANS = 400
"""In one export of means: one series is in memory at a time."""
_MEANS_AT_ONCE = 40_000
_LINES = 20_000
_PARQUET = (
    Column("board"), Column("point"), Column("observed_at_ms", "integer"), Column("value", "number"),
    Column("quality"), Column("received_at_ms", "integer"),
)  # fmt: skip
_SHEET = (
    Column("board"), Column("point"), Column("observed_at", "instant"), Column("value", "number"),
    Column("quality"), Column("received_at", "instant"),
)  # fmt: skip


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
    """Write the readings of a range in one of FORMATS, in the order of `rows()`; returns how many.

    A path appears only when complete; a stream (open for bytes) is written as it goes for CSV. A missing value is
    an empty field or NULL. In a sheet the times are dates of Excel, in UTC: `observed_at`, `received_at`. Raises
    UsageError for the format, a path that cannot be written, more rows than a sheet holds; StoreError.
    """
    if format not in FORMATS:
        raise UsageError(f"Readings cannot be exported as '{format}': choose {', '.join(FORMATS)}.")
    rows = 0

    def counted() -> Iterator[Batch]:
        nonlocal rows
        for batch in store.batches(site, board, start_ms, end_ms):
            rows += len(batch.which)
            yield batch

    if format == "xlsx":
        refuse_long(store, site, board, start_ms, end_ms)
    if not isinstance(target, Path):
        _WRITERS[format](counted(), target)
        return rows
    part = target.with_name(f".{target.name}.part")
    try:
        with part.open("wb") as file:
            _WRITERS[format](counted(), file)
        part.replace(target)
        return rows
    except OSError as error:
        raise UsageError(f"Cannot write {target}: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)


def refuse_long(
    store: TelemetryStore, site: str | None, board: str | None, start_ms: int | None, end_ms: int | None
) -> None:
    """Raises UsageError where a range has more readings than a sheet holds: found in a second, not by trying."""
    rows = 0
    for batch in store.batches(site, board, start_ms, end_ms):
        rows += len(batch.which)
        if rows > MOST_SHEET_ROWS:
            raise too_many_rows()


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


def readings_csv(batches: Iterable[Batch], bom: bool = False) -> Iterator[bytes]:
    """The readings as `csv_text` writes them, in pieces of _LINES lines, many times as fast."""
    head = (BOM if bom else b"") + f"{','.join(COLUMNS)}\n".encode()
    for batch in batches:
        starts = [f"{key.board},{key.point}," for key in batch.keys]
        for first in range(0, len(batch.which), _LINES):
            part = slice(first, first + _LINES)
            yield head + _lines(starts, batch, part).encode()
            head = b""
    if head:
        yield head


def _lines(starts: Sequence[str], batch: Batch, part: slice) -> str:
    """No field needs quotes: ids, names and numbers."""
    which, at, quality = (
        column[part].tolist() for column in (batch.which, batch.observed_at_ms, batch.quality)
    )
    values: list[float | str] = batch.value[part].tolist()
    if np.isnan(batch.value[part]).any():
        values = ["" if value != value else value for value in values]
    received = batch.received_at_ms[part]
    came = (
        [""] if np.isnan(received).all() else ["" if ms != ms else str(int(ms)) for ms in received.tolist()]
    )
    names = {code: QUALITY_NAMES.get(code, str(code)) for code in set(quality)}
    if len(came) == 1 and len(names) == 1:
        end = f",{names[quality[0]]},\n"
        lines = [f"{starts[id]}{ms},{value}{end}" for id, ms, value in zip(which, at, values, strict=True)]
        return "".join(lines)
    return "".join(
        f"{starts[id]}{ms},{value},{names[code]},{late}\n"
        for id, ms, value, code, late in zip(
            which, at, values, quality, cycle(came) if len(came) == 1 else came, strict=False
        )
    )


def _write_csv(batches: Iterable[Batch], file: BinaryIO) -> None:
    for piece in readings_csv(batches):
        file.write(piece)


def _write_parquet(batches: Iterable[Batch], file: BinaryIO) -> None:
    with Staging(_PARQUET) as staged:
        for batch in batches:
            boards, points = (
                np.array(names, object) for names in zip(*(key[1:] for key in batch.keys), strict=True)
            )
            told = np.array([QUALITY_NAMES.get(code, str(code)) for code in range(256)], object)
            staged.add(
                [
                    boards[batch.which],
                    points[batch.which],
                    batch.observed_at_ms,
                    batch.value,
                    told[batch.quality],
                    batch.received_at_ms,  # a missing one is NULL; ms are exact
                ]
            )
        staged.copy(file)


def _write_xlsx(batches: Iterable[Batch], file: BinaryIO) -> None:
    write_sheet(_SHEET, (rows[first : first + _LINES] for rows in (batch.rows() for batch in batches)
                         for first in range(0, len(rows), _LINES)), file)  # fmt: skip


_WRITERS = {"csv": _write_csv, "parquet": _write_parquet, "xlsx": _write_xlsx}
