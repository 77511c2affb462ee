"""The running collector and a real broker: connections that break, brokers that refuse, journals that fail."""

import socket
import subprocess
import threading
import time

import paho.mqtt.client as mqtt
import pytest
from servers import Mosquitto

from campus.errors import CampusError, StoreError, UsageError
from campus.live import Live
from campus.records import open_records
from campus.records.inventory import Inventory
from campus.telemetry.stores import open_telemetry
from campus.wire.lifecycle import decode_committed, encode_birth
from campus.wire.server import decode_availability, service_topic
from campus.wire.telemetry import Telemetry, encode
from campus.wire.topics import board_topic
from collector.address import BrokerAddress
from collector.broker import EmbeddedBroker
from collector.link import BrokerLink
from collector.service import CollectorService

BOOT = "9f3a61c20000002a"
TOPIC = board_topic("school", "board-1", "telemetry")
BIRTH = encode_birth(BOOT, "1", "esp32", "power_on", "ntp", {})
INVENTORY = {"site": {"id": "school", "name": "School", "tz": "Asia/Ho_Chi_Minh"}}


def sample(seq):
    at = time.time_ns() // 1_000_000 - 30_000
    return encode(Telemetry(BOOT, seq, 0, at, "ntp", ["co2_ppm"], [[0, 0, 400 + seq % 1000]], None))


def until(holds, timeout_s=30.0):
    """Wait for something that the test has caused; it fails when that does not come."""
    end = time.monotonic() + timeout_s
    while not (found := holds()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)
    return found


class Running:
    """A collector service over stores in `folder`; `readings()` counts what is stored."""

    def __init__(self, url, folder, **options):
        self.records = open_records("sqlite", folder)
        self.records.import_inventory(Inventory.model_validate(INVENTORY))
        self.telemetry = open_telemetry("duckdb", folder)
        self.live = Live()
        self.service = CollectorService(url, folder, self.records, self.telemetry, self.live, **options)

    def __enter__(self):
        self.service.start()
        return self

    def __exit__(self, *_):
        self.service.stop()
        self.telemetry.close()
        self.records.close()

    def readings(self):
        return sum(len(chunk) for chunk in self.telemetry.rows(None, None, None, None))

    def ready(self):
        return self.service.health().ready


class Boards:
    """A client that publishes as boards do, and hears what comes back."""

    def __init__(self, port, user=None):
        self.heard = []
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self.client.max_queued_messages_set(0)
        if user:
            self.client.username_pw_set(*user)
        self.client.on_message = lambda c, u, m: self.heard.append((m.topic, m.payload))
        self.client.on_connect = lambda c, u, f, rc, p: c.subscribe("campus/v1/#", 1)
        self.client.reconnect_delay_set(1, 1)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def send(self, payload, topic=TOPIC, retain=False):
        return self.client.publish(topic, payload, 1, retain)

    def said(self, topic):
        return [payload for heard, payload in list(self.heard) if heard == topic]

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def boards(mosquitto):
    made = Boards(mosquitto.port)
    yield made
    made.close()


def test_a_board_hears_committed_and_the_collector_says_that_it_is_there(mosquitto, boards, tmp_path):
    """Telemetry in, `committed` out; availability is retained: online, and offline after a stop."""
    here = service_topic("school", "collector")
    with Running(mosquitto.url, tmp_path) as running:
        until(running.ready)
        boards.send(
            encode_birth(BOOT, "1", "esp32", "power_on", "ntp", {}),
            board_topic("school", "board-1", "birth"),
            True,
        )
        for seq in range(50):
            boards.send(sample(seq))
        committed = board_topic("school", "board-1", "committed")
        until(lambda: boards.said(committed) and decode_committed(boards.said(committed)[-1]).seq == 49)
        until(lambda: running.readings() == 50)
        assert len(boards.said(committed)) <= 3
        assert running.live.board("school", "board-1").availability == "online"
        assert decode_availability(until(lambda: boards.said(here))[-1]).state == "online"
    until(lambda: decode_availability(boards.said(here)[-1]).state == "offline")


def test_a_broker_restart_loses_nothing(mosquitto, boards, tmp_path):
    """The collector says that it is not ready, comes back by itself, and every record is stored once."""
    with Running(mosquitto.url, tmp_path) as running:
        until(running.ready)
        for seq in range(600):
            boards.send(sample(seq))
        mosquitto.stop()
        until(lambda: not running.ready())
        assert str(mosquitto.port) in running.service.health().reasons[0]
        last = [boards.send(sample(seq)) for seq in range(600, 900)][-1]
        mosquitto.start()
        until(running.ready)
        last.wait_for_publish(30)
        until(lambda: running.readings() >= 900)
        assert running.readings() == 900
        assert running.service.health().counters["connections"] == 2


def test_what_is_offered_in_process_goes_the_same_way(tmp_path):
    """Without a broker at all: journal, store, and done when it says so."""
    with Running(None, tmp_path) as running:
        for seq in range(3000):
            running.service.offer(TOPIC, sample(seq))
        until(lambda: running.service.settled(0))
        assert running.readings() == 3000 and running.ready()


def test_while_the_journal_fails_the_broker_keeps_the_messages(mosquitto, boards, tmp_path):
    """No more than the queue holds come in, none is acknowledged, health says why; then all are stored once."""
    with Running(mosquitto.url, tmp_path, capacity=100) as running:
        until(running.ready)
        for seq in range(200):
            boards.send(sample(seq))
        until(lambda: running.readings() == 200)
        free, journal = [0], running.service.pipeline.journal
        journal._free_bytes = lambda folder: free[0]
        for seq in range(200, 1500):
            boards.send(sample(seq))
        until(lambda: "full" in " ".join(running.service.health().reasons))
        until(lambda: running.service.collector.queued >= 100)
        time.sleep(0.3)  # whatever else the broker would send
        assert running.service.collector.queued <= 200
        counters = running.service.health().counters
        assert counters["messages_received"] == 200 and counters["queue_dropped"] == 0
        assert counters["connections"] == 1
        free[0] = 1 << 40
        until(lambda: running.readings() >= 1500)
        until(running.ready)
        assert running.readings() == 1500


def test_while_the_store_is_away_boards_are_answered(mosquitto, boards, tmp_path, monkeypatch):
    """The journal carries it, health says not ready, and everything is written when the store is back."""
    with Running(mosquitto.url, tmp_path) as running:
        until(running.ready)

        def away(*batch):
            raise StoreError("The store is away.")

        monkeypatch.setattr(running.telemetry, "write", away)
        for seq in range(200):
            boards.send(sample(seq))
        committed = board_topic("school", "board-1", "committed")
        until(lambda: boards.said(committed) and decode_committed(boards.said(committed)[-1]).seq == 199)
        until(lambda: "The store is away." in running.service.health().reasons)
        assert running.readings() == 0
        monkeypatch.undo()
        until(running.ready)
        until(lambda: running.readings() >= 200)
        assert running.readings() == 200


def test_acknowledgements_go_out_on_the_connection_of_their_message_only(mosquitto, boards):
    """After a reconnect the old packet ids mean other messages: they are not acknowledged, all come again."""
    taken = []
    link = BrokerLink(
        mosquitto.url,
        "one-collector",
        [TOPIC],
        lambda *message: taken.append(message) or True,
        time.monotonic,
    )
    until(lambda: link.turn(0.01) or link.connected)
    link.turn(0.2)
    for seq in range(5):
        boards.send(sample(seq))
    until(lambda: link.turn(0.01) is not None and len(taken) == 5)
    old = [message[3] for message in taken]
    mosquitto.restart()
    until(lambda: link.turn(0.01) is not None and link.connected and link.generation == 2)
    assert link.acknowledge(old) == 0
    until(lambda: link.turn(0.01) is not None and len(taken) == 10)
    assert [message[1] for message in taken[5:]] == [message[1] for message in taken[:5]]
    assert link.acknowledge([message[3] for message in taken[5:]]) == 5
    link.turn(0.1)
    link.close()


def test_the_embedded_broker_serves_the_collector_too(tmp_path):
    """amqtt knows MQTT 3.1.1 only: the link falls back to it by itself."""
    broker = EmbeddedBroker(bytes(32))
    broker.start()
    boards = Boards(broker.port, broker.credential("board-1"))
    try:
        with Running(broker.url(), tmp_path) as running:
            until(running.ready)
            for seq in range(100):
                boards.send(sample(seq))
            until(lambda: running.readings() == 100)
    finally:
        boards.close()
        broker.stop()


def test_a_refused_password_is_named_as_the_reason(tmp_path):
    """Health says what the broker said, without the password."""
    with Mosquitto(tmp_path / "broker", users={"collector": "right"}) as broker:
        with Running(broker.url_of("collector", "wrong-one"), tmp_path / "data") as running:
            reasons = until(
                lambda: [r for r in running.service.health().reasons if "refused" in r or "allow" in r]
            )
            assert "user" in reasons[0] and "wrong-one" not in reasons[0]
        with Running(broker.url, tmp_path / "data") as running:
            until(running.ready)


def test_a_broker_that_is_none_is_told_apart(free_port, tmp_path):
    """No host, no answer, or something else on the port: one sentence each, and the collector goes on trying."""
    with pytest.raises(CampusError, match="There is no host 'nowhere"):
        BrokerAddress.parse("mqtt://nowhere.invalid").probe()
    with pytest.raises(CampusError, match="is the broker running"):
        BrokerAddress.parse(f"mqtt://127.0.0.1:{free_port()}").probe()
    other = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_babble, args=(other,), daemon=True).start()
    with Running(f"mqtt://127.0.0.1:{other.getsockname()[1]}", tmp_path) as running:
        until(
            lambda: any("MQTT" in reason or "lost" in reason for reason in running.service.health().reasons)
        )
        assert not running.ready()
    other.close()


def _babble(server):
    try:
        while True:
            connection, _ = server.accept()
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.close()
    except OSError:
        pass


@pytest.mark.parametrize(
    "url",
    ["http://host", "host:1883", "mqtt://", "mqtt://host:0", "mqtt://host:99999", "mqtt://u:secret@host/path", "mqtts://h?ca=/none"],
)  # fmt: skip
def test_a_wrong_url_is_refused_in_one_sentence(url):
    """It says how to write it, and repeats no password."""
    with pytest.raises(UsageError) as refused:
        BrokerAddress.parse(url)
    assert "secret" not in str(refused.value) and str(refused.value).endswith(".")


def test_tls_checks_the_certificate(tmp_path):
    """mqtts:// connects with the right authority, and refuses an unknown one with a sentence."""
    for name in ("ours", "other"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
             "-keyout", tmp_path / f"{name}.key", "-out", tmp_path / f"{name}.pem"],
            check=True, capture_output=True,
        )  # fmt: skip
    extra = (f"certfile {tmp_path}/ours.pem", f"keyfile {tmp_path}/ours.key")
    with Mosquitto(tmp_path / "broker", extra=extra) as broker:
        url = f"mqtts://127.0.0.1:{broker.port}?ca={tmp_path}/"
        with pytest.raises(CampusError, match="not trusted"):
            BrokerAddress.parse(url + "other.pem").probe()
        with Running(url + "ours.pem", tmp_path / "data") as running:
            until(running.ready)
        with Running(url + "other.pem", tmp_path / "data") as running:
            until(lambda: any("not trusted" in reason for reason in running.service.health().reasons))


def test_a_full_queue_stands_a_reconnect():
    """Messages that come in one piece with the broker's answer wait, and the connection is kept."""
    server = socket.create_server(("127.0.0.1", 0))
    topic, room, taken = TOPIC.encode(), [0], []
    message = b"\x32" + bytes([len(topic) + 5, 0, len(topic)]) + topic + b"\0\1x"  # QoS 1, packet 1

    def answer():
        connection, _ = server.accept()
        connection.recv(1000)
        connection.sendall(b"\x20\2\1\0" + message * 3)

    threading.Thread(target=answer, daemon=True).start()

    def take(*message):
        if room[0] > 0:
            room[0] -= 1
            taken.append(message)
            return True
        return False

    url = f"mqtt://127.0.0.1:{server.getsockname()[1]}?protocol=3.1.1"
    link = BrokerLink(url, "collector", [TOPIC], take, time.monotonic, room=lambda: room[0])
    until(lambda: link.turn(0.01) is not None and link.connected)
    for _ in range(5):
        link.turn(0.01)
    assert link.connected and link.problem is None and not taken
    room[0] = 2
    until(lambda: link.turn(0.01) is not None and len(taken) == 2)
    assert link.connected and link.connections == 1
    link.close()
    server.close()
