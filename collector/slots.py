"""Intervals of a room, those just derived beside those that are stored, to the facts of the slots that they end."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from campus.indicators import RoomFact
from campus.indicators.facts import facts, ms
from campus.inference import Interval
from campus.inference.intervals import SETTLE_MS
from campus.records import Records
from campus.records.entities import Room
from collector.days import dates


def slot_facts(
    records: Records, room: Room, cut: Sequence[Interval], at: int, end: int, zone: ZoneInfo
) -> list[RoomFact]:
    """Of the slots that ended within [at, end), and again of those just before: a run's length may have shown."""
    calendar = records.calendar(room.site)
    made: list[RoomFact] = []
    for day in dates(at - SETTLE_MS, end, zone):
        slots = calendar.slots(day)
        wanted = {slot.start for slot in slots if at - SETTLE_MS < ms(slot.end) <= end}
        if not wanted:
            continue
        first = ms(slots[0].start) - SETTLE_MS
        known = [
            *records.intervals(room.site, room.id, first, max(at, first)),
            *cut,
            *records.intervals(room.site, room.id, end, end + SETTLE_MS),
        ]
        every = facts(room.site, room.id, known, slots, calendar.scheduled(room.id, day))
        made += [fact for fact in every if fact.start in wanted]
    return made
