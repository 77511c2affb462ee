"""The past of a virtual school through MQTT: each board on a connection of its own, until all is committed."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Event

from campus.cli.brokers import Credential
from campus.cli.progress import progress
from campus.errors import CampusError
from campus.wire.errors import WireError
from campus.wire.lifecycle import decode_committed
from campus.wire.server import last_seq, parse
from campus.wire.telemetry import decode
from firmware.board.clock import Uptime
from firmware.board.session import Session
from simulator.history import history
from simulator.live import BoardConfig, Broker
from simulator.school import School

PATIENCE_S = 60.0
UNCOMMITTED = 400  # messages sent ahead of the collector, over all boards


class Backfill:
    """`run` sends [start, end) of a school's history; `records` and `boards` then say what was committed.

    A minute has one identity for ever, so a run that broke off is simply run again.
    """

    def __init__(
        self,
        school: School,
        host: str,
        port: int,
        credential: Credential,
        kinds: Sequence[str],
        boards: int | None,
        stop: Event,
    ) -> None:
        self._school, self._kinds = school, kinds
        self._wanted = {room.board for room in school.rooms[:boards]}
        self._host, self._port, self._credential = host, port, credential
        self._stop = stop  # asked, for a cancellation is lost in asyncio.wait_for of Python 3.11
        self._open: dict[str, Sending] = {}
        self.records = 0

    @property
    def boards(self) -> int:
        return len(self._open)

    async def run(self, start_ms: int, end_ms: int) -> None:
        """Raises CampusError when the broker refuses or nobody commits."""
        try:
            with progress("Sending history", end_ms - start_ms) as told:
                for message in history(self._school, start_ms, end_ms, self._kinds):
                    self._check()
                    board = parse(message.topic).name
                    if board in self._wanted:
                        self.records += await (await self._sending(board)).send(message.payload, self._check)
                        await self._wait(UNCOMMITTED)
                    told(message.observed_at_ms - start_ms)
                await self._wait(0)
                told(end_ms - start_ms)
        except (OSError, EOFError, TimeoutError) as error:
            raise CampusError(
                f"The connection to the broker broke: {error}. Run the command again: nothing counts twice."
            ) from error
        finally:
            # At once: a broker that does not answer costs seconds of each.
            await asyncio.gather(*(sending.close() for sending in self._open.values()))

    def _check(self) -> None:
        if self._stop.is_set():
            raise KeyboardInterrupt

    async def _sending(self, board: str) -> "Sending":
        if board not in self._open:
            user, secret = self._credential(board) or (None, None)
            config = BoardConfig(self._school.site, board, Broker(self._host, self._port, user, secret))
            sending = Sending(Session(config, "0" * 16, Uptime()))
            await sending.open()
            self._open[board] = sending
        return self._open[board]

    async def _wait(self, most: int) -> None:
        """Until at most `most` messages are sent and not committed."""
        waited, before = 0.0, -1
        while (now := sum(s.uncommitted for s in self._open.values())) > most:
            if now != before:
                waited, before = 0.0, now
            if waited > PATIENCE_S:
                raise CampusError(
                    f"No collector committed anything for {PATIENCE_S:.0f} s; is it up? Then run the command again."
                )
            self._check()
            for sending in self._open.values():
                await sending.attend()
            await asyncio.sleep(0.02)
            waited += 0.02


class Sending:
    """One board's connection, and which of its messages are not committed yet."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._last: dict[
            str, list[int]
        ] = {}  # boot -> last record number of each message that is not committed

    async def open(self) -> None:
        await self._session.open()
        await self._session.subscribe("committed")
        self._listener = asyncio.create_task(self._session.listen(self._heard, lambda: None))

    async def send(self, payload: bytes, check: Callable[[], None]) -> int:
        """Publish one message once the broker keeps up; the number of its records. `check` may raise while it waits."""
        while not self._session.ready():
            check()
            self._session.check()
            await asyncio.sleep(0.002)
        message = decode(payload)
        self._last.setdefault(message.boot, []).append(last_seq(message))
        await self._session.publish("telemetry", payload)
        return len(message.rows)

    @property
    def uncommitted(self) -> int:
        return sum(len(numbers) for numbers in self._last.values())

    async def attend(self) -> None:
        self._session.check()
        await self._session.keep_alive()

    def _heard(self, topic: str, payload: bytes, retained: int) -> None:
        try:
            told = decode_committed(payload)
        except WireError:
            return
        ranges = [(0, told.seq), *told.also]
        self._last[told.boot] = [
            n for n in self._last.get(told.boot, []) if not any(a <= n <= b for a, b in ranges)
        ]

    async def close(self) -> None:
        with suppress(OSError, EOFError, TimeoutError):
            await self._session.leave()  # or the broker would say that the board is lost
        self._listener.cancel()
        await self._session.close()
