"""One recording through a collector of its own, and what came out beside the truth."""

import random
import tempfile
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from campus.cli.recording import WEEK_MS, Recording
from campus.cli.spoiling import NO_FAULT, Fault
from campus.inference import UNKNOWN, Interval, Stretch
from campus.inference.fuse import fuse
from campus.inference.intervals import intervals
from campus.inference.parameters import parameters
from campus.inference.people import PeopleCount, people_stretches
from campus.inference.presence import Presence
from campus.inference.score import score, score_people, time_of_day
from campus.live import Live
from campus.records import open_records
from campus.records.inventory import Inventory
from campus.telemetry import GOOD, Sample, SeriesKey
from campus.telemetry.stores import open_telemetry
from campus.wire.points import plausible
from campus.wire.telemetry import ABSENT, Telemetry, encode
from campus.wire.topics import board_topic
from collector.pipeline import Pipeline
from collector.readings import EARLIEST_MS

SITE, ROOM, BOARD = "recording", "recorded-room", "recorder"
BOOT = "0123456789abcdef"
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
DERIVE_EVERY_MS = 3 * HOUR_MS
LONGEST_STEP_MS = 12 * HOUR_MS
ROWS, FEW_ROWS = 60, 5  # of one message; of one that changes places with others
AFTER_MS = 30 * MINUTE_MS  # intervals are final 15 minutes later

Told = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class RoomAbout:
    """What is known of the recorded room; `volume_m3` None: people are not counted."""

    type: str = "office"
    volume_m3: float | None = None
    capacity: int | None = None


class Run:
    """One recording through a collector of its own, in stores that are thrown away; its clock is the recording's."""

    def __init__(
        self, recording: Recording, tz: str, room: RoomAbout, fault: Fault = NO_FAULT, seed: int = 1
    ) -> None:
        self._recording, self._tz, self._about = recording, tz, room
        self._fault, self._random = fault, random.Random(seed)  # noqa: S311 - an order of messages, no secret

    def states(self, told: Told = lambda done: None) -> tuple[list[str], list[str]]:
        """(live, final) state at each row of the recording, by the true time of that row."""
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="campus-evaluate-")))
            records = stack.enter_context(open_records("sqlite", folder, now=lambda: self._now))
            self._clock_ms = self._recording.observed_at_ms[0]
            records.import_inventory(self._inventory())
            telemetry = open_telemetry("duckdb", folder)
            stack.callback(telemetry.close)
            pipeline = Pipeline(folder, records, telemetry, Live(), clock_ms=lambda: self._clock_ms)
            stack.callback(pipeline.close)
            pipeline.tick()  # the live state begins here, before anything is known
            live: dict[int, str] = {}
            next_ms = self._clock_ms
            for first, end in self._hours():
                until = (self._recording.observed_at_ms[end - 1] // MINUTE_MS + 1) * MINUTE_MS
                while (
                    until - self._clock_ms > LONGEST_STEP_MS
                ):  # a gap in the recording is no stop of the collector
                    self._clock_ms += LONGEST_STEP_MS
                    pipeline.tick()
                self._clock_ms = until
                for message in self._sent(first, end):
                    pipeline.offer(board_topic(SITE, BOARD, "telemetry"), message)
                pipeline.pump()
                for _, _, step in pipeline.tick():
                    live[step.minute_ms] = step.state
                if (
                    self._clock_ms >= next_ms
                ):  # a collector does so each minute; the live state uses what it learns
                    next_ms = self._clock_ms + DERIVE_EVERY_MS
                    pipeline.derive()
                    pipeline.tick()  # the live state may begin again from the derived one: at once, missing no minute
                told(end)
            span = self._recording.observed_at_ms[0], self._recording.observed_at_ms[-1] + MINUTE_MS
            self._clock_ms += AFTER_MS
            pipeline.derive()
            final = records.intervals(SITE, ROOM, *span)
        minutes = minutes_of(self._recording)
        return [live.get(minute, UNKNOWN) for minute in minutes], states_at(final, minutes)

    @property
    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock_ms / 1000, UTC)

    def _inventory(self) -> Inventory:
        begin = datetime.fromtimestamp(self._recording.observed_at_ms[0] / 1000 - 86_400, UTC).isoformat()
        about = self._about
        room = {
            "id": ROOM,
            "name": "Recorded room",
            "room_type": about.type,
            "volume_m3": about.volume_m3,
            "capacity": about.capacity,
        }
        return Inventory.model_validate(
            {
                "site": {"id": SITE, "name": "Recording", "tz": self._tz},
                "room_types": [{"id": about.type, "name_vi": about.type, "name_en": about.type}],
                "rooms": [room],
                "boards": [{"id": BOARD}],
                "placements": [{"board": BOARD, "room": ROOM, "from": begin}],
            }
        )

    def _hours(self) -> Iterator[tuple[int, int]]:
        """[first, end) row numbers of each clock hour."""
        times, first = self._recording.observed_at_ms, 0
        for number in range(1, len(times) + 1):
            if number == len(times) or times[number] // HOUR_MS != times[first] // HOUR_MS:
                yield first, number
                first = number

    def _sent(self, first: int, end: int) -> list[bytes]:
        messages = list(self._messages(first, end, FEW_ROWS if self._fault.shuffled else ROWS))
        if self._fault.twice:
            messages = [message for message in messages for _ in range(2)]
        if self._fault.shuffled:
            self._random.shuffle(messages)
        return messages

    def _messages(self, first: int, end: int, rows_each: int) -> Iterator[bytes]:
        for start in range(first, end, rows_each):
            times = self._recording.observed_at_ms[start : min(start + rows_each, end)]
            rows = [
                [
                    offset,
                    at - times[0],
                    *(ABSENT if value is None else value for value in self._recording.rows[start + offset]),
                ]
                for offset, at in enumerate(times)
            ]
            begun = times[0] + self._fault.skew_ms
            yield encode(Telemetry(BOOT, start, 0, begun, "ntp", self._recording.points, rows, {}))


def counts(recording: Recording, room: RoomAbout) -> tuple[list[int | None], list[int | None]]:
    """(live, final) number of people at each row, by the pure path: `fuse`, presence, count."""
    points = recording.points
    samples: dict[SeriesKey, list[Sample]] = {SeriesKey(SITE, BOARD, point): [] for point in points}
    for at_ms, row in zip(recording.observed_at_ms, recording.rows, strict=True):
        for series, point, value in zip(samples.values(), points, row, strict=True):
            if value is not None and plausible(point, value):
                series.append((at_ms, value, GOOD))
    p = parameters(room.type)
    presence, people = Presence(p), PeopleCount(room.volume_m3, room.capacity, p)
    minutes = minutes_of(recording)
    steps, counted = [], []
    for minute_ms, inputs in fuse(samples, minutes[0], minutes[-1] + MINUTE_MS):
        steps.append(presence.step(minute_ms, inputs))
        counted.append(people.step(steps[-1], presence.air))
    live = {step.minute_ms: step.people for step in counted}
    final = people_stretches(counted, intervals(steps, parameters=p))
    found = [value_at(final, minute) for minute in minutes]
    return [live[minute] for minute in minutes], [None if one is None else int(one) for one in found]


def plausible_shift(first_ms: int) -> int:
    """Whole weeks, in ms, that bring an old recording past what the collector takes for a clock that was never set."""
    return max(0, -((first_ms - EARLIEST_MS) // WEEK_MS)) * WEEK_MS


def minutes_of(recording: Recording) -> list[int]:
    return [at // MINUTE_MS * MINUTE_MS for at in recording.observed_at_ms]


def states_at(found: Sequence[Interval], minutes_ms: Sequence[int]) -> list[str]:
    """The state at the start of each minute; unknown outside every interval."""
    places = [_place(found, minute) for minute in minutes_ms]
    return [UNKNOWN if place is None else found[place].state for place in places]


def value_at(found: Sequence[Stretch], minute_ms: int) -> float | None:
    place = _place(found, minute_ms)
    return None if place is None else found[place].value


def _place(found: Sequence[Interval] | Sequence[Stretch], minute_ms: int) -> int | None:
    place = bisect_right(found, minute_ms, key=lambda one: one.start_ms) - 1
    return place if place >= 0 and minute_ms < found[place].end_ms else None


def compare(
    recording: Recording,
    states: dict[str, list[str]],
    people: dict[str, list[int | None]],
    room: RoomAbout,
    tz: str,
) -> dict[str, dict[str, Any]]:
    """part -> {"live": scores, "final": scores}, with "people" in each where they were counted; "all" is the whole."""
    offset = datetime.fromtimestamp(recording.observed_at_ms[0] / 1000, ZoneInfo(tz)).utcoffset()
    shift = int(offset.total_seconds() * 1000) if offset else 0
    habit = time_of_day(recording.observed_at_ms, recording.truth, shift)
    names = list(dict.fromkeys(name for name in recording.part if name))
    parts: dict[str, dict[str, Any]] = {}
    for name in [*names, "all"] if len(names) > 1 or not names else names:
        rows = [i for i, own in enumerate(recording.part) if name == "all" or own == name]
        parts[name] = {}
        for kind, found in states.items():
            columns = (recording.observed_at_ms, recording.truth, found, habit)
            parts[name][kind] = asdict(score(*[[column[i] for i in rows] for column in columns]))  # type: ignore[arg-type]
            if kind in people:
                truth = [recording.people[i] for i in rows]
                counted = [people[kind][i] for i in rows]
                parts[name][kind]["people"] = asdict(score_people(truth, counted, room.capacity))
    return parts
