"""The virtual campus as its sensors see it: physics, faults, noise and steps of the instruments, by local day."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from simulator import faults
from simulator.faults import Fault
from simulator.people import MINUTES
from simulator.physics import DayPhysics, day_physics
from simulator.rooms import Room
from simulator.school import DAY_MS, MINUTE_MS, School, local_date

WEAK_BY_DBM = 24.0
WARM_UP_MINUTES = 1  # of an SCD4x after power comes
AIR = ("co2_ppm", "temperature_c", "relative_humidity_pct")


@dataclass(frozen=True)
class Day:
    """One local day. `measured` holds arrays (room, minute) by point: what an ideal reading at the end of the minute
    shows, already with offset, noise and step of the instrument. `motion` is 1 for a minute with movement."""

    school: School
    physics: DayPhysics
    faults: tuple[Fault, ...]
    measured: dict[str, NDArray[np.float64]]

    @property
    def date(self) -> date:
        return self.physics.date

    @property
    def start_ms(self) -> int:
        return self.physics.start_ms

    def column(self, room: Room, point: str) -> list[float]:
        """One room's minutes of a point, as Python numbers."""
        return self.measured[point][room.index].tolist()

    def points(self, room: Room) -> tuple[str, ...]:
        """The points of a room's board: those of `measured` that are installed there."""
        return tuple(point for point in self.measured if point != "power_w.2" or room.cooled)

    @cached_property
    def by_room(self) -> dict[str, tuple[Fault, ...]]:
        found: dict[str, tuple[Fault, ...]] = {}
        for fault in self.faults:
            found[fault.room] = (*found.get(fault.room, ()), fault)
        return found

    def fault(self, room: Room, kind: str) -> Fault | None:
        """The room's fault of one kind on this day."""
        return next((fault for fault in self.by_room.get(room.id, ()) if fault.kind == kind), None)


class World:
    """The days of one school, computed when first asked for; the last few are kept. Not for several threads."""

    def __init__(self, school: School, kinds: Sequence[str] = faults.DEFAULT, keep: int = 3) -> None:
        self.school = school
        self.kinds = faults.chosen(kinds)
        self._keep = keep
        self._days: OrderedDict[date, Day] = OrderedDict()

    def day(self, day: date) -> Day:
        """The same for the same school, fault kinds and date, whatever was asked for before."""
        found = self._days.pop(day, None) or self._make(day)
        self._days[day] = found
        while len(self._days) > self._keep:
            self._days.popitem(last=False)
        return found

    def at(self, at_ms: int) -> tuple[Day, float]:
        """(day, minutes since its midnight) of a moment."""
        latest = next(reversed(self._days.values()), None)
        if latest is None or not 0 <= at_ms - latest.start_ms < DAY_MS:
            latest = self.day(local_date(at_ms))
        return latest, (at_ms - latest.start_ms) / MINUTE_MS

    def _make(self, day: date) -> Day:
        physics = day_physics(self.school, day)
        found = tuple(faults.faults_on(self.school, day, self.kinds))
        return Day(self.school, physics, found, _measure(self.school, physics, found))


def _measure(school: School, physics: DayPhysics, found: Sequence[Fault]) -> dict[str, NDArray]:
    rng = school.rng("noise", physics.date)
    each = school.rng("instruments")  # offset of each board's sensors, the same every day
    rooms = len(school.rooms)
    shape = (rooms, MINUTES)
    co2 = physics.co2_ppm + each.normal(0, 14, (rooms, 1)) + rng.normal(0, 5, shape)
    warm = physics.temperature_c + each.normal(0.2, 0.2, (rooms, 1)) + rng.normal(0, 0.04, shape)
    humid = physics.relative_humidity_pct + each.normal(0, 1.5, (rooms, 1)) + rng.normal(0, 0.25, shape)
    light = physics.illuminance_lx * each.normal(1, 0.04, (rooms, 1)) * rng.normal(1, 0.01, shape)
    signal = physics.rssi_dbm + rng.normal(0, 0.8, shape)
    motion = np.zeros(shape, np.int8)
    for room in school.rooms:
        motion[room.index][(physics.motion_ms[room.index] - physics.start_ms) // MINUTE_MS] = 1
    co2 = np.round(co2.clip(400, 9900)).astype(np.int32)
    for fault in found:
        i = next(room.index for room in school.rooms if room.id == fault.room)
        if fault.kind == faults.STUCK:
            co2[i, fault.start_minute : fault.end_minute] = co2[i, fault.start_minute]
        elif fault.kind == faults.BLIND_PIR:
            motion[i, fault.start_minute : fault.end_minute] = 0
        elif fault.kind == faults.WEAK_AP:
            signal[i] -= WEAK_BY_DBM
    return {
        "motion": motion,
        "co2_ppm": co2,
        "temperature_c": np.round(warm, 1),
        "relative_humidity_pct": np.round(humid.clip(5, 100), 1),
        "illuminance_lx": np.round(light.clip(0, 99_000)).astype(np.int32),
        "power_w.1": _metered(physics.plug_w, rng),
        "power_w.2": _metered(physics.cooling_w, rng),
        "rssi_dbm": np.round(signal.clip(-94, -30)).astype(np.int32),
    }


def _metered(watts: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """A plug meter: 0.7 % noise, in steps of 0.1 W."""
    return np.round(watts * rng.normal(1, 0.007, watts.shape), 1) + 0.0
