"""The points a board may measure: unit, plausible range and kind. The one table; it grows here.

A point is written `name`, or `name.n` for channel n of a board with several.
"""

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
    "access_point_clients": ("", 0, None, "number"),
    "rtt_gateway_ms": ("ms", 0, None, "number"),
    "rtt_broker_ms": ("ms", 0, None, "number"),
    "rtt_internet_ms": ("ms", 0, None, "number"),
    "loss_gateway_pct": ("%", 0, 100, "number"),
    "loss_broker_pct": ("%", 0, 100, "number"),
    "loss_internet_pct": ("%", 0, 100, "number"),
    "reconnects_wifi": ("", 0, None, "counter"),
    "reconnects_mqtt": ("", 0, None, "counter"),
    "heap_free_b": ("B", 0, None, "number"),
    "loop_lag_ms": ("ms", 0, None, "number"),
    "outbox_depth": ("", 0, None, "number"),
    "outbox_dropped": ("", 0, None, "counter"),
    "uptime_s": ("s", 0, None, "counter"),
    "battery_v": ("V", 0, 60, "number"),
}
"""name -> (unit, low, high, kind). kind: bool (0 or 1), number, counter (rises, restarts). None: no bound."""

_FIRST = "abcdefghijklmnopqrstuvwxyz"
_SIGNS = "abcdefghijklmnopqrstuvwxyz0123456789_"
_DIGITS = "0123456789"


def base(point):
    """`power_w` of `power_w.1`."""
    return point.split(".", 1)[0]


def channel(point):
    """1 of `power_w.1`; None where the point has no channel."""
    parts = point.split(".", 1)
    return int(parts[1]) if len(parts) == 2 else None


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


def valid_point(text):
    """Whether `text` is written as a point: [a-z][a-z0-9_]*, at most 48 signs, then perhaps .0 to .999.

    A channel has no leading zero, so that one channel has one name. A well-written point that the table lacks
    is accepted: newer boards may know more.
    """
    if type(text) is not str:
        return False
    parts = text.split(".", 1)
    name = parts[0]
    if not 1 <= len(name) <= 48 or name[0] not in _FIRST or name.strip(_SIGNS):
        return False
    if len(parts) == 1:
        return True
    number = parts[1]
    return 1 <= len(number) <= 3 and not number.strip(_DIGITS) and (number[0] != "0" or len(number) == 1)
