"""The present of a virtual school: every board runs firmware/board's Sampler, Outbox and Link over MQTT."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from secrets import token_hex
from urllib.parse import unquote, urlsplit

from campus.errors import UsageError
from campus.wire.lifecycle import encode_birth
from firmware.board import VERSION
from firmware.board.link import Link
from firmware.board.outbox import Outbox
from firmware.board.sampling import Sampler
from simulator.faults import CLOCK_SKEW, DEFAULT
from simulator.rooms import Room
from simulator.school import School
from simulator.sensors import ClockFeed, MotionSensor, sensors
from simulator.world import World

HARDWARE = "simulated ESP32"
OUTBOX_RECORDS = 512
RESEND_MS = 10_000
LOOK_S = 1.0  # a board without power looks this often whether it is back

Credential = Callable[[str], tuple[str, str] | None]


@dataclass(frozen=True, slots=True)
class Broker:
    """Where a board signs in, and as whom."""

    host: str
    port: int
    user: str | None
    password: str | None


@dataclass(frozen=True, slots=True)
class BoardConfig:
    """What a Link and the sampling loop need of a board's configuration."""

    site: str
    board: str
    broker: Broker
    sample_ms: int = 1000
    resend_ms: int = RESEND_MS


class LiveClock:
    """Unix ms: the time of day, or one that starts elsewhere and runs `speed` times as fast."""

    def __init__(
        self,
        speed: float = 1.0,
        start_ms: int | None = None,
        wall: Callable[[], float] = time.time,
        word: str = "ntp",
    ) -> None:
        self._wall, self._speed, self._word = wall, speed, word
        self._begun = wall()
        self._start_ms = self._begun * 1000 if start_ms is None else start_ms

    def now_ms(self) -> int:
        return int(self._start_ms + (self._wall() - self._begun) * 1000 * self._speed)

    def ticks_ms(self) -> int:
        return self.now_ms()

    def quality(self) -> str:
        return self._word


class BelievedClock:
    """What a board believes: the true clock, and the error that it has on that day."""

    def __init__(self, world: World, room: Room, clock: LiveClock) -> None:
        self._world, self._room, self._clock = world, room, clock
        self.ticks_ms = clock.ticks_ms

    def now_ms(self) -> int:
        now_ms = self._clock.now_ms()
        return now_ms + self._offset_ms(now_ms)

    def quality(self) -> str:
        return "hold" if self._offset_ms(self._clock.now_ms()) else self._clock.quality()

    def _offset_ms(self, now_ms: int) -> int:
        day, _ = self._world.at(now_ms)
        skew = day.fault(self._room, CLOCK_SKEW)
        return skew.offset_ms if skew is not None else 0


class SimRadio:
    """A Wi-Fi that needs a moment to join after power comes, and then stays."""

    def __init__(self, join_s: float = 0.2) -> None:
        self._join_s = join_s
        self._joined = False

    def connected(self) -> bool:
        return self._joined

    async def join(self) -> bool:
        await asyncio.sleep(self._join_s)
        self._joined = True
        return True


class LiveBoard:
    """One room's board, through power cuts: each return of power is a new boot."""

    def __init__(
        self,
        world: World,
        room: Room,
        clock: LiveClock,
        config: BoardConfig,
        speed: float,
        log: Callable[[str], None],
        boot: Callable[[], str],
    ) -> None:
        self._world, self._room, self._clock, self._config = world, room, clock, config
        self._speed, self._log, self._boot = speed, log, boot
        self._feed = ClockFeed(world, room, clock)
        self._phase_ms = int(world.school.hex_id(8, "phase", room.board), 16) % 60_000

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; the board then says `offline`. A power cut only breaks its connection."""
        while not stop.is_set():
            if self._feed.without_power():
                await _pause(stop, LOOK_S / self._speed)
            else:
                await self._power_on(stop)

    async def _power_on(self, stop: asyncio.Event) -> None:
        clock = BelievedClock(self._world, self._room, self._clock)
        self._feed.power_on()
        eyes = sensors(self._room, self._feed)
        sampler = Sampler(eyes, clock, self._phase_ms, self._log)
        outbox = Outbox(self._boot(), OUTBOX_RECORDS)

        def birth() -> bytes:
            return encode_birth(
                outbox.boot, VERSION, HARDWARE, "power_on", clock.quality(), sampler.points(), None
            )

        link = Link(self._config, outbox, clock, birth, SimRadio(), self._log)
        running = asyncio.create_task(link.run())
        try:
            await self._measure(stop, sampler, outbox, link, eyes[0])
            if stop.is_set():
                await link.stop(2000)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _measure(
        self, stop: asyncio.Event, sampler: Sampler, outbox: Outbox, link: Link, motion: MotionSensor
    ) -> None:
        """Sample every `sample_ms` of the clock, and at once when motion begins, until `stop` or no power."""
        due_ms = self._clock.now_ms()
        while not stop.is_set() and not self._feed.without_power():
            record = await sampler.sample()
            if record is not None:
                outbox.add(record)
                link.wake()
            now_ms = self._clock.now_ms()
            while due_ms <= now_ms:
                due_ms += self._config.sample_ms
            until_ms = due_ms
            if not motion.moving:
                begins_ms = self._feed.next_motion_ms()
                if begins_ms is not None and begins_ms < due_ms:
                    until_ms = begins_ms + 1
            await _pause(stop, (until_ms - now_ms) / 1000 / self._speed)


async def run(
    school: School,
    broker: str,
    stop: asyncio.Event,
    speed: float = 1.0,
    *,
    credential: Credential | None = None,
    start_ms: int | None = None,
    sample_s: float = 12.0,
    boards: int | None = None,
    faults: Sequence[str] = DEFAULT,
    log: Callable[[str], None] = lambda text: None,
    boot: Callable[[], str] = lambda: token_hex(8),
) -> None:
    """Run the first `boards` boards (None: all) against `broker`, mqtt://[user:password@]host[:port], until `stop`.

    `credential(board id)` gives each board its own (user, password); without it, all use those of the URL.
    `start_ms` None is now; with `speed` > 1 the clock runs that much faster. `sample_s` is in seconds of that clock.
    `boot()` draws the 16 hex digits of a boot. A broker that is away is waited for. Raises UsageError.
    """
    if speed <= 0 or sample_s <= 0:
        raise UsageError("The simulator's speed and its sample interval must be above 0.")
    host, port, own = _address(broker)
    clock = LiveClock(speed, start_ms)
    world = World(school, faults)
    world.at(clock.now_ms())  # the day is computed before anyone measures in it

    async def start(room: Room, after_s: float) -> None:
        user, password = (credential(room.board) if credential else own) or (None, None)
        config = BoardConfig(
            site=school.site,
            board=room.board,
            broker=Broker(host, port, user, password),
            sample_ms=max(1, round(sample_s * 1000)),
        )
        await _pause(stop, after_s)
        await LiveBoard(
            world, room, clock, config, speed, lambda text: log(f"{room.board}: {text}"), boot
        ).run(stop)

    async with asyncio.TaskGroup() as group:  # not all in the same moment
        for i, room in enumerate(school.rooms[:boards]):
            group.create_task(start(room, i * 0.02))


def _address(url: str) -> tuple[str, int, tuple[str, str] | None]:
    try:
        parts = urlsplit(url)
        port = parts.port or 1883
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.scheme != "mqtt" or not parts.hostname:
        raise UsageError(f"'{url}' is not a broker's address: write mqtt://user:password@host:1883.")
    own = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return parts.hostname, port, own


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    """At most `seconds`; `stop` ends it."""
    if seconds > 0:
        try:
            await asyncio.wait_for(stop.wait(), seconds)
        except TimeoutError:
            return
