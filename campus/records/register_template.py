"""An authority's own Excel template, filled in place: everything else in it stays byte for byte as it was.

Only the rows of one sheet are edited, as text: a library that reads and writes a workbook loses what it does not know.
"""

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

from defusedxml import ElementTree
from openpyxl import load_workbook
from openpyxl.styles.numbers import is_date_format
from openpyxl.utils import column_index_from_string, get_column_letter, range_boundaries
from openpyxl.utils.datetime import to_excel

from campus.calendar.formats.labels import plain
from campus.errors import UsageError
from campus.records.register import EquipmentRecord
from campus.records.register_words import field_of, words

MOST_BYTES = 10_000_000
_UNPACKED = 5 * MOST_BYTES
_HEAD_ROWS = 30
_NUMBER = "number"
_NUMBERS = ("stt", "tt", "so tt", "no", "no.")
_DATA = re.compile(r"<sheetData\s*/>|<sheetData\s*>(.*?)</sheetData>", re.S)
_ROW = re.compile(r"<row\b([^>]*?)(?:/>|>(.*?)</row>)", re.S)
_CELL = re.compile(r"<c\b([^>]*?)(?:/>|>(.*?)</c>)", re.S)
_AGAIN = "Open it in Excel, save it as .xlsx and give that file."


@dataclass(frozen=True, slots=True)
class _Head:
    """Where a sheet takes rows: `fields` by column, the first row below the headings, and the styles found there."""

    title: str
    fields: Mapping[int, str]
    first: int
    allowed: Mapping[int, Mapping[str, str]]  # column -> plain text -> text of its list of choices
    dates: frozenset[int]  # columns whose cells are formatted as dates


def fill(
    template: bytes, records: Sequence[EquipmentRecord], rooms: Mapping[str, str], groups: Mapping[str, str]
) -> bytes:
    """The template with a row for each record under the headings that it has; `rooms`, `groups`: id -> name.

    A hidden column, a column with a formula, and rows that hold something are left alone. Raises UsageError for a file
    that is no such template, or has no place for all records.
    """
    if len(template) > MOST_BYTES:
        raise UsageError(f"The template has {len(template)} bytes; at most {MOST_BYTES} are read.")
    try:
        with ZipFile(io.BytesIO(template)) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > _UNPACKED:
                raise UsageError(f"The template unpacks to more than {_UNPACKED} bytes.")
            book = load_workbook(io.BytesIO(template))
            head = _find(book, len(records))
            part = _part(packed, head.title)
            xml = packed.read(part).decode("utf-8")
            epoch = book.epoch
            rows = {
                head.first + at: _cells(head, at, record, rooms, groups, epoch)
                for at, record in enumerate(records)
            }
            return _repacked(packed, part, _edited(xml, rows, head.first).encode())
    except UsageError:
        raise
    except (
        BadZipFile,
        KeyError,
        ValueError,
        TypeError,
        AttributeError,
        OSError,
        ElementTree.ParseError,
    ) as error:
        raise UsageError(f"The template cannot be read ({type(error).__name__}). {_AGAIN}") from None


def _find(book: Any, needed: int) -> _Head:
    for sheet in book.worksheets:
        if sheet.sheet_state != "visible":
            continue
        best: tuple[int, dict[int, str]] | None = None
        for row in range(1, min(sheet.max_row, _HEAD_ROWS) + 1):
            fields = _fields(sheet, row, row)
            if len(set(fields.values()) - {_NUMBER}) >= 2 and (best is None or len(fields) > len(best[1])):
                best = row, fields
        if best is None:
            continue
        top = best[0]
        spans = [span for span in sheet.merged_cells.ranges if span.min_row <= top <= span.max_row]
        bottom = max([top, *(span.max_row for span in spans)])
        fields = _fields(sheet, top, bottom)
        if not set(fields.values()) & {"name", "item_code"}:
            continue
        return _placed(sheet, fields, bottom, needed)
    raise UsageError(
        "The template has no line of headings that is known: it needs Tên thiết bị or Mã cá biệt, and one more."
    )


def _fields(sheet: Any, top: int, bottom: int) -> dict[int, str]:
    """column -> field, of the headings between two rows; the first column of a field, and none that is hidden."""
    found: dict[int, str] = {}
    hidden = _hidden(sheet)
    for column in range(1, min(sheet.max_column, 300) + 1):
        if column in hidden:
            continue
        for row in range(bottom, top - 1, -1):
            text = str(sheet.cell(row, column).value or "")
            field = _NUMBER if plain(text) in _NUMBERS else field_of(text)
            if field and field not in found.values():
                found[column] = field
                break
    return found


def _hidden(sheet: Any) -> set[int]:
    """One entry of the sheet may stand for several columns."""
    columns: set[int] = set()
    for letter, one in sheet.column_dimensions.items():
        if one.hidden:
            first = one.min or column_index_from_string(letter)
            columns.update(range(first, (one.max or first) + 1))
    return columns


def _placed(sheet: Any, fields: dict[int, str], bottom: int, needed: int) -> _Head:
    def filled(row: int) -> bool:
        return any(
            sheet.cell(row, column).value not in (None, "") and not _formula(sheet.cell(row, column).value)
            for column, field in fields.items()
            if field != _NUMBER
        ) or any(span.min_row <= row <= span.max_row for span in sheet.merged_cells.ranges)

    first, last = bottom + 1, max(sheet.max_row, bottom)
    while first <= last and filled(first):
        first += 1
    for row in range(first, min(first + needed, last + 1)):
        if filled(row):
            raise UsageError(
                f"The template has room for {row - first} pieces before its row {row}, and {needed} are to be filled "
                "in. Add empty rows there, or choose fewer."
            )
    kept = {
        column: field for column, field in fields.items() if not _formula(sheet.cell(first, column).value)
    }
    dates = {column for column in kept if is_date_format(sheet.cell(first, column).number_format)}
    return _Head(sheet.title, kept, first, _choices(sheet, first, kept), frozenset(dates))


def _formula(value: object) -> bool:
    return isinstance(value, str) and value.startswith("=")


def _choices(sheet: Any, row: int, fields: Mapping[int, str]) -> dict[int, dict[str, str]]:
    """The lists from which Excel lets a person choose, of the columns that have one."""
    found: dict[int, dict[str, str]] = {}
    for rule in sheet.data_validations.dataValidation:
        if rule.type != "list" or not rule.formula1:
            continue
        columns = [column for column in fields if f"{get_column_letter(column)}{row}" in rule.sqref]
        if not columns:
            continue
        text = rule.formula1
        if text.startswith('"'):
            options = [one.strip() for one in text.strip('"').split(",")]
        else:
            name, _, span = text.rpartition("!")
            source = sheet.parent[name.strip("'")] if name else sheet
            try:
                left, top, right, end = range_boundaries(span.replace("$", ""))
                if not (left and top and right and end):
                    continue
                cells = source.iter_rows(top, min(end, top + 5000), left, right, values_only=True)
                options = [str(one) for line in cells for one in line if one is not None]
            except (ValueError, TypeError):  # a named range, or a formula
                continue
        for column in columns:
            found[column] = {plain(option): option for option in options}
    return found


def _cells(
    head: _Head,
    at: int,
    record: EquipmentRecord,
    rooms: Mapping[str, str],
    groups: Mapping[str, str],
    epoch: Any,
) -> dict[int, str | float]:
    cells: dict[int, str | float] = {}
    for column, field in head.fields.items():
        if field == _NUMBER:
            cells[column] = at + 1
            continue
        value = record.code if field == "item_code" else getattr(record, field)
        if value is None:
            continue
        told = words(field, value)
        if field in ("room", "subject_group"):
            named = (rooms if field == "room" else groups).get(value)
            told = (named, value) if named else (value,)
        if choices := head.allowed.get(column):
            told = (next((choices[plain(one)] for one in told if plain(one) in choices), told[0]),)
        if isinstance(value, date) and column in head.dates:
            cells[column] = float(to_excel(value, epoch))
        else:
            cells[column] = value if isinstance(value, int) else told[0]
    return cells


def _part(packed: ZipFile, title: str) -> str:
    """The path of a sheet in the package."""
    office = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
    book = ElementTree.fromstring(packed.read("xl/workbook.xml"))
    links = ElementTree.fromstring(packed.read("xl/_rels/workbook.xml.rels"))
    targets = {one.get("Id"): one.get("Target") or "" for one in links}
    for one in book.iter():
        if one.tag.endswith("}sheet") and one.get("name") == title:
            target = targets[one.get(office)]
            return target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    raise KeyError(title)


def _edited(xml: str, rows: Mapping[int, Mapping[int, str | float]], first: int) -> str:
    found = _DATA.search(xml)
    if found is None:
        raise UsageError(f"The template was not written by Excel in its usual form. {_AGAIN}")
    there: dict[int, str] = {}
    for row in _ROW.finditer(found[1] or ""):
        told = _attribute(row[1], "r")
        if told is None:
            raise UsageError(f"The rows of the template carry no numbers. {_AGAIN}")
        there[int(told)] = row[0]
    styles = _styles(there.get(first, ""))
    for number, cells in rows.items():
        there[number] = _row(there.get(number), number, cells, styles)
    body = "".join(there[number] for number in sorted(there))
    return f"{xml[: found.start()]}<sheetData>{body}</sheetData>{xml[found.end() :]}"


def _styles(row: str) -> dict[int, str]:
    whole = _ROW.fullmatch(row)
    found = {}
    for cell in _CELL.finditer((whole[2] or "") if whole else ""):
        style = _attribute(cell[1], "s")
        if style is not None:
            found[_column(cell[1])] = style
    return found


def _row(old: str | None, number: int, values: Mapping[int, str | float], styles: Mapping[int, str]) -> str:
    whole = _ROW.fullmatch(old) if old else None
    attributes = re.sub(r'\sspans="[^"]*"', "", whole[1]) if whole else f' r="{number}"'
    cells = {_column(cell[1]): cell[0] for cell in _CELL.finditer((whole[2] or "") if whole else "")}
    own = _styles(old or "")
    for column, value in values.items():
        style = own.get(column, styles.get(column))
        begin = f'<c r="{get_column_letter(column)}{number}"' + (f' s="{style}"' if style else "")
        if isinstance(value, str):
            cells[column] = f'{begin} t="inlineStr"><is><t xml:space="preserve">{_text(value)}</t></is></c>'
        else:
            cells[column] = f"{begin}><v>{value:.15g}</v></c>"
    return f"<row{attributes}>{''.join(cells[column] for column in sorted(cells))}</row>"


def _text(value: str) -> str:
    """What XML can hold of a text."""
    allowed = "".join(one for one in value if one in "\n\t" or (ord(one) >= 32 and one not in "\ufffe\uffff"))
    return escape(allowed)


def _column(attributes: str) -> int:
    reference = _attribute(attributes, "r")
    if reference is None:
        raise UsageError(f"The cells of the template carry no addresses. {_AGAIN}")
    return column_index_from_string(reference.rstrip("0123456789"))


def _attribute(text: str, name: str) -> str | None:
    found = re.search(rf'\s{name}="([^"]*)"', text)
    return found[1] if found else None


def _repacked(packed: ZipFile, part: str, content: bytes) -> bytes:
    made = io.BytesIO()
    with ZipFile(made, "w", ZIP_DEFLATED) as out:
        for entry in packed.infolist():
            out.writestr(entry, content if entry.filename == part else packed.read(entry.filename))
    return made.getvalue()
