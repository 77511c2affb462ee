"""`campus evaluate` of recorded plugs: equipment state from power against a reference, and its energy."""

import csv
import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rich import box
from rich.console import Console
from rich.table import Table

from campus.errors import UsageError
from campus.inference import ALWAYS_ON, ON, UNKNOWN
from campus.inference.equipment import MINUTE_MS, EquipmentPower, EquipmentStep, stretches
from campus.inference.equipment_kinds import kind_in, power_class
from campus.inference.equipment_learning import EquipmentLearning
from campus.inference.intervals import SETTLE_MS

TIME, POWER, REFERENCE = "t", "w", "ref_in_use"
DAY_MS, HOUR_MS = 24 * 3_600_000, 3_600_000
MW_PER_W_MS = 1 / 3_600_000


@dataclass(frozen=True, slots=True)
class Agreement:
    """With the reference, over minutes whose state is known; `_pct` in percent, None where it is not defined."""

    f1_pct: float | None
    precision_pct: float | None
    recall_pct: float | None
    hours_error_pct: float | None  # signed: positive = too many hours
    coverage_pct: float | None
    switches_per_day: float | None


@dataclass(frozen=True, slots=True)
class EquipmentScores:
    """One plug: `live` as known at the minute, `final` 15 minutes later, `default` final with nothing learned."""

    file: str
    kind: str | None
    minutes: int
    live: Agreement
    final: Agreement
    default: Agreement
    energy_wh: float
    metered_hours: float
    threshold_w: float  # at the end
    default_w: float
    calibrations: int


def evaluate_equipment(file: Path, tz: str, as_json: bool, kind: str | None) -> None:
    """Score every plug of `file`, a CSV or a folder of them, and print a table or one JSON document.

    A CSV has the columns t (time, local to `tz` unless it has an offset), w (W, empty where invalid) and ref_in_use (0
    or 1, empty where not known). The reference is read for the scores alone. `kind` None: as the file's name says.
    Raises UsageError naming the row and column of what it cannot read.
    """
    files = sorted(file.glob("*.csv")) if file.is_dir() else [file]
    if not files:
        raise UsageError(f"{file}: there is no CSV file in this folder.")
    zone = zone_of(tz)
    found = [score_file(one, zone, kind) for one in files]
    means = mean_of(found)
    if as_json:
        print(json.dumps({"files": [asdict(one) for one in found], "means": means}, indent=1))
        return
    table = Table(title=str(file.name), box=box.SIMPLE, padding=(0, 1, 0, 0))
    for heading in ("file", "kind", "", "F1", "prec.", "recall", "hours %", "cover", "sw./day", "W", "Wh"):
        table.add_column(heading, no_wrap=True)
    for one in found:
        rows = (("live", one.live), ("final", one.final), ("default", one.default))
        for number, (name, agreement) in enumerate(rows):
            about = ("", "", "") if number else (one.file, one.kind or "", "")
            threshold = one.default_w if name == "default" else one.threshold_w
            energy = "" if number else f"{one.energy_wh:.0f}"
            table.add_row(
                *about[:2], name, *map(_cell, asdict(agreement).values()), f"{threshold:.1f}", energy
            )
    Console(width=max(124, Console().width)).print(table)
    for name in ("live", "final", "default"):
        print(
            f"mean of {len(found)} files, {name}: F1 {_cell(means[f'{name}_f1_pct'])}, "
            f"hours off by {_cell(means[f'{name}_hours_error_pct'])} % (mean of the sizes)"
        )


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def zone_of(tz: str) -> ZoneInfo:
    """Raises UsageError for a name that is no time zone."""
    try:
        return ZoneInfo(tz)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise UsageError(f"'{tz}' is not a time zone: write one such as Asia/Ho_Chi_Minh.") from error


def mean_of(scores: list[EquipmentScores]) -> dict[str, float | None]:
    """The mean F1, and the mean size of the error of hours, over the plugs that have one."""
    means: dict[str, float | None] = {}
    for name in ("live", "final", "default"):
        for field in ("f1_pct", "hours_error_pct"):
            values = [abs(v) for one in scores if (v := getattr(getattr(one, name), field)) is not None]
            means[f"{name}_{field}"] = fmean(values) if values else None
    return means


def score_file(file: Path, zone: ZoneInfo, kind: str | None) -> EquipmentScores:
    """Score one plug. Raises UsageError."""
    times, watts, reference = load(file, zone)
    if all(real is None for real in reference):
        raise UsageError(f"{file}: the column '{REFERENCE}' holds no value to compare with.")
    kind = kind_in(file.stem) if kind is None else kind
    learning = EquipmentLearning(kind)
    learned, default = EquipmentPower(kind), EquipmentPower(kind)
    steps, plain, calibrations = [], [], 0
    for at, power in zip(times, watts, strict=True):
        steps.append(learned.step(at, power))
        plain.append(default.step(at, power))
        new = learning.read(at, power)
        if new is not None:
            learned.use(new)
            calibrations += 1
    metered = [one for one in stretches(steps, times[0], times[-1] + MINUTE_MS) if one.value is not None]
    return EquipmentScores(
        file=file.name,
        kind=kind,
        minutes=len(times),
        live=agreement([step.state for step in steps], reference),
        final=agreement(list(final_states(steps)), reference),
        default=agreement(list(final_states(plain)), reference),
        energy_wh=sum((one.value or 0.0) * (one.end_ms - one.start_ms) for one in metered) * MW_PER_W_MS,
        metered_hours=sum(one.end_ms - one.start_ms for one in metered) / HOUR_MS,
        threshold_w=learned.threshold_w,
        default_w=power_class(kind).default_w,
        calibrations=calibrations,
    )


def final_states(steps: list[EquipmentStep]) -> Iterator[str]:
    """The state of each step's minute with the hindsight of SETTLE_MS."""
    found = stretches(steps, steps[0].minute_ms, steps[-1].minute_ms + SETTLE_MS)
    place = 0
    for step in steps:
        while found[place].end_ms <= step.minute_ms:
            place += 1
        yield found[place].state


def agreement(states: list[str], reference: list[bool | None]) -> Agreement:
    """How states agree with the reference; equipment that is always on is compared as operating."""
    rows = [
        (real, state in (ON, ALWAYS_ON))
        for state, real in zip(states, reference, strict=True)
        if real is not None and state != UNKNOWN
    ]
    told = sum(real is not None for real in reference)
    if not rows:
        return Agreement(None, None, None, None, 0.0 if told else None, None)
    hit = sum(real and said for real, said in rows)
    used, said_used = sum(real for real, _ in rows), sum(said for _, said in rows)
    switches = sum(before[1] != after[1] for before, after in itertools.pairwise(rows))
    return Agreement(
        f1_pct=200 * hit / (used + said_used) if used + said_used else None,
        precision_pct=100 * hit / said_used if said_used else None,
        recall_pct=100 * hit / used if used else None,
        hours_error_pct=100 * (said_used - used) / used if used else None,
        coverage_pct=100 * len(rows) / told,
        switches_per_day=switches * DAY_MS / (len(rows) * MINUTE_MS),
    )


def load(file: Path, zone: ZoneInfo) -> tuple[list[int], list[float | None], list[bool | None]]:
    """(minutes in Unix ms, W, reference) of a CSV; rows of one minute are refused. Raises UsageError."""
    times: list[int] = []
    watts: list[float | None] = []
    reference: list[bool | None] = []
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines)
            for column in (TIME, POWER, REFERENCE):
                if column not in (rows.fieldnames or ()):
                    raise UsageError(
                        f"{file}: there is no column '{column}': {TIME}, {POWER}, {REFERENCE} are needed."
                    )
            for number, row in enumerate(rows, 2):
                at = _minute(file, number, row[TIME], zone)
                if times and at <= times[-1]:
                    raise UsageError(
                        f"{file}: row {number}, {TIME}: {row[TIME]} is not a minute after the row before."
                    )
                times.append(at)
                watts.append(_watts(file, number, row[POWER]))
                reference.append(_reference(file, number, row[REFERENCE]))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{file}: it cannot be read as a CSV in UTF-8: {error}.") from error
    if not times:
        raise UsageError(f"{file}: there is no row to read.")
    return times, watts, reference


def _minute(file: Path, number: int, text: str | None, zone: ZoneInfo) -> int:
    try:
        at = datetime.fromisoformat(text or "")
    except ValueError as error:
        raise UsageError(
            f"{file}: row {number}, {TIME}: '{text}' is not a time such as 2026-11-26 07:15:00."
        ) from error
    aware = at.replace(tzinfo=zone) if at.tzinfo is None else at
    return int(aware.astimezone(UTC).timestamp()) * 1000 // MINUTE_MS * MINUTE_MS


def _watts(file: Path, number: int, text: str | None) -> float | None:
    try:
        value = float(text) if text else None
    except ValueError:
        value = math.nan
    if value is not None and not math.isfinite(value):
        raise UsageError(f"{file}: row {number}, {POWER}: '{text}' is not a number of watts, nor empty.")
    return value


def _reference(file: Path, number: int, text: str | None) -> bool | None:
    if text in ("", None):
        return None
    if text not in ("0", "1"):
        raise UsageError(f"{file}: row {number}, {REFERENCE}: '{text}' is not 0, 1 or empty.")
    return text == "1"
