"""Part of `campus bench indicators`: how long figures of any scope, range and indicator take."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from api.app import create_app
from api.context import Context
from api.server import ApiServer
from campus.calendar.months import month_of, next_month
from campus.cli.bench_indicators_school import BEGIN, SITE, BenchSchool
from campus.cli.bench_parts import HOST
from campus.indicators.definitions import DEFINITIONS
from campus.live import Live
from campus.records import Records
from campus.records.figure_scopes import SCOPES, Scope
from campus.records.figures import figures
from campus.telemetry.stores import open_telemetry
from simulator.school import TZ

TOKEN = "of-this-benchmark"  # noqa: S105 - for its own server on this machine, which ends with it


def ranges(end: date) -> dict[str, tuple[date, date]]:
    """Local dates [start, end) of the measured year, as far as it goes."""
    monday = end - timedelta(days=end.isoweekday() - 1 + 7)
    month = max(BEGIN, month_of(end - timedelta(days=1)))
    half = min(end, date(BEGIN.year + 1, 1, 12))
    return {
        "week": (max(BEGIN, monday), min(end, monday + timedelta(days=7))),
        "month": (month, min(end, next_month(month_of(month)))),
        "semester": (BEGIN, half),
        "year": (BEGIN, end),
        "odd": (BEGIN + timedelta(days=1), end - timedelta(days=2)),
    }


def scopes(records: Records) -> dict[str, Sequence[str | None]]:
    """kind -> ids of that kind."""
    rooms, pieces = records.rooms(SITE), records.equipment(SITE)
    ids: dict[str, Sequence[str | None]] = {
        "site": [None],
        "building": [one.id for one in records.buildings(SITE)],
        "room-type": sorted({room.room_type for room in rooms}),
        "room": [room.id for room in rooms],
        "subject-group": [one.id for one in records.subject_groups(SITE)],
        "equipment-kind": sorted({piece.kind for piece in pieces}),
        "equipment": [piece.id for piece in pieces],
        "board": sorted({board.id for board in records.boards(SITE)}),
    }
    return {kind: ids[kind] for kind in SCOPES}


def latencies(records: Records, bench: BenchSchool, repeat: int) -> dict[str, Any]:
    """p50, p95 and max of all indicators of a scope at once, and of each indicator alone for the whole school.

    Each is read from the store: nothing is remembered of those before.
    """
    records.remember(0)
    now = datetime.now(ZoneInfo(TZ))
    spans = ranges(bench.end)
    by_scope: dict[str, list[float]] = {}
    by_range: dict[str, list[float]] = {name: [] for name in spans}
    cpu: list[float] = []
    for kind, ids in scopes(records).items():
        for name, (start, end) in spans.items():
            for turn in range(repeat):
                scope = Scope(SITE, kind, ids[turn * 7 % len(ids)])
                before = time.process_time()
                took = timed(lambda: figures(records, scope, start, end, now))  # noqa: B023 - called here
                cpu.append(1e3 * (time.process_time() - before))
                by_scope.setdefault(kind, []).append(took)
                by_range[name].append(took)
    alone: dict[str, list[float]] = {}
    for id in DEFINITIONS:
        for start, end in spans.values():
            for _ in range(repeat):
                took = timed(lambda: figures(records, Scope(SITE), start, end, now, ids=[id]))  # noqa: B023
                alone.setdefault(id, []).append(took)
    every = [took for found in by_scope.values() for took in found]
    slowest = max(alone, key=lambda id: quantile(alone[id], 95))
    return {
        "all_of_a_scope": {**quantiles(every), "cpu_p95_ms": round(quantile(cpu, 95), 2)},
        "all_by_scope_p95_ms": {kind: round(quantile(found, 95), 2) for kind, found in by_scope.items()},
        "all_by_range_p95_ms": {name: round(quantile(found, 95), 2) for name, found in by_range.items()},
        "each_alone": quantiles([took for found in alone.values() for took in found]),
        "slowest_alone": {"id": slowest, **quantiles(alone[slowest])},
        "indicators_in_time": sum(quantile(found, 95) <= 50 for found in alone.values()),
        "indicators": len(alone),
    }


def through_the_api(records: Records, data: Path, bench: BenchSchool, repeat: int) -> dict[str, Any]:
    """The same of the whole school through HTTP; server and client share this process. `again`: it is remembered."""
    with closing(open_telemetry("duckdb", data)) as telemetry:
        app = create_app(
            Context(
                records=records,
                telemetry=telemetry,
                live=Live(),
                health=lambda: {"ready": True, "reasons": []},
                now=lambda: datetime.now(ZoneInfo(TZ)),
                local_token=TOKEN,
            )
        )
        server = ApiServer(app, HOST, 0)
        server.start()
        try:
            headers = {"Authorization": f"Bearer {TOKEN}"}
            with httpx.Client(base_url=server.url, headers=headers, trust_env=False, timeout=60) as client:

                def ask(start: date, end: date) -> None:
                    query = {"from": str(start), "to": str(end)}
                    client.get(f"/api/v1/sites/{SITE}/indicators", params=query).raise_for_status()

                def asked() -> dict[str, Any]:
                    spans = [span for span in ranges(bench.end).values() for _ in range(repeat)]
                    return quantiles([timed(lambda: ask(*span)) for span in spans])  # noqa: B023 - called here

                records.remember(0)
                from_the_store = asked()
                records.remember()
                asked()
                return {"all_of_the_site": from_the_store, "again": asked()}
        finally:
            server.stop()


def timed(act: Callable[[], Any]) -> float:
    """Milliseconds."""
    begun = time.perf_counter()
    act()
    return 1e3 * (time.perf_counter() - begun)


def quantile(values: Sequence[float], percent: int) -> float:
    """By nearest rank."""
    return sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """p50, p95 and max of milliseconds."""
    return {
        "p50_ms": round(median(values), 2),
        "p95_ms": round(quantile(values, 95), 2),
        "max_ms": round(max(values), 2),
        "asked": len(values),
    }
