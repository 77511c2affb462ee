"""CSV files and Excel workbooks as sheets of text cells. Merged cells of a workbook all hold the value of the first."""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time
from io import BytesIO
from typing import Any
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile, ZipFile

from openpyxl import load_workbook
from openpyxl.utils.cell import range_boundaries

from campus.calendar.formats import MOST_BYTES, MOST_ROWS, FormatError
from campus.calendar.formats.text import decode, is_workbook, refuse_large, rows

MOST_COLUMNS = 300
_UNPACKED = 5 * MOST_BYTES
_MERGED = re.compile(rb'<mergeCell\s+ref="([A-Z]{1,3}[0-9]{1,7}:[A-Z]{1,3}[0-9]{1,7})"')
_BROKEN = (
    BadZipFile,
    ParseError,
    zlib.error,
    KeyError,
    IndexError,
    ValueError,
    TypeError,
    AttributeError,
    OSError,
    EOFError,
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """`rows` are (number as the program shows it, cells), empty rows left out; `title` is "" for a CSV."""

    title: str
    rows: list[tuple[int, list[str]]]

    def name(self, row: int) -> str:
        return f"sheet {self.title}, row {row}" if self.title else f"row {row}"


def sheets(content: bytes) -> list[Sheet]:
    """Raises FormatError for what is neither, too large, or in an encoding that is not known."""
    refuse_large(content)
    if content[:4] == b"\xd0\xcf\x11\xe0":
        raise FormatError(
            "The file is an Excel workbook of before 2007, or has a password. Save it as .xlsx without one."
        )
    if not is_workbook(content):
        return [Sheet("", list(rows(decode(content))))]
    try:
        with ZipFile(BytesIO(content)) as packed:
            size = sum(entry.file_size for entry in packed.infolist())
            if size > _UNPACKED:
                raise FormatError(
                    f"The workbook unpacks to {size} bytes; a timetable has at most {_UNPACKED}."
                )
            found = list(_workbook(content, packed))
    except FormatError:
        raise
    except _BROKEN as error:  # what openpyxl raises for a damaged workbook is not one class
        raise FormatError(
            f"The workbook cannot be read ({type(error).__name__}); open it in Excel and save it again."
        ) from None
    several = len(found) > 1
    return [Sheet(sheet.title if several else "", sheet.rows) for sheet in found]


def _workbook(content: bytes, packed: ZipFile) -> Iterator[Sheet]:
    book = load_workbook(BytesIO(content), read_only=True, data_only=True)
    left = MOST_ROWS
    try:
        for sheet in book.worksheets:
            if sheet.sheet_state != "visible":
                continue
            sheet.reset_dimensions()
            grid: list[list[str]] = []
            for values in sheet.iter_rows(max_col=MOST_COLUMNS + 1, values_only=True):
                filled = any(value is not None for value in values)
                grid.append([_text(value) for value in values] if filled else [])
                if len(grid) > left:
                    raise FormatError(
                        f"The workbook has more than {MOST_ROWS} rows; delete the empty ones below."
                    )
                if len(values) > MOST_COLUMNS and values[MOST_COLUMNS] is not None:
                    raise FormatError(f"Sheet {sheet.title} has more than {MOST_COLUMNS} columns.")
            left -= len(grid)
            _fill_merged(grid, packed.read(_part(sheet)))
            yield Sheet(sheet.title, [(number, cells) for number, cells in enumerate(grid, 1) if any(cells)])
    finally:
        book.close()


def _part(sheet: Any) -> str:
    path: str = sheet._worksheet_path
    return path


def _fill_merged(grid: list[list[str]], xml: bytes) -> None:
    # openpyxl does not tell the merged cells of a workbook that it reads row by row.
    for found in _MERGED.finditer(xml):
        left, top, right, bottom = range_boundaries(found[1].decode())
        if not (left and top and right and bottom) or top > len(grid) or left > len(grid[top - 1]):
            continue
        value = grid[top - 1][left - 1]
        for cells in grid[top - 1 : bottom]:
            last = min(right, MOST_COLUMNS)
            cells.extend([""] * (last - len(cells)))
            cells[left - 1 : last] = [value] * (last - left + 1)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | time):
        return value.isoformat()
    return str(value).strip()
