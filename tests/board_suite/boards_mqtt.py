"""MQTT packets, byte by byte."""

import asyncio

from firmware.board import mqtt


class Stream:
    """Gives its bytes; then it ends."""

    def __init__(self, data):
        self._data = data

    async def readexactly(self, count):
        if len(self._data) < count:
            raise EOFError
        taken, self._data = self._data[:count], self._data[count:]
        return taken


def fails(error, function, *args):
    try:
        result = function(*args)
        if hasattr(result, "send"):
            asyncio.run(result)
    except error:
        return True
    return False


def test_connect_carries_the_will_and_the_user():
    packet = mqtt.connect("demo.b", 30, "t/a", b"lost", "u", "pw")
    assert packet == (
        b"\x10\x24\x00\x04MQTT\x04\xee\x00\x1e\x00\x06demo.b\x00\x03t/a\x00\x04lost\x00\x01u\x00\x02pw"
    )
    assert mqtt.connect("b", 30, "t", b"w")[9] == 0x2E  # no user, no password


def test_publish_and_the_small_packets():
    assert mqtt.publish("a/b", b"hi", 10) == b"\x32\x09\x00\x03a/b\x00\x0ahi"
    assert mqtt.publish("a/b", b"hi", 10, retain=True)[0] == 0x33
    assert mqtt.subscribe(258, "a") == b"\x82\x06\x01\x02\x00\x01a\x00"
    assert mqtt.puback(258) == b"\x40\x02\x01\x02"


def test_lengths_take_one_to_four_bytes_and_come_back():
    for length, head in ((0, 2), (127, 2), (128, 3), (16383, 3), (16384, 4)):
        packet = mqtt.packet(0x30, bytes(length))
        assert len(packet) == length + head
        assert asyncio.run(mqtt.read(Stream(packet), 20000)) == (3, 0, bytes(length))


def test_a_refusal_is_told_in_words():
    mqtt.connack(b"\x00\x00")
    for code in (1, 2, 3, 4, 5, 77):
        assert fails(mqtt.MqttError, mqtt.connack, bytes((0, code)))
    assert fails(mqtt.MqttError, mqtt.connack, b"")


def test_messages_with_and_without_an_id():
    assert mqtt.message(0, b"\x00\x01aXYZ") == ("a", b"XYZ", 0)
    assert mqtt.message(2, b"\x00\x01a\x01\x02XYZ") == ("a", b"XYZ", 258)
    assert mqtt.message(0, b"\x00\x00") == ("", b"", 0)
    for body in (b"", b"\x00", b"\x00\x05abc", b"\xff\xff"):
        assert fails(mqtt.MqttError, mqtt.message, 0, body)
    assert fails(mqtt.MqttError, mqtt.message, 2, b"\x00\x01a\x01")
    assert fails(mqtt.MqttError, mqtt.message, 0, b"\x00\x01\xff")


def test_a_packet_cut_short_ends_the_stream():
    packet = mqtt.publish("a/b", b"hi", 10)
    for cut in range(len(packet)):
        assert fails(EOFError, mqtt.read, Stream(packet[:cut]), 100)


def test_a_packet_too_large_is_skipped_whole():
    stream = Stream(mqtt.packet(0x30, bytes(5000)) + mqtt.puback(7))
    assert asyncio.run(mqtt.read(stream, 2048)) == (3, 0, None)
    assert asyncio.run(mqtt.read(stream, 2048)) == (4, 0, b"\x00\x07")


def test_a_length_of_five_bytes_is_refused():
    assert fails(mqtt.MqttError, mqtt.read, Stream(b"\x30\xff\xff\xff\xff\x01"), 100)
