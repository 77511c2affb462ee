"""What really happened in the virtual school: who was where, what was on, what was broken. To compare with."""

import csv
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TextIO

from campus.inference import OCCUPIED, VACANT, Interval
from simulator.faults import DEFAULT
from simulator.people import MINUTES, USES
from simulator.school import MINUTE_MS, School, local_days
from simulator.world import Day, World


class Truth(NamedTuple):
    """One minute of one room. Empty text where there is nothing to say.

    `school_class` and `subject` are as timetabled, `went` how that lesson did: held, no-show, late or early. `use` is
    what people were there for ("" = nobody). `co2_ppm` is the air's, not the sensor's. `plug_on`, `cooling_on` and
    `lamps_on` are 0 or 1; standby is 0. `faults` are kinds joined by ";".
    """

    minute_ms: int
    room: str
    board: str
    people: int
    use: str
    school_class: str
    subject: str
    went: str
    co2_ppm: int
    plug_on: int
    cooling_on: int
    lamps_on: int
    faults: str


def truth(
    school: School, start_ms: int, end_ms: int, faults: Sequence[str] = DEFAULT, world: World | None = None
) -> Iterator[Truth]:
    """The minutes that begin in [start_ms, end_ms), by day, room, minute. A `world` is used in place of `faults`."""
    world = world or World(school, faults)
    for date in local_days(start_ms, end_ms):
        day = world.day(date)
        first = max(0, -((day.start_ms - start_ms) // MINUTE_MS))
        last = min(MINUTES, -((day.start_ms - end_ms) // MINUTE_MS))
        for room in school.rooms:
            yield from _room_day(day, room.index, first, last)


def write_csv(
    file: TextIO, school: School, start_ms: int, end_ms: int, faults: Sequence[str] = DEFAULT
) -> int:
    """Write `truth` with a header line to an open text file, as it is computed; the number of rows."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(Truth._fields)
    count = 0
    for row in truth(school, start_ms, end_ms, faults):
        writer.writerow(row)
        count += 1
    return count


def intervals(
    school: School, room: str, start_ms: int, end_ms: int, world: World | None = None
) -> list[Interval]:
    """The true presence of one room as intervals that fill [start_ms, end_ms); minutes with people are occupied.

    Raises UsageError for an unknown room.
    """
    world = world or World(school)
    index = school.room(room).index
    found: list[Interval] = []
    for date in local_days(start_ms, end_ms):
        day = world.day(date)
        present = day.physics.people.people[index] > 0
        for minute in range(MINUTES):
            begin = max(start_ms, day.start_ms + minute * MINUTE_MS)
            end = min(end_ms, day.start_ms + (minute + 1) * MINUTE_MS)
            if begin >= end:
                continue
            state = OCCUPIED if present[minute] else VACANT
            if found and found[-1].state == state:
                found[-1] = found[-1]._replace(end_ms=end)
            else:
                found.append(Interval(begin, end, state))
    return found


def _room_day(day: Day, index: int, first: int, last: int) -> Iterator[Truth]:
    physics, room = day.physics, day.school.rooms[index]
    scheduled = [("", "", "")] * MINUTES
    for plan in physics.people.plans:
        lesson = plan.lesson
        if lesson.room == room.id:
            start, end = day.school.bell_minutes[lesson.weekday, lesson.session, lesson.period]
            scheduled[start:end] = [(lesson.school_class, lesson.subject, plan.went)] * (end - start)
    broken = [
        ";".join(f.kind for f in day.by_room.get(room.id, ()) if f.start_minute <= m < f.end_minute)
        for m in range(MINUTES)
    ]
    people = physics.people.people[index].tolist()
    use = physics.people.use[index].tolist()
    co2 = physics.co2_ppm[index].round().astype(int).tolist()
    plug, cooling, lamps = (
        on[index].astype(int).tolist() for on in (physics.plug_on, physics.cooling_on, physics.lamps_on)
    )
    for m in range(first, last):
        yield Truth(
            day.start_ms + m * MINUTE_MS,
            room.id,
            room.board,
            people[m],
            USES[use[m]],
            *scheduled[m],
            co2[m],
            plug[m],
            cooling[m],
            lamps[m],
            broken[m],
        )
