"""Shelly Gen2 and later with MQTT prefix `campus/ext/{site}/{source}`: online, status/{component}, events/rpc.

https://shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices/Mqtt
"""

import re
from typing import Any
from zoneinfo import ZoneInfo

from campus.wire.parsing import check
from collector.foreign.values import (
    WH,
    Heard,
    Sheet,
    availability,
    believed,
    object_of,
    read_object,
    unix_ms,
)

Field = tuple[tuple[str, ...], str, int, int]
"""(path of keys, point, channel that is added to three or one per id, scale)."""

_METER: tuple[Field, ...] = (
    (("apower",), "power_w", 1, 1),
    (("act_power",), "power_w", 1, 1),
    (("current",), "current_a", 1, 1),
    (("voltage",), "voltage_v", 1, 1),
    (("aenergy", "total"), "energy_mwh", 1, WH),
    (("total_act_energy",), "energy_mwh", 1, WH),
)
_PHASES: tuple[Field, ...] = tuple(
    ((f"{phase}_{key}",), point, channel, scale)
    for channel, phase in enumerate("abc", 1)
    for key, point, scale in (
        ("act_power", "power_w", 1),
        ("current", "current_a", 1),
        ("voltage", "voltage_v", 1),
        ("total_act_energy", "energy_mwh", WH),
    )
)
FIELDS: dict[str, tuple[Field, ...]] = {
    **dict.fromkeys(("switch", "pm1", "cover", "light", "cct", "rgb", "rgbw", "em1", "em1data"), _METER),
    "em": _PHASES,
    "emdata": _PHASES,
    "temperature": ((("tC",), "temperature_c", 0, 1),),
    "humidity": ((("rh",), "relative_humidity_pct", 0, 1),),
    "illuminance": ((("lux",), "illuminance_lx", 0, 1),),
    "devicepower": ((("battery", "V"), "battery_v", 0, 1),),
}
"""What is read of each kind of component. A meter's own temperature is not the room's."""
FRESH_MS = 120_000
"""`minute_ts` is when the last whole minute began: of what comes at once it is at most this old."""

_COMPONENT = re.compile(r"([a-z][a-z0-9_]{0,31})(?::([0-9]{1,3}))?")


def decode(source: str, rest: str, payload: bytes, received_at_ms: int, zone: ZoneInfo) -> list[Heard] | None:
    """What the message tells; None where it is not one of a Shelly's. Raises WireError."""
    first, _, leaf = rest.partition("/")
    if rest == "online":
        state = availability(payload, "true", "false")
        return [Heard(source, [], state)] if state else []
    if first in ("rpc", "command") or rest == "debug/log":
        return []
    if first == "status" and leaf:
        return _status(source, leaf, payload, received_at_ms)
    if first == "events" and leaf:
        return _events(source, payload, received_at_ms) if leaf == "rpc" else []
    return None


def _status(source: str, component: str, payload: bytes, received_at_ms: int) -> list[Heard]:
    kind, number = _parsed(component)
    check(kind != "", "topic", "after status/ comes no component")
    if kind not in FIELDS:
        return []
    document = read_object(payload)
    energy = document.get("aenergy")
    minute = unix_ms(energy.get("minute_ts")) if type(energy) is dict else None
    # The minute is not when the values were measured: only what was held up on its way is better dated by it.
    held_up = minute is not None and received_at_ms - minute > FRESH_MS
    sheet = Sheet(believed(minute, received_at_ms) if held_up else received_at_ms)
    _component(kind, number, document, sheet)
    return sheet.heard(source)


def _events(source: str, payload: bytes, received_at_ms: int) -> list[Heard]:
    document = read_object(payload)
    method = document.get("method")
    check(type(method) is str, "shape", "method")
    if method not in ("NotifyStatus", "NotifyFullStatus"):
        return []
    params = object_of("params", document.get("params"))
    sheet = Sheet(believed(unix_ms(params.get("ts")), received_at_ms))
    for name, status in params.items():
        kind, number = _parsed(name)
        if kind in FIELDS:
            _component(kind, number, object_of(kind, status), sheet)
    return sheet.heard(source)


def _parsed(component: str) -> tuple[str, int]:
    """(kind, id) of `switch:0`; ("", 0) of what is none."""
    found = _COMPONENT.fullmatch(component)
    return (found[1], int(found[2] or 0)) if found else ("", 0)


def _component(kind: str, number: int, status: dict[str, Any], sheet: Sheet) -> None:
    """Component n of a meter is channel n + 1, the phases of em:n are 3n + 1 to 3n + 3; elsewhere 0 has no channel."""
    for path, point, first, scale in FIELDS[kind]:
        within: Any = status
        for key in path[:-1]:
            within = within.get(key) or {}
            check(type(within) is dict, "shape", key)
        if path[-1] in within:
            channel = first + number * (3 if kind in ("em", "emdata") else 1) if first else number or None
            sheet.put(point, within[path[-1]], channel, scale)
