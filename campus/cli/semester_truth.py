"""The facts as they really were, from the simulator's people, and why a measured fact differs from them."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from campus.calendar.school import SchoolCalendar
from campus.indicators import EquipmentFact, RoomFact
from campus.indicators.equipment import equipment_facts
from campus.indicators.facts import facts
from campus.inference import COUNTED, OCCUPIED, OFF, ON, PEOPLE, STANDBY, VACANT, Interval, Stretch
from campus.inference.equipment import OFF_W
from campus.inference.parameters import DEFAULT
from simulator.inventory import equipment_of
from simulator.people import MINUTES, USES
from simulator.rooms import Room
from simulator.school import MINUTE_MS, midnight_ms
from simulator.world import Day

ONE_DAY = timedelta(days=1)
EDGE_MIN = 3
"""Starts and ends that differ by no more than this are as good as right: what smoothing costs (`onset_min`)."""

KEPT_DAYS = 14  # the days that late data may touch again

Mask = NDArray[np.bool_]

DEFINED = "gaps under 10 min or visits under 3 min, which presence by its definition does not tell"
EDGE = f"close call: true if visits began or ended up to {EDGE_MIN} min otherwise"
FALSE_MOTION = "motion without people"
HELD_ON = "presence held on after people had left"
NOT_SEEN = "people whom no sensor told"
UNEXPLAINED = "unexplained"


class RoomTruth:
    """Who was in one room. Take the days in order; the facts of a day need the next one."""

    def __init__(self, site: str, room: Room, calendar: SchoolCalendar) -> None:
        self._site, self.room, self._calendar = site, room, calendar
        self.people: dict[date, NDArray[np.integer[Any]]] = {}
        self._use: dict[date, NDArray[np.uint8]] = {}
        self._motion: dict[date, Mask] = {}
        self._power: dict[date, dict[str, tuple[Mask, NDArray[np.float64]]]] = {}

    def take(self, day: Day) -> None:
        index = self.room.index
        self.people[day.date] = day.physics.people.people[index]
        self._use[day.date] = day.physics.people.use[index]
        moved = np.zeros(MINUTES, bool)
        moved[(day.physics.motion_ms[index] - day.start_ms) // MINUTE_MS] = True
        self._motion[day.date] = moved
        physics = day.physics
        running = {1: (physics.plug_on, physics.plug_w), 2: (physics.cooling_on, physics.cooling_w)}
        self._power[day.date] = {
            name: (running[channel][0][index], running[channel][1][index])
            for channel, (name, _) in equipment_of(self.room).items()
        }
        kept: dict[date, Any]
        for kept in (self.people, self._use, self._motion, self._power):
            for old in [at for at in kept if at < day.date - KEPT_DAYS * ONE_DAY]:
                del kept[old]

    def facts(self, day: date) -> list[RoomFact]:
        """The true facts of a day by the minute: presence is every minute with somebody in the room."""
        return self._facts(day, self._there(day))

    def defined(self, day: date) -> list[RoomFact]:
        """The true facts of a day with presence as it is defined: gaps under 10 min filled, then visits under 3 min
        left out."""
        return self._facts(day, _as_defined(self._there(day)))

    def equipment(self, day: date) -> dict[str, list[EquipmentFact]]:
        """The true facts of a day, by equipment: on is switched on and not in standby, energy what was drawn."""
        slots, lessons = self._calendar.slots(day), self._calendar.scheduled(self.room.id, day)
        there = list(_intervals(self._there(day), midnight_ms(day - ONE_DAY)))
        return {
            name: equipment_facts(
                self._site,
                name,
                self.room.id,
                list(_drawn(on, watts, midnight_ms(day))),
                there,
                slots,
                lessons,
            )
            for name, (on, watts) in self._power[day].items()
        }

    def uses(self, day: date, fact: RoomFact) -> str:
        """What people were there for in a slot, as `lesson 38 break 2`: minutes of each."""
        first, last = _minutes(day, fact)
        used = self._use[day][first - MINUTES : last - MINUTES]
        return " ".join(f"{USES[i]} {n}" for i, n in enumerate(np.bincount(used).tolist()) if i and n)

    def cause(self, day: date, number: int, measured: RoomFact, cut: Sequence[Interval]) -> str:
        """Why the slot of this number has another outcome than in truth, of the reasons above: the first that is
        enough by itself. `cut` are the measured intervals of the day and its neighbours."""
        there = self._there(day)
        if measured.outcome in {
            self._facts(day, true)[number].outcome for true in (there, _as_defined(there))
        }:
            return DEFINED
        for moved in _moved(there):
            if self._facts(day, moved)[number].outcome == measured.outcome:
                return EDGE
        seen = self._seen(day, cut)
        first, last = _minutes(day, measured)
        span = slice(first - EDGE_MIN, last + EDGE_MIN)
        extra, missing = seen[span] & ~there[span], there[span] & ~seen[span]
        if extra.sum() > missing.sum():
            still = np.zeros(MINUTES, bool)
            motion = np.concatenate([self._motion.get(day + i * ONE_DAY, still) for i in (-1, 0, 1)])[span]
            return FALSE_MOTION if (motion & extra).any() else HELD_ON
        return NOT_SEEN if missing.any() else UNEXPLAINED

    def _there(self, day: date) -> Mask:
        """Of the day before, the day and the day after; nobody before the first and after the last."""
        nobody = np.zeros(MINUTES, np.int16)
        return np.concatenate([self.people.get(day + i * ONE_DAY, nobody) for i in (-1, 0, 1)]) > 0

    def _facts(self, day: date, there: Mask) -> list[RoomFact]:
        slots, lessons = self._calendar.slots(day), self._calendar.scheduled(self.room.id, day)
        origin = midnight_ms(day - ONE_DAY)
        people = {PEOPLE: list(_counted(self.people[day], midnight_ms(day)))}
        return facts(
            self._site,
            self.room.id,
            list(_intervals(there, origin)),
            slots,
            lessons,
            stretches=people,
            capacity=self.room.capacity,
        )

    def _seen(self, day: date, cut: Sequence[Interval]) -> Mask:
        origin, seen = midnight_ms(day - ONE_DAY), np.zeros(3 * MINUTES, bool)
        for one in cut:
            if one.state == OCCUPIED:
                seen[max(0, (one.start_ms - origin) // MINUTE_MS) : (one.end_ms - origin) // MINUTE_MS] = True
        return seen


def _minutes(day: date, fact: RoomFact) -> tuple[int, int]:
    """[first, end) minutes of a fact's slot, counted from the midnight before its day."""
    origin = midnight_ms(day - ONE_DAY)
    first, last = (round(at.timestamp() * 1000 - origin) // MINUTE_MS for at in (fact.start, fact.end))
    return first, last


def _intervals(there: Mask, origin_ms: int) -> Iterator[Interval]:
    edges = [0, *(np.flatnonzero(np.diff(there)) + 1).tolist(), len(there)]
    for first, last in pairwise(edges):
        state = OCCUPIED if there[first] else VACANT
        yield Interval(origin_ms + first * MINUTE_MS, origin_ms + last * MINUTE_MS, state)


def _counted(people: NDArray[np.integer[Any]], origin_ms: int) -> Iterator[Stretch]:
    edges = [0, *(np.flatnonzero(np.diff(people)) + 1).tolist(), len(people)]
    for first, last in pairwise(edges):
        span = origin_ms + first * MINUTE_MS, origin_ms + last * MINUTE_MS
        yield Stretch(*span, COUNTED, float(people[first]))


def _drawn(on: Mask, watts: NDArray[np.float64], origin_ms: int) -> Iterator[Stretch]:
    """Pieces of at most 5 minutes, on which every bell lies: so the energy of each slot is exact."""
    states = np.where(on, ON, np.where(watts >= OFF_W, STANDBY, OFF))
    edges = {0, len(on), *(np.flatnonzero(states[1:] != states[:-1]) + 1).tolist(), *range(0, len(on), 5)}
    ordered = sorted(edges)
    for first, last in pairwise(ordered):
        span = origin_ms + first * MINUTE_MS, origin_ms + last * MINUTE_MS
        yield Stretch(*span, str(states[first]), float(watts[first:last].mean()))


def _runs(there: Mask) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], there, [False]]).astype(np.int8))).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def _as_defined(there: Mask) -> Mask:
    defined = there.copy()
    for (_, end), (start, _) in zip(_runs(there), _runs(there)[1:], strict=False):
        if start - end < DEFAULT.merge_gap_min:
            defined[end:start] = True
    for start, end in _runs(defined):
        if end - start < DEFAULT.shortest_visit_min:
            defined[start:end] = False
    return defined


def _moved(there: Mask) -> Iterator[Mask]:
    """The visits with starts and ends moved by up to EDGE_MIN, the least change first; as defined, too."""
    changes = sorted(
        product(range(-EDGE_MIN, EDGE_MIN + 1), repeat=2), key=lambda change: sum(map(abs, change))
    )
    for start_by, end_by in changes:
        moved = np.zeros_like(there)
        for start, end in _runs(there):
            moved[max(0, start + start_by) : max(0, end + end_by)] = True
        yield moved
        yield _as_defined(moved)
