"""The live stream over a real server: nothing missed, nothing leaked, nothing that keeps the server from stopping."""

import asyncio
import json
import socket
import threading
import time
from contextlib import contextmanager

import httpx
import pytest
from api_school import NOW_MS, SITE, running

from api.app import create_app
from api.server import ApiServer
from api.streams import QUEUE, Streams, Subscriber
from campus.live import Change, Live, RoomState


@pytest.fixture
def campus(tmp_path):
    with running(tmp_path) as campus:
        yield campus


@contextmanager
def stream(campus, client=None, site=SITE):
    """An iterator of (event, body), after the stream has said that it is open."""
    with client or campus.program() as program:
        options = {"params": {"site": site}, "timeout": httpx.Timeout(10)}
        with program.stream("GET", "/api/v1/live/events", **options) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            events = parse(answer.iter_lines())
            assert next(events)[0] == "beat"
            yield events


def parse(lines):
    kind = None
    for line in lines:
        if line.startswith("event: "):
            kind = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield kind, json.loads(line.removeprefix("data: "))


def state(room, ppm, site=SITE):
    return RoomState(site, room, True, NOW_MS, NOW_MS, NOW_MS, {"co2_ppm": float(ppm)})


def listeners(campus):
    return len(campus.live._listeners)


def until(true):
    """Wait for a condition of another thread; the test fails, not hangs, without it."""
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_change_arrives_as_it_happens(campus):
    """Room, board and progress events in order, with the whole new state; other sites stay away."""
    with stream(campus) as events:
        campus.live.set_room(state("a-101", 700, site="elsewhere"))
        campus.live.set_room(state("a-101", 701))
        campus.live.set_room(state("a-101", 701))  # no change, no event
        campus.live.set_progress("history", 1, 4)
        campus.live.set_room(state("a-102", 702))
        kind, body = next(events)
        assert (kind, body["room"], body["values"]) == ("room", "a-101", {"co2_ppm": 701.0})
        assert next(events) == ("progress", {"task": "history", "done": 1, "total": 4, "note": ""})
        assert next(events)[1]["room"] == "a-102"


def test_a_stream_begins_with_how_soon_to_come_back(campus):
    """`retry:` and a heartbeat comment are the first things said."""
    with campus.program() as program, program.stream("GET", "/api/v1/live/events") as answer:
        lines = answer.iter_lines()
        assert [next(lines) for _ in range(3)] == ["retry: 3000", "", ": heartbeat"]


def test_a_heartbeat_comes_while_nothing_happens(campus):
    """So that proxies keep the connection and pages know that it lives."""
    campus.app.state.streams.heartbeat = 0.05
    with stream(campus) as events:
        assert [next(events)[0] for _ in range(3)] == ["beat"] * 3


@pytest.mark.parametrize("leaving", [True, False])
def test_a_reader_who_leaves_is_forgotten(campus, monkeypatch, leaving):
    """Many come and go; no listener stays. The control: when leaving does nothing, each of them stays."""
    if not leaving:
        join = Streams.join
        monkeypatch.setattr(Streams, "join", lambda self, wanted: (join(self, wanted)[0], lambda: None))
    streams = campus.app.state.streams
    assert listeners(campus) == 0
    for _ in range(10):
        with stream(campus):
            assert listeners(campus) >= 1
        if leaving:
            until(lambda: listeners(campus) == 0)
    assert (listeners(campus), len(streams)) == ((0, 0) if leaving else (10, 10))


def test_a_reader_who_only_hangs_up_is_forgotten(campus):
    """A connection that is cut in the middle leaves no listener either."""
    raw = socket.create_connection(("127.0.0.1", campus.server.port))
    raw.sendall(
        b"GET /api/v1/live/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        b"Authorization: Bearer local-token-of-this-run\r\n\r\n"
    )
    until(lambda: listeners(campus) == 1)
    raw.close()
    until(lambda: listeners(campus) == 0)


def test_a_stream_ends_when_its_session_ends(campus):
    """Signing out elsewhere stops the events at the next heartbeat."""
    campus.app.state.streams.heartbeat = 0.05
    with campus.client(headers={"Origin": campus.url}) as browser:
        browser.post("/api/v1/sessions", json={"name": "admin", "password": campus.password})
        cookies = dict(browser.cookies)
        with stream(campus, campus.client(cookies=cookies)) as events:
            assert next(events)[0] == "beat"
            browser.delete("/api/v1/sessions/current").raise_for_status()
            assert {kind for kind, _ in events} <= {"beat"}  # and comes to an end


def test_streams_are_limited(campus):
    """One more than the limit is a 503, and a place that is left is free again."""
    campus.app.state.streams.limit = 1
    with stream(campus), campus.program() as program:
        answer = program.get("/api/v1/live/events")
        assert answer.status_code == 503 and answer.headers["retry-after"]
    until(lambda: listeners(campus) == 0)
    with stream(campus):
        assert listeners(campus) == 1


def test_a_reader_who_cannot_follow_gets_one_reset():
    """The queue is bounded: past it everything is dropped and the page reads the snapshot again; then it goes on."""

    async def scene():
        subscriber = Subscriber(asyncio.get_running_loop(), lambda change: True)
        writer = threading.Thread(
            target=lambda: [subscriber.offer(Change("room", {"n": n})) for n in range(QUEUE * 20)]
        )
        writer.start()
        writer.join()
        assert len(subscriber._changes) <= QUEUE
        first = await subscriber.take(5)
        subscriber.offer(Change("room", {"n": "after"}))
        second = await subscriber.take(5)
        for n in range(QUEUE):
            subscriber.offer(Change("room", {"n": n}))
        third = await subscriber.take(5)
        return [list(parse(one.decode().splitlines())) for one in (first, second, third)]

    first, second, third = asyncio.run(scene())
    assert first == [("reset", {})]
    assert second == [("room", {"n": "after"})]
    assert [body["n"] for _, body in third] == list(range(QUEUE))


def test_a_writer_is_not_stopped_by_a_closed_server():
    """The collector's thread may still offer changes when the loop is gone."""

    async def make():
        return Subscriber(asyncio.get_running_loop(), lambda change: True)

    subscriber = asyncio.run(make())
    subscriber.offer(Change("room", {}))
    assert subscriber.ended


@pytest.mark.parametrize("closing", [True, False])
def test_the_server_stops_with_streams_open(campus, monkeypatch, closing):
    """Open streams end at once, cleanly. The control: without Streams.close they are still open when it gives up."""
    server = ApiServer(create_app(campus.app.state.context), "127.0.0.1", 0)
    if not closing:
        monkeypatch.setattr(Streams, "close", lambda self: None)
        server.config.timeout_graceful_shutdown = 1
    server.start()
    headers = {"Authorization": "Bearer local-token-of-this-run"}
    with (
        httpx.Client(base_url=server.url, headers=headers, trust_env=False) as program,
        program.stream("GET", "/api/v1/live/events", timeout=20) as answer,
    ):
        lines = answer.iter_lines()
        assert next(lines) == "retry: 3000"
        server.stop(timeout=20)
        if closing:
            assert [line for line in lines if line.startswith("event: ")] == ["event: beat"]
        else:
            with pytest.raises(httpx.RemoteProtocolError):
                list(lines)
    assert not server._thread.is_alive()


def test_an_empty_live_state_streams_nothing():
    """A listener hears only real changes."""
    live, heard = Live(), []
    remove = live.listen(heard.append)
    live.set_room(state("a-101", 500))
    live.set_room(state("a-101", 500))
    remove()
    live.set_room(state("a-101", 501))
    assert len(heard) == 1
