"""The indicators of a scope over a range of local dates: which sums it takes, from the records to the values."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial

from campus.calendar.months import month_of, months, next_month
from campus.errors import NotFound, UsageError
from campus.indicators import Indicator
from campus.indicators.computing import compute, cost, every
from campus.indicators.definition import EQUIPMENT, LINK, RECORD, ROOM, UPKEEP
from campus.indicators.definitions import DEFINITIONS
from campus.indicators.ghosts import GhostSlot, LessonDay
from campus.indicators.ghosts import ghosts as ghost_slots
from campus.indicators.privacy import may_show
from campus.indicators.reasons import WITHHELD, sentence
from campus.indicators.sums import EquipmentSums, LinkSums, RoomSums
from campus.indicators.tariff import Priced, Tariff, periods
from campus.indicators.unused import never_used
from campus.indicators.upkeep import UpkeepSums
from campus.inference import BOARD
from campus.inference import EQUIPMENT as OF_PIECE
from campus.inference import ROOM as OF_ROOM
from campus.inference.equipment_kinds import power_class
from campus.records.entities import Room
from campus.records.facade import Records
from campus.records.figure_scopes import RECORDED, SUBJECT_GROUP, Scope, choose, recorded
from campus.records.remembered import Keeping, cut
from campus.records.sums import Sums

GHOST_WEEKS = 12
FEW = 20  # rooms: of more, the lesson days of all are read and the others left out
USE = ("periods", "periods_measured", "periods_used")
PRICED = tuple(one.id for one in DEFINITIONS.values() if one.priced)
OF_BOARDS, OF_ROOMS = "board_connectivity", "room_connectivity"


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
    withheld, see `indicators.privacy`. All of it is of one moment. Raises NotFound for a scope that is not in the
    records, UsageError for a kind or an id that is none.
    """
    with records.moment():
        return _figures(records, scope, start, end, now, facilities, ids)


def _figures(
    records: Records,
    scope: Scope,
    start: date,
    end: date,
    now: datetime,
    facilities: bool,
    ids: Collection[str] | None,
) -> Figures:
    wanted = set(DEFINITIONS if ids is None else ids)
    if unknown := sorted(wanted - DEFINITIONS.keys()):
        raise UsageError(f"'{unknown[0]}' is no indicator; use one of {', '.join(DEFINITIONS)}.")
    chosen = choose(records, scope)
    version = records.calendar(scope.site).version
    provisional = not _closed(records, scope.site, start, end)
    group = scope.id or "" if scope.kind == SUBJECT_GROUP else ""
    made: list[Indicator] = []
    ghosts: list[GhostSlot] = []
    unused: list[str] = []

    def some(names: Iterable[str]) -> list[str]:
        return [name for name in names if name in wanted]

    keep = records.remembering(scope.site)

    def total(
        kind: type[Sums], what: str, of: Sequence[str] | None, first: date = start, last: date = end
    ) -> Sums:
        key = (kind, what, None if of is None else tuple(of), group)
        return kind.total(
            keep(key, *span, partial(records.total, kind, what, scope.site, *span, of, group))
            for span in cut(first, last, now.date())
        )

    def add(sums: RoomSums | EquipmentSums | LinkSums, names: Iterable[str]) -> None:
        made.extend(compute(sums, names, version, now, provisional=provisional))

    rooms = [room.id for room in chosen.rooms]
    if rooms and (names := some(every(ROOM))):
        of = None if chosen.every_room else rooms
        add(total(RoomSums, OF_ROOM, of), names)
    if rooms and scope.kind != SUBJECT_GROUP and some(["ghost_slots"]):
        since = date.fromordinal(end.toordinal() - 7 * GHOST_WEEKS)
        counted, ghosts = keep(
            ("ghosts", tuple(rooms)),
            since,
            end,
            lambda: ghost_slots(_lesson_days(records, keep, scope.site, since, end, rooms), version, now),
        )
        made.append(replace(counted, calendar_version=version, computed_at=now, provisional=provisional))
    pieces = [piece.id for piece in chosen.pieces]
    names, priced = some(every(EQUIPMENT)), some(PRICED)
    if pieces and (names or priced or some(["never_used"])):
        if names or priced:
            of = None if chosen.everything else pieces
            whole = total(EquipmentSums, OF_PIECE, of)
            add(whole, names)
            tariffs = records.tariffs(scope.site) if priced else []
            parts = _priced(tariffs, start, end, whole, partial(total, EquipmentSums, OF_PIECE, of))
            made += [cost(parts, name, version, now, provisional=provisional) for name in priced]
        if not group and some(["never_used"]):
            always_on = {
                kind for kind in {piece.kind for piece in chosen.pieces} if power_class(kind).always_on
            }
            switched = [piece.id for piece in chosen.pieces if piece.kind not in always_on]
            uses = [
                keep(
                    ("use", tuple(switched)),
                    *span,
                    partial(records.equipment_sums, scope.site, *span, switched, fields=USE),
                )
                for span in cut(start, end, now.date())
            ]
            known = {id: _added([part[id] for part in uses if id in part]) for id in switched}
            counted, unused = never_used(known, version, now, provisional=provisional)
            made.append(counted)
    if pieces and not group and (names := some(every(UPKEEP))):
        held = records.upkeep_sums(scope.site, start, end, pieces)
        made += compute(UpkeepSums.total(held.values()), names, version, now, provisional=provisional)
    if scope.kind in RECORDED and (names := some(every(RECORD))):
        made += compute(recorded(records, scope), names, version, now, provisional=provisional)
    if chosen.boards and (names := some([OF_BOARDS, *(id for id in every(LINK) if id != OF_ROOMS)])):
        boards = None if chosen.everything else chosen.boards
        add(total(LinkSums, BOARD, boards), dict.fromkeys(names))
    if rooms and not group and some([OF_ROOMS]):
        add(total(LinkSums, OF_ROOM, rooms), [OF_ROOMS])

    if not facilities:
        made, ghosts = _for_others(records, scope, chosen.rooms, start, end, made), []
    place = {id: n for n, id in enumerate(DEFINITIONS)}
    return Figures(scope, start, end, sorted(made, key=lambda one: place[one.id]), [*ghosts], unused)


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
    chosen, rooms = choose(records, scope), records.closed_room_sums(site, start)
    of_rooms = RoomSums.total(rooms[room.id] for room in chosen.rooms if room.id in rooms)
    of_pieces = EquipmentSums.total(records.closed_equipment_sums(site, start).values())
    told = (closed.calendar_version, closed.closed_at)
    made = compute(of_rooms, every(ROOM), *told, provisional=False)
    made += compute(of_pieces, every(EQUIPMENT), *told, provisional=False)
    return made if facilities else _for_others(records, scope, chosen.rooms, start, next_month(start), made)


def _lesson_days(
    records: Records, keep: Keeping, site: str, start: date, end: date, rooms: Sequence[str]
) -> list[LessonDay]:
    """Month by month, as ranges have most of them in common; of many rooms those of all are kept once."""
    few = tuple(rooms) if len(rooms) <= FEW else None
    wanted, found = set(rooms), list[LessonDay]()
    for span in months(start, end):
        found += keep(("lessons", few), *span, partial(records.lesson_days, site, *span, few))
    return found if few else [day for day in found if day.room in wanted]


def _added(parts: Sequence[EquipmentSums]) -> EquipmentSums:
    """`EquipmentSums.total` of USE alone, for some hundred pieces."""
    return EquipmentSums(**{name: sum(getattr(part, name) for part in parts) for name in USE})


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
    tariffs: Sequence[Tariff],
    start: date,
    end: date,
    whole: EquipmentSums,
    total: Callable[[date, date], EquipmentSums],
) -> list[Priced]:
    """The range by price; its last part is what the others leave of the whole."""
    *first, last = periods(tariffs, start, end) or [(start, end, None)]
    parts = [Priced(since, price, total(since, until)) for since, until, price in first]
    others = EquipmentSums.total(part.sums for part in parts)
    rest = (a - b for a, b in zip(whole.values(), others.values(), strict=True)) if parts else whole.values()
    return [*parts, Priced(last[0], last[2], EquipmentSums(*rest))]


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
    return bool(closed) and all(month_of(first) in closed for first, _ in months(start, end))
