"""The audit log, for administrators and auditors."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from api.account_models import AuditOut
from api.context import ContextDep, Id
from api.listing import Listed, Listing, Page
from api.rights import AUDIT, sites_of
from api.security import PersonDep, has

router = APIRouter(prefix="/audit", tags=["audit"], dependencies=[Depends(has(AUDIT))])

AUDIT_LOG = Listing("audit", {"number": int}, {"at": datetime}, default="-number")


def _text(description: str) -> Any:
    return Query(pattern=r"^[^\x00-\x1f]{1,64}$", description=description)


@router.get("", response_model=Listed[AuditOut])
def audit_log(
    context: ContextDep,
    person: PersonDep,
    page: Annotated[Page, Depends(AUDIT_LOG.query)],
    site: Annotated[Id | None, Query(description="Only what concerns this site")] = None,
    who: Annotated[str | None, _text("Only what this person did")] = None,
    what: Annotated[str | None, _text("Only what is called so, such as `person.changed`")] = None,
) -> Any:
    """Who changed what, the newest first. What concerns no single site is for those with a role at every site."""
    sites = sites_of(person, AUDIT) if site is None else {site}
    return AUDIT_LOG.answer(
        context.records.audit_log(sites=sites, who=who, what=what, page=page),
        page,
    )
