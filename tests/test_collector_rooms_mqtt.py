"""What a real broker keeps of rooms: their states, after its own restart too, and nothing of rooms that are gone."""

import json
import sqlite3
import time
from contextlib import closing, contextmanager

import pytest
from api_school import NOW_MS, SITE
from api_school import running as school_running
from broker_client import Client, until
from servers import Mosquitto

from campus.errors import StoreError
from campus.live import Live, RoomState
from campus.records import open_records
from campus.records.inventory import Inventory
from campus.telemetry.stores import open_telemetry
from campus.wire.lifecycle import encode_birth
from campus.wire.server import room_topic
from campus.wire.telemetry import Telemetry, encode
from campus.wire.topics import board_topic
from collector.retained import PER_TURN, Retained
from collector.service import CollectorService

BOOT = "9f3a61c20000002a"
EVERYTHING = "campus/v1/+/room/+/state"


def inventory(*rooms):
    return {
        "site": {"id": "school", "name": "School", "tz": "Asia/Ho_Chi_Minh"},
        "room_types": [{"id": "classroom", "name_vi": "Phòng học", "name_en": "Classroom"}],
        "rooms": [{"id": id, "name": f"Phòng {id}", "room_type": "classroom"} for id in rooms],
        "boards": [{"id": f"board-{id}"} for id in rooms],
        "placements": [{"board": f"board-{id}", "room": id, "from": "2020-01-01"} for id in rooms],
    }


class Running:
    """A collector over `folder`, its records those of `rooms`. Its clock stands still, so that nothing is told twice
    by itself: each room is told when it is first looked at, and when something is heard of it."""

    def __init__(self, url, folder, *rooms, **options):
        folder.mkdir(exist_ok=True)
        self.now_ms = time.time_ns() // 1_000_000
        self.records = open_records("sqlite", folder)
        self.records.import_inventory(Inventory.model_validate(inventory(*rooms)))
        self.telemetry = open_telemetry("duckdb", folder)
        self.live = Live()
        self.service = CollectorService(
            url, folder, self.records, self.telemetry, self.live, lambda: self.now_ms, **options
        )

    def __enter__(self):
        self.service.start()
        return self

    def __exit__(self, *_):
        self.service.stop()
        self.telemetry.close()
        self.records.close()

    def ready(self):
        return self.service.health().ready

    def went_round(self, port):
        """Wait until its connection has been turned twice, so that whatever was to be sent has arrived."""
        with Client(port) as reader:
            reader.subscribe("test/turn")
            for _ in range(2):
                reader.heard.clear()
                assert until(lambda: self.service.link.publish("test/turn", b"x"), 30)
                assert until(lambda: reader.heard, 30)

    def told(self, port, *rooms):
        """What the broker holds once it has the states of these rooms, and all that was to be sent with them."""
        assert until(lambda: topics(*rooms) <= retained(port).keys(), 30)
        self.went_round(port)
        return retained(port)


def other_records(folder):
    """The next start finds other records, as after a restore."""
    for file in folder.glob("records.sqlite*"):
        file.unlink()


def retained(port, topic=EVERYTHING):
    """topic -> document of what the broker holds now."""
    with Client(port) as reader:
        reader.subscribe(topic)
        reader.subscribe("test/marker")
        reader.publish("test/marker")
        assert until(lambda: ("test/marker", "x") in reader.heard)
        # An empty one clears what was retained, and may come while somebody reads.
    held = {topic: text for topic, text in reader.heard if topic != "test/marker"}
    return {topic: json.loads(text) for topic, text in held.items() if text}


def topics(*rooms):
    return {room_topic("school", room) for room in rooms}


def restarted(folder, *rooms):
    """What a broker without persistence holds after its restart."""
    with (
        Mosquitto(folder / "broker", extra=("persistence false",)) as broker,
        Running(broker.url, folder / "data", "a", "b") as running,
    ):
        assert running.told(broker.port, "a", "b").keys() == topics("a", "b")
        broker.stop()
        assert until(lambda: not running.ready(), 30)
        broker.start()
        return running.told(broker.port, *rooms)


def test_every_room_is_told_at_the_start_and_to_a_broker_that_forgot(tmp_path):
    """Also rooms of which nothing was ever heard: not measured; and all again on the next connection."""
    held = restarted(tmp_path, "a", "b")
    assert held.keys() == topics("a", "b")
    for told in held.values():
        assert (told["v"], told["presence"], told["values"]) == (1, None, {})


def test_without_telling_again_a_restart_leaves_nothing(tmp_path, monkeypatch):
    """Control."""
    monkeypatch.setattr(Retained, "again", lambda self: None)
    assert restarted(tmp_path) == {}


def test_what_changes_while_the_broker_is_away_is_told_when_it_is_back(mosquitto, tmp_path):
    """Readers see no stale room."""
    with Running(mosquitto.url, tmp_path / "data", "a") as running:
        running.told(mosquitto.port, "a")
        mosquitto.stop()
        assert until(lambda: not running.ready(), 30)
        running.live.set_room(RoomState("school", "a", True, 1, None, 2, {}))
        mosquitto.start()
        running.went_round(mosquitto.port)
        assert retained(mosquitto.port)[room_topic("school", "a")]["presence"] is True


def gone_at_the_next_start(folder, between=lambda data: None):
    """What is held of rooms a and b, when b has become c while the collector was away."""
    data = folder / "data"
    with Mosquitto(folder / "broker") as broker:
        with Running(broker.url, data, "a", "b") as running:
            running.told(broker.port, "a", "b")
        other_records(data)
        between(data)
        with Running(broker.url, data, "a", "c") as running:
            held = running.told(broker.port, "a", "c").keys()
        assert json.loads((data / "retained.json").read_text()) == sorted(topics("a", "c"))
        return held


def test_a_room_that_left_the_records_is_cleared_at_the_next_start(tmp_path):
    """Another id is another room: the old one's state goes."""
    assert gone_at_the_next_start(tmp_path) == topics("a", "c")


def test_without_the_list_of_topics_it_would_stay(tmp_path):
    """Control."""
    held = gone_at_the_next_start(tmp_path, lambda data: (data / "retained.json").unlink())
    assert held == topics("a", "b", "c")


@pytest.mark.parametrize("text", ["", "{", "1", '["#", 5, "campus/v1/school/room/b/+"]', "null", "\udcff"])
def test_a_spoilt_list_stops_nothing(tmp_path, text):
    """The collector starts, tells its rooms, and writes the list anew."""
    held = gone_at_the_next_start(
        tmp_path, lambda data: (data / "retained.json").write_bytes(text.encode(errors="surrogateescape"))
    )
    assert held == topics("a", "b", "c")


def test_a_room_that_leaves_while_it_runs_is_cleared(mosquitto, tmp_path):
    """At the next refresh; the live state and its stream drop it too, and telemetry of its board changes nothing."""
    data = tmp_path / "data"
    with Running(mosquitto.url, data, "a", "b") as running:
        running.told(mosquitto.port, "a", "b")
        changes = []
        running.live.listen(changes.append)
        with closing(sqlite3.connect(data / "records.sqlite", timeout=10)) as database:
            for (table,) in list(database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")):
                columns = {row[1] for row in database.execute(f"PRAGMA table_info({table})")}
                if "room" in columns:
                    database.execute(f"DELETE FROM {table} WHERE room = 'b'")
            assert database.execute("DELETE FROM room WHERE id = 'b'").rowcount == 1
            database.commit()
        running.now_ms += 16_000  # when the records are looked at again
        assert until(lambda: retained(mosquitto.port).keys() == topics("a"), 30)
        assert until(lambda: ("reset", {"site": "school"}) in [(one.kind, one.body) for one in changes])
        running.service.offer(
            board_topic("school", "board-b", "telemetry"), sample(0, running.now_ms, co2_ppm=900)
        )
        assert until(lambda: running.service.settled(0))
        assert [state.room for state in running.live.rooms()] == ["a"]
        assert running.told(mosquitto.port, "a").keys() == topics("a")


def sample(seq, now_ms, **values):
    return encode(Telemetry(BOOT, seq, 0, now_ms, "ntp", list(values), [[0, 0, *values.values()]], None))


def room_events(lines):
    """Bodies of the `room` events of a stream, as they come."""
    kind = None
    for line in lines:
        if line.startswith("event: "):
            kind = line.removeprefix("event: ")
        elif line.startswith("data: ") and kind == "room":
            yield json.loads(line.removeprefix("data: "))


@contextmanager
def followed(campus, port):
    """Room events of the API's stream, and what gives the documents heard on the rooms' topics so far."""
    options = {"params": {"site": SITE}, "timeout": 30}
    with campus.program() as program, program.stream("GET", "/api/v1/live/events", **options) as answer:
        lines = answer.iter_lines()
        while next(lines) != "event: beat":  # it is open
            pass
        with Client(port) as reader:
            reader.subscribe(EVERYTHING)
            yield room_events(lines), lambda: [json.loads(text) for _, text in reader.heard]


def test_the_live_stream_and_the_rooms_topic_say_the_same(mosquitto, tmp_path):
    """Field by field and value by value, for every change of every room; a snapshot is what is retained."""
    with school_running(tmp_path) as campus:
        data = tmp_path / "collector"
        data.mkdir()
        service = CollectorService(
            mosquitto.url, data, campus.records, campus.telemetry, campus.live, lambda: NOW_MS
        )
        service.start()
        try:
            settled = service.announcements.retained
            assert until(lambda: service.health().ready and campus.live.rooms() and not settled.waiting, 60)
            service.offer(
                board_topic(SITE, campus.board, "birth"), encode_birth(BOOT, "1", "e", "p", "ntp", {})
            )
            with followed(campus, mosquitto.port) as (events, documents):
                before = len(documents())
                service.offer(
                    board_topic(SITE, campus.board, "telemetry"),
                    sample(0, NOW_MS, motion=1, co2_ppm=871.5, temperature_c=-0.5),
                )
                body = next(one for one in events if one["room"] == campus.room)
                assert body["values"]["co2_ppm"] == 871.5 and body["motion_at_ms"] == NOW_MS
                told = {"v": 1, **body}
                assert until(lambda: told in documents()[before:])
            held = retained(mosquitto.port)
            with campus.program() as program:
                rooms = program.get("/api/v1/live", params={"site": SITE}).json()["rooms"]
            assert len(held) >= 2
            by_topic = {room_topic(SITE, one["room"]): {"v": 1, **one} for one in rooms}
            assert held == {topic: by_topic[topic] for topic in held}
        finally:
            service.stop()


def test_what_is_refused_waits_and_only_the_newest_is_sent(tmp_path):
    """However often a room changes meanwhile it takes one place; a turn takes a bounded number."""
    kept, sent = Retained(tmp_path / "retained.json"), []
    wanted = {f"t/{n}" for n in range(PER_TURN + 1)}
    kept.keep(wanted)
    for version in (b"1", b"2"):
        for topic in wanted:
            kept.hold(topic, version)
    kept.hold("t/0", b"old", first=True)
    kept.hold("t/stranger", b"1")
    kept.send(lambda topic, payload: False)
    assert kept.waiting == len(wanted)
    kept.send(lambda *what: sent.append(what) or True)
    assert len(sent) == PER_TURN
    kept.send(lambda *what: sent.append(what) or True)
    assert sorted(sent) == sorted((topic, b"2") for topic in wanted) and kept.waiting == 0
    kept.hold("t/0", b"2")
    assert kept.waiting == 0


def test_nothing_is_published_that_is_not_written_down(tmp_path):
    """Else nobody would clear it. When the disk takes it again, all goes on."""
    folder, sent = tmp_path / "data", []
    kept = Retained(folder / "retained.json")
    with pytest.raises(StoreError, match=r"retained\.json"):
        kept.keep({"t/1"})
    kept.hold("t/1", b"1")
    assert kept.waiting == 0
    folder.mkdir()
    kept.keep({"t/1"})
    kept.hold("t/1", b"1")
    kept.keep(set())
    kept.send(lambda *what: sent.append(what) or True)
    assert sent == [("t/1", b"")]
    kept.keep({"t/1"})
    kept.hold("t/1", b"1", first=True)
    kept.send(lambda *what: sent.append(what) or True)
    assert sent[1:] == [("t/1", b"1")]
