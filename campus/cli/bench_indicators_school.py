"""The school of `campus bench indicators`: a year of intervals, stretches and links as they are stored, and readings.

Its people come and go as those of the virtual school do; what runs and how the air is follows from them. The first room
has no past in the records: its readings come as messages.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from campus.calendar.months import months
from campus.indicators import CAUSES, LinkDay
from campus.inference import (
    BOARD,
    CO2,
    COUNTED,
    EQUIPMENT,
    FAIR,
    HIGH,
    OCCUPIED,
    OFF,
    ON,
    PEOPLE,
    POWER,
    ROOM,
    STANDBY,
    TEMPERATURE,
    UNKNOWN,
    VACANT,
    Interval,
    Stretch,
)
from campus.records.entities import Derivation
from campus.wire.telemetry import Telemetry, encode
from campus.wire.topics import board_topic
from simulator.people import MINUTES, day_people
from simulator.rooms import Room
from simulator.school import MINUTE_MS, School, midnight_ms

SITE = "bench"
BEGIN = date(2025, 9, 5)
KINDS = {
    "projector": 260.0,
    "display": 140.0,
    "computers": 900.0,
    "air-conditioner": 1100.0,
    "lighting": 120.0,
}
USED = 0.6  # of visits, by each piece of equipment
LEFT_ON = 0.05
DEAF = 0.01  # of room-days: the board is away for some hours
GHOSTS = 40  # one lesson in so many is in the timetable and never held
LESSON_MIN = 20
TARIFFS = ((date(2025, 1, 1), 2100.0), (date(2026, 1, 10), 2250.0))
ROWS = 60  # of a message
STATES = (OFF, STANDBY, ON)

Minutes = NDArray[Any]


@dataclass(frozen=True, eq=False)
class BenchSchool:
    """`rooms` have their past in the records, `spare` has not. `pieces`: room -> its equipment, by channel from 1."""

    school: School
    days: int
    pieces: dict[str, tuple[str, ...]]

    @classmethod
    def make(cls, rooms: int, pieces: int, days: int) -> "BenchSchool":
        """A spare room comes on top, with as much equipment as the others have."""
        school = School.make(seed=1, rooms=rooms + 1, today=BEGIN + timedelta(days=200), site=SITE)
        share = [pieces // rooms + (n < pieces % rooms) for n in range(rooms)]
        kinds = list(KINDS)
        return cls(
            school,
            days,
            {
                room.id: tuple(f"{room.id}-{kinds[n % len(kinds)]}-{n + 1}" for n in range(count))
                for room, count in zip(school.rooms, [max(share), *share], strict=True)
            },
        )

    @property
    def rooms(self) -> tuple[Room, ...]:
        return self.school.rooms[1:]

    @property
    def spare(self) -> Room:
        return self.school.rooms[0]

    @property
    def end(self) -> date:
        return BEGIN + timedelta(days=self.days)

    @property
    def open_days(self) -> int:
        return sum(self.school.is_open(BEGIN + timedelta(days=n)) for n in range(self.days))

    @cached_property
    def ghosts(self) -> frozenset[tuple[str, int, str, int]]:
        """Room, weekday, session and period of lessons to which nobody ever comes."""
        chosen = self.school.lessons[::GHOSTS]
        return frozenset((x.room, x.weekday, x.session, x.period) for x in chosen if x.room is not None)

    def inventory(self) -> dict[str, Any]:
        """The virtual school's, with this equipment and a teacher for each lesson."""
        told = self.school.inventory()
        boards = {room.id: room.board for room in self.school.rooms}
        told["placements"] = [one for one in told["placements"] if "room" in one]
        told["equipment"] = []
        for room, ids in self.pieces.items():
            for channel, id in enumerate(ids, 1):
                kind = id.removeprefix(f"{room}-").rpartition("-")[0]
                told["equipment"].append({"id": id, "name": id, "kind": kind, "room": room})
                told["placements"].append(
                    {
                        "board": boards[room],
                        "channel": channel,
                        "equipment": id,
                        "from": told["placements"][0]["from"],
                    }
                )
        for lesson in told["lessons"]:
            lesson["teacher"] = f"GV {lesson['school_class']}"
        return told

    def months(self) -> Iterator[list[Derivation]]:
        """What is stored of each room, month by month; without facts."""
        for first, last in months(BEGIN, self.end):
            dates = [first + timedelta(days=n) for n in range((last - first).days)]
            parts: dict[str, list[_RoomDay]] = {room.id: [] for room in self.rooms}
            for day in dates:
                people = day_people(self.school, day).people
                for room in self.rooms:
                    parts[room.id].append(_RoomDay(self, room, day, people[room.index].copy()))
            yield [self._derivation(room, first, last, parts[room.id]) for room in self.rooms]

    def _derivation(self, room: Room, first: date, last: date, days: Sequence["_RoomDay"]) -> Derivation:
        stretches: dict[tuple[str, str, str], list[Stretch]] = {}
        for day in days:
            for key, found in day.stretches().items():
                stretches.setdefault(key, []).extend(found)
        start_ms, end_ms = midnight_ms(first), midnight_ms(last)
        presence = [one for day in days for one in day.presence()]
        return Derivation(SITE, room.id, start_ms, end_ms, presence, (), (), end_ms, stretches)

    def links(self) -> Iterator[LinkDay]:
        """The connectivity of each board and room on the open days."""
        for day in (BEGIN + timedelta(days=n) for n in range(self.days)):
            if not self.school.is_open(day):
                continue
            rng = self.school.rng("links", day)
            for room in self.rooms:
                lost = float(rng.integers(1, 90)) if rng.random() < 0.1 else 0.0
                why = {str(rng.choice(CAUSES)): lost} if lost else {}
                for kind, id in ((BOARD, room.board), (ROOM, room.id)):
                    yield LinkDay(SITE, kind, id, day, 620.0, 620.0 - lost, why, int(lost > 0))

    def messages(self, day: date, per_minute: int) -> Iterator[tuple[str, bytes]]:
        """(topic, payload) of the spare room's board on a local date, so many samples a minute."""
        room, rng = self.spare, self.school.rng("readings", day, per_minute)
        of_day = _RoomDay(self, room, day, day_people(self.school, day).people[room.index].copy())
        there = of_day.people > 0
        codes = [of_day.codes(n) for n in range(len(self.pieces[room.id]))]
        watts = [list(KINDS.values())[n % len(KINDS)] for n in range(len(codes))]
        columns = ["motion", "co2_ppm", "temperature_c", *(f"power_w.{n + 1}" for n in range(len(codes)))]
        boot, step_ms = self.school.hex_id(16, "bench", day, per_minute), MINUTE_MS // per_minute
        rows: list[list[Any]] = []
        co2, start_ms = 420.0, midnight_ms(day)
        for number in range(MINUTES * per_minute):
            minute = number // per_minute
            co2 += ((12 if there[minute] else 0) - (co2 - 420) * 0.015) / per_minute
            power = [
                round(float(full * (0, 0.02, 1)[code[minute]] * rng.normal(1, 0.01)), 1)
                for full, code in zip(watts, codes, strict=True)
            ]
            motion = int(there[minute] and rng.random() < 0.6)
            rows.append(
                [len(rows), len(rows) * step_ms, motion, round(co2 + float(rng.normal(0, 4))), 27.5, *power]
            )
            if len(rows) == ROWS:
                seq, at_ms = number + 1 - ROWS, start_ms + (number + 1 - ROWS) * step_ms
                message = Telemetry(boot, seq, 0, at_ms + 500, "ntp", columns, rows, None)
                yield board_topic(SITE, room.board, "telemetry"), encode(message)
                rows = []


class _RoomDay:
    """One room on one date, minute by minute: `people`, and what follows from them."""

    def __init__(self, bench: BenchSchool, room: Room, day: date, people: Minutes) -> None:
        school = bench.school
        for lesson in school.lessons_on(day):
            if (
                lesson.room == room.id
                and (room.id, lesson.weekday, lesson.session, lesson.period) in bench.ghosts
            ):
                begin, end = school.bell_minutes[lesson.weekday, lesson.session, lesson.period]
                people[begin:end] = 0
        self.people, self._day, self._room = people, day, room
        self._pieces, self._open = bench.pieces[room.id], school.is_open(day)
        self._start_ms = midnight_ms(day)
        self._rng = school.rng("bench", day, room.id)
        self._visits = [(a, b) for a, b, there in _runs(people > 0) if there]
        self._deaf: slice | None = None
        if self._rng.random() < DEAF:
            begin = int(self._rng.integers(0, MINUTES - 60))
            self._deaf = slice(begin, begin + int(self._rng.integers(30, 360)))

    def presence(self) -> list[Interval]:
        codes = (self.people > 0).astype(np.int8)
        return [
            Interval(start, end, (VACANT, OCCUPIED, UNKNOWN)[code]) for start, end, code in self._timed(codes)
        ]

    def stretches(self) -> dict[tuple[str, str, str], list[Stretch]]:
        counts = -(-self.people // 10) * 10  # in steps, as people are estimated
        high = np.zeros(MINUTES, np.int8)
        for begin, end in self._visits:
            if self.people[begin:end].max() >= 30:
                high[begin + 25 : end + 8] = 1
        warm = np.zeros(MINUTES, np.int8)
        warm[630:1020] = 4 <= self._day.month <= 9
        room = self._room.id
        found = {
            (ROOM, room, PEOPLE): [
                Stretch(start, end, UNKNOWN if count < 0 else COUNTED, None if count < 0 else float(count))
                for start, end, count in self._timed(counts, -1)
            ],
            (ROOM, room, CO2): self._aspect(high, (FAIR, HIGH)),
            (ROOM, room, TEMPERATURE): self._aspect(warm, (FAIR, HIGH)),
        }
        for number, piece in enumerate(self._pieces):
            full = list(KINDS.values())[number % len(KINDS)]
            found[EQUIPMENT, piece, POWER] = [
                Stretch(start, end, UNKNOWN, None)
                if code < 0
                else Stretch(
                    start, end, STATES[code], round(full * (0, 0.02, self._rng.normal(1, 0.05))[code], 1)
                )
                for start, end, code in self._timed(self.codes(number), -1)
            ]
        return found

    def codes(self, number: int) -> Minutes:
        """0 off, 1 standby, 2 on, of a piece of equipment in each minute."""
        codes = np.zeros(MINUTES, np.int8)
        if self._open:
            codes[390 + number : 1320 - number] = 1
        for begin, end in self._visits:
            if end - begin >= LESSON_MIN and self._rng.random() < USED:
                codes[begin + 3 : (1320 if self._rng.random() < LEFT_ON else end - 1)] = 2
        return codes

    def _aspect(self, codes: Minutes, states: Sequence[str]) -> list[Stretch]:
        return [
            Stretch(start, end, UNKNOWN if code < 0 else states[code])
            for start, end, code in self._timed(codes, -1)
        ]

    def _timed(self, codes: Minutes, unknown: int = 2) -> Iterator[tuple[int, int, int]]:
        """(start ms, end ms, code) of each run; `unknown` while the board is away."""
        if self._deaf is not None:
            codes = codes.copy()
            codes[self._deaf] = unknown
        for begin, end, code in _runs(codes):
            yield self._start_ms + begin * MINUTE_MS, self._start_ms + end * MINUTE_MS, code


def _runs(codes: Minutes) -> list[tuple[int, int, int]]:
    """[start, end) and the code of each run."""
    bounds = [0, *(np.flatnonzero(codes[1:] != codes[:-1]) + 1).tolist(), len(codes)]
    return [(begin, end, int(codes[begin])) for begin, end in pairwise(bounds)]
