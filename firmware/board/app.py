"""The parts of the board, put together: config.json says what it measures and whom it tells."""

import asyncio
import gc
import sys

import machine

from campus.wire.lifecycle import encode_birth

from . import VERSION
from .boot import next_boot
from .clock import Clock, rtc_ms
from .config import ConfigError, parse, read, replace
from .duties import bounded, duties
from .link import Link
from .nvs import Nvs
from .outbox import Outbox
from .port import sleep_ms
from .recovery import Recovery
from .refused import Refused
from .remote import Remote, plain
from .sampling import Sampler, phase_ms
from .sensors import create
from .sensors.health import Lag
from .sntp import fields
from .spill import Spill
from .spool import Spool
from .watch import Watch

GOOD = "config.good"  # a copy of the config.json with which the broker was reached last
GARBAGE_BYTES = 8192  # cleared away at the latest then: in a full heap what is to stay comes to lie all over
WATCHDOG_MS = 30000
LINK_MS = 180000  # the longest a healthy link is silent: a look around, TLS, answers that do not come
RESETS = {"PWRON_RESET": "power", "HARD_RESET": "reset", "WDT_RESET": "watchdog", "SOFT_RESET": "soft"}


def chip_id():
    """The board's id from its chip, unique in the world."""
    return "esp32-" + "".join(["%02x" % byte for byte in machine.unique_id()])


def reset_cause():
    for name in RESETS:
        if machine.reset_cause() == getattr(machine, name, None):
            return RESETS[name]
    return "unknown"


class Board:
    """document: that of config.json. recovery: the Recovery of this start. safe: no sensors, nothing of the flash.
    broken: what is wrong with config.json, where the last good one runs in its place.

    The sensors of kind network and health look at its parts: radio, link, probes, clock, kept, lag. Raises ConfigError.
    """

    def __init__(self, document, nvs, recovery, slot=None, safe=False, broken=None):
        self.config = config = parse(document, chip_id())
        self.document = document
        self.nvs = nvs
        self.recovery = recovery
        self.restarting = False
        self.broken = broken
        self.clock = Clock()
        self._keep_clock()
        uptime = self.clock.ticks_ms
        self.radio = self.spool = self.spill = self.probes = self._update = self._told_ms = None
        if config.wifi:
            import network

            from .wifi import Radio

            self.radio = Radio(network, config.wifi, uptime)
        gc.collect()  # the outbox takes its memory in one piece
        self.outbox = Outbox(next_boot(), config.outbox_records)
        if config.spool_kib and not safe:
            self.spool = Spool("spool", config.spool_kib * 1024)
            self.spill = Spill(self.outbox, self.spool, print)
        self.kept = [each for each in (self.outbox, self.spool) if each]
        self.watch = Watch(machine.WDT(timeout=WATCHDOG_MS) if config.watchdog else None, uptime, nvs)
        self._slot = slot
        ops = {
            "identify": self._identify,
            "reboot": self.restart,
            "rebirth": lambda args: self.link.rebirth(),
            "update": self._take_update,
            "credential": self._take_credential,
        }
        self.remote = Remote(nvs, self.clock, ops, lambda changed: parse(changed, config.board))
        self.link = self._link()
        self.lag = Lag(uptime)
        sensors = [] if safe else self._sensors()
        self.sampler = Sampler(sensors, self.clock, phase_ms(config.board), print, bounded)
        self._cause = reset_cause()
        print("board %s, boot %s" % (config.board, self.outbox.boot))

    def _keep_clock(self):
        """A clock that kept its time through our restart is "hold". One that did not is set to the last time known, so
        that certificates are not from the future; that is no time for readings."""
        nvs = self.nvs
        if not nvs.number("guessed") and self.clock.adopt("hold"):
            return
        known_ms = nvs.number("time_s") * 1000
        if rtc_ms() < known_ms:
            machine.RTC().datetime(fields(known_ms))
            nvs.set(guessed=1)

    def _link(self):
        nvs = self.nvs
        broker = self.config.broker
        secure = None
        if broker.tls:
            from .secure import context

            secure = context(nvs.text("ca", "")), broker.name
        link = Link(
            self.config,
            self.outbox,
            self.clock,
            self._birth,
            self.radio,
            print,
            None,
            self.spool,
            secure,
            self.remote.receive,
        )
        link.described = self._described
        link.alive = lambda: self.watch.alive("link")
        link.passwords = [
            nvs.text(key) for key in ("password", "password_old") if nvs.text(key)
        ] or link.passwords
        return link

    def _described(self):
        """What a birth tells that may change; of the clock, steps of more than a second."""
        offset = self.clock.up_offset_ms
        if offset is not None and (self._told_ms is None or abs(offset - self._told_ms) > 1000):
            self._told_ms = offset
        return self.clock.quality(), self._told_ms, self.radio and self.radio.bssid

    def _birth(self):
        quality, _, bssid = self._described()
        hardware = getattr(sys.implementation, "_machine", sys.platform)
        points = self.sampler.points()
        notes = self.recovery.notes[:4]
        boot = self.outbox.boot
        offset = self.clock.up_offset_ms
        return encode_birth(boot, VERSION, hardware, self._cause, quality, points, offset, bssid, notes)

    def _sensors(self):
        """The configured sensors that could be set up. One that cannot is told and left out; the others measure."""
        made = []
        taken = set()
        for kind, options in self.config.sensors:
            try:
                if kind == "network":
                    from .probe import Probes

                    phase = phase_ms(self.config.board)
                    self.probes = Probes(options, self.radio, self.link, self.clock.ticks_ms, phase)
                pins = self if kind in ("network", "health") else machine
                sensor = create(kind, options, pins, self.nvs)
                for point in sensor.points:
                    if point in taken:
                        raise ValueError("another sensor measures %s already" % point)
                taken.update(sensor.points)
                made.append(sensor)
            except Exception as error:
                print("sensor %s: %r" % (kind, error))
                self.recovery.notes.append("sensor:" + kind)
        return made

    async def live(self):
        """Until a restart is due."""
        self.watch.expect("link", LINK_MS)
        tasks = [asyncio.create_task(task) for task in duties(self)]
        await self.link.run()
        for task in tasks:
            task.cancel()

    def confirm(self):
        """The broker accepted us: what was on trial is right, and so is the password that was used."""
        nvs = self.nvs
        self.recovery.accepted()
        nvs.set(typed=None)
        if self.link.passwords[0] == nvs.text("password"):
            nvs.set(password_old=None)
        if not self.broken:
            try:
                same = read(GOOD) == self.document
            except ConfigError:
                same = False
            if not same:
                replace(self.document, GOOD)

    def restart(self, args=None):
        """Restart in good order, soon: what waits for the broker is told, what is in RAM goes to the flash."""
        self.restarting = True

    def _identify(self, args):
        """Blink for so many seconds."""
        led = self.config.led
        if led is None:
            raise Refused("led", "config.json names no led")
        seconds = args.get("seconds", 10)
        if type(seconds) is not int or not 0 < seconds <= 60:
            raise ValueError("seconds has to be a whole number from 1 to 60")
        self._blinking = asyncio.create_task(_blink(machine.Pin(led, machine.Pin.OUT), seconds))

    def _take_update(self, args):
        if not self._update:
            from .update import Update  # only now: most boards, most of the time, have no need of its memory

            self._update = Update(self.nvs, self._slot)
        return self._update.step(args)

    def _take_credential(self, args):
        """A new password: from now on it is tried first, and the one that works until the new one has worked too."""
        password = args.get("password")
        if type(password) is not str or not 16 <= len(password) <= 64:
            raise ValueError("password has to be a text of 16 to 64 signs")
        old = self.link.signed_in or self.config.broker.password
        self.nvs.set(password_old=old)
        self.nvs.set(password=password)
        self.link.passwords = [password, old]


async def _blink(pin, seconds):
    for n in range(4 * seconds):
        pin.value(n & 1)
        await sleep_ms(250)


def run(safe=False, slot=None):
    """The program. It ends by Ctrl-C, by a configuration that is of no use, or in a restart of the chip."""
    gc.collect()
    gc.threshold(GARBAGE_BYTES)
    nvs = Nvs()
    recovery = Recovery(nvs, slot, safe)
    broken = None
    try:
        document = read()
        parse(document, chip_id())
    except ConfigError as error:
        if recovery.trial:
            raise  # the next start has the old one
        print(error)
        broken = plain(error)
        try:
            document = read(GOOD)
        except ConfigError:
            return
        recovery.notes.append("config-broken")
    board = Board(document, nvs, recovery, slot, safe, broken)
    try:
        asyncio.run(board.live())
        machine.reset()
    except KeyboardInterrupt:
        asyncio.run(board.link.stop())
        depth, dropped = [sum([getattr(each, name) for each in board.kept]) for name in ("depth", "dropped")]
        print("stopped: %d records kept, %d dropped" % (depth, dropped))
        if board.spill:
            board.spill.move()
