"""Telemetry → intervals → facts, room by room and local day by local day, durable in the records."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from campus.indicators import RoomFact
from campus.indicators.facts import facts, ms
from campus.inference import Interval
from campus.inference.fuse import HOLD_MIN, fuse
from campus.inference.intervals import SETTLE_MS, intervals
from campus.inference.parameters import parameters
from campus.inference.presence import MINUTE_MS, Presence, PresenceStep
from campus.records import Records
from campus.records.entities import Room
from campus.telemetry import TelemetryStore
from collector.intake import LATE_MS, BoardKey
from collector.places import Places
from collector.readings import EARLIEST_MS

PATIENCE_MS = 3_000
"""Late data that came within this may go on coming: only days that it has passed are derived."""
PERIOD_MS = 60_000
LOOK_BACK_MS = 48 * 3600 * 1000
HOLD_MS = HOLD_MIN * MINUTE_MS


@dataclass(slots=True)
class _Room:
    room: Room
    loaded: bool = False
    through_ms: int | None = None  # intervals are final up to here
    presence: Presence = field(default_factory=Presence)
    reached: tuple[int, dict[str, Any]] | None = None  # (at_ms, presence state) of what was stored last
    dirty: tuple[int, int] | None = None  # observed [first, last], came late, and not yet derived from
    taken: tuple[int, int] | None = None  # of `dirty`, while it is worked on
    dirty_since_ms: int = 0
    touched_at_ms: int = 0
    boards: dict[BoardKey, int] = field(default_factory=dict)  # whose late data that is, up to which batch
    searched_ms: int = 0  # nothing was ever observed before
    next_run_ms: int = 0


class Deriver:
    """`touched` is called by any thread, `derive` by one. `cleared(done)` tells the journal what is derived.

    `changed(site, room)` is called when the past of a room was derived anew up to the present.
    """

    def __init__(
        self,
        records: Records,
        telemetry: TelemetryStore,
        places: Places,
        clock_ms: Callable[[], int],
        cleared: Callable[[Sequence[tuple[str, str, int]]], None] = lambda done: None,
        changed: Callable[[str, str], None] = lambda site, room: None,
        patience_ms: int = PATIENCE_MS,
    ) -> None:
        self._records, self._telemetry, self._places = records, telemetry, places
        self._clock_ms, self._cleared, self._changed = clock_ms, cleared, changed
        self._patience_ms = patience_ms
        self._lock = threading.Lock()
        self._one = threading.Lock()
        self._rooms: dict[tuple[str, str], _Room] = {}
        self.days = 0

    def touched(self, site: str, board: str, first_ms: int, last_ms: int, number: int) -> None:
        """The store now has observations of [first_ms, last_ms] of a board. Only what came late needs attention."""
        now = self._clock_ms()
        for name in self._places.rooms_of(site, board, first_ms, last_ms):
            found = self._room(site, name)
            if found is None or first_ms >= max(now - LATE_MS, found.through_ms or 0):
                continue
            with self._lock:
                if found.dirty is None:
                    found.dirty_since_ms = now
                found.dirty = _union(found.dirty, (first_ms, last_ms))
                found.touched_at_ms = now
                found.boards[site, board] = number

    def _room(self, site: str, name: str) -> _Room | None:
        room = self._places.room(site, name)
        if room is None:
            return None
        with self._lock:
            return self._rooms.setdefault((site, name), _Room(room))

    def state(self, site: str, room: str) -> tuple[int, dict[str, Any], Interval | None] | None:
        """(at_ms, presence state, the interval that ends there) of the end of the derived record.

        Where that is not at hand, of the last checkpoint before; None when nothing is derived.
        """
        found = self._rooms.get((site, room))
        if found is not None and found.reached is not None and found.reached[0] == found.through_ms:
            at_ms, state = found.reached
        else:
            checkpoint = self._records.checkpoint(site, room, self._clock_ms())
            if checkpoint is None:
                return None
            at_ms, state = checkpoint
        past = self._records.intervals(site, room, at_ms - LOOK_BACK_MS, at_ms)
        return at_ms, state, past[-1] if past and past[-1].end_ms == at_ms else None

    def derive(self, until_ms: int | None = None, *, patient: bool = False) -> int:
        """Derive what can be: every room up to SETTLE_MS before `until_ms` (default: now). Returns room-days stored.

        `patient` leaves alone what is still arriving, and rooms that were looked at within PERIOD_MS.
        Raises StoreError when a store is away; nothing is half derived.
        """
        until = self._clock_ms() if until_ms is None else until_ms
        stored = 0
        with self._one:
            for room in self._places.rooms():
                found = self._room(room.site, room.id)
                if found is not None and (not patient or self._is_due(found, until)):
                    stored += self._follow(found, until, patient)
        self.days += stored
        return stored

    def settled(self, until_ms: int) -> bool:
        """Whether every room that was ever measured is derived through `until_ms`; ends the patience with late data."""
        done = True
        for room in self._places.rooms():
            found = self._room(room.site, room.id)
            if found is None:
                continue
            with self._lock:
                found.touched_at_ms = 0
                late = [span for span in (found.dirty, found.taken) if span and span[0] < until_ms]
            reached = found.through_ms if found.loaded else None
            done = done and not late and (reached >= until_ms if reached is not None else found.loaded)
        return done

    def _is_due(self, found: _Room, now: int) -> bool:
        if found.dirty is not None:
            return True  # `_follow` decides how far
        if now < found.next_run_ms <= now + PERIOD_MS:
            return False
        found.next_run_ms = now + PERIOD_MS
        return True

    def _follow(self, found: _Room, until: int, patient: bool) -> int:
        if not found.loaded:
            found.through_ms = self._records.derived_through(found.room.site, found.room.id)
            found.loaded = True
        zone = ZoneInfo(self._places.tz(found.room.site))
        goal = (until - SETTLE_MS) // MINUTE_MS * MINUTE_MS
        with self._lock:
            dirty = found.taken = found.dirty
            found.dirty = None
            boards, found.boards = found.boards, {}
            since, touched_at = found.dirty_since_ms, found.touched_at_ms
        stored, left = 0, dirty
        try:
            now = self._clock_ms()
            if dirty is not None and patient and now - touched_at < self._patience_ms:
                passed = dirty[1] // MINUTE_MS * MINUTE_MS
                goal = min(goal, passed if now - since > PERIOD_MS else _midnight(passed, zone))
            wanted = self._wanted(found, dirty)
            if wanted is not None and wanted < goal:
                start = self._begin(found, wanted, zone)
                stored = self._run(found, start, goal, dirty, zone)
                left = None
                if dirty is not None and (
                    goal <= dirty[1] or (goal < (found.through_ms or 0) and found.reached)
                ):
                    left = (max(dirty[0], goal), max(dirty[1], goal))
        except BaseException:
            found.reached, found.loaded = None, False  # what is in memory may be ahead of the records
            raise
        finally:
            with self._lock:
                found.taken = None
                if left is not None:
                    found.dirty, found.dirty_since_ms = (
                        _union(found.dirty, left),
                        self._clock_ms() if stored else since,
                    )
                    found.boards = boards | found.boards
        if dirty is not None and left is None:
            self._cleared([(*board, number) for board, number in boards.items()])
        if dirty is not None and goal >= now - SETTLE_MS - MINUTE_MS:
            self._changed(found.room.site, found.room.id)
        return stored

    def _wanted(self, found: _Room, dirty: tuple[int, int] | None) -> int | None:
        """From when on something is to be derived; None: nothing was ever observed."""
        wanted = found.through_ms
        if dirty is not None:
            wanted = dirty[0] if wanted is None else min(wanted, dirty[0])
        if wanted is None:
            extent = self._telemetry.extent()
            if extent is None:
                return None
            wanted = max(extent[0], found.searched_ms)
        return max(wanted, EARLIEST_MS) // MINUTE_MS * MINUTE_MS

    def _begin(self, found: _Room, wanted: int, zone: ZoneInfo) -> int:
        """Make the presence of the moment `wanted` ready, or of the midnight before; returns that moment."""
        chosen = parameters(found.room.room_type)
        known = found.reached
        if known is None or known[0] != wanted:
            known = self._records.checkpoint(found.room.site, found.room.id, wanted)
        try:
            if known is not None:
                found.presence = Presence.restore(known[1], chosen)
                return known[0]
        except ValueError:
            pass  # of an older version of the algorithm: from the start of that day, without its memory
        found.presence = Presence(chosen)
        return _midnight(wanted, zone)

    def _run(self, found: _Room, start: int, goal: int, dirty: tuple[int, int] | None, zone: ZoneInfo) -> int:
        stored, at, before = 0, start, found.through_ms
        while at < goal:
            midnight = _next_midnight(at, zone)
            end = min(midnight, goal)
            known = None
            if before is not None and dirty is not None and dirty[1] < end == midnight < before:
                known = self._records.checkpoint(found.room.site, found.room.id, end)
            stored += self._chunk(found, at, end, end == midnight, zone)
            at = end
            if known is not None and known == found.reached:
                found.reached = None  # the rest is as it was
                break
        return stored

    def _chunk(self, found: _Room, at: int, end: int, whole: bool, zone: ZoneInfo) -> int:
        """Derive [at, end), which lies in one local day; `whole` puts a checkpoint at its end."""
        site, name, presence = found.room.site, found.room.id, found.presence
        samples = self._places.read(self._telemetry, site, name, at - HOLD_MS, end + SETTLE_MS)
        if found.through_ms is None and presence.next_ms is None and not any(samples.values()):
            found.searched_ms = end
            return 0
        steps: list[PresenceStep] = [step for step in presence.recent if step.minute_ms >= at - SETTLE_MS]
        steps += [presence.step(minute, inputs) for minute, inputs in fuse(samples, at, end)]
        state = presence.state()
        ahead = Presence.restore(state, presence.parameters)
        steps += [ahead.step(minute, inputs) for minute, inputs in fuse(samples, end, end + SETTLE_MS)]
        cut = intervals(steps, at, end, presence.parameters)
        made = self._facts(found.room, cut, at, end, zone)
        through = end if found.through_ms is None else max(end, found.through_ms)
        self._records.store_derivation(
            site, name, at, end, cut, made, [(end, state)] if whole else [], through
        )
        found.through_ms, found.reached = through, (end, state)
        return 1

    def _facts(
        self, room: Room, cut: Sequence[Interval], at: int, end: int, zone: ZoneInfo
    ) -> list[RoomFact]:
        """Of the slots that ended within [at, end), and again of those just before: a run's length may have shown."""
        calendar = self._records.calendar(room.site)
        made: list[RoomFact] = []
        for day in _days(at - SETTLE_MS, end, zone):
            slots = calendar.slots(day)
            wanted = {slot.start for slot in slots if at - SETTLE_MS < ms(slot.end) <= end}
            if not wanted:
                continue
            first = ms(slots[0].start) - SETTLE_MS
            known = [
                *self._records.intervals(room.site, room.id, first, max(at, first)),
                *cut,
                *self._records.intervals(room.site, room.id, end, end + SETTLE_MS),
            ]
            every = facts(room.site, room.id, known, slots, calendar.scheduled(room.id, day))
            made += [fact for fact in every if fact.start in wanted]
        return made


def _union(a: tuple[int, int] | None, b: tuple[int, int]) -> tuple[int, int]:
    return b if a is None else (min(a[0], b[0]), max(a[1], b[1]))


def _local(at_ms: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).date()


def _of(day: date, zone: ZoneInfo) -> int:
    return ms(datetime.combine(day, time(), zone))


def _midnight(at_ms: int, zone: ZoneInfo) -> int:
    """The local midnight at or before."""
    return _of(_local(at_ms, zone), zone)


def _next_midnight(at_ms: int, zone: ZoneInfo) -> int:
    return _of(_local(at_ms, zone) + timedelta(days=1), zone)


def _days(start_ms: int, end_ms: int, zone: ZoneInfo) -> list[date]:
    first, last = _local(start_ms, zone), _local(end_ms - 1, zone)
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
