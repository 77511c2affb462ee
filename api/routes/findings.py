"""Sensors that cannot be right, for somebody to go and look."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from api.connectivity_models import FindingOut
from api.context import ContextDep, Id, SiteId
from api.listing import Listed, Listing, Page
from api.rights import LIVE
from api.security import has

router = APIRouter(prefix="/sites/{site}/findings", tags=["live"], dependencies=[Depends(has(LIVE))])


FINDINGS = Listing(
    "findings",
    {"room": str, "kind": str, "point": str},
    {"room": str, "kind": str, "since_ms": int},
)


@router.get("", response_model=Listed[FindingOut])
def findings(
    context: ContextDep,
    site: SiteId,
    page: Annotated[Page, Depends(FINDINGS.query)],
    room: Annotated[Id | None, Query(description="Only of this room")] = None,
) -> Any:
    """Sensors in doubt now, by room; what each kind means: docs/indicators.md."""
    context.records.site(site)
    found = [
        {"room": where, **finding} for where, finding in context.live.doubts(site) if room in (None, where)
    ]
    return FINDINGS.cut(found, page)
