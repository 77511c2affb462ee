"""`campus bench soak`: does the memory of the running system stay flat?"""

import json
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import linear_regression, median
from typing import Annotated, Any

import typer
from rich.console import Console

from campus.cli.bench_parts import SITE, Load, broker, cpu_s, rss_mb, wait_for
from campus.cli.bench_system import RunningSystem, place, system
from simulator.load import COLUMNS, names, shares

CONNECTIONS = 2
SAMPLES, LEAST_SAMPLES = 600, 8
WARM_UP = 0.1  # of the run
LEAST_WARM_UP_S = (
    20 * 60.0
)  # live presence holds the samples of the last 15 minutes, so memory grows until then
GROWTH = 0.05
PATIENCE_S = 120.0


def soak(
    minutes: Annotated[float, typer.Option(help="How long", min=0.05)] = 60,
    rate: Annotated[int, typer.Option(help="Messages per second, of four values each", min=1)] = 1000,
    boards: Annotated[int, typer.Option(help="Boards that send them, a room each", min=1)] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
) -> None:
    """Memory (RSS) of `campus up` under a steady load, and whether everything was stored.

    The first tenth, and at least 20 minutes, is warm-up. `flat`: the median of the last quarter of what follows is at
    most 5 % above that of its first quarter; a run of less than 40 minutes is not judged. The slope is the
    least-squares line through what follows, of a short run through everything.
    """
    console = Console(stderr=True, highlight=False)
    messages = max(1, round(minutes * 60 * rate))
    sending = [name for prefix, n in shares(boards, CONNECTIONS).items() for name in names(n, prefix)]
    with tempfile.TemporaryDirectory(prefix="campus-bench-") as folder, ExitStack() as stack:
        data = Path(folder) / "data"
        place(data, sending)
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
        console.print(f"{messages} messages, {rate} a second, for {minutes:g} minutes ...")
        cpu, began = cpu_s(up.pid), time.monotonic()
        load.begin()
        samples = _sampled(up, load, began, max(0.05, minutes * 60 / SAMPLES))
        load.end()
        wait_for(lambda: _all_stored(up, messages), [up.process], _short(messages), PATIENCE_S)
        lasted = time.monotonic() - began
        counters = up.health()["counters"]
        cpu = cpu_s(up.pid) - cpu
    figures = {
        "minutes": round(lasted / 60, 2), "messages": messages, "rate": round(messages / lasted, 1),
        "records_stored": counters["records_stored"], "readings_written": counters["readings_written"],
        "duplicates": counters["duplicates"], "dead_letters": counters["dead_letters"],
        **judged(samples), "samples": len(samples), "cores": round(cpu / lasted, 3),
    }  # fmt: skip
    if as_json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        console.print(f"{name:18} {value}")


def judged(samples: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """Of (seconds since the start, MB) in order of time, at least eight: see `soak` for the rule.

    `flat` is None where as much time as the warm-up took is not left to judge by.
    """
    lasted_s = samples[-1][0]
    warm_s = max(WARM_UP * lasted_s, LEAST_WARM_UP_S)
    is_long = lasted_s >= 2 * warm_s
    chosen = [one for one in samples if one[0] >= warm_s] if is_long else list(samples)
    values = [mb for _, mb in chosen]
    quarter = len(values) // 4
    first, last = median(values[:quarter]), median(values[-quarter:])
    slope = linear_regression([at for at, _ in chosen], values).slope * 3600
    return {
        "rss_first_mb": round(first, 1),
        "rss_last_mb": round(last, 1),
        "rss_max_mb": round(max(values), 1),
        "slope_mb_per_h": round(slope, 1),
        "flat": last <= first * (1 + GROWTH) if is_long else None,
    }


def _sampled(up: RunningSystem, load: Load, began: float, every_s: float) -> list[tuple[float, float]]:
    """(seconds, MB) until the load generator has ended."""
    samples: list[tuple[float, float]] = []
    while load.process.poll() is None or len(samples) < LEAST_SAMPLES:
        samples.append((time.monotonic() - began, rss_mb(up.pid)))
        time.sleep(every_s)
    return samples


def _all_stored(up: RunningSystem, messages: int) -> bool:
    counters = up.health()["counters"]
    written = counters["readings_written"] >= messages * len(COLUMNS)
    return bool(counters["records_stored"] == messages and counters["batches_behind"] == 0 and written)


def _short(messages: int) -> str:
    return f"Not all of the {messages} messages were stored {PATIENCE_S:.0f} s after the last."
