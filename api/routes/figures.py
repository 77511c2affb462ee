"""Indicators of any scope, the months that were signed, forecasts and what was unusual."""

from dataclasses import replace
from datetime import date, datetime
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
    SignedMonthOut,
)
from api.listing import Listed, Listing, Page
from api.problems import PROBLEMS, ProblemError
from api.rights import CLOSE, FIGURES, PERIODS, may
from api.security import PersonDep, has
from campus.errors import NotFound, UsageError
from campus.indicators.definitions import DEFINITIONS
from campus.inference import ROOM
from campus.records.figure_scopes import Scope
from campus.records.figures import figures, signed_figures
from campus.records.outlook import room_anomalies, room_forecast

router = APIRouter(tags=["indicators"], dependencies=[Depends(has(FIGURES))])

MAX_DAYS_AHEAD = 14

INDICATORS = Listing("indicators", {"id": str}, {"of": str, "name_vi": str, "name_en": str})
MONTHS = Listing("months", {"start": date}, {"closed_at": datetime}, default="-start")
AMENDMENTS = Listing("amendments", {"number": int}, {"at": datetime, "date": date})
FORECAST = Listing("forecast", {"start_minute": int})
ANOMALIES = Listing("anomalies", {"start_minute": int})
ScopeKind = Literal[
    "site", "building", "room-type", "room", "subject-group", "equipment-kind", "equipment", "board"
]
Month = Annotated[
    str, Path(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$", examples=["2026-10"], description="YYYY-MM")
]


@router.get("/indicators", response_model=Listed[DefinitionOut])
def indicator_definitions(page: Annotated[Page, Depends(INDICATORS.query)]) -> Any:
    """What every figure means: the definitions, with their versions and sources."""
    return INDICATORS.cut(DEFINITIONS.values(), page)


@router.get("/indicators/{indicator}", response_model=DefinitionOut)
def indicator_definition(
    indicator: Annotated[
        str, Path(max_length=64, examples=["frequency_rate"], description="Id of the indicator")
    ],
) -> Any:
    """What one figure means."""
    if indicator not in DEFINITIONS:
        raise ProblemError(
            404, "There is no indicator of this id. See /api/v1/indicators for those there are."
        )
    return DEFINITIONS[indicator]


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


@router.get("/sites/{site}/months", response_model=Listed[MonthOut], tags=["months"])
def months(context: ContextDep, site: SiteId, page: Annotated[Page, Depends(MONTHS.query)]) -> Any:
    """The months that were closed, the newest first."""
    return MONTHS.cut(context.records.closed_months(context.records.site(site).id), page)


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


@router.get("/sites/{site}/months/{month}/amendments", response_model=Listed[AmendmentOut], tags=["months"])
def amendments(
    context: ContextDep,
    person: PersonDep,
    site: SiteId,
    month: Month,
    page: Annotated[Page, Depends(AMENDMENTS.query)],
    kind: Annotated[
        Literal["room", "equipment", "board"] | None, Query(description="Only of rooms, pieces or boards")
    ] = None,
    id: Annotated[Id | None, Query(description="Only of the one with this id")] = None,
) -> Any:
    """What changed in a closed month since it was closed, in the order in which it did.

    Without the right to single periods, those of rooms come without their sums: they tell about one day's lessons.
    """
    found = context.records.amendments(context.records.site(site).id, date.fromisoformat(f"{month}-01"))
    found = [one for one in found if kind in (None, one.kind) and id in (None, one.id)]
    if not may(person, PERIODS, site):
        found = [replace(one, before={}, after={}) if one.kind == ROOM else one for one in found]
    return AMENDMENTS.cut(found, page)


@router.get("/sites/{site}/months/{month}", response_model=SignedMonthOut, tags=["months"])
def signed_month(context: ContextDep, person: PersonDep, site: SiteId, month: Month) -> Any:
    """A closed month, with the site's indicators as they were when it was closed, whatever changed since."""
    context.records.site(site)
    day = date.fromisoformat(f"{month}-01")
    found = signed_figures(context.records, site, day, facilities=may(person, PERIODS, site))
    [closed] = [one for one in context.records.closed_months(site) if one.start == day]
    return SignedMonthOut(**MonthOut.model_validate(closed).model_dump(), indicators=found)  # type: ignore[arg-type]


@router.get(
    "/sites/{site}/rooms/{room}/forecast",
    response_model=Listed[ForecastOut],
    dependencies=[Depends(has(PERIODS))],
)
def forecast(
    context: ContextDep,
    site: SiteId,
    room: RoomId,
    day: Annotated[Day, Query(alias="date", examples=["2026-11-20"], description="Today or later")],
    page: Annotated[Page, Depends(FORECAST.query)],
) -> Any:
    """What is expected of a room in each period of a date, at most two weeks ahead."""
    now = today(context, context.records.site(site))
    if not 0 <= (day - now).days <= MAX_DAYS_AHEAD:
        raise ProblemError(
            422, f"'date' is {day}: a forecast is for {now} and up to {MAX_DAYS_AHEAD} days later."
        )
    return FORECAST.cut(room_forecast(context.records, site, room, day, now), page)


@router.get(
    "/sites/{site}/rooms/{room}/anomalies",
    response_model=Listed[JudgedOut],
    dependencies=[Depends(has(PERIODS))],
)
def anomalies(
    context: ContextDep,
    site: SiteId,
    room: RoomId,
    day: Annotated[Day, Query(alias="date", examples=["2026-11-17"], description="A past date")],
    page: Annotated[Page, Depends(ANOMALIES.query)],
) -> Any:
    """The periods of a past date beside what was expected of them."""
    context.records.site(site)
    return ANOMALIES.cut(room_anomalies(context.records, site, room, day), page)
