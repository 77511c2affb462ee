"""Wi-Fi: joins the strongest access point of our own network, and counts how it is lost. It knows no broker, so a
broker that is away never costs the Wi-Fi.

An ESP32 joins again behind our back if it may, and clears the reason of the loss as it does. So it may only while we
are joining: once we are in, a loss stays until `connected` has seen and counted it, and `join` is called.
"""

from .clock import Uptime
from .port import const, sleep_ms

_JOIN_MS = const(20000)


class Radio:
    """network: MicroPython's `network` module, or one like it. wifi: ssid and password. uptime() -> rising integer ms.

    bssid: the chosen access point, 12 hex digits; None where the chip chose. joins: how often the network came. losses:
    the chip's reason -> how often it went; 0: it gave none. join_ms: from the latest loss until it was back, or None.
    """

    def __init__(self, network, wifi, uptime=None):
        self._wifi = wifi
        self._uptime = uptime or Uptime()
        self._station = network.WLAN(network.STA_IF)
        self._station.active(True)
        self._there = False
        self._choosing = True
        self._lost_at = self.bssid = self.join_ms = None
        self.joins = 0
        self.losses = {}
        self.resting = False  # whether nobody may join now: the antenna is lent

    def connected(self):
        there = self._station.isconnected()
        if there != self._there:
            self._there = there
            now = self._uptime()
            if there:
                self._let("config", reconnects=0)
                self._choosing = True
                self.joins += 1
                if self._lost_at is not None:
                    self.join_ms = now - self._lost_at
            else:
                self._lost_at = now
                reason = self._let("status")
                if not 0 < (reason or 0) < 256:  # MicroPython's own words, such as "idle"
                    reason = 0
                self.losses[reason] = self.losses.get(reason, 0) + 1
        return there

    async def join(self):
        """Try once to join; whether it worked, after at most 20 s and a look around, which halts the board for 2 s."""
        self._let("disconnect")
        self._let("config", reconnects=-1)
        chosen = self._strongest() if self._choosing else None
        self._choosing = not chosen  # one that does not let us in must not be all we ever try
        self.bssid = chosen and chosen.hex()
        self._station.connect(self._wifi.ssid, self._wifi.password, bssid=chosen)
        joins = self.joins
        for _ in range(_JOIN_MS // 250):
            await sleep_ms(250)
            if self.connected() or self.joins > joins:  # others look too: it may have come and gone
                return self._there
        self._let("disconnect")  # or it goes on trying behind our back
        return False

    def _strongest(self):
        """The address of the strongest access point with our name, or None, as for a name that is not shown. What else
        is on the air is let go within the expression: it is nobody's business here."""
        ssid = self._wifi.ssid.encode()
        try:
            return max([(each[3], each[1]) for each in self._station.scan() if each[0] == ssid])[1]
        except Exception:  # an empty list, or the driver's errors, of many kinds
            return None

    def rssi(self):
        """The signal in dBm."""
        return self._told("status", "rssi")

    @property
    def channel(self):
        return self._told("config", "channel")

    def addresses(self):
        """(our own, the gateway's, the DNS server's), each a text; "0.0.0.0" where there is none."""
        told = self._told("ifconfig")
        return told and (told[0], told[2], told[3])

    def ipv6(self):
        """1 if there is an address that reaches beyond the link, 0 if not; None where the port does not know."""
        told = self._told("ipconfig", "addr6")
        if told is not None:
            return int(any([each[0][:2].upper() != "FE" for each in told]))

    def _told(self, name, *about):
        """What the driver says of the connection; None without one."""
        return self._let(name, *about) if self.connected() else None

    def _let(self, name, *args, **options):
        """What a call of the driver gives; None if it fails: ports differ in what they have, and in their errors."""
        try:
            return getattr(self._station, name)(*args, **options)
        except Exception:
            return None
