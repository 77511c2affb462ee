"""Backups of a real system: `campus up`, its mosquitto with TLS, boards that go on sending; restored, and started."""

import json
import random
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import httpx
import paho.mqtt.client as paho
import pytest
from backup_school import DAY, MINUTE
from cli import CAMPUS, Running, campus, environment, refused, token
from real_school import School
from test_firmware_end_to_end import Board, co2_values

from campus.cli import archive
from campus.live import Live
from campus.records import open_records
from campus.telemetry.stores import open_telemetry
from campus.wire.telemetry import Telemetry, encode
from campus.wire.topics import board_topic
from collector.installed import end_stale
from collector.pipeline import Pipeline

BOARDS, MINUTES = 3, 1500
BOOT = "9f3a61c20000002a"
TODAY = datetime.now(UTC).date()
START = int(datetime(TODAY.year, TODAY.month, TODAY.day, 17, tzinfo=UTC).timestamp()) * 1000 - 3 * DAY
UNTIL = START + 2 * DAY
INVENTORY = {
    "site": {"id": "demo", "name": "THCS Hoa Sen", "tz": "Asia/Ho_Chi_Minh"},
    "room_types": [{"id": "classroom", "name_vi": "Phòng học", "name_en": "Classroom"}],
    "rooms": [{"id": f"room-{n}", "name": str(n), "room_type": "classroom"} for n in range(BOARDS)],
    "boards": [{"id": f"board-{n}"} for n in range(BOARDS)],
    "placements": [
        {"board": f"board-{n}", "room": f"room-{n}", "from": str(TODAY - timedelta(30))} for n in range(BOARDS)
    ],
    "terms": [{"name": "1", "start": str(TODAY - timedelta(90)), "end": str(TODAY + timedelta(90))}],
    "bells": [
        {"weekday": d, "session": "morning", "period": p, "start": f"{6 + p:02}:00", "end": f"{6 + p:02}:45"}
        for d in range(1, 8)
        for p in range(1, 5)
    ],
}  # fmt: skip


def message(board, seq):
    """One record: a minute of a room in which people come and go."""
    there = (seq + 40 * board) % 180 < 90
    row = [0, 0, int(there and seq % 3 == 0), 430 + (seq % 90) * 8 * there, seq]
    told = Telemetry(
        BOOT, seq, 0, START + seq * MINUTE, "ntp", ["motion", "co2_ppm", "uptime_s"], [row], None
    )
    return board_topic("demo", f"board-{board}", "telemetry"), encode(told)


def furnished(folder):
    school = School(folder)
    (folder / "school.json").write_text(json.dumps(INVENTORY))
    assert campus("inventory", "school.json", "--data", "data", cwd=folder).returncode == 0
    return school


def publish(school, passwords, pause_s):
    """Every record of every board, each board on its own connection; returns when the broker has them."""

    def one(board):
        client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=f"a-board-{board}")
        client.username_pw_set(f"board-{board}", passwords[board])
        client.tls_set(ca_certs=str(school.data / "broker" / "ca.pem"))
        client.max_inflight_messages_set(200)
        client.connect("127.0.0.1", school.broker_port)
        client.loop_start()
        for seq in range(MINUTES):
            last = client.publish(*message(board, seq), qos=1)
            time.sleep(pause_s)
        last.wait_for_publish(60)
        client.disconnect()
        client.loop_stop()

    threads = [threading.Thread(target=one, args=(board,)) for board in range(BOARDS)]
    for thread in threads:
        thread.start()
    return threads


def records_of(data):
    """board -> its seqs as the store has them, in order; each must be there once."""
    with closing(open_telemetry("duckdb", data)) as store:
        rows = [row for part in store.rows("demo", None, None, None) for row in part]
    assert not [key for key, times in Counter(rows).items() if times > 1]
    found = {f"board-{n}": [] for n in range(BOARDS)}
    for row in rows:
        if row.point == "uptime_s":
            found[row.board].append(int(row.value))
    assert len(rows) == 3 * sum(map(len, found.values()))
    return found, rows


def settled(journal):
    """(site, board) -> (low, ranges) of the one boot in a journal's ledger."""
    with closing(sqlite3.connect(journal)) as db:
        rows = db.execute("SELECT site, board, low, ranges FROM settled").fetchall()
    return {(site, board): (low, json.loads(ranges)) for site, board, low, ranges in rows}


def derived(data):
    """Facts and intervals of every room, derived anew from all that came; as a collector of that time would.

    Anew, for what had been learned by when depends on when it came.
    """
    with closing(sqlite3.connect(data / "records.sqlite")) as db:
        for table in ("calibration", "checkpoint", "derived", "room_interval", "room_fact", "stretch"):
            db.execute(f"DELETE FROM {table}")
        db.commit()
    with open_records("sqlite", data) as records, closing(open_telemetry("duckdb", data)) as telemetry:
        pipeline = Pipeline(data, records, telemetry, Live(), lambda: UNTIL)
        pipeline.pump()
        pipeline.derive()
        pipeline.close()
        facts = records.facts("demo", start=date(2020, 1, 1), end=date(2100, 1, 1))
        return facts, [records.intervals("demo", f"room-{n}", START - DAY, UNTIL) for n in range(BOARDS)]


def test_a_backup_under_load_comes_back_whole(tmp_path):
    """Hundreds of records a second while it is made: the copy is a moment of the original, the restored server goes on
    from there, and when boards have sent again what they hold, it is as the original: nothing lost, nothing twice.
    """
    school = furnished(tmp_path / "school")
    passwords = [school.accounts.add_board("demo", f"board-{n}") for n in range(BOARDS)]
    with school:
        began = time.monotonic()
        threads = publish(school, passwords, 0.008)
        school.until(lambda: school.count() > MINUTES, "a third of the readings")
        made = campus("backup", "b.tar.gz", "--data", "data", cwd=school.folder)
        assert made.returncode == 0 and "keys" in made.stdout, made
        streaming = any(thread.is_alive() for thread in threads)
        checked = campus("backup", "--check", "b.tar.gz", cwd=school.folder)
        assert checked.returncode == 0, checked
        in_use = campus("restore", "b.tar.gz", "--data", "data", "--replace", cwd=school.folder)
        assert "is in use" in refused(in_use)
        for thread in threads:
            thread.join()
        rate = BOARDS * MINUTES / (time.monotonic() - began)
        school.until(lambda: school.count() >= 3 * BOARDS * MINUTES, "all readings")
    assert streaming, "everything was sent before the backup was made"
    original, rows = records_of(school.data)
    assert original == {f"board-{n}": list(range(MINUTES)) for n in range(BOARDS)}

    copy = school.folder / "copy"
    copy.mkdir()
    manifest = archive.read(school.folder / "b.tar.gz", copy)
    held, held_rows = records_of(copy)
    assert all(original[board][: len(seqs)] == seqs for board, seqs in held.items())
    assert set(held_rows) < set(rows)
    taken = {board: ranges for (_, board), (_, ranges) in settled(copy / "journal.sqlite").items()}
    assert {board: ranges[0][0] for board, ranges in taken.items()} == dict.fromkeys(held, 0)

    school.data.rename(school.folder / "original")
    told = campus("restore", "b.tar.gz", "--data", "data", cwd=school.folder)
    assert told.returncode == 0, told
    with school:
        goal = 3 * sum(ranges[0][1] + 1 for ranges in taken.values())
        school.until(lambda: school.count() >= goal, "what the journal held")
        assert school.count() == goal
        for thread in publish(school, passwords, 0.004):  # each record again: boards heard no `committed`
            thread.join()
        school.until(lambda: school.count() >= 3 * BOARDS * MINUTES, "what boards sent again")
        counters = school.get("/api/v1/health").json()["counters"]
    assert counters["records_missing"] == 0
    print(f"{rate:.0f} records/s; backup at batch {manifest.cursor}, {manifest.waiting} batches waiting")
    restored, restored_rows = records_of(school.data)
    assert restored == original and sorted(restored_rows) == sorted(rows)
    facts, intervals = derived(school.folder / "original")
    assert len(facts) > 2 * BOARDS and derived(school.data) == (facts, intervals)


@pytest.mark.micropython
@pytest.mark.mosquitto
def test_real_boards_send_again_what_they_hold_to_a_restored_server(tmp_path, micropython):
    """An older backup on a new machine: what a board has not let go of arrives once; what it let go of after the backup
    is counted as missing, record by record, and nothing else is."""
    (flash := tmp_path / "flash").mkdir()
    with School(tmp_path / "school") as school:
        board = Board(flash, micropython, school.proxy, broker=school.broker)
        board.nvs(**school.enrol())
        board.start()
        school.more(60)
        made = campus("backup", "b.tar.gz", "--data", "data", cwd=school.folder)
        assert made.returncode == 0, made
        school.more(60)  # the board lets go of these
        school.proxy.cut()
        school.until(lambda: any((flash / "spool").iterdir()), "records on the board's flash")
        school.kill()
        end_stale(school.data / "broker" / "mosquitto.conf")
        school.data.rename(school.folder / "lost")
        assert campus("restore", "b.tar.gz", "--data", "data", cwd=school.folder).returncode == 0
        then = settled(school.data / "journal.sqlite")
        school.start()
        school.proxy.mend()
        school.until(lambda: not any((flash / "spool").iterdir()), "an empty flash")
        board.world(scd4x_ms=3_600_000)
        school.more(6)  # of the PIR: what was in the board's RAM has come too
        missing = school.get("/api/v1/health").json()["counters"]["records_missing"]
        kept, dropped = board.stop()
    ((_, [[first, through]]),) = then.values()
    ((_, [[lost_first, lost_through]]),) = settled(school.folder / "lost" / "journal.sqlite").values()
    ((low, ranges),) = settled(school.data / "journal.sqlite").values()
    assert first == lost_first == 0 and dropped == 0 and kept <= 2
    assert [start for start, _ in ranges] == [0, ranges[1][0]] and ranges[0][1] == through  # one hole
    assert low >= ranges[1][0] > through + 1
    assert missing == ranges[1][0] - through - 1 > 0
    assert ranges[1][0] - 1 <= lost_through, "a record counts as missing that the board never let go of"

    values = co2_values(school.stored())
    numbers = [(value - 400) / 25 for value in values]
    assert numbers == sorted(set(numbers)), "a measurement is there twice"
    (hole,) = [(a, b) for a, b in pairwise(numbers) if b != a + 1]
    with closing(open_telemetry("duckdb", school.folder / "lost")) as store:
        before = {key.point: store.read([key], 0, 2**53)[key] for key in store.series()}
    known = {(value - 400) / 25 for value in co2_values(before)}
    assert {hole[0] + 1 + n for n in range(int(hole[1] - hole[0]) - 1)} <= known


def test_only_the_local_token_may_ask_for_a_backup(tmp_path):
    """An administrator's session and token get 403, nobody 401; the folder holds nothing of it afterwards."""
    running = Running("up", "--data", "data", "--http", "127.0.0.1:0", cwd=tmp_path)
    try:
        password = running.told(r"password (\S+)")
        address, local = token(tmp_path / "data")
        client = httpx.Client(base_url=address, trust_env=False, timeout=30)
        assert client.get("/api/v1/backup").status_code == 401
        signed = client.post("/api/v1/sessions", json={"name": "admin", "password": password})
        assert signed.status_code < 300, signed.text
        answer = client.get("/api/v1/backup")
        assert answer.status_code == 403 and "campus backup" in answer.json()["detail"]
        made = client.post("/api/v1/tokens", json={"label": "x"}, headers={"Origin": address}).json()["token"]
        bearer = {"Authorization": f"Bearer {made}"}
        assert httpx.get(address + "/api/v1/backup", headers=bearer, trust_env=False).status_code == 403
        headers = {"Authorization": f"Bearer {local}"}
        with httpx.stream("GET", address + "/api/v1/backup", headers=headers, trust_env=False) as answer:
            assert answer.status_code == 200
            size = int(answer.headers["content-length"])
            assert sum(map(len, answer.iter_bytes())) == size
        with httpx.stream("GET", address + "/api/v1/backup", headers=headers, trust_env=False) as answer:
            assert answer.status_code == 200  # and goes away at once
        assert not list((tmp_path / "data").glob(".backup-*"))
    finally:
        running.stop()


def test_a_system_that_ends_meanwhile_leaves_no_half_backup(tmp_path):
    """Killed while the file is written: one sentence, and no file, nor a part of it."""
    (data := tmp_path / "data").mkdir()
    (data / "demo.json").write_bytes(random.Random(1).randbytes(100_000_000))
    running = Running("up", "--data", "data", "--http", "127.0.0.1:0", cwd=tmp_path)
    try:
        running.told(r"is up: (http://\S+)")
        command = [CAMPUS, "backup", "b.tar.gz", "--data", "data"]
        backup = subprocess.Popen(command, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True)
        part = tmp_path / "b.tar.gz.part"
        while not (part.exists() and part.stat().st_size > 1_000_000):
            assert backup.poll() is None, backup.stderr.read()
            time.sleep(0.01)
    finally:
        running.kill()
    told = backup.communicate(timeout=60)[1]
    assert backup.returncode == 1 and told.startswith("campus: The running system broke off"), told
    assert not list(tmp_path.glob("b.tar.gz*"))
