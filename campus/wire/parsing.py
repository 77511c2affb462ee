"""Bytes to a JSON object and back, strictly, on both interpreters.

MicroPython's parser forgives missing commas and colons, which CPython's does not; both refuse bad UTF-8,
NaN and Infinity. Numbers too large for a float pass here and are refused where a value is checked.
"""

import json

from campus.wire.errors import WireError

HEX = "0123456789abcdef"
MAX_SEQ = 4294967295
MAX_TIME_MS = 253402300799999  # the last millisecond of the year 9999: a date can still carry it
CLOCKS = ("ntp", "hold", "up")


def _refuse(name):
    raise ValueError(name + " is not JSON")


if hasattr(json, "JSONDecoder"):  # CPython: json.loads and json.dumps would build one per call
    _decoder = json.JSONDecoder(parse_constant=_refuse)

    def _loads(text):
        try:  # nearly every message is one object with nothing around it
            document, end = _decoder.scan_once(text, 0)
        except StopIteration:
            return _decoder.decode(text)
        return document if end == len(text) else _decoder.decode(text)

    _dumps = json.JSONEncoder(separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode
else:
    _loads = json.loads  # type: ignore[assignment]

    def _dumps(document):
        return json.dumps(document, separators=(",", ":"))


def read(payload, limit):
    """The JSON object in `payload` (bytes), of at most `limit` bytes. Raises WireError: size, json, shape."""
    if len(payload) > limit:
        raise WireError("size", "%d bytes, more than %d" % (len(payload), limit))
    try:
        document = _loads(str(payload, "utf-8"))
    except (ValueError, RuntimeError, MemoryError):  # RuntimeError: nested too deeply, under both names
        raise WireError("json", "it cannot be read")
    check(type(document) is dict, "shape", "no object")
    return document


def write(document):
    """Compact JSON bytes of `document`."""
    return _dumps(document).encode()


def check(right, cause, part):
    """Raise WireError if a part of a message is not right."""
    if not right:
        raise WireError(cause, part)


def check_version(document):
    version = document.get("v")
    check(type(version) is int and version == 1, "version", "v")


def valid_boot(boot):
    """Whether `boot` is 8 to 16 lower-case hex digits."""
    return type(boot) is str and 8 <= len(boot) <= 16 and not boot.strip(HEX)


def check_boot(boot):
    check(valid_boot(boot), "boot", "boot")
    return boot


def check_time(part, value):
    """`value` if it is a whole number of milliseconds in range."""
    check(type(value) is int and 0 <= value <= MAX_TIME_MS, "time", part)
    return value


def check_text(part, value, longest=128, shortest=0):
    """`value` if it is text every store can hold: no control characters, no half of a surrogate pair."""
    right = type(value) is str and shortest <= len(value) <= longest
    for sign in map(ord, value if right else ""):
        if sign < 32 or 127 <= sign < 160 or 0xD800 <= sign < 0xE000:
            right = False
    check(right, "shape", part)
    return value
