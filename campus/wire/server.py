"""What only a server writes and reads. Boards do not carry it; the tests run it on MicroPython all the same."""

from binascii import b2a_base64, hexlify
from collections import namedtuple

from campus.wire import telemetry
from campus.wire.errors import WireError
from campus.wire.lifecycle import MAX_ALSO, MAX_BYTES, check_also
from campus.wire.names import valid_point
from campus.wire.parsing import (
    CLOCKS,
    HEX,
    MAX_SEQ,
    check,
    check_boot,
    check_text,
    check_time,
    read,
    valid_boot,
    write,
)
from campus.wire.remote import decode_command, decode_desired, opened, read_name, read_number, read_object
from campus.wire.topics import LEAVES, PREFIX, RESERVED, check_id
from campus.wire.update import decode_update

MAX_NOTES = 4
CANARY = b"canary"
STATES = ("online", "lost", "offline", "sleeping")

Topic = namedtuple("Topic", "site kind name leaf")
"""kind is "board", "room" or "service"; name is its id; leaf is one of LEAVES, or "state" for a room."""
Availability = namedtuple("Availability", "boot state")
"""state is one of STATES; "lost" is what the broker says for a board that went away without a word."""
Birth = namedtuple("Birth", "boot firmware hardware reset_cause clock points up_offset_ms access_point notes")
"""points: name -> {"unit": text, perhaps "max_interval_ms": int}. up_offset_ms: Unix ms of boot, or None.

access_point: 12 lower-case hex digits, the address (BSSID) of the access point the board itself is joined to, or None.
notes: a tuple of at most 4 short codes of what it went through, such as "update-reverted" or "stalled:measure".
"""
Reply = namedtuple("Reply", "id ok error result")
"""error: None, or {"code": text, "message": text}. result: None, or an object: what the command gave."""
Reported = namedtuple("Reported", "rev ok errors")
"""rev: the latest that the board took or refused; 0 for one it could not read. errors: why it refused, a list."""

_known: dict = {}  # columns that passed before -> themselves: boards repeat theirs in every message


def room_topic(site, room):
    """`campus/v1/{site}/room/{room}/state`."""
    return PREFIX + check_id(site) + "/room/" + check_id(room) + "/state"


def service_topic(site, name):
    """`campus/v1/{site}/service/{name}/availability`."""
    return PREFIX + check_id(site) + "/service/" + check_id(name) + "/availability"


def canary_topic(site):
    """`campus/v1/{site}/service/telemetry`: what the collector sends itself, to see whether the broker delivers.

    It comes by the filter for the telemetry of boards, and no board is called "service".
    """
    return PREFIX + check_id(site) + "/service/telemetry"


def is_canary(topic, payload):
    """Whether a message is a collector's to itself."""
    return payload == CANARY and topic.startswith(PREFIX) and topic.endswith("/service/telemetry")


def subscription(leaf, site=None):
    """The MQTT filter for one leaf of every board, of one site or of all."""
    check(leaf in LEAVES, "topic", leaf)
    return PREFIX + ("+" if site is None else check_id(site)) + "/+/" + leaf


def parse(topic):
    """The Topic of a topic string. Raises WireError: topic, id."""
    parts = topic.split("/", 4)
    if len(parts) == 5 and parts[0] == "campus" and parts[1] == "v1":
        site, second, rest = parts[2:]
        if second in RESERVED:
            name, _, leaf = rest.partition("/")
            if leaf == ("state" if second == "room" else "availability"):
                return Topic(check_id(site), second, check_id(name), leaf)
        elif rest in LEAVES:
            return Topic(check_id(site), "board", check_id(second), rest)
    raise WireError("topic", topic[:200])


def decode_telemetry(payload, limit=telemetry.MAX_BYTES):
    """The Telemetry in `payload`; the same columns are one object. Raises WireError, which says what it settles."""
    document = read(payload, limit)
    columns = document.get("c")
    known = None
    if type(columns) is list:
        try:
            known = _known.get(tuple(columns))
        except TypeError:  # a list or object among them
            pass
    try:
        message = telemetry.taken(document, known)
    except WireError as error:
        error.boot, error.seqs = _named(document)
        raise
    if known is None:
        if len(_known) >= 64:
            _known.clear()
        _known[message.columns] = message.columns
    return message


def seqs(message):
    """The record number of each row, rising."""
    return [message.seq + row[0] for row in message.rows]


def last_seq(message):
    """The record number of the last row."""
    return message.seq + message.rows[-1][0]


def decode_availability(payload, limit=MAX_BYTES):
    """The Availability in `payload`. Raises WireError."""
    get = opened(payload, limit)
    state = get("state")
    check(state in STATES, "shape", "state")
    return Availability(check_boot(get("boot")), state)


def decode_birth(payload, limit=MAX_BYTES):
    """The Birth in `payload`; a bare unit text for a point is read as {"unit": text}. Raises WireError."""
    get = opened(payload, limit)
    clock, offset, access_point, notes = get("q"), get("up_offset_ms"), get("access_point"), get("notes", [])
    check(clock in CLOCKS, "shape", "q")
    if offset is not None:
        check_time("up_offset_ms", offset)
    if access_point is not None:
        right = type(access_point) is str and len(access_point) == 12 and not access_point.strip(HEX)
        check(right, "shape", "access_point")
    check(type(notes) is list and len(notes) <= MAX_NOTES, "shape", "notes")
    for note in notes:
        check_text("notes", note, 32, 1)
    points = read_object("points", get)
    return Birth(
        check_boot(get("boot")),
        check_text("firmware", get("firmware")),
        check_text("hardware", get("hardware")),
        check_text("reset_cause", get("reset_cause")),
        clock,
        {point: _description(point, points[point]) for point in points},
        offset,
        access_point,
        tuple(notes),
    )


def _description(point, description):
    check(valid_point(point), "point", "points")
    if type(description) is str:
        description = {"unit": description}
    check(type(description) is dict, "shape", "points")
    unit, longest = check_text("unit", description.get("unit"), 16), description.get("max_interval_ms")
    if longest is None:
        return {"unit": unit}
    return {"unit": unit, "max_interval_ms": check_time("max_interval_ms", longest)}


def encode_committed(boot, seq, also=()):
    """Of `also`, rising (first, last) ranges above seq, the first 8 are written; the rest is told later."""
    ranges = check_also(seq, [list(each) for each in also][:MAX_ALSO])
    return write({"boot": check_boot(boot), "seq": seq, "also": [list(each) for each in ranges]})


def encode_command(id, op, args=None, exp_ms=None):
    document = {"v": 1, "id": id, "op": op, "args": {} if args is None else args}
    if exp_ms is not None:
        document["exp"] = exp_ms
    return _sound(document, decode_command)


def decode_reply(payload, limit=MAX_BYTES):
    """The Reply in `payload`. Raises WireError."""
    get = opened(payload, limit)
    ok, error, result = get("ok"), get("error"), get("result")
    check(type(ok) is bool, "shape", "ok")
    if result is not None:
        read_object("result", get)
    if error is not None or not ok:
        told = read_object("error", get).get
        error = {"code": read_name("code", told), "message": check_text("message", told("message"), 512)}
    return Reply(read_name("id", get), ok, error, result)


def encode_desired(rev, config):
    return _sound({"v": 1, "rev": rev, "config": config}, decode_desired)


def decode_reported(payload, limit=MAX_BYTES):
    """The Reported in `payload`: there are errors where it is not ok, at most 8. Raises WireError."""
    get = opened(payload, limit)
    ok, errors = get("ok"), get("errors", ())
    check(type(errors) is list and len(errors) <= 8, "shape", "errors")
    check(ok is (not errors), "shape", "ok")
    for error in errors:
        check_text("errors", error, 512, 1)
    return Reported(read_number("rev", get, MAX_SEQ), ok, errors)


def encode_update(step, *fields):
    """The args of an `update` command; `step` and `fields` as `decode_update` gives them."""
    args = {step: True}
    if step == "begin":
        args = {step: {"size": fields[0], "signature": str(hexlify(fields[1]), "ascii")}}
    elif step == "file":
        args = {step: fields[0], "at": fields[1], "data": str(b2a_base64(fields[2])[:-1], "ascii")}
    decode_update(args)
    return args


def _sound(document, decode):
    """The payload of a document that a board can read."""
    try:
        payload = write(document)
    except (ValueError, TypeError) as error:
        raise WireError("value", str(error))
    decode(payload)
    return payload


def _named(document):
    """(boot, record numbers) that a rejected message names; (None, None) where they cannot be read."""
    boot = document.get("boot")
    seq = document.get("seq")
    if not valid_boot(boot) or type(seq) is not int or not 0 <= seq <= MAX_SEQ:
        return None, None
    named = []
    rows = document.get("rows")
    for row in rows if type(rows) is list else ():
        offset = row[0] if type(row) is list and row else None
        if (
            type(offset) is int
            and offset >= 0
            and seq + offset <= MAX_SEQ
            and (not named or seq + offset > named[-1])
        ):
            named.append(seq + offset)
    return boot, named or [seq]
