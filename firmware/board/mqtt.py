"""The MQTT 3.1.1 packets a board needs, as bytes. Pure, but for `read`, which takes one packet off a stream.

The standard: https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html (its section in brackets).
"""

CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP = 2, 3, 4, 9, 13
PINGREQ = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"


class MqttError(OSError):
    """The other side broke the protocol or refused us: the connection is of no more use."""

    refused = False


def connect(client_id, keepalive_s, will_topic, will, user=None, password=None):
    """CONNECT with a clean session and a retained QoS 1 will [3.1]."""
    flags = 0x2E
    body = number(keepalive_s) + text(client_id) + text(will_topic) + number(len(will)) + will
    for flag, value in ((0x80, user), (0x40, password)):
        if value is not None:
            flags |= flag
            body += text(value)
    return packet(0x10, text("MQTT") + bytes((4, flags)) + body)


def publish(topic, payload, packet_id, retain=False):
    """PUBLISH with QoS 1 [3.3]."""
    return packet(0x32 | retain, text(topic) + number(packet_id) + payload)


def puback(packet_id):
    return packet(0x40, number(packet_id))


def subscribe(packet_id, topic, qos=0):
    """SUBSCRIBE to one topic [3.8]."""
    return packet(0x82, number(packet_id) + text(topic) + bytes((qos,)))


def packet(first, body):
    """A packet: its first byte, its length in 7-bit groups [2.2.3], its body."""
    head = bytearray((first,))
    length = len(body)
    while True:
        head.append(length & 0x7F | (0x80 if length > 0x7F else 0))
        length >>= 7
        if not length:
            return bytes(head) + body


def text(value):
    value = value.encode()
    return number(len(value)) + value


def number(value):
    return bytes((value >> 8, value & 0xFF))


def connack(body):
    """Raises MqttError if the broker refused us [3.2]."""
    code = packet_id(body) & 0xFF
    if code:
        # Mosquitto says 5 for a wrong password too.
        why = "user or password is wrong, or may not connect" if code in (4, 5) else "code %d" % code
        error = MqttError("the broker refused us: " + why)
        error.refused = True
        raise error


def packet_id(body):
    """The packet id, or another number of two bytes, at the start of `body`."""
    if len(body) < 2:
        raise MqttError("a packet cut short")
    return body[0] << 8 | body[1]


def message(flags, body):
    """(topic, payload, packet id or 0) of a received PUBLISH [3.3]; the payload is a view of `body`. Raises
    MqttError."""
    at = 2 + packet_id(body)
    try:
        topic = str(body[2:at], "utf-8")
    except UnicodeError:
        raise MqttError("a topic that is not UTF-8")
    if flags & 0x06:
        return topic, memoryview(body)[at + 2 :], packet_id(body[at:])
    if len(body) < at:
        raise MqttError("a packet cut short")
    return topic, memoryview(body)[at:], 0


async def read(stream, limit):
    """(kind, flags, body) of the next packet; body is None, and skipped, if it has more than `limit` bytes.

    Raises EOFError when the stream ends, MqttError for a length that the standard does not know.
    """
    first = (await stream.readexactly(1))[0]
    length = shift = 0
    while True:
        byte = (await stream.readexactly(1))[0]
        length |= (byte & 0x7F) << shift
        if not byte & 0x80:
            break
        shift += 7
        if shift > 21:
            raise MqttError("a packet length of more than four bytes")
    if length <= limit:
        return first >> 4, first & 0x0F, (await stream.readexactly(length) if length else b"")
    while length:
        length -= len(await stream.readexactly(min(length, 256)))
    return first >> 4, first & 0x0F, None
