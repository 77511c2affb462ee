"""Timetables as other programs write them. Pure: bytes in, activities and problems out; bytes back.

A file is read in two steps: a format reads what stands there (`Parsed`), and campus.calendar.resolving says where
each activity is held. Nothing here knows a school's records.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from campus.calendar import Bell, Term

MOST_BYTES = 10_000_000  # of a file, and of what an Excel file unpacks to five times that
MOST_ROWS = 50_000
WHOLE = "file"
"""The row of a problem that concerns the file as a whole."""


class FormatError(ValueError):
    """The file as a whole cannot be read; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the reader is told beside the file.

    `session`: the one to take; None: what the file says. `bells`, `terms` and `tz` (IANA) are the school's: clock times
    become periods, and dates become weeks, by them. `classes`: the names of its classes. `data`: a second file, where
    the first names things only by the ids that they have there.
    """

    session: str | None = None
    bells: tuple[Bell, ...] = ()
    terms: tuple[Term, ...] = ()
    tz: str = "Asia/Ho_Chi_Minh"
    classes: frozenset[str] = frozenset()
    data: bytes | None = None


@dataclass(frozen=True, slots=True)
class Activity:
    """One period of a week as the file tells it: `row` as a person finds it there, the names as they are written.

    Several `classes` are taught together. `group` is a part of the class.
    """

    row: str
    classes: tuple[str, ...]
    weekday: int
    session: str
    period: int
    subject: str
    teacher: str | None = None
    room: str | None = None
    week: str | None = None
    group: str | None = None
    subject_group: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    row: str
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.row}, {self.field}: {self.message}"


def gathered(problems: Iterable[Problem]) -> list[Problem]:
    """Problems that say the same of several rows as one, which names the first rows."""
    rows: dict[tuple[str, str], list[str]] = {}
    for one in problems:
        rows.setdefault((one.field, one.message), []).append(one.row)
    return [
        Problem(of[0], field, f"{message}{_also(list(dict.fromkeys(of)))}")
        for (field, message), of in rows.items()
    ]


def _also(rows: Sequence[str]) -> str:
    if len(rows) == 1:
        return ""
    more = f" and {len(rows) - 5} more" if len(rows) > 5 else ""
    return f" Also {', '.join(rows[1:5])}{more}."


@dataclass(frozen=True, slots=True)
class Parsed:
    """`unplaced`: what the file names without a time. `notes`: what a person should know; neither is an error."""

    activities: Sequence[Activity] = ()
    problems: Sequence[Problem] = ()
    unplaced: Sequence[str] = ()
    notes: Sequence[str] = ()
