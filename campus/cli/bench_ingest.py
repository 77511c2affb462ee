"""`campus bench ingest`: messages stored durably, and bytes per reading."""

import json
import subprocess
import sys
import tempfile
import time
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from campus.cli.bench_parts import Broker, broker
from campus.cli.progress import progress
from campus.errors import CampusError
from campus.telemetry import Readings
from campus.telemetry.stores import open_telemetry
from campus.wire.server import parse
from campus.wire.telemetry import decode
from collector.readings import readings
from simulator.history import history
from simulator.school import School

DAY_MS = 24 * 3600 * 1000
OWN_BROKER = ", or name a broker with --mqtt mqtt://host:1883"
WRITE = 20_000  # readings in one write


def ingest(
    mqtt: Annotated[
        str | None,
        typer.Option(
            help="A broker of your own \\[default: an installed mosquitto, started here]", show_default=False
        ),
    ] = None,
    messages: Annotated[int, typer.Option(help="Messages, QoS 1", min=1)] = 200_000,
    boards: Annotated[int, typer.Option(help="Boards that send them", min=1)] = 200,
    rows: Annotated[int, typer.Option(help="Records in a message, of four values each", min=1, max=20)] = 1,
    rate: Annotated[
        int,
        typer.Option(
            help="Messages per second sent; far above what is stored, the broker's queue overflows", min=1
        ),
    ] = 30_000,
    days: Annotated[
        int, typer.Option(help="Days of simulated school for bytes per reading; 0 leaves it out", min=0)
    ] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
) -> None:
    """Messages stored durably through a real broker: generator, broker and collector each a process of its own.

    A message counts when journal and store have it. `cpu_us_per_message` is the collector's whole process.
    """
    console = Console(stderr=True, highlight=False)
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="campus-bench-") as folder:
        with nullcontext(Broker(mqtt, 0)) if mqtt else broker(Path(folder), OWN_BROKER) as through:
            console.print(f"{messages} messages of {boards} boards, {rows} records each ...")
            figures |= _ingest(through.url, Path(folder) / "data", messages, boards, rows, rate)
        figures["bytes_per_reading"] = _storage(Path(folder) / "month", days) if days else None
    cores = figures["cpu_us_per_message"] * figures["messages_per_s"] / 1e6
    figures["collector_cores"] = round(cores, 2)
    figures["limited_by"] = (
        "the collector: one core is full" if cores > 0.85 else "not the collector: broker, generator or disk"
    )
    if as_json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        console.print(f"{name:22} {value}")


def _ingest(url: str, data: Path, messages: int, boards: int, rows: int, rate: int) -> dict[str, Any]:
    data.mkdir()
    collecting = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "collector.bench",
            "--mqtt",
            url,
            "--data",
            str(data),
            "--messages",
            str(messages),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        if collecting.stdout is None or collecting.stdout.readline().strip() != "ready":
            raise CampusError("The collector of the benchmark did not start; its message is above.")
        load = subprocess.run(
            [sys.executable, "-m", "simulator.load", "--url", url, "--messages", str(messages),
             "--boards", str(boards), "--rows", str(rows), "--rate", str(rate)],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        if load.returncode:
            raise CampusError("The load generator failed; its message is above.")
        told = collecting.stdout.readlines()
        if collecting.wait():
            raise CampusError("The collector of the benchmark failed; its message is above.")
    finally:
        collecting.kill()
        collecting.wait()
    generator = json.loads(load.stdout)
    kept = ("messages_per_s", "cpu_us_per_message")
    return json.loads(told[-1]) | {f"generator_{key}": generator[key] for key in kept}


def _storage(folder: Path, days: int) -> float | None:
    """Bytes of the store per reading after `days` of a simulated school at one-minute samples."""
    end = int(time.time() * 1000) // DAY_MS * DAY_MS
    start = end - days * DAY_MS
    folder.mkdir()
    school = School.make()
    with (
        closing(open_telemetry("duckdb", folder, raw_days=0)) as store,
        progress(f"{days} days of simulated school", end - start) as told,
    ):
        number, batch, columns = 0, Readings(), {}  # type: int, Readings, dict
        for message in history(school, start, end):
            topic = parse(message.topic)
            readings(
                decode(message.payload),
                topic.site,
                topic.name,
                message.observed_at_ms,
                None,
                False,
                batch,
                columns,
            )
            if len(batch) >= WRITE:
                number += 1
                store.write(number, batch)
                store.maintain(message.observed_at_ms)
                batch, columns = Readings(), {}
                told(message.observed_at_ms - start)
        store.write(number + 1, batch)
        store.maintain(end + 2 * DAY_MS)
        size = store.bytes_per_reading()
    return None if size is None else round(size, 2)
