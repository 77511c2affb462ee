"""A school's stores and its pipeline in one folder, without threads, for backups taken at chosen moments."""

import random
import tempfile
from datetime import date
from pathlib import Path

from sqlalchemy import insert, select

from campus.cli import archive, copies
from campus.cli.app import run
from campus.live import Live
from campus.records import open_records
from campus.records.derived_tables import CalibrationTable
from campus.records.inventory import Inventory
from campus.settings import Settings
from campus.telemetry.stores import open_telemetry
from campus.wire.telemetry import Telemetry, encode
from campus.wire.topics import board_topic
from collector.journal import Journal
from collector.pipeline import Pipeline

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 1_789_923_600_000  # 2026-09-21 00:00 in Ha Noi, a Monday
BOOT = "9f3a61c20000002a"
INVENTORY = {
    "site": {"id": "school", "name": "School", "tz": "Asia/Ho_Chi_Minh"},
    "room_types": [{"id": "classroom", "name_vi": "Phòng học", "name_en": "Classroom"}],
    "rooms": [{"id": "room-1", "name": "1", "room_type": "classroom"}],
    "boards": [{"id": "board-1"}],
    "placements": [{"board": "board-1", "room": "room-1", "from": "2026-09-01"}],
    "terms": [{"name": "1", "start": "2026-09-01", "end": "2027-01-15"}],
    "bells": [
        {"weekday": d, "session": "morning", "period": p, "start": f"{6 + p:02}:00", "end": f"{6 + p:02}:45"}
        for d in range(1, 6)
        for p in range(1, 5)
    ],
}  # fmt: skip


def messages(days=2):
    """(topic, payload) of one board: motion and CO2 each minute, ten rows a message, people now and then."""
    chance = random.Random(1)
    co2, there, told = 430.0, False, []
    for seq in range(0, days * 1440, 10):
        rows = []
        for n in range(10):
            there ^= chance.random() < 0.02
            co2 += (9.0 if there else 0) - (co2 - 420) / 60
            rows.append([n, n * MINUTE, int(there and chance.random() < 0.6), round(co2)])
        message = Telemetry(BOOT, seq, 0, START + seq * MINUTE, "ntp", ["motion", "co2_ppm"], rows, None)
        told.append((board_topic("school", "board-1", "telemetry"), encode(message)))
    return told


class School:
    """`take` makes each message a batch of its own; `project` brings the readings up to date; `derive` the facts."""

    def __init__(self, folder: Path, telemetry="duckdb", keep_bytes=0, now_ms=START + 2 * DAY + HOUR):
        self.folder, self.now_ms = folder, now_ms
        self.settings = Settings(data=folder, telemetry=telemetry)
        self.records = open_records("sqlite", folder)
        if not self.records.sites():
            self.records.import_inventory(Inventory.model_validate(INVENTORY))
        self.telemetry = open_telemetry(telemetry, folder)
        self.journal = Journal(folder / "journal.sqlite", keep_bytes=keep_bytes)
        self.pipeline = Pipeline(
            folder, self.records, self.telemetry, Live(), lambda: self.now_ms, journal=self.journal
        )

    def take(self, told):
        for topic, payload in told:
            self.pipeline.offer(topic, payload)
            self.pipeline.collector.ingest()
        return self

    def project(self):
        while self.pipeline.projector.project():
            pass
        return self

    def derive(self):
        self.pipeline.deriver.derive()
        return self

    def rows(self):
        """Every reading, sorted."""
        return sorted(tuple(row) for part in self.telemetry.rows(None, None, None, None) for row in part)

    def facts(self):
        """What is derived: intervals and facts."""
        return (
            self.records.intervals("school", "room-1", START - DAY, START + 9 * DAY),
            self.records.facts("school", "room-1", date(2026, 9, 1), date(2026, 12, 1)),
        )

    def facts_are_right(self):
        """Whether they are what a recomputation of all readings gives, with the calibrations that were issued."""
        with tempfile.TemporaryDirectory() as folder, School(Path(folder), now_ms=self.now_ms) as other:
            with self.records._database.read() as session:
                rows = [dict(row) for row in session.execute(select(CalibrationTable.__table__)).mappings()]
            through = self.records.derived_through("school", "room-1")
            other.records.store_derivation("school", "room-1", 0, 0, [], [], [], through)
            with other.records._database.write() as session:
                if rows:
                    session.execute(insert(CalibrationTable), rows)
            other.take(messages()).project()
            other.pipeline.deriver.touched("school", "board-1", START, self.now_ms, 1)
            return other.derive().facts() == self.facts()

    def backup(self, file):
        made = copies.copies(self.settings, self.records, self.telemetry, self.journal)
        return archive.write(file, made.pieces())[1]

    def close(self):
        self.pipeline.close()
        self.telemetry.close()
        self.records.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def restore(*arguments):
    """`campus restore` in this process; its exit code."""
    return run(["restore", *map(str, arguments)])
