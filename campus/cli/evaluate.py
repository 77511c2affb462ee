"""`campus evaluate`: a recorded room through the collector's own readings → intervals path, against its truth."""

import csv
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from campus.cli.evaluate_equipment import evaluate_equipment
from campus.cli.evaluate_run import RoomAbout, Run, compare, counts, plausible_shift
from campus.cli.options import with_settings
from campus.cli.progress import progress
from campus.cli.recording import Recording, load, parse_map
from campus.cli.spoiling import FAULTS, NO_FAULT, OUTAGES, with_fault, with_outage
from campus.errors import UsageError
from campus.settings import Settings
from campus.wire.names import base
from campus.wire.topics import valid_id

POWER = "power_w"
POWER_COLUMN = "w"
SHOWN = {
    "accuracy": "acc.",
    "balanced_accuracy": "bal.",
    "f1": "F1",
    "mcc": "MCC",
    "occupied_hours_error_pct": "hours %",
    "switches_per_day": "sw./day",
    "coverage": "cover",
    "majority_pct": "major. %",
    "time_of_day_pct": "by hour %",
}
PEOPLE_SHOWN = {
    "mean_absolute_error": "people off by",
    "exact_pct": "exact %",
    "within_margin_pct": "in ± %",
    "band_pct": "band %",
}


@with_settings()
def evaluate(
    settings: Settings,
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV with a time column, sensor columns and a truth column; or of a plug, with a column w",
            show_default=False,
        ),
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
    people: Annotated[str, typer.Option(help="Column with the number of people, where there is one")] = "n",
    part: Annotated[str, typer.Option(help="Column that names the parts, where there is one")] = "part",
    time_column: Annotated[str, typer.Option(help="Name of the time column")] = "t",
    room_type: Annotated[str, typer.Option(help="Room type whose parameters are used")] = "office",
    volume: Annotated[
        float | None, typer.Option(help="Volume in m³: count people too", min=1, show_default=False)
    ] = None,
    capacity: Annotated[
        int | None, typer.Option(help="Seats: a limit and bands of the count", min=1, show_default=False)
    ] = None,
    outage: Annotated[
        str | None, typer.Option(help=f"Lose readings: {', '.join(OUTAGES)}", show_default=False)
    ] = None,
    fault: Annotated[
        str | None, typer.Option(help=f"Falsify: {', '.join(FAULTS)}", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="Of what an outage loses, and of disorder")] = 1,
    outages: Annotated[
        bool, typer.Option("--outages", help="A line for each outage and fault that the recording can have")
    ] = False,
    kind: Annotated[
        str | None, typer.Option(help="Kind of equipment of a plug \\[default: by name]", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
) -> None:
    """Score presence against the truth of a recorded room, per part; live (causal) and final (15 minutes later).

    The recording passes the wire contract, journal, store and inference of the collector, in stores of its own
    that are thrown away, its clock taken from the file. Beside the scores stand what guessing reaches: the more
    frequent class (majority), and the hour of the day alone. A file with power in it is of a plug: its state and hours
    in use are scored.
    """
    chosen = parse_map(mapping) if mapping else None
    if is_of_power(file, chosen):
        evaluate_equipment(file, settings.tz, as_json, kind)
        return
    if not valid_id(room_type):
        raise UsageError(f"'{room_type}' is not a room type: use a-z, 0-9 and -, at most 64 of them.")
    if outages and (outage or fault):
        raise UsageError("--outages is a table of all of them: give no --outage or --fault beside it.")
    recording = load(file, chosen, settings.tz, time=time_column, truth=truth, part=part, people=people)
    recording.move(plausible_shift(recording.observed_at_ms[0]))
    if all(real is None for real in recording.truth):
        raise UsageError(f"{file}: the column '{truth}' holds no value to compare with.")
    room = RoomAbout(room_type, volume, capacity)
    about = {"file": file.name, "points": recording.points}
    if outages:
        runs = _every_run(recording, room, settings.tz, seed)
        if as_json:
            print(json.dumps(about | {"seed": seed, "runs": runs}, indent=1))
        else:
            _show(f"{file.name}: {', '.join(recording.points)}", runs)
        return
    parts = _run(recording, room, settings.tz, outage, fault, seed)
    if as_json:
        spoiled = {"outage": outage, "fault": fault, "seed": seed} if outage or fault else {}
        print(json.dumps(about | spoiled | {"parts": parts}, indent=1))
        return
    _show(f"{file.name}: {', '.join(recording.points)}", {outage or fault or "": parts})


def is_of_power(file: Path, mapping: dict[str, str] | None) -> bool:
    """Whether a file is of a plug: a folder, a mapping that names power, or without one a column `w`."""
    if mapping is not None:
        return any(base(point) == POWER for point in mapping.values())
    if file.is_dir():
        return True
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            return POWER_COLUMN in next(csv.reader(opened), [])
    except (OSError, UnicodeDecodeError, csv.Error):
        return False  # what is wrong is said where the file is read


def _every_run(recording: Recording, room: RoomAbout, tz: str, seed: int) -> dict[str, dict[str, Any]]:
    """name -> parts, of the plain recording, of each outage and of each fault that it has the sensor for."""
    points = set(recording.points)
    lost = [name for name, one in OUTAGES.items() if one.point is None or one.point in points]
    wrong = [name for name, one in FAULTS.items() if "co2_ppm" in points or not (one.stuck or one.drift)]
    runs = {"none": _run(recording, room, tz, None, None, seed)}
    runs |= {name: _run(recording, room, tz, name, None, seed) for name in lost}
    return runs | {name: _run(recording, room, tz, None, name, seed) for name in wrong}


def _run(
    recording: Recording, room: RoomAbout, tz: str, outage: str | None, fault: str | None, seed: int
) -> dict[str, dict[str, Any]]:
    """part -> scores of the recording as the outage and the fault leave it."""
    done = NO_FAULT
    if outage:
        recording = with_outage(recording, outage, seed)
    if fault:
        recording, done = with_fault(recording, fault)
    with progress(" ".join(filter(None, ("Evaluating", outage, fault))), len(recording.rows)) as told:
        live, final = Run(recording, tz, room, done, seed).states(told)
    counted: dict[str, list[int | None]] = {}
    if recording.people and room.volume_m3 is not None and not done.skew_ms:
        counted = dict(zip(("live", "final"), counts(recording, room), strict=True))
    return compare(recording, {"live": live, "final": final}, counted, room, tz)


def _show(title: str, runs: dict[str, dict[str, dict[str, Any]]]) -> None:
    """A line for each run, part and kind of state."""
    several = len(runs) > 1 or "" not in runs
    with_people = any(
        "people" in row for parts in runs.values() for kinds in parts.values() for row in kinds.values()
    )
    table = Table(title=title, box=box.SIMPLE, padding=(0, 1, 0, 0))
    headings = [*(["fault"] if several else []), "part", "", *SHOWN.values()]
    for heading in [*headings, *(PEOPLE_SHOWN.values() if with_people else [])]:
        table.add_column(heading, no_wrap=True)
    for run, parts in runs.items():
        for name, kinds in parts.items():
            for kind, row in kinds.items():
                cells = [row[key] for key in SHOWN]
                cells += [row.get("people", {}).get(key) for key in PEOPLE_SHOWN] if with_people else []
                table.add_row(*([run] if several else []), name, kind, *map(_cell, cells))
    Console(width=max(92 + 12 * several + 48 * with_people, Console().width)).print(table)


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}" if abs(value) > 1 else f"{value:.3f}"
