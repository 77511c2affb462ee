"""The way to the broker: keeps Wi-Fi, keeps one MQTT session, sends what is kept, listens for `committed`.

Wi-Fi and MQTT are two loops that know nothing of each other's troubles. Every wait ends: after a timeout a connection
counts as broken, is closed, and is made anew after a growing, jittered pause.
"""

import asyncio

from campus.wire import lifecycle, telemetry
from campus.wire.errors import WireError

from .clock import Uptime
from .mqtt import MqttError
from .port import const, sleep_ms, wait_for_ms
from .retry import Backoff, Unanswered
from .session import Session

IDLE_MS = 500  # how often an idle link looks around; `wake` makes it look at once
RETRY_MS = 1000  # the first pause before Wi-Fi or the broker is tried again; it doubles
LONGEST_MS = 60000
_DRAIN_MS = const(200)  # pause between two messages from the flash, so that they stay behind the live ones
_MAX_SAYINGS = const(8)  # replies and reports that wait for the connection
_TLS_EOF = const(-29312)  # mbedTLS: the other side went away
OTHER, WIFI, TIMEOUT, CLOSED, REFUSED, UNTRUSTED, UNREACHED, PROTOCOL = range(8)
"""Why a session ended, as disconnects_mqtt counts it."""


class Link:
    """config: site, board, broker, resend_ms. outbox: the Outbox; spool: records on the flash, or None. secure: see
    Session. birth() -> the payload of the birth. radio: an object with connected() and async join(), or None where the
    system keeps the network. log(text). uptime() -> rising integer ms, for timeouts. remote(leaf, payload): takes
    "command" and "config/desired", or None where nobody asks.

    To be set before `run`: described(): the birth is sent again when what it gives has changed, as it is when the
    clock's quality (clock.quality()) has; alive(): called as long as the link goes on, connected or not;
    passwords: to try in turn, instead of the broker's own.
    """

    def __init__(
        self, config, outbox, clock, birth, radio=None, log=print, uptime=None, spool=None, secure=None, remote=None
    ):  # fmt: skip
        self._config = config
        self.outbox = outbox
        self._birth = birth
        self._radio = radio
        self._log = log
        self._uptime = uptime or Uptime()
        self._spool = spool
        self._secure = secure
        self._wake = asyncio.Event()
        self._stopping = False
        self._session = None
        self._unanswered = [
            Unanswered(each, self._uptime, config.resend_ms) for each in (outbox, spool) if each
        ]
        self._sayings = []
        self._drained_at = 0
        self._ping = self._rebirth = False
        self._lost_at = None
        self.described = clock.quality
        self.alive = lambda: None
        self._remote = remote
        self.passwords = [None]
        self.signed_in = None  # which of them the broker took
        self.accepted = False  # whether the broker acknowledged the birth of this session
        self.connections = 0
        self.connect_ms = None  # how long it took to be connected again, at last
        self.losses = {}  # why a session ended, or was not to be had -> how often

    @property
    def connected(self):
        """Whether the broker has accepted us and not gone since."""
        return self._session is not None

    def wake(self):
        """There is something to send: look at once."""
        self._wake.set()

    def say(self, leaf, payload, retain=False):
        """Publish when there is a connection. Of too many that wait the oldest is given up."""
        self._sayings.append((leaf, payload, retain))
        del self._sayings[:-_MAX_SAYINGS]
        self.wake()

    def rebirth(self):
        """Send the birth again."""
        self._rebirth = True
        self.wake()

    async def ping(self):
        """The broker's round trip in ms. Raises OSError without a connection, asyncio.TimeoutError."""
        session = self._session
        if not session:
            raise OSError("there is no connection")
        session.rtt_ms = None
        self._ping = True
        self.wake()
        for _ in range(100):
            await sleep_ms(10)
            if session.rtt_ms is not None:
                return session.rtt_ms
        raise asyncio.TimeoutError()

    async def run(self):
        """Keep the link until `stop`. Raises nothing: what goes wrong is logged and tried again."""
        wifi = asyncio.create_task(self._keep_wifi(self._radio)) if self._radio else None
        try:
            await self._keep_session()
        finally:
            if wifi:
                wifi.cancel()

    async def stop(self, within_ms=5000):
        """End `run` in good order: say `offline`, wait for the broker's answer, disconnect."""
        self._stopping = True
        self._wake.set()
        while self._session and within_ms > 0:
            await sleep_ms(50)
            within_ms -= 50

    async def send(self, message, source=None):
        """Publish one Telemetry of the outbox, or of `source`; its records are kept until `committed` covers them."""
        source = source or self.outbox
        if not self._session:
            raise OSError("there is no connection")
        if self._spool and source is self.outbox:
            low = self._spool.low(message.boot)
            if low is not None:
                message = telemetry.Telemetry(message.boot, message.seq, low, *message[3:])
        try:
            payload = telemetry.encode(message)
        except WireError as error:  # it would be refused in every session, and stop what is behind it
            self._log("telemetry: %s" % error)
            source.refuse(message)
            return
        # Marked first: `committed` may arrive while we still wait for the socket.
        source.sent(message)
        await self._session.publish("telemetry", payload)

    async def _keep_wifi(self, radio):
        backoff = Backoff(RETRY_MS, LONGEST_MS)
        while True:
            if self._joined() or getattr(radio, "resting", False):  # resting: the portal has the antenna
                backoff.reset()
                await sleep_ms(1000)
                continue
            try:
                joined = await radio.join()
            except Exception as error:  # the driver's own errors are many, and none may end the loop
                self._log("wi-fi: %r" % (error,))
                joined = False
            if not joined:
                await sleep_ms(backoff.next_ms())

    def _joined(self):
        try:
            return self._radio is None or self._radio.connected()
        except Exception as error:  # no word of the driver may end a loop
            self._log("wi-fi: %r" % (error,))
            return False

    async def _keep_session(self):
        backoff = Backoff(RETRY_MS, LONGEST_MS)
        while not self._stopping:
            self.alive()
            if not self._joined():
                await self._pause(IDLE_MS)
                continue
            session = Session(self._config, self.outbox.boot, self._uptime, self.passwords[0], self._secure)
            try:
                await session.open()
                self._session = session
                self.signed_in = self.passwords[0]
                self.connections += 1
                if self._lost_at is not None:
                    self.connect_ms = self._uptime() - self._lost_at
                await self._converse(session)
            except Exception as error:  # whatever ended one session, the board goes on to the next
                self._log("mqtt: %r" % (error,))
                self._count(error, session.reached)
            finally:
                await session.close()
                if self._session:
                    self._lost_at = self._uptime()
                self._session = None
                self.accepted = False
            if session.lasted:
                backoff.reset()
            await self._rest(backoff.next_ms())

    def _count(self, error, reached):
        cause = _cause(error, reached) if self._joined() else WIFI
        self.losses[cause] = self.losses.get(cause, 0) + 1
        if cause == REFUSED:
            self.passwords.append(self.passwords.pop(0))

    async def _converse(self, session):
        """One session from the birth to the farewell. Raises what ended it."""
        boot = self.outbox.boot
        born = number = None
        for each in self._unanswered:
            each.all_again()
        listener = asyncio.create_task(session.listen(self._on_message, self.wake))
        try:
            await session.publish("availability", lifecycle.encode_availability(boot, "online"), retain=True)
            await session.subscribe("committed")
            if self._remote:
                await session.subscribe("command", 1)
                await session.subscribe("config/desired", 1)
            while not self._stopping:
                self.alive()
                session.check()
                await session.acknowledge()
                described = self.described()
                # After a late sync too: the birth then says what to add to times since boot.
                if described != born or self._rebirth:
                    self._rebirth = False
                    number = await session.publish("birth", self._birth(), retain=True)
                    born = described
                self.accepted = self.accepted or session.answered(number)
                for each in self._unanswered:
                    each.look()
                if self._ping:
                    self._ping = False
                    await session.keep_alive(True)
                if not session.ready() or not await self._say_or_send(session):
                    await session.keep_alive()
                    await self._pause(_DRAIN_MS if self._spool and self._spool.depth else IDLE_MS)
            await session.publish("availability", lifecycle.encode_availability(boot, "offline"), retain=True)
            await session.leave()
        finally:
            listener.cancel()
            await sleep_ms(0)  # it lets go of the socket before that is closed

    async def _say_or_send(self, session):
        """Publish the next thing that waits: what we have to say, live records, those of the flash. Whether any did."""
        if self._sayings:
            leaf, payload, retain = self._sayings.pop(0)
            await session.publish(leaf, payload, retain)
            return True
        message = self.outbox.message()
        if message:
            await self.send(message)
            return True
        spool = self._spool
        if spool and spool.depth and self._uptime() - self._drained_at >= _DRAIN_MS:
            message = spool.message()
            if message:
                self._drained_at = self._uptime()
                await self.send(message, spool)
                return True
        return False

    def _on_message(self, topic, payload, retained):
        leaf = topic.split("/", 4)[4]
        if leaf != "committed":
            if self._remote and (leaf != "command" or not retained):
                self._remote(leaf, payload)
            return
        try:
            committed = lifecycle.decode_committed(payload)
        except WireError as error:
            self._log("committed: %s" % error)
            return
        self.outbox.committed(committed.boot, committed.seq, committed.also)
        if self._spool:
            self._spool.committed(committed.boot, committed.seq, committed.also)

    async def _rest(self, ms):
        """All of `ms`, however much there is to send meanwhile; only `stop` ends it."""
        while ms > 0 and not self._stopping:
            self.alive()
            await sleep_ms(min(ms, 250))
            ms -= 250

    async def _pause(self, ms):
        """At most `ms`; `wake` ends it."""
        try:
            await wait_for_ms(self._wake.wait(), ms)
        except asyncio.TimeoutError:
            pass
        self._wake.clear()


def _cause(error, reached):
    """Which of the causes above ended a session; `reached`: whether there was somebody to talk to."""
    number = getattr(error, "errno", None)
    if type(number) is not int:  # on MicroPython it is what any exception bears, such as a MemoryError's text
        number = 0
    if isinstance(error, asyncio.TimeoutError):
        return TIMEOUT if reached else UNREACHED
    if isinstance(error, EOFError):
        return CLOSED
    if isinstance(error, MqttError):
        return REFUSED if getattr(error, "refused", False) else PROTOCOL
    if isinstance(error, ValueError) or -4096 > number != _TLS_EOF:
        return UNTRUSTED  # a certificate that is refused is a ValueError, the rest are mbedTLS's numbers
    if isinstance(error, OSError):
        return CLOSED if reached else UNREACHED
    return OTHER
