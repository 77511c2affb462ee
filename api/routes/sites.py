"""Sites and their rooms."""

from typing import Any

from fastapi import APIRouter, Depends

from api.context import ContextDep, DaysDep, RoomId, SiteId
from api.models import IntervalOut, RoomOut, SiteDetail, SiteOut
from api.rights import PERIODS, PLACES, sites_of
from api.security import PersonDep, has

router = APIRouter(prefix="/sites", tags=["sites"], dependencies=[Depends(has(PLACES))])


@router.get("", response_model=list[SiteOut])
def sites(context: ContextDep, person: PersonDep) -> Any:
    """The sites at which you have a role."""
    granted = sites_of(person, PLACES)
    return [one for one in context.records.sites() if granted is None or one.id in granted]


@router.get("/{site}", response_model=SiteDetail)
def site(context: ContextDep, site: SiteId) -> Any:
    """One site with its buildings and the types of its rooms."""
    found = context.records.site(site)
    used = {room.room_type for room in context.records.rooms(site)}
    return SiteDetail(
        **SiteOut.model_validate(found).model_dump(),
        buildings=context.records.buildings(site),  # type: ignore[arg-type]  # read by their attributes
        room_types=[one for one in context.records.room_types() if one.id in used],  # type: ignore[misc]
    )


@router.get("/{site}/rooms", response_model=list[RoomOut])
def rooms(context: ContextDep, site: SiteId) -> Any:
    """The rooms of a site, by building, floor and id."""
    return context.records.rooms(context.records.site(site).id)


@router.get("/{site}/rooms/{room}", response_model=RoomOut)
def room(context: ContextDep, site: SiteId, room: RoomId) -> Any:
    """One room."""
    return context.records.room(site, room)


@router.get(
    "/{site}/rooms/{room}/intervals", response_model=list[IntervalOut], dependencies=[Depends(has(PERIODS))]
)
def intervals(context: ContextDep, site: SiteId, room: RoomId, days: DaysDep) -> Any:
    """Presence of one room over [from, to): exact changes of state, final 15 minutes after they happened."""
    found = context.records.room(site, room)
    start_ms, end_ms = days.bounded(31).ms(context.records.site(site))
    return [one._asdict() for one in context.records.intervals(site, found.id, start_ms, end_ms)]
