"""Sensors that cannot be right, for somebody to go and look."""

from typing import Any

from fastapi import APIRouter, Depends

from api.connectivity_models import FindingOut
from api.context import ContextDep, SiteId
from api.rights import LIVE
from api.security import has

router = APIRouter(prefix="/sites/{site}/findings", tags=["live"], dependencies=[Depends(has(LIVE))])


@router.get("", response_model=list[FindingOut])
def findings(context: ContextDep, site: SiteId) -> Any:
    """Sensors in doubt now, by room; what each kind means: docs/indicators.md."""
    context.records.site(site)
    return [{"room": room, **finding} for room, finding in context.live.doubts(site)]
