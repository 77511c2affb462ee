"""Wi-Fi: joining, and nothing else. It knows no broker, so a broker that is away never costs the Wi-Fi."""

from .port import sleep_ms

JOIN_MS = 20000


class Radio:
    """network: MicroPython's `network` module, or one like it. wifi: ssid and password."""

    def __init__(self, network, wifi):
        self._wifi = wifi
        self._station = network.WLAN(network.STA_IF)
        self._station.active(True)

    def connected(self):
        return self._station.isconnected()

    async def join(self):
        """Try once to join; whether it worked, after at most 20 s."""
        self._let_go()
        self._station.connect(self._wifi.ssid, self._wifi.password)
        for _ in range(JOIN_MS // 250):
            await sleep_ms(250)
            if self.connected():
                return True
        self._let_go()  # or it goes on trying behind our back
        return False

    def _let_go(self):
        try:
            self._station.disconnect()
        except OSError:  # some drivers raise when there is nothing to let go of
            pass
