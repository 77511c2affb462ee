"""Zigbee2MQTT with base_topic `campus/ext/{site}/{source}`: {friendly name}, {friendly name}/availability.

One source is a bridge with many devices; each is a board of its own. A name may hold nearly anything, so this decoder
comes last. https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html
"""

import re
import unicodedata
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from campus.wire.parsing import check
from collector.foreign.values import (
    KWH,
    Heard,
    Sheet,
    availability,
    boolean,
    number,
    read_object,
)

NUMBERS: dict[str, tuple[str, int]] = {
    "power": ("power_w", 1),
    "energy": ("energy_mwh", KWH),
    "current": ("current_a", 1),
    "voltage": ("voltage_v", 1),
    "temperature": ("temperature_c", 1),
    "humidity": ("relative_humidity_pct", 1),
    "co2": ("co2_ppm", 1),
}
STATES = {"occupancy": "motion", "motion": "motion", "presence": "radar_presence"}
PHASES = {"a": 1, "b": 2, "c": 3}
MAX_ID, HASH = 64, 8

_ENDPOINT = re.compile(rf"({'|'.join(NUMBERS)})_(?:l|phase_)?([1-9a-c])")
_NOT_STATE = re.compile(r"bridge(/.*)?|.*/(set|get|action)|.*/(set|get)/[a-z0-9_]+", re.DOTALL)
_LIKE_HASHED = re.compile(rf"(.*-)?[0-9a-f]{{{HASH}}}")


def decode(source: str, rest: str, payload: bytes, received_at_ms: int, zone: ZoneInfo) -> list[Heard] | None:
    """What the message tells. Raises WireError."""
    name = rest.removesuffix("/availability")
    if _NOT_STATE.fullmatch(rest) or not payload:  # an empty message clears a retained one
        return []
    if name != rest:
        check(name != "", "topic", "the availability of no name")
        state = _availability(payload)
        return [Heard(device_id(source, name), [], state, name)] if state else []
    sheet = Sheet(received_at_ms)
    _state(read_object(payload), sheet)
    return sheet.heard(device_id(source, name), name)


def device_id(source: str, name: str) -> str:
    """`{source}-{slug}`, for ever the same; with a hash at its end where the slug is not the whole name.

    Two names never have one id: what looks as if it ended in a hash gets one too.
    """
    plain = unicodedata.normalize("NFD", name.lower().replace("đ", "d"))
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    slug = re.sub("[^a-z0-9]+", "-", plain).strip("-")
    made = f"{source}-{slug}"
    if slug == name and len(made) <= MAX_ID and not _LIKE_HASHED.fullmatch(slug):
        return made
    told = sha256(f"{source}/{name}".encode()).hexdigest()[:HASH]
    return made[: MAX_ID - HASH - 1].rstrip("-") + "-" + told


def _availability(payload: bytes) -> str | None:
    if payload.lstrip()[:1] != b"{":
        return availability(payload, "online", "offline")
    state = read_object(payload).get("state")
    check(state in ("online", "offline"), "shape", "state")
    return "online" if state == "online" else "lost"


def _state(document: dict[str, Any], sheet: Sheet) -> None:
    """Endpoints first: where there are some, the value without one is their sum or says the same again."""
    for key, raw in document.items():
        if found := _ENDPOINT.fullmatch(key):
            point, scale = NUMBERS[found[1]]
            sheet.put(point, raw, PHASES.get(found[2]) or int(found[2]), scale)
    battery = ("battery" in document or "battery_low" in document) and "power" not in document
    for key, (point, scale) in NUMBERS.items():
        if key in document:
            if key == "voltage" and battery:  # in mV there, in V elsewhere
                millivolts = number(key, document[key])
                sheet.put("battery_v", None if millivolts is None else millivolts / 1000)
            else:
                sheet.put(point, document[key], None, scale)
    # Where there are two, the other is the raw value.
    light = "illuminance_lux" if "illuminance_lux" in document else "illuminance"
    if light in document:
        sheet.put("illuminance_lx", document[light])
    for key, point in STATES.items():
        if key in document:
            sheet.put(point, document[key])
    if "contact" in document:
        closed = boolean("contact", document["contact"])
        sheet.put("door_open", 1 - closed if closed in (0, 1) else closed)
