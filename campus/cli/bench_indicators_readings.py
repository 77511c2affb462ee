"""Part of `campus bench indicators`: from readings to facts through the collector, late and at other sampling rates."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from campus.cli.bench_indicators_latency import quantiles, timed
from campus.cli.bench_indicators_school import BEGIN, SITE, BenchSchool
from campus.errors import CampusError
from campus.inference.intervals import SETTLE_MS
from campus.live import Live
from campus.records import Records, open_records
from campus.records.database import Database
from campus.records.derived_tables import (
    EquipmentFactTable,
    EquipmentSumsTable,
    RoomFactTable,
    RoomIntervalTable,
    RoomSumsTable,
    StretchTable,
)
from campus.records.figure_scopes import ONE_ROOM, Scope
from campus.records.figures import figures
from campus.records.inventory import Inventory
from campus.telemetry.stores import open_telemetry
from collector.derive import PATIENCE_MS
from collector.pipeline import Pipeline
from simulator.school import TZ, midnight_ms

LATE_OF = 28  # days: a month of one room, of which some days come late
LATE = (7, 14, 21)
SAMPLED_DAYS = 3
RATES = (1, 10)  # a minute
TABLES = {
    "intervals": RoomIntervalTable,
    "stretches": StretchTable,
    "room_facts": RoomFactTable,
    "equipment_facts": EquipmentFactTable,
    "room_sums": RoomSumsTable,
    "equipment_sums": EquipmentSumsTable,
}


def late_days(records: Records, data: Path, bench: BenchSchool) -> dict[str, Any]:
    """A month of the spare room is derived without some days; their messages come one day after another."""
    count = min(LATE_OF, bench.days)
    dates = [bench.end - timedelta(days=count - n) for n in range(count)]
    late = [dates[n] for n in LATE if n < count - 1] or dates[1:2]
    took: list[float] = []
    cpu: list[float] = []
    with _pipeline(records, data, bench.end) as pipeline:
        for day in dates:
            if day not in late:
                _send(pipeline, bench, day, 1)
        pipeline.derive()
        for day in late:
            told = list(bench.messages(day, 1))
            begun, before, derived = time.perf_counter(), time.process_time(), pipeline.deriver.days
            for topic, payload in told:
                pipeline.offer(topic, payload)
            pipeline.pump()
            pipeline.derive()
            took.append(time.perf_counter() - begun)
            cpu.append(time.process_time() - before)
            if not _is_measured(records, bench, day):
                raise CampusError(f"The late readings of {day} are not in its facts.")
            if pipeline.deriver.days == derived:
                raise CampusError(f"Nothing was derived of {day}.")
    return {
        "days": len(late),
        "median_s": round(median(took), 3),
        "max_s": round(max(took), 3),
        "cpu_max_s": round(max(cpu), 3),
        "pieces_in_the_room": len(bench.pieces[bench.spare.id]),
        "waits_for_more_s": PATIENCE_MS / 1000,
    }


def sampling(folder: Path, repeat: int) -> dict[str, Any]:
    """The same days of one room at each rate, in records of their own: the rows stored, and how long asking takes."""
    begin, end = BEGIN + timedelta(days=3), BEGIN + timedelta(days=3 + SAMPLED_DAYS)  # from a Monday
    told: dict[str, Any] = {"days": SAMPLED_DAYS}
    asked: dict[int, list[float]] = {rate: [] for rate in RATES}
    now = datetime.now(ZoneInfo(TZ))
    with ExitStack() as stack:
        opened: dict[int, Records] = {}
        for rate in RATES:
            bench, data = BenchSchool.make(1, 5, 7), folder / f"sampling-{rate}"
            opened[rate] = records = stack.enter_context(open_records("sqlite", data))
            records.import_inventory(Inventory.parse(bench.inventory()))
            records.remember(0)  # every asking reads the store
            with _pipeline(records, data, end) as pipeline:
                days = [begin + timedelta(days=n) for n in range(SAMPLED_DAYS)]
                samples = sum(_send(pipeline, bench, day, rate) for day in days)
                pipeline.derive()
            told[f"at_{rate}_a_minute"] = {"samples": samples, **_rows(data)}
        scope = Scope(SITE, ONE_ROOM, bench.spare.id)
        for _ in range(20 * repeat):  # by turns, so that what else runs here hits all alike
            for rate, records in opened.items():
                asked[rate].append(timed(lambda: figures(records, scope, begin, end, now)))  # noqa: B023
    for rate in RATES:
        told[f"at_{rate}_a_minute"] |= quantiles(asked[rate])
    one, other = (told[f"at_{rate}_a_minute"] for rate in RATES)
    same = ("room_facts", "equipment_facts", "room_sums", "equipment_sums")
    return {
        **told,
        "facts_and_sums_equal": all(one[name] == other[name] for name in same),
        "latency_ratio": round(median(asked[RATES[1]]) / median(asked[RATES[0]]), 3),
    }


@contextmanager
def _pipeline(records: Records, data: Path, end: date) -> Iterator[Pipeline]:
    """A collector whose time is the midnight that begins `end`, and a little more: all before it can be derived."""
    now_ms = midnight_ms(end) + SETTLE_MS
    with (
        closing(open_telemetry("duckdb", data)) as telemetry,
        closing(Pipeline(data, records, telemetry, Live(), lambda: now_ms, limited=False)) as pipeline,
    ):
        yield pipeline


def _send(pipeline: Pipeline, bench: BenchSchool, day: date, per_minute: int) -> int:
    """Returns the number of samples."""
    for topic, payload in bench.messages(day, per_minute):
        pipeline.offer(topic, payload)
        pipeline.pump()
    return 1440 * per_minute


def _is_measured(records: Records, bench: BenchSchool, day: date) -> bool:
    found = records.facts(SITE, bench.spare.id, day, day + timedelta(days=1))
    pieces = records.equipment_facts(SITE, bench.spare.id, day, day + timedelta(days=1))
    return bool(pieces) and all(fact.valid_minutes > 0.5 * fact.slot_minutes for fact in found)


def _rows(data: Path) -> dict[str, int]:
    database = Database.open("sqlite", data)
    try:
        with database.read() as session:
            return {
                name: session.scalar(select(func.count()).select_from(table)) or 0
                for name, table in TABLES.items()
            }
    finally:
        database.close()
