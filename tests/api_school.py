"""A virtual school behind the real server: records in SQLite, readings in DuckDB, its clock at a Wednesday morning."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
from fastapi import FastAPI

from api.app import create_app
from api.context import Context, Rates
from api.server import ApiServer
from campus.indicators.facts import facts
from campus.inference import OCCUPIED, UNKNOWN, VACANT, Interval
from campus.live import BoardState, Live, RoomState
from campus.records import Records, open_records
from campus.records.inventory import Inventory
from campus.telemetry import GOOD, INVALID_WARMUP, Readings, SeriesKey, TelemetryStore
from campus.telemetry.stores import open_telemetry
from simulator.school import School

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
NOW = datetime(2026, 11, 18, 9, 30, tzinfo=ZONE).astimezone(UTC)
NOW_MS = int(NOW.timestamp() * 1000)
MONDAY = date(2026, 11, 16)
MINUTE = 60_000
DAY = 24 * 60 * MINUTE
SITE, STRANGER, TOKEN = "demo", "esp32-stranger", "local-token-of-this-run"


@dataclass(repr=False)
class Campus:
    """Everything a test needs of the running school. `room` has a measured week, `silent` has nothing."""

    app: FastAPI
    server: ApiServer
    records: Records
    telemetry: TelemetryStore
    live: Live
    password: str
    school: School
    room: str
    board: str
    silent: str

    @property
    def url(self) -> str:
        return self.server.url

    def client(self, **options) -> httpx.Client:
        """A stranger, who reads English unless its headers say another."""
        headers = httpx.Headers({"Accept-Language": "en"})
        headers.update(options.pop("headers", None))
        return httpx.Client(base_url=self.url, trust_env=False, timeout=20, headers=headers, **options)

    @contextmanager
    def person(self) -> Iterator[httpx.Client]:
        """A browser's client, signed in; it says where its writes come from, as browsers do."""
        with self.client(headers={"Origin": self.url}) as client:
            form = {"name": "admin", "password": self.password}
            client.post("/api/v1/sessions", json=form).raise_for_status()
            yield client

    def program(self) -> httpx.Client:
        """A program with the run's local token."""
        return self.client(headers={"Authorization": f"Bearer {TOKEN}"})


def midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=ZONE).timestamp() * 1000)


@contextmanager
def running(folder: Path, ready: bool = True, records_url: str = "sqlite") -> Iterator[Campus]:
    """The school, served on a free port."""
    school = School.make(seed=1, rooms=24, today=NOW.date(), site=SITE)
    live = Live()
    with open_records(records_url, folder, now=lambda: NOW) as records:
        telemetry = open_telemetry("duckdb", folder)
        try:
            password = records.ensure_admin()
            assert password
            records.import_inventory(Inventory.parse(school.inventory()))
            room, silent = school.rooms[0], school.rooms[1]
            fill(records, telemetry, room.id, room.board)
            records.saw_board(SITE, room.board, NOW, availability="online")
            records.saw_board(SITE, STRANGER, NOW - timedelta(minutes=1), availability="online")
            show(live, school)
            app = create_app(
                Context(
                    records=records,
                    telemetry=telemetry,
                    live=live,
                    health=lambda: {"ready": ready, "reasons": [] if ready else ["the broker is away"]},
                    now=lambda: NOW,
                    local_token=TOKEN,
                    version="0.1.0",
                    rates=Rates(10_000, 10_000, 10_000),  # what tests ask in a row is no flood
                )
            )
            server = ApiServer(app, "127.0.0.1", 0)
            server.start()
            try:
                yield Campus(
                    app, server, records, telemetry, live, password, school, room.id, room.board, silent.id
                )
            finally:
                server.stop()
        finally:
            telemetry.close()


def fill(records: Records, telemetry: TelemetryStore, room: str, board: str) -> None:
    """Monday to now: CO2 each minute with a hole and a warm-up, intervals with every outcome, their facts."""
    calendar = records.calendar(SITE)
    key, heat = SeriesKey(SITE, board, "co2_ppm"), SeriesKey(SITE, board, "temperature_c")
    readings = Readings(series=[key, heat])
    intervals: list[Interval] = []
    found = []
    for n in range(3):
        day = MONDAY + timedelta(days=n)
        start, end = midnight(day), min(midnight(day) + DAY, NOW_MS - 15 * MINUTE)
        intervals += _presence(calendar, room, day, start, end)
        for at in range(start, end, MINUTE):
            hour = (at - start) / DAY * 24
            if n == 1 and 13 <= hour < 14.5:
                continue  # a hole
            warm = n == 0 and hour < 0.1
            ppm = (
                430
                + 700 * math.exp(-(((hour - 9.5) / 1.6) ** 2))
                + 500 * math.exp(-(((hour - 15) / 1.4) ** 2))
            )
            for which, value in ((0, round(ppm)), (1, round(26 + 3 * math.sin(hour / 4), 1))):
                readings.which.append(which)
                readings.observed_at_ms.append(at)
                readings.value.append(None if warm else value)
                readings.quality.append(INVALID_WARMUP if warm else GOOD)
        slots = [slot for slot in calendar.slots(day) if slot.end <= NOW]
        found += facts(SITE, room, intervals, slots, calendar.scheduled(room, day))
    telemetry.write(1, readings)
    records.store_derivation(SITE, room, midnight(MONDAY), NOW_MS, intervals, found, [], NOW_MS - 15 * MINUTE)


def _presence(calendar, room: str, day: date, start: int, end: int) -> list[Interval]:
    """Held, except: the second lesson of a day is missed, the third is cut short, the fourth is not measured."""
    cuts, at = [], start
    planned = calendar.scheduled(room, day)
    lessons = [slot for slot in calendar.slots(day) if (slot.session, slot.period) in planned]
    for number, slot in enumerate(lessons):
        begin, over = int(slot.start.timestamp() * 1000), int(slot.end.timestamp() * 1000)
        state, until = OCCUPIED, over
        if number % 5 == 1:
            continue
        if number % 5 == 2:
            until = begin + 15 * MINUTE
        if number % 5 == 3:
            state = UNKNOWN
        cuts.append(Interval(at, begin, VACANT))
        cuts.append(Interval(begin, until, state))
        at = until
    evening = start + 19 * 60 * MINUTE
    cuts += [Interval(at, evening, VACANT), Interval(evening, evening + 40 * MINUTE, OCCUPIED)]
    cuts.append(Interval(evening + 40 * MINUTE, start + DAY, VACANT))
    return [
        Interval(one.start_ms, min(one.end_ms, end), one.state)
        for one in cuts
        if one.start_ms < min(one.end_ms, end)
    ]


def show(live: Live, school: School) -> None:
    """A morning's live state: most rooms in use, some empty, two not measured, one board lost, one figure old."""
    for number, room in enumerate(school.rooms):
        lost = number == 5
        live.set_board(BoardState(SITE, room.board, "lost" if lost else "online", NOW_MS, room.id, -61.0))
        if number in (1, 5):
            continue
        occupied = number % 3 != 2
        live.set_room(
            RoomState(
                SITE,
                room.id,
                occupied,
                NOW_MS - (27 + number) * MINUTE,
                NOW_MS if occupied else None,
                NOW_MS - (12 * MINUTE if number == 7 else 0),
                {"co2_ppm": 640.0 + 37 * number if occupied else 455.0, "temperature_c": 26.5 + number / 10},
            )
        )
    live.set_board(BoardState(SITE, STRANGER, "online", NOW_MS, None))


def items(client: httpx.Client, path: str, **query) -> list[dict]:
    """Every item of a list of the API, page by page."""
    found: list[dict] = []
    after: dict[str, str] = {}
    while True:
        answer = client.get(f"/api/v1/{path}", params=query | after)
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        if answer.json()["next"] is None:
            return found
        after = {"after": answer.json()["next"]}


def is_problem(answer: httpx.Response, status: int) -> dict:
    """Assert that an answer is a well-formed problem of this status; returns its body."""
    body = answer.json()
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["status"] == status
    assert body["title"] and body["type"]
    assert body["instance"].startswith("/")
    assert len(body["detail"]) > 20 and body["detail"].endswith("."), body
    assert "Traceback" not in answer.text
    return body
