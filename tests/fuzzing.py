"""Messages of boards gone wrong, between sound ones: the same for the same seed, and shaped like the wire contract.

Whether one is valid is known from how it was made, and not asked of the decoder.
"""

import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

SITE, OTHER_SITES = "school", ("school-2", "nowhere")
BOARDS = 100
START_MS, MAX_TIME_MS, MAX_SEQ = 1_790_000_000_000, 253_402_300_799_999, 4_294_967_295
RETAINED_EVERY = 97
"""Whoever sends them may send each one of so many as a retained message: no board should, and some will."""
LEAVES = ("telemetry", "birth", "availability", "reply", "config/reported")
"""What the collector subscribes to, of every site."""
SAMPLE = '{"v":1,"boot":"%s","seq":%s,"low":%s,"ts":%s,"q":"%s","c":%s,"rows":%s}'
BIRTH = (
    '{"v":1,"boot":"%s","firmware":"0.3.0","hardware":"esp32-s3","reset_cause":"power_on","q":"ntp",'
    '"points":{"co2_ppm":{"unit":"ppm","max_interval_ms":60000}},"up_offset_ms":%s,"notes":[]}'
)
AVAILABILITY = '{"v":1,"boot":"%s","state":"%s"}'
REPLY = '{"v":1,"id":"%s","ok":true,"error":null,"result":null}'
REPORTED = '{"v":1,"rev":%d,"ok":true,"errors":[]}'

Key = tuple[str, str, int]
"""(board, boot, seq). The board's `uptime_s` in that record is seq, so that it can be found in a store."""


class Fuzzed(NamedTuple):
    """`valid`: it follows the contract; then `key` is the record's, or None where it is no telemetry."""

    topic: str
    payload: bytes
    valid: bool
    key: Key | None


def payloads(seed: int, count: int) -> Iterator[Fuzzed]:
    """`count` messages, about two of five valid. Each valid record comes once, and its number once on its board.

    What is invalid names other boots: the record numbers that it settles are none of a valid record's.
    """
    chance = random.Random(seed)
    boots = [f"{chance.getrandbits(64):016x}" for _ in range(BOARDS)]
    seqs = [0] * BOARDS
    for n in range(count):
        at = chance.randrange(BOARDS)
        board = f"board-{at}"
        kind = chance.random()
        if kind < 0.4:
            seq = seqs[at]
            boot, seqs[at] = boots[at], seq + 1
            if not seq % 50:  # the highest numbers there are, in a boot of their own
                boot, seq = f"{chance.getrandbits(64):016x}", MAX_SEQ - n
            yield Fuzzed(_topic(board, "telemetry"), _record(chance, boot, seq, n), True, (board, boot, seq))
        elif kind < 0.45:
            leaf, text = _lifecycle(chance, boots[at])
            yield Fuzzed(_topic(board, leaf), text.encode(), True, None)
        else:
            yield Fuzzed(*chance.choice(WRONG)(chance, board), False, None)


def reaches(topic: str) -> bool:
    """Whether a collector's subscriptions cover a topic."""
    parts = topic.split("/", 4)
    if parts[:2] == ["campus", "ext"]:  # of foreign devices; none of the messages here is one
        return True
    return len(parts) == 5 and parts[:2] == ["campus", "v1"] and parts[4] in LEAVES


# what is right

_COLUMNS = (
    ('["uptime_s"]', "%d"),
    ('["uptime_s","co2_ppm","temperature_c"]', "%d,812,-0.0"),
    ('["uptime_s","power_w.1","ghost_point"]', "%d,3.4e38,null"),
    ('["uptime_s","motion","power_w.999"]', '%d,"-",-3.4e+38'),
    ('["uptime_s","energy_mwh.0"]', "%d,339999999999999996123846586046231871488"),
    ('["uptime_s","rssi_dbm"]', "%d,1e-400"),
)
_EXTRAS = (
    "",
    ',"why":{"co2_ppm":"warmup"}',
    ',"x":{"y":[1,{"z":null}]}',
    ',"why":null',
    ',"x":"Phòng học ☃"',
)


def _record(chance: random.Random, boot: str, seq: int, n: int) -> bytes:
    """One valid record, with what a board may do and few do: a key twice, unknown keys, values at the limits."""
    columns, values = chance.choice(_COLUMNS)
    clock, at_ms = "ntp", START_MS + n * 20
    if not chance.getrandbits(3):  # times that cannot be, and clocks that were never set
        clock, at_ms = chance.choice(
            (("ntp", n), ("hold", MAX_TIME_MS - n), ("up", n), ("up", MAX_TIME_MS - n))
        )
    low = chance.choice((0, seq)) if seq > MAX_SEQ // 2 else 0
    text = SAMPLE % (boot, seq, low, at_ms, clock, columns, f"[[0,0,{values % seq}]]")
    text = text[:-1] + chance.choice(_EXTRAS) + "}"
    if not chance.getrandbits(3):
        text = '{"v":2,' + text[1:]  # the last of two equal keys is the one that counts
    return text.encode()


def _lifecycle(chance: random.Random, boot: str) -> tuple[str, str]:
    return chance.choice(
        (
            ("birth", BIRTH % (boot, chance.choice(("null", "0", START_MS, MAX_TIME_MS)))),
            ("availability", AVAILABILITY % (boot, chance.choice(("online", "lost", "offline", "sleeping")))),
            ("reply", REPLY % f"c{chance.getrandbits(16)}"),
            ("config/reported", REPORTED % chance.getrandbits(8)),
        )
    )


def _topic(board: str, leaf: str, site: str = SITE) -> str:
    return f"campus/v1/{site}/{board}/{leaf}"


# what is wrong: each makes (topic, payload) of one kind

_HUGE = "9" * 400
_DEEP = [opening * depth for opening in ("[", '{"a":') for depth in (100, 2_000, 20_000)]
_LONG = "a" * 70_000
_NUMBERS = (
    "NaN",
    "Infinity",
    "-Infinity",
    _HUGE,
    "-" + _HUGE,
    "1e999",
    "-1e999",
    "3.5e38",
    "true",
    '"812"',
    "[1]",
    "{}",
)
_NO_INTEGER = ("null", "true", '"1"', "1.0", "[]", "{}", "-1", _HUGE, "-" + _HUGE, "1e3")
_NO_TEXT = ("null", "1", "true", "[]", "{}", '"\\u0000"', '"\\ud800"', '"' + "x" * 200 + '"')
_NO_POINT = (
    "",
    "CO2",
    "co2 ppm",
    "co2_ppm.",
    "co2_ppm.01",
    "co2_ppm.1000",
    "1co2",
    "x" * 49,
    "điện",
    "a.b",
    "../x",
)
_NO_ID = ("", "Board-1", "board_1", "x" * 65, "trường", "a b", "$x", "..", "%2e", "ＢＯＡＲＤ")
_NO_BOOT = ("", "9f3a61c", "9F3A61C20000002A", "g" * 8, "0" * 17, "9f3a61c2\\u0000")
_GOOD_ROWS, _GOOD_COLUMNS = "[[0,0,812]]", '["co2_ppm"]'


def _other_boot(chance: random.Random) -> str:
    return f"{chance.getrandbits(6):08x}"  # few: a collector knows each boot that it ever heard of


def _sample(chance: random.Random, **other: object) -> str:
    """A sound sample, but for what is given."""
    seq = chance.getrandbits(20)
    told = {
        "boot": _other_boot(chance),
        "seq": seq,
        "low": 0,
        "ts": START_MS,
        "q": "ntp",
        "c": _GOOD_COLUMNS,
        "rows": _GOOD_ROWS,
    }
    return SAMPLE % tuple((told | other).values())


def _telemetry(make: Callable[[random.Random], str | bytes]) -> "Wrong":
    def wrong(chance: random.Random, board: str) -> tuple[str, bytes]:
        payload = make(chance)
        return _topic(board, "telemetry"), payload if isinstance(payload, bytes) else payload.encode(
            "utf-8", "replace"
        )

    return wrong


def _bytes(chance: random.Random) -> bytes:
    """Not one of them is UTF-8: 0xFF never is."""
    return b"\xff" + chance.randbytes(chance.getrandbits(8))


def _flipped(chance: random.Random) -> bytes:
    """The highest bit of one byte: a sample is ASCII, and then is no UTF-8 any more."""
    payload = bytearray(_sample(chance).encode())
    payload[chance.randrange(len(payload))] ^= 0x80
    return bytes(payload)


def _truncated(chance: random.Random) -> bytes:
    payload = _sample(chance).encode()
    return payload[: chance.randrange(len(payload))]


def _glued(chance: random.Random) -> bytes:
    """Two messages in one, or rubbish behind it, as a board does whose buffer was not emptied."""
    return (_sample(chance) + chance.choice((_sample(chance), "x", "\0", "]", ","))).encode()


def _twisted(chance: random.Random) -> str:
    return chance.choice(("[]", "null", "1", '"x"', "true", "", " ", "[{}]", "{}", '{"v":1}', "\ufeff{}"))


def _version(chance: random.Random) -> str:
    return _sample(chance).replace(
        '"v":1', '"v":' + chance.choice(("2", "0", '"1"', "1.0", "null", "true", "[1]"))
    )


def _many_rows(chance: random.Random) -> str:
    return _sample(chance, c='["a"]', rows="[" + ",".join(f"[{n},{n},1]" for n in range(513)) + "]")


def _rows(chance: random.Random) -> str:
    wrong = (
        "[]",
        "{}",
        "null",
        "[[]]",
        "[[0,0]]",
        "[[0,0,1,2]]",
        "[0]",
        "[null]",
        '["-"]',
        "[[0,0,1],[1,1]]",
        "[{}]",
    )
    return _sample(chance, rows=chance.choice(wrong))


def _row_times(chance: random.Random) -> str:
    wrong = ("-1", "0.0", "null", _HUGE, "253402300800000", '"0"', "true")
    return _sample(chance, rows=f"[[0,{chance.choice(wrong)},812]]")


def _row_offsets(chance: random.Random) -> str:
    wrong = ("-1", "0.0", "null", _HUGE, "4294967296", '"0"', "true")
    return _sample(chance, rows=f"[[{chance.choice(wrong)},0,812]]")


def _times_stand(chance: random.Random) -> str:
    return _sample(chance, rows=chance.choice(("[[0,5,1],[1,5,2]]", "[[0,9,1],[1,5,2],[2,6,3]]")))


def _offsets_stand(chance: random.Random) -> str:
    return _sample(chance, rows=chance.choice(("[[3,0,1],[3,1,2]]", "[[3,0,1],[0,1,2]]")))


def _columns(chance: random.Random) -> str:
    wrong = ("null", "1", "{}", '"co2_ppm"', '["co2_ppm","co2_ppm"]', "[null]", "[[]]", "[{}]", "[1]")
    columns = chance.choice(wrong)
    return _sample(chance, c=columns, rows="[[0,0,1,2]]" if columns.count("co2") == 2 else _GOOD_ROWS)


def _other_leaf(chance: random.Random, board: str) -> tuple[str, bytes]:
    """A sound message under the leaf of another kind."""
    leaf, text = _lifecycle(chance, _other_boot(chance))
    other = chance.choice([each for each in LEAVES if each != leaf])
    return _topic(board, other), (
        _sample(chance) if other != "telemetry" and chance.getrandbits(1) else text
    ).encode()


def _broken_lifecycle(chance: random.Random, board: str) -> tuple[str, bytes]:
    leaf, text = _lifecycle(chance, _other_boot(chance))
    how = chance.randrange(4)
    if how == 0:
        return _topic(board, leaf), text[: chance.randrange(len(text))].encode()
    if how == 1:
        return _topic(board, leaf), text.replace('"v":1', '"v":7').encode()
    if how == 2:
        return _topic(board, leaf), b"\xfe" + text.encode()
    key = chance.choice(
        [key for key in ("boot", "state", "id", "ok", "rev", "errors", "points", "q") if f'"{key}":' in text]
    )
    return _topic(board, leaf), text.replace(f'"{key}":', f'"{key}":[0],"was_{key}":').encode()


def _wrong_id(chance: random.Random, board: str) -> tuple[str, bytes]:
    """A topic with an id that is none, where the collector listens all the same."""
    wrong = chance.choice(_NO_ID)
    topic = _topic(wrong, "telemetry") if chance.getrandbits(1) else _topic(board, "telemetry", wrong)
    return topic, _sample(chance).encode()


def _reserved(chance: random.Random, board: str) -> tuple[str, bytes]:
    return _topic(chance.choice(("room", "service")), chance.choice(LEAVES)), _sample(chance).encode()


def _elsewhere(chance: random.Random, board: str) -> tuple[str, bytes]:
    """Where no collector listens."""
    topics = (
        _topic(board, "committed"), _topic(board, "command"), _topic(board, "nonsense"), "campus/v2/s/b/telemetry",
        f"campus/v1/{SITE}/{board}", "campus/ext/school/shelly/status", _topic(board, "telemetry") + "/x", board,
    )  # fmt: skip
    return chance.choice(topics), _sample(chance).encode()


def _other_site(chance: random.Random, board: str) -> tuple[str, bytes]:
    return _topic(board, "telemetry", chance.choice(OTHER_SITES)), _truncated(chance)


Wrong = Callable[[random.Random, str], tuple[str, bytes]]
_COMMON: list[Wrong] = [
    *map(
        _telemetry,
        (
            _bytes, _flipped, _truncated, _glued, _twisted, _version, _rows, _row_times, _row_offsets, _times_stand,
            _offsets_stand, _columns,
            lambda c: _sample(c, rows=f"[[0,0,{c.choice(_NUMBERS)}]]"),
            lambda c: _sample(c, seq=c.choice((*_NO_INTEGER, "4294967296"))),
            lambda c: _sample(c, low=c.choice((*_NO_INTEGER, "4294967295"))),
            lambda c: _sample(c, ts=c.choice((*_NO_INTEGER, "253402300800000"))),
            lambda c: _sample(c, q=c.choice(("", "NTP", "gps", "ntp "))),
            lambda c: _sample(c, boot=c.choice(_NO_BOOT)),
            lambda c: _sample(c, c=f'["{c.choice(_NO_POINT)}"]'),
            lambda c: _sample(c)[:-1] + f',"why":{{"co2_ppm":{c.choice(_NO_TEXT)}}}}}',
            lambda c: _sample(c)[:-1] + f',"why":{c.choice(("1", "true", "[1]", chr(34) + "x" + chr(34)))}}}',
            lambda c: _sample(c).replace(f'"{c.choice(("boot", "seq", "ts", "q", "c", "rows", "v"))}":', '"other":', 1),
            lambda c: _sample(c)[:-1] + ',"boot":null}',
        ),
    ),
    _other_leaf, _broken_lifecycle, _wrong_id, _reserved, _elsewhere, _other_site,
]  # fmt: skip
_LARGE: list[Wrong] = [
    *map(
        _telemetry,
        (
            _many_rows,
            lambda c: _sample(c, boot=_LONG),
            lambda c: _sample(c)[:-1] + f',"x":"{_LONG}"}}',
            lambda c: _sample(c, rows=f'[[0,0,"{_LONG[:60_000]}"]]'),
            lambda c: c.choice(_DEEP),
            lambda c: _sample(c)[:-1] + f',"x":{c.choice(_DEEP)}}}',
        ),
    ),
    lambda c, board: (
        _topic(board, "reply"),
        REPLY.replace("null}", f'"{_LONG[:20_000]}"}}').encode() % b"1",
    ),
]
WRONG = _COMMON * 12 + _LARGE
"""Large ones are few: they cost the broker, and a board's limit, as much as seventy others."""
