"""The paho client as the collector uses it, made anew for each connection. Beside link.py the only one to know paho."""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from collector.stream import BufferedSocket

SESSION_EXPIRY_S = 7 * 24 * 3600
MAX_PACKET_BYTES = 1024 * 1024
CONNECT_TIMEOUT_S = 3.0
UNSUPPORTED_PROTOCOL = 132
REFUSED = {
    133: "refused the client id",
    134: "refused the user name or password",
    135: "does not allow this user",
    136: "is not available",
    137: "is busy",
    138: "has banned this client",
}

Ticket = tuple[int, int]
"""What `acknowledge` takes back: (number of the connection, packet id)."""
OnMessage = Callable[[str, bytes, bool, Ticket | None], bool]
"""(topic, payload, retained, ticket; None for QoS 0) -> whether the message was taken."""


class Will(NamedTuple):
    """Retained at QoS 1: `alive` on every connect, `lost` by the broker when the connection breaks off."""

    topic: str
    alive: bytes
    lost: bytes
    bye: bytes


class Client(mqtt.Client):
    """paho with shortcuts for what there is most of. By itself it reads byte by byte, writes each packet alone, and
    spends 30 µs of 37 on the objects around an MQTT 5 message without properties, which is every message of a board.
    """

    arrived: Callable[[bytes, bytes, bool, int], None]
    has_room: Callable[[], bool]
    _sock: Any
    _in_packet: Any

    def _create_socket(self) -> Any:
        sock: Any = super()._create_socket()
        return BufferedSocket(sock)

    def read_messages(self) -> int:
        """Hand over the messages that were received already, while there is room; the rest is for `loop_read`."""
        if self._in_packet["command"]:  # paho has begun one
            return 0
        taken: int = self._sock.publishes(self._take)
        if taken:
            with self._msgtime_mutex:
                self._last_msg_in = time.monotonic()
        return taken

    def _handle_publish(self) -> Any:
        if self._take(self._in_packet["command"], bytes(self._in_packet["packet"]), True):
            return mqtt.MQTT_ERR_SUCCESS
        return super()._handle_publish()

    def _take(self, header: int, packet: bytes, at_once: bool = False) -> bool:
        """Hand over one message; False if there is no room (unless `at_once`), or it is not of the simple kind."""
        qos = header >> 1 & 3
        if qos == 2 or len(packet) < 2 or not self._manual_ack:
            return False
        payload_at = topic_end = 2 + (packet[0] << 8 | packet[1])
        if qos == 1:
            payload_at += 2
        if self._protocol == MQTTProtocolVersion.MQTTv5:
            if packet[payload_at : payload_at + 1] != b"\0":  # it has properties
                return False
            payload_at += 1
        if payload_at > len(packet) or not (at_once or self.has_room()):
            return False
        packet_id = packet[topic_end] << 8 | packet[topic_end + 1] if qos else 0
        self.arrived(packet[2:topic_end], packet[payload_at:], bool(header & 1), packet_id)
        return True

    def acknowledge(self, packet_ids: Sequence[int]) -> None:
        """Acknowledge messages of QoS 1 in this order, in one piece [MQTT 3.4]."""
        try:
            self._sock.send(b"".join([b"\x40\x02" + each.to_bytes(2, "big") for each in packet_ids]))
        except BlockingIOError:  # the broker does not read: paho keeps them
            for each in packet_ids:
                self.ack(each, 1)


def new_client(client_id: str, protocol: MQTTProtocolVersion, manual_ack: bool) -> Client:
    """A client that reconnects never, queues what it sends, and lets what its callbacks raise pass."""
    five = protocol == MQTTProtocolVersion.MQTTv5
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id,
        clean_session=None if five else False,
        protocol=protocol,
        reconnect_on_failure=False,
        manual_ack=manual_ack,
    )
    client.connect_timeout = CONNECT_TIMEOUT_S
    client.suppress_exceptions = False
    # With this set, paho leaves writing to loop_write instead of writing each packet by itself.
    client.on_socket_register_write = lambda _client, _data, _sock: None
    return client


def properties_of(protocol: MQTTProtocolVersion, receive_maximum: int) -> dict[str, Any]:
    """Arguments of `connect` for a session that outlives the connection, its unacknowledged messages bounded."""
    if protocol != MQTTProtocolVersion.MQTTv5:
        return {}
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = SESSION_EXPIRY_S
    properties.ReceiveMaximum = receive_maximum
    properties.MaximumPacketSize = MAX_PACKET_BYTES
    return {"clean_start": False, "properties": properties}


def refusal(code: Any) -> tuple[str, bool]:
    """(what the broker did, for a sentence that begins with its name; whether it wants another version of MQTT)."""
    told = REFUSED.get(code.value, f"refused the connection ({code})")
    return told, code.value == UNSUPPORTED_PROTOCOL
