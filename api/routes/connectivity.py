"""Who was lost, since when, and why; how good a board's connection is."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query

from api.connectivity_models import AvailabilityOut, IncidentOut, QualityOut
from api.context import ContextDep, DaysDep, SiteId, now_ms
from api.listing import Listed, Listing, Page
from api.rights import LINKS
from api.routes.boards import BoardId
from api.security import has
from campus.inference.incidents import CAUSES
from campus.records.board_quality import board_quality

router = APIRouter(prefix="/sites/{site}", tags=["connectivity"], dependencies=[Depends(has(LINKS))])


INCIDENTS = Listing("incidents", {"number": int}, {"start_ms": int, "cause": str}, default="start_ms")
AVAILABILITY = Listing("availability", {"start_ms": int})


@router.get("/incidents", response_model=Listed[IncidentOut])
def incidents(
    context: ContextDep,
    site: SiteId,
    days: DaysDep,
    page: Annotated[Page, Depends(INCIDENTS.query)],
    cause: Annotated[Literal[CAUSES] | None, Query(description="Only of this cause")] = None,  # type: ignore[valid-type]
) -> Any:
    """Incidents that reach into [from, to), by start. Those of the last days may still change: causes become known."""
    start_ms, end_ms = days.ms(context.records.site(site))
    found = context.records.incidents(site, start_ms, end_ms, cause, page)
    return INCIDENTS.answer([one._asdict() for one in found], page)


@router.get("/incidents/{id}", response_model=IncidentOut)
def incident(
    context: ContextDep,
    site: SiteId,
    id: Annotated[int, Path(ge=1, lt=2**31, description="Number of the incident")],
) -> Any:
    """One incident. Of the last days they may still change, and one that was none is gone."""
    return context.records.incident(site, id)._asdict()


@router.get("/boards/{board}/availability", response_model=Listed[AvailabilityOut])
def availability(
    context: ContextDep,
    site: SiteId,
    board: BoardId,
    days: DaysDep,
    page: Annotated[Page, Depends(AVAILABILITY.query)],
) -> Any:
    """States of one board over [from, to), at most 31 days; the last minutes may still change."""
    found = context.records.board(site, board)
    start_ms, end_ms = days.bounded(31).ms(context.records.site(site))
    stored = context.records.availability(site, found.id, start_ms, end_ms)
    return AVAILABILITY.cut([one._asdict() for one in stored], page)


@router.get("/boards/{board}/quality", response_model=QualityOut)
def quality(context: ContextDep, site: SiteId, board: BoardId) -> Any:
    """How good a board's connection is over the last 10 minutes, by its parts, and whether the board flaps."""
    found = context.records.board(site, board)
    return board_quality(context.records, context.telemetry, site, found.id, now_ms(context))
