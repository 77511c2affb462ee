"""Every golden payload, good and hostile, on CPython and on MicroPython."""

import json
import math
from pathlib import Path

import pytest
from golden_run import KINDS, TOPIC, payload_of, plain, run

from campus.wire.causes import CAUSES
from campus.wire.server import parse

GOLDEN = Path(__file__).parent / "golden"
CASES = {
    f"{path.parent.name}/{path.name}": json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(GOLDEN.glob("*/*.json"))
}
PORTABLE = [name for name, case in CASES.items() if "micropython" in case.get("only", ["micropython"])]


def same(one, other) -> bool:
    """Equal values, tuples as lists; floats to what a printed double of MicroPython keeps."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) or isinstance(other, float):
        return (
            type(one) in (int, float)
            and type(other) in (int, float)
            and math.isclose(one, other, rel_tol=1e-14)
        )
    return type(one) is type(other) and one == other


def check(case: dict, result: dict) -> None:
    """What an interpreter made of a case is what the file says, and decodes here to the same once more."""
    if "cause" in case:
        assert result.get("cause") == case["cause"], result
        if case["kind"] == "telemetry":
            assert same(result["settles"], case["settles"])
        return
    assert same(result.get("decoded"), case["decoded"]), result
    if case["kind"] == "topic":
        assert result["encoded"] == case["topic"]
        assert same(plain(TOPIC, parse(result["encoded"])), case["decoded"])
    else:
        decode, _, fields = KINDS[case["kind"]]
        assert same(plain(fields, decode(result["encoded"].encode())), case["decoded"])


@pytest.mark.parametrize("name", CASES)
def test_golden_on_cpython(name):
    """The case decodes as written, or is refused for its cause and settles what it says."""
    check(CASES[name], run(CASES[name]))


@pytest.fixture(scope="module")
def on_micropython():
    return {}


@pytest.mark.parametrize("name", PORTABLE)
def test_golden_on_micropython(name, micropython, on_micropython):
    """The same files, the same answers, on a real MicroPython; what it encodes decodes the same here."""
    if not on_micropython:  # one interpreter for all of them
        program = Path(__file__).with_name("golden_run.py")
        done = micropython.run([program, GOLDEN], input="\n".join(PORTABLE), heap_kib=16_384)
        on_micropython.update(json.loads(line) for line in done.stdout.splitlines())
        on_micropython["stderr"] = done.stderr
    assert name in on_micropython, on_micropython["stderr"]
    check(CASES[name], on_micropython[name])


def test_the_cases_name_every_cause():
    """No cause of refusal is without a hostile payload, and none is unknown."""
    assert {case["cause"] for case in CASES.values() if "cause" in case} == set(CAUSES)


@pytest.mark.parametrize("kind", KINDS)
def test_a_payload_cut_anywhere_is_refused_or_read(kind):
    """No beginning of a good payload makes decode raise anything but WireError."""
    payload = payload_of(next(case for case in CASES.values() if case["kind"] == kind and "decoded" in case))
    for end in range(len(payload)):
        assert "cause" in run({"kind": kind, "payload_hex": payload[:end].hex()})
