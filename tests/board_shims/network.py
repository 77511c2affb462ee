"""What MicroPython's unix port lacks of `network`: a station that behaves as the ESP32's, on the air of `world.json`.

{"access_points": [{"ssid": "school", "bssid": "a0b1c2000001", "channel": 6, "rssi": -50}]} is what there is; besides,
"hidden": true shows no name in a scan, and "refuses": 15 lets nobody in, for this reason. Without that list any network
is there at once, and a scan finds nothing. {"access_point": false} takes all away. {"wifi_losses": 1} is one loss more
than before, of a moment only; {"wifi_reason": 8} is why it is lost. {"scan": false}: a scan fails. {"ifconfig": [own,
mask, gateway, DNS server]}. {"addr6": ["FE80::1"]}: the port knows IPv6.

As on the chip (ports/esp32/network_wlan.c) a station joins again by itself unless config(reconnects=0), the reason of a
loss is gone once it is in, and one that found no access point stays until then. The computer's own network stays, so
traffic is not cut: what is tried here is the supervision. Each connect and disconnect is written to `wifi.log`.
"""

STA_IF, AP_IF = 0, 1
IDLE, CONNECTING, GOT_IP = 1000, 1001, 1010
LEFT, NO_ACCESS_POINT, BEACONS = 8, 201, 200


def world():
    import machine

    return machine.world()


class WLAN:
    def __init__(self, interface):
        self._wanted = None  # (name, address or None) from connect to disconnect
        self._trying = False
        self._joined = None  # the access point
        self._reason = 0
        self._reconnects = -1
        self._losses = None

    def active(self, on):
        return on

    def isconnected(self):
        self._live()
        return self._joined is not None

    def connect(self, ssid, password, bssid=None):
        self._note("connect " + ssid)
        self._wanted = ssid, bssid and bssid.hex()
        self._trying = True

    def disconnect(self):
        self._note("disconnect")
        self._wanted = self._joined = None
        self._trying = False
        self._reason = LEFT

    def scan(self):
        if not world().get("scan", True):
            raise OSError("Wifi Internal State Error")
        return [
            (
                b"" if each.get("hidden") else each["ssid"].encode(),
                bytes([int(each["bssid"][at : at + 2], 16) for at in range(0, 12, 2)]),
                each["channel"],
                each["rssi"],
                3,
                False,
            )
            for each in self._air()
        ]

    def status(self, *about):
        self._live()
        if about == ("rssi",):
            if not self._joined:
                raise OSError("Wifi Not Connected")
            return self._joined["rssi"]
        if self._joined:
            return GOT_IP
        if self._reason == NO_ACCESS_POINT:
            return self._reason
        if self._reason in (0, LEFT):
            return CONNECTING if self._trying and not self._reason else IDLE
        return CONNECTING if self._trying else self._reason

    def config(self, *about, **settings):
        if about == ("channel",):
            return self._joined["channel"]
        for key in settings:
            if key != "reconnects":
                raise ValueError("unknown config param")
            self._reconnects = settings[key]

    def ifconfig(self):
        return tuple(world().get("ifconfig", ("127.0.0.1", "255.0.0.0", "127.0.0.1", "127.0.0.1")))

    def ipconfig(self, about):
        if about != "addr6" or "addr6" not in world():
            raise ValueError("unexpected key")
        return [(each, 48, 0, 0) for each in world()["addr6"]]

    def _air(self):
        return world().get("access_points", ()) if world().get("access_point", True) else ()

    def _live(self):
        """What the driver's task did since the last call."""
        losses = world().get("wifi_losses", 0)
        lost = self._losses is not None and losses > self._losses
        self._losses = losses
        if self._joined and (lost or self._found() is None):
            self._joined = None
            self._reason = world().get("wifi_reason", BEACONS)
            self._trying = self._reconnects != 0
        if self._trying and not self._joined:
            found = self._found()
            if found is None or "refuses" in found:
                self._reason = NO_ACCESS_POINT if found is None else found["refuses"]
                self._trying = self._reconnects != 0
            else:
                self._joined = found
                self._reason = 0

    def _found(self):
        """The access point that is wanted; the chip takes the first one it meets. None if it is not there."""
        if not self._wanted:
            return None
        ssid, bssid = self._wanted
        if "access_points" not in world():
            there = world().get("access_point", True)
            return {"ssid": ssid, "channel": 1, "rssi": -60} if there else None
        for each in self._air():
            if each["ssid"] == ssid and bssid in (None, each["bssid"]):
                return each
        return None

    def _note(self, line):
        with open("wifi.log", "a") as file:
            file.write(line + "\n")
