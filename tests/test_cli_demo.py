"""`campus demo` as a user runs it, and every reading command beside it."""

import csv
import json
import time
from pathlib import Path

import duckdb
import httpx
import pytest
from api_school import items
from cli import Running, campus, refused, token

REPLAYED = "t,co2,pir\n" + "".join(
    f"2024-01-01 07:{minute:02d}:00,{600 + minute},{minute % 2}\n" for minute in range(50)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demo(folder: Path):
    """A demo of 8 rooms and one day of history, complete."""
    running = Running("demo", "--rooms", 8, "--days", 1, "--http", "127.0.0.1:0", "--data", "d", cwd=folder)
    try:
        running.told("1 day of history complete", timeout=120)
        yield running
    finally:
        running.kill()


@pytest.fixture
def api(demo: Running, folder: Path):
    address, secret = token(folder / "d")
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {secret}"}, timeout=30) as client:
        yield client


def exported(folder: Path, board: str) -> list[dict[str, str]]:
    done = campus("export", "readings", "--board", board, "--data", "d", cwd=folder)
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(done.stdout.splitlines()))


def test_the_printed_sign_in_opens_the_room_board(demo: Running):
    """Address and password as printed lead to a page with a tile per room; a wrong password does not."""
    address = demo.told(r"is up: (http://\S+)")
    password = demo.told(r"with the password (\S+)")
    with httpx.Client(base_url=address, headers={"Origin": address}, follow_redirects=True) as browser:
        assert "/rooms/" not in browser.get("/").text
        browser.post("/sign-in", data={"name": "admin", "password": "wrong", "next": "/"})
        assert "/rooms/" not in browser.get("/").text
        browser.post("/sign-in", data={"name": "admin", "password": password, "next": "/"})
        page = browser.get("/")
        assert {f"/rooms/demo/a-{n}" in page.text for n in (101, 102, 103)} == {True}


def test_every_room_has_a_day_of_facts(api: httpx.Client):
    """History passed the boards' program, the collector, inference and the calendar into facts."""
    rooms = [room["id"] for room in api.get("/api/v1/sites/demo/rooms").json()["items"]]
    assert len(rooms) == 8
    today = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 7 * 3600 + 86_400))
    start = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 7 * 3600 - 86_400))
    facts = items(api, "sites/demo/facts", **{"from": start, "to": today}, limit=500)
    assert {fact["room"] for fact in facts} == set(rooms)
    measured = [fact for fact in facts if fact["valid_minutes"] > 0]
    assert len(measured) > len(rooms) * 5


def test_live_boards_reach_the_stream(api: httpx.Client, demo: Running):
    """Boards are online over MQTT, and their changes arrive as server-sent events."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        boards = api.get("/api/v1/live").json()["boards"]
        if sum(board["availability"] == "online" for board in boards) == 8:
            break
        time.sleep(0.5)
    assert [board["availability"] for board in boards] == ["online"] * 8
    with api.stream("GET", "/api/v1/live/events", timeout=90) as stream:
        for line in stream.iter_lines():
            if line.startswith("event: room"):
                return
    raise AssertionError("no room changed")


def test_indicators_come_with_their_evidence(demo: Running, folder: Path):
    """The command reads through the running API; the figures add up."""
    done = campus("indicators", "--room", "a-101", "--data", "d", "--json", cwd=folder)
    found = {one["id"]: one for one in json.loads(done.stdout)["indicators"]}
    figure = found["frequency_rate"]
    assert figure["numerator"] <= figure["denominator"]
    assert figure["value"] is not None or figure["reason"]
    shown = campus("indicators", "--room", "a-101", "--data", "d", cwd=folder)
    assert "frequency_rate" in shown.stdout
    assert found["operating_hours"]["value"] is not None or found["operating_hours"]["reason"]
    whole = campus("indicators", "--data", "d", "--json", cwd=folder)
    assert len(json.loads(whole.stdout)["indicators"]) > 20


def test_unknown_rooms_and_boards_are_named(demo: Running, folder: Path):
    """Through the API the sentence is the same as without it."""
    assert "zz-9" in refused(campus("indicators", "--room", "zz-9", "--data", "d", cwd=folder))
    assert "nope" in refused(campus("export", "readings", "--board", "nope", "--data", "d", cwd=folder))


def test_a_replayed_room_is_stored_once_and_its_board_is_unassigned(
    api: httpx.Client, demo: Running, folder: Path
):
    """Every row arrives through MQTT with its value; sent again, nothing is added; the board is visible."""
    (folder / "room.csv").write_text(REPLAYED)
    for _ in range(2):
        done = campus("replay", "room.csv", "--board", "recorder-1", "--data", "d", cwd=folder)
        assert done.returncode == 0, done.stderr
        assert "50 records of recorder-1 committed" in done.stdout
    until = time.monotonic() + 20
    while len(rows := exported(folder, "recorder-1")) < 100 and time.monotonic() < until:
        time.sleep(0.5)
    co2 = [float(row["value"]) for row in rows if row["point"] == "co2_ppm"]
    assert co2 == [600.0 + minute for minute in range(50)]
    assert len(rows) == 100
    assert {row["quality"] for row in rows} == {"good"}
    boards = api.get("/api/v1/sites/demo/boards").json()["items"]
    (found,) = [board for board in boards if board["id"] == "recorder-1"]
    assert found["room"] is None


def test_parquet_holds_the_same_readings_as_csv(demo: Running, folder: Path):
    """Two formats, one content; the columns are those of the contract."""
    (folder / "room2.csv").write_text(REPLAYED)
    campus("replay", "room2.csv", "--board", "recorder-2", "--data", "d", cwd=folder)
    time.sleep(2)
    rows = exported(folder, "recorder-2")
    file = folder / "readings.parquet"
    done = campus(
        "export",
        "readings",
        "--board",
        "recorder-2",
        "--data",
        "d",
        "--format",
        "parquet",
        "--out",
        file,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    found = duckdb.sql(f"SELECT * FROM '{file}'")
    assert found.columns == ["board", "point", "observed_at_ms", "value", "quality", "received_at_ms"]
    assert [(row[1], row[2], row[3]) for row in found.fetchall()] == [
        (row["point"], int(row["observed_at_ms"]), float(row["value"])) for row in rows
    ]


def test_a_second_demo_on_the_folder_is_refused(demo: Running, folder: Path):
    """One owner; the first one goes on."""
    said = refused(campus("demo", "--data", "d", "--http", "127.0.0.1:0", cwd=folder))
    assert f"process {demo.process.pid}" in said
    assert demo.process.poll() is None


def test_means_are_the_same_beside_the_system_and_without_it(demo: Running, folder: Path):
    """`export means` writes 15-minute means through the API; a file holds what the terminal shows."""
    asked = ("export", "means", "--board", "recorder-1", "--data", "d")
    done = campus(*asked, cwd=folder)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(done.stdout.splitlines()))
    co2 = [row for row in rows if row["point"] == "co2_ppm"]
    assert sum(int(row["count"]) for row in co2) == 50
    assert (float(co2[0]["low"]), float(co2[-1]["last"])) == (600.0, 649.0)
    assert {row["width_ms"] for row in rows} == {"900000"}
    assert campus(*asked, "--out", "means.csv", cwd=folder).returncode == 0
    assert (folder / "means.csv").read_text() == done.stdout
    long = campus(*asked, "--from", "2020-01-01", "--to", "2026-01-01", cwd=folder)
    assert "400 days" in refused(long)
    assert "nope" in refused(campus("export", "means", "--board", "nope", "--data", "d", cwd=folder))


def test_doctor_calls_it_healthy(demo: Running, folder: Path):
    """Beside a running demo every check passes."""
    done = campus("doctor", "--data", "d", "--json", cwd=folder)
    findings = json.loads(done.stdout)
    assert findings["ok"], findings
    assert done.returncode == 0


def test_stopped_and_started_again_nothing_is_lost_or_doubled(demo: Running, folder: Path):
    """Ctrl-C ends it cleanly; a kill -9 of the next run costs nothing either; no reading is there twice."""
    assert demo.stop() == 0
    assert not (folder / "d" / "run.json").exists()
    before = len(exported(folder, "recorder-1"))
    means = campus("export", "means", "--board", "recorder-1", "--data", "d", cwd=folder)
    assert means.stdout == (folder / "means.csv").read_text()
    whole = ("export", "means", "--board", "recorder-1", "--data", "d", "--out", "again.csv")
    assert campus(*whole, cwd=folder).returncode == 0
    assert (folder / "again.csv").read_text() == means.stdout
    again = Running("demo", "--rooms", 8, "--days", 1, "--http", "127.0.0.1:0", "--data", "d", cwd=folder)
    again.told(r"is up: (http://\S+)")
    time.sleep(3)
    again.kill()
    file = folder / "all.parquet"
    done = campus("export", "readings", "--data", "d", "--format", "parquet", "--out", file, cwd=folder)
    assert done.returncode == 0, done.stderr
    doubled = duckdb.sql(
        f"SELECT count(*) FROM (SELECT 1 FROM '{file}' GROUP BY board, point, observed_at_ms HAVING count(*) > 1)"
    ).fetchall()
    assert doubled == [(0,)]
    assert before == len(exported(folder, "recorder-1")) == 100


def test_another_school_in_the_same_folder_is_refused(folder: Path, demo: Running):
    """A folder keeps its school: other rooms or another seed need another folder."""
    if demo.process.poll() is None:
        demo.stop()
    said = refused(campus("demo", "--rooms", 9, "--data", "d", "--http", "127.0.0.1:0", cwd=folder))
    assert "8 rooms" in said
