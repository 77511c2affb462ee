"""`campus bench api` at a tiny size; its plan leaves no read out, and its load waits for no answer."""

import asyncio
import io
import json
import threading
import time
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

from cli import campus
from rich.console import Console

from api.app import create_app
from api.context import Context
from campus.calendar.months import month_of
from campus.cli.bench_api_load import run
from campus.cli.bench_api_plan import FILES, plan
from campus.cli.bench_api_school import fill
from campus.cli.bench_api_writes import written
from campus.cli.bench_indicators_school import SITE
from campus.indicators.sums import RoomSums
from campus.inference import ROOM
from campus.live import Live
from campus.records import open_records
from campus.records.remembered import numbers


def test_every_read_is_asked_and_every_reading_exported(tmp_path):
    """Each operation answers, and what comes out of an export is what is stored; kept data is used again."""
    words = (
        "--rooms",
        2,
        "--pieces",
        4,
        "--days",
        12,
        "--readings",
        3000,
        "--seconds",
        3,
        "--data",
        tmp_path / "kept",
    )
    done = campus("bench", "api", *words, "--json", cwd=tmp_path, timeout=600)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["load"]["failed"] == {} and told["load"]["asked"] == 150
    reads = {path for path, operations in openapi()["paths"].items() if "get" in operations}
    asked = {name.partition("?")[0] for name in told["operations"]} | set(told["load"]["not_asked"])
    assert {path for path in reads if not path.endswith(FILES)} == asked
    assert len(told["load"]["not_asked"]) < 15 and told["load"]["operations"] > 60
    assert all(0 < one["p50_ms"] <= one["p95_ms"] <= one["max_ms"] for one in told["operations"].values())
    for format in ("csv", "parquet"):
        assert told["exports"][f"readings {format}"]["rows"] == 3000
        assert told["exports"][f"facts {format}"]["rows"] > 100
    made = (tmp_path / "kept" / "records.sqlite").stat().st_ino
    again = campus("bench", "api", *words, "--json", cwd=tmp_path, timeout=600)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "kept" / "records.sqlite").stat().st_ino == made
    assert "Facts" not in again.stderr


def test_facts_are_written_meanwhile_and_are_as_before_afterwards(tmp_path):
    """Else a school at rest would be measured: the number of the month moves, and with 0 it does not."""
    console = Console(file=io.StringIO())
    today = fill(tmp_path, 2, 4, 12, 1000, console).today
    with open_records("sqlite", tmp_path) as records:

        def told():
            spans = SITE, today, today + timedelta(days=1)
            return records.facts(SITE, None, *spans[1:]), records.total(RoomSums, ROOM, *spans)

        def number():
            with records._database.read() as session:
                return numbers(session, SITE)[month_of(today)]

        before, first = told(), number()
        with written(records, today, 0):
            time.sleep(0.1)
        assert number() == first
        with written(records, today, 50):
            deadline = time.monotonic() + 30
            while told() == before and time.monotonic() < deadline:
                time.sleep(0.02)
            assert told()[1].occupied_ms < before[1].occupied_ms
        assert number() > first and told() == before


def openapi():
    context = Context(records=None, telemetry=None, live=Live(), health=dict, now=None)
    return create_app(context).openapi()


def test_an_operation_of_which_there_is_nothing_is_named():
    """The address is taken from the list before it; an empty list leaves nothing to ask."""
    paths = {"/api/v1/sites/{site}/things": {"get": {}}, "/api/v1/sites/{site}/things/{id}": {"get": {}}}
    found, left_out = plan({"paths": paths}, lambda address: {"items": [{"id": "a b"}]}, date(2026, 3, 4))
    assert (
        found["/api/v1/sites/{site}/things/{id}"] == ["/api/v1/sites/bench/things/a%20b"] and left_out == []
    )
    found, left_out = plan({"paths": paths}, lambda address: {"items": []}, date(2026, 3, 4))
    assert left_out == ["/api/v1/sites/{site}/things/{id}"] and list(found) == ["/api/v1/sites/{site}/things"]


class Slow(BaseHTTPRequestHandler):
    """Answers one request at a time, each after a fifth of a second."""

    def do_GET(self):
        time.sleep(0.2)
        self.send_response(404 if "gone" in self.path else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


def test_a_latency_counts_from_the_planned_moment():
    """A server that is too slow shows it: ten requests in a second, of 0.2 s each, queue up; a failure is told."""
    server = HTTPServer(("127.0.0.1", 0), Slow)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        told = {"url": f"http://127.0.0.1:{server.server_port}", "token": "x", "rate": 10, "seconds": 1}
        found = asyncio.run(run(told | {"plan": {"a": ["/a"], "b": ["/gone"]}}))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    took = found["latencies_ms"]["a"] + found["latencies_ms"]["b"]
    assert len(took) == 10 and max(took) > 900  # one after the other they would take 200 each
    assert list(found["failed"]) == ["b"] and found["failed"]["b"].startswith("404 at /gone")
    assert found["bytes"] == {"a": 2, "b": 2}
