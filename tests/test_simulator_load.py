"""The load generator of the benchmark: valid, gapless telemetry at a small cost."""

import json
import subprocess
import sys
import threading
from itertools import islice

import paho.mqtt.client as paho
import pytest

from campus.errors import CampusError, UsageError
from campus.wire.points import plausible
from campus.wire.server import parse, seqs
from campus.wire.telemetry import BOARD_BYTES, decode
from simulator.load import COLUMNS, load, packets


@pytest.mark.parametrize("rows", [1, 20])
def test_packets_carry_valid_telemetry_without_a_gap(rows):
    """Every payload decodes; each board counts from 0 without a gap, and its time rises."""
    boards: dict[str, list] = {}
    for head, payload in islice(packets("bench", 3, rows, "0123456789abcdef", 1_795_000_000_000, 1000), 300):
        whole = head + b"\x00\x01" + payload
        assert whole[0] == 0x32
        length = whole[1] & 0x7F | (whole[2] << 7 if whole[1] & 0x80 else 0)
        at = 3 if whole[1] & 0x80 else 2
        assert length == len(whole) - at
        size = int.from_bytes(whole[at : at + 2], "big")
        topic = parse(whole[at + 2 : at + 2 + size].decode())
        telemetry = decode(payload)
        assert telemetry.columns == COLUMNS and len(payload) <= BOARD_BYTES
        assert all(plausible(p, v) for row in telemetry.rows for p, v in zip(COLUMNS, row[2:], strict=True))
        boards.setdefault(topic.name, []).append(telemetry)
    assert len(boards) == 3
    for sent in boards.values():
        assert [seq for t in sent for seq in seqs(t)] == list(range(100 * rows))
        times = [t.ts_ms + row[1] for t in sent for row in t.rows]
        assert times == sorted(set(times))


def test_every_message_reaches_a_subscriber_and_is_acknowledged(mosquitto):
    """What the result counts is what a real broker passed on."""
    got, ready, enough = [], threading.Event(), threading.Event()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.on_subscribe = lambda *_: ready.set()

    def take(client, userdata, message):
        got.append((message.topic, message.payload))
        if len(got) == 1003:
            enough.set()

    client.on_message = take
    client.connect(mosquitto.host, mosquitto.port)
    client.subscribe("campus/v1/bench/+/telemetry", 1)
    client.loop_start()
    assert ready.wait(10)
    result = load(mosquitto.url, 1003, boards=10, rows=2, window=100)
    assert enough.wait(10)
    client.loop_stop()
    client.disconnect()
    assert (result.messages, result.acknowledged, result.records) == (1003, 1003, 2006)
    assert result.readings == 2006 * len(COLUMNS)
    assert len(got) == len(set(got)) == 1003
    assert {decode(payload).boot for _, payload in got} == {result.boot}
    assert len({topic for topic, _ in got}) == 10


def test_the_command_prints_one_json_line(mosquitto):
    """It runs in its own process, so that its time is not the collector's."""
    command = [
        sys.executable,
        "-m",
        "simulator.load",
        "--url",
        mosquitto.url,
        "--messages",
        "50",
        "--rate",
        "2000",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout)["acknowledged"] == 50


def test_a_broker_that_is_away_is_one_sentence(free_port):
    """Exit code 1 and what to check; wrong numbers and a wrong URL are said as well."""
    command = [sys.executable, "-m", "simulator.load", "--url", f"mqtt://127.0.0.1:{free_port()}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and "Is it running?" in done.stderr and "Traceback" not in done.stderr
    with pytest.raises(UsageError, match="mqtt://"):
        load("127.0.0.1", 1)
    with pytest.raises(UsageError, match="at least 1"):
        load("mqtt://127.0.0.1", 1, rows=513)
    with pytest.raises(CampusError, match="reached"):
        load(f"mqtt://127.0.0.1:{free_port()}", 1)
