"""The audit log, for administrators and auditors."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from api.account_models import AuditPage
from api.context import ContextDep, Id
from api.rights import AUDIT, sites_of
from api.security import PersonDep, has

router = APIRouter(prefix="/audit", tags=["audit"], dependencies=[Depends(has(AUDIT))])

Text = Annotated[str | None, Query(pattern=r"^[^\x00-\x1f]{1,64}$")]


@router.get("", response_model=AuditPage)
def log(
    context: ContextDep,
    person: PersonDep,
    site: Annotated[Id | None, Query(description="Only what concerns this site")] = None,
    who: Text = None,
    what: Text = None,
    before: Annotated[int | None, Query(ge=1, lt=2**31, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Any:
    """Who changed what, the newest first. What concerns no single site is for those with a role at every site."""
    sites = sites_of(person, AUDIT) if site is None else {site}
    rows = context.records.audit_log(before, limit, sites, who, what)
    return {"rows": rows, "next": rows[-1].number if len(rows) == limit and rows[-1].number > 1 else None}
