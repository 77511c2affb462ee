"""Commands to boards over MQTT, and what they say to them. For `campus board`: the one module there that knows paho.

A board that is away hears no command, for commands are never retained; what it is to be configured as waits for it.
"""

import secrets
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from campus.errors import CampusError, UsageError
from campus.wire.errors import WireError
from campus.wire.remote import Desired, decode_desired
from campus.wire.server import (
    Birth,
    Reply,
    Reported,
    decode_availability,
    decode_birth,
    decode_reply,
    decode_reported,
    encode_command,
    encode_desired,
    parse,
    subscription,
)
from campus.wire.topics import board_topic
from collector.address import BrokerAddress
from collector.client import REFUSED
from collector.pipeline import now_ms

CONNECT_S = 10.0
AGAIN_S = 5.0  # a command without an answer is sent again
QUIET_S = 0.5  # a broker that sent nothing for so long has repeated all that it keeps
DECODE: dict[str, Callable[[bytes], Any]] = {
    "availability": decode_availability,
    "birth": decode_birth,
    "reply": decode_reply,
    "config/desired": decode_desired,
    "config/reported": decode_reported,
}

Found = TypeVar("Found")


class NoAnswer(CampusError):
    """The broker is there, and the board did not answer in time."""


class NotAllowed(CampusError):
    """The broker does not let this user read a topic."""


class Operator:
    """`with Operator(url) as operator` connects. Methods raise CampusError where the broker is away.

    Of each topic that is listened to the latest message is kept, decoded; what breaks the contract is left out. paho
    has a thread of its own and comes back by itself when the connection breaks; the methods are for one other thread.
    """

    def __init__(self, url: str, clock_ms: Callable[[], int] = now_ms) -> None:
        self._address = BrokerAddress.parse(url)
        self._clock_ms = clock_ms
        self._change = threading.Condition()
        self._connected = self._refused = False
        self._problem = f"{self._address} accepts connections and does not answer as an MQTT broker."
        self._filters: list[str] = []
        self._confirmed: dict[int, bool] = {}  # of each SUBSCRIBE: whether the broker allows it
        self._heard: dict[str, Any] = {}  # topic -> the latest message there
        self._messages = 0
        self._client = self._new_client()

    def __enter__(self) -> "Operator":
        try:
            self._client.connect(self._address.host, self._address.port)
        except OSError as error:
            raise CampusError(self._address.explain(error)) from error
        self._client.loop_start()
        self._wait(lambda: self._connected or self._refused or None, CONNECT_S)
        if not self._connected:
            self.__exit__()
            raise CampusError(self._problem)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def call(self, site: str, board: str, op: str, args: dict[str, Any], timeout_s: float = 20.0) -> Reply:
        """The board's answer to a command, ok or not. Raises NoAnswer, and UsageError for args that are too large.

        Until it comes the same command is sent again: a board runs an id once, and answers it each time. One that does
        not know the time cannot tell whether a command is too late: it is asked once more, without an expiry.
        """
        expires_ms = self._clock_ms() + int(timeout_s * 1000)
        reply = self._call(site, board, op, args, timeout_s, expires_ms)
        if not reply.ok and reply.error["code"] == "clock":
            reply = self._call(site, board, op, args, timeout_s, None)
        return reply

    def _call(
        self, site: str, board: str, op: str, args: dict[str, Any], timeout_s: float, expires_ms: int | None
    ) -> Reply:
        command, reply = (board_topic(site, board, leaf) for leaf in ("command", "reply"))
        self._listen(reply)
        id = f"op-{secrets.token_hex(8)}"
        payload = _encoded(encode_command, id, op, args, expires_ms)
        until = time.monotonic() + timeout_s
        while (left_s := until - time.monotonic()) > 0:
            if self._connected:
                self._client.publish(command, payload, 1)
            found = self._wait(self._latest(reply, lambda told: told.id == id), min(AGAIN_S, left_s))
            if found is not None:
                return found
        self._check()
        raise NoAnswer(f"The board {board} did not answer within {timeout_s:.0f} s.")

    def desire(
        self, site: str, board: str, rev: int, config: dict[str, Any], timeout_s: float
    ) -> Reported | None:
        """Leave word of what the board is to be configured as; returns its first report of that, None for none in time.

        Raises UsageError for more than a board takes.
        """
        payload = _encoded(encode_desired, rev, config)
        self._listen(board_topic(site, board, "config/reported"))
        self._check()
        told = self._client.publish(board_topic(site, board, "config/desired"), payload, 1, retain=True)
        try:
            told.wait_for_publish(CONNECT_S)
            taken = told.is_published()
        except (RuntimeError, ValueError):  # the connection broke just now
            taken = False
        if not taken:
            self._check()
            raise CampusError(f"{self._address} did not take the configuration within {CONNECT_S:.0f} s.")
        return self.heard(site, board, "config/reported", lambda report: report.rev >= rev, timeout_s)

    def desired(self, site: str, board: str) -> Desired | None:
        """What the board is to be configured as; None: nothing was desired yet, or the broker does not tell us."""
        try:
            found: Desired | None = self.heard(site, board, "config/desired", _any, QUIET_S)
        except NotAllowed:
            return None
        return found

    def reported(self, site: str, board: str) -> Reported | None:
        """What the board last made of its configuration; None: nothing yet."""
        found: Reported | None = self.heard(site, board, "config/reported", _any, QUIET_S)
        return found

    def births(self, site: str) -> dict[str, Birth]:
        """board -> the latest birth of every board of a site."""
        self._listen(subscription("birth", site))
        until, before = time.monotonic() + CONNECT_S, -1
        while self._messages != before and time.monotonic() < until:
            before = self._messages
            time.sleep(QUIET_S)
        self._check()
        with self._change:
            heard = [(parse(topic), message) for topic, message in self._heard.items()]
        return {topic.name: birth for topic, birth in heard if (topic.site, topic.leaf) == (site, "birth")}

    def heard(self, site: str, board: str, leaf: str, holds: Callable[[Any], bool], timeout_s: float) -> Any:
        """The latest message of a board's topic as soon as it `holds`; None when that does not come in time."""
        topic = board_topic(site, board, leaf)
        self._listen(topic)
        found = self._wait(self._latest(topic, holds), timeout_s)
        if found is None:
            self._check()
        return found

    # waiting

    def _wait(self, found: Callable[[], Found | None], timeout_s: float) -> Found | None:
        with self._change:
            return self._change.wait_for(found, timeout_s)

    def _latest(self, topic: str, holds: Callable[[Any], bool]) -> Callable[[], Any]:
        def look() -> Any:
            message = self._heard.get(topic)
            return message if message is not None and holds(message) else None

        return look

    def _check(self) -> None:
        if not self._connected:
            raise CampusError(self._problem)

    def _listen(self, filter: str) -> None:
        """Have what the broker keeps there, and what comes from now on. Raises NotAllowed."""
        if filter in self._filters:
            return
        self._check()
        self._filters.append(filter)
        number = self._subscribe(filter)
        self._wait(lambda: number in self._confirmed or not self._connected or None, CONNECT_S)
        self._check()
        if number not in self._confirmed:
            raise CampusError(f"{self._address} did not answer within {CONNECT_S:.0f} s.")
        if not self._confirmed[number]:
            raise NotAllowed(
                f"{self._address} does not let this user read {filter}: name another with --mqtt."
            )

    # paho

    def _new_client(self) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            f"campus-operator-{secrets.token_hex(6)}",
            protocol=MQTTProtocolVersion.MQTTv311,
        )
        if self._address.user is not None:
            client.username_pw_set(self._address.user, self._address.password)
        if (context := self._address.context()) is not None:
            client.tls_set_context(context)
        client.reconnect_delay_set(1, 5)
        client.on_connect = self._answered
        client.on_disconnect = self._disconnected
        client.on_subscribe = self._subscribed
        client.on_message = self._arrived
        return client

    def _subscribe(self, filter: str) -> int:
        return self._client.subscribe(filter, 1)[1] or 0

    def _answered(self, client: mqtt.Client, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        with self._change:
            self._connected, self._refused = not code.is_failure, code.is_failure
            if code.is_failure:
                why = REFUSED.get(code.value, f"refused the connection ({code})")
                self._problem = f"The broker {self._address} {why}."
            self._change.notify_all()
        if not code.is_failure:
            for filter in self._filters:
                self._subscribe(filter)

    def _disconnected(
        self, _client: mqtt.Client, _data: Any, _flags: Any, code: Any, _properties: Any
    ) -> None:
        with self._change:
            if self._connected:
                self._problem = f"The connection to {self._address} was lost ({code}): is the broker running?"
            self._connected = False

    def _subscribed(self, _client: mqtt.Client, _data: Any, number: int, codes: Any, _: Any) -> None:
        with self._change:
            self._confirmed[number] = not any(code.is_failure for code in codes)
            self._change.notify_all()

    def _arrived(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            decoded = DECODE[parse(message.topic).leaf](bytes(message.payload))
        except (WireError, KeyError):
            return
        with self._change:
            self._heard[message.topic] = decoded
            self._messages += 1
            self._change.notify_all()


def _any(message: Any) -> bool:
    return True


def _encoded(encode: Callable[..., bytes], *values: Any) -> bytes:
    try:
        return encode(*values)
    except WireError as error:
        raise UsageError(f"This cannot be sent to a board: {error}.") from error
