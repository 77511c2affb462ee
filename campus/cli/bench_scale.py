"""`campus bench scale`: several collectors over one broker and one InfluxDB, each with a site of its own."""

import json
import os
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from campus.cli.bench_candidates import told
from campus.cli.bench_parts import SITE, Broker, Influx, Load, broker, cpu_s, influxd, program
from campus.errors import CampusError
from simulator.load import COLUMNS

MOST = 100_000  # messages that collector/mosquitto.conf keeps for one collector


def scale(
    workers: Annotated[int, typer.Option(help="Collectors, a site each", min=1, max=64)] = 2,
    messages: Annotated[
        int, typer.Option(help="Messages for each of them, of four values, QoS 1", min=1, max=MOST)
    ] = 60_000,
    boards: Annotated[int, typer.Option(help="Boards of each site", min=1)] = 100,
    rate: Annotated[int, typer.Option(help="Messages per second sent to each", min=1)] = 5_000,
    influxd_path: Annotated[
        Path | None,
        typer.Option("--influxd", help="InfluxDB 1.x \\[default: an installed influxd]"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
) -> None:
    """CPU per message of collectors that share broker and database, and whether everything was stored.

    A speed-up shows only where each has cores of its own. Records are a file of each, which cost next to nothing here.
    """
    console = Console(stderr=True, highlight=False)
    server = program("influxd", influxd_path, ", or name one with --influxd")
    console.print(f"{workers} collectors, {messages} messages each, {rate} a second each ...")
    with tempfile.TemporaryDirectory(prefix="campus-bench-") as place, ExitStack() as stack:
        folder = Path(place)
        through = stack.enter_context(broker(folder))
        influx = stack.enter_context(influxd(server, folder))
        figures = _measured(stack, folder, through, influx, workers, messages, boards, rate)
    if as_json:
        print(json.dumps(figures))
        return
    for one in figures.pop("each"):
        console.print("  ".join(f"{name} {value}" for name, value in one.items()))
    for name, value in figures.items():
        console.print(f"{name:26} {value}")


def _measured(
    stack: ExitStack, folder: Path, through: Broker, influx: Influx, workers: int, messages: int, boards: int, rate: int
) -> dict[str, Any]:  # fmt: skip
    """Raises CampusError when the database does not hold exactly what was sent to each site."""
    sites = [f"{SITE}-{n}" for n in range(workers)]
    started, loads = [], []
    for site in sites:
        (folder / site).mkdir()
        words = ["collector.bench", "--mqtt", through.url, "--data", str(folder / site), "--messages"]
        words += [str(messages), "--hold", "--telemetry", influx.url, "--site", site]
        started.append(stack.enter_context(told(words)))
    for site in sites:
        loads.append(
            stack.enter_context(Load(through.url, messages=messages, boards=boards, rate=rate, site=site))
        )
    pids = [pid for pid, _, _ in started]
    before = [cpu_s(pid) for pid in (*pids, through.pid, influx.pid)]
    began = time.monotonic()
    for load in loads:
        load.begin()
    for _, stored, _ in started:
        stored()
    seconds = time.monotonic() - began
    spent = [cpu_s(pid) - was for pid, was in zip((*pids, through.pid, influx.pid), before, strict=True)]
    for load in loads:
        load.end()
    each = []
    for site, cpu, (_, _, figures) in zip(sites, spent[:workers], started, strict=True):
        own = figures()
        held = influx.count("value", "readings", site)
        each.append(
            {
                "site": site,
                "messages": own["messages"],
                "cpu_us_per_message": round(cpu / messages * 1e6, 1),
                "peak_rss_mb": own["peak_rss_mb"],
                "duplicates": own["duplicates"],
                "dead_letters": own["dead_letters"],
                "readings_stored": held,
                "lost": messages * len(COLUMNS) - held,
            }
        )
        if each[-1]["lost"] or own["messages"] != messages:
            raise CampusError(f"{site} has {held} of {messages * len(COLUMNS)} readings: some were lost.")
    everything = workers * messages
    return {
        "workers": workers, "messages_each": messages, "rate_each": rate, "cores": os.cpu_count(),
        "each": each, "lost": sum(one["lost"] for one in each),
        "messages_per_s_together": round(everything / seconds, 1),
        "broker_us_per_message": round(spent[-2] / everything * 1e6, 1),
        "database_us_per_message": round(spent[-1] / everything * 1e6, 1),
    }  # fmt: skip
