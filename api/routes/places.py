"""Edits of buildings, rooms and boards, and where boards are; the history of each."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query

from api.board_models import BoardOut
from api.context import ContextDep, Id, RoomId, SiteId
from api.etags import IfMatch, TellVersion
from api.listing import Listed, Listing, Page
from api.models import BuildingOut, RoomOut
from api.place_models import (
    BoardChanges,
    BuildingChanges,
    BuildingNew,
    PlacedOut,
    PlacementIn,
    RoomChanges,
    RoomNew,
)
from api.problems import PROBLEMS, ProblemError
from api.register_models import RecordChangeOut
from api.rights import EDIT_PLACES, PLACE_BOARDS, PLACES
from api.routes.boards import show
from api.security import PersonDep, has
from campus.records.inventory_fields import Instant

router = APIRouter(prefix="/sites/{site}", tags=["places"], dependencies=[Depends(has(PLACES))])

CONFLICTS: dict[int | str, dict[str, Any]] = {
    409: {**PROBLEMS[422], "description": "Conflict"},
    412: {**PROBLEMS[422], "description": "Precondition Failed"},
}
EDITS: dict[str, Any] = {"dependencies": [Depends(has(EDIT_PLACES))], "responses": CONFLICTS}
PLACES_BOARDS: dict[str, Any] = {"dependencies": [Depends(has(PLACE_BOARDS))], "responses": CONFLICTS}
HISTORY = Listing("place-history", {"number": int}, default="-number")

BuildingId = Annotated[Id, Path(examples=["a"], description="Id of the building")]
BoardId = Annotated[Id, Path(examples=["b-a101"], description="Id of the board")]
OfHistory = Annotated[Page, Depends(HISTORY.query)]


@router.post("/buildings", status_code=201, response_model=BuildingOut, **EDITS)
def create_building(
    context: ContextDep, person: PersonDep, site: SiteId, form: BuildingNew, tell: TellVersion
) -> Any:
    """Add a building."""
    made = context.records.create_building(site, form.model_dump(exclude_unset=True), person.name)
    tell(made.version)
    return made


@router.patch("/buildings/{building}", response_model=BuildingOut, **EDITS)
def change_building(
    context: ContextDep,
    person: PersonDep,
    site: SiteId,
    building: BuildingId,
    form: BuildingChanges,
    version: IfMatch,
    tell: TellVersion,
) -> Any:
    """Change some fields, all or none."""
    made = context.records.change_building(site, building, _given(form), person.name, version)
    tell(made.version)
    return made


@router.delete("/buildings/{building}", status_code=204, **EDITS)
def remove_building(
    context: ContextDep, person: PersonDep, site: SiteId, building: BuildingId, version: IfMatch
) -> None:
    """Take a building out of the records; 409 while rooms are in it."""
    context.records.remove_building(site, building, person.name, version)


@router.get("/buildings/{building}/history", response_model=Listed[RecordChangeOut])
def building_history(context: ContextDep, site: SiteId, building: BuildingId, page: OfHistory) -> Any:
    """What every field was and became, who changed it and how; the newest first. Also of one that was removed."""
    return _history(context, site, "building", building, page)


@router.post("/rooms", status_code=201, response_model=RoomOut, **EDITS)
def create_room(
    context: ContextDep, person: PersonDep, site: SiteId, form: RoomNew, tell: TellVersion
) -> Any:
    """Add a room."""
    made = context.records.create_room(site, form.model_dump(exclude_unset=True), person.name)
    tell(made.version)
    return made


@router.patch("/rooms/{room}", response_model=RoomOut, **EDITS)
def change_room(
    context: ContextDep,
    person: PersonDep,
    site: SiteId,
    room: RoomId,
    form: RoomChanges,
    version: IfMatch,
    tell: TellVersion,
) -> Any:
    """Change some fields, all or none; with another capacity its facts are made anew."""
    made = context.records.change_room(site, room, _given(form), person.name, version)
    tell(made.version)
    return made


@router.delete("/rooms/{room}", status_code=204, **EDITS)
def remove_room(context: ContextDep, person: PersonDep, site: SiteId, room: RoomId, version: IfMatch) -> None:
    """Take a room out of the records; 409 that names what refers to it, such as boards, lessons, what was measured."""
    context.records.remove_room(site, room, person.name, version)


@router.get("/rooms/{room}/history", response_model=Listed[RecordChangeOut])
def room_history(context: ContextDep, site: SiteId, room: RoomId, page: OfHistory) -> Any:
    """What every field was and became, who changed it and how; the newest first. Also of one that was removed."""
    return _history(context, site, "room", room, page)


@router.patch("/boards/{board}", response_model=BoardOut, **PLACES_BOARDS)
def change_board(
    context: ContextDep,
    person: PersonDep,
    site: SiteId,
    board: BoardId,
    form: BoardChanges,
    version: IfMatch,
    tell: TellVersion,
) -> Any:
    """Change a board's name or note; the rest of its record is what it told itself."""
    made = context.records.change_board(site, board, _given(form), person.name, version)
    tell(made.version)
    return show(context, made)


@router.put("/boards/{board}/placement", response_model=PlacedOut, **PLACES_BOARDS)
def place(
    context: ContextDep,
    person: PersonDep,
    site: SiteId,
    board: BoardId,
    form: PlacementIn,
    version: IfMatch,
) -> Any:
    """Say in which room a board is, and what it meters, from a moment until its next placement.

    What was before, and from the next placement on, stays. Facts made meanwhile with another placement are made anew.
    """
    channels = None if form.channels is None else {one.channel: one.equipment for one in form.channels}
    if channels is not None and len(channels) < len(form.channels or ()):
        raise ProblemError(422, "'channels' names a channel twice; name each once.")
    found = context.records.place_board(site, board, form.room, form.at, person.name, channels, version)
    return {"placements": found}


@router.delete("/boards/{board}/placement", response_model=PlacedOut, **PLACES_BOARDS)
def take_out(
    context: ContextDep,
    person: PersonDep,
    site: SiteId,
    board: BoardId,
    version: IfMatch,
    at: Annotated[Instant | None, Query(description="From when on, with its offset; now if left out")] = None,
) -> Any:
    """Say that a board is in no room, and meters nothing, from a moment until its next placement."""
    return {"placements": context.records.place_board(site, board, None, at, person.name, None, version)}


@router.get("/boards/{board}/history", response_model=Listed[RecordChangeOut])
def board_history(context: ContextDep, site: SiteId, board: BoardId, page: OfHistory) -> Any:
    """Where a board was said to be, what its channels were said to meter, and its name and note; the newest first."""
    return _history(context, site, "board", board, page)


def _history(context: ContextDep, site: str, kind: str, id: str, page: Page) -> Any:
    return HISTORY.answer(context.records.place_history(site, kind, id, page=page), page)


def _given(form: Any) -> dict[str, Any]:
    changes: dict[str, Any] = form.model_dump(exclude_unset=True, exclude={"id"})
    return changes
