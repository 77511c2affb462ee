"""What a board is asked and what it answers: commands and configuration. The steps of an update: campus/wire/update.py.

A server's encoders (campus/wire/server.py) read what they wrote with the decoders here: what they send, a board takes.
"""

from collections import namedtuple

from campus.wire.parsing import MAX_SEQ, check, check_text, check_time, check_version, read, write

MAX_TO_BOARD = 1792  # a board reads MQTT packets of 2 KiB, topic included

Command = namedtuple("Command", "id op args exp_ms")
"""exp_ms: Unix ms after which it is not to be run, or None."""
Desired = namedtuple("Desired", "rev config")
"""rev: 1 or more, rising. config: keys of config.json -> what they become; None takes a key away."""


def decode_command(payload):
    """The Command in `payload`, which a board can read. Raises WireError."""
    get = opened(payload, MAX_TO_BOARD)
    exp_ms = get("exp")
    if exp_ms is not None:
        check_time("exp", exp_ms)
    return Command(read_name("id", get), read_name("op", get), read_object("args", get, {}), exp_ms)


def encode_reply(id, ok, error=None, result=None):
    """error: None, or {"code": ..., "message": ...}; a reply that is not ok has one. result: None, or an object."""
    return write({"v": 1, "id": id, "ok": ok, "error": error, "result": result})


def decode_desired(payload):
    """The Desired in `payload`, which a board can read. Raises WireError."""
    get = opened(payload, MAX_TO_BOARD)
    return Desired(read_number("rev", get, MAX_SEQ, 1), read_object("config", get))


def encode_reported(rev, ok, errors=()):
    """errors: sentences; there are some where it is not ok, at most 8."""
    return write({"v": 1, "rev": rev, "ok": ok, "errors": list(errors)})


def opened(payload, limit):
    """What gives the value of a key of a message. Raises WireError, as all below do for a value that is not right."""
    document = read(payload, limit)
    check_version(document)
    return document.get


def read_object(key, get, *default):
    value = get(key, *default)
    check(type(value) is dict, "shape", key)
    return value or {}  # it is an object here, which a type checker cannot see


def read_name(key, get):
    return check_text(key, get(key), 64, 1)


def read_number(key, get, most, least=0):
    value = get(key)
    check(type(value) is int and least <= value <= most, "shape", key)
    return value
