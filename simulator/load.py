"""A load generator: valid telemetry of many boards as raw MQTT 3.1.1, at the least cost per message.

    python -m simulator.load --url mqtt://127.0.0.1:1883 --messages 200000 --boards 200 --rows 1

It prints one JSON line. Run it in its own process: its time must not be counted as the collector's.
"""

import argparse
import json
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from hashlib import blake2b
from secrets import token_hex
from urllib.parse import SplitResult, unquote, urlsplit

from campus.errors import CampusError, UsageError
from campus.wire.topics import board_topic
from firmware.board import mqtt

COLUMNS = ("motion", "co2_ppm", "temperature_c", "power_w.1")
VARIANTS = 16  # different sets of values
BURST = 256  # packets written at once
PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What was sent; `acknowledged` counts the broker's PUBACKs. `cpu_us_per_message` is this process alone."""

    messages: int
    records: int
    readings: int
    acknowledged: int
    bytes: int
    seconds: float
    messages_per_s: float
    cpu_us_per_message: float
    boot: str


class _Connection:
    def __init__(self, parts: SplitResult, name: str) -> None:
        self.unacknowledged = 0
        self.acknowledged = 0
        self._left = b""
        self._packet_id = 0
        try:
            self._socket = socket.create_connection((parts.hostname or "", parts.port or 1883), PATIENCE_S)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.sendall(_connect(parts, name))
            reply = self._socket.recv(4)
        except OSError as error:
            raise CampusError(
                f"The broker at {parts.hostname}:{parts.port or 1883} cannot be reached: {error}. Is it running?"
            ) from error
        if len(reply) != 4 or reply[:1] != b"\x20" or reply[3] != 0:
            raise CampusError("The broker refused the load generator: check the user and password in --url.")

    def send(self, packets: list[tuple[bytes, bytes]]) -> int:
        """Write packets, given as (what is before the packet id, payload); bytes written."""
        out: list[bytes] = []
        packet_id = self._packet_id
        for head, payload in packets:
            packet_id = packet_id % 65535 + 1
            out += (head, packet_id.to_bytes(2, "big"), payload)
        self._packet_id = packet_id
        data = b"".join(out)
        self._socket.sendall(data)
        self.unacknowledged += len(packets)
        return len(data)

    def hear(self) -> None:
        """Wait for PUBACKs, which are four bytes each; nothing else comes, as we subscribe to nothing."""
        data = self._socket.recv(65536)
        if not data:
            raise CampusError("The broker closed the load generator's connection: look in its log.")
        data = self._left + data
        whole = len(data) // 4
        self._left = data[whole * 4 :]
        self.unacknowledged -= whole
        self.acknowledged += whole

    def close(self) -> None:
        self._socket.sendall(mqtt.DISCONNECT)
        self._socket.close()


def _connect(parts: SplitResult, name: str) -> bytes:
    flags, login = 0x02, b""  # clean session
    if parts.username:
        flags |= 0x80 | (0x40 if parts.password else 0)
        login = mqtt.text(unquote(parts.username))
        login += mqtt.text(unquote(parts.password)) if parts.password else b""
    # Keepalive 0: a silent pause of the benchmark ends no connection.
    return mqtt.packet(0x10, mqtt.text("MQTT") + bytes((4, flags, 0, 0)) + mqtt.text(name) + login)


def names(boards: int, prefix: str = "load") -> list[str]:
    """The ids of the boards that `packets` sends for."""
    return [f"{prefix}-{blake2b(f'{prefix}/{i}'.encode(), digest_size=6).hexdigest()}" for i in range(boards)]


def shares(boards: int, connections: int) -> dict[str, int]:
    """prefix -> how many boards send on each connection of `load`; together with `names` the ids of all."""
    count = min(connections, boards)
    return {f"load{i}": boards // count + (i < boards % count) for i in range(count)}


def packets(
    site: str, boards: int, rows: int, boot: str, start_ms: int, step_ms: int, prefix: str = "load"
) -> Iterator[tuple[bytes, bytes]]:
    """Endless PUBLISH packets, board by board, as (bytes before the packet id, payload).

    Each carries `rows` records of four readings, `step_ms` apart; a board's records are numbered from 0 without a
    gap. The text around the numbers is encoded once.
    """
    topics = [mqtt.text(board_topic(site, name, "telemetry")) for name in names(boards, prefix)]
    heads: list[dict[int, bytes]] = [{} for _ in topics]
    columns = ",".join(f'"{column}"' for column in COLUMNS)
    texts = []
    for variant in range(VARIANTS):
        lines = [
            f"[{i},{i * step_ms},{(variant + i) % 2},{420 + (variant * 53 + i * 7) % 900},"
            f"{20 + (variant * 7 + i) % 110 / 10:.1f},{(variant * 31 + i * 3) % 1500 / 10:.1f}]"
            for i in range(rows)
        ]
        text = (
            f'{{"v":1,"boot":"{boot}","seq":%d,"ts":%d,"q":"ntp","c":[{columns}],"rows":[{",".join(lines)}]}}'
        )
        texts.append(text.encode())
    seq, at_ms, turn = 0, start_ms, 0
    while True:
        for i, topic in enumerate(topics):
            payload = texts[(i + turn) % VARIANTS] % (seq, at_ms)
            known = heads[i]
            head = known.get(len(payload))
            if head is None:
                whole = mqtt.packet(0x32, topic + b"\0\0" + payload)
                head = known[len(payload)] = whole[: len(whole) - len(payload) - 2]
            yield head, payload
        seq += rows
        at_ms += rows * step_ms
        turn += 1


def load(
    url: str,
    messages: int,
    boards: int = 100,
    rows: int = 1,
    *,
    site: str = "bench",
    connections: int = 2,
    window: int = 1000,
    rate: float | None = None,
    step_ms: int = 1000,
    boot: str | None = None,
    end_ms: int | None = None,
    tick: Callable[[], float] = time.perf_counter,
) -> LoadResult:
    """Publish `messages` messages of `boards` boards with QoS 1 and wait for every PUBACK.

    Each of the `connections` keeps at most `window` messages unacknowledged. `rate` limits messages per second;
    None is as fast as the broker acknowledges. The last record was measured at about `end_ms` (None: now). `boot`
    (None: random) must not repeat within a site. Raises CampusError.
    """
    parts = urlsplit(url)
    if parts.scheme != "mqtt" or not parts.hostname:
        raise UsageError(f"'{url}' is not a broker's address: write mqtt://user:password@host:1883.")
    if min(messages, boards, connections, window) < 1 or not 1 <= rows <= 512:
        raise UsageError(
            "Messages, boards, connections and the window are at least 1, and rows are 1 to 512."
        )
    boot = boot or token_hex(8)
    turns = -(-messages // boards)
    start_ms = (int(time.time() * 1000) if end_ms is None else end_ms) - turns * rows * step_ms
    # A board stays on one connection, so that the broker keeps its order: every connection has boards of its own.
    share = shares(boards, connections)
    links = [_Connection(parts, f"load-{boot}-{i}") for i in range(len(share))]
    streams = [packets(site, n, rows, boot, start_ms, step_ms, prefix) for prefix, n in share.items()]
    todo = [messages * n // boards for n in share.values()]
    todo[0] += messages - sum(todo)
    burst = max(1, min(BURST, window))
    written = sent = 0
    begun, cpu = tick(), time.process_time()
    while any(todo) or any(link.unacknowledged for link in links):
        for i, link in enumerate(links):
            count = min(burst, todo[i], window - link.unacknowledged)
            if count == min(burst, todo[i]) and count:
                stream = streams[i]
                written += link.send([next(stream) for _ in range(count)])
                todo[i] -= count
                sent += count
            elif link.unacknowledged:
                link.hear()
        if rate is not None:
            time.sleep(max(0.0, sent / rate - (tick() - begun)))
    seconds, cpu = tick() - begun, time.process_time() - cpu
    for link in links:
        link.close()
    records = messages * rows
    return LoadResult(
        messages=messages,
        records=records,
        readings=records * len(COLUMNS),
        acknowledged=sum(link.acknowledged for link in links),
        bytes=written,
        seconds=round(seconds, 3),
        messages_per_s=round(messages / seconds, 1) if seconds else 0.0,
        cpu_us_per_message=round(cpu / messages * 1e6, 2),
        boot=boot,
    )


def main(arguments: list[str] | None = None) -> int:
    """The command line; prints one JSON line."""
    parser = argparse.ArgumentParser(
        prog="python -m simulator.load", description="Publish valid telemetry, fast."
    )
    parser.add_argument("--url", required=True, help="mqtt://user:password@host:port")
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--boards", type=int, default=100)
    parser.add_argument("--rows", type=int, default=1, help="records per message, of four readings each")
    parser.add_argument("--site", default="bench")
    parser.add_argument("--connections", type=int, default=2)
    parser.add_argument("--window", type=int, default=1000, help="unacknowledged messages per connection")
    parser.add_argument(
        "--rate", type=float, default=None, help="messages per second (default: as fast as it goes)"
    )
    parser.add_argument("--boot", default=None, help="16 hex digits (default: random)")
    parser.add_argument(
        "--live", action="store_true", help="each record is of about the moment it is sent; needs --rate"
    )
    parser.add_argument(
        "--wait", action="store_true", help="print 'ready' and begin with the next line of standard input"
    )
    options = vars(parser.parse_args(arguments))
    wait, is_live = options.pop("wait"), options.pop("live")
    if is_live and not options["rate"]:
        parser.error("--live needs --rate")
    if wait:
        print("ready", flush=True)
        sys.stdin.readline()
    if is_live:
        options["step_ms"] = max(1, round(1000 * options["boards"] / options["rate"] / options["rows"]))
        lasts_s = options["messages"] / options["rate"]
        options["end_ms"] = int((time.time() + lasts_s) * 1000)
    try:
        print(json.dumps(asdict(load(options.pop("url"), options.pop("messages"), **options))))
    except (CampusError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return getattr(error, "exit_code", 1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
