"""The live room board as a value: what each tile says, grouped by building. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from campus.calendar.school import SchoolCalendar
from campus.live import BoardState, RoomState
from campus.records.entities import Board, Building, Room, Site

OCCUPIED, VACANT, UNKNOWN = "occupied", "vacant", "unknown"
STALE_MS = 5 * 60_000  # live state is renewed every minute
AWAY = ("lost", "offline")


@dataclass(frozen=True, slots=True)
class Tile:
    """One room now. `lessons` are today's, as (start_ms, end_ms, text); `boards` those placed in it."""

    id: str
    name: str
    room_type: str
    floor: int | None
    state: str
    since_ms: int | None
    updated_at_ms: int | None
    stale: bool
    co2_ppm: float | None
    temperature_c: float | None
    lessons: list[tuple[int, int, str]]
    lesson: str | None
    boards: list[str]
    lost: bool


@dataclass(frozen=True, slots=True)
class Group:
    name: str | None  # None: rooms without a building
    tiles: list[Tile]


@dataclass(frozen=True, slots=True)
class BoardView:
    site: Site
    groups: list[Group]
    counts: dict[str, int]
    unassigned: list[Board]
    progress: list[dict[str, Any]]
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """Everything the board shows, as the stores gave it. `placed` is board -> room."""

    site: Site
    buildings: Sequence[Building]
    rooms: Sequence[Room]
    room_types: Mapping[str, Any]
    calendar: SchoolCalendar
    states: Iterable[RoomState]
    boards: Iterable[BoardState]
    placed: Mapping[str, str]
    unassigned: Sequence[Board] = ()
    progress: Sequence[dict[str, Any]] = field(default_factory=list)
    now: datetime


def board(now: Now) -> BoardView:
    """The board, its groups in the order of the rooms."""
    states = {state.room: state for state in now.states}
    away = {state.board for state in now.boards if state.availability in AWAY}
    placed: dict[str, list[str]] = {}
    for name, place in now.placed.items():
        placed.setdefault(place, []).append(name)
    names = {building.id: building.name for building in now.buildings}
    groups: dict[str | None, list[Tile]] = {}
    for room in now.rooms:
        groups.setdefault(room.building, []).append(
            tile(now, room, states.get(room.id), placed.get(room.id, []), away)
        )
    tiles = [one for group in groups.values() for one in group]
    return BoardView(
        site=now.site,
        groups=[Group(names.get(id, id) if id else None, tiles) for id, tiles in groups.items()],
        counts={
            **{state: sum(one.state == state for one in tiles) for state in (OCCUPIED, VACANT, UNKNOWN)},
            "lost": sum(one.lost for one in tiles),
        },
        unassigned=list(now.unassigned),
        progress=[one for one in now.progress if one["done"] < one["total"]],
        now_ms=int(now.now.timestamp() * 1000),
    )


def tile(now: Now, room: Room, state: RoomState | None, boards: list[str], away: set[str]) -> Tile:
    """One room's tile."""
    now_ms = int(now.now.timestamp() * 1000)
    lessons = lessons_of(now.calendar, room.id, now.now.astimezone(ZoneInfo(now.site.tz)).date())
    presence = state.presence if state else None
    values = state.values if state else {}
    return Tile(
        id=room.id,
        name=room.name,
        room_type=room.room_type,
        floor=room.floor,
        state=UNKNOWN if presence is None else OCCUPIED if presence else VACANT,
        since_ms=state.since_ms if state else None,
        updated_at_ms=state.updated_at_ms if state else None,
        stale=state is not None and now_ms - state.updated_at_ms > STALE_MS,
        co2_ppm=values.get("co2_ppm"),
        temperature_c=values.get("temperature_c"),
        lessons=lessons,
        lesson=next((text for start, end, text in lessons if start <= now_ms < end), None),
        boards=sorted(boards),
        lost=any(name in away for name in boards),
    )


def lessons_of(calendar: SchoolCalendar, room: str, day: date) -> list[tuple[int, int, str]]:
    """A day's lessons in a room, as (start_ms, end_ms, "9A · Toán")."""
    planned = calendar.scheduled(room, day)
    if not planned:
        return []
    return [
        (int(slot.start.timestamp() * 1000), int(slot.end.timestamp() * 1000), lesson_text(lesson))
        for slot in calendar.slots(day)
        if slot.session is not None and slot.period is not None
        if (lesson := planned.get((slot.session, slot.period))) is not None
    ]


def lesson_text(lesson: Any) -> str:
    return f"{lesson.school_class} · {lesson.subject}"
