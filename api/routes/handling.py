"""What is done with equipment: loans, upkeep, stocktaking, declared and measured use, how dependable it is."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query

from api.context import ContextDep, Days, DaysDep, Id, SiteId
from api.figure_models import ReliabilityOut
from api.handling_models import (
    CloseForm,
    LoanForm,
    LoanOut,
    QuotaOut,
    ReturnForm,
    ScanForm,
    StockItemOut,
    StocktakingForm,
    StocktakingHeadOut,
    StocktakingOut,
    UpkeepEndForm,
    UpkeepForm,
    UpkeepOut,
    UseOut,
)
from api.listing import Listed, Listing, Page
from api.rights import FIGURES, PLACES, REGISTER
from api.routes.equipment import WRITES, Number, conflicts
from api.security import PersonDep, has
from campus.indicators.computing import compute, every
from campus.indicators.definition import UPKEEP as OF_UPKEEP
from campus.indicators.upkeep import UpkeepSums

router = APIRouter(prefix="/sites/{site}", tags=["equipment"], dependencies=[Depends(has(PLACES))])
NAMES = [Depends(has(REGISTER))]  # who borrowed what is personal data

LOANS = Listing(
    "loans",
    {"number": int},
    {
        "equipment": str,
        "out_at": datetime,
        "due_on": date,
        "used_on": date | None,
        "back_at": datetime | None,
    },
    default="-number",
)
UPKEEP = Listing(
    "upkeep",
    {"number": int},
    {"equipment": str, "opened_at": datetime, "closed_at": datetime | None, "cost_vnd": int | None},
    default="-number",
)
STOCKTAKINGS = Listing(
    "stocktakings",
    {"number": int},
    {"room": str, "opened_at": datetime, "closed_at": datetime | None},
    default="-number",
)
QUOTAS = Listing(
    "equipment-quotas", {"subject_group": str, "start": date}, {"subject_group": str, "end": date}
)

OnePiece = Annotated[Id | None, Query(description="Only of this piece of equipment")]


@router.get("/loans", response_model=Listed[LoanOut], dependencies=NAMES)
def loans(
    context: ContextDep,
    site: SiteId,
    page: Annotated[Page, Depends(LOANS.query)],
    equipment: OnePiece = None,
    status: Annotated[
        Literal["lent", "overdue", "returned"] | None, Query(description="`lent` with what is overdue")
    ] = None,
    subject_group: Annotated[Id | None, Query(description="Only for this subject group")] = None,
) -> Any:
    """Loan slips, the newest first."""
    found = context.records.loans(
        site, equipment=equipment, status=status, subject_group=subject_group, page=page
    )
    return LOANS.answer(found, page)


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
def return_loan(context: ContextDep, person: PersonDep, site: SiteId, id: Number, form: ReturnForm) -> Any:
    """Take a loan back; 409 if it is back already."""
    with conflicts():
        return context.records.give_back(site, id, person.name, condition=form.condition, note=form.note)


@router.get("/upkeep", response_model=Listed[UpkeepOut])
def upkeep(
    context: ContextDep,
    site: SiteId,
    page: Annotated[Page, Depends(UPKEEP.query)],
    equipment: OnePiece = None,
    kind: Annotated[
        Literal["maintenance", "incident"] | None, Query(description="Only maintenance, or only incidents")
    ] = None,
    open: Annotated[bool | None, Query(description="Only what goes on, or only what is closed")] = None,
) -> Any:
    """Maintenance and incidents, the newest first."""
    found = context.records.upkeep(site, equipment=equipment, kind=kind, is_open=open, page=page)
    return UPKEEP.answer(found, page)


@router.post("/upkeep", status_code=201, response_model=UpkeepOut, **WRITES)
def begin_upkeep(context: ContextDep, person: PersonDep, site: SiteId, form: UpkeepForm) -> Any:
    """Note maintenance or an incident of a piece."""
    opening = form.model_dump(exclude_unset=True, exclude={"equipment"})
    with conflicts():
        return context.records.begin_upkeep(site, form.equipment, opening, person.name)


@router.get("/upkeep/{id}", response_model=UpkeepOut)
def one_upkeep(context: ContextDep, site: SiteId, id: Number) -> Any:
    """One maintenance or incident."""
    return context.records.one_upkeep(site, id)


@router.post("/upkeep/{id}/end", response_model=UpkeepOut, **WRITES)
def end_upkeep(context: ContextDep, person: PersonDep, site: SiteId, id: Number, form: UpkeepEndForm) -> Any:
    """Close it with its cause, work and cost; 409 if it is closed already."""
    with conflicts():
        return context.records.end_upkeep(site, id, form.model_dump(exclude_unset=True), person.name)


@router.get("/equipment-reliability", response_model=ReliabilityOut, dependencies=[Depends(has(FIGURES))])
def equipment_reliability(
    context: ContextDep, site: SiteId, days: DaysDep, equipment: OnePiece = None
) -> Any:
    """Availability, mean time between failures and to repair over [from, to), of one piece or all, by incidents."""
    if equipment is not None:
        context.records.equipment_record(site, equipment)
    version = context.records.calendar(site).version
    ids = None if equipment is None else [equipment]
    found = context.records.upkeep_sums(site, days.start, days.end, ids)
    held = UpkeepSums.total(found.values())
    return {"indicators": compute(held, every(OF_UPKEEP), version, context.now())}


@router.get("/stocktakings", response_model=Listed[StocktakingHeadOut])
def stocktakings(
    context: ContextDep,
    site: SiteId,
    page: Annotated[Page, Depends(STOCKTAKINGS.query)],
    room: Annotated[Id | None, Query(description="Only of this room")] = None,
    open: Annotated[bool | None, Query(description="Only those that go on, or only closed ones")] = None,
) -> Any:
    """Stocktakings, the newest first; each of them has its difference report."""
    return STOCKTAKINGS.answer(context.records.stocktakings(site, room, is_open=open, page=page), page)


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
def scan_label(context: ContextDep, person: PersonDep, site: SiteId, id: Number, form: ScanForm) -> Any:
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


@router.get("/equipment-quotas", response_model=Listed[QuotaOut], dependencies=[Depends(has(FIGURES))])
def equipment_quotas(context: ContextDep, site: SiteId, page: Annotated[Page, Depends(QUOTAS.query)]) -> Any:
    """The quotas of lessons with equipment, and the lessons there were so far."""
    context.records.site(site)
    found = [
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
    return QUOTAS.cut(found, page)
