"""Whatever comes under a foreign device's topic is decoded or refused for a cause, quickly."""

import json
import re
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_foreign import CASES, HANOI, HOSTILE, LONDON, NOW, payload_of, rest_of, run

from campus.telemetry import INVALID
from campus.wire.causes import CAUSES
from campus.wire.errors import WireError
from campus.wire.names import valid_point
from campus.wire.points import known
from campus.wire.topics import valid_id
from collector.foreign import decode
from collector.foreign.values import AHEAD_MS, BEHIND_MS, MAX_READINGS

PAYLOADS = [payload_of(case) for case in CASES.values() if len(str(case)) < 2000]
RESTS = sorted({rest_of(case) for case in CASES.values() if "rest" in case})
KEYS = sorted(set(re.findall(r'"([A-Za-z][\w:.-]{0,20})" ?:', b" ".join(PAYLOADS).decode(errors="ignore"))))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_messages_are_refused_for_their_cause(name):
    """WireError with the cause that is right, and no other exception."""
    with pytest.raises(WireError) as refused:
        run(CASES[name])
    assert refused.value.cause == CASES[name]["cause"]
    assert refused.value.cause in CAUSES
    assert len(str(refused.value)) < 300


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=12,
)
BARE = st.tuples(
    st.text(max_size=2), st.sampled_from(["56.3", "ON", "nan", "online"]), st.text(max_size=2)
).map(lambda parts: "".join(parts).encode())


@st.composite
def mutated(draw) -> bytes:
    """A sample with a part of it cut out and something else put in."""
    sample = draw(st.sampled_from(PAYLOADS))
    start = draw(st.integers(0, len(sample)))
    end = draw(st.integers(start, min(len(sample), start + 8)))
    return sample[:start] + draw(st.binary(max_size=6) | st.sampled_from(PAYLOADS)) + sample[end:]


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from(RESTS) | st.text(max_size=40),
    st.binary(max_size=300) | mutated() | JSONS.map(lambda one: json.dumps(one).encode()) | BARE,
    st.sampled_from([0, NOW, 253402300799999]),
)
def test_whatever_comes_is_decoded_or_refused(rest, payload, received_at_ms):
    """Arbitrary bytes, mutated samples and odd JSON under any topic: readings that a store can take, or a WireError."""
    try:
        heard = decode("plug-12", rest, payload, received_at_ms, LONDON)
    except WireError as refused:
        assert refused.cause in CAUSES
        return
    for one in heard:
        assert valid_id(one.device) and one.availability in (None, "online", "lost")
        assert one.readings or one.availability
        assert len(one.readings) <= MAX_READINGS
        assert len({each.point for each in one.readings}) == len(one.readings)
        for point, observed_at_ms, value, quality in one.readings:
            assert known(point) and valid_point(point)
            assert received_at_ms - BEHIND_MS <= observed_at_ms <= received_at_ms + AHEAD_MS
            assert (value is None) == (quality == INVALID)
            assert value is None or (type(value) in (int, float) and abs(value) <= 2**53)


HEAVY = {
    "keys": b"{" + b",".join(b'"S-%d":{"Temperature":1}' % number for number in range(2500)) + b"}",
    "labels": b'{"' + b"-" * 65000 + b'":{"Temperature":1}}',
    "numbers": b'{"ENERGY":{"Power":[' + b"1," * 30000 + b"1]}}",
    "radar": b'{"LD2410":{"Distance":[0,0,0],"Energy":[' + b"0," * 30000 + b"0]}}",
    "deep": b'{"a":' * 900 + b"1" + b"}" * 900,
    "digits": b'{"power":0.' + b"1" * 60000 + b"}",
    "exponent": b'{"power":1e' + b"9" * 4000 + b"}",
    "words": b'{"power":"' + b"1" * 60000 + b'"}',
    "time": b'{"Time":"' + b"2026-" * 12000 + b'"}',
}


@pytest.mark.parametrize("name", HEAVY)
def test_the_heaviest_messages_cost_little(name):
    """64 KiB made to be slow are done in the processor time of a parse, under every kind of topic."""
    for rest in ("tele/SENSOR", "tele/STATE", "status/em:0", "events/rpc", "sensor/power/state", "x" * 256):
        begun = time.process_time()
        with suppress(WireError):
            decode("plug-12", rest, HEAVY[name], NOW, HANOI)
        assert time.process_time() - begun < 1
