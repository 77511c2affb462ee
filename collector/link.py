"""The collector's connection to the broker. With client.py the only module that knows paho.

One thread owns a BrokerLink: it calls `turn()`, and everything happens inside that call or `acknowledge()`: messages
arrive, acknowledgements and publications leave. Only `publish()` may be called from other threads.
A new paho client is made for each connection, so that nothing of an old connection can leak into the next.
"""

import logging
import random
import select
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import MQTTProtocolVersion

from campus.wire.server import CANARY
from collector.address import BrokerAddress
from collector.canary import Canary
from collector.client import Client, OnMessage, Ticket, Will, new_client, properties_of, refusal

log = logging.getLogger(__name__)

KEEPALIVE_S = 60
FIRST_DELAY_S, LAST_DELAY_S = 0.25, 15.0
HANDSHAKE_S = 10.0
MAX_READ = 1_000  # messages of one turn: acknowledgements must get their turn too
MAX_PUBLICATIONS = 10_000


class BrokerLink:
    """Subscribes on every connect, in a persistent session. Reconnects by itself, with growing delays.

    `room` says how many messages can be taken, and no more are read: mosquitto 2.0.11 keeps to Receive Maximum
    (`capacity`) only until the first acknowledgement. Should `on_message` return False all the same, the connection is
    given up, and the broker sends again on the next. `canary` shows whether the broker delivers at all; without one, a
    silent connection is believed. `automatic` acknowledges on arrival: only to show what that loses. `unwanted` filters
    of an earlier run are taken out of the session.
    """

    def __init__(
        self,
        url: str,
        client_id: str,
        subscriptions: Sequence[str],
        on_message: OnMessage,
        clock: Callable[[], float],
        capacity: int = 10_000,
        will: Will | None = None,
        room: Callable[[], int] = lambda: MAX_READ,
        canary: Canary | None = None,
        automatic: bool = False,
        unwanted: Sequence[str] = (),
    ) -> None:
        self.address = BrokerAddress.parse(url)
        self._context = self.address.context()
        self._client_id = client_id
        self._canary = canary
        self._subscriptions, self._unwanted = [(each, 1) for each in subscriptions], list(unwanted)
        self._on_message = on_message
        self._clock = clock
        self._receive_maximum = max(1, min(capacity, 65_535))
        self._will = will
        self._room = room
        self._automatic = automatic
        self._client: Client | None = None
        older = self.address.protocol == "3.1.1"
        self._protocol = MQTTProtocolVersion.MQTTv311 if older else MQTTProtocolVersion.MQTTv5
        self._settled_protocol = self.address.protocol is not None
        self._publications: deque[tuple[str, bytes, int, bool]] = deque()
        self._delay = FIRST_DELAY_S
        self._next_attempt = 0.0
        self._handshake_until = 0.0
        self._refusal: str | None = None
        self._overflow = False
        self.generation = 0
        self.connected = False
        self.problem: str | None = "not connected yet"
        self.connections = 0
        self.unsent_publications = 0

    # the owner's thread

    def turn(self, wait_s: float) -> int:
        """Connect when it is due, read and write what is ready. Waits at most `wait_s`; returns messages received."""
        if self._client is None and not self._connect():
            select.select([], [], [], min(wait_s, max(0.0, self._next_attempt - self._clock())))
            return 0
        try:
            received = self._exchange(wait_s)
        except Exception as error:  # nothing that a broker sends may stop the collector
            self._lost(f"The broker {self.address} sent what is not MQTT ({type(error).__name__}: {error}).")
            return 0
        if self._client is not None and not self.connected and self._clock() > self._handshake_until:
            self._fall_back()
            self._lost(f"{self.address} accepts connections and does not answer as an MQTT broker.")
        if self._canary is not None and self.connected:
            self._tend(self._canary, received)
        return received

    def acknowledge(self, tickets: Sequence[Ticket | None]) -> int:
        """Acknowledge in this order; tickets of earlier connections are left out. Returns how many were sent."""
        client, generation = self._client, self.generation
        if client is None or client.socket() is None or self._automatic:
            return 0
        packet_ids = [ticket[1] for ticket in tickets if ticket is not None and ticket[0] == generation]
        client.acknowledge(packet_ids)
        self._flush()
        return len(packet_ids)

    def close(self) -> None:
        """Say goodbye, so that the broker does not send the will; the session stays for the next start."""
        client = self._client
        if client is not None and self.connected:
            if self._will is not None:
                client.publish(self._will.topic, self._will.bye, 1, True)
            client.disconnect()
            client.loop_write()
        self._drop(client)

    # any thread

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> bool:
        """Publish at QoS 0 on the owner's next turn. False, and counted, when there is no connection or no room."""
        if not self.connected or len(self._publications) >= MAX_PUBLICATIONS:
            self.unsent_publications += 1
            return False
        self._publications.append((topic, payload, 0, retain))
        return True

    # connection

    def _connect(self) -> bool:
        if self._clock() < self._next_attempt:
            return False
        client = self._new_client()
        try:
            client.connect(
                self.address.host, self.address.port, KEEPALIVE_S,
                **properties_of(self._protocol, self._receive_maximum),
            )  # fmt: skip
        except (OSError, ValueError) as error:  # ValueError: a host that cannot be a name
            self._drop(client)
            self._later(self.address.explain(error))
            return False
        self._client = client
        self._handshake_until = self._clock() + HANDSHAKE_S
        self._refusal = None
        return True

    def _new_client(self) -> Client:
        client = new_client(self._client_id, self._protocol, not self._automatic)
        if self.address.user is not None:
            client.username_pw_set(self.address.user, self.address.password)
        if self._context is not None:
            client.tls_set_context(self._context)
        if self._will is not None:
            client.will_set(self._will.topic, self._will.lost, 1, True)
        client.on_connect = self._answered
        client.on_disconnect = self._disconnected
        client.on_subscribe = self._subscribed
        client.arrived, client.has_room = self._arrived, self._may_take
        client.on_message = lambda _client, _data, m: self._arrived(
            m._topic, bytes(m.payload), m.retain, m.mid
        )
        return client

    def _answered(self, client: mqtt.Client, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if client is not self._client:
            return
        if code.is_failure:
            told, wrong_protocol = refusal(code)
            self._refusal = f"The broker {self.address} {told}."
            if wrong_protocol:
                self._fall_back()
            return
        self.generation += 1
        self.connections += 1
        self.connected = True
        if self._canary is None or not self._canary.begin(self._clock()):
            self.problem = None
        self._delay = FIRST_DELAY_S
        self._settled_protocol = True
        if self._unwanted:
            client.unsubscribe(self._unwanted)
        client.subscribe(self._subscriptions)
        if self._will is not None:
            client.publish(self._will.topic, self._will.alive, 1, True)

    def _subscribed(self, client: mqtt.Client, _data: Any, _id: Any, codes: Any, _properties: Any) -> None:
        if client is self._client and any(code.is_failure for code in codes):
            self._lost(
                f"The broker {self.address} does not let us read what boards send: look at our rights there."
            )

    def _disconnected(self, client: Any, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if client is self._client:
            if not self.connected and self._refusal is None:
                self._fall_back()
            self._lost(self._refusal or f"The connection to {self.address} was lost ({code}).")

    def _fall_back(self) -> None:
        """MQTT 3.1.1 and 5 in turn, until one of them has been accepted once."""
        if not self._settled_protocol:
            five = self._protocol == MQTTProtocolVersion.MQTTv5
            self._protocol = MQTTProtocolVersion.MQTTv311 if five else MQTTProtocolVersion.MQTTv5

    def _lost(self, problem: str) -> None:
        client, self._client = self._client, None
        self._drop(client)
        self._later(problem)

    def _drop(self, client: Client | None) -> None:
        self._client = None
        self.connected = False
        self._publications.clear()
        if client is not None:
            client.on_disconnect = client.on_connect = client.on_subscribe = client.on_message = None
            sock: Any = client.socket()
            if sock is not None:
                sock.close()

    def _later(self, problem: str) -> None:
        self.problem = problem
        self._next_attempt = self._clock() + self._delay * random.uniform(0.5, 1.0)  # noqa: S311
        self._delay = min(self._delay * 2, LAST_DELAY_S)

    # traffic

    def _exchange(self, wait_s: float) -> int:
        client = self._client
        sock: Any = client.socket() if client is not None else None
        if client is None or sock is None:
            self._lost(f"The connection to {self.address} was lost.")
            return 0
        self._send_publications(client)
        self._flush()
        room = self._room() if self.connected else MAX_READ
        pending = room > 0 and sock.pending()
        wanted = [sock] if room > 0 else []
        readable, _, _ = select.select(wanted, [sock] if sock.unsent else [], [], 0 if pending else wait_s)
        self._received = 0
        if readable or pending:
            client.loop_read()
            # Asked each time: the first read of a connection may bring messages beside the broker's answer.
            while self._client is client and sock.pending() and self._may_take():
                if not client.read_messages():
                    client.loop_read()
        if self._overflow:
            self._overflow = False
            self._lost("The queue was full: the connection was given up, the broker sends again.")
        if self._client is client:
            client.loop_write()
            client.loop_misc()
            self._flush()
        return self._received

    def _tend(self, canary: Canary, received: int) -> None:
        now = self._clock()
        if received:
            self.problem = None
            canary.alive(now)
        if silence := canary.silence(now, self._room() > 0):
            log.warning("%s: %s", self.address, silence)
            self._lost(f"The broker {self.address} {silence}")
        elif canary.due(now) and self._client is not None:
            self._client.publish(canary.topic, CANARY, 0)

    def _may_take(self) -> bool:
        """Whether this turn may take one more message."""
        return not self._overflow and self._received < MAX_READ and (not self.connected or self._room() > 0)

    def _arrived(self, topic: bytes, payload: bytes, retain: bool, packet_id: int) -> None:
        self._received += 1
        ticket = (self.generation, packet_id) if packet_id else None
        try:
            name = str(topic, "utf-8")
        except UnicodeDecodeError:
            name = ""
        if not self._on_message(name, payload, retain, ticket) and ticket is not None:
            self._overflow = True

    def _send_publications(self, client: Client) -> None:
        while self.connected and self._publications:
            topic, payload, qos, retain = self._publications.popleft()
            client.publish(topic, payload, qos, retain)

    def _flush(self) -> None:
        client = self._client
        if client is None:
            return
        client.loop_write()
        sock: Any = client.socket()
        try:
            if sock is not None:
                sock.flush()
        except OSError as error:
            self._lost(self.address.explain(error))
