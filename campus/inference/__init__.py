"""Readings to intervals. Pure: values in, values out; times are Unix ms (UTC)."""

from typing import NamedTuple

OCCUPIED = "occupied"
VACANT = "vacant"
UNKNOWN = "unknown"  # no valid sensor: not measured, out of every denominator


class Interval(NamedTuple):
    """Half-open [start_ms, end_ms) in which a room was in one state."""

    start_ms: int
    end_ms: int
    state: str
