"""Indicators of any scope, the months that were signed, forecasts and what was unusual."""

from dataclasses import replace
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query

from api.context import ContextDep, Day, DaysDep, Id, RoomId, SiteId, today
from api.figure_models import (
    AmendmentOut,
    DefinitionOut,
    FiguresOut,
    ForecastOut,
    JudgedOut,
    MonthForm,
    MonthOut,
)
from api.models import IndicatorOut
from api.problems import PROBLEMS, ProblemError
from api.rights import CLOSE, FIGURES, PERIODS, may
from api.security import PersonDep, has
from campus.errors import NotFound, UsageError
from campus.indicators.definitions import DEFINITIONS
from campus.inference import ROOM
from campus.records.figures import Scope, figures, signed_figures
from campus.records.outlook import room_anomalies, room_forecast

router = APIRouter(tags=["indicators"], dependencies=[Depends(has(FIGURES))])

MAX_DAYS_AHEAD = 14
ScopeKind = Literal[
    "site", "building", "room-type", "room", "subject-group", "equipment-kind", "equipment", "board"
]
Month = Annotated[
    str, Path(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$", examples=["2026-10"], description="YYYY-MM")
]


@router.get("/indicators", response_model=list[DefinitionOut])
def definitions() -> Any:
    """What every figure means: the definitions, with their versions and sources."""
    return list(DEFINITIONS.values())


@router.get("/sites/{site}/indicators", response_model=FiguresOut)
def indicators(
    context: ContextDep,
    person: PersonDep,
    site: SiteId,
    days: DaysDep,
    scope: Annotated[ScopeKind, Query(description="What the figures are of")] = "site",
    id: Annotated[Id | None, Query(description="Which one of that kind; none for the site")] = None,
    indicator: Annotated[list[str] | None, Query(max_length=60, description="Only these, by id")] = None,
) -> Any:
    """Every indicator that has a meaning for the scope, over [from, to) local dates, with its evidence.

    To roles that may not see single periods, figures about the work of fewer than three teachers, or of less than
    whole weeks from Monday, are withheld.
    """
    context.records.site(site)
    try:
        wanted = Scope(site, scope, id)
        return figures(
            context.records,
            wanted,
            days.start,
            days.end,
            context.now(),
            facilities=may(person, PERIODS, site),
            ids=indicator,
        )
    except NotFound:
        raise
    except UsageError as error:
        raise ProblemError(422, str(error)) from error


@router.get("/sites/{site}/months", response_model=list[MonthOut], tags=["months"])
def months(context: ContextDep, site: SiteId) -> Any:
    """The months that were closed, the newest first."""
    return context.records.closed_months(context.records.site(site).id)


@router.post(
    "/sites/{site}/months",
    status_code=201,
    response_model=MonthOut,
    tags=["months"],
    dependencies=[Depends(has(CLOSE))],
    responses={409: PROBLEMS[503]},
)
def close_month(context: ContextDep, person: PersonDep, site: SiteId, form: MonthForm) -> Any:
    """Sign the figures of a month: they are kept as they are, and what changes afterwards is listed."""
    context.records.site(site)
    try:
        return context.records.close_month(site, date.fromisoformat(f"{form.month}-01"), person.name)
    except UsageError as error:
        raise ProblemError(409, str(error)) from error


@router.get("/sites/{site}/months/{month}/amendments", response_model=list[AmendmentOut], tags=["months"])
def amendments(context: ContextDep, person: PersonDep, site: SiteId, month: Month) -> Any:
    """What changed in a closed month since it was closed, in the order in which it did.

    Without the right to single periods, those of rooms come without their sums: they tell about one day's lessons.
    """
    found = context.records.amendments(context.records.site(site).id, date.fromisoformat(f"{month}-01"))
    if may(person, PERIODS, site):
        return found
    return [replace(one, before={}, after={}) if one.kind == ROOM else one for one in found]


@router.get("/sites/{site}/months/{month}", response_model=list[IndicatorOut], tags=["months"])
def signed(context: ContextDep, person: PersonDep, site: SiteId, month: Month) -> Any:
    """The site's indicators of a month as they were when it was closed, whatever changed since."""
    context.records.site(site)
    day = date.fromisoformat(f"{month}-01")
    return signed_figures(context.records, site, day, facilities=may(person, PERIODS, site))


@router.get(
    "/sites/{site}/rooms/{room}/forecast",
    response_model=list[ForecastOut],
    dependencies=[Depends(has(PERIODS))],
)
def forecast(
    context: ContextDep,
    site: SiteId,
    room: RoomId,
    day: Annotated[Day, Query(alias="date", examples=["2026-11-20"], description="Today or later")],
) -> Any:
    """What is expected of a room in each period of a date, at most two weeks ahead."""
    now = today(context, context.records.site(site))
    if not 0 <= (day - now).days <= MAX_DAYS_AHEAD:
        raise ProblemError(
            422, f"'date' is {day}: a forecast is for {now} and up to {MAX_DAYS_AHEAD} days later."
        )
    return room_forecast(context.records, site, room, day, now)


@router.get(
    "/sites/{site}/rooms/{room}/anomalies",
    response_model=list[JudgedOut],
    dependencies=[Depends(has(PERIODS))],
)
def unusual(
    context: ContextDep,
    site: SiteId,
    room: RoomId,
    day: Annotated[Day, Query(alias="date", examples=["2026-11-17"], description="A past date")],
) -> Any:
    """The periods of a past date beside what was expected of them."""
    context.records.site(site)
    return room_anomalies(context.records, site, room, day)
