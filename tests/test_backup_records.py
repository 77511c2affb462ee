"""The records as a file: out of either database and into either, row by row, while others write."""

import json
import threading
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import pytest
from records_stores import BOARD, ROOM, SITE, fill, year
from sqlalchemy import insert, select

from campus.errors import StoreError, UsageError
from campus.indicators import EquipmentFact, LinkDay, RoomFact
from campus.inference import EQUIPMENT, OCCUPIED, POWER, VACANT, Interval, Stretch
from campus.records import dirty, open_records
from campus.records.database import Database
from campus.records.derived_tables import (
    AmendmentTable,
    BoardLinkTable,
    BoardStartTable,
    IncidentTable,
    MonthTable,
)
from campus.records.entities import Calibration, Derivation, LastReply, Reported
from campus.records.inventory import Inventory
from campus.records.snapshot import check, load, occupied
from campus.records.tables import Base

DAY_MS = 86_400_000
MIDNIGHT = datetime(2026, 10, 4, 17, tzinfo=UTC)
T0 = int(MIDNIGHT.timestamp()) * 1000
ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]


def tables(url, folder):
    """table -> its rows, sorted: whatever the database, the same values."""
    with closing(Database.open(url, folder)) as database, database.read() as session:
        return {
            table.name: sorted(repr(tuple(row)) for row in session.execute(select(table)))
            for table in Base.metadata.sorted_tables
        }


def furnish(records):
    """Something in every table, with what databases like to change: empty, Vietnamese, floats, nested JSON, null."""
    fill(records, 3)
    records.import_inventory(Inventory.parse(year()))
    admin = records.ensure_admin()
    person = records.sign_in("admin", admin)
    records.create_session(person, 12)
    records.create_token(person, "sổ đầu bài")
    records.claim_request(person.id, "0" * 64, "1" * 64, "2" * 64)
    records.saw_board(SITE, BOARD, MIDNIGHT, "9f3a61c2", {"firmware": "1.0", "hardware": "esp32", "points": {
        "co2_ppm": {"unit": "ppm", "max_interval_ms": 60000}}}, "online",
        Reported(3, False, ("sensor: ô nhiễm",), MIDNIGHT), LastReply("c-1", True, None, None, MIDNIGHT))  # fmt: skip
    records.saw_board("elsewhere", "board-9", None)
    for n in range(40):
        start = T0 + n * DAY_MS
        at = MIDNIGHT + timedelta(days=n)
        fact = RoomFact(
            *(SITE, ROOM, date(2026, 10, 5) + timedelta(days=n), at, at + timedelta(hours=1)),
            *("lesson", "morning", 1, "6A", "Toán", 60.0, 59.25, 0.1 + 0.2 * n, "held"),
        )
        night = RoomFact(
            *(SITE, ROOM, fact.date, fact.end, fact.end + timedelta(hours=1)),
            *("night", None, None, None, None, 60.0, 0.0, 0.0, "not_measured"),
        )
        spans = [Interval(start, start + 100, VACANT), Interval(start + 100, start + DAY_MS, OCCUPIED)]
        state = {"p": 1 / 3 + n, "history": [1, None, "x", {"ở": []}], "big": 2**53}
        records.store_derivation(
            SITE, ROOM, start, start + DAY_MS, spans, [fact, night], [(start + DAY_MS, state)], start + DAY_MS
        )
    furnish_derived(records)
    furnish_register(records)
    return person


def furnish_register(records):
    """What is done with equipment, and what is to be reached."""
    piece = records.equipment(SITE)[0].id
    records.change_equipment(SITE, piece, {"note": "kèm dây\n", "price_vnd": 10**13}, "Cô Lan")
    records.lend(SITE, {"equipment": piece, "borrower": "Cô Hoa"}, "Cô Lan")
    records.begin_upkeep(SITE, piece, {"kind": "incident", "symptom": "mờ"}, "Cô Lan")
    taken = records.begin_stocktaking(SITE, ROOM, "Cô Lan")
    records.scan(SITE, taken.number, "LẠ-7", "Cô Lan")
    records.attach(SITE, piece, "ảnh.png", b"\x89PNG\r\n\x1a\n", "Cô Lan")
    goals = {
        "site": {"id": SITE, "name": "THCS Hòa Bình"},
        "targets": [{"indicator": "record_coverage", "year": 2027, "value": 0.1 + 0.2}],
        "equipment_quotas": [{"from": "2026-09-05", "to": "2027-05-31", "lessons": 40}],
    }
    records.import_inventory(Inventory.parse(goals))


def furnish_derived(records):
    """What is derived beside presence; a month that was closed and amended, and an edit that is not followed yet."""
    start, at = T0 + 41 * DAY_MS, MIDNIGHT + timedelta(days=41)
    day = date(2026, 10, 5) + timedelta(days=41)
    piece = records.equipment(SITE)[0].id
    fact = EquipmentFact(
        *(SITE, piece, ROOM, day, at, at + timedelta(hours=1), "lesson", "morning", 1, "6A", None),
        *(60.0, 59.25, 5 + 0.1 + 0.2, 1 / 3, 59.0, 2 / 3, 58.0, 0.7, 1e-9),
    )
    part = Derivation(
        *(SITE, ROOM, start, start + DAY_MS, [], [], [], start + DAY_MS),
        stretches={(EQUIPMENT, piece, POWER): [Stretch(start, start + 5, "on", 1 / 3)]},
        equipment_facts=[fact],
        calibrations=[Calibration(EQUIPMENT, piece, start, {"threshold_w": 0.1 + 0.2, "ở": None})],
    )
    records.store_derivations([part])
    with records._database.write() as session:
        dirty.mark(session, SITE, {ROOM: [day]}, dirty.FACTS, "thời khóa biểu")
        for table, row in (
            (MonthTable, {"start": date(2026, 9, 1), "closed_at_ms": T0, "closed_by": "admin",
                          "calendar_version": "x"}),
            (AmendmentTable, {"month": date(2026, 9, 1), "at_ms": T0, "kind": "room", "id": ROOM, "date": day,
                              "before": {"held": 1}, "after": {"held": 2**53}}),
            (BoardStartTable, {"board": BOARD, "at_ms": T0, "boot": "9f3a61c2", "reset_cause": None}),
            (BoardLinkTable, {"board": BOARD, "state": {"v": 1, "done": [[1, 2, "online"]]}}),
            (IncidentTable, {"cause": "power", "start_ms": T0, "end_ms": None, "boards": [BOARD], "evidence": {}}),
        ):  # fmt: skip
            session.connection().execute(insert(table), [{"site": SITE, **row}])
    records.store_link_days(SITE, [LinkDay(SITE, "board", BOARD, day, 600.0, 590.5, {"power": 9.5}, 1)])


@pytest.fixture(params=ENGINES)
def url(request):
    return "sqlite" if request.param == "sqlite" else request.getfixturevalue("postgresql").database()


def test_a_snapshot_has_every_row(url, tmp_path):
    """Of either database: the same tables and values in a SQLite file."""
    (copy := tmp_path / "copy").mkdir()
    with open_records(url, tmp_path) as records:
        furnish(records)
        before = tables(url, tmp_path)
        records.snapshot(copy)
    assert tables("sqlite", copy) == before
    assert all(before.values()), [name for name, rows in before.items() if not rows]
    check(copy)


@pytest.mark.postgresql
def test_records_move_from_either_database_to_the_other_and_back(postgresql, tmp_path):
    """SQLite to PostgreSQL to SQLite: every table the same, row by row, and new rows are numbered after the old."""
    there, back = tmp_path / "there", tmp_path / "back"
    there.mkdir(), back.mkdir()
    with open_records("sqlite", tmp_path) as records:
        person = furnish(records)
        records.snapshot(there)
    expected, server = tables("sqlite", tmp_path), postgresql.database()
    assert not occupied(server)
    load(there, server)
    assert tables(server, tmp_path) == expected and occupied(server)
    with open_records(server, tmp_path) as records:
        records.snapshot(back)
        assert tables("sqlite", back) == expected
        person = records.sign_in("admin", "")
        assert person is None
        placed = len(records.placements(SITE))
        fill(records, 4)
        records.ensure_admin()
        token = records.create_token(
            records.person("admin"), "another"
        )  # would clash if numbered from 1 again
        assert records.verify_audit().why is None
        assert records.token(token) is not None and len(records.placements(SITE)) == placed


@pytest.mark.postgresql
def test_records_that_are_there_are_replaced_only_when_told(postgresql, tmp_path):
    """A database with records is refused, untouched; with `replace` it becomes the snapshot and nothing else."""
    with open_records("sqlite", tmp_path) as records:
        furnish(records)
        (copy := tmp_path / "copy").mkdir()
        records.snapshot(copy)
    server = postgresql.database()
    with open_records(server, tmp_path) as records:
        fill(records, 9)
    before = tables(server, tmp_path)
    with pytest.raises(UsageError, match="--replace"):
        load(copy, server)
    assert tables(server, tmp_path) == before
    load(copy, server, replace=True)
    assert tables(server, tmp_path) == tables("sqlite", copy)


def test_a_snapshot_is_one_moment_while_others_write(url, tmp_path):
    """Progress, checkpoint and facts of a room are one transaction: no copy has one without the others."""
    with open_records(url, tmp_path) as records:
        fill(records, 3)
        stop, made = threading.Event(), []

        def derive():
            n = 0
            while not stop.is_set():
                start = T0 + n * DAY_MS
                for room in ("a101", "a102"):
                    records.store_derivation(
                        SITE, room, start, start + DAY_MS, [Interval(start, start + DAY_MS, VACANT)], [],
                        [(start + DAY_MS, {"n": n})], start + DAY_MS,
                    )  # fmt: skip
                n += 1
                made.append(n)

        writer = threading.Thread(target=derive)
        writer.start()
        try:
            seen = set()
            for n in range(5):
                while len(made) < 10 * (n + 1):
                    stop.wait(0.01)
                (copy := tmp_path / f"copy-{n}").mkdir()
                records.snapshot(copy)
                with open_records("sqlite", copy) as held:
                    through = held.derived_through(SITE, "a101")
                    assert held.checkpoint(SITE, "a101", 2**52) == (
                        through,
                        {"n": (through - T0) // DAY_MS - 1},
                    )
                    assert held.intervals(SITE, "a101", 0, 2**52)[-1].end_ms == through
                    assert through - held.derived_through(SITE, "a102") in (0, DAY_MS)
                    seen.add(through)
        finally:
            stop.set()
            writer.join()
    assert len(seen) == 5


def test_a_damaged_file_is_found(tmp_path):
    """Every page is looked at, and every key."""
    with open_records("sqlite", tmp_path) as records:
        furnish(records)
        (copy := tmp_path / "copy").mkdir()
        records.snapshot(copy)
    file = copy / "records.sqlite"
    good = file.read_bytes()
    at = good.index(json.dumps({"ở": []})[1:5].encode())
    file.write_bytes(good[: at // 4096 * 4096] + bytes(4096) + good[(at // 4096 + 1) * 4096 :])
    with pytest.raises(StoreError):
        check(copy)
