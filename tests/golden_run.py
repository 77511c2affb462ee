"""Run one golden file: the same code under CPython and MicroPython. As a program: run many, print the results.

    micropython golden_run.py FOLDER < LIST OF FILE NAMES, ONE PER LINE

prints one JSON line per file: [name, result].
"""

import json
import sys
from binascii import hexlify, unhexlify
from collections import namedtuple

from campus.wire import lifecycle, remote, server, telemetry, topics, update
from campus.wire.errors import WireError

Update = namedtuple("Update", ("step", "fields"))


def decode_update(payload):
    """The step in a whole `update` command; bytes as hex."""
    step, fields = update.decode_update(remote.decode_command(payload).args)
    return Update(step, [str(hexlify(each), "ascii") if isinstance(each, bytes) else each for each in fields])


def encode_update(step, fields):
    data = [unhexlify(each) for each in fields[-1:]]
    return server.encode_command("c-1", "update", server.encode_update(step, *(fields[:-1] + data)))


KINDS = {
    "telemetry": (
        server.decode_telemetry,
        telemetry.encode,
        ("boot", "seq", "low", "ts_ms", "clock", "columns", "rows", "why"),
    ),
    "availability": (server.decode_availability, lifecycle.encode_availability, ("boot", "state")),
    "birth": (
        server.decode_birth,
        lifecycle.encode_birth,
        (
            "boot",
            "firmware",
            "hardware",
            "reset_cause",
            "clock",
            "points",
            "up_offset_ms",
            "access_point",
            "notes",
        ),
    ),
    "committed": (lifecycle.decode_committed, server.encode_committed, ("boot", "seq", "also")),
    "command": (remote.decode_command, server.encode_command, ("id", "op", "args", "exp_ms")),
    "reply": (server.decode_reply, remote.encode_reply, ("id", "ok", "error", "result")),
    "config/desired": (remote.decode_desired, server.encode_desired, ("rev", "config")),
    "config/reported": (server.decode_reported, remote.encode_reported, ("rev", "ok", "errors")),
    "update": (decode_update, encode_update, ("step", "fields")),
}
TOPIC = ("site", "kind", "name", "leaf")


def payload_of(case):
    """The payload's bytes."""
    if "payload_hex" in case:
        text = case["payload_hex"]
        return bytes([int(text[i : i + 2], 16) for i in range(0, len(text), 2)])
    if "payload_repeat" in case:
        return "".join([text * times for text, times in case["payload_repeat"]]).encode()
    return case["payload"].encode()


def plain(fields, message):
    """A decoded message as a dict of its fields."""
    return {name: getattr(message, name) for name in fields}


def run(case):
    """{"decoded": ..., "encoded": text of the message encoded again} or {"cause": ..., "settles": ...}."""
    try:
        if "topic" in case:
            topic = server.parse(case["topic"])
            if case["kind"] == "topic":
                return {"decoded": plain(TOPIC, topic), "encoded": built(topic)}
            if topic.leaf != case["kind"]:
                return {"error": "the topic and the kind of this case differ"}
        decode, encode, fields = KINDS[case["kind"]]
        message = decode(payload_of(case))
        encoded = encode(message) if case["kind"] == "telemetry" else encode(*message)
        return {"decoded": plain(fields, message), "encoded": str(encoded, "utf-8")}
    except WireError as error:
        settles = None if error.boot is None else [error.boot, error.seqs]
        return {"cause": error.cause, "settles": settles}


def built(topic):
    """A parsed topic as text again."""
    if topic.kind == "board":
        return topics.board_topic(topic.site, topic.name, topic.leaf)
    if topic.kind == "room":
        return server.room_topic(topic.site, topic.name)
    return server.service_topic(topic.site, topic.name)


if __name__ == "__main__":
    for name in sys.stdin.read().split():
        with open(sys.argv[1] + "/" + name) as file:  # noqa: PTH123 (MicroPython has no pathlib)
            case = json.load(file)
        print(json.dumps([name, run(case)]))
