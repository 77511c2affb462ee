"""What the foreign decoders share: a payload read strictly, a raw value to a reading, seconds to milliseconds."""

import json
import re
from typing import Any, NamedTuple

from campus.telemetry import GOOD, INVALID, OUT_OF_RANGE
from campus.wire.errors import WireError
from campus.wire.names import base
from campus.wire.parsing import check
from campus.wire.points import POINTS, plausible

MAX_BYTES = 64 * 1024
MAX_READINGS = 64
MAX_CHANNEL = 999
EXACT = 2.0**53
"""Beyond it a float skips whole numbers: no device measures that."""
BEHIND_MS, AHEAD_MS = 24 * 3600 * 1000, 5 * 60 * 1000
KWH, WH = 1_000_000, 1_000
"""mWh in one."""
CHANNELLED = frozenset({"power_w", "energy_mwh", "current_a", "voltage_v"})
"""Points that always have a channel, 1 where a device has one: equipment is placed on channels."""

_BLANK = " \t\r\n"  # not the separators that strip() takes off too, and float() refuses
_NOTHING = frozenset({"", "nan", "null", "none", "unknown", "unavailable"})
_SWITCHED = {"on": 1, "true": 1, "off": 0, "false": 0}
_NUMBER = re.compile(r"[+-]?[0-9]{1,32}(\.[0-9]{1,32})?([eE][+-]?[0-9]{1,3})?")


class Value(NamedTuple):
    """One reading: `point` with its channel; Unix ms UTC; None where invalid; a code of campus.telemetry."""

    point: str
    observed_at_ms: int
    value: float | None
    quality: int


class Heard(NamedTuple):
    """What one message tells of one device, which is to us a board.

    `device` is its board id; `availability` is "online", "lost" or None; `label` is its own name for people, where
    the id had to be made from it.
    """

    device: str
    readings: list[Value]
    availability: str | None = None
    label: str | None = None


class Sheet:
    """The readings of one message, one of a point: the first that was put down stays."""

    def __init__(self, observed_at_ms: int) -> None:
        self.observed_at_ms = observed_at_ms
        self._values: dict[str, Value] = {}

    def put(self, name: str, raw: Any, channel: int | None = None, scale: int = 1) -> None:
        """Put `raw` times `scale` down under point `name`. Raises WireError: value, shape."""
        value = reading(name, raw, self.observed_at_ms, channel, scale)
        self._values.setdefault(value.point, value)
        check(len(self._values) <= MAX_READINGS, "shape", f"more than {MAX_READINGS} readings")

    def heard(self, device: str, label: str | None = None) -> list[Heard]:
        return [Heard(device, list(self._values.values()), None, label)] if self._values else []


def reading(name: str, raw: Any, observed_at_ms: int, channel: int | None = None, scale: int = 1) -> Value:
    """A raw value, as JSON or text gives it, as a reading of point `name`. Raises WireError: value, shape."""
    value = boolean(name, raw) if POINTS[base(name)][3] == "bool" else number(name, raw, scale)
    if value is not None and POINTS[base(name)][3] == "counter":
        value = round(value)
    if channel is None and name in CHANNELLED:
        channel = 1
    check(channel is None or 0 <= channel <= MAX_CHANNEL, "shape", f"channel of {name}")
    point = name if channel is None else f"{name}.{channel}"
    if value is None:
        return Value(point, observed_at_ms, None, INVALID)
    return Value(point, observed_at_ms, value, GOOD if plausible(name, value) else OUT_OF_RANGE)


def number(part: str, raw: Any, scale: int = 1) -> float | None:
    """A number times `scale`; None where the device says that it has none. Raises WireError: value."""
    if raw is None:
        return None
    if isinstance(raw, str):
        text = raw.strip(_BLANK).lower()
        if text in _NOTHING:
            return None
        check(_NUMBER.fullmatch(text) is not None, "value", f"{part} is no number")
        raw = float(text)
    check(
        type(raw) in (int, float) and -EXACT <= raw * scale <= EXACT,
        "value",
        f"{part} is no number of a sensor",
    )
    value: float = raw * scale
    return value


def boolean(part: str, raw: Any) -> float | None:
    """1 or 0 of true, "ON" and the like; another number as it is; None for no value. Raises WireError: value."""
    if isinstance(raw, bool):
        return int(raw)
    if isinstance(raw, str) and (known := _SWITCHED.get(raw.strip(_BLANK).lower())) is not None:
        return known
    return number(part, raw)


def read_text(payload: bytes, longest: int = 64) -> str:
    """A bare value. Raises WireError: json (not UTF-8), size."""
    check(len(payload) <= longest, "size", f"{len(payload)} bytes, more than {longest}")
    try:
        return str(payload, "utf-8")
    except UnicodeDecodeError:
        raise WireError("json", "not UTF-8") from None


def read_object(payload: bytes) -> dict[str, Any]:
    """The JSON object in `payload`, no key of it twice. Raises WireError: size, json, shape."""
    check(len(payload) <= MAX_BYTES, "size", f"{len(payload)} bytes, more than {MAX_BYTES}")
    try:
        document = _load(str(payload, "utf-8"))
    except (ValueError, RecursionError, MemoryError):
        raise WireError("json", "it cannot be read") from None
    return object_of("payload", document)


def object_of(part: str, raw: Any) -> dict[str, Any]:
    """`raw` if it is an object. Raises WireError: shape."""
    check(type(raw) is dict, "shape", f"{part} is no object")
    return raw


def availability(payload: bytes, online: str, lost: str) -> str | None:
    """What a device's two words mean; None where a retained one was cleared. Raises WireError: size, json, shape."""
    word = read_text(payload).strip(_BLANK)
    check(word in ("", online, lost), "shape", f"neither {online} nor {lost}")
    return {online: "online", lost: "lost"}.get(word)


def unix_ms(seconds: Any) -> int | None:
    """Unix seconds as whole milliseconds; None where there is no such time."""
    if type(seconds) not in (int, float) or not 0 < seconds < 253402300800:
        return None
    return round(seconds * 1000)  # doubles are exact to 0.3 µs here


def timely(told_ms: int, received_at_ms: int) -> bool:
    """Whether a device's clock is believed: it tells a time within 24 h before and 5 minutes after the receipt."""
    return received_at_ms - BEHIND_MS <= told_ms <= received_at_ms + AHEAD_MS


def believed(told_ms: int | None, received_at_ms: int) -> int:
    """The time that a device told, where it told one that is believed; else the received time."""
    return told_ms if told_ms is not None and timely(told_ms, received_at_ms) else received_at_ms


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key twice")
    return made


def _refuse(name: str) -> None:
    raise ValueError(name + " is not JSON")


_load = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_refuse).decode
