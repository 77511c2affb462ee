"""The indicators of a scope over a range of local dates: which sums it takes, from the records to the values."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from campus.errors import NotFound, UsageError
from campus.indicators import Indicator
from campus.indicators.computing import compute, cost, every
from campus.indicators.definition import EQUIPMENT, LINK, RECORD, ROOM, UPKEEP
from campus.indicators.definitions import DEFINITIONS
from campus.indicators.ghosts import GhostSlot
from campus.indicators.ghosts import ghosts as ghost_slots
from campus.indicators.privacy import may_show
from campus.indicators.reasons import WITHHELD, sentence
from campus.indicators.records import RecordCounts
from campus.indicators.sums import EquipmentSums, LinkSums, RoomSums
from campus.indicators.tariff import Priced, periods
from campus.indicators.unused import never_used
from campus.indicators.upkeep import UpkeepSums
from campus.inference import BOARD
from campus.inference import EQUIPMENT as OF_PIECE
from campus.inference import ROOM as OF_ROOM
from campus.inference.equipment_kinds import power_class
from campus.records.entities import Equipment, Room
from campus.records.facade import Records
from campus.records.sums import month_of, next_month

SITE, BUILDING, ROOM_TYPE, ONE_ROOM, SUBJECT_GROUP = "site", "building", "room-type", "room", "subject-group"
EQUIPMENT_KIND, PIECE, ONE_BOARD = "equipment-kind", "equipment", "board"
SCOPES = (SITE, BUILDING, ROOM_TYPE, ONE_ROOM, SUBJECT_GROUP, EQUIPMENT_KIND, PIECE, ONE_BOARD)
RECORDED = (SITE, BUILDING, ROOM_TYPE, ONE_ROOM, EQUIPMENT_KIND)
"""Scopes that have a completeness of records: as it is now, whatever the range."""
GHOST_WEEKS = 12
USE = ("periods", "periods_measured", "periods_used")
PRICED = tuple(one.id for one in DEFINITIONS.values() if one.priced)
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
    records: Records,
    scope: Scope,
    start: date,
    end: date,
    now: datetime,
    *,
    facilities: bool = True,
    ids: Collection[str] | None = None,
) -> Figures:
    """Every indicator that has a meaning for the scope, or those of `ids`, in the order of the reference page.

    Where a room's type is no teaching room (`in_frequency_rate`), it counts only by itself. Equipment belongs to the
    room in its record. `facilities`: the reader may see what tells about single teachers; else those values are
    withheld, see `indicators.privacy`. Raises NotFound for a scope that is not in the records, UsageError for a kind
    or an id that is none.
    """
    wanted = set(DEFINITIONS if ids is None else ids)
    if unknown := sorted(wanted - DEFINITIONS.keys()):
        raise UsageError(f"'{unknown[0]}' is no indicator; use one of {', '.join(DEFINITIONS)}.")
    chosen = _choose(records, scope)
    version = records.calendar(scope.site).version
    provisional = not _closed(records, scope.site, start, end)
    group = scope.id or "" if scope.kind == SUBJECT_GROUP else ""
    made: list[Indicator] = []
    ghosts: list[GhostSlot] = []
    unused: list[str] = []

    def some(names: Iterable[str]) -> list[str]:
        return [name for name in names if name in wanted]

    def add(sums: RoomSums | EquipmentSums | LinkSums, names: Iterable[str]) -> None:
        made.extend(compute(sums, names, version, now, provisional=provisional))

    rooms = [room.id for room in chosen.rooms]
    everything = scope.kind in (SITE, SUBJECT_GROUP)
    if rooms and (names := some(every(ROOM))):
        of = None if scope.kind == SUBJECT_GROUP else rooms
        add(records.total(RoomSums, OF_ROOM, scope.site, start, end, of, group), names)
    if rooms and scope.kind != SUBJECT_GROUP and some(["ghost_slots"]):
        since = date.fromordinal(end.toordinal() - 7 * GHOST_WEEKS)
        days = records.lesson_days(scope.site, since, end, rooms)
        counted, ghosts = ghost_slots(days, version, now, provisional=provisional)
        made.append(counted)
    pieces = [piece.id for piece in chosen.pieces]
    names, priced = some(every(EQUIPMENT)), some(PRICED)
    if pieces and (names or priced or some(["never_used"])):
        if names or priced:
            of = None if everything else pieces
            whole = records.total(EquipmentSums, OF_PIECE, scope.site, start, end, of, group)
            add(whole, names)
            parts = _priced(records, scope.site, start, end, of, group, whole) if priced else []
            made += [cost(parts, name, version, now, provisional=provisional) for name in priced]
        if not group and some(["never_used"]):
            switched = [piece.id for piece in chosen.pieces if not power_class(piece.kind).always_on]
            of_pieces = records.equipment_sums(scope.site, start, end, switched, fields=USE)
            known = {id: of_pieces.get(id, EquipmentSums()) for id in switched}
            counted, unused = never_used(known, version, now, provisional=provisional)
            made.append(counted)
    if pieces and not group and (names := some(every(UPKEEP))):
        held = records.upkeep_sums(scope.site, start, end, pieces)
        made += compute(UpkeepSums.total(held.values()), names, version, now, provisional=provisional)
    if scope.kind in RECORDED and (names := some(every(RECORD))):
        made += compute(_recorded(records, scope), names, version, now, provisional=provisional)
    if chosen.boards and (names := some([OF_BOARDS, *(id for id in every(LINK) if id != OF_ROOMS)])):
        boards = None if everything else chosen.boards
        add(records.total(LinkSums, BOARD, scope.site, start, end, boards), dict.fromkeys(names))
    if rooms and not group and some([OF_ROOMS]):
        add(records.total(LinkSums, OF_ROOM, scope.site, start, end, rooms), [OF_ROOMS])

    if not facilities:
        made, ghosts = _for_others(records, scope, chosen.rooms, start, end, made), []
    place = {id: n for n, id in enumerate(DEFINITIONS)}
    return Figures(scope, start, end, sorted(made, key=lambda one: place[one.id]), ghosts, unused)


def signed_figures(records: Records, site: str, month: date, *, facilities: bool = True) -> list[Indicator]:
    """The site's indicators of rooms and equipment of a month as they were when it was closed.

    As of that time, with the calendar of that time; costs and lists, which need more than sums, are not among them.
    `facilities` as of `figures`. Raises NotFound for a month that is not closed.
    """
    start = month_of(month)
    closed = next((one for one in records.closed_months(site) if one.start == start), None)
    if closed is None:
        raise NotFound(f"{start:%Y-%m} of '{site}' is not closed; its figures are still provisional.")
    scope = Scope(site)
    chosen, rooms = _choose(records, scope), records.closed_room_sums(site, start)
    of_rooms = RoomSums.total(rooms[room.id] for room in chosen.rooms if room.id in rooms)
    of_pieces = EquipmentSums.total(records.closed_equipment_sums(site, start).values())
    told = (closed.calendar_version, closed.closed_at)
    made = compute(of_rooms, every(ROOM), *told, provisional=False)
    made += compute(of_pieces, every(EQUIPMENT), *told, provisional=False)
    return made if facilities else _for_others(records, scope, chosen.rooms, start, next_month(start), made)


def _for_others(
    records: Records, scope: Scope, rooms: Sequence[Room], start: date, end: date, made: Iterable[Indicator]
) -> list[Indicator]:
    """What readers may see who may not see single periods."""
    teachers = _teachers(records, scope, rooms, start, end)
    return [
        replace(one, counts={})
        if may_show(DEFINITIONS[one.id], facilities=False, start=start, end=end, teachers=teachers)
        else _withheld(one)
        for one in made
    ]


def _priced(
    records: Records,
    site: str,
    start: date,
    end: date,
    pieces: Sequence[str] | None,
    group: str,
    whole: EquipmentSums,
) -> list[Priced]:
    """The range by price; its last part is what the others leave of the whole."""
    *first, last = periods(records.tariffs(site), start, end) or [(start, end, None)]
    parts = [
        Priced(since, price, records.total(EquipmentSums, OF_PIECE, site, since, until, pieces, group))
        for since, until, price in first
    ]
    others = EquipmentSums.total(part.sums for part in parts)
    rest = (a - b for a, b in zip(whole.values(), others.values(), strict=True)) if parts else whole.values()
    return [*parts, Priced(last[0], last[2], EquipmentSums(*rest))]


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
    site, id, kind = scope.site, scope.id, scope.kind
    if kind == ONE_BOARD:
        _known(id, _boards(records, site), "board", site)
        return _Chosen(boards=[id or ""])
    pieces = records.equipment(site)
    if kind == EQUIPMENT_KIND:
        _known(id, [piece.kind for piece in pieces], "equipment of the kind", site)
        return _Chosen(pieces=[piece for piece in pieces if piece.kind == id])
    if kind == PIECE:
        _known(id, [piece.id for piece in pieces], "equipment", site)
        return _Chosen(pieces=[piece for piece in pieces if piece.id == id])
    if kind == ONE_ROOM:
        one = records.room(site, id or "")
        return _Chosen([one], _in(pieces, {one.id}))
    rooms = records.rooms(site)
    if kind == SUBJECT_GROUP:
        _known(id, [one.id for one in records.subject_groups(site)], "subject group", site)
        return _Chosen(rooms, pieces)
    types = records.room_types()
    if kind == ROOM_TYPE:
        _known(id, [one.id for one in types], "room type", site)
        of_type = [room for room in rooms if room.room_type == id]
        return _Chosen(of_type, _in(pieces, {room.id for room in of_type}))
    taught = {one.id for one in types if one.in_frequency_rate}
    teaching = [room for room in rooms if room.room_type in taught]
    if kind == BUILDING:
        _known(id, [one.id for one in records.buildings(site)], "building", site)
        inside = {room.id for room in rooms if room.building == id}
        return _Chosen([room for room in teaching if room.id in inside], _in(pieces, inside))
    return _Chosen(teaching, pieces, _boards(records, site))


def _recorded(records: Records, scope: Scope) -> RecordCounts:
    """Every room counts, also one that is no teaching room."""
    found = records.completeness(scope.site)
    if scope.kind == SITE:
        return found.total
    if scope.kind == EQUIPMENT_KIND:
        return found.kinds.get(scope.id or "", RecordCounts())
    if scope.kind == ONE_ROOM:
        return found.rooms.get(scope.id, RecordCounts())
    of = {BUILDING: "building", ROOM_TYPE: "room_type"}[scope.kind]
    inside = {room.id for room in records.rooms(scope.site) if getattr(room, of) == scope.id}
    return RecordCounts.total(counts for room, counts in found.rooms.items() if room in inside)


def _boards(records: Records, site: str) -> list[str]:
    return records.board_ids(site)


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
