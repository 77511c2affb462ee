"""`campus bench freshness`: from a board's motion to the event that shows it."""

import asyncio
import json
import math
import resource
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console

from campus.cli.bench_boards import run_boards
from campus.cli.bench_parts import SITE, broker, cpu_s
from campus.cli.bench_system import RunningSystem, place, room_of, system
from campus.errors import CampusError

LATE_S = 10.0  # an event that did not come by then, after the last motion, is lost
SPARE_FILES = 200


class Watcher:
    """Reads the stream of events as a browser does, and pairs it with the motions that were sent.

    A motion is shown by the first event of its room whose `motion_at_ms` is not before it.
    """

    def __init__(self) -> None:
        self.delays_ms: list[float] = []
        self.resets = 0
        self.sent = 0
        self._waiting: dict[str, list[tuple[int, float]]] = defaultdict(list)

    def moved(self, board: str, at_ms: int) -> None:
        self.sent += 1
        self._waiting[room_of(board)].append((at_ms, time.monotonic()))

    @property
    def missing(self) -> int:
        return sum(map(len, self._waiting.values()))

    async def watch(self, up: RunningSystem, opened: asyncio.Event) -> None:
        kind = ""
        async with (
            httpx.AsyncClient(headers=up.headers, timeout=60, trust_env=False) as client,
            client.stream("GET", f"{up.http}/api/v1/live/events", params={"site": SITE}) as answer,
        ):
            answer.raise_for_status()
            async for line in answer.aiter_lines():
                opened.set()
                if line.startswith("event: "):
                    kind = line[7:]
                    self.resets += kind == "reset"
                elif line.startswith("data: ") and kind == "room":
                    self._shown(json.loads(line[6:]))

    def _shown(self, state: dict[str, Any]) -> None:
        now, shown_ms = time.monotonic(), state["motion_at_ms"] or 0
        waiting = self._waiting[state["room"]]
        while waiting and waiting[0][0] <= shown_ms:
            self.delays_ms.append((now - waiting.pop(0)[1]) * 1000)


def freshness(
    boards: Annotated[
        int, typer.Option(help="Boards, a room and a connection each", min=1, max=20_000)
    ] = 1000,
    seconds: Annotated[int, typer.Option(help="How long they send", min=1)] = 60,
    every: Annotated[float, typer.Option(help="Seconds between a board's telemetry", min=0.1)] = 10,
    motion: Annotated[float, typer.Option(help="Mean seconds between a board's motions", min=0.1)] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
) -> None:
    """From motion at a board to the event that shows it in a browser, with the real system and mosquitto.

    Boards send telemetry at their pace and motion at random moments; the clock runs from just before the publish to the
    arrival of the server-sent event with that room's `motion_at`. A `lost` motion has none 10 s after the last one.
    """
    console = Console(stderr=True, highlight=False)
    _open_files(boards + SPARE_FILES)
    names = [f"bench-{number:05d}" for number in range(boards)]
    with tempfile.TemporaryDirectory(prefix="campus-bench-") as folder, ExitStack() as stack:
        data = Path(folder) / "data"
        place(data, names)
        through = stack.enter_context(broker(Path(folder)))
        up = stack.enter_context(system(data, through.url, Path(folder) / "log"))
        console.print(f"{boards} boards for {seconds} s ...")
        watcher = Watcher()
        pids = {"system": up.pid, "broker": through.pid}
        before, began = {part: cpu_s(pid) for part, pid in pids.items()}, time.monotonic()
        own = time.process_time()
        messages = asyncio.run(_run(watcher, up, through.url, names, seconds, every, motion))
        lasted = time.monotonic() - began
        cores = {part: round((cpu_s(pid) - before[part]) / lasted, 3) for part, pid in pids.items()}
        cores["boards_and_browser"] = round((time.process_time() - own) / lasted, 3)
        stored = _stored(up, messages)
    figures = {
        "boards": boards, "seconds": seconds, "messages": messages, "records_stored": stored,
        "motions": watcher.sent, "shown": len(watcher.delays_ms), "lost": watcher.missing,
        "resets": watcher.resets, **_quantiles(watcher.delays_ms), "cores": cores,
    }  # fmt: skip
    if as_json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        console.print(f"{name:16} {value}")


async def _run(
    watcher: Watcher, up: RunningSystem, url: str, names: list[str], seconds: int, every: float, motion: float
) -> int:
    opened = asyncio.Event()
    watching = asyncio.create_task(watcher.watch(up, opened))
    opening = asyncio.create_task(opened.wait())
    try:
        await asyncio.wait([watching, opening], timeout=30, return_when=asyncio.FIRST_COMPLETED)
        if not opened.is_set():
            raise CampusError("The stream of live events did not open.")
        messages = await run_boards(url, names, seconds, every, motion, watcher.moved)
        until = time.monotonic() + LATE_S
        while watcher.missing and time.monotonic() < until:
            await asyncio.sleep(0.05)
        if watching.done():
            raise CampusError(f"The stream of live events ended early: {watching.exception() or 'closed'}.")
    finally:
        opening.cancel()
        watching.cancel()
        with suppress(asyncio.CancelledError, httpx.HTTPError):
            await watching
    return messages


def _stored(up: RunningSystem, messages: int) -> int:
    """Records stored, once all are, or it has taken too long."""
    until = time.monotonic() + LATE_S
    while (stored := up.health()["counters"]["records_stored"]) < messages and time.monotonic() < until:
        time.sleep(0.05)
    return int(stored)


def _quantiles(delays_ms: Sequence[float]) -> dict[str, float | None]:
    """By nearest rank, which never invents a value."""
    ordered = sorted(delays_ms)

    def at(share: float) -> float | None:
        return round(ordered[math.ceil(share * len(ordered)) - 1], 1) if ordered else None

    return {"p50_ms": at(0.5), "p95_ms": at(0.95), "p99_ms": at(0.99), "max_ms": at(1.0)}


def _open_files(wanted: int) -> None:
    """Every board is an open file. Raises CampusError where so many are not allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError) as error:
        raise CampusError(
            f"This user may open {hard} files: choose --boards below {hard - SPARE_FILES}."
        ) from error
