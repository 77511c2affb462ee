"""The page of what was lost and what cannot be right: incidents with their causes, and sensors in doubt. Read only."""

from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.context import ContextDep, SiteId, midnight_ms, now_ms, today
from api.page_frame import ReaderDep, show
from api.rights import LINKS, LIVE, may, require
from dashboards.web.connectivity import finding_lines, incident_lines

router = APIRouter(prefix="/sites/{site}/connectivity", include_in_schema=False)

MOST_DAYS = 31
SHOWN = 200


@router.get("")
def connectivity(
    request: Request,
    context: ContextDep,
    person: ReaderDep,
    site: SiteId,
    days: Annotated[int, Query(ge=1, le=MOST_DAYS)] = 7,
) -> Response:
    """Incidents of the last days to those who see connectivity, sensors in doubt to those who see the live view."""
    sees_links = may(person, LINKS, site)
    require(person, LINKS if sees_links else LIVE, site)
    records, school = context.records, context.records.site(site)
    day = today(context, school)
    start_ms = midnight_ms(day - timedelta(days=days - 1), school)
    end_ms = midnight_ms(day + timedelta(days=1), school)
    found = records.incidents(site, start_ms, end_ms) if sees_links else []
    rooms = {one.id: one.name for one in records.rooms(site)}
    boards = {one.id: one.name or one.id for one in records.boards(site)}
    placed = {
        one.board: rooms.get(one.room, one.room)
        for one in records.placements(site, context.now())
        if one.room
    }
    sees_findings = may(person, LIVE, site)
    doubts = context.live.doubts(site) if sees_findings else []
    return show(
        request,
        context,
        "connectivity.html",
        person,
        site=school,
        done=None,
        days=days,
        sees_links=sees_links,
        sees_findings=sees_findings,
        incidents=incident_lines(reversed(found[-SHOWN:]), placed, boards, now_ms(context)),
        count=len(found),
        shown=SHOWN,
        findings=finding_lines(doubts[:SHOWN], rooms),
        now_ms=now_ms(context),
        zone=ZoneInfo(school.tz),
    )
