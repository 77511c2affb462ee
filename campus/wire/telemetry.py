"""A telemetry message: one sample or a batch of samples of one board, in one shape.

{"v":1,"boot":"9f3a61c20000002a","seq":18120,"low":17990,"ts":1795326683120,"q":"ntp",
 "c":["co2_ppm","temperature_c","power_w.1"],
 "rows":[[0,0,812,23.4,312.5],[1,60000,null,"-",311.9]],"why":{"co2_ppm":"warmup"}}
"""

from collections import namedtuple

from campus.wire.errors import WireError
from campus.wire.names import valid_point
from campus.wire.parsing import (
    CLOCKS,
    MAX_SEQ,
    MAX_TIME_MS,
    check,
    check_text,
    check_version,
    read,
    valid_boot,
    write,
)

MAX_ROWS = 512
MAX_BYTES = 65536
BOARD_BYTES = 1024
ABSENT = "-"
VALUE_MAX = 3.4e38  # what a board's single-precision float holds; NaN and infinity fail the comparison

Telemetry = namedtuple("Telemetry", "boot seq low ts_ms clock columns rows why")
"""boot, seq, low: the contract's. ts_ms: Unix ms UTC (clock "ntp" or "hold"), or ms since boot (clock "up").

columns: point names, a tuple when decoded. rows: lists [seq offset, ms after ts_ms, one value per column]; a
value is an int or float, None = measured but invalid, ABSENT = not measured in this row. why: point -> reason
of its None.
"""


def encode(telemetry):
    """Compact JSON bytes. Raises WireError for anything `decode` would refuse, such as a float for a time."""
    boot, seq, low, ts, clock, columns, rows, why = _checked(telemetry)
    document = {
        "v": 1,
        "boot": boot,
        "seq": seq,
        "low": low,
        "ts": ts,
        "q": clock,
        "c": columns,
        "rows": rows,
    }
    if why:
        document["why"] = why
    payload = write(document)
    check(len(payload) <= MAX_BYTES, "size", "%d bytes" % len(payload))
    return payload


def decode(payload, limit=MAX_BYTES):
    """The Telemetry in `payload` (bytes), wholly checked. Raises WireError."""
    return taken(read(payload, limit))


def taken(document, columns=None):
    """The Telemetry in a JSON object. columns: those in it, where they are known to be right. Raises WireError."""
    check_version(document)
    get = document.get
    fields = (
        get("boot"),
        get("seq"),
        get("low", 0),
        get("ts"),
        get("q"),
        get("c"),
        get("rows"),
        get("why") or {},
    )
    return _checked(fields, columns)


def _checked(fields, known=None):
    """The Telemetry of these fields. known: its columns, where they are known to be right."""
    boot, seq, low, ts, clock, columns, rows, why = fields
    # Written out, as a call for each would cost a tenth of a message's whole decoding.
    if not valid_boot(boot):
        raise WireError("boot", "boot")
    if type(seq) is not int or not 0 <= seq <= MAX_SEQ:
        raise WireError("seq", "seq")
    if type(low) is not int or not 0 <= low <= seq:
        raise WireError("seq", "low")
    if type(ts) is not int or not 0 <= ts <= MAX_TIME_MS:
        raise WireError("time", "ts")
    if clock not in CLOCKS:
        raise WireError("shape", "q")
    if why:
        check(type(why) is dict, "shape", "why")
        for point in why:
            check(valid_point(point), "point", "why")
            check_text("why", why[point], 32, 1)
    columns = known or _columns(columns)
    if type(rows) is not list or not 0 < len(rows) <= MAX_ROWS:
        raise WireError("rows", "rows")
    width = len(columns) + 2
    lowest, highest = -VALUE_MAX, VALUE_MAX
    latest_offset = latest = -1
    rising = True
    for row in rows:
        if type(row) is not list or len(row) != width:
            raise WireError("rows", "a row")
        offset = row[0]
        if type(offset) is not int or offset <= latest_offset:
            raise WireError("seq", "a row")
        latest_offset = offset
        after = row[1]
        if type(after) is not int or after < 0:
            raise WireError("time", "a row")
        if after > latest:
            latest = after
        else:
            rising = False
        for value in row:
            kind = type(value)
            if kind is int or kind is float:
                if not lowest <= value <= highest:
                    raise WireError("value", "a row")
            elif value is not None and (kind is not str or value != ABSENT):
                raise WireError("value", "a row")
    if seq + latest_offset > MAX_SEQ:
        raise WireError("seq", "a row")
    if ts + latest > MAX_TIME_MS:
        raise WireError("time", "a row")
    if not rising:
        for place in range(2, width):
            _check_times(rows, place)
    return Telemetry(boot, seq, low, ts, clock, columns, rows, why)


def _columns(columns):
    """As a tuple."""
    check(type(columns) is list or type(columns) is tuple, "shape", "c")
    for point in columns:
        check(valid_point(point), "point", "c")
    check(len(set(columns)) == len(columns), "point", "c")
    return tuple(columns)


def _check_times(rows, place):
    """Rows need not follow in time, but the time of each point must rise."""
    latest = -1
    for row in rows:
        if row[place] != ABSENT:
            check(row[1] > latest, "time", "a row")
            latest = row[1]
