"""`campus semester`: a simulated semester with faults through inference, facts and indicators, against its truth."""

import csv
import json
import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from campus.cli.files import whole
from campus.cli.progress import progress
from campus.cli.semester_group import Share, Task, Wrong, run
from campus.cli.semester_score import figures, floors, wrong_facts
from campus.errors import UsageError
from campus.indicators import OUTCOMES
from simulator.faults import BLIND_PIR, KINDS, chosen

BEGIN = date(2026, 9, 7)  # a Monday; eighteen weeks from here are the first semester
MOST_WEEKS = 18
SHOWN_ROOMS = 5
FAULTS = tuple(kind for kind in KINDS if kind != BLIND_PIR)  # with it too: docs/semester.md

_counters: Any = None


def semester(
    rooms: Annotated[int, typer.Option(min=1, max=400, help="Rooms of the school, one board each")] = 60,
    weeks: Annotated[
        int, typer.Option(min=1, max=MOST_WEEKS, help="Weeks from the start of the semester")
    ] = MOST_WEEKS,
    seed: Annotated[int, typer.Option(help="Another seed is another school")] = 1,
    faults: Annotated[str, typer.Option(help=f"Comma-separated, of: {', '.join(KINDS)}; or none")] = ",".join(
        FAULTS
    ),
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Processes that share the rooms")] = 2,
    wrong: Annotated[
        Path | None,
        typer.Option(help="Write every wrong fact with its cause to this CSV file", show_default=False),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 where a floor is missed")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
) -> None:
    """Compare every fact of a simulated semester with what really happened, and say why the wrong ones are wrong.

    Boards fail, sensors stick, clocks are off and data come a week late; minutes pass the estimators, facts and sums
    that the collector uses. Nothing is stored.
    """
    kinds = chosen([] if faults in ("", "none") else [kind.strip() for kind in faults.split(",")])
    began = time.monotonic()
    task = Task(seed, rooms, BEGIN, 7 * weeks, kinds, 0, 1)
    shares = _shares(task, min(jobs, rooms))
    found = figures(shares)
    minutes = sum(share.minutes for share in shares)
    inference_s = sum(share.inference_s for share in shares)
    found["run"] = {
        "rooms": rooms,
        "weeks": weeks,
        "seed": seed,
        "faults": list(kinds),
        "seconds": time.monotonic() - began,
        "cpu_s": sum(share.seconds for share in shares),
        "room_minutes": minutes,
        "cpu_us_per_room_minute": 1e6 * inference_s / minutes,
    }
    if wrong is not None:
        _write(wrong, wrong_facts(shares))
    missed = [floor for floor in floors(found) if not floor.reached]
    if as_json:
        found["floors"] = [{**floor._asdict(), "reached": floor.reached} for floor in floors(found)]
        print(json.dumps(found, indent=1))
    else:
        _show(found)
    if check and missed:
        raise typer.Exit(1)


def _shares(task: Task, jobs: int) -> list[Share]:
    """The task in as many processes; in this one if that is all."""
    tasks = [replace(task, first=first, step=jobs) for first in range(jobs)]
    with progress("Simulating", task.rooms * task.days) as told:
        if jobs == 1:
            return [run(task, told)]
        context = multiprocessing.get_context("spawn")
        counters = context.Array("q", jobs)
        with ProcessPoolExecutor(jobs, context, _count_in, (counters,)) as pool:
            running = [pool.submit(_run, one) for one in tasks]
            while not all(one.done() for one in running):
                told(sum(counters[:]))
                time.sleep(0.2)
            return [one.result() for one in running]


def _count_in(counters: Any) -> None:
    global _counters
    _counters = counters


def _run(task: Task) -> Share:
    def told(done: int) -> None:
        _counters[task.first] = done

    return run(task, told)


def _write(file: Path, rows: Sequence[Wrong]) -> None:
    try:
        with whole(file) as part, part.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(Wrong._fields)
            writer.writerows(rows)
    except OSError as error:
        raise UsageError(f"Cannot write {file}: {error.strerror}.") from error


def _show(found: dict[str, Any]) -> None:
    console = Console()
    ran, facts, late = found["run"], found["facts"], found["late"]
    used, equipment, no_show = found["utilisation"], found["equipment"], found["no_show"]
    console.print(_table("Floors", ("", "figure", "floor", ""), _floor_rows(found)))
    outcomes = [o for o in OUTCOMES if any(o in row for row in facts["confusion"].values())]
    rows = [(true, *(str(row.get(out, "")) for out in outcomes)) for true, row in facts["confusion"].items()]
    console.print(_table("Facts: true, by measured", ("true", *outcomes), rows))
    causes = [(cause, str(n)) for cause, n in facts["causes"].items()]
    console.print(
        _table(f"{facts['wrong']} wrong of {facts['measured']} measured", ("cause", "facts"), causes)
    )
    say = console.print
    say(
        f"No-shows: {no_show['true']} true, {no_show['measured']} measured, {no_show['both']} both, "
        f"of {no_show['scheduled']} scheduled slots with 80 % coverage."
    )
    say(
        f"Utilisation (frequency rate): {used['measured_pct']:.2f} %, true {used['true_pct']:.2f} %, as defined "
        f"{used['true_as_defined_pct']:.2f} %; "
        f"{used['rooms_within_1']} of {len(used['rooms'])} rooms within 1 percentage point; farthest: "
        + ", ".join(f"{room} {apart:+.2f}" for room, apart in list(used["rooms"].items())[:SHOWN_ROOMS])
        + "."
    )
    if used["occupancy_measured_pct"] is not None:
        say(
            f"Occupancy from CO2 (no floor): {used['occupancy_measured_pct']:.1f} %, "
            f"true {used['occupancy_true_pct']:.1f} %."
        )
    if equipment["energy_true_kwh"]:
        say(
            f"Energy of {equipment['pieces']} pieces: {equipment['energy_measured_kwh']:.1f} kWh, true "
            f"{equipment['energy_true_kwh']:.1f}; left on in empty rooms {equipment['idle_measured_kwh']:.1f} kWh, "
            f"true {equipment['idle_true_kwh']:.1f}; hours in use {equipment['on_error_pct'] or 0:+.2f} %."
        )
    say(
        f"Late data: {late['room_days']} room-days; not measured {late['before']['not_measured']} of "
        f"{late['before']['cells']} facts before, {late['after']['not_measured']} after; "
        f"wrong {late['before']['wrong']} and {late['after']['wrong']}."
    )
    say(
        f"{ran['rooms']} rooms, {ran['weeks']} weeks, seed {ran['seed']}: {ran['seconds']:.0f} s, "
        f"{ran['cpu_s']:.0f} s of CPU with simulation and truth; {ran['room_minutes']} room-minutes through inference "
        f"and facts at {ran['cpu_us_per_room_minute']:.1f} µs of CPU."
    )


def _floor_rows(found: dict[str, Any]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for floor in floors(found):
        bound = f"≥ {floor.least}" if floor.least is not None else f"± {floor.most}"
        value = "-" if floor.value is None else f"{floor.value:.3f}"
        rows.append((floor.name, value, bound, "reached" if floor.reached else "MISSED"))
    return rows


def _table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(title=title, box=box.SIMPLE, padding=(0, 1, 0, 0), title_justify="left")
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="left" if place == 0 else "right")
    for row in rows:
        table.add_row(*row)
    return table
