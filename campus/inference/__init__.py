"""Readings to intervals. Pure: values in, values out; times are Unix ms (UTC)."""

from typing import NamedTuple

OCCUPIED = "occupied"
VACANT = "vacant"
UNKNOWN = "unknown"  # no valid sensor: not measured, out of every denominator

ON, STANDBY, OFF = "on", "standby", "off"  # of equipment; `on` = it operates
OFF_OR_STANDBY = "off_or_standby"  # the meter cannot tell them apart
ALWAYS_ON = "always_on"  # equipment that is never switched off is never in use

ONLINE, LOST, OFFLINE, SLEEPING = (
    "online",
    "lost",
    "offline",
    "sleeping",
)  # of a board; UNKNOWN: nobody listened

HIGH, FAIR = "high", "fair"  # of CO2 and temperature: above what COMFORT allows, or not
COUNTED, LOW_CONFIDENCE = "counted", "low_confidence"  # of people

ROOM, EQUIPMENT, BOARD = "room", "equipment", "board"  # what a stretch is of
PEOPLE, CO2, TEMPERATURE, POWER, AVAILABILITY = "people", "co2", "temperature", "power", "availability"
"""Aspects of stretches: the first three of a room, POWER of equipment, AVAILABILITY of a board."""


class Interval(NamedTuple):
    """Half-open [start_ms, end_ms) in which a room was in one state."""

    start_ms: int
    end_ms: int
    state: str


class Stretch(NamedTuple):
    """Half-open [start_ms, end_ms) in which something was in one state, with the mean of what was measured.

    `value`: people for PEOPLE, W for POWER over its metered time, else None. Cutting a stretch keeps its value.
    """

    start_ms: int
    end_ms: int
    state: str
    value: float | None = None
