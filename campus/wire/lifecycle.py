"""The small messages around telemetry: availability, birth, committed, commands and replies."""

from collections import namedtuple

from campus.wire.errors import WireError
from campus.wire.parsing import (
    CLOCKS,
    MAX_SEQ,
    check_boot,
    check_text,
    check_time,
    check_version,
    read,
    write,
)
from campus.wire.points import valid_point

MAX_BYTES = 65536
MAX_ALSO = 8
STATES = ("online", "lost", "offline", "sleeping")

Availability = namedtuple("Availability", ("boot", "state"))
"""state is one of STATES; "lost" is what the broker says for a board that went away without a word."""
Birth = namedtuple(
    "Birth", ("boot", "firmware", "hardware", "reset_cause", "clock", "points", "up_offset_ms")
)
"""points: name -> {"unit": text, perhaps "max_interval_ms": int}. up_offset_ms: Unix ms of boot, or None."""
Committed = namedtuple("Committed", ("boot", "seq", "also"))
"""Settled: all up to seq (-1: nothing yet), and each (first, last) of also, inclusive, rising above seq."""
Command = namedtuple("Command", ("id", "op", "args", "exp_ms"))
"""exp_ms: Unix ms after which it is not to be run, or None."""
Reply = namedtuple("Reply", ("id", "ok", "error"))
"""error: None, or {"code": text, "message": text}."""


def encode_availability(boot, state):
    """Also the last will: state "lost"."""
    return write({"v": 1, "boot": check_boot(boot), "state": _state(state)})


def decode_availability(payload, limit=MAX_BYTES):
    """The Availability in `payload`. Raises WireError."""
    document = _document(payload, limit)
    return Availability(check_boot(document.get("boot")), _state(document.get("state")))


def encode_birth(boot, firmware, hardware, reset_cause, clock, points, up_offset_ms=None):
    """points: name -> {"unit": ..., "max_interval_ms": ...}, other keys are left out."""
    birth = _birth(boot, firmware, hardware, reset_cause, clock, points, up_offset_ms)
    document = {
        "v": 1,
        "boot": birth.boot,
        "firmware": birth.firmware,
        "hardware": birth.hardware,
        "reset_cause": birth.reset_cause,
        "q": birth.clock,
        "points": birth.points,
    }
    if up_offset_ms is not None:
        document["up_offset_ms"] = up_offset_ms
    return write(document)


def decode_birth(payload, limit=MAX_BYTES):
    """The Birth in `payload`; a bare unit text for a point is read as {"unit": text}. Raises WireError."""
    document = _document(payload, limit)
    get = document.get
    return _birth(
        get("boot"),
        get("firmware"),
        get("hardware"),
        get("reset_cause"),
        get("q"),
        get("points"),
        get("up_offset_ms"),
    )


def encode_committed(boot, seq, also=()):
    """Of `also`, rising (first, last) ranges above seq, the first 8 are written; the rest is told later."""
    ranges = _also(seq, [list(each) for each in also][:MAX_ALSO])
    return write({"boot": check_boot(boot), "seq": seq, "also": [list(each) for each in ranges]})


def decode_committed(payload, limit=MAX_BYTES):
    """The Committed in `payload`, also as a tuple of (first, last) tuples. Raises WireError."""
    document = read(payload, limit)
    if "v" in document:
        check_version(document)
    boot = check_boot(document.get("boot"))
    seq = document.get("seq")
    return Committed(boot, seq, _also(seq, document.get("also", [])))


def encode_command(id, op, args=None, exp_ms=None):
    command = _command(id, op, {} if args is None else args, exp_ms)
    document = {"v": 1, "id": command.id, "op": command.op, "args": command.args}
    if exp_ms is not None:
        document["exp"] = exp_ms
    return write(document)


def decode_command(payload, limit=MAX_BYTES):
    """The Command in `payload`. Raises WireError."""
    document = _document(payload, limit)
    return _command(document.get("id"), document.get("op"), document.get("args", {}), document.get("exp"))


def encode_reply(id, ok, error=None):
    """error: None, or {"code": ..., "message": ...}; a reply that is not ok has one."""
    reply = _reply(id, ok, error)
    document = {"v": 1, "id": reply.id, "ok": reply.ok}
    if reply.error is not None:
        document["error"] = reply.error
    return write(document)


def decode_reply(payload, limit=MAX_BYTES):
    """The Reply in `payload`. Raises WireError."""
    document = _document(payload, limit)
    return _reply(document.get("id"), document.get("ok"), document.get("error"))


def _document(payload, limit):
    document = read(payload, limit)
    check_version(document)
    return document


def _state(state):
    if state not in STATES:
        raise WireError("shape", "state is not one of " + ", ".join(STATES))
    return state


def _birth(boot, firmware, hardware, reset_cause, clock, points, up_offset_ms):
    check_boot(boot)
    check_text("firmware", firmware)
    check_text("hardware", hardware)
    check_text("reset_cause", reset_cause)
    if clock not in CLOCKS:
        raise WireError("shape", "q is not ntp, hold or up")
    if type(points) is not dict:
        raise WireError("shape", "points is not an object")
    described = {}
    for point, description in points.items():
        described[point] = _description(point, description)
    if up_offset_ms is not None:
        check_time("up_offset_ms", up_offset_ms)
    return Birth(boot, firmware, hardware, reset_cause, clock, described, up_offset_ms)


def _description(point, description):
    if not valid_point(point):
        raise WireError("point", "points names a point that is not written as one")
    if type(description) is str:
        description = {"unit": description}
    if type(description) is not dict:
        raise WireError("shape", "a point is neither an object nor a unit")
    described = {"unit": check_text("unit", description.get("unit"), 16)}
    longest = description.get("max_interval_ms")
    if longest is not None:
        described["max_interval_ms"] = check_time("max_interval_ms", longest)
    return described


def _also(seq, ranges):
    if type(seq) is not int or not -1 <= seq <= MAX_SEQ:
        raise WireError("seq", "seq is not an integer from -1 to 2^32-1")
    if type(ranges) is not list or len(ranges) > MAX_ALSO:
        raise WireError("shape", "also is not a list of at most %d ranges" % MAX_ALSO)
    latest = seq
    for each in ranges:
        if type(each) is not list or len(each) != 2:
            raise WireError("shape", "a range of also is not [first, last]")
        first, last = each
        if type(first) is not int or type(last) is not int or not latest < first <= last <= MAX_SEQ:
            raise WireError("seq", "the ranges of also are not rising integers above seq")
        latest = last
    return tuple([tuple(each) for each in ranges])


def _command(id, op, args, exp_ms):
    check_text("id", id, 64, 1)
    check_text("op", op, 64, 1)
    if type(args) is not dict:
        raise WireError("shape", "args is not an object")
    if exp_ms is not None:
        check_time("exp", exp_ms)
    return Command(id, op, args, exp_ms)


def _reply(id, ok, error):
    check_text("id", id, 64, 1)
    if ok is not True and ok is not False:
        raise WireError("shape", "ok is not true or false")
    if error is None:
        if not ok:
            raise WireError("shape", "a reply that is not ok has no error")
        return Reply(id, ok, None)
    if type(error) is not dict:
        raise WireError("shape", "error is not an object")
    code = check_text("error.code", error.get("code"), 64, 1)
    return Reply(id, ok, {"code": code, "message": check_text("error.message", error.get("message"), 512)})
