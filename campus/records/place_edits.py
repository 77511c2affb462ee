"""Buildings, rooms and boards edited one by one, written as the inventory import writes them, with their history."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from campus.errors import NotFound, UsageError
from campus.records import edits, placement_spans, places
from campus.records.history import EDIT, Log
from campus.records.instants import to_ms
from campus.records.inventory import BoardRow, BuildingRow, RoomRow, first_error
from campus.records.inventory_fields import Row
from campus.records.place_references import of_building, of_room
from campus.records.placement_spans import Spans
from campus.records.register_checks import Conflict, Stale, lock
from campus.records.tables import BoardTable, BuildingTable, EquipmentTable, RoomTable, RoomTypeTable
from campus.wire.topics import valid_id

MOST_CHANNELS = 64
"""Of one board that is placed; a board has a handful."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What is edited: the word for it in the history, its table, its fields, and how many of it a site may have."""

    one: str
    table: type[BuildingTable] | type[RoomTable] | type[BoardTable]
    row: type[Row]
    most: int = 0

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(self.row.model_fields)


BUILDING = Kind("building", BuildingTable, BuildingRow, 500)
ROOM = Kind("room", RoomTable, RoomRow, 5000)
BOARD = Kind("board", BoardTable, BoardRow)


def create(
    session: Session, site: str, kind: Kind, values: Mapping[str, Any], by: str, at: datetime
) -> dict[str, Any]:
    """Add one; returns its fields. Raises UsageError naming the field, Conflict for an id that is taken."""
    lock(session, site)
    row = _parse(kind, values)
    made = row.model_dump()
    if session.get(kind.table, (site, made["id"])) is not None:
        raise Conflict(f"id: there is a {kind.one} '{made['id']}' already; change it, or take another id.")
    held = session.scalar(select(func.count()).select_from(kind.table).where(kind.table.site == site)) or 0
    if held >= kind.most:
        raise Conflict(f"The site has {held} {kind.one}s; more than {kind.most} are not kept.")
    _refuse_unknown(session, site, made)
    session.connection().execute(insert(kind.table), [made | {"site": site}])
    Log(session, site, by, at, EDIT).created(kind.one, made["id"], made)
    return made


def change(
    session: Session,
    site: str,
    kind: Kind,
    id: str,
    changes: Mapping[str, Any],
    by: str,
    at: datetime,
    version: int | None = None,
) -> dict[str, tuple[Any, Any]]:
    """Change some fields; the same values again change nothing. Returns field -> (before, after) of what did.

    Raises UsageError naming the field; Stale where `version` is given and it has another.
    """
    lock(session, site)
    row = _row(session, site, kind, id)
    _refuse_stale(row, kind, version)
    wrong = next((name for name in changes if name not in kind.fields or name == "id"), None)
    if wrong is not None:
        raise UsageError(
            f"{places.shown(wrong)}: not a field that can be changed; use one of {', '.join(kind.fields[1:])}."
        )
    before = {name: getattr(row, name) for name in kind.fields}
    wanted = _parse(kind, {**before, **changes}).model_dump()
    changed = {name: (before[name], wanted[name]) for name in changes if before[name] != wanted[name]}
    if not changed:
        return {}
    _refuse_unknown(session, site, {name: new for name, (_, new) in changed.items()})
    session.connection().execute(
        update(kind.table)
        .where(kind.table.site == site, kind.table.id == id)
        .values({name: new for name, (_, new) in changed.items()} | {"version": row.version + 1})
    )
    session.expire(row)
    Log(session, site, by, at, EDIT).changed(kind.one, id, changed)
    if kind is ROOM and "capacity" in changed:
        edits.capacities(session, site, [id])
    return changed


def remove(
    session: Session, site: str, kind: Kind, id: str, by: str, at: datetime, version: int | None = None
) -> dict[str, Any]:
    """Take a building or room out of the records; returns what it was.

    Raises Conflict that names what refers to it, and Stale as `change`.
    """
    lock(session, site)
    row = _row(session, site, kind, id)
    _refuse_stale(row, kind, version)
    found = of_room(session, site, id) if kind is ROOM else of_building(session, site, id)
    if found:
        raise Conflict(f"The {kind.one} '{id}' cannot be removed: {'; '.join(found)}.")
    was = {name: getattr(row, name) for name in kind.fields}
    session.connection().execute(delete(kind.table).where(kind.table.site == site, kind.table.id == id))
    session.expunge(row)
    Log(session, site, by, at, EDIT).removed(kind.one, id, was)
    return was


def place(
    session: Session,
    site: str,
    board: str,
    room: str | None,
    at: datetime,
    by: str,
    now: datetime,
    channels: Mapping[int, str] | None = None,
    version: int | None = None,
) -> tuple[Spans, Spans]:
    """Say where a board is, and what its channels meter, from `at` until its next placement in a room.

    What was before, and from that next placement on, stays. `room` None: in none, and its channels meter nothing.
    `channels`: channel -> equipment, all of them; None: as they are while the board stays in its room, else none.
    Returns its placements before and after; the same again changes nothing. Raises UsageError naming the field,
    Stale as `change`.
    """
    lock(session, site)
    row = _row(session, site, BOARD, board)
    _refuse_stale(row, BOARD, version)
    start_ms = to_ms(at)
    if room is None and channels:
        raise UsageError("channels: a board that is in no room meters nothing; give a room, or no channels.")
    if room is not None and (not valid_id(room) or session.get(RoomTable, (site, room)) is None):
        raise UsageError(f"room: there is no '{places.shown(room)}' in the rooms of '{site}'.")
    _refuse_channels(session, site, channels or {})
    before = placement_spans.read(session, site, board)
    later = [key[2] for key in before if key[1] is None and key[2] > start_ms]
    end_ms = min(later, default=None)
    after = placement_spans.overwritten(before, board, None, start_ms, end_ms, room)
    if channels is None and placement_spans.moved(before, after):
        channels = {}
    if channels is not None:
        for channel in {key[1] for key in before if key[1] is not None} | channels.keys():
            after = placement_spans.overwritten(
                after, board, channel, start_ms, end_ms, channels.get(channel)
            )
    if after != before:
        zone = ZoneInfo(places.site(session, site).tz)
        placement_spans.store(session, site, zone, before, after, Log(session, site, by, now, EDIT))
        session.expire(row)
    return before, after


def moment(session: Session, site: str, at: datetime) -> datetime:
    """An instant of our time; without a zone it is local time of the site. Raises UsageError."""
    if not 2000 <= at.year < 2200:
        raise UsageError(f"at: {at} is not a time from 2000 to 2199.")
    return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(places.site(session, site).tz))


def _parse(kind: Kind, values: Mapping[str, Any]) -> Row:
    try:
        return kind.row.model_validate(dict(values))
    except ValidationError as error:
        raise UsageError(first_error(error)) from None


def _row(session: Session, site: str, kind: Kind, id: str) -> Any:
    row = session.get(kind.table, (site, id), populate_existing=True) if valid_id(id) else None
    if row is None:
        raise NotFound(f"There is no {kind.one} '{places.shown(id)}' in site '{site}'.")
    return row


def _refuse_stale(row: Any, kind: Kind, version: int | None) -> None:
    if version is not None and version != row.version:
        raise Stale(
            f"The {kind.one} '{row.id}' was changed by somebody else (version {row.version}, not {version}); "
            "read it again."
        )


def _refuse_unknown(session: Session, site: str, values: Mapping[str, Any]) -> None:
    building, room_type = values.get("building"), values.get("room_type")
    if building is not None and session.get(BuildingTable, (site, building)) is None:
        raise UsageError(f"building: there is no '{building}' in the buildings of '{site}'; add it first.")
    if room_type is not None and session.get(RoomTypeTable, room_type) is None:
        known = ", ".join(session.scalars(select(RoomTypeTable.id).order_by(RoomTypeTable.id).limit(20)))
        raise UsageError(f"room_type: there is no '{room_type}'; use one of {known}.")


def _refuse_channels(session: Session, site: str, channels: Mapping[int, str]) -> None:
    if len(channels) > MOST_CHANNELS:
        raise UsageError(f"channels: {len(channels)} are given; a board has at most {MOST_CHANNELS}.")
    for channel, equipment in channels.items():
        if isinstance(channel, bool) or not isinstance(channel, int) or not 0 <= channel <= 999:
            raise UsageError(f"channels: '{str(channel)[:20]}' is not the number of a channel, 0 to 999.")
        known = valid_id(equipment) and session.get(EquipmentTable, (site, equipment)) is not None
        if not known:
            shown = places.shown(str(equipment))
            raise UsageError(f"channels.{channel}: there is no '{shown}' in the equipment of '{site}'.")
    twice = next((one for one in channels.values() if list(channels.values()).count(one) > 1), None)
    if twice is not None:
        raise UsageError(f"channels: '{twice}' is given for two channels; a piece has one meter.")
