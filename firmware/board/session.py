"""One MQTT connection of one board: from CONNECT until it breaks or is left. `board.link` makes the next one."""

import asyncio

from campus.wire.lifecycle import encode_availability
from campus.wire.topics import board_topic

from . import mqtt
from .port import const, sleep_ms, wait_for_ms

ANSWER_MS = 10000  # for a connection, CONNACK, a write, PUBACK, SUBACK, PINGRESP
KEEPALIVE_S = 30
UNANSWERED = 8  # packets the broker may owe us an answer to before we wait with the next message
_RECEIVE_BYTES = const(2048)
_RECEIVED = const(16)  # messages that wait for our acknowledgement; more at once are a fault, and come again


class Session:
    """Its methods raise OSError, EOFError or asyncio.TimeoutError once the connection is broken.

    config: site, board, broker. uptime() -> rising integer ms. password: instead of the broker's own.
    secure: (TLS context, name the certificate has to bear), or None.
    """

    def __init__(self, config, boot, uptime, password=None, secure=None):
        self.config = config
        self.boot = boot
        self.uptime = uptime
        self.password = password
        self.secure = secure
        self._reader = self._writer = None
        self._error = None
        self._packet_id = 0
        self._unanswered = {}  # packet id, or 0 for a ping -> when it was sent; the answers may come in any order
        self._heard_at = self._said_at = self._opened_at = 0
        self._owed = []  # packet ids that we have to acknowledge; one task writes, so that no packet is cut by another
        self.reached = False  # whether there was somebody to talk to at all
        self.lasted = False  # whether it lived long enough to call the broker healthy
        self.rtt_ms = None  # of the latest ping

    async def open(self):
        """Connect and sign in, with the will that says `lost`."""
        config = self.config
        broker = config.broker
        # The name is looked up in here, which blocks on a board: config.json better has an address.
        ssl, name = self.secure or (None, None)
        opening = asyncio.open_connection(broker.host, broker.port, ssl=ssl, server_hostname=name)
        self._reader, self._writer = await wait_for_ms(opening, ANSWER_MS)
        will = encode_availability(self.boot, "lost")
        client_id = config.site + "." + config.board
        topic = self._topic("availability")
        password = self.password or broker.password
        user = broker.user or (config.board if password else None)
        await self._write(mqtt.connect(client_id, KEEPALIVE_S, topic, will, user, password))
        self.reached = True
        kind, _, body = await wait_for_ms(mqtt.read(self._reader, _RECEIVE_BYTES), ANSWER_MS)
        if kind != mqtt.CONNACK or body is None:
            raise mqtt.MqttError("no CONNACK")
        mqtt.connack(body)
        self._opened_at = self._heard_at = self.uptime()

    async def close(self):
        """Let the connection go; without `leave` before it the broker publishes the will."""
        if self._writer:
            try:
                self._writer.close()  # does the work on CPython, wait_closed on MicroPython
                await wait_for_ms(self._writer.wait_closed(), 1000)
            except Exception:  # already broken, which is why we close it
                pass

    def ready(self):
        """Whether the broker keeps up with us."""
        return len(self._unanswered) < UNANSWERED

    def check(self):
        """Raises if the connection broke or the broker left an answer out."""
        now = self.uptime()
        if self._error:
            raise self._error
        for sent_at in self._unanswered.values():
            if now - sent_at > ANSWER_MS:
                raise asyncio.TimeoutError("the broker did not answer")
        if now - self._opened_at > ANSWER_MS:
            self.lasted = True

    async def publish(self, leaf, payload, retain=False):
        """Publish with QoS 1 on one of the board's topics; the packet's id, for `answered`."""
        number = self._await_answer()
        await self._write(mqtt.publish(self._topic(leaf), payload, number, retain))
        return number

    def answered(self, number):
        """Whether the broker acknowledged this packet."""
        return number not in self._unanswered

    async def subscribe(self, leaf, qos=0):
        await self._write(mqtt.subscribe(self._await_answer(), self._topic(leaf), qos))

    async def acknowledge(self):
        """Acknowledge what we received."""
        while self._owed:
            await self._write(mqtt.puback(self._owed.pop(0)))

    async def keep_alive(self, at_once=False):
        """Ping when half the keepalive passed without a word of one side: this is how a half-open TCP shows."""
        now = self.uptime()
        due = at_once or now - min(self._heard_at, self._said_at) > KEEPALIVE_S * 500
        if due and 0 not in self._unanswered:
            self._unanswered[0] = now
            await self._write(mqtt.PINGREQ)

    async def leave(self):
        """Wait up to 2 s for the last answers, then say DISCONNECT, so that the broker publishes no will."""
        for _ in range(40):
            if not self._unanswered or self._error:
                break
            await sleep_ms(50)
        await self._write(mqtt.DISCONNECT)

    async def listen(self, on_message, wake):
        """Take packets until the connection breaks; `check` then raises.

        on_message(topic, payload, retained) for each message, wake() when the sender can go on.
        """
        try:
            while True:
                reading = mqtt.read(self._reader, _RECEIVE_BYTES)
                self._take(on_message, wake, *await wait_for_ms(reading, KEEPALIVE_S * 1500))
        except Exception as error:
            self._error = error
            wake()

    def _take(self, on_message, wake, kind, flags, body):
        """Outside of `listen`, which would hold a packet's memory until the next one comes."""
        self._heard_at = self.uptime()
        if kind == mqtt.PUBLISH and body is not None:
            topic, payload, number = mqtt.message(flags, body)
            if number and len(self._owed) < _RECEIVED:
                self._owed.append(number)
                wake()
            on_message(topic, payload, flags & 1)
        elif kind == mqtt.PINGRESP and 0 in self._unanswered:
            self.rtt_ms = self._heard_at - self._unanswered.pop(0)
        elif kind == mqtt.PUBACK or kind == mqtt.SUBACK:
            body = body or b""
            self._unanswered.pop(mqtt.packet_id(body), None)
            if kind == mqtt.SUBACK and body[-1] == 0x80:
                raise mqtt.MqttError("the broker does not let us read our own topics")
        if not self._unanswered:
            wake()

    def _topic(self, leaf):
        return board_topic(self.config.site, self.config.board, leaf)

    def _await_answer(self):
        self._packet_id = self._packet_id % 65535 + 1
        self._unanswered[self._packet_id] = self.uptime()
        return self._packet_id

    async def _write(self, packet):
        """A timeout may leave half a packet behind: like every error here it ends the session."""
        if not self._writer:
            raise OSError("there is no connection")
        self._writer.write(packet)
        await wait_for_ms(self._writer.drain(), ANSWER_MS)
        self._said_at = self.uptime()
