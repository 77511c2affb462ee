"""What an edit of the records has touched: facts are made anew from stored intervals, or dates from their readings."""

from zoneinfo import ZoneInfo

from campus.inference.room import RoomModel
from campus.records import Records
from campus.records.dirty import READINGS
from campus.records.entities import Dirty, Room
from collector.days import next_midnight, start_of
from collector.slots import day_facts


def span_of(edit: Dirty, zone: ZoneInfo) -> tuple[int, int]:
    """[first, last] ms of the dates that have to be derived from their readings again."""
    return start_of(edit.start, zone), start_of(edit.end, zone) - 1


def needs_readings(edit: Dirty) -> bool:
    return edit.again == READINGS


def restate(records: Records, room: Room, model: RoomModel, edit: Dirty, zone: ZoneInfo) -> int:
    """Make the facts of its dates anew from the stored intervals, day by day; returns the number of days.

    The edit is settled with the last day: a break begins again from the first, and comes to the same.
    """
    through_ms = records.derived_through(room.site, room.id) or 0
    calendar, pieces = records.calendar(room.site), list(model.kinds)
    at, end, days = start_of(edit.start, zone), min(start_of(edit.end, zone), through_ms), 0
    day = edit.start
    while at < end:
        made = day_facts(records, room, pieces, calendar.slots(day), through_ms)
        at, begin = next_midnight(at, zone), at
        settled = [edit.number] if at >= end else []
        records.restate(room.site, room.id, begin, min(at, end), *made, settled)
        day, days = day.fromordinal(day.toordinal() + 1), days + 1
    if not days:
        records.settle([edit.number])
    return days
