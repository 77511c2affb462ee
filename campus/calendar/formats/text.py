"""Bytes to text and rows: what is not known for sure is told, not guessed."""

import csv
import io
from collections.abc import Iterator

from campus.calendar.formats import MOST_BYTES, MOST_ROWS, FormatError

_DELIMITERS = (",", ";", "\t")
_FIRST_LINES = 30


def refuse_large(content: bytes) -> None:
    if len(content) > MOST_BYTES:
        raise FormatError(f"The file has {len(content)} bytes; a timetable has at most {MOST_BYTES}.")
    if not content.strip():
        raise FormatError("The file is empty.")


def is_workbook(content: bytes) -> bool:
    """Whether it is a zip file, as Excel workbooks since 2007 are."""
    return content[:4] == b"PK\x03\x04"


def decode(content: bytes) -> str:
    """UTF-8 with or without a byte-order mark, or UTF-16 with one. Raises FormatError for any other."""
    refuse_large(content)
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    if encoding != "utf-16" and b"\0" in content:
        raise FormatError(
            "The file holds zero bytes: it is UTF-16 without a byte-order mark, or no text. Save it as UTF-8."
        )
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what = "UTF-16" if encoding == "utf-16" else "UTF-8"
        raise FormatError(
            f"Line {line} is not {what} (byte 0x{content[error.start]:02x}); the file may be Windows-1258 or another "
            "old encoding. Save it again as 'CSV UTF-8' or as an Excel workbook."
        ) from None


def rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """(line of the file, cells) of the rows of a CSV that are not empty.

    Its delimiter is the one of comma, semicolon and tab that the first lines have most of.
    """
    delimiter = max(_DELIMITERS, key="\n".join(text.splitlines()[:_FIRST_LINES]).count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for count, cells in enumerate(reader):
            if count >= MOST_ROWS:
                raise FormatError(f"The file has more than {MOST_ROWS} rows.")
            if any(cell.strip() for cell in cells):
                yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise FormatError(f"Line {reader.line_num} is no row of a CSV: {error}.") from None
