"""The telemetry message: round trips, what encode refuses, and that nothing but WireError comes of bad input."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus.wire import points, server, telemetry
from campus.wire.causes import CAUSES
from campus.wire.errors import WireError
from campus.wire.parsing import MAX_SEQ, MAX_TIME_MS
from campus.wire.server import decode_telemetry as decode
from campus.wire.server import last_seq, seqs
from campus.wire.telemetry import ABSENT, MAX_ROWS, VALUE_MAX, Telemetry, encode

BOOT = "9f3a61c20000002a"

boots = st.text("0123456789abcdef", min_size=8, max_size=16)
names = st.sampled_from(sorted(points.POINTS)) | st.from_regex(r"[a-z][a-z0-9_]{0,47}", fullmatch=True)
point_names = st.builds(
    lambda name, channel: name if channel is None else f"{name}.{channel}",
    names,
    st.none() | st.integers(0, 999),
)
numbers = st.integers(-(2**60), 2**60) | st.floats(-VALUE_MAX, VALUE_MAX, allow_nan=False)
values = numbers | st.none() | st.just(ABSENT)


def rising(top: int, least: int, most: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, top), unique=True, min_size=least, max_size=most).map(sorted)


@st.composite
def messages(draw) -> Telemetry:
    """Any message the contract allows."""
    columns = draw(st.lists(point_names, unique=True, max_size=6))
    offsets = draw(rising(100_000, 1, 20))
    times = draw(rising(10**9, len(offsets), len(offsets)))
    seq = draw(st.integers(0, MAX_SEQ - offsets[-1]))
    return Telemetry(
        draw(boots),
        seq,
        draw(st.integers(0, seq)),
        draw(st.integers(0, MAX_TIME_MS - times[-1])),
        draw(st.sampled_from(["ntp", "hold", "up"])),
        tuple(columns),
        [[o, t, *draw(st.tuples(*[values] * len(columns)))] for o, t in zip(offsets, times, strict=True)],
        draw(
            st.dictionaries(point_names, st.sampled_from(["warmup", "crc", "failed", "timeout"]), max_size=3)
        ),
    )


@given(messages())
def test_what_was_encoded_decodes_to_the_same(message):
    """decode(encode(message)) == message, values of every kind, in the types they had."""
    again = decode(encode(message))
    assert again == message
    kinds = [[type(value) for value in row] for row in message.rows]
    assert [[type(value) for value in row] for row in again.rows] == kinds
    assert seqs(again) == [message.seq + row[0] for row in message.rows]
    assert last_seq(again) == seqs(again)[-1]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([ABSENT, BOOT]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(messages(), st.sampled_from(["v", "boot", "seq", "low", "ts", "q", "c", "rows", "why"]), anything)
def test_a_key_of_any_value_is_read_or_refused(message, key, value):
    """Whatever stands under one key, decode gives a sound message or a WireError of a known cause."""
    document = {**json.loads(encode(message)), key: value}
    try:
        read = decode(json.dumps(document).encode())
    except WireError as error:
        assert error.cause in CAUSES
        assert (error.boot is None) == (error.seqs is None)
        if error.seqs is not None:
            assert error.seqs == sorted(set(error.seqs)) and error.seqs[-1] <= MAX_SEQ
    else:
        assert decode(encode(read)) == read


@given(messages(), st.integers(0, 10_000), st.integers(0, 10_000), anything)
def test_a_row_with_any_value_is_read_or_refused(message, row, place, value):
    """Whatever stands at one place of one row, nothing but WireError is raised."""
    document = json.loads(encode(message))
    rows = document["rows"]
    rows[row % len(rows)][place % len(rows[0])] = value
    try:
        read = decode(json.dumps(document).encode())
    except WireError:
        return
    for each in read.rows:
        assert all(v is None or v == ABSENT or (type(v) in (int, float) and math.isfinite(v)) for v in each)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(payload):
    """Random bytes raise WireError, nothing else."""
    with pytest.raises(WireError):
        decode(payload)


GOOD = Telemetry(BOOT, 5, 0, 1795326683120, "ntp", ["co2_ppm"], [[0, 0, 812]], {})


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"ts_ms": 1795326683120.0}, "time"),
        ({"rows": [[0, 0.0, 812]]}, "time"),
        ({"rows": [[0.0, 0, 812]]}, "seq"),
        ({"rows": [[0, 0, True]]}, "value"),
        ({"rows": [[0, 0, math.nan]]}, "value"),
        ({"rows": [[0, 0, math.inf]]}, "value"),
        ({"rows": [[0, 0, "812"]]}, "value"),
        ({"rows": []}, "rows"),
        ({"rows": [[i, i, 1] for i in range(MAX_ROWS + 1)]}, "rows"),
        ({"rows": [[0, 5, 1], [1, 5, 1]]}, "time"),
        ({"boot": "42"}, "boot"),
        ({"seq": -1}, "seq"),
        ({"low": 6}, "seq"),
        ({"clock": "gps"}, "shape"),
        ({"columns": ["co2_ppm", "co2_ppm"]}, "point"),
        (
            {"columns": [f"p{i}" for i in range(400)], "rows": [[i, i, *["-"] * 400] for i in range(80)]},
            "size",
        ),
        ({"why": {"co2_ppm": 3}}, "shape"),
    ],
)
def test_encode_refuses_what_decode_would(change, cause):
    """A board or simulator cannot send what the collector would refuse: above all no float for a time."""
    with pytest.raises(WireError) as refused:
        encode(GOOD._replace(**change))
    assert refused.value.cause == cause


def test_a_message_at_the_limit_is_read_and_one_byte_more_is_not():
    """The size limit is the last size allowed, and a caller may set a lower one."""
    payload = encode(GOOD)
    full = payload + b" " * (telemetry.MAX_BYTES - len(payload))
    assert decode(full) == GOOD._replace(columns=("co2_ppm",))
    with pytest.raises(WireError, match="65537 bytes"):
        decode(full + b" ")
    with pytest.raises(WireError):
        decode(payload, limit=len(payload) - 1)


def test_the_same_columns_are_one_object_and_memory_of_them_is_bounded():
    """Boards repeat their columns: they are checked once; a hostile board cannot make that memory grow."""
    assert decode(encode(GOOD)).columns is decode(encode(GOOD)).columns
    for i in range(1000):
        decode(encode(GOOD._replace(columns=[f"p{i}"])))
    assert len(server._known) <= 64


@pytest.mark.parametrize("depth", [100, 1_000, 10_000, 32_000])
def test_deep_nesting_is_a_wire_error(depth):
    """A parser that runs out of stack is a bad payload, whatever the interpreter calls it."""
    payload = b'{"v":2,"x":' + b"[" * depth + b"]" * depth + b"}"
    with pytest.raises(WireError) as refused:
        decode(payload)
    assert refused.value.cause in ("json", "version")


BOARD_PROGRAM = """
import gc
from campus.wire import lifecycle, points, server, telemetry, topics
rows = [[i, i * 60000, 800 + i, 23.4, None, "-"] for i in range(25)]
columns = ["co2_ppm", "temperature_c", "motion", "power_w.1"]
message = telemetry.Telemetry("9f3a61c20000002a", 18120, 17990, 1795326683120, "ntp", columns, rows, {})
payload = telemetry.encode(message)
assert len(payload) < telemetry.BOARD_BYTES
for _ in range(200):
    telemetry.decode(telemetry.encode(message))
    lifecycle.decode_committed(server.encode_committed("9f3a61c20000002a", 18120, [(18122, 18125)]))
gc.collect()
print(payload.decode())
"""


def test_a_board_has_room_for_the_contract(micropython):
    """In the heap of an ESP32 (96 KiB) a board's largest message is made again and again, and reads the same here."""
    done = micropython.run(["-c", BOARD_PROGRAM], heap_kib=96)
    assert done.returncode == 0, done.stderr
    read = decode(done.stdout.strip().encode())
    assert read.seq == 18120 and len(read.rows) == 25
    assert read.rows[3] == [3, 180000, 803, 23.4, None, "-"]
