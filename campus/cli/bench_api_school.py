"""Part of `campus bench api`: a school with a year of facts, a register in use, and a million readings."""

import json
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from sqlalchemy import insert

from campus.cli.bench_indicators import make_year, store_past
from campus.cli.bench_indicators_school import BEGIN, SITE, BenchSchool
from campus.cli.bench_past import store_readings
from campus.inference.incidents import Incident, Lost
from campus.records import Records, open_records
from campus.records.database import Database
from campus.records.entities import Grant
from campus.records.inventory import Inventory
from campus.records.register_tables import LoanTable, UpkeepTable
from campus.telemetry import SeriesKey
from simulator.school import DAY_MS, midnight_ms

POINTS = ("co2_ppm", "temperature_c", "motion", "rssi_dbm", "rtt_broker_ms", "power_w.1")
LOANS, UPKEEP, INCIDENTS, PEOPLE = 2000, 300, 200, 10
QUOTA = 10_000  # lessons with equipment
HOUR_MS = 3_600_000
_ABOUT = "bench-api-2.json"
_PNG = b"\x89PNG\r\n\x1a\n" + bytes(200_000)


@dataclass(frozen=True, slots=True)
class Filled:
    """The school as it stands in a folder: it is `now_ms` there, an hour of lessons on the last open day."""

    now_ms: int
    rooms: int
    pieces: int
    days: int
    readings: int

    @property
    def today(self) -> date:
        return BEGIN + timedelta(days=(self.now_ms - midnight_ms(BEGIN)) // DAY_MS)


def fill(data: Path, rooms: int, pieces: int, days: int, readings: int, console: Console) -> Filled:
    """Make the school in `data`, or find there the one of these sizes that was made before."""
    bench = BenchSchool.make(rooms, pieces, days)
    open_days = (n for n in reversed(range(days)) if bench.school.is_open(BEGIN + timedelta(days=n)))
    now_ms = midnight_ms(BEGIN + timedelta(days=next(open_days))) + 10 * HOUR_MS
    filled = Filled(now_ms, rooms, pieces, days, readings)
    about = data / _ABOUT
    wanted = json.dumps([filled.now_ms, rooms, pieces, days, readings])
    if about.exists() and about.read_text() == wanted:
        return filled
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    with closing(open_records("sqlite", data, now=lambda: now)) as records:
        year = {"from": BEGIN.isoformat(), "to": (BEGIN + timedelta(days=days)).isoformat(), "lessons": QUOTA}
        records.import_inventory(Inventory.parse(bench.inventory() | {"equipment_quotas": [year]}))
        store_past(records, data, bench, console)
        make_year(records, data, bench, console)
        _use(records, data, bench, now_ms)
    keys = [SeriesKey(SITE, room.board, point) for room in bench.rooms for point in POINTS]
    store_readings(data, keys, now_ms, readings)
    about.write_text(wanted)
    return filled


def _use(records: Records, data: Path, bench: BenchSchool, now_ms: int) -> None:
    """Loans, upkeep, a stocktaking, incidents, people, a closed month, a photo."""
    ids = [id for room in bench.rooms for id in bench.pieces[room.id]]
    boards = [room.board for room in bench.rooms]
    past_ms = now_ms - midnight_ms(BEGIN)
    database = Database.open("sqlite", data)
    try:
        with database.write() as session:
            session.connection().execute(
                insert(LoanTable), [_loan(ids, n, now_ms, past_ms) for n in range(LOANS)]
            )
            session.connection().execute(
                insert(UpkeepTable), [_upkeep(ids, n, now_ms, past_ms) for n in range(UPKEEP)]
            )
    finally:
        database.close()
    records.attach(SITE, ids[0], "photo.png", _PNG, "admin")
    taking = records.begin_stocktaking(SITE, bench.rooms[0].id, "admin")
    for id in bench.pieces[bench.rooms[0].id]:
        records.scan(SITE, taking.number, id, "admin")
    told = []
    for n in range(INCIDENTS):
        board, start_ms = boards[n % len(boards)], midnight_ms(BEGIN) + n * past_ms // INCIDENTS
        lost = (Lost(board, start_ms, start_ms + HOUR_MS),)
        told.append(Incident("board", start_ms, start_ms + HOUR_MS, (board,), lost, {"lost": 1, "of": 1}))
    records.store_incidents(SITE, 0, told)
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    birth = {"firmware": "1.0.0", "points": {point: {"max_interval_ms": 60_000} for point in POINTS}}
    for board in boards:
        records.saw_board(SITE, board, now, birth=birth, availability="online")
    for n in range(PEOPLE):
        records.add_person(f"person-{n}", [Grant("leader", SITE)])
    if bench.days > 31:
        records.close_month(SITE, BEGIN, "admin")


def _loan(ids: list[str], n: int, now_ms: int, past_ms: int) -> dict[str, Any]:
    out_ms = now_ms - past_ms + n * past_ms // LOANS
    day = datetime.fromtimestamp(out_ms / 1000, UTC).date()
    return {
        "site": SITE, "equipment": ids[n * 7 % len(ids)], "quantity": 1, "borrower": f"GV {n % 40}", "out_ms": out_ms,
        "due_on": day, "back_ms": out_ms + HOUR_MS, "used_on": day, "session": "morning", "period": 1 + n % 5,
        "lesson": "Định luật Ôm", "school_class": None, "subject_group": None, "condition_back": "good", "note": None,
        "lent_by": "lan", "taken_back_by": "lan",
    }  # fmt: skip


def _upkeep(ids: list[str], n: int, now_ms: int, past_ms: int) -> dict[str, Any]:
    opened_ms = now_ms - past_ms + n * past_ms // UPKEEP
    return {
        "site": SITE, "equipment": ids[n * 11 % len(ids)], "kind": "incident", "down": True, "opened_ms": opened_ms,
        "opened_by": "lan", "symptom": "Không lên hình", "closed_ms": opened_ms + 5 * HOUR_MS, "closed_by": "lan",
        "cause": "Bóng đèn", "work": "Thay bóng", "cost_vnd": 850_000,
    }  # fmt: skip
