"""The points a board may measure: unit, plausible range and kind. The one table; it grows here.

A board does not carry it: it knows what its own sensors measure. How a point is written: campus/wire/names.py.
"""

from campus.wire.names import base

POINTS = {
    "motion": ("", 0, 1, "bool"),
    "radar_presence": ("", 0, 1, "bool"),
    "radar_distance_cm": ("cm", 0, 1000, "number"),
    "door_open": ("", 0, 1, "bool"),
    "co2_ppm": ("ppm", 300, 10000, "number"),
    "temperature_c": ("°C", -20, 60, "number"),
    "relative_humidity_pct": ("%", 0, 100, "number"),
    "illuminance_lx": ("lx", 0, 100000, "number"),
    "sound_level_dba": ("dB(A)", 20, 130, "number"),
    "power_w": ("W", -25000, 25000, "number"),
    "energy_mwh": ("mWh", 0, None, "counter"),
    "current_a": ("A", 0, 200, "number"),
    "voltage_v": ("V", 0, 500, "number"),
    "rssi_dbm": ("dBm", -120, 0, "number"),
    "wifi_channel": ("", 1, 196, "number"),
    "ipv6": ("", 0, 1, "bool"),
    "access_point_clients": ("", 0, None, "number"),
    "rtt_gateway_ms": ("ms", 0, None, "number"),
    "rtt_gateway_min_ms": ("ms", 0, None, "number"),
    "rtt_gateway_max_ms": ("ms", 0, None, "number"),
    "loss_gateway_pct": ("%", 0, 100, "number"),
    "rtt_dns_ms": ("ms", 0, None, "number"),
    "rtt_dns_min_ms": ("ms", 0, None, "number"),
    "rtt_dns_max_ms": ("ms", 0, None, "number"),
    "loss_dns_pct": ("%", 0, 100, "number"),
    "rtt_broker_ms": ("ms", 0, None, "number"),
    "rtt_broker_min_ms": ("ms", 0, None, "number"),
    "rtt_broker_max_ms": ("ms", 0, None, "number"),
    "loss_broker_pct": ("%", 0, 100, "number"),
    "rtt_internet_ms": ("ms", 0, None, "number"),
    "rtt_internet_min_ms": ("ms", 0, None, "number"),
    "rtt_internet_max_ms": ("ms", 0, None, "number"),
    "loss_internet_pct": ("%", 0, 100, "number"),
    "reconnects_wifi": ("", 0, None, "counter"),
    "reconnects_mqtt": ("", 0, None, "counter"),
    "disconnects_wifi": ("", 0, None, "counter"),
    "disconnects_mqtt": ("", 0, None, "counter"),
    "reconnect_wifi_ms": ("ms", 0, None, "number"),
    "reconnect_mqtt_ms": ("ms", 0, None, "number"),
    "heap_free_b": ("B", 0, None, "number"),
    "heap_free_min_b": ("B", 0, None, "number"),
    "loop_lag_ms": ("ms", 0, None, "number"),
    "outbox_depth": ("", 0, None, "number"),
    "outbox_dropped": ("", 0, None, "counter"),
    "uptime_s": ("s", 0, None, "counter"),
    "battery_v": ("V", 0, 60, "number"),
}
"""name -> (unit, low, high, kind). kind: bool (0 or 1), number, counter (rises, restarts). None: no bound."""


def known(point):
    """Whether the table has this point."""
    return base(point) in POINTS


def limits(point):
    """(low, high) of a point's plausible values, each None where there is no bound or no such point."""
    return POINTS.get(base(point), ("", None, None, "number"))[1:3]


def plausible(point, value):
    """Whether a number can be true for this point. A point that the table lacks may have any value."""
    row = POINTS.get(base(point))
    if row is None:
        return True
    low, high = row[1], row[2]
    if row[3] == "bool" and value not in (0, 1):
        return False
    return (low is None or low <= value) and (high is None or value <= high)
