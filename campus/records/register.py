"""The equipment register: whole records of equipment, read, added, changed, found by the code on their label."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from campus.errors import NotFound, UsageError
from campus.indicators.records import missing
from campus.records import places
from campus.records.history import EDIT, Log
from campus.records.inventory import EquipmentRow
from campus.records.paging import Page, paged
from campus.records.register_checks import (
    MANY,
    Conflict,
    Stale,
    local_date,
    lock,
    parse,
    prepare,
    refuse_unknown,
)
from campus.records.tables import EquipmentTable
from campus.wire.topics import valid_id

__all__ = ["Conflict", "EquipmentRecord", "Stale", "local_date", "lock", "prepare"]

KIND = "equipment"
"""The kind of these records in the history."""


@dataclass(frozen=True, slots=True)
class EquipmentRecord:
    """All that is recorded of a piece of equipment; fields as in the inventory, docs/records.md.

    `version` rises with every change. `missing`: what the record lacks today to be complete, of
    campus.indicators.records.
    """

    site: str
    id: str
    name: str
    kind: str
    room: str | None
    in_service_on: date | None
    condition: str | None
    item_code: str | None
    quantity: int
    unit: str | None
    maker: str | None
    model: str | None
    serial: str | None
    price_vnd: int | None
    fund: str | None
    life_years: int | None
    subject_group: str | None
    verified_on: date | None
    retired_on: date | None
    note: str | None
    version: int
    missing: tuple[str, ...]

    @property
    def code(self) -> str:
        """What stands on its label: the item code, or the id of a piece without one."""
        return self.item_code or self.id


_COLUMNS = tuple(one.name for one in fields(EquipmentRecord) if one.name != "missing")
FIELDS = tuple(EquipmentRow.model_fields)


def one(session: Session, site: str, id: str, today: date) -> EquipmentRecord:
    """Raises NotFound."""
    return _record(_row(session, site, id), today)


def listed(
    session: Session,
    site: str,
    today: date,
    *,
    room: str | None = None,
    kind: str | None = None,
    condition: str | None = None,
    subject_group: str | None = None,
    retired: bool | None = False,
    page: Page | None = None,
) -> list[EquipmentRecord]:
    """By id, or a page; `retired` None: those in use and those that are not."""
    places.site(session, site)
    table = EquipmentTable
    query = select(table).where(table.site == site).order_by(table.id)
    for column, wanted in (
        (table.room, room),
        (table.kind, kind),
        (table.condition, condition),
        (table.subject_group, subject_group),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if retired is not None:
        query = query.where(table.retired_on.is_not(None) if retired else table.retired_on.is_(None))
    if page is not None:
        query = paged(query, page, table, ("id",))
    return [_record(row, today) for row in session.scalars(query)]


def with_code(session: Session, site: str, code: str) -> EquipmentTable | None:
    """The piece whose label says so: by its item code, or its id."""
    table = EquipmentTable
    found = session.scalars(select(table).where(table.site == site, table.item_code == code)).first()
    if found is not None or not valid_id(code):
        return found
    return session.get(table, (site, code))


def create(session: Session, site: str, values: Mapping[str, Any], by: str, at: datetime) -> EquipmentRecord:
    """Add a piece. Raises UsageError naming the field, Conflict for an id that is taken."""
    lock(session, site)
    row = parse(values)
    if session.get(EquipmentTable, (site, row.id)) is not None:
        raise Conflict(f"There is a piece of equipment '{row.id}' already; change it, or take another id.")
    refuse_unknown(session, site, row)
    prepare(session, site, [row], at, lambda number: "")
    session.connection().execute(insert(EquipmentTable), [row.model_dump() | {"site": site}])
    Log(session, site, by, at, EDIT).created(KIND, row.id, row.model_dump())
    return one(session, site, row.id, local_date(session, site, at))


def change(
    session: Session,
    site: str,
    id: str,
    changes: Mapping[str, Any],
    by: str,
    at: datetime,
    version: int | None = None,
    how: str = EDIT,
) -> EquipmentRecord:
    """Change some fields; the same values again change nothing.

    Raises UsageError naming the field; Stale where `version` is given and the record has another.
    """
    lock(session, site)
    row = _row(session, site, id)
    if version is not None and version != row.version:
        raise Stale(
            f"The record of '{id}' was changed by somebody else (version {row.version}, not {version}); read it again."
        )
    wrong = next((name for name in changes if name not in FIELDS or name == "id"), None)
    if wrong is not None:
        raise UsageError(
            f"{places.shown(wrong)}: not a field that can be changed; use one of {', '.join(FIELDS[1:])}."
        )
    before = {name: getattr(row, name) for name in FIELDS}
    wanted = parse({**before, **changes})
    changed = {
        name: (before[name], new)
        for name in changes
        if before[name] != (new := getattr(wanted, name)) or type(before[name]) is not type(new)
    }
    today = local_date(session, site, at)
    if not changed:
        return _record(row, today)
    only = EquipmentRow.model_construct(
        {"id", *changed}, id=id, **{name: new for name, (_, new) in changed.items()}
    )
    refuse_unknown(session, site, only)
    prepare(session, site, [only], at, lambda number: "")
    values: dict[str, Any] = {name: new for name, (_, new) in changed.items()}
    values["version"] = row.version + 1
    session.connection().execute(
        update(EquipmentTable).where(EquipmentTable.site == site, EquipmentTable.id == id).values(values)
    )
    session.expire(row)
    Log(session, site, by, at, how).changed(KIND, id, changed)
    return one(session, site, id, today)


def note_seen(
    session: Session, site: str, seen: Mapping[str, Mapping[str, Any]], by: str, at: datetime, how: str
) -> None:
    """Store what was seen of many pieces: id -> `verified_on` of today, a condition, a room; known to be valid."""
    table, log = EquipmentTable, Log(session, site, by, at, how)
    ids = list(seen)
    for start in range(0, len(ids), MANY):
        query = select(table).where(table.site == site, table.id.in_(ids[start : start + MANY]))
        for row in session.scalars(query):
            changed = {
                name: (getattr(row, name), new)
                for name, new in seen[row.id].items()
                if getattr(row, name) != new
            }
            for name, (_, new) in changed.items():
                setattr(row, name, new)
            if changed:
                row.version += 1
                log.changed(KIND, row.id, changed)
    session.flush()


def _row(session: Session, site: str, id: str) -> EquipmentTable:
    row = session.get(EquipmentTable, (site, id)) if valid_id(site) and valid_id(id) else None
    if row is None:
        places.site(session, site)
        raise NotFound(f"There is no piece of equipment '{places.shown(id)}' in site '{site}'.")
    return row


def _record(row: EquipmentTable, today: date) -> EquipmentRecord:
    lacking = missing(row.id, row.kind, row.room, row.in_service_on, row.condition, row.verified_on, today)
    return EquipmentRecord(**{name: getattr(row, name) for name in _COLUMNS}, missing=lacking)
