"""What an edit of the records has touched: facts are made anew from stored intervals, or dates from their readings."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from campus.indicators import EquipmentFact, RoomFact
from campus.inference.intervals import SETTLE_MS
from campus.inference.room import RoomModel
from campus.records import Records
from campus.records.dirty import READINGS
from campus.records.entities import Dirty, Room
from collector.days import start_of
from collector.slots import Stored, day_facts

BATCH_DAYS = 31
"""Of a room, in one transaction: others wait for a fraction of a second."""


def span_of(edit: Dirty, zone: ZoneInfo) -> tuple[int, int]:
    """[first, last] ms of the dates that have to be derived from their readings again."""
    return start_of(edit.start, zone), start_of(edit.end, zone) - 1


def needs_readings(edit: Dirty) -> bool:
    return edit.again == READINGS


def restate(records: Records, room: Room, model: RoomModel, edit: Dirty, zone: ZoneInfo) -> int:
    """Make the facts of its dates anew from the stored intervals, BATCH_DAYS a transaction; returns the number of days.

    The edit is settled with the last day: a break begins again from the first, and comes to the same.
    """
    through_ms = records.derived_through(room.site, room.id) or 0
    calendar, pieces = records.calendar(room.site), list(model.kinds)
    end, days = min(start_of(edit.end, zone), through_ms), 0
    day = edit.start
    while (begin := start_of(day, zone)) < end:
        after = min(day + timedelta(days=BATCH_DAYS), edit.end)
        finish = min(start_of(after, zone), end)
        stored = Stored(records, room, pieces, begin - SETTLE_MS, start_of(after, zone) + SETTLE_MS)
        room_facts: list[RoomFact] = []
        equipment_facts: list[EquipmentFact] = []
        while day < after and start_of(day, zone) < finish:
            scheduled = calendar.scheduled(room.id, day)
            made = day_facts(stored, room, pieces, calendar.slots(day), scheduled, through_ms)
            room_facts += made[0]
            equipment_facts += made[1]
            day, days = day + timedelta(days=1), days + 1
        settled = [edit.number] if finish == end else []
        records.restate(room.site, room.id, begin, finish, room_facts, equipment_facts, settled)
    if not days:
        records.settle([edit.number])
    return days
