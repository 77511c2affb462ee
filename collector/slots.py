"""Intervals and stretches, those just derived beside those that are stored, to the facts of the slots that they end."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from campus.calendar import Lesson, Slot
from campus.indicators import EquipmentFact, RoomFact
from campus.indicators.equipment import equipment_facts
from campus.indicators.facts import facts, ms
from campus.inference import CO2, EQUIPMENT, PEOPLE, POWER, TEMPERATURE, Interval, Stretch
from campus.inference import ROOM as OF_ROOM
from campus.inference.intervals import SETTLE_MS
from campus.records import Records
from campus.records.entities import Room
from collector.days import dates

Span = TypeVar("Span", Interval, Stretch)

ASPECTS = (PEOPLE, CO2, TEMPERATURE)
Made = tuple[list[RoomFact], list[EquipmentFact]]
Given = Mapping[tuple[str, str, str], Sequence[Stretch]]
Known = Callable[[str, str, str], list[Stretch]]
"""(kind, id, aspect) -> stretches around the day in hand."""


def slot_facts(
    records: Records,
    room: Room,
    cut: Sequence[Interval],
    stretches: Given,
    pieces: Sequence[str],
    start_ms: int,
    end_ms: int,
    zone: ZoneInfo,
) -> Made:
    """Of the slots that ended within [start_ms, end_ms), and again of those just before: a run's length may have shown.

    `cut` and `stretches` are of that range; what was before it, and after, is read from the records. `pieces` are the
    equipment that may have been metered in the room.
    """
    calendar = records.calendar(room.site)
    made: Made = ([], [])
    for day in dates(start_ms - SETTLE_MS, end_ms, zone):
        slots = calendar.slots(day)
        wanted = {slot.start for slot in slots if start_ms - SETTLE_MS < ms(slot.end) <= end_ms}
        if not wanted:
            continue
        first = ms(slots[0].start) - SETTLE_MS
        before = (first, max(start_ms, first))
        after = (end_ms, end_ms + SETTLE_MS)
        presence = [
            *records.intervals(room.site, room.id, *before),
            *cut,
            *records.intervals(room.site, room.id, *after),
        ]

        def known(kind: str, id: str, aspect: str) -> list[Stretch]:
            return [
                *records.stretches(room.site, kind, id, aspect, *before),  # noqa: B023 - called in this turn only
                *stretches.get((kind, id, aspect), ()),
            ]

        _add(room, slots, calendar.scheduled(room.id, day), presence, known, pieces, wanted, made)
    return made


class Stored:
    """What is stored of a room and its equipment over [start_ms, end_ms): read once, handed out day by day."""

    def __init__(
        self, records: Records, room: Room, pieces: Sequence[str], start_ms: int, end_ms: int
    ) -> None:
        self._presence = _Spans(records.intervals(room.site, room.id, start_ms, end_ms))
        self._stretches = {
            (kind, id, aspect): _Spans(records.stretches(room.site, kind, id, aspect, start_ms, end_ms))
            for kind, id, aspect in (
                *((OF_ROOM, room.id, aspect) for aspect in ASPECTS),
                *((EQUIPMENT, piece, POWER) for piece in pieces),
            )
        }

    def presence(self, start_ms: int, end_ms: int) -> list[Interval]:
        """Clipped to [start_ms, end_ms)."""
        return self._presence.within(start_ms, end_ms)

    def stretches(self, kind: str, id: str, aspect: str, start_ms: int, end_ms: int) -> list[Stretch]:
        """Clipped to [start_ms, end_ms)."""
        return self._stretches[kind, id, aspect].within(start_ms, end_ms)


class _Spans(Generic[Span]):
    def __init__(self, spans: Sequence[Span]) -> None:
        self._spans: Sequence[Span] = spans
        self._starts = [span.start_ms for span in spans]

    def within(self, start_ms: int, end_ms: int) -> list[Span]:
        first = max(0, bisect_right(self._starts, start_ms) - 1)
        found = list(self._spans[first : bisect_left(self._starts, end_ms)])
        if found and found[0].end_ms <= start_ms:
            del found[0]
        if found and found[0].start_ms < start_ms:
            found[0] = found[0]._replace(start_ms=start_ms)
        if found and found[-1].end_ms > end_ms:
            found[-1] = found[-1]._replace(end_ms=end_ms)
        return found


def day_facts(
    stored: Stored,
    room: Room,
    pieces: Sequence[str],
    day_slots: Sequence[Slot],
    scheduled: Mapping[tuple[str, int], Lesson],
    through_ms: int,
) -> Made:
    """The facts of a day from what is stored, of the slots that ended by `through_ms`.

    `stored` reaches SETTLE_MS beyond the day.
    """
    made: Made = ([], [])
    wanted = {slot.start for slot in day_slots if ms(slot.end) <= through_ms}
    if wanted:
        span = (ms(day_slots[0].start) - SETTLE_MS, ms(day_slots[-1].end) + SETTLE_MS)

        def known(kind: str, id: str, aspect: str) -> list[Stretch]:
            return stored.stretches(kind, id, aspect, *span)

        _add(room, day_slots, scheduled, stored.presence(*span), known, pieces, wanted, made)
    return made


def _add(
    room: Room,
    slots: Sequence[Slot],
    scheduled: Mapping[tuple[str, int], Lesson],
    presence: Sequence[Interval],
    known: Known,
    pieces: Sequence[str],
    wanted: set[datetime],
    made: Made,
) -> None:
    of_room = {aspect: known(OF_ROOM, room.id, aspect) for aspect in ASPECTS}
    every = facts(room.site, room.id, presence, slots, scheduled, stretches=of_room, capacity=room.capacity)
    made[0].extend(fact for fact in every if fact.start in wanted)
    for piece in pieces:
        power = known(EQUIPMENT, piece, POWER)
        if power:
            of_piece = equipment_facts(room.site, piece, room.id, power, presence, slots, scheduled)
            made[1].extend(fact for fact in of_piece if fact.start in wanted)
