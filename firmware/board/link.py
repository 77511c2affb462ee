"""The way to the broker: keeps Wi-Fi, keeps one MQTT session, sends what the outbox holds, listens for `committed`.

Wi-Fi and MQTT are two loops that know nothing of each other's troubles. Every wait ends: after a timeout a connection
counts as broken, is closed, and is made anew after a growing, jittered pause.
"""

import asyncio
import os

from campus.wire import lifecycle, telemetry
from campus.wire.errors import WireError

from .clock import Uptime
from .port import sleep_ms, wait_for_ms
from .session import Session

IDLE_MS = 500  # how often an idle link looks around; `wake` makes it look at once
RETRY_MS = 1000  # the first pause before Wi-Fi or the broker is tried again; it doubles
LONGEST_MS = 60000
PROBE = 16  # records sent again at a time while nobody answers: enough to learn that the collector is back


class Backoff:
    """Pauses that double from `first_ms` to `most_ms`, each cut by up to half at random, so that boards which lost
    the same broker do not return at once. random() -> 0..255."""

    def __init__(self, first_ms, most_ms, random=lambda: os.urandom(1)[0]):
        self._first_ms = first_ms
        self._most_ms = most_ms
        self._random = random
        self.reset()

    def reset(self):
        self._ms = self._first_ms

    def next_ms(self):
        ms = self._ms
        self._ms = min(ms * 2, self._most_ms)
        return ms - ms * self._random() // 512


class Link:
    """config: site, board, broker, resend_ms. outbox: the Outbox. clock: an object with quality().

    birth() -> the payload of the birth: sent on every connection, and again when the clock's quality changes.
    radio: an object with connected() and async join(), or None where the system keeps the network.
    log(text). uptime() -> rising integer ms, for timeouts.
    """

    def __init__(self, config, outbox, clock, birth, radio=None, log=print, uptime=None):
        self._config = config
        self.outbox = outbox
        self._clock = clock
        self._birth = birth
        self._radio = radio
        self._log = log
        self._uptime = uptime or Uptime()
        self._wake = asyncio.Event()
        self._stopping = False
        self._session = None
        self._unanswered = Unanswered(outbox, self._uptime, config.resend_ms)
        self.connections = 0
        self.joins = 0

    @property
    def connected(self):
        """Whether the broker has accepted us and not gone since."""
        return self._session is not None

    def wake(self):
        """There is something to send: look at once."""
        self._wake.set()

    async def run(self):
        """Keep the link until `stop`. Raises nothing: what goes wrong is logged and tried again."""
        wifi = asyncio.create_task(self._keep_wifi()) if self._radio else None
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

    async def send(self, message):
        """Publish one Telemetry. The outbox keeps its records until `committed` covers them."""
        if not self._session:
            raise OSError("there is no connection")
        try:
            payload = telemetry.encode(message)
        except WireError as error:  # it would be refused in every session, and stop what is behind it
            self._log("telemetry: %s" % error)
            self.outbox.refuse(message)
            return
        # Marked first: `committed` may arrive while we still wait for the socket.
        self.outbox.sent(message)
        await self._session.publish("telemetry", payload)

    async def _keep_wifi(self):
        backoff = Backoff(RETRY_MS, LONGEST_MS)
        while True:
            if self._joined():
                backoff.reset()
                await sleep_ms(1000)
                continue
            try:
                joined = await self._radio.join()
            except Exception as error:  # the driver's own errors are many, and none may end the loop
                self._log("wi-fi: %r" % (error,))
                joined = False
            if joined:
                self.joins += 1
            else:
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
            if not self._joined():
                await self._pause(IDLE_MS)
                continue
            session = Session(self._config, self.outbox.boot, self._uptime)
            try:
                await session.open()
                self._session = session
                self.connections += 1
                await self._converse(session)
            except Exception as error:  # whatever ended one session, the board goes on to the next
                self._log("mqtt: %r" % (error,))
            finally:
                await session.close()
                self._session = None
            if session.lasted:
                backoff.reset()
            await self._rest(backoff.next_ms())

    async def _converse(self, session):
        """One session from the birth to the farewell. Raises what ended it."""
        boot = self.outbox.boot
        born = None
        self._unanswered.all_again()
        listener = asyncio.create_task(session.listen(self._on_message, self.wake))
        try:
            await session.publish("availability", lifecycle.encode_availability(boot, "online"), retain=True)
            await session.subscribe("committed")
            while not self._stopping:
                session.check()
                quality = self._clock.quality()
                if quality != born:  # a late sync too: the birth then says what to add to times since boot
                    await session.publish("birth", self._birth(), retain=True)
                    born = quality
                self._unanswered.look()
                message = self.outbox.message() if session.ready() else None
                if message:
                    await self.send(message)
                else:
                    await session.keep_alive()
                    await self._pause(IDLE_MS)
            await session.publish("availability", lifecycle.encode_availability(boot, "offline"), retain=True)
            await session.leave()
        finally:
            listener.cancel()
            await sleep_ms(0)  # it lets go of the socket before that is closed

    def _on_message(self, topic, payload):
        if not topic.endswith("/committed"):
            return
        try:
            committed = lifecycle.decode_committed(payload)
        except WireError as error:
            self._log("committed: %s" % error)
            return
        self.outbox.committed(committed.boot, committed.seq, committed.also)

    async def _rest(self, ms):
        """All of `ms`, however much there is to send meanwhile; only `stop` ends it."""
        while ms > 0 and not self._stopping:
            await sleep_ms(min(ms, 250))
            ms -= 250

    async def _pause(self, ms):
        """At most `ms`; `wake` ends it."""
        try:
            await wait_for_ms(self._wake.wait(), ms)
        except asyncio.TimeoutError:
            pass
        self._wake.clear()


class Unanswered:
    """Sends records again when the oldest one in flight stays uncommitted, after pauses that grow until it moves, or
    until someone answers again after a silence. A full outbox that drops its oldest is no answer."""

    def __init__(self, outbox, uptime, first_ms):
        self._outbox = outbox
        self._uptime = uptime
        self._backoff = Backoff(first_ms, 300000)
        self._silent = False  # the latest records sent again were met with silence, as all before them
        self._watch()

    def all_again(self):
        """A new connection: what the old one carried may have gone with it."""
        self._outbox.resend()
        self._begin()

    def look(self):
        """Called often; acts when the time has come."""
        outbox = self._outbox
        if outbox.answers != self._answers or not outbox.in_flight:
            self._begin()
        elif self._silent and outbox.freed != self._freed:
            self._begin()
        elif self._uptime() - self._since > self._patience_ms:
            self._silent = outbox.freed == self._freed
            outbox.resend(PROBE)
            self._watch()

    def _begin(self):
        self._silent = False
        self._backoff.reset()
        self._watch()

    def _watch(self):
        self._answers = self._outbox.answers
        self._freed = self._outbox.freed
        self._since = self._uptime()
        self._patience_ms = self._backoff.next_ms()
