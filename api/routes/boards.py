"""Boards, with the room they are in, and where each of them was placed when."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query

from api.board_models import BoardOut, PlacementOut
from api.context import Context, ContextDep, Id, SiteId
from api.etags import TellVersion
from api.listing import Listed, Listing, Page
from api.rights import PLACES
from api.security import has
from campus.records.entities import Board
from campus.records.inventory_fields import Instant

router = APIRouter(prefix="/sites/{site}", tags=["boards"], dependencies=[Depends(has(PLACES))])

BOARDS = Listing(
    "boards",
    {"id": str},
    {
        "name": str | None,
        "room": str | None,
        "availability": str,
        "firmware": str | None,
        "first_seen": datetime | None,
        "last_seen": datetime | None,
    },
)
PLACEMENTS = Listing(
    "placements", {"id": int}, {"board": str, "valid_from": datetime, "valid_to": datetime | None}
)

BoardId = Annotated[Id, Path(examples=["b-a101"], description="Id of the board")]


@router.get("/boards", response_model=Listed[BoardOut])
def boards(
    context: ContextDep,
    site: SiteId,
    page: Annotated[Page, Depends(BOARDS.query)],
    assigned: Annotated[
        bool | None, Query(description="Only those placed in a room, or only those that are not")
    ] = None,
    room: Annotated[Id | None, Query(description="Only those in this room")] = None,
    availability: Annotated[
        str | None, Query(pattern="^[a-z]{1,32}$", description="Only those that are so, such as `online`")
    ] = None,
) -> Any:
    """Boards of a site. Those not assigned were heard, and wait to be placed in a room."""
    context.records.site(site)
    rooms = _rooms(context, site)
    found = [
        _out(board, rooms)
        for board in context.records.boards(site)
        if assigned in (None, board.id in rooms) and availability in (None, board.availability)
    ]
    return BOARDS.cut([one for one in found if room in (None, one.room)], page)


@router.get("/boards/{board}", response_model=BoardOut)
def board(context: ContextDep, site: SiteId, board: BoardId, tell: TellVersion) -> Any:
    """One board."""
    found = context.records.board(site, board)
    tell(found.version)
    return show(context, found)


def show(context: Context, found: Board) -> BoardOut:
    """A board with the room it is in now."""
    return _out(found, _rooms(context, found.site))


@router.get("/placements", response_model=Listed[PlacementOut])
def placements(
    context: ContextDep,
    site: SiteId,
    page: Annotated[Page, Depends(PLACEMENTS.query)],
    at: Annotated[
        Instant | None, Query(description="Only those that hold at this instant, with its offset")
    ] = None,
    board: Annotated[Id | None, Query(description="Only of this board")] = None,
    room: Annotated[Id | None, Query(description="Only in this room")] = None,
    equipment: Annotated[Id | None, Query(description="Only of channels on this piece of equipment")] = None,
) -> Any:
    """Which board was in which room, and which of its channels on which piece of equipment, from when to when."""
    found = [
        one
        for one in context.records.placements(site, at)
        if board in (None, one.board) and room in (None, one.room) and equipment in (None, one.equipment)
    ]
    return PLACEMENTS.cut(found, page)


@router.get("/placements/{id}", response_model=PlacementOut)
def placement(
    context: ContextDep,
    site: SiteId,
    id: Annotated[int, Path(ge=1, lt=2**31, description="Number of the placement")],
) -> Any:
    """One placement."""
    return context.records.placement(site, id)


def _rooms(context: Context, site: str) -> dict[str, str]:
    return {one.board: one.room for one in context.records.placements(site, context.now()) if one.room}


def _out(board: Board, rooms: dict[str, str]) -> BoardOut:
    return BoardOut(room=rooms.get(board.id), assigned=board.id in rooms, **asdict(board))
