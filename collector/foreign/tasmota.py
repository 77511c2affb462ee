"""Tasmota with FullTopic `campus/ext/{site}/{source}/%prefix%/`: tele/SENSOR, tele/STATE, tele/LWT.

https://tasmota.github.io/docs/MQTT, https://tasmota.github.io/docs/HLK-LD2410
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from campus.wire.parsing import check
from collector.foreign.values import (
    KWH,
    Heard,
    Sheet,
    availability,
    number,
    object_of,
    read_object,
    timely,
    unix_ms,
)

ENERGY = (
    ("Power", "power_w", 1),
    ("Total", "energy_mwh", KWH),
    ("Current", "current_a", 1),
    ("Voltage", "voltage_v", 1),
)
AIR = (
    ("Temperature", "temperature_c"),
    ("Humidity", "relative_humidity_pct"),
    ("CarbonDioxide", "co2_ppm"),
    ("Illuminance", "illuminance_lx"),
)
SWITCHES = {
    "motion": "motion",
    "pir": "motion",
    "presence": "radar_presence",
    "occupancy": "radar_presence",
    "radar": "radar_presence",
    "door": "door_open",
}
"""Labels that a person gave a switch (SwitchText). "Switch1" may as well be a light switch: it is not read."""
MAX_ARRAY = 16
QUARTER_MS, NEAR_MS = 15 * 60_000, 30_000
"""Zones differ by quarters of an hour, and a message is under way for seconds."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3})?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_NUMBERED = re.compile(r"[-_]([0-9]{1,3})\Z")
_LABEL = re.compile(r"([A-Za-z]{1,32})[-_]?([0-9]{1,3})?")


def decode(source: str, rest: str, payload: bytes, received_at_ms: int, zone: ZoneInfo) -> list[Heard] | None:
    """What the message tells; None where it is not one of Tasmota's. Raises WireError."""
    prefix, _, leaf = rest.partition("/")
    if prefix in ("stat", "cmnd"):
        return []
    if prefix != "tele":
        return None
    check(leaf != "" and "/" not in leaf, "topic", "tele/ and not one word more: FullTopic is wrong")
    if leaf == "LWT":
        state = availability(payload, "Online", "Offline")
        return [Heard(source, [], state)] if state else []
    if leaf not in ("SENSOR", "STATE"):
        return []
    document = read_object(payload)
    sheet = Sheet(observed(document, received_at_ms, zone))
    if leaf == "STATE":
        _state(document, sheet)
    else:
        _sensors(document, sheet)
    return sheet.heard(source)


def observed(document: dict[str, Any], received_at_ms: int, zone: ZoneInfo) -> int:
    """Unix ms of the message: `Epoch`, or `Time` read in `zone`, where they can be believed; else the received time.

    Of the two meanings of an hour that a zone repeats, the one nearer to the receipt; an hour that it leaves out is
    no time, nor is one that is late by whole quarters of an hour: there the device's zone is wrong, which comes set
    to UTC+1. `Time` may also be Unix seconds, or carry milliseconds or an offset (command `Time`).
    """
    told = document.get("Time")
    times = [unix_ms(document.get("Epoch")), unix_ms(told)]
    if isinstance(told, str) and _TIME.fullmatch(told):
        times += _read(told, received_at_ms, zone)
    believed = [each for each in times if each is not None and timely(each, received_at_ms)]
    return min(believed, key=lambda each: abs(each - received_at_ms), default=received_at_ms)


def _read(text: str, received_at_ms: int, zone: ZoneInfo) -> list[int]:
    try:
        told = datetime.fromisoformat(text)
        if told.tzinfo is not None:
            return [_ms(told)]
        meant = [told.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
        real = [_ms(each) for each in meant if each.astimezone(zone).replace(tzinfo=None, fold=0) == told]
    except (ValueError, OverflowError):
        return []
    return [each for each in real if not _of_another_zone(received_at_ms - each)]


def _of_another_zone(late_ms: int) -> bool:
    quarters, beside_ms = divmod(late_ms + NEAR_MS, QUARTER_MS)
    return quarters > 0 and beside_ms <= 2 * NEAR_MS


def _ms(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(milliseconds=1)


def _state(document: dict[str, Any], sheet: Sheet) -> None:
    if "UptimeSec" in document:
        sheet.put("uptime_s", document["UptimeSec"])
    if "Wifi" in document:
        wifi = object_of("Wifi", document["Wifi"])
        for key, point in (("Signal", "rssi_dbm"), ("Channel", "wifi_channel")):  # RSSI is a percent
            if key in wifi:
                sheet.put(point, wifi[key])


def _sensors(document: dict[str, Any], sheet: Sheet) -> None:
    fahrenheit = document.get("TempUnit") == "F"
    for name, value in document.items():
        if name == "ENERGY":
            _energy(object_of(name, value), sheet)
        elif name in ("LD2410", "LD2410S"):
            _radar(object_of(name, value), sheet)
        elif type(value) is dict:
            if not name.startswith(("ESP32", "ESP8266")):  # a chip's own warmth is not the room's
                _air(name, value, fahrenheit, sheet)
        elif (found := _LABEL.fullmatch(name)) and found[1].lower() in SWITCHES:
            sheet.put(SWITCHES[found[1].lower()], value, int(found[2]) if found[2] else None)


def _energy(energy: dict[str, Any], sheet: Sheet) -> None:
    """An array is one value per channel from 1; a scalar is channel 1, also beside arrays."""
    for key, point, scale in ENERGY:
        if key in energy:
            values = energy[key] if type(energy[key]) is list else [energy[key]]
            check(len(values) <= MAX_ARRAY, "shape", f"{key} has more than {MAX_ARRAY} values")
            for channel, value in enumerate(values, 1):
                sheet.put(point, value, channel, scale)


def _radar(radar: dict[str, Any], sheet: Sheet) -> None:
    """LD2410: Distance is cm of the moving, the still and the detected target, Energy % of the first two; all are 0
    where there is no target. LD2410S: one Distance, People 2 or 3 where there is one.
    """
    distance, people = radar.get("Distance"), radar.get("People")
    if "People" in radar:
        count = number("People", people)
        sheet.put("radar_presence", None if count is None else count >= 2)
    elif type(distance) is list:
        energy = radar.get("Energy", [])
        check(len(distance) == 3 and type(energy) is list, "shape", "LD2410")
        known = [number("LD2410", each) for each in [*distance, *energy]]
        sheet.put("radar_presence", any(known) if None not in known else None)
        distance = distance[2]
    if distance and number("Distance", distance):
        sheet.put("radar_distance_cm", distance)


def _air(name: str, sensor: dict[str, Any], fahrenheit: bool, sheet: Sheet) -> None:
    """The number after the last - or _ of a sensor's name is its channel, as in DS18B20-2."""
    numbered = _NUMBERED.search(name[-4:])
    channel = int(numbered[1]) if numbered else None
    for key, point in AIR:
        if key in sensor:
            value = sensor[key]
            if point == "temperature_c" and fahrenheit and (degrees := number(key, value)) is not None:
                value = round((degrees - 32) / 1.8, 2)
            sheet.put(point, value, channel)
