"""A telemetry message: one sample or a batch of samples of one board, in one shape.

{"v":1,"boot":"9f3a61c20000002a","seq":18120,"low":17990,"ts":1795326683120,"q":"ntp",
 "c":["co2_ppm","temperature_c","power_w.1"],
 "rows":[[0,0,812,23.4,312.5],[1,60000,null,"-",311.9]],"why":{"co2_ppm":"warmup"}}
"""

from collections import namedtuple

from campus.wire.errors import WireError
from campus.wire.parsing import CLOCKS, MAX_SEQ, MAX_TIME_MS, check_text, read, valid_boot, write
from campus.wire.points import valid_point

MAX_ROWS = 512
MAX_BYTES = 65536
BOARD_BYTES = 1024
ABSENT = "-"
VALUE_MAX = 3.4e38  # what a board's single-precision float holds; NaN and infinity fail the comparison

Telemetry = namedtuple("Telemetry", ("boot", "seq", "low", "ts_ms", "clock", "columns", "rows", "why"))
"""boot, seq, low: the contract's. ts_ms: Unix ms UTC (clock "ntp" or "hold"), or ms since boot (clock "up").

columns: point names, a tuple when decoded. rows: lists [seq offset, ms after ts_ms, one value per column]; a
value is an int or float, None = measured but invalid, ABSENT = not measured in this row. why: point -> reason
of its None.
"""

_known_columns: dict = {}  # columns that passed before -> themselves: boards repeat theirs in every message


def encode(telemetry):
    """Compact JSON bytes. Raises WireError for anything `decode` would refuse, such as a float for a time."""
    boot, seq, low, ts, clock, columns, rows, why = telemetry
    _check_head(boot, seq, low, ts, clock, why)
    _check_rows(seq, ts, _check_columns(columns), rows)
    document = {"v": 1, "boot": boot, "seq": seq}
    if low:
        document["low"] = low
    document["ts"] = ts
    document["q"] = clock
    document["c"] = columns
    document["rows"] = rows
    if why:
        document["why"] = why
    payload = write(document)
    if len(payload) > MAX_BYTES:
        raise WireError("size", "the message has %d bytes, more than %d" % (len(payload), MAX_BYTES))
    return payload


def decode(payload, limit=MAX_BYTES):
    """The Telemetry in `payload` (bytes), wholly checked. Raises WireError, which says what it settles."""
    document = read(payload, limit)
    get = document.get
    try:
        version = get("v")
        if version != 1 or type(version) is not int:
            raise WireError("version", "the message's version is not 1")
        boot = get("boot")
        seq = get("seq")
        low = get("low", 0)
        ts = get("ts")
        clock = get("q")
        rows = get("rows")
        why = get("why") or {}
        _check_head(boot, seq, low, ts, clock, why)
        columns = _check_columns(get("c"))
        _check_rows(seq, ts, columns, rows)
    except WireError as error:
        error.settles(*_named(document))
        raise
    return Telemetry(boot, seq, low, ts, clock, columns, rows, why)


def seqs(telemetry):
    """The record number of each row, rising."""
    first = telemetry.seq
    return [first + row[0] for row in telemetry.rows]


def last_seq(telemetry):
    """The record number of the last row."""
    return telemetry.seq + telemetry.rows[-1][0]


def _check_head(boot, seq, low, ts, clock, why):
    if not valid_boot(boot):
        raise WireError("boot", "the boot is not 8 to 16 lower-case hex digits")
    if type(seq) is not int or not 0 <= seq <= MAX_SEQ:
        raise WireError("seq", "seq is not an integer from 0 to 2^32-1")
    if type(low) is not int or not 0 <= low <= seq:
        raise WireError("seq", "low is not an integer from 0 to seq")
    if type(ts) is not int or not 0 <= ts <= MAX_TIME_MS:
        raise WireError("time", "ts is not an integer of milliseconds in range")
    if clock not in CLOCKS:
        raise WireError("shape", "q is not ntp, hold or up")
    if why:
        if type(why) is not dict:
            raise WireError("shape", "why is not an object")
        for point, reason in why.items():
            if not valid_point(point):
                raise WireError("point", "why names a point that is not written as one")
            check_text("why", reason, 32, 1)


def _check_columns(columns):
    """The columns as a tuple, the same object for the same columns."""
    if type(columns) is not list and type(columns) is not tuple:
        raise WireError("shape", "c is not a list")
    try:
        columns = tuple(columns)
        found = _known_columns.get(columns)
    except TypeError:  # a list or object among them
        raise WireError("point", "a column is not a point name")
    if found is not None:
        return found
    for point in columns:
        if not valid_point(point):
            raise WireError("point", "a column is not written as a point: %r" % (point,))
    if len(set(columns)) != len(columns):
        raise WireError("point", "a column is there twice")
    if len(_known_columns) >= 64:
        _known_columns.clear()
    _known_columns[columns] = columns
    return columns


def _check_rows(seq, ts, columns, rows):
    if type(rows) is not list or not 1 <= len(rows) <= MAX_ROWS:
        raise WireError("rows", "rows is not a list of 1 to %d rows" % MAX_ROWS)
    width = len(columns) + 2
    lowest, highest = -VALUE_MAX, VALUE_MAX
    latest_offset = latest = -1
    rising = True
    for row in rows:
        if type(row) is not list or len(row) != width:
            raise WireError("rows", "a row is not a list of %d" % width)
        offset = row[0]
        if type(offset) is not int or offset <= latest_offset:
            raise WireError("seq", "the seq offsets are not rising integers from 0")
        latest_offset = offset
        after = row[1]
        if type(after) is not int or after < 0:
            raise WireError("time", "a row's time is not an integer of milliseconds from 0")
        if after > latest:
            latest = after
        else:
            rising = False
        for value in row:
            kind = type(value)
            if kind is int or kind is float:
                if not lowest <= value <= highest:
                    raise WireError("value", "a value is not finite")
            elif value is not None and (kind is not str or value != ABSENT):
                raise WireError("value", 'a value is not a number, null or "-"')
    if seq + latest_offset > MAX_SEQ:
        raise WireError("seq", "a record number passes 2^32-1")
    if ts + latest > MAX_TIME_MS:
        raise WireError("time", "a row's time passes the year 9999")
    if not rising:
        _check_times(columns, rows)


def _check_times(columns, rows):
    """Rows need not follow in time, but the time of each point must."""
    for place in range(2, len(columns) + 2):
        latest = -1
        for row in rows:
            if row[place] == ABSENT:
                continue
            if row[1] <= latest:
                raise WireError("time", "the time of %s does not rise" % columns[place - 2])
            latest = row[1]


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
