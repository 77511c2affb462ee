"""What a register file holds: its lines under their headings, with every cell that cannot be read named."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from campus.calendar.formats import FormatError
from campus.calendar.formats.labels import plain
from campus.calendar.formats.sheets import Sheet, sheets
from campus.errors import UsageError
from campus.records import places
from campus.records.register_words import COLUMNS, field_of, heading, read_cell

MOST_BYTES = 10_000_000
MOST_ROWS = 20_000
_HEAD_ROWS = 30


@dataclass(frozen=True, slots=True)
class RowProblem:
    """One cell that is wrong: the row as the program of the file shows it, and the heading of its column."""

    row: str
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.row}, {self.field}: {self.message}"


@dataclass(frozen=True, slots=True)
class Line:
    row: str
    values: Mapping[str, Any]  # fields whose cell is filled
    wrong: frozenset[str]  # fields whose cell cannot be read
    titles: Mapping[str, str]  # field -> its heading in the file

    def title(self, field: str) -> str:
        return self.titles.get(field) or (heading(field) if field in COLUMNS else field)


class Found:
    """What a school calls its rooms and subject groups: by id or by name."""

    def __init__(self, session: Session, site: str) -> None:
        self.room = _by_name([(room.id, room.name) for room in places.rooms(session, site)])
        self.subject_group = _by_name([(one.id, one.name) for one in places.subject_groups(session, site)])

    def read(self, field: str, text: str) -> Any:
        if field not in ("room", "subject_group"):
            return read_cell(field, text)
        known: Mapping[str, str | None] = getattr(self, field)
        what = "room" if field == "room" else "subject group"
        if plain(text) not in known:
            raise ValueError(f"there is no such {what}; write its name or id as in the records")
        found = known[plain(text)]
        if found is None:
            raise ValueError(f"several are called so; write the id of the {what}")
        return found


def lines(content: bytes, found: Found) -> tuple[list[Line], list[RowProblem]]:
    if len(content) > MOST_BYTES:
        raise UsageError(f"The file has {len(content)} bytes; a register has at most {MOST_BYTES}.")
    try:
        pages = sheets(content)
    except FormatError as error:
        raise UsageError(str(error)) from None
    made: list[Line] = []
    problems: list[RowProblem] = []
    read_any = False
    for sheet in pages:
        head = _head(sheet)
        if head is None:
            continue
        read_any = True
        place, fields, titles = head
        for number, cells in sheet.rows[place + 1 :]:
            row = sheet.name(number)
            told = {field: cells[at] for at, field in fields.items() if at < len(cells) and cells[at]}
            if not told or _numbering(cells):
                continue
            values: dict[str, Any] = {}
            wrong: set[str] = set()
            for field, text in told.items():
                try:
                    values[field] = found.read(field, text)
                except ValueError as error:
                    wrong.add(field)
                    problems.append(RowProblem(row, titles[field], f"{error}; it is '{_short(text)}'."))
            made.append(Line(row, values, frozenset(wrong), titles))
            if len(made) > MOST_ROWS:
                raise UsageError(f"The file has more than {MOST_ROWS} rows of equipment; import it in parts.")
    if not read_any:
        raise UsageError(
            f"There is no line of headings: a register needs {heading('name')} and {heading('kind')} (name, kind), or "
            f"{heading('item_code')}. `campus equipment export FILE.xlsx` writes one."
        )
    return made, problems


def _head(sheet: Sheet) -> tuple[int, dict[int, str], dict[str, str]] | None:
    """(place of the line of headings, column -> field, field -> its heading there)."""
    for place, (number, cells) in enumerate(sheet.rows[:_HEAD_ROWS]):
        fields = {column: field for column, cell in enumerate(cells) if cell and (field := field_of(cell))}
        known = set(fields.values())
        if len(known) < 2 or not known & {"id", "item_code", "name"}:
            continue
        if len(known) < len(fields):
            twice = next(one for one in fields.values() if list(fields.values()).count(one) > 1)
            raise UsageError(f"{sheet.name(number)}: two columns are headed {heading(twice)}.")
        return place, fields, {field: cells[column] for column, field in fields.items()}
    return None


def _numbering(cells: Sequence[str]) -> bool:
    """A line such as (1) (2) (3), which numbers the columns below the headings."""
    filled = [cell.strip("()") for cell in cells if cell]
    return len(filled) > 2 and filled == [str(number) for number in range(1, len(filled) + 1)]


def _by_name(known: Iterable[tuple[str, str]]) -> dict[str, str | None]:
    """plain id or name -> id; None where several are called so. An id wins over a name."""
    ids = dict(known)
    named: dict[str, str | None] = {}
    for id, name in ids.items():
        named[plain(name)] = None if plain(name) in named else id
    return named | {id: id for id in ids}


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
