"""Facts: one row per room, or piece of equipment, slot and date; and the figures that are sums of them."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from api.context import ContextDep, DaysDep, Id, RoomId, SiteId
from api.figure_models import EquipmentFactOut
from api.models import FactOut, IndicatorOut
from api.rights import PERIODS
from api.security import has
from campus.records.figures import ONE_ROOM, Scope, figures

router = APIRouter(prefix="/sites/{site}", dependencies=[Depends(has(PERIODS))])

MAX_DAYS_OF_A_SITE = 31


def _room(
    context: ContextDep,
    site: SiteId,
    days: DaysDep,
    room: Annotated[Id | None, Query(description="Only this room; without it at most 31 days")] = None,
) -> str | None:
    context.records.site(site)
    if room is None:
        days.bounded(MAX_DAYS_OF_A_SITE)
    else:
        context.records.room(site, room)
    return room


RoomDep = Annotated[str | None, Depends(_room)]


@router.get("/facts", response_model=list[FactOut], tags=["facts"])
def facts(context: ContextDep, site: SiteId, days: DaysDep, room: RoomDep) -> Any:
    """What happened in every slot of [from, to): provisional until the month is closed."""
    return context.records.facts(site, room, days.start, days.end)


@router.get("/equipment/facts", response_model=list[EquipmentFactOut], tags=["facts"])
def equipment_facts(context: ContextDep, site: SiteId, days: DaysDep, room: RoomDep) -> Any:
    """What happened to equipment in every slot of [from, to): provisional until the month is closed."""
    return context.records.equipment_facts(site, room, days.start, days.end)


@router.get("/rooms/{room}/indicators", response_model=list[IndicatorOut], tags=["indicators"])
def indicators(context: ContextDep, site: SiteId, room: RoomId, days: DaysDep) -> Any:
    """Every indicator of one room over [from, to) local dates, with its evidence and counts."""
    scope = Scope(site, ONE_ROOM, context.records.room(site, room).id)
    return figures(context.records, scope, days.start, days.end, context.now()).indicators
