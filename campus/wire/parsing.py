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


if hasattr(json, "JSONDecoder"):  # CPython: json.loads would build a decoder per call for parse_constant
    _decoder = json.JSONDecoder(parse_constant=_refuse)
    _scan = _decoder.scan_once  # type: ignore[attr-defined]
    _dumps = json.JSONEncoder(separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode

    def _loads(text):
        try:
            value, end = _scan(text, 0)
        except StopIteration:  # how the scanner says "no value here"; white space in front is one case of it
            return _decoder.decode(text)
        return value if end == len(text) else _decoder.decode(text)

else:

    def _loads(text):
        return json.loads(text)

    def _dumps(document):
        return json.dumps(document, separators=(",", ":"))


def read(payload, limit):
    """The JSON object in `payload` (bytes), of at most `limit` bytes. Raises WireError: size, json, shape."""
    if len(payload) > limit:
        raise WireError("size", "the message has %d bytes, more than %d" % (len(payload), limit))
    try:
        document = _loads(str(payload, "utf-8"))
    except (ValueError, RuntimeError, MemoryError):  # RuntimeError: nested too deeply, under both names
        raise WireError("json", "the message is not UTF-8 JSON")
    if type(document) is not dict:
        raise WireError("shape", "the message is not a JSON object")
    return document


def write(document):
    """Compact JSON bytes of `document`."""
    try:
        return _dumps(document).encode()
    except (ValueError, TypeError) as error:
        raise WireError("value", "this cannot be written as JSON: " + str(error))


def check_version(document):
    version = document.get("v")
    if type(version) is not int or version != 1:
        raise WireError("version", "the message's version is not 1")


def valid_boot(boot):
    """Whether `boot` is 8 to 16 lower-case hex digits."""
    return type(boot) is str and 8 <= len(boot) <= 16 and not boot.strip(HEX)


def check_boot(boot):
    if not valid_boot(boot):
        raise WireError("boot", "the boot is not 8 to 16 lower-case hex digits")
    return boot


def check_time(name, value):
    if type(value) is not int or not 0 <= value <= MAX_TIME_MS:
        raise WireError("time", name + " is not an integer of milliseconds in range")
    return value


def check_text(name, value, longest=128, shortest=0):
    """`value` if it is text every store can hold: no control characters, no half of a surrogate pair."""
    if type(value) is not str or not shortest <= len(value) <= longest:
        raise WireError("shape", "%s is not a text of %d to %d characters" % (name, shortest, longest))
    try:
        value.encode()
    except UnicodeError:
        raise WireError("shape", name + " holds half of a surrogate pair")
    for sign in value:
        if sign < " " or sign == "\x7f":
            raise WireError("shape", name + " holds a control character")
    return value
