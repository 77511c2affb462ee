"""What is true now in each room: motion at once, presence each minute, the newest values."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from campus.errors import StoreError
from campus.inference import OCCUPIED, VACANT, Interval
from campus.inference.fuse import HOLD_MIN
from campus.inference.presence import MINUTE_MS, PresenceStep
from campus.inference.room import Learned, RoomInference
from campus.live import Live, RoomState
from campus.records.entities import Room
from campus.telemetry import USABLE, Readings, Sample, SeriesKey, TelemetryStore
from collector import checkpoints
from collector.kept import Kept
from collector.passage import minutes_of, use
from collector.places import POINTS, Places

log = logging.getLogger(__name__)

CATCH_UP_MS = 3 * 3600 * 1000
LONGEST_CATCH_UP_MS = 48 * 3600 * 1000
FRESH_MS = 15 * MINUTE_MS
AHEAD_MS = MINUTE_MS
SHOW_EVERY_MS = 5_000

Known = Callable[[str, str], "tuple[int, dict, Interval | None] | None"]
"""(site, room) -> (at_ms, state, interval that ends there) of the end of the room's derived record, if any."""
LearnedSince = Callable[[Room, int], list[Learned]]
"""(room, at_ms) -> the calibrations that hold at that time and later, by time."""
STATES = {OCCUPIED: True, VACANT: False}
Step = tuple[str, str, PresenceStep]


@dataclass(slots=True)
class _Room:
    room: Room
    inference: RoomInference | None = None
    learned: list[Learned] = field(default_factory=list)  # and do not hold yet
    next_ms: int = 0
    outdated: bool = False  # the derived past is another since `inference` was made
    since_ms: int | None = None
    state: bool | None = None
    motion_at_ms: int | None = None
    shown_ms: int = 0
    values: dict[str, tuple[int, float]] = field(default_factory=dict)
    samples: dict[SeriesKey, Kept] = field(default_factory=dict)


class LiveRooms:
    """`heard` is called by the ingesting thread, `tick` once a minute by another.

    An old reading never overwrites a newer one. A room that leaves the records leaves the live state too.
    """

    def __init__(
        self,
        live: Live,
        places: Places,
        telemetry: TelemetryStore,
        known: Known,
        learned_since: LearnedSince = lambda room, at_ms: [],
        rssi: Callable[[tuple[str, str], float], None] = lambda board, value: None,
    ) -> None:
        self._live, self._places, self._telemetry, self._known = live, places, telemetry, known
        self._learned_since, self._rssi = learned_since, rssi
        self._lock = threading.Lock()
        self._showing = threading.Lock()
        self._rooms: dict[tuple[str, str], _Room] = {}

    def heard(self, readings: Readings, now_ms: int) -> None:
        """Take in a batch as it arrives."""
        targets = [self._target(key, now_ms) for key in readings.series]
        if not any(targets):
            return
        moved: set[tuple[str, str]] = set()
        newest_ms = now_ms + AHEAD_MS
        with self._lock:
            for which, observed, value, quality in zip(
                readings.which, readings.observed_at_ms, readings.value, readings.quality, strict=True
            ):
                target = targets[which]
                if target is None or quality not in USABLE or value is None or observed > newest_ms:
                    continue
                room, point, series, place, from_ms = target
                if observed < from_ms:  # of where the board was before
                    continue
                if series is not None and observed >= room.next_ms - HOLD_MIN * MINUTE_MS:
                    series.add(observed, value)
                held = room.values.get(point)
                if held is None or observed >= held[0] or held[0] > newest_ms:
                    room.values[point] = (observed, value)
                    if now_ms - room.shown_ms >= SHOW_EVERY_MS and now_ms - observed < FRESH_MS:
                        moved.add(place)
                    if point == "rssi_dbm":
                        self._rssi(readings.series[which][:2], value)
                moved_ms = room.motion_at_ms or 0
                if point == "motion" and value and (observed > moved_ms or moved_ms > newest_ms):
                    room.motion_at_ms = observed
                    if now_ms - observed < FRESH_MS:
                        moved.add(place)
        for place in moved:
            if (found := self._rooms.get(place)) is not None:
                self._show(found, now_ms)

    def _target(
        self, key: SeriesKey, now_ms: int
    ) -> "tuple[_Room, str, Kept | None, tuple[str, str], int] | None":
        stay = self._places.stay(key.site, key.board, now_ms)
        room = self._room(key.site, stay.room) if stay is not None else None
        if room is None or stay is None:
            return None
        point = key.point.partition(".")[0]
        series = None
        if point in POINTS:
            with self._lock:  # tick() goes through them
                if (series := room.samples.get(key)) is None:
                    series = room.samples[key] = Kept(point)
        return room, point, series, (key.site, stay.room), stay.from_ms

    def _room(self, site: str, name: str) -> _Room | None:
        found = self._rooms.get((site, name))
        if found is None:
            room = self._places.room(site, name)
            if room is None:
                return None
            with self._lock:
                found = self._rooms.setdefault((site, name), _Room(room))
        return found

    def resume(self, site: str, room: str) -> None:
        """The derived past of this room has changed: begin again from there at the next tick."""
        if (found := self._rooms.get((site, room))) is not None:
            found.outdated = True

    def learned(self, site: str, room: str, news: Sequence[Learned]) -> None:
        """What the deriver learned of this room, and holds from soon on."""
        if (found := self._rooms.get((site, room))) is not None:
            with self._lock:
                found.learned += news

    def tick(self, now_ms: int) -> list[Step]:
        """Step every room through the minutes that are over; returns the steps. Raises StoreError on catching up.

        Another failure of one room is raised when the others are done.
        """
        steps: list[Step] = []
        failure: Exception | None = None
        end_ms = now_ms // MINUTE_MS * MINUTE_MS
        rooms = self._places.rooms()
        self._forget({(room.site, room.id) for room in rooms})
        for room in rooms:
            found = self._room(room.site, room.id)
            if found is None:
                continue
            found.room = room  # as it is now
            behind = found.inference is None or found.outdated
            try:
                new = self._advance(found, end_ms)
            except StoreError:
                raise
            except Exception as error:
                log.exception("Room %s of %s cannot be shown", room.id, room.site)
                failure = failure or error
                continue
            steps += [(room.site, room.id, step) for step in new]
            for step in new:
                state = STATES.get(step.state)
                if state != found.state or found.since_ms is None:
                    found.state, found.since_ms = state, step.minute_ms
            if new or behind or now_ms - found.shown_ms >= MINUTE_MS:
                self._show(found, now_ms)
        if failure is not None:
            raise failure
        return steps

    def _forget(self, known: set[tuple[str, str]]) -> None:
        for place in set(self._rooms) - known:
            with self._showing:
                with self._lock:
                    del self._rooms[place]
                self._live.drop_room(*place)

    def _advance(self, found: _Room, end_ms: int) -> list[PresenceStep]:
        inference = found.inference
        # Minutes already stepped that are yet to come: the clock was ahead, and has been set back.
        known = -MINUTE_MS <= end_ms - found.next_ms <= LONGEST_CATCH_UP_MS
        if inference is None or found.outdated or not known:
            found.outdated = False  # first: what changes from here on is for the next tick
            try:
                inference = self._caught_up(found, end_ms)
            except BaseException:
                found.outdated = True
                raise
        start_ms = found.next_ms
        samples: dict[SeriesKey, list[Sample]] = {}
        if start_ms < end_ms:
            with self._lock:
                samples = {key: kept.samples() for key, kept in found.samples.items()}
        steps = self._stepped(found, inference, samples, start_ms, end_ms)
        with self._lock:
            found.inference, found.next_ms = inference, max(end_ms, start_ms)
            for kept in found.samples.values():
                kept.forget(found.next_ms)
        return steps

    def _stepped(
        self,
        found: _Room,
        inference: RoomInference,
        samples: Mapping[SeriesKey, Sequence[Sample]],
        start_ms: int,
        end_ms: int,
    ) -> list[PresenceStep]:
        metered = self._places.metered(found.room.site, found.room.id, samples)
        steps = []
        for minute, inputs, power in minutes_of(samples, metered, start_ms, end_ms):
            with self._lock:
                use(inference, found.learned, minute)
            steps.append(inference.step(minute, inputs, power).presence)
        return steps

    def _caught_up(self, found: _Room, end_ms: int) -> RoomInference:
        """From where the derived record ends, or some hours back, with what the store holds since."""
        room, model = found.room, self._places.model(found.room)
        known = self._known(room.site, room.id)
        start_ms, inference = end_ms - CATCH_UP_MS, RoomInference(model)
        if known is not None and 0 <= end_ms - known[0] <= LONGEST_CATCH_UP_MS:
            start_ms = known[0]
            try:
                inference = checkpoints.restored(model, known[1])[0]
            except ValueError:
                log.info("Room %s of %s begins anew: its state is of an older version.", room.id, room.site)
            if (past := known[2]) is not None:
                found.state, found.since_ms = STATES.get(past.state), past.start_ms
        learned = self._learned_since(room, start_ms)
        with self._lock:
            found.learned = learned
        samples = self._places.read(
            self._telemetry, found.room.site, found.room.id, start_ms - HOLD_MIN * MINUTE_MS, end_ms
        )
        for step in self._stepped(found, inference, samples, start_ms, end_ms):
            state = STATES.get(step.state)
            if state != found.state or found.since_ms is None:
                found.state, found.since_ms = state, step.minute_ms
        with self._lock:
            found.next_ms = end_ms
            for key, series in samples.items():
                for observed, value, quality in series:
                    if value is None or quality not in USABLE:
                        continue
                    point = key.point.partition(".")[0]
                    if observed >= found.values.get(point, (0, 0.0))[0]:
                        found.values[point] = (observed, value)
                    if point == "motion" and value and observed > (found.motion_at_ms or 0):
                        found.motion_at_ms = observed
        return inference

    def _show(self, found: _Room, now_ms: int) -> None:
        with self._showing:  # one after the other, so that the newest is what stays
            with self._lock:
                values = {p: v for p, (at, v) in sorted(found.values.items()) if now_ms - at < FRESH_MS}
                found.shown_ms, room = now_ms, found.room
                known = self._rooms.get((room.site, room.id)) is found  # else it has just been forgotten
                state = RoomState(
                    room.site, room.id, found.state, found.since_ms, found.motion_at_ms, now_ms, values
                )  # fmt: skip
            if known:
                self._live.set_room(state)
