"""The part of `Records` about what is derived: intervals, facts, their sums, calibrations, closed months."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from campus.calendar.months import month_of
from campus.indicators import EquipmentFact, RoomFact
from campus.indicators.ghosts import LessonDay
from campus.indicators.sums import EquipmentSums, LinkSums, RoomSums
from campus.indicators.tariff import Tariff
from campus.inference import EQUIPMENT, ROOM, Interval, Stretch
from campus.records import (
    audit,
    derivations,
    dirty,
    facts,
    lesson_use,
    lessons,
    months,
    ranges,
    remembered,
    sums,
    tariffs,
)
from campus.records.database import Database
from campus.records.entities import Amendment, Calibration, ClosedMonth, Derivation, Dirty
from campus.records.instants import to_ms
from campus.records.lesson_use import LessonUse
from campus.records.paging import Page
from campus.records.remembered import Keeping, Remembered


class DerivedRecords:
    """Every method is one transaction. Sums of a thing that has no fact in the range are missing."""

    _database: Database
    _remembered: Remembered
    _now: Callable[[], datetime]

    def derived_through(self, site: str, room: str) -> int | None:
        """Unix ms up to which intervals and facts are final; None before the first derivation."""
        with self._database.read() as session:
            return derivations.through(session, site, room)

    def checkpoint(self, site: str, room: str, before_ms: int) -> tuple[int, dict[str, Any]] | None:
        """(at_ms, state) of the latest checkpoint at or before `before_ms`."""
        with self._database.read() as session:
            return derivations.checkpoint(session, site, room, before_ms)

    def store_derivation(
        self,
        site: str,
        room: str,
        start_ms: int,
        end_ms: int,
        intervals: Sequence[Interval],
        facts: Sequence[RoomFact],
        checkpoints: Sequence[tuple[int, Mapping[str, Any]]],
        derived_through_ms: int,
    ) -> None:
        """Replace what is derived of [start_ms, end_ms), a part of a day or many days, in one transaction.

        Stored intervals are clipped to the outside of the range, `intervals` to the inside, and equal
        states that touch are merged. Facts whose slot starts in the range are removed; a given fact
        replaces one of the same slot wherever it starts. Checkpoints in (start_ms, end_ms] are
        replaced. Raises ValueError for intervals that overlap, are empty or not ascending.
        """
        self.store_derivations(
            [Derivation(site, room, start_ms, end_ms, intervals, facts, checkpoints, derived_through_ms)]
        )

    def store_derivations(self, parts: Sequence[Derivation]) -> None:
        """store_derivation for several rooms or ranges, all in one transaction."""
        with self._database.write() as session:
            derivations.store(session, parts, self._now())

    def restate(
        self,
        site: str,
        room: str,
        start_ms: int,
        end_ms: int,
        facts: Sequence[RoomFact],
        equipment_facts: Sequence[EquipmentFact],
        settled: Sequence[int] = (),
    ) -> None:
        """Replace the facts whose slot starts in [start_ms, end_ms), and nothing else of what is derived.

        `settled`: numbers of what was dirty, and is not any more.
        """
        with self._database.write() as session:
            derivations.restate(
                session, site, room, start_ms, end_ms, facts, equipment_facts, settled, self._now()
            )

    def settle(self, numbers: Sequence[int]) -> None:
        """What was dirty under these numbers is not any more."""
        with self._database.write() as session:
            dirty.settle(session, numbers)

    def intervals(self, site: str, room: str, start_ms: int, end_ms: int) -> list[Interval]:
        """Intervals of a room clipped to [start_ms, end_ms), ascending."""
        with self._database.read() as session:
            return derivations.intervals(session, site, room, start_ms, end_ms)

    def facts(
        self, site: str, room: str | None = None, start: date = date.min, end: date = date.max
    ) -> list[RoomFact]:
        """Facts of the local dates [start, end), of a room or of all; by room and slot."""
        with self._database.read() as session:
            return facts.read(session, RoomFact, site, room, start, end)

    def lesson_use(self, site: str, room: str, start: date, end: date) -> list[LessonUse]:
        """The lesson slots of a room on the local dates [start, end), in order."""
        with self._database.read() as session:
            return lesson_use.read(session, site, room, start, end)

    def equipment_facts(
        self, site: str, room: str | None = None, start: date = date.min, end: date = date.max
    ) -> list[EquipmentFact]:
        """Facts of equipment of the local dates [start, end), in a room or in all; by room, slot and piece."""
        with self._database.read() as session:
            return facts.read(session, EquipmentFact, site, room, start, end)

    def facts_page(
        self,
        site: str,
        room: str | None,
        start: date,
        end: date,
        page: Page,
        kind: str | None = None,
        outcome: str | None = None,
    ) -> list[RoomFact]:
        """A page of the facts of the local dates [start, end), by date, slot and room."""
        with self._database.read() as session:
            equal = {"kind": kind, "outcome": outcome}
            return facts.page_of(session, RoomFact, site, room, start, end, equal, page)

    def equipment_facts_page(
        self,
        site: str,
        room: str | None,
        start: date,
        end: date,
        page: Page,
        equipment: str | None = None,
        kind: str | None = None,
    ) -> list[EquipmentFact]:
        """A page of the facts of equipment of the local dates [start, end), by date, slot, room and piece."""
        with self._database.read() as session:
            equal = {"equipment": equipment, "kind": kind}
            return facts.page_of(session, EquipmentFact, site, room, start, end, equal, page)

    def stretches(
        self, site: str, kind: str, id: str, aspect: str, start_ms: int, end_ms: int
    ) -> list[Stretch]:
        """Stretches of one aspect of one thing, clipped to [start_ms, end_ms), ascending."""
        with self._database.read() as session:
            return derivations.stretches(session, site, kind, id, aspect, start_ms, end_ms)

    def calibrations(
        self, site: str, kind: str, ids: Sequence[str], start_ms: int, end_ms: int
    ) -> list[Calibration]:
        """Those issued in [start_ms, end_ms) and, of each thing, the last one before; by thing and time."""
        with self._database.read() as session:
            return derivations.calibrations(session, site, kind, ids, start_ms, end_ms)

    def dirty(self, site: str | None = None, room: str | None = None) -> list[Dirty]:
        """Dates whose facts an edit has touched and that were not made anew yet, in the order of the edits."""
        with self._database.read() as session:
            return dirty.read(session, site, room)

    def lesson_days(
        self, site: str, start: date, end: date, rooms: Sequence[str] | None = None
    ) -> list[LessonDay]:
        """The lessons of each room and local date of [start, end) and how they went, by date; of these rooms or all."""
        with self._database.read() as session:
            return lessons.read(session, site, start, end, rooms)

    # sums of facts

    def room_sums(
        self, site: str, start: date, end: date, rooms: Sequence[str] | None = None, subject_group: str = ""
    ) -> dict[str, RoomSums]:
        """room -> sums over the local dates [start, end); of one subject group's lessons only, if it is given."""
        with self._database.read() as session:
            return ranges.read(session, RoomSums, ROOM, site, start, end, rooms, subject_group)

    def equipment_sums(
        self,
        site: str,
        start: date,
        end: date,
        ids: Sequence[str] | None = None,
        subject_group: str = "",
        fields: Sequence[str] = (),
    ) -> dict[str, EquipmentSums]:
        """equipment -> sums over the local dates [start, end); of one subject group's lessons only, if it is given.

        `fields`: only these are read, the others are zero.
        """
        with self._database.read() as session:
            return ranges.read(
                session, EquipmentSums, EQUIPMENT, site, start, end, ids, subject_group, fields
            )

    def total(
        self,
        kind: type[sums.Sums],
        what: str,
        site: str,
        start: date,
        end: date,
        ids: Sequence[str] | None = None,
        subject_group: str = "",
    ) -> sums.Sums:
        """The sums of rooms, pieces of equipment or boards (`what`: ROOM, EQUIPMENT, BOARD) added up over these."""
        with self._database.read() as session:
            return ranges.total(session, kind, what, site, start, end, ids, subject_group)

    def link_sums(
        self, site: str, kind: str, start: date, end: date, ids: Sequence[str] | None = None
    ) -> dict[str, LinkSums]:
        """board or room (`kind`) -> sums of its connectivity over the local dates [start, end)."""
        with self._database.read() as session:
            return ranges.read(session, LinkSums, kind, site, start, end, ids)

    def remembering(self, site: str) -> Keeping:
        """What is remembered of the site, and valid now. Nobody changes what it gives."""
        with self._database.read() as session:
            return Keeping(self._remembered, site, remembered.numbers(session, site))

    def remember(self, most: int = remembered.MOST) -> None:
        """Forget what was asked for, and keep the newest `most` rows from here on; 0, to measure what asking costs."""
        self._remembered = Remembered(most)

    def tariffs(self, site: str) -> list[Tariff]:
        """What a kilowatt hour costs, by the date from which it does."""
        with self._database.read() as session:
            return tariffs.read(session, site)

    # months

    def close_month(self, site: str, month: date, by: str) -> ClosedMonth:
        """Sign the figures of the month of a date: its sums are kept as they are now, beside those to come.

        Raises UsageError for a month that is closed, not over, not derived to its end, or being made anew.
        """
        with self._database.write() as session:
            closed = months.close(session, site, month, by, self._now())
            after = {"closed_by": by, "calendar_version": closed.calendar_version}
            month_id = f"{closed.start:%Y-%m}"
            audit.note(session, to_ms(self._now()), "month.closed", "month", month_id, None, after, site)
        return closed

    def closed_months(self, site: str) -> list[ClosedMonth]:
        """The newest first."""
        with self._database.read() as session:
            return months.read(session, site)

    def closed_room_sums(self, site: str, month: date, subject_group: str = "") -> dict[str, RoomSums]:
        """room -> sums of a month as they were when it was closed."""
        with self._database.read() as session:
            return ranges.closed(session, RoomSums, ROOM, site, month_of(month), subject_group)

    def closed_equipment_sums(self, site: str, month: date) -> dict[str, EquipmentSums]:
        """equipment -> sums of a month as they were when it was closed."""
        with self._database.read() as session:
            return ranges.closed(session, EquipmentSums, EQUIPMENT, site, month_of(month))

    def amendments(self, site: str, month: date) -> list[Amendment]:
        """What changed in a closed month since, in the order in which it did."""
        with self._database.read() as session:
            return months.amendments(session, site, month)
