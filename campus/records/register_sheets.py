"""The register as an Excel or CSV file: read with every wrong row named, applied as a whole, written back."""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from pydantic import ValidationError
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from campus.errors import UsageError
from campus.records import history, register
from campus.records.inventory import EquipmentRow, first_error
from campus.records.register import EquipmentRecord
from campus.records.register_reading import Found, Line, RowProblem
from campus.records.register_reading import lines as read_lines
from campus.records.register_words import COLUMNS, heading, shown, slug
from campus.records.tables import EquipmentTable

MOST_PROBLEMS = 200


@dataclass(frozen=True, slots=True)
class RegisterFile:
    """What a file would change: with any of `problems` nothing was written, nor is it. `rows` counts what was read."""

    rows: int
    changes: Sequence[str]
    problems: Sequence[RowProblem]


def apply(
    session: Session, site: str, content: bytes, by: str, at: datetime, dry_run: bool = False
) -> RegisterFile:
    """Add or change the pieces of a file; an empty cell keeps what is stored. With any problem nothing is written.

    A row is the piece with its record id, or its item code; with neither, a new one. Raises UsageError for a file that
    is none.
    """
    register.lock(session, site)
    found = Found(session, site)
    lines, problems = read_lines(content, found)
    table = EquipmentTable
    stored = {row.id: row for row in session.scalars(select(table).where(table.site == site))}
    codes = {row.item_code: row.id for row in stored.values() if row.item_code}
    rows: list[EquipmentRow] = []
    made_of: list[Line] = []
    taken = set(stored)
    seen: dict[str, str] = {}
    for line in lines:
        values = dict(line.values)
        values["id"] = values.get("id") or codes.get(values.get("item_code", "")) or _new_id(values, taken)
        id = str(values["id"])
        if id in seen:
            key = line.title("id" if "id" in line.values else "item_code")
            problems.append(RowProblem(line.row, key, f"'{id}' stands in {seen[id]} already."))
            continue
        seen[id] = line.row
        if "item_code" in values:
            codes.setdefault(values["item_code"], id)
        taken.add(id)
        made = _row(values, stored.get(id), line, problems)
        if made is not None:
            rows.append(made)
            made_of.append(line)
    if not problems:
        try:
            register.prepare(session, site, rows, at, lambda number: f"{number}:")
        except UsageError as error:
            number, field, told = str(error).split(":", 2)
            line = made_of[int(number)]
            problems.append(RowProblem(line.row, line.title(field), told.strip()))
    if problems:
        session.rollback()
        return RegisterFile(len(lines), [], problems[:MOST_PROBLEMS])
    log = history.Log(session, site, by, at, history.IMPORT)
    changes = _write(session, site, rows, stored, log)
    if dry_run:
        session.rollback()
    return RegisterFile(len(lines), changes, [])


def write(records: Iterable[EquipmentRecord], rooms: Mapping[str, str] | None = None) -> bytes:
    """The records as a workbook that `apply` reads back to the same."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Sổ thiết bị")
    sheet.freeze_panes = "A2"
    for column in range(1, len(COLUMNS) + 1):
        sheet.column_dimensions[get_column_letter(column)].width = 18
    heads = [WriteOnlyCell(sheet, heading(field)) for field in COLUMNS]
    for cell in heads:
        cell.font = Font(bold=True)
    sheet.append(heads)
    for record in records:
        sheet.append([_cell(sheet, field, getattr(record, field)) for field in COLUMNS])
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _cell(sheet: Any, field: str, value: Any) -> Any:
    cell: Any = WriteOnlyCell(sheet, None)
    cell.value = None if value is None else shown(field, value)
    if isinstance(cell.value, str):
        cell.data_type = "s"  # a name that begins with = is no formula
        cell.number_format = "@"
    elif isinstance(value, date):
        cell.number_format = "dd/mm/yyyy"
    return cell


def _row(
    values: dict[str, Any], stored: EquipmentTable | None, line: Line, problems: list[RowProblem]
) -> EquipmentRow | None:
    """The fields of the line as a row whose set fields are those; what is stored fills in what a check needs."""
    full = dict(values)
    if stored is not None:
        full = {name: getattr(stored, name) for name in register.FIELDS} | values
    if line.wrong:
        full = {"name": "?", "kind": "other"} | full  # what could not be read is told already
    for field in ("name", "kind"):
        if not full.get(field):
            wanted = (
                f"a new piece needs it, a stored one is named by {heading('id')} or {heading('item_code')}."
            )
            problems.append(RowProblem(line.row, line.title(field), wanted))
            return None
    try:
        whole = EquipmentRow.model_validate(full)
    except ValidationError as error:
        field, _, message = first_error(error).partition(": ")
        problems.append(RowProblem(line.row, line.title(field), message))
        return None
    if stored is None:
        return whole
    return EquipmentRow.model_construct(set(values), **{name: getattr(whole, name) for name in values})


def _write(
    session: Session,
    site: str,
    rows: Sequence[EquipmentRow],
    stored: Mapping[str, EquipmentTable],
    log: history.Log,
) -> list[str]:
    changes, added = [], []
    table = EquipmentTable
    for row in rows:
        old = stored.get(row.id)
        if old is None:
            added.append(row.model_dump() | {"site": site})
            changes.append(f"add equipment {row.id} ({row.name})")
            log.created(register.KIND, row.id, row.model_dump())
            continue
        given = row.model_dump(exclude_unset=True)
        changed = {
            name: (getattr(old, name), new) for name, new in given.items() if getattr(old, name) != new
        }
        if changed:
            values = {name: new for name, (_, new) in changed.items()} | {"version": old.version + 1}
            statement = update(table).where(table.site == site, table.id == row.id).values(values)
            session.connection().execute(statement)
            log.changed(register.KIND, row.id, changed)
            told = ", ".join(f"{name} {_none(one)} -> {_none(new)}" for name, (one, new) in changed.items())
            changes.append(f"change equipment {row.id}: {told}")
    if added:
        session.connection().execute(insert(table), added)
    return changes


def _new_id(values: Mapping[str, Any], taken: set[str]) -> str:
    """An id for a new piece, of its item code or its name."""
    told = values.get("item_code") or values.get("name") or "equipment"
    try:
        base = slug(str(told))[:56].strip("-")
    except ValueError:
        base = "equipment"
    made, number = base, 1
    while made in taken or made in ("room", "service"):
        number += 1
        made = f"{base}-{number}"
    return made


def _none(value: object) -> str:
    return "none" if value is None else str(value)
