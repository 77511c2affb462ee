"""What the API answers, from real stores: every figure the same as the store's own."""

import csv
import io
import re
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest
from api_school import DAY, MINUTE, MONDAY, NOW, NOW_MS, SITE, STRANGER, ZONE, items, midnight, running

from campus.indicators.frequency import frequency_rate
from campus.records.entities import LastReply, Reported
from campus.telemetry import SeriesKey

WEEK = {"from": "2026-11-16", "to": "2026-11-23"}


@pytest.fixture(scope="module")
def campus(tmp_path_factory):
    with running(tmp_path_factory.mktemp("school")) as campus:
        yield campus


@pytest.fixture
def api(campus):
    with campus.program() as program:

        def get(path, **query):
            answer = program.get(f"/api/v1/{path}", params=query)
            assert answer.status_code == 200, answer.text
            return answer.json()

        yield get


def test_the_places_are_those_of_the_inventory(campus, api):
    """Sites, buildings, room types in use, and every room."""
    [site] = api("sites")["items"]
    assert (site["id"], site["tz"]) == (SITE, "Asia/Ho_Chi_Minh")
    detail = api(f"sites/{SITE}")
    assert [one["id"] for one in detail["buildings"]] == ["a", "b"]
    rooms = api(f"sites/{SITE}/rooms")["items"]
    assert [one["id"] for one in rooms] == [one.id for one in campus.records.rooms(SITE)]
    assert {one["id"] for one in detail["room_types"]} == {one["room_type"] for one in rooms}
    assert api(f"sites/{SITE}/rooms/{campus.room}")["capacity"] == 45


def test_a_board_nobody_placed_is_shown_apart(campus, api):
    """It is listed, not assigned, and in no room; the others are where the inventory put them."""
    [stranger] = api(f"sites/{SITE}/boards", assigned=False)["items"]
    assert (stranger["id"], stranger["room"], stranger["availability"]) == (STRANGER, None, "online")
    placed = api(f"sites/{SITE}/boards", assigned=True)["items"]
    assert len(placed) == 24 and all(one["room"] and one["assigned"] for one in placed)
    assert len(api(f"sites/{SITE}/boards")["items"]) == 25
    assert api(f"sites/{SITE}/boards/{campus.board}")["room"] == campus.room


def test_a_board_shows_what_it_last_reported(campus, api):
    """Firmware and since when, reset cause, access point, notes, configuration and last answer are the records'."""
    reported = Reported(3, False, ("config.json: ntp has to be a text",), NOW)
    birth = {
        "firmware": "1.1",
        "reset_cause": "watchdog",
        "access_point": "a0b1c2d3e4f5",
        "notes": ["safe-mode"],
    }
    reply = LastReply("op-1", True, None, None, NOW)
    campus.records.saw_board(SITE, STRANGER, NOW, birth=birth, reported=reported, reply=reply)
    found = api(f"sites/{SITE}/boards/{STRANGER}")
    assert {name: found[name] for name in birth} == birth
    assert found["reported"]["errors"] == list(reported.errors) and found["reported"]["rev"] == 3
    assert found["last_reply"]["id"] == "op-1" and found["last_reply"]["code"] is None
    since = {datetime.fromisoformat(found[key]) for key in ("firmware_since", "last_seen")}
    assert since == {NOW}


def test_the_live_snapshot_is_the_live_state(campus, api):
    """Rooms, boards and progress, of one site or of all; a room that was never measured is absent, not vacant."""
    found = api("live", site=SITE)
    rooms = {one["room"]: one for one in found["rooms"]}
    assert len(rooms) == 22 and campus.silent not in rooms
    assert rooms[campus.room]["presence"] is True
    assert {one["availability"] for one in found["boards"]} == {"online", "lost"}
    assert api("live", site="elsewhere")["rooms"] == []


def test_intervals_are_cut_at_local_midnights(campus, api):
    """One local day of intervals, half-open, without a gap."""
    query = {"from": "2026-11-17", "to": "2026-11-18"}
    found = api(f"sites/{SITE}/rooms/{campus.room}/intervals", **query)["items"]
    start = midnight(MONDAY) + DAY
    assert (found[0]["start_ms"], found[-1]["end_ms"]) == (start, start + DAY)
    assert all(one["end_ms"] == two["start_ms"] for one, two in pairwise(found))
    assert {one["state"] for one in found} == {"occupied", "vacant", "unknown"}


def test_facts_are_those_stored(campus, api):
    """One row per slot, with its coverage; of a room, or of a whole site for a month at most."""
    found = api(f"sites/{SITE}/facts", room=campus.room, limit=500, **WEEK)["items"]
    stored = campus.records.facts(SITE, campus.room, MONDAY, MONDAY.replace(day=23))
    assert len(found) == len(stored) > 20
    assert [one["outcome"] for one in found] == [one.outcome for one in stored]
    assert [one["coverage"] for one in found] == [one.coverage for one in stored]
    with campus.program() as program:
        assert items(program, f"sites/{SITE}/facts", **WEEK, limit=7) == found
        year = {"from": "2026-01-01", "to": "2026-12-31"}
        assert program.get(f"/api/v1/sites/{SITE}/facts", params=year).status_code == 422
        assert (
            program.get(f"/api/v1/sites/{SITE}/facts", params={**year, "room": campus.room}).status_code
            == 200
        )


def by_id(found):
    return {one["id"]: one for one in found["indicators"]}


def test_an_indicator_comes_with_its_evidence(campus, api):
    """The value is numerator over denominator of the same facts, and the calendar's version is named."""
    found = by_id(api(f"sites/{SITE}/rooms/{campus.room}/indicators", **WEEK))["frequency_rate"]
    facts = campus.records.facts(SITE, campus.room, MONDAY, MONDAY.replace(day=23))
    calendar = campus.records.calendar(SITE)
    expected = frequency_rate(facts, calendar.version, NOW)
    assert found["value"] == expected.value == found["numerator"] / found["denominator"]
    assert found["counts"] == expected.counts
    assert found["calendar_version"] == calendar.version
    assert found["counts"]["no_show"] and found["counts"]["not_measured"] and found["counts"]["partly_held"]


def test_an_indicator_without_data_is_null_with_a_reason(campus, api):
    """Never a zero for unknown."""
    found = by_id(api(f"sites/{SITE}/rooms/{campus.silent}/indicators", **WEEK))["frequency_rate"]
    assert found["value"] is None and found["reason"] and found["denominator"] == 0


def test_readings_come_in_pages_that_join_without_a_seam(campus, api):
    """Every reading of the range exactly once, in order, whatever the page size; invalid ones are null."""
    expected = [
        (key.point, at, value)
        for key in campus.telemetry.series(SITE, campus.board)
        for at, value, _ in campus.telemetry.read([key], midnight(MONDAY), NOW_MS)[key]
    ]
    walked, after, pages = [], None, 0
    while True:
        query = {"site": SITE, "board": campus.board, "limit": 997, **WEEK} | (
            {"after": after} if after else {}
        )
        page = api("readings", **query)
        walked += [(one["point"], one["observed_at_ms"], one["value"]) for one in page["items"]]
        pages, after = pages + 1, page["next"]
        if after is None:
            break
    assert walked == expected and pages > 5
    assert page["items"] and len(expected) > 6000
    first = api("readings", site=SITE, board=campus.board, point="co2_ppm", limit=1, **WEEK)["items"][0]
    assert (first["value"], first["quality"]) == (None, "invalid:warmup")


def test_readings_of_a_room_are_those_of_its_boards_while_there(campus, api):
    """A room answers with its board's readings; a room without any answers with an empty page."""
    query = {"site": SITE, "point": "co2_ppm", "limit": 10_000, **WEEK}
    of_room = api("readings", room=campus.room, **query)
    assert of_room == api("readings", board=campus.board, **query)
    assert of_room["items"]
    assert api("readings", room=campus.silent, **query) == {"items": [], "next": None}


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"board": "b", "room": "r"},
        {"room": "a-101", "point": "'; DROP"},
        {"room": "a-101", "limit": 0},
        {"room": "a-101", "limit": 10_001},
        {"room": "a-101", "after": "nonsense"},
        {"room": "a-101", "after": "a.b.99999999999999999999"},
        {"room": "a-101", "to": "2027-01-30"},
    ],
)
def test_a_question_about_readings_is_bounded(campus, query):
    """What cannot be answered in a bounded way is refused with a sentence."""
    with campus.program() as program:
        answer = program.get("/api/v1/readings", params={"site": SITE, **WEEK, **query})
        assert answer.status_code == 422, answer.text


def test_an_export_is_every_reading_once(campus, tmp_path):
    """CSV and Parquet hold the same rows as the store, by board, point and time."""
    expected = [tuple(row) for chunk in campus.telemetry.rows(None, None, None, None) for row in chunk]
    with campus.program() as program:
        answer = program.get("/api/v1/readings/export", params={"format": "csv"})
        assert answer.headers["content-type"].startswith("text/csv")
        assert 'filename="readings-all.csv"' in answer.headers["content-disposition"]
        rows = list(csv.reader(io.StringIO(answer.text)))
        assert rows[0] == ["board", "point", "observed_at_ms", "value", "quality", "received_at_ms"]
        assert [
            (b, p, int(at), float(v) if v else None, q, int(r) if r else None)
            for b, p, at, v, q, r in rows[1:]
        ] == expected
        parquet = program.get("/api/v1/readings/export", params={"format": "parquet"}).content
    path = tmp_path / "got.parquet"
    path.write_bytes(parquet)
    assert duckdb.sql(f"SELECT * FROM '{path}'").fetchall() == expected


def test_an_export_can_be_narrowed(campus):
    """By board and local dates, or exact instants; unknown boards and mixed ranges are refused."""
    with campus.program() as program:

        def lines(**query):
            return program.get("/api/v1/readings/export", params=query).text.splitlines()[1:]

        start = midnight(MONDAY) + DAY
        by_date = lines(board=campus.board, **{"from": "2026-11-17", "to": "2026-11-18"})
        assert by_date == lines(board=campus.board, start_ms=start, end_ms=start + DAY)
        assert len(by_date) == 2 * (1440 - 90)
        assert lines(start_ms=start, end_ms=start + MINUTE) == by_date[:1] + by_date[1350:1351]
        for query, status in (
            ({"board": "nobody"}, 404),
            ({"site": "elsewhere"}, 404),
            ({"from": "2026-11-18", "to": "2026-11-17"}, 422),
            ({"from": "2026-11-18", "start_ms": 1}, 422),
            ({"format": "xml"}, 422),
        ):
            answer = program.get("/api/v1/readings/export", params=query)
            assert (answer.status_code, answer.headers["content-type"]) == (
                status,
                "application/problem+json",
            )


def test_means_are_those_of_the_store(campus):
    """Every 15-minute mean once, by board, point and time; narrowed as the export is, and at most 400 days."""
    keys = campus.telemetry.series()
    found = campus.telemetry.means(keys, 0, NOW_MS)
    expected = [
        [key.board, key.point, *map(str, mean)]
        for key in sorted(keys, key=lambda key: key[1:])
        for mean in found[key]
    ]
    with campus.program() as program:

        def lines(**query):
            return list(csv.reader(program.get("/api/v1/readings/means", params=query).text.splitlines()))[1:]

        answer = program.get("/api/v1/readings/means")
        assert 'filename="means-all.csv"' in answer.headers["content-disposition"]
        assert answer.text.startswith("board,point,start_ms,width_ms,count,mean,low,high,last\n")
        assert lines() == expected
        start = midnight(MONDAY) + DAY
        day = lines(board=campus.board, **{"from": "2026-11-17", "to": "2026-11-18"})
        assert day == [line for line in expected if start <= int(line[2]) < start + DAY]
        assert len(day) == 2 * (96 - 6)
        for query, status in (
            ({"board": "nobody"}, 404),
            ({"site": "elsewhere"}, 404),
            ({"from": "2025-01-01", "to": "2026-11-17"}, 422),
            ({"from": "2025-01-01"}, 422),
            ({"end_ms": 5, "start_ms": 5}, 422),
        ):
            answer = program.get("/api/v1/readings/means", params=query)
            assert (answer.status_code, answer.headers["content-type"]) == (
                status,
                "application/problem+json",
            )


def test_the_description_has_an_example_for_every_answer(campus):
    """OpenAPI lists every route with examples, its errors and how to sign in."""
    with campus.program() as program:
        document = program.get("/api/v1/openapi.json").json()
    assert {"APIKeyCookie", "HTTPBearer"} <= set(document["components"]["securitySchemes"])
    assert len(document["paths"]) >= 15
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            answers = operation["responses"]
            assert operation["description"], path
            if path.startswith("/api/") and (method, path) != ("post", "/api/v1/sessions"):
                assert operation["security"], path
                assert "application/problem+json" in answers["401"]["content"]
    for name, schema in document["components"]["schemas"].items():
        if name.endswith(("Out", "Form")) and name != "LiveOut":
            assert schema.get("examples"), name


def test_the_example_school_is_in_its_own_time_zone(campus, api):
    """Dates are local: the first reading of a date is the one at local midnight."""
    first = api(
        "readings", site=SITE, board=campus.board, limit=1, **{"from": "2026-11-17", "to": "2026-11-18"}
    )
    assert first["items"][0]["observed_at_ms"] == midnight(MONDAY.replace(day=17))
    key = SeriesKey(SITE, campus.board, "co2_ppm")
    assert key in campus.telemetry.series(SITE, campus.board)
    assert NOW.astimezone(ZONE).hour == 9


def test_the_documentation_names_every_route(campus):
    """docs/api.md and OpenAPI list the same addresses."""
    text = (Path(__file__).parent.parent / "docs" / "api.md").read_text(encoding="utf-8")
    documented = set(
        re.findall(r"`(?:GET |POST |PUT |PATCH |DELETE )?(/(?:health|api/v1/[a-z/{}_-]+))`", text)
    )
    with campus.program() as program:
        served = set(program.get("/api/v1/openapi.json").json()["paths"])
    assert documented - {"/api/v1/openapi"} == served
