"""Workbooks beside the import of a timetable: the stored one, to bring it back, and empty ones to fill in."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.context import ContextDep, Day, SiteId
from api.page_frame import ReaderDep
from api.problems import ProblemError
from api.rights import TIMETABLE, require
from campus.calendar import SESSIONS
from campus.calendar.formats import FormatError, writing

router = APIRouter(prefix="/sites/{site}/timetable", include_in_schema=False)

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get("/file")
def stored(
    context: ContextDep,
    person: ReaderDep,
    site: SiteId,
    on: Annotated[Day, Query()],
    session: Annotated[str | None, Query(max_length=20)] = None,
) -> Response:
    """The stored timetable of a date as a workbook that brings it back when it is imported."""
    require(person, TIMETABLE, site)
    calendar = context.records.calendar(site)
    lessons = [one for one in calendar.lessons if session not in SESSIONS or one.session == session]
    what = writing.Exported(lessons, on, calendar.bells, calendar.terms, calendar.tz)
    try:
        content = writing.write(what, "xlsx")
    except FormatError as error:
        raise ProblemError(422, str(error)) from None
    return _workbook(content, f"tkb-{site}-{on}.xlsx")


@router.get("/template")
def template(person: ReaderDep, site: SiteId, grid: Annotated[bool, Query()] = False) -> Response:
    """An empty workbook in the shape that is read."""
    require(person, TIMETABLE, site)
    return _workbook(writing.template(grid), "tkb-bang.xlsx" if grid else "tkb-danh-sach.xlsx")


def _workbook(content: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    return Response(content, media_type=_XLSX, headers=headers)
