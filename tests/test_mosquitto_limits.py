"""The mosquitto that `campus up` runs: neither a stranger nor a board can fill its memory."""

import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from managed_broker import OWN, connect, enrol, make_keys, place, running

from collector import mosquitto as module
from collector.address import BrokerAddress
from collector.installed import processes
from collector.mosquitto import ManagedMosquitto

pytestmark = pytest.mark.mosquitto


@pytest.fixture(scope="module")
def _keys(tmp_path_factory) -> Path:
    return make_keys(tmp_path_factory.mktemp("keys") / "broker")


@pytest.fixture
def folder(_keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return place(_keys, tmp_path / "broker", monkeypatch)


@pytest.fixture
def broker(folder: Path):
    """A mosquitto with this folder, running."""
    with running(folder) as managed:
        yield managed


@contextmanager
def without(folder: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> Iterator[ManagedMosquitto]:
    """A broker whose configuration lacks these lines."""
    whole = module.configuration

    def fewer(*told) -> str:
        lines = whole(*told).splitlines()
        return "\n".join(line for line in lines if not line.startswith(options)) + "\n"

    monkeypatch.setattr(module, "configuration", fewer)
    with running(folder) as managed:
        yield managed


def taken_of_a_stranger(managed: ManagedMosquitto) -> int:
    """How much of one packet of 200 MB mosquitto takes from a client that never signed in; bytes, at most 8 MiB."""
    context = ssl.create_default_context(cadata=managed.authority.ca_pem())
    with (
        socket.create_connection(("127.0.0.1", managed.setup.port), 10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        sent = 0
        try:
            secure.sendall(b"\x10\xff\xff\xff\x5f")  # CONNECT
            while sent < 8 * 2**20:
                secure.sendall(bytes(2**16))
                sent += 2**16
                time.sleep(0.005)
        except OSError:
            pass
        return sent


def test_a_stranger_cannot_fill_the_memory(broker: ManagedMosquitto):
    """Who has not signed in is cut off at the first sign of a packet that no board sends."""
    assert taken_of_a_stranger(broker) < 4 * 2**20


def test_without_a_limit_it_can(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Control: mosquitto by itself takes all of it."""
    with without(folder, monkeypatch, "max_packet_size") as managed:
        assert taken_of_a_stranger(managed) == 8 * 2**20


def kept_for_an_absent_collector(managed: ManagedMosquitto) -> int:
    """How many MiB of one board's largest messages wait for a collector that is away; 160 are sent."""
    address = BrokerAddress.parse(managed.url())
    absent = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "collector", clean_session=False)
    absent.username_pw_set(address.user, address.password)
    absent.connect("127.0.0.1", managed.port)
    subscribed = threading.Event()
    absent.on_subscribe = lambda *_: subscribed.set()
    absent.subscribe("campus/#", 1)
    absent.loop_start()
    assert subscribed.wait(30)
    absent.disconnect()
    absent.loop_stop()
    with connect(managed, "esp32-1", *enrol(managed, "esp32-1").values()) as board:
        for _ in range(160 * 8):
            board._client.publish(f"{OWN}/telemetry", "x" * 2**17, 1)
        board.publish(f"{OWN}/birth", "last")
    (process,) = processes(managed.folder / "mosquitto.conf")
    resident = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    assert resident is not None
    return int(resident[1]) // 1024


def test_a_board_cannot_fill_the_memory(broker: ManagedMosquitto):
    """While the collector is away what waits for it is bounded in bytes, not in messages alone."""
    assert kept_for_an_absent_collector(broker) < 155


def test_without_that_bound_it_can(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Control: all of it is kept."""
    with without(folder, monkeypatch, "max_queued_bytes", "max_inflight_bytes") as managed:
        assert kept_for_an_absent_collector(managed) > 160
