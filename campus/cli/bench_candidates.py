"""The candidates of `campus bench peers`: each takes the same messages from the broker, and is counted at its end."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from campus.cli.bench_parts import SITE, START_S, Broker, Influx, end, free_port, wait_for
from campus.cli.bench_peer_files import node_red_flow, node_red_settings, telegraf_conf
from campus.errors import CampusError
from simulator.load import COLUMNS, load

PATIENCE_S = 60.0
PROBE = "probe"  # the site of a message that shows that the whole way is open
MEASUREMENT, FIELD = "telemetry", "co2_ppm"


@dataclass(slots=True)
class Candidate:
    """A subscriber that is ready. `stored()` returns when every message is at its end; `counted()` is asked after
    the clocks were read, and gives what is there: messages for the floor, readings for the others."""

    pid: int
    stored: Callable[[], None]
    counted: Callable[[], int]
    parts: dict[str, int] = field(default_factory=dict)  # name -> process id, of what works for it


@contextmanager
def floor(broker: Broker, folder: Path, messages: int) -> Iterator[Candidate]:
    """A paho subscriber that only counts."""
    words = ["collector.bench_floor", "--mqtt", broker.url, "--messages", str(messages)]
    with told(words) as (pid, stored, figures):
        yield Candidate(pid, stored, lambda: int(figures()["messages"]))


@contextmanager
def ours(broker: Broker, folder: Path, messages: int, influx: Influx | None = None) -> Iterator[Candidate]:
    """The collector, with DuckDB, or with the InfluxDB that is given."""
    words = ["collector.bench", "--mqtt", broker.url, "--data", str(folder), "--messages", str(messages)]
    words += ["--hold", "--telemetry", influx.url if influx else "duckdb"]
    with told(words) as (pid, stored, figures):
        database = {"influxdb": influx.pid} if influx else {}
        yield Candidate(pid, stored, lambda: int(figures()["counted"]), database)


@contextmanager
def told(words: list[str]) -> Iterator[tuple[int, Callable[[], None], Callable[[], dict[str, Any]]]]:
    """A program of ours that says `ready`, then `stored`, and its figures after a line of input."""
    process = subprocess.Popen(
        [sys.executable, "-m", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    said, asked = process.stdout, process.stdin
    assert said is not None and asked is not None  # noqa: S101 - both are pipes

    def hear(word: str) -> None:
        if said.readline().strip() != word:
            raise CampusError(f"{words[0]} failed; its message is above.")

    def figures() -> dict[str, Any]:
        asked.write("\n")
        asked.flush()
        return dict(json.loads(said.readline()))

    try:
        hear("ready")
        yield process.pid, lambda: hear("stored"), figures
    finally:
        end(process)


@contextmanager
def node_red(path: str, broker: Broker, folder: Path, records: int, influx: Influx) -> Iterator[Candidate]:
    """Node-RED with a flow from MQTT to InfluxDB."""
    flow = folder / "flows.json"
    flow.write_text(json.dumps(node_red_flow(broker.url, influx.port)))
    settings = folder / "settings.js"
    settings.write_text(node_red_settings())
    command = ["node", path] if path.endswith(".js") else [path]
    command += ["--userDir", str(folder), "--settings", str(settings), "--port", str(free_port()), str(flow)]
    with _foreign("Node-RED", command, broker, folder, records, influx) as candidate:
        yield candidate


@contextmanager
def telegraf(path: str, broker: Broker, folder: Path, records: int, influx: Influx) -> Iterator[Candidate]:
    """Telegraf with inputs.mqtt_consumer and outputs.influxdb."""
    conf = folder / "telegraf.conf"
    conf.write_text(telegraf_conf(broker.url, influx.port))
    with _foreign("Telegraf", [path, "--config", str(conf)], broker, folder, records, influx) as candidate:
        yield candidate


@contextmanager
def _foreign(
    name: str, command: list[str], broker: Broker, folder: Path, records: int, influx: Influx
) -> Iterator[Candidate]:
    """A program that knows nothing of the benchmark: ready when a message of another site came through, done when
    InfluxDB has taken as many points as records were sent."""
    log = folder / "log"
    with log.open("w") as out:
        try:
            process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        except OSError as error:
            raise CampusError(f"{name} cannot be run: {error.strerror}: {command[0]}.") from error
    try:
        try:
            wait_for(lambda: _way_is_open(broker, influx), [process], name, START_S)
        except CampusError as error:
            raise CampusError(
                f"{name} brings no message to InfluxDB{_last_line(log)}. Start it by hand to see why."
            ) from error
        before = _at_rest(influx)
        yield Candidate(
            process.pid,
            lambda: _await_points(name, influx, before, records, process),
            lambda: influx.count(FIELD, MEASUREMENT, SITE) * len(COLUMNS),
            {"influxdb": influx.pid},
        )
    finally:
        _end_group(process)


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    """What was started may be a script around the program: all of its session ends."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        end(process)


def _way_is_open(broker: Broker, influx: Influx) -> bool:
    load(broker.url, 1, boards=1, site=PROBE)
    time.sleep(0.5)
    return influx.count(FIELD, MEASUREMENT, PROBE) > 0


def _at_rest(influx: Influx) -> int:
    """Points taken, once probes that were on their way have come."""
    before = -1
    while before != (now := influx.taken()):
        before = now
        time.sleep(1.5)
    return before


def _await_points(
    name: str, influx: Influx, before: int, records: int, process: "subprocess.Popen[bytes]"
) -> None:
    """Until they are taken, then until they can be read: InfluxDB tells what it takes before it has written it."""
    moved, seen, held = time.monotonic(), -1, 0
    while held < records:
        time.sleep(0.05)
        now = influx.taken() - before
        held = influx.count(FIELD, MEASUREMENT, SITE) if now >= records else 0
        if now + held != seen:
            moved, seen = time.monotonic(), now + held
        elif process.poll() is not None or time.monotonic() - moved > PATIENCE_S:
            raise CampusError(
                f"{name} stopped with {records - min(held or now, records)} of its records not in InfluxDB."
            )


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return f" (it says last: {lines[-1].strip()[:200]})" if lines else ""
