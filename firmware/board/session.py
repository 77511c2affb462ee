"""One MQTT connection of one board: from CONNECT until it breaks or is left. `board.link` makes the next one."""

import asyncio

from campus.wire import lifecycle
from campus.wire.topics import board_topic

from . import mqtt
from .port import sleep_ms, wait_for_ms

ANSWER_MS = 10000  # for a connection, CONNACK, a write, PUBACK, SUBACK, PINGRESP
KEEPALIVE_S = 30
UNANSWERED = 8  # packets the broker may owe us an answer to before we wait with the next message
RECEIVE_BYTES = 2048


class Session:
    """Its methods raise OSError, EOFError or asyncio.TimeoutError once the connection is broken.

    config: site, board, broker. uptime() -> rising integer ms.
    """

    def __init__(self, config, boot, uptime):
        self._config = config
        self._boot = boot
        self._uptime = uptime
        self._reader = self._writer = None
        self._error = None
        self._packet_id = 0
        self._unanswered = {}  # packet id -> when it was sent; the answers may come in any order
        self._heard_at = self._said_at = self._opened_at = 0
        self._pinged_at = None
        self.lasted = False  # whether it lived long enough to call the broker healthy

    async def open(self):
        """Connect and sign in, with the will that says `lost`."""
        config = self._config
        broker = config.broker
        # The name is looked up in here, which blocks on a board: config.json better has an address.
        self._reader, self._writer = await wait_for_ms(
            asyncio.open_connection(broker.host, broker.port), ANSWER_MS
        )
        will = lifecycle.encode_availability(self._boot, "lost")
        client_id = config.site + "." + config.board
        topic = self._topic("availability")
        await self._write(mqtt.connect(client_id, KEEPALIVE_S, topic, will, broker.user, broker.password))
        kind, _, body = await wait_for_ms(mqtt.read(self._reader, RECEIVE_BYTES), ANSWER_MS)
        if kind != mqtt.CONNACK or body is None:
            raise mqtt.MqttError("the broker did not answer CONNECT with CONNACK")
        mqtt.connack(body)
        self._opened_at = self._heard_at = self._uptime()

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
        now = self._uptime()
        if self._error:
            raise self._error
        for sent_at in self._unanswered.values():
            if now - sent_at > ANSWER_MS:
                raise OSError("the broker did not acknowledge a packet")
        if self._pinged_at is not None and now - self._pinged_at > ANSWER_MS:
            raise OSError("the broker did not answer a ping")
        if now - self._opened_at > ANSWER_MS:
            self.lasted = True

    async def publish(self, leaf, payload, retain=False):
        """Publish with QoS 1 on one of the board's topics."""
        await self._write(mqtt.publish(self._topic(leaf), payload, self._await_answer(), retain))

    async def subscribe(self, leaf):
        await self._write(mqtt.subscribe(self._await_answer(), self._topic(leaf)))

    async def keep_alive(self):
        """Ping when half the keepalive passed without a word of one side: this is how a half-open TCP shows."""
        now = self._uptime()
        if self._pinged_at is None and now - min(self._heard_at, self._said_at) > KEEPALIVE_S * 500:
            self._pinged_at = now
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

        on_message(topic, payload) for each message, wake() when the sender can go on.
        """
        try:
            while True:
                kind, flags, body = await wait_for_ms(
                    mqtt.read(self._reader, RECEIVE_BYTES), KEEPALIVE_S * 1500
                )
                self._heard_at = self._uptime()
                if kind == mqtt.PUBLISH and body is not None:
                    topic, payload, _ = mqtt.message(flags, body)
                    on_message(topic, payload)
                elif kind == mqtt.PUBACK or kind == mqtt.SUBACK:
                    self._unanswered.pop(mqtt.packet_id(body or b""), None)
                    if kind == mqtt.SUBACK and body[-1] == 0x80:
                        raise mqtt.MqttError("the broker does not let us read our own topics")
                    if not self._unanswered:
                        wake()
                elif kind == mqtt.PINGRESP:
                    self._pinged_at = None
        except Exception as error:
            self._error = error
            wake()

    def _topic(self, leaf):
        return board_topic(self._config.site, self._config.board, leaf)

    def _await_answer(self):
        self._packet_id = self._packet_id % 65535 + 1
        self._unanswered[self._packet_id] = self._uptime()
        return self._packet_id

    async def _write(self, packet):
        """A timeout may leave half a packet behind: like every error here it ends the session."""
        self._writer.write(packet)
        await wait_for_ms(self._writer.drain(), ANSWER_MS)
        self._said_at = self._uptime()
