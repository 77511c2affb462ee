"""`campus bench soak`: does the memory of the running system stay flat?"""

import json
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import linear_regression, median
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console

from campus.cli.bench_parts import SITE, Load, broker, cpu_s, rss_mb
from campus.cli.bench_past import store_readings
from campus.cli.bench_system import RunningSystem, place, system
from campus.errors import CampusError
from campus.telemetry import SeriesKey
from simulator.load import COLUMNS, names, shares

CONNECTIONS = 2
SAMPLES, LEAST_SAMPLES = 600, 8
WARM_UP_S = 35 * 60.0
"""Live presence holds samples for 15 minutes, intervals are final 15 minutes later; then rooms are derived."""
PAST_S = 3 * 86_400.0  # before any board was placed: nothing is derived of them
JUDGED_S = 15 * 60.0  # at least so much must be left after it
FLAT_MB_PER_H = 6.0  # 1 MB in ten minutes
TOLD_EVERY_S = 60.0
PATIENCE_S = 120.0


def soak(
    minutes: Annotated[float, typer.Option(help="How long", min=0.05)] = 60,
    rate: Annotated[int, typer.Option(help="Messages per second, of four values each", min=1)] = 500,
    boards: Annotated[int, typer.Option(help="Boards that send them, a room each", min=1)] = 200,
    past: Annotated[
        int, typer.Option(help="Readings of earlier days, read once so that DuckDB's cache is full", min=0)
    ] = 65_000_000,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
) -> None:
    """Memory (RSS) of `campus up` under a steady load, and whether everything was stored.

    Warm-up is the first 35 minutes. Flat: the least-squares line through what follows rises at most 6 MB an hour. Of
    less than 15 minutes more nothing is judged. Exit code 1 when it is not flat.
    """
    console = Console(stderr=True, highlight=False)
    messages = max(1, round(minutes * 60 * rate))
    sending = [name for prefix, n in shares(boards, CONNECTIONS).items() for name in names(n, prefix)]
    with tempfile.TemporaryDirectory(prefix="campus-bench-") as folder, ExitStack() as stack:
        data = Path(folder) / "data"
        place(data, sending)
        if past:
            console.print(f"Storing {past} readings of earlier days ...")
            keys = [SeriesKey(SITE, board, point) for board in sending for point in COLUMNS]
            store_readings(data, keys, round(1e3 * (time.time() - PAST_S)), past)
        through = stack.enter_context(broker(Path(folder)))
        up = stack.enter_context(system(data, through.url, Path(folder) / "log"))
        load = stack.enter_context(
            Load(
                through.url,
                messages=messages,
                boards=boards,
                connections=CONNECTIONS,
                rate=rate,
                site=SITE,
                live=True,
            )
        )
        _read_once(up)
        console.print(f"{messages} messages, {rate} a second, for {minutes:g} minutes ...")
        cpu, began = cpu_s(up.pid), time.monotonic()
        load.begin()
        samples = _sampled(up, load, began, max(0.05, minutes * 60 / SAMPLES), console)
        load.end()
        stored = _waited(up, messages)
        lasted = time.monotonic() - began
        counters = up.health()["counters"]
        cpu = cpu_s(up.pid) - cpu
    figures = {
        "minutes": round(lasted / 60, 2), "messages": messages, "rate": round(messages / lasted, 1),
        "records_stored": counters["records_stored"], "readings_written": counters["readings_written"],
        "duplicates": counters["duplicates"], "dead_letters": counters["dead_letters"],
        "batches_behind": counters["batches_behind"],
        **judged(samples), "samples": len(samples), "cores": round(cpu / lasted, 3),
    }  # fmt: skip
    if as_json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            console.print(f"{name:18} {value}")
    if not stored:
        raise CampusError(
            f"Not all of the {messages} messages were stored {PATIENCE_S:.0f} s after the last."
        )
    if figures["flat"] is False:
        slope = figures["slope_mb_per_h"]
        raise CampusError(
            f"The memory is not flat: it grows by {slope} MB an hour, {FLAT_MB_PER_H:g} are allowed."
        )


def judged(samples: Sequence[tuple[float, float]], warm_s: float = WARM_UP_S) -> dict[str, Any]:
    """Of (seconds since the start, MB) in order of time, at least eight: see `soak` for the rule.

    The first and last figure are the medians of the first and last quarter of what is judged, of a short run of
    everything. `flat` is None where it is not judged.
    """
    is_long = samples[-1][0] >= warm_s + JUDGED_S
    chosen = [one for one in samples if one[0] >= warm_s] if is_long else list(samples)
    values = [mb for _, mb in chosen]
    quarter = len(values) // 4
    slope = linear_regression([at for at, _ in chosen], values).slope * 3600
    return {
        "warm_up_minutes": round(warm_s / 60, 1),
        "rss_first_mb": round(median(values[:quarter]), 1),
        "rss_last_mb": round(median(values[-quarter:]), 1),
        "rss_max_mb": round(max(values), 1),
        "slope_mb_per_h": round(slope, 1),
        "flat": slope <= FLAT_MB_PER_H if is_long else None,
    }


def _read_once(up: RunningSystem) -> None:
    """All readings that are stored, so that DuckDB's cache holds what it may."""
    address = f"{up.http}/api/v1/readings/export?site={SITE}&format=csv"
    with httpx.stream("GET", address, headers=up.headers, timeout=600, trust_env=False) as answer:
        answer.raise_for_status()
        for _ in answer.iter_raw():
            pass


def _sampled(
    up: RunningSystem, load: Load, began: float, every_s: float, console: Console
) -> list[tuple[float, float]]:
    """(seconds, MB) until the load generator has ended; told once a minute."""
    samples: list[tuple[float, float]] = []
    told_s = 0.0
    while load.process.poll() is None or len(samples) < LEAST_SAMPLES:
        at, mb = time.monotonic() - began, rss_mb(up.pid)
        samples.append((at, mb))
        if at - told_s >= TOLD_EVERY_S:
            told_s = at
            console.print(f"{at / 60:5.0f} min {mb:8.1f} MB")
        time.sleep(every_s)
    return samples


def _waited(up: RunningSystem, messages: int) -> bool:
    """Whether everything was stored in time: the figures say what was not."""
    until = time.monotonic() + PATIENCE_S
    while (
        not (stored := _all_stored(up, messages)) and time.monotonic() < until and up.process.poll() is None
    ):
        time.sleep(0.05)
    return stored


def _all_stored(up: RunningSystem, messages: int) -> bool:
    counters = up.health()["counters"]
    written = counters["readings_written"] >= messages * len(COLUMNS)
    return bool(counters["records_stored"] == messages and counters["batches_behind"] == 0 and written)
