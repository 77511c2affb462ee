"""Who was lost, since when, and why; how good a board's connection is."""

from typing import Any

from fastapi import APIRouter, Depends

from api.connectivity_models import AvailabilityOut, IncidentOut, QualityOut
from api.context import ContextDep, DaysDep, SiteId, now_ms
from api.rights import LINKS
from api.security import has
from campus.records.board_quality import board_quality

router = APIRouter(prefix="/sites/{site}", tags=["connectivity"], dependencies=[Depends(has(LINKS))])


@router.get("/incidents", response_model=list[IncidentOut])
def incidents(context: ContextDep, site: SiteId, days: DaysDep) -> Any:
    """Incidents that reach into [from, to), by start. Those of the last days may still change: causes become known."""
    start_ms, end_ms = days.ms(context.records.site(site))
    return [one._asdict() for one in context.records.incidents(site, start_ms, end_ms)]


@router.get("/boards/{board}/availability", response_model=list[AvailabilityOut])
def availability(context: ContextDep, site: SiteId, board: SiteId, days: DaysDep) -> Any:
    """States of one board over [from, to), at most 31 days; the last minutes may still change."""
    found = context.records.board(site, board)
    start_ms, end_ms = days.bounded(31).ms(context.records.site(site))
    return [one._asdict() for one in context.records.availability(site, found.id, start_ms, end_ms)]


@router.get("/boards/{board}/quality", response_model=QualityOut)
def quality(context: ContextDep, site: SiteId, board: SiteId) -> Any:
    """How good a board's connection is over the last 10 minutes, by its parts, and whether the board flaps."""
    found = context.records.board(site, board)
    return board_quality(context.records, context.telemetry, site, found.id, now_ms(context))
