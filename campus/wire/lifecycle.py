"""The small messages around telemetry that a board writes and reads: availability, birth, committed."""

from collections import namedtuple

from campus.wire.parsing import MAX_SEQ, check, check_boot, check_version, read, write

MAX_BYTES = 65536
MAX_ALSO = 8

Committed = namedtuple("Committed", "boot seq also")
"""Settled: all up to seq (-1: nothing yet), and each (first, last) of also, inclusive, rising above seq."""


def encode_availability(boot, state):
    """state: one of STATES in campus/wire/server.py; the last will says "lost"."""
    return write({"v": 1, "boot": boot, "state": state})


def encode_birth(
    boot, firmware, hardware, reset_cause, clock, points, up_offset_ms=None, access_point=None, notes=()
):
    """What the fields are: Birth in campus/wire/server.py. points: other keys than those two are left out."""
    described = {}
    for point in points:
        about = points[point]
        described[point] = {key: about[key] for key in ("unit", "max_interval_ms") if key in about}
    return write(
        {
            "v": 1,
            "boot": boot,
            "firmware": firmware,
            "hardware": hardware,
            "reset_cause": reset_cause,
            "q": clock,
            "points": described,
            "up_offset_ms": up_offset_ms,
            "access_point": access_point,
            "notes": list(notes),
        }
    )


def decode_committed(payload, limit=MAX_BYTES):
    """The Committed in `payload`, also as a tuple of (first, last) tuples. Raises WireError."""
    document = read(payload, limit)
    if "v" in document:
        check_version(document)
    seq = document.get("seq")
    return Committed(check_boot(document.get("boot")), seq, check_also(seq, document.get("also", [])))


def check_also(seq, ranges):
    """The ranges above `seq` as a tuple of tuples."""
    check(type(seq) is int and -1 <= seq <= MAX_SEQ, "seq", "seq")
    check(type(ranges) is list and len(ranges) <= MAX_ALSO, "shape", "also")
    latest = seq
    for each in ranges:
        check(type(each) is list and len(each) == 2, "shape", "also")
        first, last = each
        right = type(first) is int and type(last) is int
        right = right and latest < first <= last <= MAX_SEQ  # pyright: ignore[reportOperatorIssue] (integers)
        check(right, "seq", "also")
        latest = last
    return tuple([tuple(each) for each in ranges])
