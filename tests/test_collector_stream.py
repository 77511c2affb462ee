"""Messages cut out of what was received at once are those that were sent, however the network cut them."""

import socket

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.stream import BufferedSocket

PUBLISH, OTHER = 0x32, (0x40, 0x90, 0xD0, 0x20)
SIZES = st.one_of(st.integers(0, 300), st.sampled_from([127, 128, 129, 16_383, 16_384, 16_385, 70_000]))


def packet(first: int, body: bytes) -> bytes:
    """A whole packet, its length written as MQTT does [2.2.3]."""
    length, out = len(body), bytearray([first])
    while True:
        length, digit = length >> 7, length & 127
        out.append(digit | (128 if length else 0))
        if not length:
            return bytes(out) + body


class Wire:
    """Two ends of a real socket; `read` takes one packet byte by byte as paho does, None where it is not whole."""

    def __init__(self) -> None:
        self._far, near = socket.socketpair()
        self._near = near
        near.setblocking(False)
        self.buffered = BufferedSocket(near)
        self._begun = b""

    def send(self, data: bytes) -> None:
        self._far.sendall(data)

    def read(self) -> tuple[int, bytes] | None:
        try:
            while True:
                if (whole := whole_packet(self._begun)) is not None:
                    self._begun = b""
                    return whole
                self._begun += self.buffered.recv(1)
        except BlockingIOError:
            return None

    @property
    def begun(self) -> bool:
        return bool(self._begun)

    def close(self) -> None:
        self._far.close()
        self._near.close()


def whole_packet(data: bytes) -> tuple[int, bytes] | None:
    length, shift = 0, 0
    for at, digit in enumerate(data[1:5], 2):
        length |= (digit & 127) << shift
        shift += 7
        if digit < 128:
            return (data[0], data[at:]) if len(data) - at == length else None
    return None


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from([PUBLISH, PUBLISH, PUBLISH, *OTHER]), SIZES), max_size=30),
    st.lists(st.integers(1, 20_000), min_size=1, max_size=40),
    st.integers(1, 9),
)
def test_every_packet_comes_once_and_in_order(packets, cuts, refuses):
    """Cut anywhere, other packets between, and now and then nobody takes one: nothing is lost, doubled or moved."""
    sent = [(first, bytes([n % 251]) * size) for n, (first, size) in enumerate(packets)]
    wire, got, asked = Wire(), [], 0

    def take(first: int, body: bytes) -> bool:
        nonlocal asked
        asked += 1
        if asked % (refuses + 1) == 0:
            return False
        got.append((first, body))
        return True

    data, at, turn = b"".join(packet(*each) for each in sent), 0, 0
    while at < len(data):
        size = cuts[turn % len(cuts)]
        wire.send(data[at : at + size])
        at, turn = at + size, turn + 1
        while True:
            if not wire.begun and wire.buffered.pending():
                before = len(got)
                assert wire.buffered.publishes(take) == len(got) - before
            if (found := wire.read()) is None:
                break
            got.append(found)
    wire.close()
    assert got == sent


def test_a_length_without_an_end_is_left_to_paho():
    """Five bytes of length are no MQTT: nothing is taken, and nothing is skipped."""
    wire = Wire()
    wire.send(b"\x32\xff\xff\xff\xff\xff\x01" + bytes(50))
    assert wire.buffered.recv(0) == b"" and wire.buffered.pending() == 57
    assert wire.buffered.publishes(lambda first, body: True) == 0
    assert wire.buffered.pending() == 57
    wire.close()
