"""The pages: what the stores hold, handed to dashboards.web and returned as HTML."""

from datetime import date, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from api.context import (
    FIRST_DAY,
    LAST_DAY,
    Context,
    ContextDep,
    Day,
    Id,
    RoomId,
    SiteId,
    midnight_ms,
    now_ms,
    today,
    week_of,
)
from api.page_frame import (
    LANGUAGE_COOKIE,
    ReaderDep,
    error_page,
    landing,
    menu,
    safe_next,
    show,
    sign_in_address,
    words_of,
)
from api.problems import ProblemError
from api.rights import LIVE, PERIODS, PLACES, require, sites_of, somewhere
from api.routes.readings import room_windows
from api.security import COOKIE, SignIn, begin_session, identify, refuse_forged
from campus.indicators import FREE
from campus.indicators.facts import COVERAGE_PCT
from campus.indicators.frequency import frequency_rate
from campus.records.entities import Room, Site
from campus.telemetry import Sample
from campus.wire.names import base
from dashboards.web.board import Now, board, lessons_of
from dashboards.web.chart import HEIGHT, WIDTH, Chart, chart
from dashboards.web.week import list_weeks, week
from dashboards.web.words import LANGUAGES

__all__ = ["error_page", "landing", "problem_page", "router"]

router = APIRouter(include_in_schema=False)


@router.get("/sign-in")
def sign_in_page(request: Request, context: ContextDep, next: str | None = None) -> Response:
    """Open to everyone."""
    if identify(request, context) is not None:
        return RedirectResponse(landing(next), 303)
    return show(request, context, "sign_in.html", None, next=landing(next), name="", problem=None)


def problem_page(
    request: Request, context: Context, status: int, key: str, next: str | None, name: str = "", **values: str
) -> Response:
    """The sign-in again, with what was wrong: a sentence of the catalogue."""
    sentence = words_of(request, context)(key, **values)
    return show(
        request,
        context,
        "sign_in.html",
        None,
        status,
        here=sign_in_address(next),
        next=landing(next),
        name=name,
        problem=sentence,
    )


@router.post("/sign-in")
def sign_in(
    request: Request,
    context: ContextDep,
    name: Annotated[str, Form(min_length=1, max_length=128)],
    password: Annotated[str, Form(min_length=1, max_length=256)],
    next: Annotated[str | None, Form()] = None,
) -> Response:
    """Open to everyone; limited by account."""
    refuse_forged(request)
    check: SignIn = request.app.state.sign_in
    try:
        person = check(context, name, password)
    except ProblemError as error:
        key = {401: "sign_in.wrong", 429: "sign_in.wait"}.get(error.status, "sign_in.busy")
        seconds = error.headers.get("Retry-After", "")
        return problem_page(request, context, error.status, key, next, name, seconds=seconds)
    response = RedirectResponse(landing(next), 303)
    begin_session(request, response, context, person)
    return response


@router.post("/sign-out")
def sign_out(request: Request, context: ContextDep, _person: ReaderDep) -> Response:
    """End this browser's session."""
    if token := request.cookies.get(COOKIE):
        context.records.end_session(token)
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(COOKIE)
    return response


@router.post("/language")
def choose_language(
    request: Request, language: Annotated[str, Form()], next: Annotated[str | None, Form()] = None
) -> Response:
    """Open to everyone: keep the page, change its language."""
    refuse_forged(request)
    response = RedirectResponse(safe_next(next), 303)
    if language in LANGUAGES:
        response.set_cookie(
            LANGUAGE_COOKIE,
            language,
            max_age=365 * 86400,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
    return response


@router.get("/")
def rooms_now(
    request: Request, context: ContextDep, person: ReaderDep, site: Annotated[Id | None, Query()] = None
) -> Response:
    """The live room board of one site; a choice where there are several. Who may not see it goes to their own pages."""
    if site is None:
        granted = sites_of(person, LIVE if somewhere(person, LIVE) else PLACES)
        sites = [one for one in context.records.sites() if granted is None or one.id in granted]
        if len(sites) != 1:
            first = {one.id: menu(person, one.id)[0].path for one in sites}
            return show(request, context, "sites.html", person, sites=sites, first=first)
        chosen = sites[0]
        if not somewhere(person, LIVE):
            return RedirectResponse(menu(person, chosen.id)[0].path, 303)
    else:
        require(person, LIVE, site)
        chosen = context.records.site(site)
    now = _now(context, chosen, context.records.rooms(chosen.id), sites_of(person, LIVE) is None)
    return show(
        request,
        context,
        "board.html",
        person,
        site=chosen,
        view=board(now),
        room_types=now.room_types,
        zone=ZoneInfo(chosen.tz),
    )


def _now(context: Context, site: Site, rooms: list[Room], is_whole: bool) -> Now:
    records = context.records
    return Now(
        site=site,
        buildings=records.buildings(site.id),
        rooms=rooms,
        room_types={one.id: one for one in records.room_types()},
        calendar=records.calendar(site.id),
        states=context.live.rooms(site.id),
        boards=context.live.boards(site.id),
        placed={one.board: one.room for one in records.placements(site.id, context.now()) if one.room},
        unassigned=[one for one in records.unassigned_boards(site.id) if one.last_seen is not None],
        progress=context.live.progress() if is_whole else [],
        now=context.now(),
    )


@router.get("/rooms/{site}/{room}")
def room_page(
    request: Request,
    context: ContextDep,
    person: ReaderDep,
    site: SiteId,
    room: RoomId,
    day: Annotated[Day | None, Query()] = None,
) -> Response:
    """One room's week around a day: its timetable against what was measured, and the day's CO2."""
    require(person, PERIODS, site)
    records = context.records
    where, found = records.site(site), records.room(site, room)
    now_date = today(context, where)
    chosen = day or now_date
    days = week_of(chosen)
    facts = records.facts(site, room, days.start, days.end)
    calendar = records.calendar(site)
    weekly = week(calendar, room, days.start, facts, context.now())
    now = _now(context, where, [found], sites_of(person, LIVE) is None)
    view = board(now)
    kind = now.room_types.get(found.room_type)
    return show(
        request,
        context,
        "room.html",
        person,
        site=where,
        view=view,
        room=found,
        path=f"/rooms/{site}/{room}",
        room_type=words_of(request, context, person).room_type(kind) if kind else found.room_type,
        counted=kind is None or kind.in_frequency_rate,
        building=next((one.name for one in now.buildings if one.id == found.building), None),
        now_tile=view.groups[0].tiles[0],
        zone=ZoneInfo(where.tz),
        week=weekly,
        rate=frequency_rate(facts, calendar.version, context.now()),
        needed=COVERAGE_PCT / 100,
        placed=bool(room_windows(context, where, room, *days.ms(where))),
        monday=days.start,
        weeks=list_weeks(chosen, now_date),
        sunday=days.end - timedelta(days=1),
        previous=max(chosen - timedelta(days=7), FIRST_DAY),
        following=min(chosen + timedelta(days=7), LAST_DAY),
        today=now_date,
        day=chosen,
        of_day=[cell for cell in weekly.of(chosen) if cell.state != FREE],
        chart=_chart(context, where, room, chosen),
        width=WIDTH,
        height=HEIGHT,
    )


def _chart(context: Context, site: Site, room: str, day: date) -> Chart:
    start_ms, end_ms = midnight_ms(day, site), midnight_ms(day + timedelta(days=1), site)
    series: dict[Any, list[Sample]] = {}
    for name, since_ms, until_ms in room_windows(context, site, room, start_ms, end_ms):
        keys = [key for key in context.telemetry.series(site.id, name) if base(key.point) == "co2_ppm"]
        for key, samples in context.telemetry.read(keys, since_ms, until_ms).items():
            series.setdefault(key, []).extend(samples)
    return chart(
        list(series.values()),
        context.records.intervals(site.id, room, start_ms, end_ms),
        lessons_of(context.records.calendar(site.id), room, day),
        start_ms,
        end_ms,
        ZoneInfo(site.tz),
        now_ms(context),
    )
