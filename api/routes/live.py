"""What is true now: a snapshot, and the stream of what changes."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from api.context import ContextDep, Id, now_ms
from api.live_models import LiveOut
from api.problems import ProblemError
from api.rights import LIVE, sites_of, somewhere
from api.security import PersonDep, has, identify
from api.streams import Streams
from campus.live import Change

router = APIRouter(prefix="/live", tags=["live"], dependencies=[Depends(has(LIVE))])

OneSite = Annotated[Id | None, Query(examples=["demo"], description="Only this site")]

_EVENTS = """retry: 3000

event: room
data: {"site":"demo","room":"a101","presence":true,"since_ms":1795392060000,"motion_at_ms":null,\
"updated_at_ms":1795394640000,"values":{"co2_ppm":812.0}}

: heartbeat
event: beat
data: {"at_ms":1795394650000}

"""


@router.get("", response_model=LiveOut)
def live_state(context: ContextDep, person: PersonDep, site: OneSite = None) -> Any:
    """The newest state of every room and board that you may see, and the progress of long work."""
    granted = sites_of(person, LIVE)
    return {
        "at_ms": now_ms(context),
        "rooms": [one for one in context.live.rooms(site) if granted is None or one.site in granted],
        "boards": [one for one in context.live.boards(site) if granted is None or one.site in granted],
        "progress": context.live.progress() if granted is None else [],
    }


@router.get(
    "/events",
    response_class=Response,
    responses={200: {"content": {"text/event-stream": {"example": _EVENTS}}}},
)
async def live_events(
    request: Request, context: ContextDep, person: PersonDep, site: OneSite = None
) -> Response:
    """Server-sent events: `room`, `board` and `progress` carry the new state; `beat` comes at least every 15 s.

    After `reset` (this reader was too slow, or a room is gone) and after every reconnection, read the snapshot again.
    The stream is open before its first event, so a snapshot read after it opened misses nothing.
    """
    streams: Streams = request.app.state.streams
    if streams.full:
        raise ProblemError(
            503, "Too many pages follow the live state. Close some and try again.", {"Retry-After": "30"}
        )

    granted = sites_of(person, LIVE)

    def wanted(change: Change) -> bool:
        of = change.body.get("site")
        if change.kind == "progress":
            return granted is None
        return site in (None, of) and (granted is None or of in granted)

    def still_allowed() -> bool:
        now = identify(request, context)
        return now is not None and somewhere(now, LIVE) and sites_of(now, LIVE) == granted

    return streams.response(wanted, still_allowed, lambda: now_ms(context))
