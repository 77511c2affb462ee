"""kill -9 of the collector while records stream in through a real broker, and the same with its defects put back."""

import random
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from processes import finish, launch

from campus.telemetry.stores import open_telemetry
from campus.wire.telemetry import Telemetry, encode
from campus.wire.topics import board_topic

BOARDS, RECORDS = 8, 3000
BOOT = "9f3a61c20000002a"
START_MS = 1_790_000_000_000
PROGRAM = Path(__file__).with_name("collector_process.py")


class Killable:
    """A collector process; `received` is how far it says to be."""

    def __init__(self, url: str, data: Path, fault: str) -> None:
        command = [sys.executable, str(PROGRAM), url, str(data), *([fault] if fault else [])]
        self.process = launch(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def wait(self, received: int, timeout_s: float = 60.0) -> bool:
        """Until it has received that many; False when it has been quiet for two seconds."""
        seen, moved, until = -1, time.monotonic(), time.monotonic() + timeout_s
        while (now := time.monotonic()) < until:
            line = self.process.stdout.readline()
            assert line, "the collector ended by itself"
            if int(line) != seen:
                seen, moved = int(line), now
            if seen >= received:
                return True
            if now - moved > 2:
                return False
        raise AssertionError(f"only {seen} of {received} messages came")

    def kill(self) -> None:
        finish(self.process)

    def stop(self) -> None:
        self.process.stdin.close()
        drain = threading.Thread(target=self.process.stdout.read, daemon=True)
        drain.start()
        assert self.process.wait(30) == 0


def messages():
    """Each record once, and every tenth a second time later: boards send again until they hear `committed`."""
    chance = random.Random(7)
    waiting = []
    for n in range(RECORDS):
        seq, board = divmod(n, BOARDS)
        telemetry = Telemetry(BOOT, seq, 0, START_MS + seq * 1000, "ntp", ["uptime_s"], [[0, 0, seq]], None)
        message = board_topic("school", f"board-{board}", "telemetry"), encode(telemetry)
        yield message
        if n % 10 == 0:
            waiting.append(message)
        if len(waiting) > 40:
            yield waiting.pop(chance.randrange(len(waiting)))
    yield from waiting


def publish(url_port: int, done: threading.Event) -> None:
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "the-boards")
    client.max_inflight_messages_set(500)
    client.connect("127.0.0.1", url_port)
    client.loop_start()
    for n, (topic, payload) in enumerate(messages()):
        last = client.publish(topic, payload, 1)
        if n % 20 == 0:
            time.sleep(0.012)  # about 1,500 a second: a stream, not a burst that is over before a kill
    last.wait_for_publish(30)
    client.disconnect()
    client.loop_stop()
    done.set()


def stored(data: Path) -> Counter:
    """How often each (board, seq) is in the store."""
    telemetry = open_telemetry("duckdb", data)
    try:
        return Counter(
            (row.board, int(row.value)) for chunk in telemetry.rows(None, None, None, None) for row in chunk
        )
    finally:
        telemetry.close()


def run(mosquitto, data: Path, kills: int, fault: str = "") -> tuple[int, int]:
    """Stream and kill; returns (records lost, records stored more than once)."""
    collector = Killable(mosquitto.url, data, fault)
    collector.wait(0)
    time.sleep(0.5)  # subscribed: from now on the broker keeps what comes
    done = threading.Event()
    threading.Thread(target=publish, args=(mosquitto.port, done), daemon=True).start()
    chance = random.Random(3)
    for _ in range(kills):
        collector.wait(chance.randrange(50, 400))
        time.sleep(chance.uniform(0, 0.05))
        collector.kill()
        collector = Killable(mosquitto.url, data, fault)
    while collector.wait(sys.maxsize) or not done.is_set():
        pass
    collector.stop()
    found = stored(data)
    wanted = {(f"board-{board}", seq) for seq in range(RECORDS // BOARDS) for board in range(BOARDS)}
    assert set(found) <= wanted
    return len(wanted - set(found)), sum(count > 1 for count in found.values())


def test_no_record_is_lost_or_stored_twice_over_kills(mosquitto, tmp_path):
    """0 lost and 0 twice in 3,000 records, every tenth sent again, over 5 kill -9 of the collector."""
    assert run(mosquitto, tmp_path / "data", 5) == (0, 0)


@pytest.mark.parametrize(("fault", "lost", "twice"), [("automatic", True, False), ("repeating", False, True)])
def test_the_same_run_fails_with_the_defect_put_back(mosquitto, tmp_path, fault, lost, twice):
    """Acknowledging on arrival loses records; not knowing what was received stores them twice."""
    found_lost, found_twice = run(mosquitto, tmp_path / "data", 2, fault)
    assert (found_lost > 0, found_twice > 0) == (lost, twice)
