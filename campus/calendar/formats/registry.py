"""The formats of timetables, and which one a file is."""

import re
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module

from campus.calendar.formats import FormatError, Given, Parsed
from campus.calendar.formats.text import is_workbook

READERS: Mapping[str, str] = {
    "fet-csv": "fet_csv",
    "fet-xml": "fet_xml",
    "asc-xml": "asc_xml",
    "ics": "ics",
    "csv": "table",
    "xlsx": "table",
}
"""format -> the module beside this one whose `read(content, given)` reads it; imported when it is first used, because
the libraries of Excel and iCalendar are slow to import.
"""
_ROOT = re.compile(rb"<([A-Za-z_][\w.-]*)")


def sniff(content: bytes) -> str:
    """The format by what the file holds; its name says less than its first lines. A CSV is "csv" where nothing else."""
    head = content[:4096].lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").replace(b"\0", b"")
    if is_workbook(content) or head[:4] == b"\xd0\xcf\x11\xe0":
        return "xlsx"
    if head[:15].upper() == b"BEGIN:VCALENDAR":
        return "ics"
    if head[:1] == b"<":
        root = next((found for found in _ROOT.findall(head)), b"")
        return "asc-xml" if root == b"timetable" else "fet-xml"
    first = head.split(b"\n", 1)[0]
    return "fet-csv" if b"Activity Id" in first else "csv"


def read(content: bytes, given: Given, format: str | None = None) -> Parsed:
    """Read a file in a format of READERS, or the one that it is. Raises FormatError.

    Of a file that tells the session, only the session given is taken.
    """
    if format is not None and format not in READERS:
        raise FormatError(f"'{format}' is no format; choose one of {', '.join(READERS)}.")
    reader = import_module(f"campus.calendar.formats.{READERS[format or sniff(content)]}")
    parsed: Parsed = reader.read(content, given)
    if given.session is None:
        return parsed
    kept = [one for one in parsed.activities if one.session == given.session]
    left = len(parsed.activities) - len(kept)
    if not left:
        return parsed
    if not kept and not parsed.problems:
        raise FormatError(f"The file says that none of its {left} lessons is in the {given.session}.")
    note = f"{left} lessons of the other session are left out: only the {given.session} was asked for."
    return replace(parsed, activities=kept, notes=[*parsed.notes, note])
