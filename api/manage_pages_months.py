"""The page of a month: the school's indicators with their evidence, its signature, and what changed since."""

from datetime import date, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.context import Context, ContextDep, SiteId, today
from api.manage_pages_forms import DoneDep, TextsDep, gone_on, told
from api.page_frame import ReaderDep, show, words_of
from api.rights import CLOSE, FIGURES, PERIODS, may, require
from campus.errors import UsageError
from campus.indicators.definitions import DEFINITIONS
from campus.records.entities import Person, Site
from campus.records.figure_scopes import Scope
from campus.records.figures import figures, signed_figures
from dashboards.web.months import FIRST_MONTH, evidence, groups, month_list, parse_month

router = APIRouter(prefix="/sites/{site}/month", include_in_schema=False)

MOST_AMENDMENTS = 200
_Month = Annotated[str | None, Query(max_length=10)]


@router.get("")
def month(
    request: Request,
    context: ContextDep,
    person: ReaderDep,
    site: SiteId,
    done: DoneDep,
    month: _Month = None,
) -> Response:
    """One month of a school, the last whole one where none is named."""
    require(person, FIGURES, site)
    school = context.records.site(site)
    return _page(request, context, person, school, _chosen(context, school, month), done=done)


@router.post("")
def close(
    request: Request, context: ContextDep, person: ReaderDep, texts: TextsDep, site: SiteId
) -> Response:
    """Sign a month."""
    require(person, CLOSE, site)
    school, words = context.records.site(site), words_of(request, context, person)
    start = parse_month(texts.get("month"))
    if start is None:
        chosen = _chosen(context, school, None)
        return _page(request, context, person, school, chosen, problem=words("month.choose"), status=422)
    try:
        context.records.close_month(site, start, person.name)
    except UsageError as error:
        return _page(request, context, person, school, start, problem=told(words, str(error)), status=409)
    return gone_on(f"/sites/{site}/month?month={start:%Y-%m}", "closed")


def _chosen(context: Context, school: Site, text: str | None) -> date:
    before = (today(context, school).replace(day=1) - timedelta(days=1)).replace(day=1)
    return parse_month(text) or before


def _page(
    request: Request,
    context: Context,
    person: Person,
    school: Site,
    start: date,
    *,
    problem: str | None = None,
    done: str | None = None,
    status: int = 200,
) -> Response:
    records, words = context.records, words_of(request, context, person)
    end = (start + timedelta(days=32)).replace(day=1)
    now, facilities = today(context, school), may(person, PERIODS, school.id)
    until = min(end, now + timedelta(days=1))
    made = (
        figures(records, Scope(school.id), start, until, context.now(), facilities=facilities).indicators
        if start < until
        else []
    )
    closed = next((one for one in records.closed_months(school.id) if one.start == start), None)
    signed = {
        one.id: one
        for one in (signed_figures(records, school.id, start, facilities=facilities) if closed else [])
    }
    amendments = records.amendments(school.id, start) if closed else []
    return show(
        request,
        context,
        "month.html",
        person,
        status,
        site=school,
        start=start,
        months=month_list(start, now),
        groups=groups([evidence(words, DEFINITIONS[one.id], one, signed.get(one.id)) for one in made]),
        closed=closed,
        may_close=closed is None and end <= now and may(person, CLOSE, school.id),
        goes_on=now < end,
        first=FIRST_MONTH,
        amendments=amendments[-MOST_AMENDMENTS:],
        amended=len(amendments),
        names={one.id: one.name for one in records.rooms(school.id)}
        | {one.id: one.name for one in records.equipment(school.id)},
        problem=problem,
        done=done,
        zone=ZoneInfo(school.tz),
    )
