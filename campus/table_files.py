"""Rows with typed columns as a CSV, Parquet or Excel file, in memory that does not grow with the rows.

A text that begins with one of RISKY gets an apostrophe in front in CSV and Excel files, where a spreadsheet would run
it as a formula; in Parquet texts stay as they are.
"""

import csv
import io
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Literal

import duckdb
import numpy as np
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from campus.errors import StoreError, UsageError

FORMATS = ("csv", "parquet", "xlsx")
MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
RISKY = frozenset("=+-@\t\r\n＝＋－＠")
BOM = "\ufeff".encode()
MOST_SHEET_ROWS = 1_048_575
"""What one sheet holds beside its header."""
MOST_CELL = 32_767
"""Characters that a cell of Excel holds: a longer text is cut, and says so."""

Kind = Literal["text", "integer", "number", "boolean", "date", "instant"]
Chunks = Iterable[Sequence[Sequence[Any]]]
"""Rows in pieces; a value of `date` is a date, one of `instant` Unix ms, None where there is none."""

_SQL = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "instant": "TIMESTAMP_MS",
}
_NEVER = np.iinfo(np.int64).min  # NaT
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - Excel knows no zones
_EXCEL_BEGINS = date(1900, 3, 1)  # before it, Excel's days are off by one, or cannot be written


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file."""

    name: str
    kind: Kind = "text"


def harmless(text: str) -> str:
    """The text as a spreadsheet may hold it."""
    return f"'{text}" if text[:1] in RISKY else text


@lru_cache(maxsize=20_000)
def iso(at_ms: int) -> str:
    """An instant as RFC 3339 in UTC, to the second where it is one."""
    at = datetime.fromtimestamp(at_ms // 1000, UTC).isoformat()[:-6]
    return f"{at}.{at_ms % 1000:03}Z" if at_ms % 1000 else f"{at}Z"


def too_many_rows(rows: int | None = None) -> UsageError:
    """What is said of more rows than a sheet holds."""
    told = f"{rows} rows are" if rows else "That is"
    return UsageError(
        f"{told} more than the {MOST_SHEET_ROWS} of an Excel sheet: choose csv or parquet, or a shorter range."
    )


def write(columns: Sequence[Column], chunks: Chunks, file: BinaryIO, format: str, bom: bool = False) -> int:
    """Write them in one of FORMATS; returns how many rows. `bom` begins a CSV with the mark that Excel wants.

    Raises UsageError for what a sheet cannot hold, StoreError where the file could not be made.
    """
    rows = 0

    def counted() -> Iterator[Sequence[Sequence[Any]]]:
        nonlocal rows
        for chunk in chunks:
            if chunk:
                rows += len(chunk)
                yield chunk

    if format == "csv":
        for piece in csv_pieces(columns, counted(), bom):
            file.write(piece)
    elif format == "xlsx":
        write_sheet(columns, counted(), file)
    elif format == "parquet":
        with Staging(columns) as staged:
            for chunk in counted():
                kinds = [column.kind for column in columns]
                staged.add([_array(*pair) for pair in zip(kinds, zip(*chunk, strict=True), strict=True)])
            staged.copy(file)
    else:
        raise UsageError(f"'{format}' is no format: choose {', '.join(FORMATS)}.")
    return rows


def csv_pieces(columns: Sequence[Column], chunks: Chunks, bom: bool = False) -> Iterator[bytes]:
    """CSV with its header, a piece for each chunk; dates as ISO, a missing value is an empty field."""
    text = io.StringIO()
    line = csv.writer(text, lineterminator="\n")
    line.writerow([column.name for column in columns])
    convert = _converters(columns, {"text": harmless, "instant": iso, "boolean": _word})
    start = BOM if bom else b""
    for chunk in chunks:
        line.writerows(_converted(chunk, convert))
        yield start + text.getvalue().encode()
        start = b""
        text.seek(0)
        text.truncate()
    if text.tell():
        yield start + text.getvalue().encode()


def write_sheet(columns: Sequence[Column], chunks: Chunks, file: BinaryIO) -> None:
    """One sheet; dates are dates of Excel, instants in UTC. Raises UsageError for more rows than it holds."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("campus")
    sheet.freeze_panes = "A2"
    sheet.append([column.name for column in columns])
    convert = _converters(columns, {"text": _cell, "instant": _sheet_instant, "date": _sheet_date})
    rows = 0
    try:
        for chunk in chunks:
            rows += len(chunk)
            if rows > MOST_SHEET_ROWS:
                raise too_many_rows()
            for row in _converted(chunk, convert):
                sheet.append(row)
    except BaseException:
        with suppress(Exception):
            book.save(file)  # only so are the files of its own taken away
        raise
    book.save(file)


class Staging:
    """A DuckDB file of its own that becomes a Parquet file: a COPY of the whole would need the memory of the whole."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns

    def __enter__(self) -> "Staging":
        self._folder = tempfile.TemporaryDirectory(prefix="campus-export-")
        path = Path(self._folder.name) / "staging.duckdb"
        try:
            config: dict[str, Any] = {"memory_limit": "96MB", "threads": "1"}
            self._staging = duckdb.connect(str(path), config=config)
            names = ", ".join(f'"{one.name}" {_SQL[one.kind]}' for one in self._columns)
            self._staging.execute(f"CREATE TABLE staged ({names})")
        except duckdb.Error as error:
            self._folder.cleanup()
            raise self._failed(error) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._staging.close()
        self._folder.cleanup()

    def add(self, arrays: Sequence[np.ndarray]) -> None:
        """Rows as arrays, in the order of the columns."""
        batch = dict(zip((one.name for one in self._columns), arrays, strict=True))  # noqa: F841 - found by name
        try:
            self._staging.execute("INSERT INTO staged FROM batch")
        except duckdb.Error as error:
            raise self._failed(error) from error

    def copy(self, file: BinaryIO) -> None:
        """Write the Parquet file, in row groups, in the order of adding."""
        out = Path(self._folder.name) / "out.parquet"
        names = ", ".join(
            f'"{one.name}"::TIMESTAMPTZ AS "{one.name}"' if one.kind == "instant" else f'"{one.name}"'
            for one in self._columns
        )
        try:
            self._staging.execute(
                f"COPY (SELECT {names} FROM staged) TO ? (FORMAT parquet, COMPRESSION zstd)",  # noqa: S608 - our names
                [str(out)],
            )
        except duckdb.Error as error:
            raise self._failed(error) from error
        with out.open("rb") as made:
            shutil.copyfileobj(made, file, 1 << 20)

    @staticmethod
    def _failed(error: Exception) -> StoreError:
        return StoreError(f"The Parquet file could not be written: {error}")


def _array(kind: Kind, values: Sequence[Any]) -> np.ndarray:
    if kind == "number" or (kind == "integer" and None in values):
        return np.array(values, np.float64)  # a missing one is NULL; whole numbers up to 2^53 are exact
    if kind == "integer":
        return np.array(values, np.int64)
    if kind == "date":
        return np.array(values, "datetime64[D]").astype("datetime64[s]")
    if kind == "instant":
        known = [_NEVER if at is None else at for at in values]
        return np.array(known, np.int64).view("datetime64[ms]")
    return np.array(values, object)


def _converters(
    columns: Sequence[Column], by_kind: dict[str, Callable[[Any], Any]]
) -> list[Callable[[Any], Any] | None]:
    return [by_kind.get(column.kind) for column in columns]


def _converted(
    chunk: Sequence[Sequence[Any]], convert: Sequence[Callable[[Any], Any] | None]
) -> Iterator[tuple[Any, ...]]:
    """Column by column: most of them stay as they are."""
    if not chunk:
        return iter(())
    columns: list[Sequence[Any]] = list(zip(*chunk, strict=True))
    for number, change in enumerate(convert):
        if change is not None:
            columns[number] = [None if one is None else change(one) for one in columns[number]]
    return zip(*columns, strict=True)


def _word(value: bool) -> str:
    return "true" if value else "false"


def _cell(text: str) -> str:
    """What a cell cannot hold is cut, and says so."""
    if len(text) >= MOST_CELL:
        note = f" … [{len(text)} characters: all of them are in the formats csv and parquet]"
        text = text[: MOST_CELL - 1 - len(note)] + note
    return harmless(ILLEGAL_CHARACTERS_RE.sub("\ufffd", text))


@lru_cache(maxsize=20_000)
def _sheet_instant(at_ms: int) -> datetime | str:
    at = _EPOCH + timedelta(milliseconds=at_ms)
    return at if at.date() >= _EXCEL_BEGINS else iso(at_ms)


def _sheet_date(day: date) -> date | str:
    return day if day >= _EXCEL_BEGINS else day.isoformat()
