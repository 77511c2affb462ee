"""`campus bench rooms`: what a room costs a minute, beside its messages: live presence, intervals, facts."""

import json
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from campus.cli.bench_parts import SITE
from campus.cli.bench_system import place
from campus.live import Live
from campus.records import open_records
from campus.telemetry.stores import open_telemetry
from campus.wire.topics import board_topic
from collector.pipeline import Pipeline
from simulator.load import names, packets

MINUTE_MS = 60_000
WARM_UP = 20  # minutes: intervals are final 15 minutes after


def rooms(
    rooms: Annotated[int, typer.Option(help="Rooms, a board in each", min=1)] = 100,
    minutes: Annotated[int, typer.Option(help="Minutes of theirs that are counted", min=1)] = 20,
    telemetry: Annotated[str, typer.Option(help="Time series, as the setting says; an empty database")] = "duckdb",
    records: Annotated[str, typer.Option(help="Records, as the setting says; an empty database")] = "sqlite",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
) -> None:  # fmt: skip
    """CPU of this process for each room and minute, of a clock that runs as fast as it can: one message a minute each.

    What server stores spend is not in it.
    """
    console = Console(stderr=True, highlight=False)
    with tempfile.TemporaryDirectory(prefix="campus-bench-") as folder:
        told = _measured(Path(folder), rooms, minutes, telemetry, records)
    if as_json:
        print(json.dumps(told))
        return
    for name, value in told.items():
        console.print(f"{name:28} {value}")


def _measured(folder: Path, rooms: int, minutes: int, telemetry: str, records: str) -> dict[str, Any]:
    boards = names(rooms)
    place(folder, boards, records)
    end_ms = int(time.time() * 1000) // MINUTE_MS * MINUTE_MS
    start_ms = now_ms = end_ms - (WARM_UP + minutes) * MINUTE_MS
    spent = {"messages": 0.0, "live": 0.0, "derived": 0.0}
    payloads = packets(SITE, rooms, 1, "00000000000000aa", start_ms, MINUTE_MS)
    with (
        open_records(records, folder) as opened,
        closing(open_telemetry(telemetry, folder)) as store,
        closing(Pipeline(folder, opened, store, Live(), lambda: now_ms, limited=False)) as pipeline,
    ):
        steps: dict[str, Callable[[], Any]] = {
            "messages": pipeline.pump, "live": pipeline.tick, "derived": pipeline.derive
        }  # fmt: skip
        for minute in range(WARM_UP + minutes):
            for board in boards:
                pipeline.offer(board_topic(SITE, board, "telemetry"), next(payloads)[1], now_ms)
            for name, step in steps.items():
                before = time.process_time()
                step()
                spent[name] += time.process_time() - before if minute >= WARM_UP else 0.0
            now_ms += MINUTE_MS
        through = [opened.derived_through(SITE, room.id) for room in opened.rooms(SITE)]
    each = {f"{name}_ms_per_room_minute": round(s / rooms / minutes * 1e3, 3) for name, s in spent.items()}
    late_min = max((now_ms - one) / MINUTE_MS for one in through if one) if any(through) else None
    return {"rooms": rooms, "minutes": minutes, **each, "derived_minutes_behind": late_min}
