"""Ten thousand messages, most of them wrong, through a real broker: the collector takes what is right and goes on."""

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import fuzzing
import paho.mqtt.client as mqtt
import pytest
from fuzzing import Fuzzed, payloads, reaches
from processes import finish, launch

from campus.live import Live
from campus.records import open_records
from campus.telemetry.stores import open_telemetry
from campus.wire import server
from campus.wire.causes import CAUSES
from campus.wire.errors import WireError
from campus.wire.lifecycle import encode_availability
from campus.wire.topics import board_topic
from collector import ingest, intake, service
from collector.dead_letters import MAX_DEAD_LETTERS
from collector.journal_view import rejected

PROGRAM = Path(__file__).with_name("collector_process.py")
DECODERS = {
    "telemetry": server.decode_telemetry,
    "birth": server.decode_birth,
    "availability": server.decode_availability,
    "reply": server.decode_reply,
    "config/reported": server.decode_reported,
}


class Process:
    """A collector in a process of its own; `health` is what it last said of itself."""

    def __init__(self, url: str, data: Path) -> None:
        self.health: dict = {}
        self.unready: list[str] = []
        command = [sys.executable, str(PROGRAM), url, str(data)]
        self._process = launch(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout:
            told = json.loads(line)
            if self.health.get("ready") and not told["ready"]:
                self.unready += told["reasons"]
            self.health = told

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        self._process.stdin.close()
        try:
            assert self._process.wait(60) == 0
        finally:
            finish(self._process)


class Within:
    """The same within this process, so that a defect can be put back."""

    running, unready = True, ()

    def __init__(self, url: str, data: Path) -> None:
        self._records = open_records("sqlite", data)
        self._telemetry = open_telemetry("duckdb", data)
        self._service = service.CollectorService(url, data, self._records, self._telemetry, Live())
        self._service.start()

    @property
    def health(self) -> dict:
        told = self._service.health()
        return {"ready": told.ready, **told.counters}

    def stop(self) -> None:
        self._service.stop()
        self._telemetry.close()
        self._records.close()


def wait(collector, wanted, patience_s: float, what: str) -> None:
    """Until the health is as wanted; fails when nothing was taken in for `patience_s`."""
    seen, moved = -1, time.monotonic()
    while not (collector.health and wanted(collector.health)):
        assert collector.running, "the collector ended"
        taken, now = collector.health.get("messages_received", -1), time.monotonic()
        if taken != seen:
            seen, moved = taken, now
        assert now - moved < patience_s, f"{what}: {seen} messages were taken"
        time.sleep(0.05)


class Sender:
    """The boards' connection, QoS 1."""

    def __init__(self, port: int) -> None:
        self._answered = threading.Semaphore(0)
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "the-boards")
        self._client.max_inflight_messages_set(500)
        self._client.on_publish = lambda *_: self._answered.release()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def send(self, messages) -> None:
        """Until the broker has taken each of them."""
        sent = 0
        for n, (topic, payload, *_) in enumerate(messages):
            self._client.publish(topic, payload, 1, retain=n % fuzzing.RETAINED_EVERY == 1)
            sent += 1
        for _ in range(sent):
            assert self._answered.acquire(timeout=60), "the broker takes no more"

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def run(collector, mosquitto, data: Path, messages: list[Fuzzed], patience_s: float = 60) -> Counter[str]:
    """Send them all, and check what is promised; returns the dead letters by cause."""
    wanted = {(board, seq) for board, _, seq in (each.key for each in messages if each.key)}
    wrong = [each for each in messages if not each.valid and reaches(each.topic)]
    sender = Sender(mosquitto.port)
    try:
        probe = (board_topic("school", "probe", "availability"), encode_availability("9f3a61c2", "online"))
        while not collector.health.get("messages_received"):  # it has subscribed when one arrives
            assert collector.running
            sender.send([probe])
            time.sleep(0.1)
        sender.send(messages)
        wait(
            collector,
            lambda h: (
                h["records_stored"] + h["dead_letters"] >= len(wanted) + len(wrong)
                and not h["queued"]
                and not h["batches_behind"]
            ),
            patience_s,
            f"of {sum(reaches(each.topic) for each in messages)}",
        )
        health = collector.health
        assert health["ready"] and not collector.unready, collector.unready
        assert health["queue_dropped"] == health["refused"] == health["limited"] == 0
    finally:
        sender.close()
        collector.stop()
    assert stored(data) == dict.fromkeys(wanted, 1)
    counts, letters = rejected(data, 10 * MAX_DEAD_LETTERS)
    assert sum(counts.values()) == len(wrong) == health["dead_letters"]
    assert len(letters) == min(MAX_DEAD_LETTERS, len(wrong))
    assert [each.topic for each in letters[:100]] == [each.topic[:512] for each in wrong[:-101:-1]], (
        "the newest are kept"
    )
    return Counter(counts)


def stored(data: Path) -> Counter:
    """How often each (board, seq) is in the store."""
    store = open_telemetry("duckdb", data)
    try:
        rows = (row for chunk in store.rows(None, None, None, None) for row in chunk)
        return Counter((row.board, int(row.value)) for row in rows if row.point == "uptime_s")
    finally:
        store.close()


def test_ten_thousand_messages_most_of_them_wrong(mosquitto, tmp_path):
    """No crash, no stall: every valid record once, every invalid message counted by its cause, ready all along."""
    messages = list(payloads(1, 10_000))
    counts = run(Process(mosquitto.url, tmp_path / "data"), mosquitto, tmp_path / "data", messages)
    assert set(counts) == set(CAUSES), "every cause is met, and no fault of ours"


def test_the_same_run_fails_where_one_shape_is_not_expected(mosquitto, tmp_path, monkeypatch):
    """The control: a decoder raises what is no WireError, and neither the intake nor the step around expects it."""

    def decode(payload):
        if b"ghost_point" in payload:
            raise KeyError("ghost_point")
        return server.decode_telemetry(payload)

    def let_through(*_):
        raise

    monkeypatch.setattr(intake, "decode_telemetry", decode)
    monkeypatch.setattr(intake.log, "exception", let_through)
    monkeypatch.setattr(
        ingest.Collector, "_prepare", lambda self, taken: (taken, self._intake.prepare(taken), {})
    )
    with pytest.raises(AssertionError, match="messages were taken"):
        run(Within(mosquitto.url, tmp_path), mosquitto, tmp_path, list(payloads(2, 1_000)), patience_s=12)


def test_what_is_called_valid_is_what_the_contract_takes():
    """How a message was made says the same of it as the decoders do, and the seed decides alone."""
    messages = list(payloads(3, 20_000))
    assert messages == list(payloads(3, 20_000)) != list(payloads(4, 20_000))
    assert [each for each in messages if takes(each) != each.valid] == []
    keys = [each.key for each in messages if each.key]
    assert len(keys) == len(set(keys)) and 5_000 < len(keys) < 15_000


def takes(message: Fuzzed) -> bool:
    try:
        topic = server.parse(message.topic)
        if topic.kind != "board" or topic.leaf not in DECODERS:
            return False
        DECODERS[topic.leaf](message.payload)
        return True
    except WireError:
        return False
