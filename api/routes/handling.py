"""What is done with equipment: loans, upkeep, stocktaking, declared and measured use, how dependable it is."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query

from api.context import ContextDep, Days, DaysDep, Id, SiteId
from api.handling_models import (
    CloseForm,
    LoanForm,
    LoanOut,
    LoanPage,
    QuotaOut,
    ReturnForm,
    ScanForm,
    StockItemOut,
    StocktakingForm,
    StocktakingOut,
    StocktakingPage,
    UpkeepEndForm,
    UpkeepForm,
    UpkeepOut,
    UpkeepPage,
    UseOut,
)
from api.models import IndicatorOut
from api.rights import FIGURES, PLACES, REGISTER
from api.routes.equipment import WRITES, Before, Limit, Number, conflicts, page
from api.security import PersonDep, has
from campus.indicators.upkeep import UpkeepSums, indicators

router = APIRouter(prefix="/sites/{site}", tags=["equipment"], dependencies=[Depends(has(PLACES))])
NAMES = [Depends(has(REGISTER))]  # who borrowed what is personal data


@router.get("/loans", response_model=LoanPage, dependencies=NAMES)
def loans(
    context: ContextDep,
    site: SiteId,
    equipment: Id | None = None,
    status: Annotated[
        Literal["lent", "overdue", "returned"] | None, Query(description="`lent` with what is overdue")
    ] = None,
    before: Before = None,
    limit: Limit = 100,
) -> Any:
    """Loan slips, the newest first."""
    found = context.records.loans(site, equipment=equipment, status=status, before=before, limit=limit + 1)
    return page(found, limit, "number")


@router.post("/loans", status_code=201, response_model=LoanOut, **WRITES)
def lend(context: ContextDep, person: PersonDep, site: SiteId, form: LoanForm) -> Any:
    """Write a loan slip; 409 where not as many are there."""
    with conflicts():
        return context.records.lend(site, form.model_dump(exclude_unset=True), person.name)


@router.get("/loans/{id}", response_model=LoanOut, dependencies=NAMES)
def loan(context: ContextDep, site: SiteId, id: Number) -> Any:
    """One loan slip."""
    return context.records.loan(site, id)


@router.post("/loans/{id}/return", response_model=LoanOut, **WRITES)
def give_back(context: ContextDep, person: PersonDep, site: SiteId, id: Number, form: ReturnForm) -> Any:
    """Take a loan back; 409 if it is back already."""
    with conflicts():
        return context.records.give_back(site, id, person.name, condition=form.condition, note=form.note)


@router.get("/upkeep", response_model=UpkeepPage)
def upkeep(
    context: ContextDep,
    site: SiteId,
    equipment: Id | None = None,
    open: bool | None = None,
    before: Before = None,
    limit: Limit = 100,
) -> Any:
    """Maintenance and incidents, the newest first."""
    found = context.records.upkeep(site, equipment=equipment, is_open=open, before=before, limit=limit + 1)
    return page(found, limit, "number")


@router.post("/upkeep", status_code=201, response_model=UpkeepOut, **WRITES)
def begin_upkeep(context: ContextDep, person: PersonDep, site: SiteId, form: UpkeepForm) -> Any:
    """Note maintenance or an incident of a piece."""
    opening = form.model_dump(exclude_unset=True, exclude={"equipment"})
    with conflicts():
        return context.records.begin_upkeep(site, form.equipment, opening, person.name)


@router.post("/upkeep/{id}/end", response_model=UpkeepOut, **WRITES)
def end_upkeep(context: ContextDep, person: PersonDep, site: SiteId, id: Number, form: UpkeepEndForm) -> Any:
    """Close it with its cause, work and cost; 409 if it is closed already."""
    with conflicts():
        return context.records.end_upkeep(site, id, form.model_dump(exclude_unset=True), person.name)


@router.get("/equipment-reliability", response_model=list[IndicatorOut], dependencies=[Depends(has(FIGURES))])
def reliability(context: ContextDep, site: SiteId, days: DaysDep, equipment: Id | None = None) -> Any:
    """Availability, mean time between failures and to repair over [from, to), of one piece or all, by incidents."""
    if equipment is not None:
        context.records.equipment_record(site, equipment)
    version = context.records.calendar(site).version
    ids = None if equipment is None else [equipment]
    found = context.records.upkeep_sums(site, days.start, days.end, ids)
    return indicators(UpkeepSums.total(found.values()), version, context.now())


@router.get("/stocktakings", response_model=StocktakingPage)
def stocktakings(
    context: ContextDep,
    site: SiteId,
    room: Id | None = None,
    before: Before = None,
    limit: Annotated[int, Query(ge=1, le=50)] = 20,
) -> Any:
    """Stocktakings with their difference reports, the newest first."""
    return page(context.records.stocktakings(site, room, before, limit + 1), limit, "number")


@router.post("/stocktakings", status_code=201, response_model=StocktakingOut, **WRITES)
def begin_stocktaking(context: ContextDep, person: PersonDep, site: SiteId, form: StocktakingForm) -> Any:
    """Begin the stocktaking of a room; 409 while one is open there."""
    with conflicts():
        return context.records.begin_stocktaking(site, form.room, person.name)


@router.get("/stocktakings/{id}", response_model=StocktakingOut)
def stocktaking(context: ContextDep, site: SiteId, id: Number) -> Any:
    """What is expected, found, missing, unexpected and unknown in the room."""
    return context.records.stocktaking(site, id)


@router.post("/stocktakings/{id}/scans", status_code=201, response_model=StockItemOut, **WRITES)
def scan(context: ContextDep, person: PersonDep, site: SiteId, id: Number, form: ScanForm) -> Any:
    """Note that a label was seen; the same again tells anew."""
    with conflicts():
        return context.records.scan(site, id, form.code, person.name, form.condition, form.counted)


@router.post("/stocktakings/{id}/close", response_model=StocktakingOut, **WRITES)
def close_stocktaking(
    context: ContextDep, person: PersonDep, site: SiteId, id: Number, form: CloseForm
) -> Any:
    """Verify what was found, and end the stocktaking."""
    with conflicts():
        return context.records.close_stocktaking(site, id, person.name, form.move)


@router.get("/declared-use", response_model=UseOut, dependencies=NAMES)
def declared_use(context: ContextDep, site: SiteId, days: DaysDep) -> Any:
    """Uses of equipment in lessons over [from, to), at most 31 days: by loan slips against what was measured."""
    span: Days = days.bounded(31)
    return context.records.declared_use(site, span.start, span.end)


@router.get("/equipment-quotas", response_model=list[QuotaOut], dependencies=[Depends(has(FIGURES))])
def quotas(context: ContextDep, site: SiteId) -> Any:
    """The quotas of lessons with equipment, and the lessons there were so far."""
    context.records.site(site)
    return [
        {
            "subject_group": one.quota.subject_group,
            "start": one.quota.start,
            "end": one.quota.end,
            "quota": one.quota.lessons,
            "lessons": one.lessons,
            "rate": one.rate,
        }
        for one in context.records.quota_attainments(site)
    ]
