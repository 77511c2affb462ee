"""`campus bench indicators`: a school year of facts, every indicator of it, a late day, ten times the sampling rate."""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from sqlalchemy import func, select

from campus.cli.bench_indicators_latency import latencies, through_the_api
from campus.cli.bench_indicators_readings import late_days, sampling
from campus.cli.bench_indicators_school import BEGIN, SITE, TARIFFS, BenchSchool
from campus.cli.progress import progress
from campus.indicators.sums import LinkSums
from campus.indicators.tariff import Tariff
from campus.records import Records, open_records, sums, tariffs
from campus.records.database import Database
from campus.records.derived_tables import EquipmentFactTable, RoomFactTable
from campus.records.dirty import FACTS
from campus.records.entities import Dirty
from campus.records.inventory import Inventory
from collector.edits import restate
from collector.places import Places
from simulator.school import DAY_MS, midnight_ms

LIMITS = {"year_s": 300.0, "p95_ms": 50.0, "late_day_s": 2.0}
AGAIN_ROOMS = 3  # made anew a second time, over the facts that are there then


@dataclass(slots=True)
class Spent:
    """Seconds of the clock, and of this process's CPU."""

    wall_s: float = 0.0
    cpu_s: float = 0.0


@contextmanager
def spent(on: Spent) -> Iterator[None]:
    """Add what passes inside."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    on.wall_s += time.perf_counter() - wall
    on.cpu_s += time.process_time() - cpu


def indicators(
    rooms: Annotated[int, typer.Option(help="Rooms of the school", min=1, max=500)] = 60,
    pieces: Annotated[int, typer.Option(help="Pieces of equipment in them", min=1, max=5000)] = 300,
    days: Annotated[int, typer.Option(help="Local days from the start of the school year", min=7, max=366)] = 365,
    repeat: Annotated[int, typer.Option(help="Each range of each scope is asked for so often", min=1)] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
) -> None:  # fmt: skip
    """Facts of a school year from stored intervals, indicators from the store, a late day, ten times the sampling rate.

    50 ms for 95 % of the answers, 2 s for a late day and 5 minutes for the year of 60 rooms and 300 pieces are aimed
    at, on a machine with nothing else to do; CPU is told beside the time. For presence see `campus bench presence`.
    """
    console = Console(stderr=True, highlight=False)
    with tempfile.TemporaryDirectory(prefix="campus-bench-") as place:
        told = _measured(Path(place), BenchSchool.make(rooms, pieces, days), repeat, console)
    if as_json:
        print(json.dumps(told))
        return
    for part, figures in told.items():
        console.print(f"[bold]{part}[/bold]")
        for name, value in figures.items():
            console.print(f"  {name:28} {_shown(value)}")


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(f"\n    {name:26} {_shown(one)}" for name, one in value.items())
    return str(value)


def _measured(folder: Path, bench: BenchSchool, repeat: int, console: Console) -> dict[str, Any]:
    data = folder / "data"
    with closing(open_records("sqlite", data)) as records:
        records.import_inventory(Inventory.parse(bench.inventory()))
        school = store_past(records, data, bench, console)
        year = make_year(records, data, bench, console)
        console.print("Asking for every indicator ...")
        asked = latencies(records, bench, repeat)
        through = through_the_api(records, data, bench, repeat)
        console.print("Late days of one room ...")
        late = late_days(records, data, bench)
    console.print("Ten times the sampling rate ...")
    return {
        "school": school,
        "year_of_facts": year,
        "indicators": {"p95_ms_limit": LIMITS["p95_ms"], **asked},
        "api": through,
        "late_day": {"s_limit": LIMITS["late_day_s"], **late},
        "sampling": sampling(folder, repeat),
        "limited_by": {
            "year_of_facts": _limit(year["wall_s"], year["cpu_s"]),
            "indicators": "Python and SQLite on one core: twelve weeks of lessons, the sums of equipment",
            "late_day": "Python on one core: stepping through the minutes of the day",
        },
    }  # fmt: skip


def _limit(wall_s: float, cpu_s: float) -> str:
    if cpu_s >= 0.8 * wall_s:
        return "Python on one core"
    return "disk, or other programs on this machine: this process had to wait"


def store_past(records: Records, data: Path, bench: BenchSchool, console: Console) -> dict[str, Any]:
    """Put the year into the records as it is before there are facts."""
    on, rows = Spent(), 0
    with progress("Storing", bench.days, console) as told, spent(on):
        for parts in bench.months():
            records.store_derivations(parts)
            rows += sum(len(part.intervals) + sum(map(len, part.stretches.values())) for part in parts)
            told((parts[0].end_ms - midnight_ms(BEGIN)) / DAY_MS)
    database = Database.open("sqlite", data)
    try:
        with database.write() as session:
            tariffs.replace(session, SITE, [Tariff(day, price) for day, price in TARIFFS])
            by_thing: dict[str, dict[str, dict[date, dict[str, LinkSums]]]] = {}
            for day in bench.links():
                days = by_thing.setdefault(day.kind, {}).setdefault(day.id, {})
                days[day.date] = {sums.TOTAL: LinkSums.of(day)}
            for kind, things in by_thing.items():
                for id, days in things.items():
                    sums.store_days(session, SITE, kind, LinkSums, {id: days})
    finally:
        database.close()
    return {
        "rooms": len(bench.rooms),
        "pieces": sum(len(bench.pieces[room.id]) for room in bench.rooms),
        "days": bench.days,
        "open_days": bench.open_days,
        "intervals_and_stretches": rows,
        "stored_in_s": round(on.wall_s, 1),
    }


def make_year(records: Records, data: Path, bench: BenchSchool, console: Console) -> dict[str, Any]:
    """Every fact of the year from what is stored, as after an edit of all of it; then some rooms once more."""
    on, again = Spent(), Spent()
    places = Places(records, lambda: 0)
    zone, rooms = places.zone(SITE), [records.room(SITE, room.id) for room in bench.rooms]

    def make(number: int) -> int:
        room = rooms[number]
        edit = Dirty(0, SITE, room.id, BEGIN, bench.end, FACTS, "benchmark")
        return restate(records, room, places.model(room), edit, zone)

    room_days = 0
    with progress("Facts", len(rooms), console) as told:
        for number in range(len(rooms)):
            with spent(on):
                room_days += make(number)
            told(number + 1)
    anew = 0
    with spent(again):
        for number in range(min(AGAIN_ROOMS, len(rooms))):
            anew += make(number)
    room_facts, equipment_facts = _counts(data)
    size = sum(file.stat().st_size for file in data.glob("records.sqlite*"))
    return {
        "wall_s": round(on.wall_s, 2),
        "cpu_s": round(on.cpu_s, 2),
        "s_limit": LIMITS["year_s"],
        "room_days": room_days,
        "room_facts": room_facts,
        "equipment_facts": equipment_facts,
        "cpu_ms_per_room_day": round(1e3 * on.cpu_s / room_days, 2),
        "ms_per_room_day": round(1e3 * on.wall_s / room_days, 2),
        "again_cpu_ms_per_room_day": round(1e3 * again.cpu_s / anew, 2),
        "again_ms_per_room_day": round(1e3 * again.wall_s / anew, 2),
        "records_mb": round(size / 1e6, 1),
    }


def _counts(data: Path) -> tuple[int, int]:
    database = Database.open("sqlite", data)
    try:
        with database.read() as session:
            room, equipment = (
                session.scalar(select(func.count()).select_from(table)) or 0
                for table in (RoomFactTable, EquipmentFactTable)
            )
            return room, equipment
    finally:
        database.close()
