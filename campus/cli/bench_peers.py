"""`campus bench peers`: the same messages through the same broker to each candidate in turn, side by side."""

import json
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
from rich.console import Console

from campus.cli.bench_candidates import Candidate, floor, node_red, ours, telegraf
from campus.cli.bench_parts import (
    SITE,
    Broker,
    Influx,
    Load,
    broker,
    cpu_s,
    influxd,
    machine_s,
    program,
)
from campus.errors import CampusError, UsageError
from simulator.load import COLUMNS

FLOOR = "paho"
FULL = 0.85  # of a core: one thread has no more to give, the rest goes to waking up
QUEUED = 100_000  # messages that collector/mosquitto.conf keeps for a subscriber that is slower than the load

Make = Callable[[Broker, Path, Influx | None], AbstractContextManager[Candidate]]


def peers(
    messages: Annotated[
        int, typer.Option(help="Messages, QoS 1; the broker queues so many", min=1, max=QUEUED)
    ] = 60_000,
    rows: Annotated[int, typer.Option(help="Records in a message, of four values each", min=1, max=20)] = 1,
    boards: Annotated[int, typer.Option(help="Boards that send them", min=1)] = 200,
    rate: Annotated[int, typer.Option(help="Messages per second sent", min=1)] = 30_000,
    repeat: Annotated[int, typer.Option(help="Rounds; every round takes each candidate once", min=1)] = 3,
    node_red_path: Annotated[
        Path | None,
        typer.Option("--node-red", help="Its program node-red, or red.js; run by the first node on PATH"),
    ] = None,
    telegraf_path: Annotated[
        Path | None,
        typer.Option(
            "--telegraf", help="Its program; it needs inputs.mqtt_consumer, parsers.xpath, outputs.influxdb"
        ),
    ] = None,
    influxd_path: Annotated[
        Path | None,
        typer.Option(
            "--influxd", help="InfluxDB 1.x for those that need one \\[default: an installed influxd]"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
) -> None:
    """The collector beside a bare paho subscriber, and beside Node-RED and Telegraf where their programs are named.

    Each gets the same messages from a fresh mosquitto, in turn, round after round, and is counted where it stores them.
    CPU is the whole process with its children; of databases and broker apart. How to read it: docs/benchmarks.md.
    """
    console = Console(stderr=True, highlight=False)
    makes, left_out = _candidates(messages, rows, node_red_path, telegraf_path, influxd_path)
    server = makes.pop("influxd", None)
    for line in left_out:
        console.print(line)
    told: dict[str, list[dict[str, Any]]] = {name: [] for name in makes}
    for turn in range(repeat):
        for name, (make, needs) in makes.items():
            console.print(f"round {turn + 1} of {repeat}: {name} ...")
            database = server if needs else None
            told[name].append(_measured(name, make, database, messages, rows, boards, rate))
    figures = {name: _middle(runs) for name, runs in told.items()}
    base = figures[FLOOR]["cpu_us_per_message"]
    for one in figures.values():
        one["cpu_to_paho"] = round(one["cpu_us_per_message"] / base, 2) if base else None
    document = {
        "messages": messages, "rows": rows, "boards": boards, "rate": rate, "rounds": repeat,
        "cores": os.cpu_count(), "candidates": figures, "runs": told, "left_out": left_out,
    }  # fmt: skip
    if as_json:
        print(json.dumps(document))
    else:
        console.print(_table(figures), soft_wrap=True)


def _candidates(
    messages: int, rows: int, red: Path | None, tele: Path | None, influx: Path | None
) -> tuple[dict[str, Any], list[str]]:
    """name -> (how to start it, whether it needs InfluxDB), `influxd` -> its program; and what is left out."""
    records = messages * rows
    left_out = []
    made: dict[str, Any] = {
        FLOOR: (lambda b, f, i: floor(b, f, messages), False),
        "campus": (lambda b, f, i: ours(b, f, messages), False),
    }
    try:
        server = program("influxd", influx, ", or name one with --influxd")
    except UsageError as error:
        if influx is not None or red is not None or tele is not None:
            raise
        left_out.append(f"campus with InfluxDB is left out: {error}")
    else:
        made["campus-influxdb"] = (lambda b, f, i: ours(b, f, messages, i), True)
        made["influxd"] = server
    for name, path, how in (("node-red", red, node_red), ("telegraf", tele, telegraf)):
        if path is None:
            left_out.append(f"{name} is left out: name its program with --{name}.")
        else:
            made[name] = (_started(how, program(name, path), records), True)
    return made, left_out


def _started(how: Any, path: str, records: int) -> Make:
    return lambda b, f, i: how(path, b, f, records, i)


def _measured(
    name: str, make: Make, server: str | None, messages: int, rows: int, boards: int, rate: int
) -> dict[str, Any]:
    """One candidate, once. Raises CampusError when the count at its end is not what was sent."""
    with tempfile.TemporaryDirectory(prefix="campus-bench-") as place, ExitStack() as stack:
        folder = Path(place)
        data = folder / "data"
        data.mkdir()
        through = stack.enter_context(broker(folder))
        influx = stack.enter_context(influxd(server, folder)) if server else None
        candidate = stack.enter_context(make(through, data, influx))
        load = stack.enter_context(
            Load(through.url, messages=messages, boards=boards, rows=rows, rate=rate, site=SITE)
        )
        pids = {"candidate": candidate.pid, **candidate.parts, "broker": through.pid}
        pids["generator"] = load.process.pid
        before = {part: cpu_s(pid) for part, pid in pids.items()}
        everything, began = machine_s(), time.monotonic()
        load.begin()
        candidate.stored()
        seconds = time.monotonic() - began
        spent = {part: cpu_s(pid) - before[part] for part, pid in pids.items()}
        spent["others"] = max(0.0, machine_s() - everything - sum(spent.values()))
        load.end()
        counted = candidate.counted()
    wanted = messages if name == FLOOR else messages * rows * len(COLUMNS)
    if counted != wanted:
        raise CampusError(f"{name} has {counted} of {wanted}: it lost some, and its figures mean nothing.")
    shares = {part: round(one / seconds, 2) for part, one in spent.items()}
    return {
        "messages_per_s": round(messages / seconds, 1),
        "readings_per_s": round(messages * rows * len(COLUMNS) / seconds, 1),
        "cpu_us_per_message": round(spent["candidate"] / messages * 1e6, 1),
        "database_us_per_message": round(spent["influxdb"] / messages * 1e6, 1)
        if "influxdb" in spent
        else None,
        "cores": shares,
        "counted": counted,
        "limited_by": _limit(shares),
    }


def _limit(shares: dict[str, float]) -> str:
    """The part that has no more to give; a core that is full counts before a machine that is."""
    part, most = max(shares.items(), key=lambda one: one[1])
    if most >= FULL and part in ("candidate", "influxdb", "broker"):
        return f"{part}: a core is full" if most < 1.15 else f"{part}: {most:.1f} cores"
    if sum(shares.values()) >= FULL * (os.cpu_count() or 1):
        busy = "other programs fill it" if shares.get("others", 0.0) > 0.25 else "all cores are full"
        return f"machine: {busy}"
    return "disk or load"


def _middle(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The median of each figure; what limited and was counted is that of the run with the middle rate."""
    ordered = sorted(runs, key=lambda run: run["messages_per_s"])
    chosen = ordered[len(ordered) // 2]
    figures = dict(chosen)
    for key in ("messages_per_s", "readings_per_s", "cpu_us_per_message", "database_us_per_message"):
        if chosen[key] is not None:
            figures[key] = round(median(run[key] for run in runs), 1)
    costs = [run["cpu_us_per_message"] for run in runs]
    return figures | {"cpu_us_lowest": min(costs), "cpu_us_highest": max(costs)}


def _table(figures: dict[str, dict[str, Any]]) -> str:
    head = ("", "messages/s", "readings/s", "CPU µs/msg", "from", "to", "x paho", "db µs", "limited by")
    lines = [head]
    for name, one in figures.items():
        apart, to_floor = one["database_us_per_message"], one["cpu_to_paho"]
        lines.append((
            name, f"{one['messages_per_s']:,.0f}", f"{one['readings_per_s']:,.0f}",
            *(f"{one[key]:.1f}" for key in ("cpu_us_per_message", "cpu_us_lowest", "cpu_us_highest")),
            "-" if to_floor is None else f"{to_floor:.2f}", "-" if apart is None else f"{apart:.1f}",
            one["limited_by"],
        ))  # fmt: skip
    widths = [max(len(line[column]) for line in lines) for column in range(len(head) - 1)]
    return "\n".join(
        f"{line[0]:{widths[0]}} "
        + " ".join(f"{cell:>{width}}" for cell, width in zip(line[1:-1], widths[1:], strict=True))
        + f"  {line[-1]}"
        for line in lines
    )
