"""One simulated room through a semester, as the collector derives it: minute by minute, local day by local day."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from campus.calendar.school import SchoolCalendar
from campus.indicators import EquipmentFact, RoomFact
from campus.indicators.equipment import equipment_facts
from campus.indicators.facts import facts, ms
from campus.inference import EQUIPMENT, PEOPLE, POWER, ROOM, Interval, Stretch
from campus.inference.energy import minute_power
from campus.inference.fuse import fuse
from campus.inference.intervals import SETTLE_MS
from campus.inference.presence import MINUTE_MS
from campus.inference.room import Learned, Power, RoomInference, RoomLearning, RoomModel, RoomStep, cut
from campus.telemetry import UNSYNCED, SeriesKey
from collector.held_clocks import HeldClocks
from collector.ledger import BootKey
from simulator.arrivals import Arrivals, Samples
from simulator.inventory import equipment_of
from simulator.rooms import Room
from simulator.school import DAY_MS, midnight_ms

ONE_DAY = timedelta(days=1)
KEPT_DAYS = 3  # of readings and checkpoints; longer while late readings are awaited
_BESIDE = 90  # samples of the days beside one that may belong to it: a clock is at most an hour off

Minute = tuple[int, dict[str, float | None], Power]
"""(minute_ms, inputs of presence, power by equipment)."""


@dataclass(frozen=True, slots=True)
class DerivedDay:
    """Final intervals and stretches of one local day; `power` by equipment."""

    presence: list[Interval]
    people: list[Stretch]
    power: dict[str, list[Stretch]]


class RoomStream:
    """The record of one room. Take the days in order, and derive each when the next one is taken."""

    def __init__(self, site: str, room: Room, calendar: SchoolCalendar) -> None:
        self._site, self.room, self._calendar = site, room, calendar
        self._model = RoomModel(
            room.type.id, room.volume_m3, room.capacity, dict(equipment_of(room).values())
        )
        self._now = RoomInference(self._model)
        self._learning = RoomLearning(self._model)
        self._issued: dict[int, list[Learned]] = {}  # by the minute from which on they are used
        self._known: dict[date, Samples] = {}
        self._awaited: dict[date, dict[date, Samples]] = {}  # arrival -> day -> samples
        self._checkpoints: dict[date, dict[str, Any]] = {}  # at the start of the day
        self._derived: dict[date, DerivedDay] = {}
        self.minutes = 0  # taken by the estimators, again and again included

    def take(self, day: date, come: Arrivals) -> None:
        """The readings of a day; those that are late wait for their date."""
        self._known[day] = _put_right(self._site, self.room.board, come)
        if come.late_on is not None and come.late:
            self._awaited.setdefault(come.late_on, {})[day] = come.late
        oldest = min((d for late in self._awaited.values() for d in late), default=day)
        kept: dict[date, Any]
        for kept in (self._known, self._checkpoints, self._derived):
            for old in [d for d in kept if d < min(oldest, day) - KEPT_DAYS * ONE_DAY]:
                del kept[old]

    def derive(self, day: date) -> None:
        """Derive a day for the first time, and learn from it."""
        self._checkpoints[day] = self._now.state()
        self._derived[day] = self._run(self._now, day, self._known, learn=True)

    def arrive(self, day: date) -> list[date]:
        """Take what comes late on a date, and derive anew what it touches: with the calibrations as they were issued,
        until the state is the same again. These days and the one before them, whose last slots may change."""
        late = self._awaited.pop(day, {})
        if not late:
            return []
        for own, samples in late.items():
            known = self._known[own]
            self._known[own] = known | {
                key: sorted([*known.get(key, ()), *found]) for key, found in samples.items()
            }
        at = min(late)
        again = RoomInference(self._model, self._checkpoints[at])
        touched = [at - ONE_DAY]
        while at in self._derived:
            if at > max(late) and again.state() == self._checkpoints[at]:
                return touched
            self._checkpoints[at] = again.state()
            self._derived[at] = self._run(again, at, self._known)
            touched.append(at)
            at += ONE_DAY
        self._now = again
        return touched

    def facts(self, day: date) -> tuple[list[RoomFact], dict[str, list[EquipmentFact]]]:
        """Of the room and of its equipment on a day; the next one is derived."""
        return self._facts(day, self._derived)

    def without_faults(self, day: date, clean: Mapping[date, Samples]) -> list[RoomFact]:
        """The facts of a day, had the board measured `clean` on it and on the days beside it."""
        begin = day - ONE_DAY if day - ONE_DAY in self._checkpoints else day
        estimators = RoomInference(self._model, self._checkpoints[begin])
        known = {**self._known, **clean}
        days = [begin, *([day] if begin != day else []), day + ONE_DAY]
        return self._facts(day, {at: self._run(estimators, at, known) for at in days})[0]

    def presence(self, day: date) -> Sequence[Interval]:
        """The intervals of a derived day; none of another."""
        return self._derived[day].presence if day in self._derived else ()

    def _facts(
        self, day: date, derived: Mapping[date, DerivedDay]
    ) -> tuple[list[RoomFact], dict[str, list[EquipmentFact]]]:
        slots, lessons = self._calendar.slots(day), self._calendar.scheduled(self.room.id, day)
        first, last = ms(slots[0].start) - SETTLE_MS, ms(slots[-1].end) + SETTLE_MS
        beside = [derived[at] for at in (day - ONE_DAY, day, day + ONE_DAY) if at in derived]
        near = [x for one in beside for x in one.presence if x.end_ms > first and x.start_ms < last]
        people = {PEOPLE: derived[day].people}
        found = facts(
            self._site, self.room.id, near, slots, lessons, stretches=people, capacity=self.room.capacity
        )
        return found, {
            name: equipment_facts(self._site, name, self.room.id, power, near, slots, lessons)
            for name, power in derived[day].power.items()
        }

    def _run(
        self, estimators: RoomInference, day: date, known: Mapping[date, Samples], learn: bool = False
    ) -> DerivedDay:
        """Step over a day, with what is known SETTLE_MS after it as hindsight."""
        begin = midnight_ms(day)
        end = begin + DAY_MS
        here, before, after = (known.get(day + i * ONE_DAY, {}) for i in (0, -1, 1))
        samples = {
            key: [*before.get(key, ())[-_BESIDE:], *here.get(key, ()), *after.get(key, ())[:_BESIDE]]
            for key in {*here, *before, *after}
        }
        steps: list[RoomStep] = [s for s in estimators.recent if s.presence.minute_ms >= begin - SETTLE_MS]
        for at, inputs, power in self._minutes(samples, begin, end):
            if learn:
                for learned in self._learning.read(at, inputs, power):
                    self._issued.setdefault(learned.issued_at_ms, []).append(learned)
            for learned in self._issued.get(at, ()):
                estimators.use(learned)
            steps.append(estimators.step(at, inputs, power))
        ahead = RoomInference(self._model, estimators.state())
        soon = {key: found[-2 * _BESIDE :] for key, found in samples.items()}
        steps += [ahead.step(*minute) for minute in self._minutes(soon, end, end + SETTLE_MS)]
        self.minutes += (end - begin) // MINUTE_MS
        presence, others = cut(steps, begin, end, self.room.id, self._model.parameters)
        return DerivedDay(
            presence,
            others[ROOM, self.room.id, PEOPLE],
            {id: others[EQUIPMENT, id, POWER] for kind, id, _ in others if kind == EQUIPMENT},
        )

    def _minutes(self, samples: Samples, begin: int, end: int) -> Iterator[Minute]:
        """What every minute of [begin, end) brings."""
        watts: dict[str, Iterator[tuple[int, float | None, float | None]]] = {}
        for channel, (name, _) in equipment_of(self.room).items():
            key = SeriesKey(self._site, self.room.board, f"power_w.{channel}")
            watts[name] = minute_power(samples.get(key, ()), (), begin, end)
        for at, inputs in fuse(samples, begin, end):
            power = {name: next(found)[1:] for name, found in watts.items()}
            yield at, inputs, {name: said for name, said in power.items() if said != (None, None)}


def _put_right(site: str, board: str, come: Arrivals) -> Samples:
    """What comes at once, at the times and with the quality that the collector gives it where the clock is off.

    After a gap it is taken for a new boot, of which nothing is known yet.
    """
    if not come.offset_ms:
        return come.at_once
    clocks, put, before, boot = HeldClocks(), dict[int, tuple[int, bool]](), 0, 0
    for at in sorted({at for samples in come.at_once.values() for at, _, _ in samples}):
        boot += at - before > MINUTE_MS
        before = at
        shift = clocks.heard(BootKey(site, board, str(boot)), at - come.offset_ms, at)
        put[at] = (at, True) if shift is None else (at + shift.offset_ms, shift.told)
    return {
        key: sorted((put[at][0], value, said if put[at][1] else UNSYNCED) for at, value, said in samples)
        for key, samples in come.at_once.items()
    }
