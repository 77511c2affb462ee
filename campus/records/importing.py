"""Applies an inventory: adds and updates, tells every change, refuses as a whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from campus.errors import UsageError
from campus.indicators.tariff import Tariff
from campus.records import calendar_importing, edits, goals, history, placing, register, tariffs
from campus.records.inventory import Inventory
from campus.records.tables import (
    Base,
    BoardTable,
    BuildingTable,
    EquipmentTable,
    RoomTable,
    RoomTypeTable,
    SchoolClassTable,
    SiteTable,
    SubjectGroupTable,
)


@dataclass(frozen=True, slots=True)
class _List:
    """One list of the inventory: its table, its key, and field -> list whose key the field must name."""

    table: type[Base]
    one: str
    key: str = "id"
    references: tuple[tuple[str, str], ...] = ()
    of_site: bool = True
    kept: bool = False  # with the history of its fields


# In the order in which the rows refer to one another.
LISTS: dict[str, _List] = {
    "buildings": _List(BuildingTable, "building", kept=True),
    "room_types": _List(RoomTypeTable, "room type", of_site=False),
    "rooms": _List(
        RoomTable, "room", references=(("building", "buildings"), ("room_type", "room_types")), kept=True
    ),
    "subject_groups": _List(SubjectGroupTable, "subject group"),
    "equipment": _List(
        EquipmentTable,
        "equipment",
        references=(("room", "rooms"), ("subject_group", "subject_groups")),
        kept=True,
    ),
    "boards": _List(BoardTable, "board", kept=True),
    "classes": _List(SchoolClassTable, "class", key="name", references=(("home_room", "rooms"),)),
}


def apply(
    session: Session, inventory: Inventory, by: str, at: datetime, keeps_room_types: bool = False
) -> list[str]:
    site = inventory.site.id
    if keeps_room_types:
        _refuse_other_types(session, inventory)
    changes = _apply_site(session, inventory)
    log = history.Log(session, site, by, at, history.IMPORT)
    known: dict[str, set[str]] = {}
    for name, kind in LISTS.items():
        rows = getattr(inventory, name)
        _refuse_repeated(name, kind, rows)
        _refuse_unknown(name, rows, kind.references, known)
        before = _capacities(session, site) if name == "rooms" else {}
        if kind.table is EquipmentTable and rows:
            register.prepare(session, site, rows, at)
        changes += _merge(session, site, kind, rows, known.setdefault(name, set()), log)
        if before:
            after = _capacities(session, site)
            edits.capacities(session, site, [room for room in before if before[room] != after[room]])
    changes += placing.apply(session, inventory, known, log)
    changes += calendar_importing.apply(session, inventory, known)
    if inventory.tariffs is not None:
        given = [Tariff(row.valid_from, row.vnd_per_kwh) for row in inventory.tariffs]
        changes += tariffs.replace(session, site, given)
    changes += goals.apply(session, inventory, known)
    return changes


def _refuse_other_types(session: Session, inventory: Inventory) -> None:
    stored = {row.id: row for row in session.scalars(select(RoomTypeTable))}
    for number, row in enumerate(inventory.room_types):
        old = stored.get(row.id)
        given = row.model_dump(exclude_unset=True)
        if old is None or any(getattr(old, name) != value for name, value in given.items()):
            raise UsageError(
                f"room_types[{number}]: all schools share '{row.id}'; who administers them all adds or changes it."
            )


def _capacities(session: Session, site: str) -> dict[str, int | None]:
    """room -> capacity as stored."""
    query = select(RoomTable.id, RoomTable.capacity).where(RoomTable.site == site)
    return {id: capacity for id, capacity in session.execute(query)}


def _apply_site(session: Session, inventory: Inventory) -> list[str]:
    given = inventory.site
    row = session.get(SiteTable, given.id, with_for_update=True)
    if row is None:
        values = given.model_dump() | {"calendar_version": ""}
        session.connection().execute(insert(SiteTable), [values])
        return [f"add site {given.id} ({given.name})"]
    changed = _changed(given, {name: getattr(row, name) for name in ("name", "tz", "level")})
    if "tz" in changed:
        edits.time_zone(session, given.id)
    for name, value in changed.items():
        setattr(row, name, value[1])
    session.flush()
    return _told("site", given.id, changed)


def _refuse_repeated(name: str, kind: _List, rows: Sequence[BaseModel]) -> None:
    seen: dict[str, int] = {}
    for number, row in enumerate(rows):
        key = getattr(row, kind.key)
        if key in seen:
            raise UsageError(
                f"{name}[{number}].{kind.key}: '{key}' is already {name}[{seen[key]}]; remove one of them."
            )
        seen[key] = number


def _refuse_unknown(
    name: str, rows: Sequence[BaseModel], references: Sequence[tuple[str, str]], known: Mapping[str, set[str]]
) -> None:
    for number, row in enumerate(rows):
        for field, target in references:
            value = getattr(row, field)
            if value is not None and value not in known[target]:
                raise UsageError(
                    f"{name}[{number}].{field}: there is no '{value}' in {target}; add it to {target} or correct it."
                )


def _merge(
    session: Session,
    site: str,
    kind: _List,
    rows: Sequence[BaseModel],
    known: set[str],
    log: history.Log,
) -> list[str]:
    """Insert and update the rows; adds every key that is stored then to `known`."""
    columns = kind.table.__table__.c
    key = columns[kind.key]
    query = select(kind.table.__table__)
    if kind.of_site:
        query = query.where(columns.site == site)
    stored = {row[kind.key]: dict(row) for row in session.connection().execute(query).mappings()}
    added, changes = [], []
    for row in rows:
        id = getattr(row, kind.key)
        old = stored.get(id)
        if old is None:
            added.append(row.model_dump() | ({"site": site} if kind.of_site else {}) | _defaults(kind))
            changes.append(
                f"add {kind.one} {id}"
                + (f" ({name})" if kind.key == "id" and (name := getattr(row, "name", None)) else "")
            )
            if kind.kept:
                log.created(kind.one, id, row.model_dump())
            continue
        changed = _changed(row, old)
        if changed:
            values: dict[str, Any] = {name: new for name, (_, new) in changed.items()}
            if "version" in old:
                values["version"] = old["version"] + 1
            statement = update(kind.table).where(key == id).values(values)
            if kind.kept:
                log.changed(kind.one, id, changed)
            if kind.of_site:
                statement = statement.where(columns.site == site)
            session.connection().execute(statement)
            changes += _told(kind.one, id, changed)
    if added:
        session.connection().execute(insert(kind.table), added)
    known.update(stored, (getattr(row, kind.key) for row in rows))
    return changes


def _defaults(kind: _List) -> dict[str, Any]:
    return {"points": {}, "availability": "unknown"} if kind.table is BoardTable else {}


def _changed(row: BaseModel, old: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """field -> (old, new) of the fields that were given and differ."""
    given = row.model_dump(exclude_unset=True)
    return {name: (old[name], new) for name, new in given.items() if name in old and old[name] != new}


def _told(one: str, id: str, changed: Mapping[str, tuple[Any, Any]]) -> list[str]:
    if not changed:
        return []
    fields = ", ".join(f"{name} {_shown(old)} -> {_shown(new)}" for name, (old, new) in changed.items())
    return [f"change {one} {id}: {fields}"]


def _shown(value: object) -> str:
    return "none" if value is None else str(value)
