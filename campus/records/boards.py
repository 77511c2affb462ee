"""Boards as they were heard, and where each was placed when."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from campus.errors import NotFound
from campus.records.base import LABEL, WORD
from campus.records.entities import Board, LastReply, Placement, Reported
from campus.records.instants import from_ms, from_ms_or_none, to_ms
from campus.records.places import shown, site
from campus.records.tables import BoardTable, PlacementTable
from campus.records.upsert import insert_or_keep
from campus.wire.topics import valid_id


class Seen(NamedTuple):
    """What was heard of a board; what is None stays as it was.

    `at` None: the broker repeated what may be old, so no time is noted. `birth` may hold fields of
    campus.wire.server.Birth.
    """

    site: str
    board: str
    at: datetime | None
    boot: str | None = None
    birth: Mapping[str, Any] | None = None
    availability: str | None = None
    reported: Reported | None = None
    reply: LastReply | None = None


def boards(session: Session, site_id: str | None) -> list[Board]:
    query = select(BoardTable).order_by(BoardTable.site, BoardTable.id)
    if site_id is not None:
        query = query.where(BoardTable.site == site_id)
    return [_board(row) for row in session.scalars(query)]


def ids(session: Session, site_id: str) -> list[str]:
    return list(
        session.scalars(select(BoardTable.id).where(BoardTable.site == site_id).order_by(BoardTable.id))
    )


def board(session: Session, site_id: str, id: str) -> Board:
    row = session.get(BoardTable, (site_id, id)) if valid_id(site_id) and valid_id(id) else None
    if row is None:
        raise NotFound(
            f"There is no board '{shown(id)}' in site '{shown(site_id)}': none was declared or heard under this id."
        )
    return _board(row)


def unassigned(session: Session, site_id: str | None, now: datetime) -> list[Board]:
    placed = select(PlacementTable.id).where(
        PlacementTable.site == BoardTable.site,
        PlacementTable.board == BoardTable.id,
        PlacementTable.room.is_not(None),
        _valid(now),
    )
    query = select(BoardTable).where(~placed.exists()).order_by(BoardTable.site, BoardTable.id)
    if site_id is not None:
        query = query.where(BoardTable.site == site_id)
    return [_board(row) for row in session.scalars(query)]


def placements(session: Session, site_id: str, at: datetime | None) -> list[Placement]:
    site(session, site_id)
    query = (
        select(PlacementTable)
        .where(PlacementTable.site == site_id)
        .order_by(PlacementTable.board, PlacementTable.channel.nulls_first(), PlacementTable.valid_from_ms)
    )
    if at is not None:
        query = query.where(_valid(at))
    return [placement(row) for row in session.scalars(query)]


def placed_from(session: Session, site_id: str, board_id: str, at: datetime | None) -> list[Placement]:
    query = (
        select(PlacementTable)
        .where(PlacementTable.site == site_id, PlacementTable.board == board_id)
        .order_by(PlacementTable.channel.nulls_first(), PlacementTable.valid_from_ms)
    )
    if at is not None:
        query = query.where(or_(PlacementTable.valid_to_ms.is_(None), PlacementTable.valid_to_ms > to_ms(at)))
    return [placement(row) for row in session.scalars(query)]


def one_placement(session: Session, site_id: str, id: int) -> Placement:
    row = session.get(PlacementTable, id) if 0 < id < 2**31 else None
    if row is None or row.site != site_id:
        site(session, site_id)
        raise NotFound(f"There is no placement {id} in site '{site_id}'. See its list of placements.")
    return placement(row)


def in_room(session: Session, site_id: str, room: str, start: datetime, end: datetime) -> list[Placement]:
    query = (
        select(PlacementTable)
        .where(
            PlacementTable.site == site_id,
            PlacementTable.room == room,
            PlacementTable.valid_from_ms < to_ms(end),
            or_(PlacementTable.valid_to_ms.is_(None), PlacementTable.valid_to_ms > to_ms(start)),
        )
        .order_by(PlacementTable.valid_from_ms, PlacementTable.board)
    )
    return [placement(row) for row in session.scalars(query)]


def room_of(session: Session, board_id: str, at: datetime, site_id: str | None) -> str | None:
    query = select(PlacementTable.room).where(
        PlacementTable.board == board_id, PlacementTable.room.is_not(None), _valid(at)
    )
    if site_id is not None:
        query = query.where(PlacementTable.site == site_id)
    return session.scalars(query.order_by(PlacementTable.valid_from_ms.desc()).limit(1)).first()


def saw(session: Session, seen: Iterable[Seen]) -> None:
    for one in seen:
        _saw(session, *one)


def _saw(
    session: Session,
    site_id: str,
    id: str,
    at: datetime | None,
    boot: str | None,
    birth: Mapping[str, Any] | None,
    availability: str | None,
    reported: Reported | None,
    reply: LastReply | None,
) -> None:
    if not (valid_id(site_id) and valid_id(id)):
        raise ValueError(f"not the ids of a site and a board: {site_id!r}, {id!r}")
    at_ms = None if at is None else to_ms(at)
    insert_or_keep(session, BoardTable, {"site": site_id, "id": id, "points": {}, "availability": "unknown"})
    row = session.get_one(BoardTable, (site_id, id), with_for_update=True)
    if at_ms is not None:
        row.first_seen_ms = at_ms if row.first_seen_ms is None else min(at_ms, row.first_seen_ms)
        row.last_seen_ms = at_ms if row.last_seen_ms is None else max(at_ms, row.last_seen_ms)
    if boot is not None:
        row.boot = _printable(boot, WORD.length)
    if availability is not None:
        row.availability = _printable(availability, WORD.length) or "unknown"
    if birth is not None:
        _born(row, birth, at_ms)
    if reported is not None:
        row.reported = _document(reported)
    if reply is not None:
        row.last_reply = _document(reply)


def _born(row: BoardTable, birth: Mapping[str, Any], at_ms: int | None) -> None:
    before = row.firmware
    for name in ("firmware", "hardware", "reset_cause"):
        if birth.get(name) is not None:
            setattr(row, name, _printable(birth[name], LABEL.length))
    if row.firmware != before:
        row.firmware_since_ms = at_ms
    if birth.get("points") is not None:
        row.points = dict(birth["points"])
    if "access_point" in birth:
        row.access_point = birth["access_point"] and _printable(birth["access_point"], WORD.length)
    if "notes" in birth:
        row.notes = [_printable(note, WORD.length) for note in birth["notes"]]


def _valid(at: datetime) -> ColumnElement[bool]:
    ms = to_ms(at)
    return and_(
        PlacementTable.valid_from_ms <= ms,
        or_(PlacementTable.valid_to_ms.is_(None), PlacementTable.valid_to_ms > ms),
    )


def _printable(value: object, length: int | None) -> str:
    """A board's own words, cut to their column and without control characters: it may send anything."""
    return "".join(character for character in str(value) if character.isprintable())[:length]


def _board(row: BoardTable) -> Board:
    return Board(
        id=row.id,
        site=row.site,
        firmware=row.firmware,
        hardware=row.hardware,
        boot=row.boot,
        points=row.points,
        first_seen=from_ms_or_none(row.first_seen_ms),
        last_seen=from_ms_or_none(row.last_seen_ms),
        availability=row.availability,
        firmware_since=from_ms_or_none(row.firmware_since_ms),
        reset_cause=row.reset_cause,
        access_point=row.access_point,
        notes=tuple(row.notes or ()),
        reported=_reported(row.reported),
        last_reply=_reply(row.last_reply),
        name=row.name,
        note=row.note,
        version=row.version,
    )


def _document(told: Reported | LastReply) -> dict[str, Any]:
    document = asdict(told)
    return document | {"received_at": to_ms(document["received_at"])}


def _reported(document: dict[str, Any] | None) -> Reported | None:
    if document is None:
        return None
    received_at = from_ms(document["received_at"])
    return Reported(document["rev"], document["ok"], tuple(document["errors"]), received_at)


def _reply(document: dict[str, Any] | None) -> LastReply | None:
    if document is None:
        return None
    return LastReply(**document | {"received_at": from_ms(document["received_at"])})


def placement(row: PlacementTable) -> Placement:
    return Placement(
        row.id,
        row.board,
        row.room,
        row.channel,
        row.equipment,
        from_ms(row.valid_from_ms),
        from_ms_or_none(row.valid_to_ms),
    )
