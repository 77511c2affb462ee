"""Readings: a bounded page of them as JSON, or a whole range as a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from api.context import Context, ContextDep, Day, Days, DaysDep, Id, SiteQuery, midnight_ms, now_ms
from api.exports import Bom, export, export_means
from api.listing import Listed, Listing, Page
from api.models import ReadingOut
from api.problems import ProblemError
from api.rates import EXPORT_TURN
from api.rights import PERIODS, sites_of
from api.security import PersonDep, has
from campus.records.entities import Person, Site
from campus.table_files import MEDIA
from campus.telemetry import QUALITY_NAMES, SeriesKey
from campus.telemetry.export import MAX_DAYS_OF_MEANS
from campus.wire.names import base, valid_point

router = APIRouter(prefix="/readings", tags=["readings"], dependencies=[Depends(has(PERIODS))])

MAX_DAYS_OF_JSON = 31
_DAY_MS = 86_400_000
_MAX_MS = 2**43  # the year 2248

Window = tuple[int, int]


READINGS = Listing(
    "readings",
    {"board": str, "point": str, "observed_at_ms": int},
    {"board": str},
    most=10_000,
    usual=1000,
    descends=False,
)


@router.get("", response_model=Listed[ReadingOut])
def readings(
    context: ContextDep,
    site: SiteQuery,
    days: DaysDep,
    page: Annotated[Page, Depends(READINGS.query)],
    board: Annotated[Id | None, Query(description="Of this board")] = None,
    room: Annotated[Id | None, Query(description="Of the boards in this room, while they were there")] = None,
    point: Annotated[
        str | None, Query(max_length=64, examples=["co2_ppm"], description="Only this point")
    ] = None,
) -> Any:
    """Readings of one board or room over [from, to), at most 31 days, by board, point and time.

    For more, take the export.
    """
    if (board is None) == (room is None):
        raise ProblemError(422, "Name either 'board' or 'room': readings are those of one of them.")
    if point is not None and not valid_point(point):
        raise ProblemError(422, "'point' is not a point; a point is named like co2_ppm or power_w.1.")
    found = context.records.site(site)
    windows = _windows(context, found, days.bounded(MAX_DAYS_OF_JSON), board, room)
    after: Any = None if page.after is None else page.after[1:]
    return READINGS.answer([*islice(_walk(context, site, windows, point, after), page.limit + 1)], page)


@dataclass(frozen=True, slots=True)
class Span:
    """What an export is of; None: no limit."""

    site: str | None
    board: str | None
    start_ms: int | None
    end_ms: int | None


def _span(
    context: ContextDep,
    person: PersonDep,
    site: Annotated[Id | None, Query(description="Only this site")] = None,
    board: Annotated[Id | None, Query(description="Only this board")] = None,
    start: Annotated[Day | None, Query(alias="from", description="First local date")] = None,
    end: Annotated[Day | None, Query(alias="to", description="Local date after the last")] = None,
    start_ms: Annotated[
        int | None, Query(ge=0, lt=_MAX_MS, description="In place of `from`: exact, Unix ms")
    ] = None,
    end_ms: Annotated[
        int | None, Query(ge=0, lt=_MAX_MS, description="In place of `to`: exact, Unix ms")
    ] = None,
) -> Span:
    if site is not None:
        context.records.site(site)
    elif sites_of(person, PERIODS) is not None:
        site = _only_site(context, person).id  # an export of everything is for those who may read everything
    if board is not None and not any(one.board == board for one in context.telemetry.series(site, board)):
        context.records.board(site or _only_site(context, person).id, board)  # known and silent, or NotFound
    if start is not None or end is not None:
        if start_ms is not None or end_ms is not None:
            raise ProblemError(
                422, "Give the range as dates (from, to) or exactly (start_ms, end_ms), not as both."
            )
        where = context.records.site(site) if site else _only_site(context, person)
        start_ms = None if start is None else midnight_ms(start, where)
        end_ms = None if end is None else midnight_ms(end, where)
        if start is not None and end is not None and end <= start:
            raise ProblemError(
                422, "'to' must be a later date than 'from': the range is half-open, [from, to)."
            )
    if start_ms is not None and end_ms is not None and end_ms <= start_ms:
        raise ProblemError(422, "'end_ms' must be later than 'start_ms': the range is half-open.")
    return Span(site, board, start_ms, end_ms)


@router.get(
    "/export",
    response_class=Response,
    dependencies=[EXPORT_TURN],
    responses={
        200: {
            "description": "The file, streamed",
            "content": {
                "text/csv": {
                    "example": "board,point,observed_at_ms,value,quality,received_at_ms\n"
                    "b-a101,co2_ppm,1795394640000,812.0,good,\n"
                },
                "application/vnd.apache.parquet": {},
                MEDIA["xlsx"]: {},
            },
        }
    },
)
def export_readings(
    context: ContextDep,
    span: Annotated[Span, Depends(_span)],
    format: Annotated[Literal["csv", "parquet", "xlsx"], Query(description="Kind of the file")] = "csv",
    bom: Bom = False,
) -> Response:
    """Readings by (board, point, observed_at_ms); `received_at_ms` only where the time is not plausible.

    In a sheet the times are dates, in UTC: `observed_at`, `received_at`; it holds at most 1,048,575 readings.
    """
    return export(context.telemetry, format, span.site, span.board, span.start_ms, span.end_ms, bom)


@router.get(
    "/means",
    response_class=Response,
    dependencies=[EXPORT_TURN],
    responses={
        200: {
            "description": "The file, streamed",
            "content": {
                "text/csv": {
                    "example": "board,point,start_ms,width_ms,count,mean,low,high,last\n"
                    "b-a101,co2_ppm,1795394700000,900000,15,812.4,799.0,830.0,805.0\n"
                }
            },
        }
    },
)
def means(context: ContextDep, span: Annotated[Span, Depends(_span)]) -> Response:
    """Means of the usable readings in each 15 minutes by (board, point, start_ms), at most 400 days of them.

    Without an end it is now, without a start 400 days before the end. Where only daily means are left, those;
    of a counter, `last` is what counts.
    """
    end_ms = now_ms(context) if span.end_ms is None else span.end_ms
    start_ms = end_ms - MAX_DAYS_OF_MEANS * _DAY_MS if span.start_ms is None else span.start_ms
    if end_ms - start_ms > MAX_DAYS_OF_MEANS * _DAY_MS:
        raise ProblemError(422, f"The range is longer than {MAX_DAYS_OF_MEANS} days; ask for it in parts.")
    return export_means(context.telemetry, span.site, span.board, start_ms, end_ms)


def _only_site(context: Context, person: Person) -> Site:
    granted = sites_of(person, PERIODS)
    sites = [one for one in context.records.sites() if granted is None or one.id in granted]
    if len(sites) != 1:
        raise ProblemError(422, "There is more than one site; name one with 'site'.")
    return sites[0]


def _windows(
    context: Context, site: Site, days: Days, board: str | None, room: str | None
) -> dict[str, list[Window]]:
    """Board to the windows of time wanted of it, ascending, within what the store holds."""
    start_ms, end_ms = days.ms(site)
    extent = context.telemetry.extent()
    if extent is None:
        return {}
    start_ms, end_ms = max(start_ms, extent[0]), min(end_ms, extent[1] + 1)
    if board is not None:
        if not context.telemetry.series(site.id, board):
            context.records.board(site.id, board)  # known and silent, or NotFound
        return {board: [(start_ms, end_ms)]}
    windows: dict[str, list[Window]] = {}
    for one in room_windows(context, site, str(room), start_ms, end_ms):
        windows.setdefault(one[0], []).append(one[1:])
    return windows


def room_windows(
    context: Context, site: Site, room: str, start_ms: int, end_ms: int
) -> list[tuple[str, int, int]]:
    """(board, start_ms, end_ms) of every placement in a room, clipped to [start_ms, end_ms)."""
    context.records.room(site.id, room)
    start, end = (datetime.fromtimestamp(ms / 1000, UTC) for ms in (start_ms, max(start_ms, end_ms)))
    clipped = []
    for one in context.records.room_boards(site.id, room, start, end):
        until = end_ms if one.valid_to is None else min(end_ms, int(one.valid_to.timestamp() * 1000))
        since = max(start_ms, int(one.valid_from.timestamp() * 1000))
        if since < until:
            clipped.append((one.board, since, until))
    return sorted(clipped)


def _walk(
    context: Context,
    site: str,
    windows: dict[str, list[Window]],
    point: str | None,
    after: tuple[str, str, int] | None,
) -> Iterator[dict[str, Any]]:
    """Readings in order, read a day at a time so that a page costs a page."""
    for board in sorted(windows):
        for key in context.telemetry.series(site, board):
            if point is not None and point not in (key.point, base(key.point)):
                continue
            if after is not None and (board, key.point) < after[:2]:
                continue
            since = after[2] + 1 if after is not None and (board, key.point) == after[:2] else 0
            yield from _of_series(context, key, windows[board], since)


def _of_series(
    context: Context, key: SeriesKey, windows: list[Window], since: int
) -> Iterator[dict[str, Any]]:
    for start_ms, end_ms in windows:
        for at in range(max(start_ms, since), end_ms, _DAY_MS):
            samples = context.telemetry.read([key], at, min(at + _DAY_MS, end_ms))[key]
            for observed_at_ms, value, quality in samples:
                yield {
                    "board": key.board,
                    "point": key.point,
                    "observed_at_ms": observed_at_ms,
                    "value": value,
                    "quality": QUALITY_NAMES[quality],
                }
