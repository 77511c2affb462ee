"""Boards, with the room they are in."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from api.context import ContextDep, SiteId
from api.models import BoardOut
from api.rights import PLACES
from api.security import has
from campus.records.entities import Board

router = APIRouter(prefix="/sites/{site}/boards", tags=["boards"], dependencies=[Depends(has(PLACES))])


@router.get("", response_model=list[BoardOut])
def boards(
    context: ContextDep,
    site: SiteId,
    assigned: Annotated[
        bool | None, Query(description="Only those placed in a room, or only those that are not")
    ] = None,
) -> Any:
    """Boards of a site. Those not assigned were heard, and wait to be placed in a room."""
    context.records.site(site)
    rooms = _rooms(context, site)
    return [
        _out(board, rooms) for board in context.records.boards(site) if assigned in (None, board.id in rooms)
    ]


@router.get("/{board}", response_model=BoardOut)
def board(context: ContextDep, site: SiteId, board: SiteId) -> Any:
    """One board."""
    return _out(context.records.board(site, board), _rooms(context, site))


def _rooms(context: ContextDep, site: str) -> dict[str, str]:
    return {one.board: one.room for one in context.records.placements(site, context.now()) if one.room}


def _out(board: Board, rooms: dict[str, str]) -> BoardOut:
    return BoardOut(room=rooms.get(board.id), assigned=board.id in rooms, **asdict(board))
