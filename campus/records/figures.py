"""The indicators of a scope over a range of local dates: which sums it takes, from the records to the values."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from campus.errors import NotFound, UsageError
from campus.indicators import Indicator
from campus.indicators.computing import compute, cost, every
from campus.indicators.definition import EQUIPMENT, LINK, ROOM
from campus.indicators.definitions import DEFINITIONS
from campus.indicators.ghosts import GhostSlot, ghost_slots
from campus.indicators.privacy import may_show
from campus.indicators.reasons import WITHHELD, sentence
from campus.indicators.sums import EquipmentSums, LinkSums, RoomSums
from campus.indicators.tariff import Priced, periods
from campus.indicators.unused import never_used
from campus.inference import BOARD
from campus.inference import ROOM as OF_ROOM
from campus.inference.equipment_kinds import power_class
from campus.records.entities import Equipment, Room
from campus.records.facade import Records
from campus.records.sums import month_of, next_month

SITE, BUILDING, ROOM_TYPE, ONE_ROOM, SUBJECT_GROUP = "site", "building", "room-type", "room", "subject-group"
EQUIPMENT_KIND, PIECE, ONE_BOARD = "equipment-kind", "equipment", "board"
SCOPES = (SITE, BUILDING, ROOM_TYPE, ONE_ROOM, SUBJECT_GROUP, EQUIPMENT_KIND, PIECE, ONE_BOARD)
GHOST_WEEKS = 12
OF_BOARDS, OF_ROOMS = "board_connectivity", "room_connectivity"


@dataclass(frozen=True, slots=True)
class Scope:
    """What figures are of: `kind` is one of SCOPES, `id` what of that kind; None for the whole site."""

    site: str
    kind: str = SITE
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """The indicators of one scope over [start, end), with the lists behind two of them."""

    scope: Scope
    start: date
    end: date
    indicators: list[Indicator]
    ghost_slots: list[GhostSlot]
    never_used: list[str]


def figures(
    records: Records, scope: Scope, start: date, end: date, now: datetime, *, facilities: bool = True
) -> Figures:
    """Every indicator that has a meaning for the scope, in the order of the reference page.

    Where a room's type is no teaching room (`in_frequency_rate`), it counts only by itself. Equipment belongs to the
    room in its record. `facilities`: the reader may see what tells about single teachers; else those values are
    withheld, see `indicators.privacy`. Raises NotFound for a scope that is not in the records, UsageError for a kind
    that is none.
    """
    chosen = _choose(records, scope)
    version = records.calendar(scope.site).version
    provisional = not _closed(records, scope.site, start, end)
    group = scope.id or "" if scope.kind == SUBJECT_GROUP else ""
    made: list[Indicator] = []
    ghosts: list[GhostSlot] = []
    unused: list[str] = []

    if chosen.rooms:
        rooms = [room.id for room in chosen.rooms]
        room_sums = records.room_sums(scope.site, start, end, rooms, group)
        made += compute(
            RoomSums.total(room_sums.values()), every(ROOM), version, now, provisional=provisional
        )
        if scope.kind != SUBJECT_GROUP:
            since = date.fromordinal(end.toordinal() - 7 * GHOST_WEEKS)
            facts = (fact for room in rooms for fact in records.facts(scope.site, room, since, end))
            counted, ghosts = ghost_slots(facts, version, now, provisional=provisional)
            made.append(counted)
    if chosen.pieces:
        pieces = [piece.id for piece in chosen.pieces]
        of_pieces = records.equipment_sums(scope.site, start, end, pieces, group)
        made += compute(
            EquipmentSums.total(of_pieces.values()), every(EQUIPMENT), version, now, provisional=provisional
        )
        priced = [
            Priced(
                first,
                price,
                EquipmentSums.total(records.equipment_sums(scope.site, first, last, pieces, group).values()),
            )
            for first, last, price in periods(records.tariffs(scope.site), start, end)
        ]
        for id in [one.id for one in DEFINITIONS.values() if one.priced]:
            made.append(cost(priced, id, version, now, provisional=provisional))
        if not group:
            switched = [piece.id for piece in chosen.pieces if not power_class(piece.kind).always_on]
            known = {id: of_pieces.get(id, EquipmentSums()) for id in switched}
            counted, unused = never_used(known, version, now, provisional=provisional)
            made.append(counted)
    links = [id for id in every(LINK) if id not in (OF_BOARDS, OF_ROOMS)]
    if chosen.boards:
        boards = records.link_sums(scope.site, BOARD, start, end, chosen.boards)
        made += compute(
            LinkSums.total(boards.values()), [OF_BOARDS, *links], version, now, provisional=provisional
        )
    if chosen.rooms and not group:
        linked = records.link_sums(scope.site, OF_ROOM, start, end, [room.id for room in chosen.rooms])
        made += compute(LinkSums.total(linked.values()), [OF_ROOMS], version, now, provisional=provisional)

    teachers = _teachers(records, scope, chosen.rooms, start, end)
    shown = [
        one
        if may_show(DEFINITIONS[one.id], facilities=facilities, start=start, end=end, teachers=teachers)
        else _withheld(one)
        for one in made
    ]
    if not facilities:
        shown, ghosts = [replace(one, counts={}) for one in shown], []
    place = {id: n for n, id in enumerate(DEFINITIONS)}
    shown.sort(key=lambda one: place[one.id])
    return Figures(scope, start, end, shown, ghosts, unused)


@dataclass(frozen=True, slots=True)
class _Chosen:
    rooms: Sequence[Room] = ()
    pieces: Sequence[Equipment] = ()
    boards: Sequence[str] = ()


def _choose(records: Records, scope: Scope) -> _Chosen:
    if scope.kind not in SCOPES:
        raise UsageError(f"'{scope.kind}' is no scope; use one of {', '.join(SCOPES)}.")
    if (scope.id is None) != (scope.kind == SITE):
        raise UsageError(
            "The whole site takes no id." if scope.kind == SITE else f"Name the {scope.kind} by its id."
        )
    site, id = scope.site, scope.id
    rooms, pieces = records.rooms(site), records.equipment(site)
    boards = sorted({board.id for board in records.boards(site)})
    taught = {kind.id for kind in records.room_types() if kind.in_frequency_rate}
    teaching = [room for room in rooms if room.room_type in taught]
    match scope.kind:
        case "site":
            return _Chosen(teaching, pieces, boards)
        case "building":
            _known(id, [one.id for one in records.buildings(site)], "building", site)
            inside = {room.id for room in rooms if room.building == id}
            return _Chosen([room for room in teaching if room.id in inside], _in(pieces, inside))
        case "room-type":
            _known(id, [one.id for one in records.room_types()], "room type", site)
            of_type = [room for room in rooms if room.room_type == id]
            return _Chosen(of_type, _in(pieces, {room.id for room in of_type}))
        case "room":
            one = records.room(site, id or "")
            return _Chosen([one], _in(pieces, {one.id}))
        case "subject-group":
            _known(id, [one.id for one in records.subject_groups(site)], "subject group", site)
            return _Chosen(rooms, pieces)
        case "equipment-kind":
            _known(id, [piece.kind for piece in pieces], "equipment of the kind", site)
            return _Chosen(pieces=[piece for piece in pieces if piece.kind == id])
        case "equipment":
            _known(id, [piece.id for piece in pieces], "equipment", site)
            return _Chosen(pieces=[piece for piece in pieces if piece.id == id])
    _known(id, boards, "board", site)
    return _Chosen(boards=[id or ""])


def _known(id: str | None, ids: Iterable[str], what: str, site: str) -> None:
    if id not in set(ids):
        raise NotFound(f"There is no {what} '{id}' in site '{site}'.")


def _in(pieces: Iterable[Equipment], rooms: set[str]) -> list[Equipment]:
    return [piece for piece in pieces if piece.room in rooms]


def _teachers(records: Records, scope: Scope, rooms: Sequence[Room], start: date, end: date) -> int | None:
    """How many teachers' lessons are behind it; None where a lesson does not say whose it is."""
    of_rooms = {room.id for room in rooms}
    lessons = [
        lesson
        for lesson in records.calendar(scope.site).lessons
        if lesson.room in of_rooms
        and lesson.valid_from < end
        and (lesson.valid_to is None or start < lesson.valid_to)
        and (scope.kind != SUBJECT_GROUP or lesson.subject_group == scope.id)
    ]
    named = {lesson.teacher for lesson in lessons}
    return None if None in named else len(named)


def _withheld(one: Indicator) -> Indicator:
    return replace(
        one,
        value=None,
        reason=sentence(WITHHELD, {}),
        reason_code=WITHHELD,
        reason_values={},
        numerator=0.0,
        denominator=0.0,
        coverage=None,
        counts={},
    )


def _closed(records: Records, site: str, start: date, end: date) -> bool:
    """Whether every month that the range touches is closed."""
    closed = {month.start for month in records.closed_months(site)}
    month = month_of(start)
    while month < end:
        if month not in closed:
            return False
        month = next_month(month)
    return bool(closed)
