"""`campus evaluate`: a recorded room through the collector's own readings → intervals path, against its truth."""

import json
import tempfile
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from campus.cli.options import with_settings
from campus.cli.progress import progress
from campus.cli.recording import WEEK_MS, Recording, load, parse_map
from campus.errors import UsageError
from campus.inference import UNKNOWN, Interval
from campus.inference.score import score, time_of_day
from campus.live import Live
from campus.records import open_records
from campus.records.inventory import Inventory
from campus.settings import Settings
from campus.telemetry.stores import open_telemetry
from campus.wire.telemetry import ABSENT, Telemetry, encode
from campus.wire.topics import board_topic, valid_id
from collector.pipeline import Pipeline
from collector.readings import EARLIEST_MS

SITE, ROOM, BOARD = "recording", "recorded-room", "recorder"
BOOT = "0123456789abcdef"
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
LONGEST_STEP_MS = 12 * HOUR_MS
ROWS = 60  # of one message
AFTER_MS = 30 * MINUTE_MS  # intervals are final 15 minutes later


@with_settings()
def evaluate(
    settings: Settings,
    file: Annotated[
        Path,
        typer.Argument(help="CSV with a time column, sensor columns and a truth column", show_default=False),
    ],
    mapping: Annotated[
        str | None,
        typer.Option(
            "--map",
            help="COLUMN=POINT,... \\[default: co2, light, pir, temp, rh, sound, wifi]",
            show_default=False,
        ),
    ] = None,
    truth: Annotated[str, typer.Option(help="Column with the truth: above 0 = somebody is there")] = "occ",
    part: Annotated[str, typer.Option(help="Column that names the parts, where there is one")] = "part",
    time_column: Annotated[str, typer.Option(help="Name of the time column")] = "t",
    room_type: Annotated[str, typer.Option(help="Room type whose parameters are used")] = "office",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
) -> None:
    """Score presence against the truth of a recorded room, per part; live (causal) and final (15 minutes later).

    The recording passes the wire contract, journal, store and inference of the collector, in stores of its own
    that are thrown away, its clock taken from the file. Beside the scores stand what guessing reaches: the more
    frequent class (majority), and the hour of the day alone.
    """
    if not valid_id(room_type):
        raise UsageError(f"'{room_type}' is not a room type: use a-z, 0-9 and -, at most 64 of them.")
    recording = load(
        file, parse_map(mapping) if mapping else None, settings.tz, time=time_column, truth=truth, part=part
    )
    recording.move(plausible_shift(recording.observed_at_ms[0]))
    if all(real is None for real in recording.truth):
        raise UsageError(f"{file}: the column '{truth}' holds no value to compare with.")
    with progress("Evaluating", len(recording.rows)) as told:
        live, final = Run(recording, settings.tz, room_type).states(told)
    parts = compare(recording, live, final, settings.tz)
    if as_json:
        print(json.dumps({"file": file.name, "points": recording.points, "parts": parts}, indent=1))
        return
    table = Table(title=f"{file.name}: {', '.join(recording.points)}", box=box.SIMPLE, padding=(0, 1, 0, 0))
    for heading in (
        "part",
        "",
        "acc.",
        "bal.",
        "F1",
        "MCC",
        "hours %",
        "sw./day",
        "cover",
        "major. %",
        "by hour %",
    ):
        table.add_column(heading, no_wrap=True)
    for name, scores in parts.items():
        for kind in ("live", "final"):
            row = scores[kind]
            shown = (
                "accuracy",
                "balanced_accuracy",
                "f1",
                "mcc",
                "occupied_hours_error_pct",
                "switches_per_day",
            )
            cells = [_cell(row[key]) for key in (*shown, "coverage", "majority_pct", "time_of_day_pct")]
            table.add_row(name, kind, *cells)
    Console(width=max(92, Console().width)).print(table)


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}" if abs(value) > 1 else f"{value:.3f}"


class Run:
    """One recording through a collector of its own."""

    def __init__(self, recording: Recording, tz: str, room_type: str) -> None:
        self._recording, self._tz, self._room_type = recording, tz, room_type

    def states(self, told: Any) -> tuple[list[str], list[str]]:
        """(live, final) state at each row of the recording."""
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
            derived_day = self._clock_ms // DAY_MS
            for first, end in self._hours():
                until = (self._recording.observed_at_ms[end - 1] // MINUTE_MS + 1) * MINUTE_MS
                while (
                    until - self._clock_ms > LONGEST_STEP_MS
                ):  # a gap in the recording is no stop of the collector
                    self._clock_ms += LONGEST_STEP_MS
                    pipeline.tick()
                self._clock_ms = until
                for message in self._messages(first, end):
                    pipeline.offer(board_topic(SITE, BOARD, "telemetry"), message)
                pipeline.pump()
                for _, _, step in pipeline.tick():
                    live[step.minute_ms] = step.state
                if self._clock_ms // DAY_MS != derived_day:
                    derived_day = self._clock_ms // DAY_MS
                    pipeline.derive()
                    pipeline.tick()  # the live state may begin again from the derived one: at once, missing no minute
                told(end)
            span = self._recording.observed_at_ms[0], self._recording.observed_at_ms[-1] + MINUTE_MS
            self._clock_ms += AFTER_MS
            pipeline.derive()
            final = records.intervals(SITE, ROOM, *span)
        minutes = [at // MINUTE_MS * MINUTE_MS for at in self._recording.observed_at_ms]
        return [live.get(minute, UNKNOWN) for minute in minutes], states_at(final, minutes)

    @property
    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock_ms / 1000, UTC)

    def _inventory(self) -> Inventory:
        begin = datetime.fromtimestamp(self._recording.observed_at_ms[0] / 1000 - 86_400, UTC).isoformat()
        return Inventory.model_validate(
            {
                "site": {"id": SITE, "name": "Recording", "tz": self._tz},
                "room_types": [
                    {"id": self._room_type, "name_vi": self._room_type, "name_en": self._room_type}
                ],
                "rooms": [{"id": ROOM, "name": "Recorded room", "room_type": self._room_type}],
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

    def _messages(self, first: int, end: int) -> Iterator[bytes]:
        for start in range(first, end, ROWS):
            times = self._recording.observed_at_ms[start : min(start + ROWS, end)]
            rows = [
                [
                    offset,
                    at - times[0],
                    *(ABSENT if value is None else value for value in self._recording.rows[start + offset]),
                ]
                for offset, at in enumerate(times)
            ]
            yield encode(Telemetry(BOOT, start, 0, times[0], "ntp", self._recording.points, rows, {}))


def plausible_shift(first_ms: int) -> int:
    """Whole weeks, in ms, that bring an old recording past what the collector takes for a clock that was never set."""
    return max(0, -((first_ms - EARLIEST_MS) // WEEK_MS)) * WEEK_MS


def states_at(intervals: list[Interval], minutes_ms: list[int]) -> list[str]:
    """The state at the start of each minute; unknown outside every interval."""
    starts = [one.start_ms for one in intervals]
    found = []
    for minute in minutes_ms:
        place = bisect_right(starts, minute) - 1
        inside = place >= 0 and minute < intervals[place].end_ms
        found.append(intervals[place].state if inside else UNKNOWN)
    return found


def compare(recording: Recording, live: list[str], final: list[str], tz: str) -> dict[str, dict[str, Any]]:
    """part -> {"live": scores, "final": scores}; the whole recording is the part "all"."""
    offset = datetime.fromtimestamp(recording.observed_at_ms[0] / 1000, ZoneInfo(tz)).utcoffset()
    shift = int(offset.total_seconds() * 1000) if offset else 0
    habit = time_of_day(recording.observed_at_ms, recording.truth, shift)
    names = list(dict.fromkeys(name for name in recording.part if name))
    parts: dict[str, dict[str, Any]] = {}
    for name in [*names, "all"] if len(names) > 1 or not names else names:
        rows = [i for i, own in enumerate(recording.part) if name == "all" or own == name]
        parts[name] = {
            kind: asdict(
                score(
                    [recording.observed_at_ms[i] for i in rows],
                    [recording.truth[i] for i in rows],
                    [states[i] for i in rows],
                    [habit[i] for i in rows],
                )
            )
            for kind, states in (("live", live), ("final", final))
        }
    return parts
