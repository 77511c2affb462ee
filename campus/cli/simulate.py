"""`campus simulate`: a virtual school against any broker; live, or its past as fast as it goes."""

import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from campus.cli.backfill import Backfill
from campus.cli.brokers import find_broker
from campus.cli.files import whole
from campus.cli.options import from_zero, with_settings
from campus.cli.services import stop_on_signal
from campus.errors import UsageError
from campus.settings import Settings
from simulator import live, truth
from simulator.faults import DEFAULT, KINDS, chosen
from simulator.school import School

DAY_MS = 24 * 3600 * 1000


@with_settings()
def simulate(
    settings: Settings,
    rooms: Annotated[int, typer.Option(help="Rooms of the school, one board each")] = 24,
    boards: Annotated[
        int | None, typer.Option(help="Run only the first N boards", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed is another school")] = 1,
    site: Annotated[str, typer.Option(help="Site id of the school")] = "demo",
    faults: Annotated[str, typer.Option(help=f"Comma-separated, of: {', '.join(KINDS)}; or none")] = ",".join(
        DEFAULT
    ),
    backfill: Annotated[
        float, typer.Option(help="Send the last DAYS days as fast as it goes, then stop", callback=from_zero)
    ] = 0,
    speed: Annotated[
        float, typer.Option(help="Live: run the school's clock so many times as fast", callback=from_zero)
    ] = 1,
    sample: Annotated[float, typer.Option(help="Live: seconds between samples", callback=from_zero)] = 12,
    seconds: Annotated[
        float,
        typer.Option(help="Live: stop by itself after so long; 0 runs until Ctrl-C", callback=from_zero),
    ] = 0,
    inventory: Annotated[
        Path | None,
        typer.Option(help="Only write the school's inventory, for `campus inventory`", show_default=False),
    ] = None,
    truth_file: Annotated[
        Path | None,
        typer.Option(
            "--truth", help="Only write what is true (CSV): who was where, what was on", show_default=False
        ),
    ] = None,
    days: Annotated[
        float, typer.Option(help="With --truth: so many days, ending now", callback=from_zero)
    ] = 7,
) -> None:
    """Run the boards of a virtual school against the broker, or write its inventory or its truth.

    The same seed gives the same people, timetable, weather and faults, live and in the past.
    """
    kinds = chosen([] if faults in ("", "none") else [kind.strip() for kind in faults.split(",")])
    school = School.make(seed=seed, rooms=rooms, site=site)
    now_ms = int(time.time() * 1000)
    if boards is not None and not 1 <= boards <= rooms:
        raise UsageError(f"--boards is {boards}: choose 1 to {rooms}, or more --rooms.")
    if inventory is not None:
        _write(inventory, json.dumps(school.inventory(), ensure_ascii=False, indent=1, default=str) + "\n")
        print(f"Wrote {inventory}. Next: campus inventory {inventory}")
        return
    if truth_file is not None:
        _write_truth(truth_file, school, now_ms - int(days * DAY_MS), now_ms, kinds)
        return
    if not speed or not sample:
        raise UsageError("--speed and --sample must be above 0.")
    host, port, credential = find_broker(settings)
    if backfill:
        filling = Backfill(school, host, port, credential, kinds, boards, stop_on_signal())
        asyncio.run(filling.run(now_ms - int(backfill * DAY_MS), now_ms))
        print(f"{filling.records} records of {filling.boards} boards committed.")
        return
    print(f"{boards or rooms} boards of {school.name} are live; Ctrl-C stops them.", flush=True)
    stop = stop_on_signal()

    async def run() -> None:
        ending = asyncio.Event()
        log = Console(stderr=True, highlight=False).print
        running = asyncio.create_task(
            live.run(
                school,
                f"mqtt://{host}:{port}",
                ending,
                speed,
                credential=credential,
                sample_s=sample,
                boards=boards,
                faults=kinds,
                log=log,
            )
        )
        until = time.monotonic() + seconds if seconds else None
        while not stop.is_set() and not running.done() and (until is None or time.monotonic() < until):
            await asyncio.sleep(0.2)
        ending.set()
        await running

    asyncio.run(run())


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"Cannot write {file}: {error.strerror}.") from error


def _write_truth(file: Path, school: School, start_ms: int, end_ms: int, kinds: Sequence[str]) -> None:
    try:
        with whole(file) as part, part.open("w", encoding="utf-8", newline="") as out:
            rows = truth.write_csv(out, school, start_ms, end_ms, kinds)
    except OSError as error:
        raise UsageError(f"Cannot write {file}: {error.strerror}.") from error
    print(f"Wrote {rows} minutes to {file}.")
