"""Pages of boards: place those that wait, move and take out those that are placed, say what their channels meter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from api.context import Context, ContextDep, Id, SiteId, now_ms
from api.manage_pages_forms import DoneDep, TextsDep, attempt, gone_on, of_record, sent, versioned
from api.page_frame import ReaderDep, show, words_of
from api.rights import PLACE_BOARDS, PLACES, may, require
from campus.records.entities import Board, Person, Room, Site
from dashboards.web.forms import CHOICE, LONG, Field, Form
from dashboards.web.words import Words

router = APIRouter(prefix="/sites/{site}/boards", include_in_schema=False)

OPEN_FORMS = 12
"""Boards that wait, whose rooms to choose from stand on the list itself; the others have them on their own pages."""
_Board = Annotated[Id, Path()]
_NAMES = (
    Field("name", "field.board_name", hint="hint.board_name"),
    Field("note", "field.note", LONG, longest=500),
)


@dataclass(frozen=True, slots=True)
class _Placed:
    """Where the boards of a site are now: board -> room, and (board, channel) -> equipment."""

    rooms: Mapping[str, str]
    channels: Mapping[tuple[str, int], str]


@router.get("")
def boards(request: Request, context: ContextDep, person: ReaderDep, site: SiteId, done: DoneDep) -> Response:
    """The boards that wait for a room first, then those that have one, by room."""
    require(person, PLACES, site)
    records, school = context.records, context.records.site(site)
    placed, found = _placed(context, site), records.boards(site)
    rooms = records.rooms(site)
    order = {one.id: number for number, one in enumerate(rooms)}
    waiting = sorted(
        (one for one in found if one.id not in placed.rooms),
        key=lambda one: (one.last_seen is None, -(one.last_seen.timestamp() if one.last_seen else 0), one.id),
    )
    return show(
        request,
        context,
        "boards.html",
        person,
        site=school,
        done=done,
        waiting=waiting,
        placed=sorted(
            (one for one in found if one.id in placed.rooms),
            key=lambda one: (order.get(placed.rooms[one.id], 0), one.id),
        ),
        rooms_of=placed.rooms,
        names={one.id: one.name for one in rooms},
        choices=_choices(rooms, placed),
        open_forms=OPEN_FORMS,
        now_ms=now_ms(context),
        zone=ZoneInfo(school.tz),
        edits=may(person, PLACE_BOARDS, site),
    )


@router.get("/{board}")
def board(
    request: Request, context: ContextDep, person: ReaderDep, site: SiteId, board: _Board, done: DoneDep
) -> Response:
    """One board: where it is, what its channels meter, what it is called."""
    require(person, PLACES, site)
    found = context.records.board(site, board)
    return _page(request, context, person, context.records.site(site), found, done=done)


@router.post("/{board}/place")
def place(
    request: Request, context: ContextDep, person: ReaderDep, texts: TextsDep, site: SiteId, board: _Board
) -> Response:
    """Place a board in a room from now on; without a room, take it out of the one it is in."""
    require(person, PLACE_BOARDS, site)
    records, school = context.records, context.records.site(site)
    found, words = records.board(site, board), words_of(request, context, person)
    room = texts.get("room", "").strip() or None
    _, form = sent(words, (), texts)
    form = versioned(words, form, found.version)
    if room is None and "out" not in texts and not form.problem:
        form = Form((), texts, problem=words("boards.choose_room"), version=found.version)
    _, form, status = attempt(
        words,
        form,
        lambda: records.place_board(site, board, room, None, person.name, None, form.version),
        lambda: records.board(site, board),
    )
    if status != 200:
        return _page(
            request, context, person, school, records.board(site, board), placing=form, status=status
        )
    return gone_on(f"/sites/{site}/boards", "placed" if room else "taken")


@router.post("/{board}/channels")
def meter(
    request: Request, context: ContextDep, person: ReaderDep, texts: TextsDep, site: SiteId, board: _Board
) -> Response:
    """Say which piece of equipment each channel of a placed board meters, from now on."""
    require(person, PLACE_BOARDS, site)
    records, school = context.records, context.records.site(site)
    found, words = records.board(site, board), words_of(request, context, person)
    placed = _placed(context, site)
    fields = _channel_fields(words, context, site, found, placed)
    values, form = sent(words, fields, texts)
    form = versioned(words, form, found.version)
    channels = {int(name.removeprefix("channel-")): id for name, id in values.items() if id}
    _, form, status = attempt(
        words,
        form,
        lambda: records.place_board(
            site, board, placed.rooms.get(board), None, person.name, channels, form.version
        ),
        lambda: _Metered(records.board(site, board).version, _placed(context, site), board),
    )
    if status != 200:
        return _page(
            request, context, person, school, records.board(site, board), metering=form, status=status
        )
    return gone_on(f"/sites/{site}/boards/{board}", "changed")


@router.post("/{board}")
def name(
    request: Request, context: ContextDep, person: ReaderDep, texts: TextsDep, site: SiteId, board: _Board
) -> Response:
    """Give a board a name and a note."""
    require(person, PLACE_BOARDS, site)
    records, school = context.records, context.records.site(site)
    found, words = records.board(site, board), words_of(request, context, person)
    values, form = sent(words, _NAMES, texts)
    form = versioned(words, form, found.version)
    _, form, status = attempt(
        words,
        form,
        lambda: records.change_board(site, board, values, person.name, form.version),
        lambda: records.board(site, board),
    )
    if status != 200:
        return _page(request, context, person, school, records.board(site, board), naming=form, status=status)
    return gone_on(f"/sites/{site}/boards/{board}", "changed")


class _Metered:
    """The channels of a board as a record: `channel-1` is the piece it meters."""

    def __init__(self, version: int, placed: _Placed, board: str) -> None:
        self.version = version
        for (of, channel), equipment in placed.channels.items():
            if of == board:
                setattr(self, f"channel-{channel}", equipment)


def _placed(context: Context, site: str) -> _Placed:
    now = context.records.placements(site, context.now())
    return _Placed(
        {one.board: one.room for one in now if one.room},
        {(one.board, one.channel): one.equipment for one in now if one.equipment and one.channel is not None},
    )


def _choices(rooms: Sequence[Room], placed: _Placed) -> list[tuple[str, str, bool]]:
    """(id, name, whether a board is in it) of rooms; those without one first."""
    taken = set(placed.rooms.values())
    return sorted(((one.id, one.name, one.id in taken) for one in rooms), key=lambda one: one[2])


def _channel_fields(
    words: Words, context: Context, site: str, board: Board, placed: _Placed
) -> Sequence[Field]:
    """One for each channel that the board measures, or that something is said of."""
    told = (point.partition(".")[2] for point in board.points)
    channels = {int(channel) for channel in told if channel.isdecimal()}
    channels |= {channel for of, channel in placed.channels if of == board.id}
    room = placed.rooms.get(board.id)
    pieces = sorted(context.records.equipment(site), key=lambda one: (one.room != room, one.name, one.id))
    choices = [(one.id, one.name if one.name == one.id else f"{one.name} ({one.id})") for one in pieces]
    return [
        Field(f"channel-{channel}", "field.channel", CHOICE, choices=choices, number=channel)
        for channel in sorted(channels)
    ]


def _page(
    request: Request,
    context: Context,
    person: Person,
    school: Site,
    board: Board,
    *,
    placing: Form | None = None,
    metering: Form | None = None,
    naming: Form | None = None,
    done: str | None = None,
    status: int = 200,
) -> Response:
    words, placed = words_of(request, context, person), _placed(context, school.id)
    rooms = context.records.rooms(school.id)
    if metering is None:
        fields = _channel_fields(words, context, school.id, board, placed)
        metering = of_record(words, fields, _Metered(board.version, placed, board.id))
    values: dict[str, Any] = {
        "placing": placing or Form((), {}, version=board.version),
        "metering": metering,
        "naming": naming or of_record(words, _NAMES, board),
    }
    return show(
        request,
        context,
        "board_form.html",
        person,
        status,
        site=school,
        board=board,
        room=placed.rooms.get(board.id),
        names={one.id: one.name for one in rooms},
        choices=_choices(rooms, placed),
        done=done,
        now_ms=now_ms(context),
        zone=ZoneInfo(school.tz),
        edits=may(person, PLACE_BOARDS, school.id),
        **values,
    )
