"""Hostile payloads between sound ones, through the real broker."""

import socket
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import dataclass

from broker_client import until
from chaos import Scenario
from chaos_collector import Collector, stored
from fuzzing import RETAINED_EVERY, payloads, reaches
from servers import Mosquitto

from firmware.board import mqtt

BURST = 30
WINDOW = 1_000


@dataclass(frozen=True)
class Size:
    """`per_second` keeps every board under the limit of the collector: who is over it is another scenario."""

    payloads: int
    per_second: float
    stalls_s: float = 10
    dead_letters_kept: int = 1_000
    seed: int = 11


class Sender(threading.Thread):
    """Publishes at QoS 1; `error` says why it ended early, None if the broker acknowledged everything."""

    def __init__(self, port, messages, per_second):
        super().__init__(daemon=True)
        self._port, self._messages, self._per_second = port, messages, per_second
        self.sent = self.acknowledged = 0
        self.error = None

    def run(self):
        try:
            with closing(socket.create_connection(("127.0.0.1", self._port), 30)) as connection:
                self._send(connection)
        except Exception as error:
            self.error = repr(error)

    def _send(self, connection):
        connection.sendall(mqtt.packet(0x10, mqtt.text("MQTT") + bytes((4, 2, 0, 0)) + mqtt.text("fuzz")))
        assert connection.recv(4) == b"\x20\x02\x00\x00"
        began, left = time.monotonic(), b""
        for message in self._messages:
            retain = self.sent % RETAINED_EVERY == 0
            number = self.sent % 65_535 + 1
            connection.sendall(mqtt.publish(message.topic, message.payload, number, retain))
            self.sent += 1
            while self.sent - self.acknowledged >= WINDOW:
                left = self._hear(connection, left)
            if self.sent % BURST == 0:
                time.sleep(max(0.0, began + self.sent / self._per_second - time.monotonic()))
        while self.acknowledged < self.sent:
            left = self._hear(connection, left)
        connection.sendall(mqtt.DISCONNECT)

    def _hear(self, connection, left):
        data = connection.recv(65_536)
        assert data, "the broker closed the connection"
        data = left + data
        self.acknowledged += len(data) // 4  # PUBACKs, which have four bytes each
        return data[len(data) // 4 * 4 :]


def run(size, folder, *faults):
    data = folder / "data"
    messages = list(payloads(size.seed, size.payloads))
    wanted = {(each.key[0], each.key[2]) for each in messages if each.key is not None}
    heard = [each for each in messages if reaches(each.topic)]
    hostile = sum(not each.valid for each in heard)
    with Mosquitto(folder / "mosquitto") as broker, Collector(broker.url, data, *faults) as collector:
        sender = Sender(broker.port, messages, size.per_second)
        sender.start()
        stall, seen, moved = 0.0, 0, time.monotonic()
        while seen < len(heard) and stall <= size.stalls_s and collector.running:
            time.sleep(0.02)
            received, now = collector.told.get("messages_received", 0), time.monotonic()
            if received != seen or sender.error is not None:
                seen, moved = received, now
            stall = max(stall, now - moved)
            if sender.error is not None:
                break
        sender.join(30)
        idle = until(lambda: collector.idle, 60 if stall <= size.stalls_s else 1)
        crashed = not collector.running
        told = collector.told
        if not crashed:
            collector.stop()
        found = stored("duckdb", data)
    with closing(sqlite3.connect(data / "journal.sqlite")) as journal:
        causes = dict(journal.execute("SELECT cause, count FROM dead_counts ORDER BY cause"))
        kept = journal.execute("SELECT count(*) FROM dead_letters").fetchone()[0]
    return {
        "payloads": len(messages),
        "reached_the_collector": len(heard),
        "valid_records": len(wanted),
        "lost": len(wanted - found.keys()),
        "twice": sum(count > 1 for count in found.values()),
        "invented": len(found.keys() - wanted),
        "hostile": hostile,
        "dead_letters": sum(causes.values()),
        "dead_letters_kept": kept,
        "causes": causes,
        "limited": told["limited"],
        "sender": sender.error,
        "crashed": crashed,
        "idle": idle,
        "longest_stall_s": round(stall, 2),
    }


def wrong(figures, size):
    found = [
        f"{name} is {figures[name]}" for name in ("lost", "twice", "invented", "limited") if figures[name]
    ]
    found += [f"{name}: {figures[name]}" for name in ("sender", "crashed") if figures[name]]
    if figures["longest_stall_s"] > size.stalls_s:
        found.append(f"longest_stall_s is over {size.stalls_s}")
    if figures["dead_letters"] != figures["hostile"]:
        found.append("dead_letters: not every hostile payload is counted by a cause, or a sound one is")
    if figures["dead_letters_kept"] > size.dead_letters_kept:
        found.append(f"dead_letters_kept is over {size.dead_letters_kept}")
    return found


SCENARIO = Scenario(
    "hostile payloads between sound ones",
    run,
    wrong,
    {"full": Size(1_000_000, 3_000), "tenth": Size(100_000, 3_000), "short": Size(8_000, 2_000, 30)},
    {"brittle": (("brittle",), "lost")},
    control=Size(2_000, 2_000, 3),
)
