"""A group of rooms through a simulated semester, measured and true side by side: one process's share of the work."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from campus.calendar import LESSON
from campus.calendar.school import SchoolCalendar
from campus.cli.semester_rooms import RoomStream
from campus.cli.semester_truth import RoomTruth
from campus.indicators import NOT_MEASURED, RoomFact
from campus.indicators.sums import COVERAGE_PCT, EquipmentSums, RoomSums
from simulator.arrivals import arrivals
from simulator.faults import WEAK_AP
from simulator.rooms import Room
from simulator.school import TZ, School
from simulator.world import World

ONE_DAY = timedelta(days=1)
SITE = "semester"
Done = TypeVar("Done")


class Wrong(NamedTuple):
    """One measured fact that is not `true`, with presence as it is defined, or not `true_by_minute`."""

    room: str
    date: date
    kind: str
    session: str
    period: str
    start: str
    end: str
    school_class: str
    true: str
    true_by_minute: str
    measured: str
    true_minutes: float
    measured_minutes: float
    valid_minutes: float
    uses: str
    faults: str
    cause: str


class Cell(NamedTuple):
    """What cells are counted by. `covered`: at least COVERAGE_PCT of the slot was measured."""

    kind: str
    scheduled: bool
    covered: bool
    true: str
    measured: str


@dataclass(slots=True)
class RoomDay:
    """One room's facts of one date, compared.

    `true` and `cells` are of presence as it is defined, `true_by_minute` of every minute with somebody in the room.
    """

    cells: Counter[Cell]
    wrong: list[Wrong]
    true: RoomSums
    true_by_minute: RoomSums
    measured: RoomSums
    equipment: dict[str, tuple[EquipmentSums, EquipmentSums]]  # true, measured


@dataclass(slots=True)
class Share:
    """What became of a group of rooms."""

    days: dict[str, dict[date, RoomDay]] = field(default_factory=dict)
    before: dict[tuple[str, date], RoomDay] = field(default_factory=dict)  # as it was before late data came
    minutes: int = 0  # room-minutes through inference
    seconds: float = 0.0  # of CPU, all in all
    inference_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Task:
    """Which semester, and which rooms of it: every `step`-th from `first` on."""

    seed: int
    rooms: int
    start: date
    days: int
    kinds: tuple[str, ...]
    first: int
    step: int


def run(task: Task, told: Callable[[int], None] = lambda done: None) -> Share:
    """Run a share of a semester; `told(room_days)` as it goes. The same task gives the same share, but for seconds."""
    began = time.process_time()
    school = School.make(task.seed, task.rooms, task.start, SITE)
    calendar = SchoolCalendar(TZ, school.terms, school.bells, school.closures, school.lessons, str(task.seed))
    group = _Group(school, calendar, task)
    # The last day needs the one after it, and that one the first minutes of the next.
    for number in range(task.days + 2):
        group.step(task.start + timedelta(days=number))
        told(min(number, task.days) * len(group.rooms))
    group.share.seconds = time.process_time() - began
    group.share.minutes = sum(one.stream.minutes for one in group.rooms)
    return group.share


@dataclass(slots=True)
class _Room:
    room: Room
    stream: RoomStream
    truth: RoomTruth
    faults: dict[date, list[str]] = field(default_factory=dict)


class _Group:
    def __init__(self, school: School, calendar: SchoolCalendar, task: Task) -> None:
        self._task = task
        self._world = World(school, task.kinds, keep=4)
        self._clean = World(school, (), keep=6)
        self._days = range(task.days)
        self.share = Share()
        self.rooms = [
            _Room(room, RoomStream(SITE, room, calendar), RoomTruth(SITE, room, calendar))
            for room in school.rooms[task.first :: task.step]
        ]

    def step(self, today: date) -> None:
        """A day's readings come in; the day before is derived, and the one before that is complete."""
        world = self._world.day(today)
        begin = self._task.start
        for one in self.rooms:
            one.truth.take(world)
            one.faults[today] = [f.kind for f in world.by_room.get(one.room.id, ()) if f.kind != WEAK_AP]
            one.stream.take(today, arrivals(world, one.room))
            if today > begin:
                self._timed(one.stream.derive, today - ONE_DAY)
            if today > begin + ONE_DAY:
                self._finish(one, today - 2 * ONE_DAY)
            for again in self._timed(one.stream.arrive, today - ONE_DAY):
                if begin <= again < today - ONE_DAY:
                    was = self.share.days[one.room.id].get(again)
                    if was is not None:
                        self.share.before.setdefault((one.room.id, again), was)
                    self._finish(one, again)

    def _timed(self, work: Callable[[date], Done], day: date) -> Done:
        began = time.process_time()
        done = work(day)
        self.share.inference_s += time.process_time() - began
        return done

    def _finish(self, one: _Room, day: date) -> None:
        if (day - self._task.start).days >= self._task.days:
            return
        measured, running = one.stream.facts(day)
        true, by_minute = one.truth.defined(day), one.truth.facts(day)
        wrong = []
        clean: Sequence[RoomFact] | None = None
        for number, (m, t, exact) in enumerate(zip(measured, true, by_minute, strict=True)):
            if m.outcome == NOT_MEASURED or m.outcome == t.outcome == exact.outcome:
                continue
            near = sorted({k for i in (-1, 0, 1) for k in one.faults.get(day + i * ONE_DAY, ())})
            if near and clean is None:
                clean = self._without_faults(one, day)
            if m.outcome != t.outcome and clean is not None and clean[number].outcome == t.outcome:
                cause = "fault: " + " + ".join(near)
            else:
                cut = [x for i in (-1, 0, 1) for x in one.stream.presence(day + i * ONE_DAY)]
                cause = one.truth.cause(day, number, m, cut)
            wrong.append(_wrong(m, t, exact, one.truth.uses(day, t), " + ".join(near), cause))
        self.share.days.setdefault(one.room.id, {})[day] = RoomDay(
            Counter(_cell(m, t) for m, t in zip(measured, true, strict=True)),
            wrong,
            RoomSums.total(map(RoomSums.of, true)),
            RoomSums.total(map(RoomSums.of, by_minute)),
            RoomSums.total(map(RoomSums.of, measured)),
            {
                name: (
                    EquipmentSums.total(map(EquipmentSums.of, ran)),
                    EquipmentSums.total(map(EquipmentSums.of, running[name])),
                )
                for name, ran in one.truth.equipment(day).items()
            },
        )

    def _without_faults(self, one: _Room, day: date) -> list[RoomFact]:
        days = [day + i * ONE_DAY for i in range(-2, 3)]
        clean = {at: arrivals(self._clean.day(at), one.room).at_once for at in days}
        return one.stream.without_faults(day, clean)


def _cell(measured: RoomFact, true: RoomFact) -> Cell:
    covered = 100 * measured.valid_minutes >= COVERAGE_PCT * measured.slot_minutes
    return Cell(true.kind, true.school_class is not None, covered, true.outcome, measured.outcome)


def _wrong(measured: RoomFact, true: RoomFact, exact: RoomFact, uses: str, faults: str, cause: str) -> Wrong:
    return Wrong(
        room=true.room,
        date=true.date,
        kind=true.kind,
        session=true.session or "",
        period=str(true.period or "") if true.kind == LESSON else "",
        start=true.start.astimezone(ZoneInfo(TZ)).isoformat(timespec="minutes"),
        end=true.end.astimezone(ZoneInfo(TZ)).isoformat(timespec="minutes"),
        school_class=true.school_class or "",
        true=true.outcome,
        true_by_minute=exact.outcome,
        measured=measured.outcome,
        true_minutes=exact.occupied_minutes,
        measured_minutes=measured.occupied_minutes,
        valid_minutes=measured.valid_minutes,
        uses=uses,
        faults=faults,
        cause=cause,
    )
