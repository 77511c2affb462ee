"""`campus demo`: a virtual school with live data, all in one process."""

import asyncio
import json
import logging
import secrets
import sys
import threading
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from campus.cli.brokers import find_broker
from campus.cli.history import History, Span
from campus.cli.options import from_zero, with_settings
from campus.cli.services import stop_on_signal
from campus.cli.system import System
from campus.errors import UsageError
from campus.records.inventory import Inventory
from campus.settings import Settings
from simulator import live
from simulator.school import School

DAY_MS = 24 * 3600 * 1000
FIRST_DAYS = 7
SITE = "demo"


@dataclass(slots=True)
class Story:
    """DIR/demo.json: which school this folder holds, and the spans of its history that are complete."""

    seed: int
    rooms: int
    covered: list[tuple[int, int]]

    @classmethod
    def open(cls, file: Path, seed: int, rooms: int) -> "Story":
        """Raises UsageError when the folder holds another school."""
        try:
            told = json.loads(file.read_text())
            story = cls(told["seed"], told["rooms"], [(a, b) for a, b in told["covered"]])
        except FileNotFoundError:
            return cls(seed, rooms, [])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{file} cannot be read ({error}); delete its folder to begin anew.") from error
        if (story.seed, story.rooms) != (seed, rooms):
            raise UsageError(
                f"{file.parent} holds a school of {story.rooms} rooms made with --seed {story.seed}; "
                "use the same, or another --data."
            )
        return story

    def missing(self, start: int, end: int) -> list[Span]:
        """What of [start, end) is not covered, in order of time."""
        gaps, at = [], start
        for a, b in sorted(self.covered):
            if a > at:
                gaps.append(Span(at, min(a, end)))
            at = max(at, b)
        gaps.append(Span(at, end))
        return [gap for gap in gaps if gap.end_ms > gap.start_ms]

    def save(self, file: Path, span: Span) -> None:
        """Add a complete span."""
        merged: list[tuple[int, int]] = []
        for a, b in sorted([*self.covered, (span.start_ms, span.end_ms)]):
            if merged and a <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(b, merged[-1][1]))
            else:
                merged.append((a, b))
        self.covered = merged
        draft = file.with_suffix(".new")
        draft.write_text(json.dumps(asdict(self)))
        draft.replace(file)


@with_settings(data="data-demo")
def demo(
    settings: Settings,
    seconds: Annotated[
        float, typer.Option(help="Stop by itself after so long; 0 runs until Ctrl-C", callback=from_zero)
    ] = 0,
    rooms: Annotated[int, typer.Option(help="Rooms of the school")] = 24,
    seed: Annotated[int, typer.Option(help="Another seed is another school")] = 1,
    days: Annotated[
        int, typer.Option(help="Days of history; the last seven come first", min=0, max=400)
    ] = 30,
) -> None:
    """Run a virtual school with live data on this machine: broker, collector, stores, API and pages in one process.

    Its boards run the real boards' program. The folder is kept: started again, the school has lived on meanwhile.
    """
    console = Console(highlight=False, soft_wrap=True)
    stop = stop_on_signal()
    school = School.make(seed=seed, rooms=rooms, site=SITE)
    words: list[str] = []

    def prepare(system: System) -> None:
        Story.open(settings.data / "demo.json", seed, rooms)
        system.records.import_inventory(Inventory.model_validate(school.inventory()))
        password = system.records.ensure_admin()
        if password is None:  # a demo that cannot be entered again is no demo
            password = secrets.token_urlsafe(12)
            system.records.set_password("admin", password)
        words.append(password)

    with System(settings, prepare=prepare) as system:
        began = int(time.time() * 1000)
        console.print(f"\nCampus Monitor is up: [bold]{system.address}[/bold]")
        console.print(f"Sign in as [bold]admin[/bold] with the password [bold]{words[0]}[/bold]")
        local = datetime.now(ZoneInfo(settings.tz))
        console.print(
            f"At the school it is {local:%H:%M on %A}; lessons are held Monday to Saturday from 07:00."
        )
        console.print("Ctrl-C stops it.\n")
        sys.stdout.flush()
        story = Story.open(settings.data / "demo.json", seed, rooms)
        spans = story.missing(began - min(days, FIRST_DAYS) * DAY_MS, began)
        if days > FIRST_DAYS:
            spans += story.missing(began - days * DAY_MS, began - FIRST_DAYS * DAY_MS)
        history = History(
            system, school, spans, console, stop, lambda span: story.save(settings.data / "demo.json", span)
        )
        boards = threading.Thread(
            target=_live, args=(system, school, stop), name="virtual-boards", daemon=True
        )
        boards.start()
        history.start()
        stop.wait(seconds or None)
        stop.set()
        history.join(20)
        boards.join(20)
        if history.caught_up:
            story.save(settings.data / "demo.json", Span(began, int(time.time() * 1000)))
        console.print("Stopping ...")
    if history.failed:
        raise history.failed


def _live(system: System, school: School, stop: threading.Event) -> None:
    """The boards of the school, on the broker of the system, until `stop`."""

    async def run(broker: str, credential: live.Credential) -> None:
        ending = asyncio.Event()
        boards = asyncio.create_task(live.run(school, broker, ending, credential=credential))
        while not stop.is_set() and not boards.done():
            await asyncio.sleep(0.2)
        ending.set()
        await boards

    try:
        host, port, credential = find_broker(system.settings)
        asyncio.run(run(f"mqtt://{host}:{port}", credential))
    except Exception:  # the pages go on with what there is; the log says why the boards do not
        logging.getLogger(__name__).exception("the virtual boards stopped")
