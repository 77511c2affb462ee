"""A recorded room or plug: a CSV with a time column, columns that are points, and perhaps a column of truth."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from campus.errors import UsageError
from campus.wire.names import valid_point
from campus.wire.points import POINTS, known

WEEK_MS = 7 * 24 * 3600 * 1000
USUAL = {
    "co2": "co2_ppm",
    "light": "illuminance_lx",
    "pir": "motion",
    "temp": "temperature_c",
    "rh": "relative_humidity_pct",
    "sound": "sound_level_dba",
    "wifi": "access_point_clients",
}
"""Column names of well-known recordings and the points they hold: the default of --map."""


@dataclass(slots=True)
class Recording:
    """Rows in time order. `rows[i]` holds one value per entry of `points`; None where the file has none.

    `people` is the true number where the file tells it, else empty.
    """

    points: list[str]
    observed_at_ms: list[int] = field(default_factory=list)
    rows: list[list[float | None]] = field(default_factory=list)
    truth: list[bool | None] = field(default_factory=list)
    part: list[str] = field(default_factory=list)
    people: list[float | None] = field(default_factory=list)

    def move(self, by_ms: int) -> None:
        self.observed_at_ms = [at + by_ms for at in self.observed_at_ms]

    def shifted(self, now_ms: int) -> int:
        """Milliseconds, a whole number of weeks, to add so that the last row lies in the week before `now_ms`."""
        return (now_ms - self.observed_at_ms[-1]) // WEEK_MS * WEEK_MS


def parse_map(text: str) -> dict[str, str]:
    """`co2=co2_ppm,light=illuminance_lx` to {column: point}. Raises UsageError."""
    mapping: dict[str, str] = {}
    for pair in filter(None, (p.strip() for p in text.split(","))):
        column, _, point = pair.partition("=")
        if not column or not valid_point(point) or not known(point):
            raise UsageError(
                f"--map has '{pair}': write COLUMN=POINT, such as co2=co2_ppm; points are {', '.join(POINTS)}."
            )
        if point in mapping.values():
            raise UsageError(f"--map names the point {point} twice.")
        mapping[column] = point
    if not mapping:
        raise UsageError(
            "--map is empty: write COLUMN=POINT pairs, such as co2=co2_ppm,light=illuminance_lx."
        )
    return mapping


def load(
    path: Path,
    mapping: dict[str, str] | None,
    tz: str,
    *,
    time: str = "t",
    truth: str | None = None,
    part: str | None = None,
    people: str | None = None,
) -> Recording:
    """Read a CSV; local times become Unix ms in `tz`. Without a mapping the USUAL columns found are taken.

    Raises UsageError naming the column, or the line and value, that cannot be used. An empty value is None. The
    columns `part` and `people` may be missing.
    """
    try:
        zone = ZoneInfo(tz)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise UsageError(f"There is no time zone '{tz}'; write a name such as Asia/Ho_Chi_Minh.") from error
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _read(csv.DictReader(file, strict=True), path, mapping, zone, time, truth, part, people)
    except OSError as error:
        raise UsageError(f"Cannot read {path}: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} is not a CSV file in UTF-8: {error}.") from error


def _read(
    reader: "csv.DictReader[str]",
    path: Path,
    mapping: dict[str, str] | None,
    zone: ZoneInfo,
    time: str,
    truth: str | None,
    part: str | None,
    people: str | None,
) -> Recording:
    columns: Sequence[str] = reader.fieldnames or []
    mapping = mapping or {c: p for c, p in USUAL.items() if c in columns}
    for wanted in (time, *mapping, *([truth] if truth else [])):
        if wanted not in columns:
            raise UsageError(
                f"{path} has no column '{wanted}'; its columns are: {', '.join(columns) or 'none'}."
            )
    if not mapping:
        raise UsageError(
            f"{path} has no column that is known by name: say what to take with --map COLUMN=POINT,..."
        )
    recording = Recording(list(mapping.values()))
    for row in reader:
        line = reader.line_num
        observed = _moment(row[time], zone, path, line)
        if recording.observed_at_ms and observed <= recording.observed_at_ms[-1]:
            raise UsageError(
                f"{path}, line {line}: the time {row[time]} does not come after that of the line before."
            )
        recording.observed_at_ms.append(observed)
        recording.rows.append([_number(row[c], path, line, c) for c in mapping])
        known_truth = _number(row[truth], path, line, truth) if truth else None
        recording.truth.append(None if known_truth is None else known_truth > 0)
        recording.part.append((row.get(part) or "") if part else "")
        if people and people in columns:
            recording.people.append(_number(row[people], path, line, people))
    if not recording.rows:
        raise UsageError(f"{path} has a header and no rows.")
    return recording


def _moment(text: str | None, zone: ZoneInfo, path: Path, line: int) -> int:
    try:
        local = datetime.fromisoformat(text or "")
    except ValueError as error:
        raise UsageError(
            f"{path}, line {line}: '{text}' is not a time; write it as 2026-11-23 07:00:00."
        ) from error
    aware = local if local.tzinfo else local.replace(tzinfo=zone)
    return (aware - datetime.fromtimestamp(0, ZoneInfo("UTC"))) // timedelta(milliseconds=1)


def _number(text: str | None, path: Path, line: int, column: str) -> float | None:
    if text is None:
        raise UsageError(f"{path}, line {line}: the row is shorter than the header.")
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError as error:
        raise UsageError(f"{path}, line {line}, column {column}: '{text}' is not a number.") from error
    return value if math.isfinite(value) else None
