"""Facts: one row per room, or piece of equipment, slot and date; and the figures that are sums of them."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query

from api.context import ContextDep, DaysDep, Id, RoomId, SiteId
from api.figure_models import EquipmentFactOut, FiguresOut
from api.listing import Listed, Listing, Page
from api.models import FactOut
from api.rights import PERIODS
from api.security import has
from campus.calendar import SLOT_KINDS
from campus.indicators import OUTCOMES
from campus.records.figure_scopes import ONE_ROOM, Scope
from campus.records.figures import figures

router = APIRouter(prefix="/sites/{site}", dependencies=[Depends(has(PERIODS))])

MAX_DAYS_OF_A_SITE = 31

FACTS = Listing("facts", {"start": datetime, "room": str}, {"date": date})
EQUIPMENT_FACTS = Listing(
    "equipment-facts", {"start": datetime, "room": str, "equipment": str}, {"date": date}
)

SlotKind = Annotated[Literal[SLOT_KINDS] | None, Query(description="Only slots of this kind")]  # type: ignore[valid-type]


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


@router.get("/facts", response_model=Listed[FactOut], tags=["facts"])
def facts(
    context: ContextDep,
    site: SiteId,
    days: DaysDep,
    room: RoomDep,
    page: Annotated[Page, Depends(FACTS.query)],
    kind: SlotKind = None,
    outcome: Annotated[Literal[OUTCOMES] | None, Query(description="Only those that went so")] = None,  # type: ignore[valid-type]
) -> Any:
    """What happened in every slot of [from, to), by date, slot and room: provisional until the month is closed."""
    found = context.records.facts_page(site, room, days.start, days.end, page, kind, outcome)
    return FACTS.answer(found, page)


@router.get("/equipment/facts", response_model=Listed[EquipmentFactOut], tags=["facts"])
def equipment_facts(
    context: ContextDep,
    site: SiteId,
    days: DaysDep,
    room: RoomDep,
    page: Annotated[Page, Depends(EQUIPMENT_FACTS.query)],
    equipment: Annotated[Id | None, Query(description="Only of this piece of equipment")] = None,
    kind: SlotKind = None,
) -> Any:
    """What happened to equipment in every slot of [from, to), by date, slot, room and piece: provisional until the
    month is closed."""
    found = context.records.equipment_facts_page(site, room, days.start, days.end, page, equipment, kind)
    return EQUIPMENT_FACTS.answer(found, page)


@router.get("/rooms/{room}/indicators", response_model=FiguresOut, tags=["indicators"])
def room_indicators(context: ContextDep, site: SiteId, room: RoomId, days: DaysDep) -> Any:
    """Every indicator of one room over [from, to) local dates, with its evidence and counts."""
    scope = Scope(site, ONE_ROOM, context.records.room(site, room).id)
    return figures(context.records, scope, days.start, days.end, context.now())
