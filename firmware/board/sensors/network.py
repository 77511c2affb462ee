"""How well the board is connected: its Wi-Fi, its session with the broker, and what its probes found."""

from ..probe import SHOWN
from .parts import point

EVERY_MS = 10000


class Sensor:
    """options: those of the probes. parts: radio (None: the system has the network), link, probes, clock.

    disconnects_wifi stands for disconnects_wifi.N, how often for the reason N, there once it happened; so for mqtt.
    """

    def __init__(self, options, parts):
        self.why = {}
        self._parts = parts
        self._read_at = -EVERY_MS
        self.points = points = {}
        trip, lost, count, again = point("ms", 5), point("%", 5), point("", 1), point("ms", 1)
        trip["max_interval_ms"] = lost["max_interval_ms"] = parts.probes.every_ms
        for target in parts.probes.targets:
            for shown in SHOWN:
                points[shown % target] = lost if shown == SHOWN[3] else trip
        for of in ("mqtt", "wifi") if parts.radio else ("mqtt",):
            points["reconnects_" + of] = points["disconnects_" + of] = count
            points["reconnect_%s_ms" % of] = again
        if parts.radio:
            points["rssi_dbm"] = point("dBm", 3)
            points["wifi_channel"] = points["ipv6"] = count

    async def read(self):
        parts = self._parts
        radio, link, now = parts.radio, parts.link, parts.clock.ticks_ms()
        if now - self._read_at < EVERY_MS:
            return {}
        self._read_at = now
        values = parts.probes.values()
        self.why = dict.fromkeys(values, "timeout")
        _count(values, "mqtt", link.connections, link.losses, link.connect_ms)
        if radio:
            _count(values, "wifi", radio.joins, radio.losses, radio.join_ms)
            if radio.connected():
                values["rssi_dbm"] = radio.rssi()
                values["wifi_channel"] = radio.channel
                values["ipv6"] = radio.ipv6()
                self.why["ipv6"] = "unknown"
        return values


def _count(values, of, times, losses, again_ms):
    values["reconnects_" + of] = max(times - 1, 0)
    for reason in losses:
        values["disconnects_%s.%d" % (of, reason)] = losses[reason]
    if again_ms is not None:
        values["reconnect_%s_ms" % of] = again_ms
