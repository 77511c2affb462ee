"""Sites with their buildings and rooms, and the types of rooms."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query

from api.context import ContextDep, DaysDep, Id, RoomId, SiteId
from api.etags import TellVersion
from api.listing import Listed, Listing, Page
from api.live_models import IntervalOut
from api.models import BuildingOut, RoomOut, RoomTypeOut, SiteDetail, SiteOut
from api.rights import PERIODS, PLACES, sites_of
from api.security import PersonDep, has

router = APIRouter(tags=["sites"], dependencies=[Depends(has(PLACES))])

SITES = Listing("sites", {"id": str}, {"name": str})
BUILDINGS = Listing("buildings", {"id": str}, {"name": str})
ROOM_TYPES = Listing("room-types", {"id": str}, {"name_vi": str, "name_en": str})
ROOMS = Listing(
    "rooms",
    {"id": str},
    {"name": str, "building": str | None, "floor": int | None, "room_type": str, "capacity": int | None},
)
INTERVALS = Listing("intervals", {"start_ms": int})

BuildingId = Annotated[Id, Path(examples=["a"], description="Id of the building")]
RoomTypeId = Annotated[Id, Path(examples=["classroom"], description="Id of the room type")]


@router.get("/sites", response_model=Listed[SiteOut])
def sites(context: ContextDep, person: PersonDep, page: Annotated[Page, Depends(SITES.query)]) -> Any:
    """The sites at which you have a role."""
    granted = sites_of(person, PLACES)
    return SITES.cut([one for one in context.records.sites() if granted is None or one.id in granted], page)


@router.get("/sites/{site}", response_model=SiteDetail)
def site(context: ContextDep, site: SiteId) -> Any:
    """One site with its buildings and the types of its rooms."""
    found = context.records.site(site)
    used = {room.room_type for room in context.records.rooms(site)}
    return SiteDetail(
        **SiteOut.model_validate(found).model_dump(),
        buildings=context.records.buildings(site),  # type: ignore[arg-type]  # read by their attributes
        room_types=[one for one in context.records.room_types() if one.id in used],  # type: ignore[misc]
    )


@router.get("/sites/{site}/buildings", response_model=Listed[BuildingOut])
def buildings(context: ContextDep, site: SiteId, page: Annotated[Page, Depends(BUILDINGS.query)]) -> Any:
    """The buildings of a site."""
    return BUILDINGS.cut(context.records.buildings(site), page)


@router.get("/sites/{site}/buildings/{building}", response_model=BuildingOut)
def building(context: ContextDep, site: SiteId, building: BuildingId, tell: TellVersion) -> Any:
    """One building."""
    found = context.records.building(site, building)
    tell(found.version)
    return found


@router.get("/room-types", response_model=Listed[RoomTypeOut])
def room_types(context: ContextDep, page: Annotated[Page, Depends(ROOM_TYPES.query)]) -> Any:
    """The types of rooms, which all sites share."""
    return ROOM_TYPES.cut(context.records.room_types(), page)


@router.get("/room-types/{room_type}", response_model=RoomTypeOut)
def room_type(context: ContextDep, room_type: RoomTypeId) -> Any:
    """One type of rooms."""
    return context.records.room_type(room_type)


@router.get("/sites/{site}/rooms", response_model=Listed[RoomOut])
def rooms(
    context: ContextDep,
    site: SiteId,
    page: Annotated[Page, Depends(ROOMS.query)],
    building: Annotated[Id | None, Query(description="Only of this building")] = None,
    floor: Annotated[int | None, Query(ge=-(2**31), lt=2**31, description="Only of this floor")] = None,
    room_type: Annotated[Id | None, Query(description="Only of this room type")] = None,
) -> Any:
    """The rooms of a site."""
    found = [
        one
        for one in context.records.rooms(site)
        if building in (None, one.building)
        and floor in (None, one.floor)
        and room_type in (None, one.room_type)
    ]
    return ROOMS.cut(found, page)


@router.get("/sites/{site}/rooms/{room}", response_model=RoomOut)
def room(context: ContextDep, site: SiteId, room: RoomId, tell: TellVersion) -> Any:
    """One room."""
    found = context.records.room(site, room)
    tell(found.version)
    return found


@router.get(
    "/sites/{site}/rooms/{room}/intervals",
    response_model=Listed[IntervalOut],
    dependencies=[Depends(has(PERIODS))],
)
def intervals(
    context: ContextDep,
    site: SiteId,
    room: RoomId,
    days: DaysDep,
    page: Annotated[Page, Depends(INTERVALS.query)],
) -> Any:
    """Presence of one room over [from, to): exact changes of state, final 15 minutes after they happened."""
    found = context.records.room(site, room)
    start_ms, end_ms = days.bounded(31).ms(context.records.site(site))
    stored = context.records.intervals(site, found.id, start_ms, end_ms)
    return INTERVALS.cut([one._asdict() for one in stored], page)
