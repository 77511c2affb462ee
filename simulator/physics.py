"""What people, weather and equipment do to a room: air, light, power and motion, per minute of one local day.

Every day starts from a settled night, so any day can be computed alone and is the same in every range. All rooms
are stepped together: a minute costs three small vector operations per air state.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from simulator import switches
from simulator.people import MINUTES, QUIET, USES, DayPeople, day_people
from simulator.school import School, midnight_ms
from simulator.weather import Weather, saturation_g_m3, weather

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

OUTDOOR_CO2_PPM = 422.0
CO2_M3_H = 0.0187 * 0.85  # one teenager; an adult gives 0.0187 m³/h
WATER_G_H = 45.0  # one person at rest
SETPOINT_C = 26.0
MOTION_PER_MIN = 0.5  # movements that a PIR sees, per person
MOTION_MOST = 9.0  # its dead time allows no more in a minute
FALSE_PER_MIN = 0.0003  # curtains, sun: about one in two days
_QUIET_USES = [USES.index(use) for use in QUIET]


@dataclass(frozen=True, slots=True)
class DayPhysics:
    """One local day of the whole school; arrays are (room, minute). `motion_ms` is sorted, per room, in Unix ms."""

    date: date
    start_ms: int
    people: DayPeople
    co2_ppm: Array
    temperature_c: Array
    relative_humidity_pct: Array
    illuminance_lx: Array
    plug_w: Array
    cooling_w: Array
    rssi_dbm: Array
    plug_on: Mask  # in use, or left on; standby is not on
    cooling_on: Mask
    lamps_on: Mask
    exchange_per_h: Array  # air changes
    motion_ms: tuple[NDArray[np.int64], ...]


def day_physics(school: School, day: date) -> DayPhysics:
    """The physics of a local date. The same school and date give the same day."""
    people = day_people(school, day)
    sky = weather(school, day)
    rooms = len(school.rooms)
    volume = np.array([room.volume_m3 for room in school.rooms])[:, None]
    rng = school.rng("physics", day)
    traits = school.rng("traits")  # of each room, the same every day
    leak = traits.uniform(0.3, 0.7, (rooms, 1))
    open_per_h = traits.uniform(3.5, 7.5, (rooms, 1))
    daylight_factor = traits.uniform(0.004, 0.013, (rooms, 1))
    lamp_lx = traits.uniform(330, 470, (rooms, 1))
    cut_at_night = traits.random((rooms, 1)) < 0.5  # the breaker goes off when the school closes

    plug_on, cooling_on, lamps_on, windows = (np.zeros((rooms, MINUTES), bool) for _ in range(4))
    for room in school.rooms:
        i = room.index
        own = school.rng("switches", day, room.id)
        switches.switch_plug(plug_on[i], people.people[i], people.use[i], room.type.plug, own)
        if room.cooled:
            switches.switch_cooling(cooling_on[i], people.people[i], sky.temperature_c, own)
        switches.open_windows(windows[i], people.people[i], own)
        inside = sky.daylight_lx * daylight_factor[i]
        switches.switch_lamps(lamps_on[i], people.people[i], inside, own)

    n = people.people.astype(np.float64)
    wind = _wander(rng, (rooms, MINUTES), 20, 0.25, around=1.0).clip(0.4, 1.8)
    opened = windows & ~cooling_on
    exchange = leak * wind + np.where(opened, open_per_h * wind, 0) + np.where(cooling_on, 1.0, 0)
    exchange += np.where(n > 0, 0.3, 0)  # doors

    keep = np.exp(-exchange / 60)
    co2_goal = OUTDOOR_CO2_PPM + n * CO2_M3_H / volume * 1e6 / exchange
    co2 = _relax(keep, co2_goal, OUTDOOR_CO2_PPM + traits.uniform(3, 20, rooms))
    temperature = _temperature(school, n, plug_on, cooling_on, opened, sky, volume)
    water_goal = sky.water_g_m3 + n * WATER_G_H / volume / exchange
    water_goal = np.where(cooling_on, np.minimum(water_goal, 14.0), water_goal)
    water = _relax(keep, water_goal, np.full(rooms, sky.water_g_m3[0]))
    humidity = np.clip(100 * water / saturation_g_m3(temperature), 15, 98)

    curtains = np.where(plug_on, 0.45, 1.0)
    light = sky.daylight_lx * daylight_factor * curtains + np.where(lamps_on, lamp_lx, 0)

    closed = np.zeros(MINUTES, bool)
    closed[: 5 * 60] = closed[22 * 60 :] = True
    dark = cut_at_night & closed & ~plug_on
    in_use = np.array([room.type.watts for room in school.rooms])
    plug = np.where(plug_on, in_use[:, :1] * _wander(rng, n.shape, 15, 0.04, around=1.0), in_use[:, 1:])
    plug = np.where(dark, 0, plug)
    cooled = np.array([[room.cooled] for room in school.rooms])
    running = np.sin(2 * np.pi * np.arange(MINUTES) / traits.uniform(9, 16, (rooms, 1))) < 0.35 + n / 60
    cooling = np.where(cooling_on, np.where(running, 1120 * wind**0.05, 55), np.where(cooled, 1.6, 0))

    signal = np.array([[room.rssi_dbm] for room in school.rooms])
    signal = signal + _wander(rng, n.shape, 10, 2.0) - 0.06 * n
    return DayPhysics(
        date=day,
        start_ms=midnight_ms(day),
        people=people,
        co2_ppm=co2,
        temperature_c=temperature,
        relative_humidity_pct=humidity,
        illuminance_lx=light,
        plug_w=plug,
        cooling_w=cooling,
        rssi_dbm=signal,
        plug_on=plug_on,
        cooling_on=cooling_on,
        lamps_on=lamps_on,
        exchange_per_h=exchange,
        motion_ms=_motion(school, day, people),
    )


def _relax(keep: Array, goal: Array, start: Array) -> Array:
    """x follows goal with the share `keep` of the old difference left after each minute: the exact solution of
    dx/dt = k·(goal − x) while k and goal hold. For CO2, k is the air exchange and the goal its balance point:
    V·dC/dt = N·g − k·V·(C − C_outside). (room, minute) in and out."""
    added = np.ascontiguousarray(((1 - keep) * goal).T)
    kept = np.ascontiguousarray(keep.T)
    out = np.empty_like(kept)
    now = start
    for minute in range(len(out)):
        now = kept[minute] * now + added[minute]
        out[minute] = now
    return out.T


def _temperature(
    school: School, n: Array, plug_on: Mask, cooling_on: Mask, opened: Mask, sky: Weather, volume: Array
) -> Array:
    """Relaxes to what walls, sun, people and machines make of it, to the open air, or to the set point."""
    walls = 0.45 * sky.temperature_c + 0.55 * sky.mean_c + 1.2
    sun = 1.6 * sky.daylight_lx / 100_000
    machines = np.array([[room.type.watts[0]] for room in school.rooms]) / volume * 0.25
    free = walls + sun + n * 12.0 / volume + np.where(plug_on, machines, 0)
    goal = np.where(
        cooling_on, 0.2 * free + 0.8 * SETPOINT_C, np.where(opened, (free + sky.temperature_c) / 2, free)
    )
    rate = np.where(cooling_on, 3.5, np.where(opened, 1.6, 0.7))
    return _relax(np.exp(-rate / 60), goal, goal[:, 0])


def _wander(
    rng: np.random.Generator, shape: tuple[int, int], knot_minutes: int, sigma: float, around: float = 0.0
) -> Array:
    """Smooth noise: straight lines between normal knots every `knot_minutes`."""
    rooms, minutes = shape
    knots = rng.normal(around, sigma, (rooms, minutes // knot_minutes + 2))
    place = np.arange(minutes) / knot_minutes
    left = place.astype(int)
    share = place - left
    return knots[:, left] * (1 - share) + knots[:, left + 1] * share


def _motion(school: School, day: date, people: DayPeople) -> tuple[NDArray[np.int64], ...]:
    """A Poisson process per room, its rate by the number of people and how quiet they are."""
    rate = people.people.astype(np.float64) * np.where(
        np.isin(people.use, _QUIET_USES), MOTION_PER_MIN / 2, MOTION_PER_MIN
    )
    rate = np.minimum(rate, MOTION_MOST) + FALSE_PER_MIN
    start = midnight_ms(day)
    found = []
    for room in school.rooms:
        rng = school.rng("motion", day, room.id)
        minutes = np.repeat(np.arange(MINUTES, dtype=np.int64), rng.poisson(rate[room.index]))
        found.append(np.sort(start + minutes * 60_000 + rng.integers(0, 60_000, len(minutes))))
    return tuple(found)
