"""What a room's board tells about one local day, as a store holds it, and what of it arrives late. Deterministic."""

from datetime import date
from itertools import repeat
from typing import NamedTuple

from campus.telemetry import GOOD, HOLD, INVALID_WARMUP, Sample, SeriesKey
from simulator.boards import phase_ms
from simulator.faults import CLOCK_SKEW, LATE, LOST
from simulator.people import MINUTES
from simulator.rooms import Room
from simulator.school import MINUTE_MS
from simulator.world import AIR, WARM_UP_MINUTES, Day

Samples = dict[SeriesKey, list[Sample]]


class Arrivals(NamedTuple):
    """The samples of one board and day: those that come at once, and those that come on the local date `late_on`.

    What comes at once arrives `offset_ms` before the time that its board's clock says.
    """

    at_once: Samples
    late: Samples
    late_on: date | None
    offset_ms: int = 0


def arrivals(day: Day, room: Room) -> Arrivals:
    """The day's samples, one a minute and point, with the times that the board's clock says: the values that
    `history` sends. None are measured without power; air is invalid in the first minute after it."""
    lost, skew, late = (day.fault(room, kind) for kind in (LOST, CLOCK_SKEW, LATE))
    dark = range(lost.start_minute, lost.end_minute) if lost else range(0)
    held = range(late.start_minute, late.end_minute) if late else range(0)
    at_once = [m for m in range(MINUTES) if m not in dark and m not in held]
    kept = [m for m in held if m not in dark]
    warm = range(dark.stop, dark.stop + WARM_UP_MINUTES) if lost else range(0)
    offset_ms = skew.offset_ms if skew else 0
    origin = day.start_ms + phase_ms(day.school, room) + offset_ms
    quality = HOLD if skew else GOOD
    found: tuple[Samples, Samples] = ({}, {})
    for point in day.points(room):
        key = SeriesKey(day.school.site, room.board, point)
        column = day.column(room, point)
        for minutes, samples in zip((at_once, kept), found, strict=True):
            if not minutes:
                continue
            times = [origin + minute * MINUTE_MS for minute in minutes]
            values = column if len(minutes) == MINUTES else [column[minute] for minute in minutes]
            samples[key] = list(zip(times, values, repeat(quality)))
            if point in AIR and warm:
                samples[key] = [
                    (at, None, INVALID_WARMUP) if minute in warm else (at, value, said)
                    for minute, (at, value, said) in zip(minutes, samples[key], strict=True)
                ]
    return Arrivals(*found, late.arrives_on if late else None, offset_ms)
