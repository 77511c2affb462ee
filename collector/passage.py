"""One room through a stretch of time: readings to minutes, minutes to intervals and facts, stored chunk by chunk."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from campus.inference import EQUIPMENT, ROOM
from campus.inference.energy import minute_power
from campus.inference.fuse import fuse
from campus.inference.intervals import SETTLE_MS
from campus.inference.room import (
    LEAD_MS,
    Learned,
    Power,
    RoomInference,
    RoomLearning,
    RoomModel,
    RoomStep,
    cut,
)
from campus.inference.sensor_checks import Finding
from campus.records import Records
from campus.records.entities import Calibration, Derivation, Room
from campus.telemetry import Sample, SeriesKey, TelemetryStore
from collector import checkpoints
from collector.days import midnight
from collector.horizon import HOLD_MS
from collector.places import Places
from collector.slots import slot_facts

FOREVER_MS = 2**62
Minute = tuple[int, Mapping[str, float | None], Power]


@dataclass(slots=True)
class Passage:
    """The estimators of one room at a moment of its time, and how to go on from there.

    `through_ms`: up to where the room had been derived before; None: never. Minutes before it are gone through
    again, with the calibrations of their time; from it on there may be new ones.
    """

    records: Records
    telemetry: TelemetryStore
    places: Places
    room: Room
    zone: ZoneInfo
    through_ms: int | None
    model: RoomModel
    inference: RoomInference
    learning: RoomLearning
    check: Callable[[int], None] = lambda at: None
    learned: Callable[[list[Learned]], None] = lambda news: None  # told what was learned and is stored
    doubted: Callable[[list[Finding]], None] = lambda found: None  # told which sensors are in doubt now

    @property
    def begun(self) -> bool:
        """Whether a minute was ever measured."""
        return self.through_ms is not None or self.inference.next_ms is not None

    def chunk(self, at: int, end: int, whole: bool, again: bool) -> tuple[int, dict[str, Any]] | None:
        """Derive and store [at, end), which lies in one local day; `whole` puts a checkpoint at its end.

        `again` cuts the SETTLE_MS before `at` into intervals anew: what came since may have settled them otherwise.
        Returns (end, state), or None where nothing was ever measured.
        """
        site, name = self.room.site, self.room.id
        minutes = self._minutes(at, end + SETTLE_MS)
        self.check(at)
        if not self.begun and not any(inputs or power for _, inputs, power in minutes):
            return None
        recent = self.inference.recent
        known_back = bool(recent) and recent[0].presence.minute_ms <= at - 2 * SETTLE_MS
        again_from = at - SETTLE_MS if again and known_back else at
        night = midnight(at, self.zone)
        kept = []
        if again_from < night:
            known = self.records.checkpoint(site, name, night)  # storing this range would remove it
            kept = [known] if known is not None and known[0] == night else []
        ends_before = self.records.checkpoint(site, name, end) if whole and end <= self._frontier else None
        taught = ends_before is not None and ends_before[0] == end
        if at == night and at < self._frontier:
            self._learn_as_then(at)
        steps = [step for step in recent if step.presence.minute_ms >= again_from - SETTLE_MS]
        here = [minute for minute in minutes if minute[0] < end]
        made, news, pending = self._go(here, learn=not taught)
        steps += made
        if taught and ends_before is not None:
            self.learning = checkpoints.restored(self.model, ends_before[1])[1]
        state = checkpoints.state(self.inference, self.learning)
        steps += self._ahead(minutes[len(here) :], pending)
        presence, stretches = cut(steps, again_from, end, name, self.model.parameters)
        facts = slot_facts(
            self.records, self.room, presence, stretches, list(self.model.kinds), again_from, end, self.zone
        )
        through = max(end, self._frontier)
        self.records.store_derivations(
            [
                Derivation(
                    site,
                    name,
                    again_from,
                    end,
                    presence,
                    facts[0],
                    [*kept, *([(end, state)] if whole else [])],
                    through,
                    stretches,
                    facts[1],
                    [self._calibration(one) for one in news],
                )
            ]
        )
        self.through_ms = through
        if news:
            self.learned(news)
        if end == through:
            self.doubted(self.learning.checks.findings())
        return end, state

    @property
    def _frontier(self) -> int:
        return self.through_ms or 0

    def _learn_as_then(self, night: int) -> None:
        """What had been learned by a midnight that was passed before, and not what a recomputation would learn."""
        known = self.records.checkpoint(self.room.site, self.room.id, night)
        if known is not None and known[0] == night:
            self.learning = checkpoints.restored(self.model, known[1])[1]

    def _minutes(self, start: int, end: int) -> list[Minute]:
        """Each minute of [start, end): its fused inputs, and the power of each piece that was metered in it."""
        site, name = self.room.site, self.room.id
        samples = self.places.read(self.telemetry, site, name, start - HOLD_MS, end + HOLD_MS)
        return minutes_of(samples, self.places.metered(site, name, samples), start, end)

    def _go(
        self, minutes: Sequence[Minute], learn: bool
    ) -> tuple[list[RoomStep], list[Learned], list[Learned]]:
        """Step through the minutes with what was learned by their time.

        Also returns what was learned anew by the way, and what holds later, by time.

        News of a minute that was passed before is news of now: it holds from LEAD_MS behind the frontier on.
        """
        pending = stored_calibrations(self.records, self.room, self.model, minutes[0][0])
        last = {(one.kind, one.id): one for one in pending}
        steps, news = [], []
        for minute, inputs, power in minutes:
            for one in self.learning.read(minute, inputs, power) if learn else ():
                one = one._replace(issued_at_ms=max(one.issued_at_ms, self._frontier + LEAD_MS))
                before = last.get((one.kind, one.id))
                if before is None or (before.row != one.row and before.issued_at_ms < one.issued_at_ms):
                    last[one.kind, one.id] = one
                    news.append(one)
                    pending.append(one)  # by time: what is learned later holds later
            use(self.inference, pending, minute)
            steps.append(self.inference.step(minute, inputs, power))
            if learn:
                self.learning.check(steps[-1], self.inference)
        return steps, news, pending

    def _ahead(self, minutes: Sequence[Minute], pending: list[Learned]) -> list[RoomStep]:
        """What follows, as far as it decides how this settles; the estimators stay where they are."""
        ahead = RoomInference(self.model, self.inference.state())
        steps = []
        for minute, inputs, power in minutes:
            use(ahead, pending, minute)
            steps.append(ahead.step(minute, inputs, power))
        return steps

    def _calibration(self, one: Learned) -> Calibration:
        return Calibration(one.kind, self.room.id if one.kind == ROOM else one.id, one.issued_at_ms, one.row)


def minutes_of(
    samples: Mapping[SeriesKey, Sequence[Sample]],
    metered: Mapping[str, tuple[Sequence[Sample], Sequence[Sample]]],
    start: int,
    end: int,
) -> list[Minute]:
    """Each minute of [start, end) from samples that begin HOLD_MS before: what was fused, and what was metered."""
    power: dict[int, dict[str, tuple[float | None, float | None]]] = {}
    for piece, (watts, counter) in metered.items():
        for minute, mean, counted in minute_power(watts, counter, start, end):
            if mean is not None or counted is not None:
                power.setdefault(minute, {})[piece] = (mean, counted)
    return [(minute, inputs, power.get(minute, {})) for minute, inputs in fuse(samples, start, end)]


def stored_calibrations(records: Records, room: Room, model: RoomModel, start: int) -> list[Learned]:
    """The calibrations of a room and its equipment that hold at `start` and later, by time."""
    found = [
        *records.calibrations(room.site, ROOM, [room.id], start, FOREVER_MS),
        *records.calibrations(room.site, EQUIPMENT, list(model.kinds), start, FOREVER_MS),
    ]
    return [
        Learned(one.kind, "" if one.kind == ROOM else one.id, one.issued_at_ms, dict(one.learned))
        for one in sorted(found, key=_issued)
    ]


def use(inference: RoomInference, pending: list[Learned], minute: int) -> None:
    """Take from `pending`, which is by time, what holds by that minute."""
    due = 0
    while due < len(pending) and pending[due].issued_at_ms <= minute:
        inference.use(pending[due])
        due += 1
    del pending[:due]


def _issued(one: Calibration) -> int:
    return one.issued_at_ms
