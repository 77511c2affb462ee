"""The boards of `campus bench freshness`: a connection each, telemetry at their pace, motion at random moments."""

import asyncio
import json
import random
import time
from collections.abc import Callable
from secrets import token_hex
from urllib.parse import urlsplit

from campus.cli.bench_parts import SITE
from campus.errors import CampusError
from campus.wire.topics import board_topic
from firmware.board import mqtt

ORDINARY = ("motion", "co2_ppm", "temperature_c", "power_w.1")
SETTLE_MS = 2  # a record's time strictly rises
CONNECTING = 50  # at once

Moved = Callable[[str, int], None]
"""(board, ms): a motion is about to be sent, with this as the time of its reading."""


class _Board:
    def __init__(
        self, url: str, name: str, every_s: float, motion_every_s: float, rng: random.Random
    ) -> None:
        parts = urlsplit(url)
        self.name, self._host, self._port = name, parts.hostname or "", parts.port or 1883
        self._every_s, self._motion_every_s, self._rng = every_s, motion_every_s, rng
        self._topic = mqtt.text(board_topic(SITE, name, "telemetry"))
        self._boot, self._seq, self._last_ms, self._packet_id = token_hex(8), 0, 0, 1
        self.sent = 0

    async def connect(self, gate: asyncio.Semaphore) -> None:
        async with gate:
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
            hello = mqtt.text("MQTT") + bytes((4, 2, 0, 0)) + mqtt.text(self.name)
            self._writer.write(mqtt.packet(0x10, hello))
            if (await self._reader.readexactly(4))[3] != 0:
                raise CampusError("The broker refused a board of the benchmark.")
            own = mqtt.text(board_topic(SITE, self.name, "committed"))
            self._writer.write(mqtt.packet(0x82, b"\0\1" + own + b"\0"))
            await self._reader.readexactly(5)

    async def live(self, until: float, moved: Moved) -> None:
        """Send until `until` (of the loop's clock), then take leave."""
        clock, rng = asyncio.get_running_loop().time, self._rng
        hearing = asyncio.create_task(self._hear())
        ordinary = clock() + rng.uniform(0, self._every_s)
        motion = clock() + rng.expovariate(1 / self._motion_every_s)
        try:
            while (due := min(ordinary, motion)) < until:
                await asyncio.sleep(max(0.0, due - clock()))
                if due == motion:
                    motion = due + max(0.05, rng.expovariate(1 / self._motion_every_s))
                    self._send(("motion",), (1,), moved)
                else:
                    ordinary = due + self._every_s
                    self._send(ORDINARY, (0, rng.randint(420, 1300), 26.5, 80.0), None)
        finally:
            self._writer.write(mqtt.DISCONNECT)
            self._writer.close()
            hearing.cancel()

    def _send(self, columns: tuple[str, ...], values: tuple[float, ...], moved: Moved | None) -> None:
        now_ms = max(int(time.time() * 1000), self._last_ms + SETTLE_MS)
        self._last_ms = now_ms
        told = {
            "v": 1, "boot": self._boot, "seq": self._seq, "ts": now_ms, "q": "ntp",
            "c": columns, "rows": [[0, 0, *values]],
        }  # fmt: skip
        self._seq += 1
        self._packet_id = self._packet_id % 65535 + 1
        if moved is not None:
            moved(self.name, now_ms)
        body = json.dumps(told, separators=(",", ":")).encode()
        self._writer.write(mqtt.packet(0x32, self._topic + self._packet_id.to_bytes(2, "big") + body))
        self.sent += 1

    async def _hear(self) -> None:
        while await self._reader.read(65536):  # acknowledgements: what is lost shows in the events
            pass


async def run_boards(
    url: str, names: list[str], seconds: float, every_s: float, motion_every_s: float, moved: Moved
) -> int:
    """Connect all, let them live for `seconds`; the messages sent. Raises CampusError."""
    rng = random.Random()  # noqa: S311
    boards = [_Board(url, name, every_s, motion_every_s, random.Random(rng.random())) for name in names]  # noqa: S311
    gate = asyncio.Semaphore(CONNECTING)
    try:
        await asyncio.gather(*(board.connect(gate) for board in boards))
        until = asyncio.get_running_loop().time() + seconds
        await asyncio.gather(*(board.live(until, moved) for board in boards))
    except (OSError, asyncio.IncompleteReadError) as error:
        raise CampusError(
            f"The boards of the benchmark lost the broker: {error}. A lower --boards needs fewer open files."
        ) from error
    return sum(board.sent for board in boards)
