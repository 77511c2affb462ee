"""The paho client as the collector uses it, made anew for each connection. Beside link.py the only one to know paho."""

from collections.abc import Callable
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
    """paho with two shortcuts: by itself it reads byte by byte, writes each packet alone, and spends 30 µs of 37
    on the objects around an MQTT 5 message without properties, which is every message of a board."""

    arrived: Callable[[bytes, bytes, bool, int], None]

    def _create_socket(self) -> Any:
        sock: Any = super()._create_socket()
        return BufferedSocket(sock)

    def _handle_publish(self) -> Any:
        header, packet = self._in_packet["command"], bytes(self._in_packet["packet"])
        qos = header >> 1 & 3
        payload_at = topic_end = 2 + (packet[0] << 8 | packet[1])
        if qos == 1:
            payload_at += 2
        if self._protocol == MQTTProtocolVersion.MQTTv5:
            if packet[payload_at : payload_at + 1] != b"\0":  # it has properties
                return super()._handle_publish()
            payload_at += 1
        if qos == 2 or payload_at > len(packet) or not self._manual_ack:
            return super()._handle_publish()
        packet_id = packet[topic_end] << 8 | packet[topic_end + 1] if qos else 0
        self.arrived(packet[2:topic_end], packet[payload_at:], bool(header & 1), packet_id)
        return mqtt.MQTT_ERR_SUCCESS


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
