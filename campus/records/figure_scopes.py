"""What figures are of: a scope, and the rooms, pieces of equipment and boards that it takes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from campus.errors import NotFound, UsageError
from campus.indicators.records import RecordCounts
from campus.records.entities import Equipment, Room
from campus.records.facade import Records

SITE, BUILDING, ROOM_TYPE, ONE_ROOM, SUBJECT_GROUP = "site", "building", "room-type", "room", "subject-group"
EQUIPMENT_KIND, PIECE, ONE_BOARD = "equipment-kind", "equipment", "board"
SCOPES = (SITE, BUILDING, ROOM_TYPE, ONE_ROOM, SUBJECT_GROUP, EQUIPMENT_KIND, PIECE, ONE_BOARD)
RECORDED = (SITE, BUILDING, ROOM_TYPE, ONE_ROOM, EQUIPMENT_KIND)
"""Scopes that have a completeness of records: as it is now, whatever the range."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What figures are of: `kind` is one of SCOPES, `id` what of that kind; None for the whole site."""

    site: str
    kind: str = SITE
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """`everything`: all pieces and boards of the site; `every_room`: all its rooms, whatever their type."""

    rooms: Sequence[Room] = ()
    pieces: Sequence[Equipment] = ()
    boards: Sequence[str] = ()
    everything: bool = False
    every_room: bool = False


def choose(records: Records, scope: Scope) -> Chosen:
    """Raises NotFound for a scope that is not in the records, UsageError for a kind or an id that is none."""
    if scope.kind not in SCOPES:
        raise UsageError(f"'{scope.kind}' is no scope; use one of {', '.join(SCOPES)}.")
    if (scope.id is None) != (scope.kind == SITE):
        raise UsageError(
            "The whole site takes no id." if scope.kind == SITE else f"Name the {scope.kind} by its id."
        )
    site, id, kind = scope.site, scope.id, scope.kind
    if kind == ONE_BOARD:
        _known(id, records.board_ids(site), "board", site)
        return Chosen(boards=[id or ""])
    pieces = records.equipment(site)
    if kind == EQUIPMENT_KIND:
        _known(id, [piece.kind for piece in pieces], "equipment of the kind", site)
        return Chosen(pieces=[piece for piece in pieces if piece.kind == id])
    if kind == PIECE:
        _known(id, [piece.id for piece in pieces], "equipment", site)
        return Chosen(pieces=[piece for piece in pieces if piece.id == id])
    if kind == ONE_ROOM:
        one = records.room(site, id or "")
        return Chosen([one], _in(pieces, {one.id}))
    rooms = records.rooms(site)
    if kind == SUBJECT_GROUP:
        _known(id, [one.id for one in records.subject_groups(site)], "subject group", site)
        return Chosen(rooms, pieces, everything=True, every_room=True)
    types = records.room_types()
    if kind == ROOM_TYPE:
        _known(id, [one.id for one in types], "room type", site)
        of_type = [room for room in rooms if room.room_type == id]
        return Chosen(of_type, _in(pieces, {room.id for room in of_type}))
    taught = {one.id for one in types if one.in_frequency_rate}
    teaching = [room for room in rooms if room.room_type in taught]
    if kind == BUILDING:
        _known(id, [one.id for one in records.buildings(site)], "building", site)
        inside = {room.id for room in rooms if room.building == id}
        return Chosen([room for room in teaching if room.id in inside], _in(pieces, inside))
    return Chosen(teaching, pieces, records.board_ids(site), everything=True)


def recorded(records: Records, scope: Scope) -> RecordCounts:
    """Every room counts, also one that is no teaching room."""
    found = records.completeness(scope.site)
    if scope.kind == SITE:
        return found.total
    if scope.kind == EQUIPMENT_KIND:
        return found.kinds.get(scope.id or "", RecordCounts())
    if scope.kind == ONE_ROOM:
        return found.rooms.get(scope.id, RecordCounts())
    of = {BUILDING: "building", ROOM_TYPE: "room_type"}[scope.kind]
    inside = {room.id for room in records.rooms(scope.site) if getattr(room, of) == scope.id}
    return RecordCounts.total(counts for room, counts in found.rooms.items() if room in inside)


def _known(id: str | None, ids: Iterable[str], what: str, site: str) -> None:
    if id not in set(ids):
        raise NotFound(f"There is no {what} '{id}' in site '{site}'.")


def _in(pieces: Iterable[Equipment], rooms: set[str]) -> list[Equipment]:
    return [piece for piece in pieces if piece.room in rooms]
