"""The rows of what stands where: places, boards, the register of equipment, the timetable."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, and_, or_, select

from campus.indicators.records import missing
from campus.records.calendar_tables import LessonTable
from campus.records.exporting_rows import Asked, Stored, document, reaching, table
from campus.records.instants import to_ms
from campus.records.tables import BoardTable, BuildingTable, EquipmentTable, PlacementTable, RoomTable
from campus.table_files import Column, iso

_BOARD, _PLACED, _PIECE, _LESSON = (
    one.__table__.c for one in (BoardTable, PlacementTable, EquipmentTable, LessonTable)
)
_OF_PIECES = (
    "site id name kind room in_service_on condition item_code quantity unit maker model serial price_vnd fund "
    "life_years subject_group verified_on retired_on note version"
)
_OF_LESSONS = (
    "id room weekday session period school_class subject valid_from valid_to subject_group week place teacher"
)


def _boards(asked: Asked) -> Select[Any]:
    now_ms = to_ms(asked.now)
    now = and_(
        _PLACED.site == _BOARD.site,
        _PLACED.board == _BOARD.id,
        _PLACED.room.is_not(None),
        _PLACED.valid_from_ms <= now_ms,
        or_(_PLACED.valid_to_ms.is_(None), _PLACED.valid_to_ms > now_ms),
    )
    columns = (
        _BOARD.site, _BOARD.id, _PLACED.room, _BOARD.availability, _BOARD.firmware, _BOARD.firmware_since_ms,
        _BOARD.hardware, _BOARD.reset_cause, _BOARD.access_point, _BOARD.notes, _BOARD.reported, _BOARD.last_reply,
        _BOARD.points, _BOARD.first_seen_ms, _BOARD.last_seen_ms, _BOARD.name, _BOARD.note, _BOARD.version,
    )  # fmt: skip
    found = select(*columns).select_from(BoardTable.__table__.outerjoin(PlacementTable.__table__, now))
    return found.where(_BOARD.site == asked.site.id).order_by(_BOARD.id)


def _board(row: Any, _: Asked) -> Sequence[Any]:
    site, id, room, *heard = row
    told = [document(_timed(value)) if isinstance(value, dict | list) else value for value in heard]
    told[6] = told[6] or "[]"  # notes
    return [site, id, room, room is not None, *told]


def _timed(value: Any) -> Any:
    """A document of a board with its time as a list of boards shows it."""
    if isinstance(value, dict) and isinstance(value.get("received_at"), int):
        return {**value, "received_at": iso(value["received_at"])}
    return value


def _pieces(asked: Asked) -> Select[Any]:
    names = _OF_PIECES.split()
    return select(*(_PIECE[name] for name in names)).where(_PIECE.site == asked.site.id).order_by(_PIECE.id)


def _piece(row: Any, asked: Asked) -> Sequence[Any]:
    lacks = missing(
        row.id, row.kind, row.room, row.in_service_on, row.condition, row.verified_on, asked.today
    )
    return [*row, row.item_code or row.id, document(list(lacks))]


def _lesson(row: Any, asked: Asked) -> Sequence[Any]:
    """Whose lesson it is stands beside what happened in it: both are for the same readers."""
    return row if asked.periods else [*row[:-1], None]


_TIMETABLE = table(LessonTable, _OF_LESSONS, reaching("valid_from", "valid_to", dates=True))
_REGISTER = table(EquipmentTable, _OF_PIECES).columns

PLACES = {
    "buildings": table(BuildingTable, "site id name area_m2 built_year floors version"),
    "rooms": table(RoomTable, "site id name building floor room_type capacity volume_m3 area_m2 version"),
    "boards": Stored(
        (
            Column("site"), Column("id"), Column("room"), Column("assigned", "boolean"), Column("availability"),
            Column("firmware"), Column("firmware_since", "instant"), Column("hardware"), Column("reset_cause"),
            Column("access_point"), Column("notes"), Column("reported"), Column("last_reply"), Column("points"),
            Column("first_seen", "instant"), Column("last_seen", "instant"), Column("name"), Column("note"),
            Column("version", "integer"),
        ),
        _boards,
        made=_board,
    ),
    "placements": table(
        PlacementTable,
        "id board room channel equipment valid_from_ms valid_to_ms",
        reaching("valid_from_ms", "valid_to_ms"),
        valid_from_ms="valid_from",
        valid_to_ms="valid_to",
    ),
    "equipment": Stored((*_REGISTER, Column("code"), Column("missing")), _pieces, made=_piece),
    "lessons": Stored(_TIMETABLE.columns, _TIMETABLE.query, True, _lesson),
}  # fmt: skip
