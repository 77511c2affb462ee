"""ESPHome with topic_prefix `campus/ext/{site}/{source}`: status, sensor/{name}/state, binary_sensor/{name}/state.

A name tells the quantity by its end and, by digits after it, the channel: projector_power, board_power_2.
https://esphome.io/components/mqtt.html
"""

import re
from zoneinfo import ZoneInfo

from collector.foreign.values import KWH, WH, Heard, Sheet, availability, read_text

SENSORS: dict[str, tuple[str, int]] = {
    "power": ("power_w", 1),
    "energy": ("energy_mwh", KWH),
    "energy_kwh": ("energy_mwh", KWH),
    "energy_wh": ("energy_mwh", WH),
    "current": ("current_a", 1),
    "voltage": ("voltage_v", 1),
    "battery_voltage": ("battery_v", 1),
    "temperature": ("temperature_c", 1),
    "humidity": ("relative_humidity_pct", 1),
    "co2": ("co2_ppm", 1),
    "carbon_dioxide": ("co2_ppm", 1),
    "illuminance": ("illuminance_lx", 1),
    "wifi_signal": ("rssi_dbm", 1),
    "rssi": ("rssi_dbm", 1),
    "uptime": ("uptime_s", 1),
}
BINARY: dict[str, tuple[str, int]] = {
    "motion": ("motion", 1),
    "pir": ("motion", 1),
    "presence": ("radar_presence", 1),
    "occupancy": ("radar_presence", 1),
    "radar": ("radar_presence", 1),
    "door": ("door_open", 1),
    "door_open": ("door_open", 1),
}
READ = {"sensor": SENSORS, "binary_sensor": BINARY}
OTHERS = re.compile(
    "alarm_control_panel|button|camera|climate|cover|date|datetime|event|fan|light|lock|media_player|number|select"
    "|switch|text|text_sensor|time|update|valve"
)
"""Components that carry nothing for us."""

# VA and var, the percents of a radar, what a thermostat aims at, and the warmth of a chip.
_NOT = re.compile(
    r"(.*_)?((apparent|reactive)_power|(move|moving|still)_energy|absolute_humidity"
    r"|(target|set|internal|chip|cpu|esp32|dew_point)_temperature)"
)
_NAME = re.compile(r"[a-z0-9_]{1,128}")
_CHANNEL = re.compile(r"(.*?)_?([0-9]{1,3})")


def decode(source: str, rest: str, payload: bytes, received_at_ms: int, zone: ZoneInfo) -> list[Heard] | None:
    """What the message tells; None where it is not one of ESPHome's. Raises WireError."""
    if rest == "status":
        state = availability(payload, "online", "offline")
        return [Heard(source, [], state)] if state else []
    if rest == "debug":
        return []
    component, _, leaf = rest.partition("/")
    if leaf.count("/") < 1 or leaf.rpartition("/")[2] not in ("state", "command"):
        return None
    if OTHERS.fullmatch(component):
        return []
    if component not in READ:
        return None
    name = leaf.removesuffix("/state").lower().replace("-", "_")
    found = quantity(component, name) if _NAME.fullmatch(name) else None
    if found is None:
        return []
    point, channel, scale = found
    sheet = Sheet(received_at_ms)
    sheet.put(point, read_text(payload), channel, scale)
    return sheet.heard(source)


def quantity(component: str, name: str) -> tuple[str, int | None, int] | None:
    """(point, channel, scale) of a name; None where its end is no quantity that is read."""
    table, channel = READ[component], None
    ending = _ending(table, name)
    if ending is None and (numbered := _CHANNEL.fullmatch(name)):  # co2 is no channel 2
        name, channel = numbered[1], int(numbered[2])
        ending = _ending(table, name)
    if ending is None or _NOT.fullmatch(name):
        return None
    point, scale = table[ending]
    return point, channel, scale


def _ending(table: dict[str, tuple[str, int]], name: str) -> str | None:
    """The longest key of `table` that is the name or, after a _, its end."""
    return max((key for key in table if f"_{name}".endswith(f"_{key}")), key=len, default=None)
