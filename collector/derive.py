"""Telemetry → intervals → facts, room by room and local day by local day, durable in the records."""

import logging
import threading
from collections.abc import Callable, Set
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from campus.errors import StoreError
from campus.inference import Interval
from campus.inference.intervals import SETTLE_MS
from campus.inference.presence import MINUTE_MS
from campus.inference.room import Learned, RoomInference, RoomLearning
from campus.records import Records
from campus.records.entities import Room
from campus.telemetry import TelemetryStore
from collector import checkpoints
from collector.batch import LATE_MS
from collector.days import midnight, next_midnight
from collector.edits import needs_readings, restate, span_of
from collector.horizon import Horizon, Thinned
from collector.passage import Passage, stored_calibrations
from collector.places import Places
from collector.progress import Halted, Progress, Told, union
from collector.readings import EARLIEST_MS

log = logging.getLogger(__name__)

PATIENCE_MS = 3_000
"""Late data that came within this may go on coming: only days that it has passed are derived."""
PERIOD_MS = 60_000
LOOK_BACK_MS = 48 * 3600 * 1000


class Deriver:
    """`touched` is called by any thread, `derive` by one. `told` hears of what came of it; `Horizon` bounds it."""

    def __init__(
        self,
        records: Records,
        telemetry: TelemetryStore,
        places: Places,
        clock_ms: Callable[[], int],
        told: Told | None = None,
        patience_ms: int = PATIENCE_MS,
    ) -> None:
        self._records, self._telemetry, self._places = records, telemetry, places
        self._horizon = Horizon(telemetry)
        self._clock_ms, self._told = clock_ms, told or Told()
        self._patience_ms = patience_ms
        self._lock = threading.Lock()
        self._one = threading.Lock()
        self._rooms: dict[tuple[str, str], Progress] = {}
        self._halted = False
        self._edits: Set[int] = set()
        self.days = 0

    def halt(self) -> None:
        """End `derive` after the day of a room that is in hand, now and from now on: it raises Halted."""
        self._halted = True

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
                found.dirty = union(found.dirty, (first_ms, last_ms))
                found.touched_at_ms = now
                found.boards[site, board] = number

    def _room(self, site: str, name: str) -> Progress | None:
        room = self._places.room(site, name)
        if room is None:
            return None
        with self._lock:
            found = self._rooms.setdefault((site, name), Progress(room))
            found.room = room  # as it is now
            return found

    def state(self, site: str, room: str) -> tuple[int, dict[str, Any], Interval | None] | None:
        """(at_ms, state as in `checkpoints`, the interval that ends there) of the end of the derived record.

        Where that is not at hand, of the last checkpoint before; None when nothing is derived.
        """
        found = self._rooms.get((site, room))
        reached = None if found is None else found.reached
        if found is not None and reached is not None and reached[0] == found.through_ms:
            at_ms, state = reached
        else:
            checkpoint = self._records.checkpoint(site, room, self._clock_ms())
            if checkpoint is None:
                return None
            at_ms, state = checkpoint
        past = self._records.intervals(site, room, at_ms - LOOK_BACK_MS, at_ms)
        return at_ms, state, past[-1] if past and past[-1].end_ms == at_ms else None

    def learned_since(self, room: Room, at_ms: int) -> list[Learned]:
        """The calibrations of a room and its equipment that hold at a time and later, by time."""
        return stored_calibrations(self._records, room, self._places.model(room), at_ms)

    def derive(self, until_ms: int | None = None, *, patient: bool = False) -> int:
        """Derive what can be: every room up to SETTLE_MS before `until_ms` (default: now). Returns room-days stored.

        `patient` leaves alone what is still arriving, and rooms that were looked at within PERIOD_MS.
        Raises StoreError when a store is away; nothing is half derived. Another failure of one room is raised
        when the others are done.
        """
        until = self._clock_ms() if until_ms is None else until_ms
        before, failure = self.days, None
        with self._one:
            self._take_edits()
            for room in self._places.rooms():
                found = self._room(room.site, room.id)
                if found is None or (patient and not self._is_due(found, until)):
                    continue
                try:
                    try:
                        self.days += self._follow(found, until, patient)
                    except Thinned:  # again, from behind that
                        self.days += self._follow(found, until, patient)
                    self.days += self._restate(found)
                except StoreError:
                    raise
                except Exception as error:
                    log.exception("Room %s of %s could not be derived", room.id, room.site)
                    failure = failure or error
        if failure is not None:
            raise failure
        return self.days - before

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

    def _take_edits(self) -> None:
        """What edits of the records have touched since; it is noted there until it is made anew."""
        noted = {edit.number: edit for edit in self._records.dirty()}
        if noted.keys() - self._edits:
            self._places.refresh()  # the edit may be of a placement
        self._edits = noted.keys()
        waiting = {number for found in self._rooms.values() for number in found.edits}
        for edit in noted.values():
            found = self._room(edit.site, edit.room)
            if found is None:
                continue
            if not needs_readings(edit):
                found.restate.setdefault(edit.number, edit)
            elif edit.number not in waiting:
                found.edits.append(edit.number)
                first, last = span_of(edit, self._places.zone(edit.site))
                reached = self._records.derived_through(edit.site, edit.room) or 0
                with self._lock:  # what is not derived yet will be with the placements of now
                    found.dirty = union(found.dirty, (first, max(first, min(last, reached - 1))))
                    found.dirty_since_ms = self._clock_ms()

    def _restate(self, found: Progress) -> int:
        days, model = 0, self._places.model(found.room)
        while found.restate:
            if self._halted:
                raise Halted("The collector stops; facts are made anew when it runs again.")
            number, edit = next(iter(found.restate.items()))
            days += restate(self._records, found.room, model, edit, self._places.zone(edit.site))
            del found.restate[number]
        return days

    def _is_due(self, found: Progress, now: int) -> bool:
        if found.dirty is not None or found.restate:
            return True  # `_follow` decides how far
        if now < found.next_run_ms <= now + PERIOD_MS:
            return False
        found.next_run_ms = now + PERIOD_MS
        return True

    def _follow(self, found: Progress, until: int, patient: bool) -> int:
        if not found.loaded:
            found.through_ms = self._records.derived_through(found.room.site, found.room.id)
            found.loaded = True
        zone = ZoneInfo(self._places.tz(found.room.site))
        goal = (until - SETTLE_MS) // MINUTE_MS * MINUTE_MS
        if found.through_ms is not None and found.through_ms > goal:
            found.through_ms = goal  # the clock was ahead, and has been set back
        horizon = self._horizon.start_ms(zone)
        with self._lock:
            dirty = found.dirty and self._horizon.clip(found.dirty, horizon)
            found.taken, found.dirty = dirty, None
            boards, found.boards = found.boards, {}
            since, touched_at = found.dirty_since_ms, found.touched_at_ms
        stored, left = 0, dirty
        try:
            now = self._clock_ms()
            if dirty is not None and patient and now - touched_at < self._patience_ms:
                passed = dirty[1] // MINUTE_MS * MINUTE_MS
                goal = min(goal, passed if now - since > PERIOD_MS else midnight(passed, zone))
            wanted = self._wanted(found, dirty, horizon)
            if wanted is not None and wanted < goal:
                start = self._begin(found, wanted, horizon, zone)
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
                        union(found.dirty, left),
                        self._clock_ms() if stored else since,
                    )
                    found.boards = boards | found.boards
        if left is None and found.edits:
            self._records.settle(found.edits)
            found.edits.clear()
        if boards and left is None:
            self._told.cleared([(*board, number) for board, number in boards.items()])
        if dirty is not None and goal >= now - SETTLE_MS - MINUTE_MS:
            self._told.changed(found.room.site, found.room.id)
        return stored

    def _wanted(self, found: Progress, dirty: tuple[int, int] | None, horizon: int) -> int | None:
        """From when on something is to be derived; None: nothing was ever observed."""
        wanted = found.through_ms
        if dirty is not None:
            wanted = dirty[0] if wanted is None else min(wanted, dirty[0])
        if wanted is None:
            extent = self._telemetry.extent()
            if extent is None:
                return None
            wanted = max(extent[0], found.searched_ms)
        return max(wanted, EARLIEST_MS, horizon) // MINUTE_MS * MINUTE_MS

    def _begin(self, found: Progress, wanted: int, horizon: int, zone: ZoneInfo) -> int:
        """Make ready to go on from the moment `wanted`, or from the midnight before; returns that moment."""
        room, model = found.room, self._places.model(found.room)
        known, passage = found.reached, found.passage
        there = known is not None and known[0] == wanted >= horizon
        if there and passage and (passage.room, passage.model, passage.zone) == (room, model, zone):
            passage.through_ms = found.through_ms
            return wanted
        if known is None or known[0] != wanted:
            known = self._records.checkpoint(room.site, room.id, wanted)
        start = midnight(wanted, zone)
        estimators = RoomInference(model), RoomLearning(model)
        try:
            if known is not None and known[0] >= horizon:
                estimators = checkpoints.restored(model, known[1])
                start = known[0]
        except ValueError:
            pass  # of an older version of the algorithm: from the start of that day, without its memory
        found.passage = Passage(
            self._records, self._telemetry, self._places, room, zone, found.through_ms, model, *estimators,
            check=partial(self._refuse_thinned, zone),
            learned=partial(self._told.learned, room.site, room.id),
            doubted=partial(self._told.doubted, room.site, room.id),
        )  # fmt: skip
        return start

    def _refuse_thinned(self, zone: ZoneInfo, at: int) -> None:
        if self._horizon.start_ms(zone) > at:
            raise Thinned

    def _run(
        self, found: Progress, start: int, goal: int, dirty: tuple[int, int] | None, zone: ZoneInfo
    ) -> int:
        stored, at, before = 0, start, found.through_ms
        passage = found.passage
        assert passage is not None  # noqa: S101 - made by `_begin`
        while at < goal:
            if self._halted:
                raise Halted("The collector stops; rooms are derived further when it runs again.")
            tonight = next_midnight(at, zone)
            end = min(tonight, goal)
            known = None
            if before is not None and dirty is not None and dirty[1] < end == tonight < before:
                known = self._records.checkpoint(found.room.site, found.room.id, end)
            reached = passage.chunk(at, end, end == tonight, again=at == start)
            if reached is None:
                found.searched_ms = end
            else:
                found.through_ms, found.reached = passage.through_ms, reached
                stored += 1
            at = end
            if known and reached and known[0] == end and checkpoints.same(known[1], reached[1]):
                found.reached = None  # the rest is as it was
                break
        return stored
