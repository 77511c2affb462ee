"""`campus replay`: a recorded room, sent by a virtual board through MQTT to the collector."""

import asyncio
import hashlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer

from campus.cli.brokers import Credential, find_broker
from campus.cli.options import from_zero, with_settings
from campus.cli.progress import progress
from campus.cli.recording import Recording, load, parse_map
from campus.cli.running import Api, choose_site, running
from campus.errors import CampusError, UsageError
from campus.settings import Settings
from campus.wire.lifecycle import encode_birth
from campus.wire.names import base
from campus.wire.points import POINTS
from campus.wire.topics import valid_id
from firmware.board.link import Link
from firmware.board.outbox import Outbox
from firmware.board.sampling import Record
from simulator.live import BoardConfig, Broker
from simulator.shelf import Shelf

QUEUED = 4000  # records kept by the virtual board: what `committed`, once a second, can free
PATIENCE_S = 60.0


@with_settings()
def replay(
    settings: Settings,
    file: Annotated[
        Path, typer.Argument(help="CSV with a time column `t` and a column per quantity", show_default=False)
    ],
    board: Annotated[str, typer.Option(help="Id of the board that sends it", show_default=False)],
    mapping: Annotated[
        str | None,
        typer.Option(
            "--map",
            help="COLUMN=POINT,... \\[default: co2, light, pir, temp, rh, sound, wifi]",
            show_default=False,
        ),
    ] = None,
    site: Annotated[
        str | None,
        typer.Option(help="Site id \\[default: the running system's only one]", show_default=False),
    ] = None,
    speed: Annotated[
        float,
        typer.Option(
            help="1 = as recorded, 60 = a minute in a second, 0 = as fast as it goes", callback=from_zero
        ),
    ] = 0,
    time_column: Annotated[str, typer.Option(help="Name of the time column")] = "t",
) -> None:
    """Send a recorded room through MQTT, moved by whole weeks so that it ends now.

    The recording keeps its weekdays and hours. Sending it again changes nothing: its records keep their identity.
    Done means that the collector has committed every record. A board that no room knows appears as unassigned.
    """
    if not valid_id(board):
        raise UsageError(f"'{board}' is not a board id: use a-z, 0-9 and -, at most 64 of them.")
    if site is not None and not valid_id(site):
        raise UsageError(f"'{site}' is not a site id: use a-z, 0-9 and -, at most 64 of them.")
    recording = load(file, parse_map(mapping) if mapping else None, settings.tz, time=time_column)
    host, port, credential = find_broker(settings)
    site = site or _only_site(settings)
    shift = recording.shifted(int(time.time() * 1000))
    sender = Sender(recording, shift, site, board, host, port, credential)
    with progress("Replaying", len(recording.rows)) as told:
        asyncio.run(sender.run(speed, told))
    first, last = (
        datetime.fromtimestamp((ms + shift) / 1000, UTC).strftime("%Y-%m-%d %H:%M")
        for ms in (recording.observed_at_ms[0], recording.observed_at_ms[-1])
    )
    done, dropped = sender.outbox.freed, sender.outbox.dropped
    if dropped:
        raise CampusError(
            f"{dropped} of {done + dropped} records were never committed and given up: see the collector's log."
        )
    print(f"{done} records of {board} committed, {first} to {last} UTC.")


class Sender:
    """A virtual board whose records come from a recording; it runs the boards' own outbox and link."""

    def __init__(
        self,
        recording: Recording,
        shift: int,
        site: str,
        board: str,
        host: str,
        port: int,
        credential: Credential,
    ) -> None:
        self._recording, self._shift = recording, shift
        # One identity per content and shift: the same records again are the same records.
        told = repr((site, board, shift, recording.points, recording.observed_at_ms, recording.rows))
        self.outbox = Outbox(hashlib.sha256(told.encode()).hexdigest()[:16], QUEUED, Shelf(QUEUED))
        user, secret = credential(board) or (None, None)
        config = BoardConfig(site, board, Broker(host, port, user, secret))
        self._trouble = ""
        self._link = Link(config, self.outbox, self, self._birth, log=self._note)

    def quality(self) -> str:
        return "ntp"

    def _birth(self) -> bytes:
        times = self._recording.observed_at_ms
        interval = int(median(b - a for a, b in pairwise(times))) if len(times) > 1 else 60_000
        points = {
            p: {"unit": POINTS[base(p)][0], "max_interval_ms": interval} for p in self._recording.points
        }
        return encode_birth(self.outbox.boot, "replay", "recording", "power_on", "ntp", points)

    def _note(self, text: str) -> None:
        self._trouble = text

    def _records(self) -> Iterator[Record]:
        for observed_at_ms, row in zip(self._recording.observed_at_ms, self._recording.rows, strict=True):
            # An empty cell was not measured: it is left out, and a row of them is no record.
            if values := {p: v for p, v in zip(self._recording.points, row, strict=True) if v is not None}:
                yield Record(observed_at_ms + self._shift, "ntp", values, None)

    async def run(self, speed: float, told: Any) -> None:
        """Send everything and wait until it is committed. Raises CampusError when nobody commits for a minute."""
        link = asyncio.create_task(self._link.run())
        try:
            await self._feed(speed, told)
        finally:
            await self._link.stop(2000)
            link.cancel()

    async def _feed(self, speed: float, told: Any) -> None:
        waiting = Patience(self.outbox)
        started, first = time.monotonic(), self._recording.observed_at_ms[0] + self._shift
        for number, record in enumerate(self._records()):
            while self.outbox.depth >= QUEUED - 1:
                waiting.check(self._trouble)
                await asyncio.sleep(0.05)
            if speed:
                due = started + (record.observed_at_ms - first) / 1000 / speed
                while (left := due - time.monotonic()) > 0:
                    told(number - self.outbox.depth)
                    await asyncio.sleep(min(left, 1))
                waiting.restart()
            self.outbox.add(record)
            if number % 200 == 0 or speed:
                self._link.wake()
                told(number - self.outbox.depth)
                await asyncio.sleep(0)
        while self.outbox.depth:
            waiting.check(self._trouble)
            self._link.wake()
            told(len(self._recording.rows) - self.outbox.depth)
            await asyncio.sleep(0.05)
        told(len(self._recording.rows))


class Patience:
    """Gives up when nothing was committed for a minute."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self.restart()

    def restart(self) -> None:
        self._low, self._since = self._outbox.low, time.monotonic()

    def check(self, trouble: str) -> None:
        if self._outbox.low != self._low:
            self.restart()
        elif time.monotonic() - self._since > PATIENCE_S:
            why = f" ({trouble})" if trouble else ""
            raise CampusError(
                f"No collector committed anything for {PATIENCE_S:.0f} s{why}; {self._outbox.depth} records wait. "
                "Check the broker and that the collector runs, then run the command again: nothing counts twice."
            )


def _only_site(settings: Settings) -> str:
    owner = running(settings.data)
    if owner is None or owner.http is None:
        raise UsageError("Name the site with --site: no running system was found that could tell it.")
    return choose_site(Api(owner).sites())
