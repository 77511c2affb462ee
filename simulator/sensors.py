"""Sensors with the contract of firmware/board/sensors, that read the virtual campus instead of a bus.

A feed is where a board's sensors look: `MinuteFeed` steps through the minutes of a day (history), `ClockFeed`
follows a clock (live). Both show the same world.
"""

from bisect import bisect_left
from typing import Any, Protocol

from simulator.faults import BLIND_PIR, LOST
from simulator.rooms import Room
from simulator.world import AIR, Day, World

Points = dict[str, dict[str, Any]]

MAX_INTERVAL_MS = 60_000
WARM_UP_MS = 10_000  # live; a board that samples once a minute loses its first minute


class Feed(Protocol):
    """What one room's sensors can see now."""

    def value(self, point: str) -> float: ...

    def moved(self) -> bool:
        """Whether there was movement since the last call."""
        ...

    def warming_up(self) -> bool: ...


class Ticking(Protocol):
    def now_ms(self) -> int: ...


class MinuteFeed:
    """One room's day, minute by minute: set `minute`, then read."""

    def __init__(self) -> None:
        self.minute = 0
        self.warm_from = 0  # first minute whose CO2 is valid
        self._columns: dict[str, list[float]] = {}

    def load(self, day: Day, room: Room) -> None:
        self._columns = {point: day.column(room, point) for point in day.points(room)}
        self._motion = self._columns["motion"]

    def value(self, point: str) -> float:
        return self._columns[point][self.minute]

    def moved(self) -> bool:
        return self._motion[self.minute] == 1

    def warming_up(self) -> bool:
        return self.minute < self.warm_from


class ClockFeed:
    """One room at the time of a clock; air values lie on straight lines between the minutes."""

    def __init__(self, world: World, room: Room, clock: Ticking) -> None:
        self._world, self._room, self._clock = world, room, clock
        self.power_on()

    def power_on(self) -> None:
        """The sensors begin to look now, and the air sensor to warm up."""
        self._looked_ms = self._powered_ms = self._clock.now_ms()

    def value(self, point: str) -> float:
        day, minutes = self._world.at(self._clock.now_ms())
        row = day.measured[point][self._room.index]
        i = int(minutes)
        if point not in AIR or i + 1 >= len(row):
            return row[i].item()
        between = float(row[i] + (row[i + 1] - row[i]) * (minutes - i))
        return round(between) if point == "co2_ppm" else round(between, 1)

    def moved(self) -> bool:
        since, self._looked_ms = self._looked_ms, self._clock.now_ms()
        until = self._looked_ms
        nearest = self._next(since)
        return nearest is not None and nearest < until

    def next_motion_ms(self) -> int | None:
        """When someone moves next, today; None if nobody does any more."""
        return self._next(self._clock.now_ms())

    def _next(self, since_ms: int) -> int | None:
        day, _ = self._world.at(since_ms)
        times = day.physics.motion_ms[self._room.index]
        i = bisect_left(times, since_ms)
        blind = day.fault(self._room, BLIND_PIR)
        if blind is not None and i < len(times) and blind.start_ms <= times[i] < blind.end_ms:
            i = bisect_left(times, blind.end_ms)
        return int(times[i]) if i < len(times) else None

    def warming_up(self) -> bool:
        return self._clock.now_ms() - self._powered_ms < WARM_UP_MS

    def without_power(self) -> bool:
        day, minutes = self._world.at(self._clock.now_ms())
        fault = day.fault(self._room, LOST)
        return fault is not None and fault.start_minute <= minutes < fault.end_minute


class MotionSensor:
    """A PIR: 1 if there was movement since the last read."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self.points: Points = {"motion": {"unit": "", "max_interval_ms": MAX_INTERVAL_MS}}
        self.why: dict[str, str] = {}
        self.moving = False  # at the latest read

    async def read(self) -> dict[str, float | None]:
        self.moving = self._feed.moved()
        return {"motion": 1 if self.moving else 0}


class AirSensor:
    """An SCD4x: CO2, temperature and humidity; no values while it warms up."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        bands = (("ppm", 20), ("°C", 0.3), ("%", 2))
        self.points: Points = {
            point: {
                "unit": unit,
                "deadband": band,
                "min_interval_ms": 5000,
                "max_interval_ms": MAX_INTERVAL_MS,
            }
            for point, (unit, band) in zip(AIR, bands, strict=True)
        }
        self.why: dict[str, str] = {}

    async def read(self) -> dict[str, float | None]:
        feed = self._feed
        if feed.warming_up():
            self.why = dict.fromkeys(AIR, "warmup")
            return dict.fromkeys(AIR)
        value = feed.value
        return {
            "co2_ppm": value("co2_ppm"),
            "temperature_c": value("temperature_c"),
            "relative_humidity_pct": value("relative_humidity_pct"),
        }


class PlainSensor:
    """Light, power meter channels and the radio's own signal: values that are simply there."""

    def __init__(self, feed: Feed, cooled: bool) -> None:
        self._feed = feed
        self.points: Points = {
            "illuminance_lx": {"unit": "lx", "deadband": 40, "min_interval_ms": 2000},
            "power_w.1": {"unit": "W", "deadband": 8, "min_interval_ms": 1000},
            "rssi_dbm": {"unit": "dBm", "deadband": 6, "min_interval_ms": 30_000},
        }
        if cooled:
            self.points["power_w.2"] = {"unit": "W", "deadband": 25, "min_interval_ms": 1000}
        for described in self.points.values():
            described["max_interval_ms"] = MAX_INTERVAL_MS
        self.why: dict[str, str] = {}

    async def read(self) -> dict[str, float | None]:
        value = self._feed.value
        return {point: value(point) for point in self.points}


def sensors(room: Room, feed: Feed) -> tuple[MotionSensor, AirSensor, PlainSensor]:
    """The sensors of a room's board."""
    return MotionSensor(feed), AirSensor(feed), PlainSensor(feed, room.cooled)
