"""Wi-Fi: which access point is chosen, what counts as a loss, and that nobody else's network is looked at twice."""

import sys
from collections import namedtuple

from firmware.board import wifi
from firmware.board.wifi import Radio

sys.path.append((__file__.rpartition("/")[0] or ".") + "/../board_shims")
import network

sys.path.pop()

Wifi = namedtuple("Wifi", ("ssid", "password"))
FAR = {"ssid": "Trường học", "bssid": "a0b1c2000001", "channel": 1, "rssi": -80}
NEAR = {"ssid": "Trường học", "bssid": "a0b1c2000002", "channel": 6, "rssi": -55}
FOREIGN = (
    {"ssid": "Nhà Lan", "bssid": "f0e1d2000001", "channel": 11, "rssi": -20},
    {"ssid": "Trường học 5G", "bssid": "f0e1d2000002", "channel": 11, "rssi": -21},
    {"ssid": "", "bssid": "f0e1d2000003", "channel": 11, "rssi": -22, "hidden": True},
)


class Air:
    """A radio, the world it is in, and a clock that goes on when it sleeps. `asked`: the addresses it connected to."""

    def __init__(self, **world):
        self.world = dict(world)
        self.ms = 1000
        self.asked = asked = []
        network.world = lambda: self.world
        wifi.sleep_ms = self._sleep

        class Network:
            STA_IF = network.STA_IF

            class WLAN(network.WLAN):
                def connect(self, ssid, password, bssid=None):
                    asked.append(bssid and bssid.hex())
                    network.WLAN.connect(self, ssid, password, bssid)

        self.radio = Radio(Network, Wifi("Trường học", "made-up-word"), lambda: self.ms)

    async def _sleep(self, ms):
        self.ms += ms

    async def lose(self, **world):
        """The network goes, which is seen; 3 s later it is back."""
        self.world["access_point"] = False
        self.world.update(world)
        assert not self.radio.connected()
        self.ms += 3000
        self.world["access_point"] = True


async def test_the_strongest_of_our_own_access_points_is_chosen():
    air = Air(access_points=(FAR, NEAR) + FOREIGN)
    assert await air.radio.join()
    assert air.asked == ["a0b1c2000002"] and air.radio.bssid == "a0b1c2000002"
    assert (air.radio.rssi(), air.radio.channel) == (-55, 6)


async def test_another_access_point_is_chosen_once_the_strongest_is_gone():
    air = Air(access_points=(FAR, NEAR))
    await air.radio.join()
    air.world["access_points"] = (FAR,)
    assert not air.radio.connected()
    assert await air.radio.join()
    assert (air.radio.bssid, air.radio.rssi()) == ("a0b1c2000001", -80)


async def test_a_hidden_network_and_a_failed_scan_leave_the_choice_to_the_chip():
    for world in ({"access_points": (dict(NEAR, hidden=True),)}, {"scan": False}):
        air = Air(**world)
        assert await air.radio.join()
        assert air.asked == [None] and air.radio.bssid is None


async def test_an_access_point_that_lets_nobody_in_is_not_all_that_is_tried():
    air = Air(access_points=(FAR, dict(NEAR, refuses=15)))
    assert not await air.radio.join()
    assert air.ms == 1000 + 20000
    assert await air.radio.join()
    assert air.asked == ["a0b1c2000002", None] and air.radio.rssi() == -80
    await air.lose()
    await air.radio.join()
    assert air.asked[2] == "a0b1c2000002"  # and the next time it is chosen again


async def test_nothing_of_other_networks_is_kept_or_printed():
    air = Air(access_points=FOREIGN + (NEAR,))
    said = []
    network.print = wifi.print = lambda *words: said.append(words)
    try:
        assert await air.radio.join()
        await air.lose()
        await air.radio.join()
    finally:
        del network.print, wifi.print
    held = reachable(air.radio)
    assert any("a0b1c2000002" in each for each in held) and not said
    for each in FOREIGN:
        assert not any(each["bssid"] in text or (each["ssid"] and each["ssid"] in text) for text in held)
    air.radio.around = air.radio._station.scan()  # control: what is kept is found
    assert any(FOREIGN[0]["bssid"] in text for text in reachable(air.radio))


def reachable(thing, depth=4):
    """Texts of all that an object holds, but for the driver, which here holds the air itself."""
    if depth == 0 or callable(thing):
        return []
    if isinstance(thing, bytes):
        return [thing.hex()]
    if isinstance(thing, (str, int, type(None))):
        return [str(thing)]
    if isinstance(thing, dict):
        return reachable(list(thing) + list(thing.values()), depth)
    if isinstance(thing, (list, tuple)):
        return [text for each in thing for text in reachable(each, depth - 1)]
    names = [name for name in dir(thing) if not name.startswith("__") and name != "_station"]
    return [text for name in names for text in reachable(getattr(thing, name), depth - 1)]


async def test_each_loss_is_counted_with_the_chips_reason():
    air = Air(access_points=(NEAR,))
    radio = air.radio
    await radio.join()
    for reason in (200, 2, 200):
        await air.lose(wifi_reason=reason)
        assert await radio.join()
    assert radio.losses == {200: 2, 2: 1} and radio.joins == 4


async def test_a_loss_without_a_reason_is_counted_too():
    air = Air(access_points=(NEAR,))
    await air.radio.join()
    await air.lose(wifi_reason=0)
    assert air.radio.losses == {0: 1}


async def test_a_loss_of_a_moment_stays_until_it_is_seen():
    air = Air(access_points=(NEAR,))
    await air.radio.join()
    air.world["wifi_losses"] = 1
    air.ms += 60000
    assert not air.radio.connected() and not air.radio.connected()
    assert await air.radio.join()
    assert air.radio.losses == {200: 1} and air.radio.joins == 2


async def test_control_a_chip_that_joins_by_itself_hides_that_loss():
    air = Air(access_points=(NEAR,))
    await air.radio.join()
    air.radio._station.config(reconnects=-1)
    air.world["wifi_losses"] = 1
    assert air.radio.connected()
    assert air.radio.losses == {} and air.radio.joins == 1


async def test_a_network_that_comes_and_goes_while_we_join_is_not_waited_for():
    air = Air(access_points=(NEAR,))

    async def sleep(ms):
        air.ms += ms
        if air.radio.connected():  # another task sees that it is there, and then it goes
            air.world["wifi_losses"] = 1

    wifi.sleep_ms = sleep
    assert not await air.radio.join()
    assert air.ms == 1250 and air.radio.losses == {200: 1}
    assert await air.radio.join()
    assert air.radio.joins == 2


async def test_how_long_it_took_counts_from_the_loss():
    air = Air(access_points=(NEAR,))
    await air.radio.join()
    assert air.radio.join_ms is None
    await air.lose()
    await air.radio.join()
    assert air.radio.join_ms == 3250


async def test_an_access_point_that_comes_while_we_try_is_joined():
    air = Air(access_points=(NEAR,))
    await air.radio.join()
    await air.lose(access_point=False)
    air.world["access_point"] = False
    assert not await air.radio.join()  # the chip now says "no such access point", until it is in

    async def sleep(ms):
        air.ms += ms
        if air.ms > 35000:
            air.world["access_point"] = True

    wifi.sleep_ms = sleep
    assert await air.radio.join()
    assert air.radio.losses == {200: 1} and 35000 < air.ms < 36000


async def test_without_wifi_it_knows_nothing():
    air = Air(access_points=(NEAR,), access_point=False, addr6=["2001:DB8::1"])
    radio = air.radio
    assert (radio.rssi(), radio.channel, radio.addresses(), radio.ipv6()) == (None,) * 4
    assert (radio.bssid, radio.joins, radio.losses) == (None, 0, {})


async def test_addresses_and_ipv6_are_told_as_the_port_has_them():
    air = Air(access_points=(NEAR,), ifconfig=("10.0.0.7", "255.255.255.0", "10.0.0.1", "10.0.0.2"))
    radio = air.radio
    await radio.join()
    assert radio.addresses() == ("10.0.0.7", "10.0.0.1", "10.0.0.2")
    assert radio.ipv6() is None
    for known, told in ((["FE80::1"], 0), ([], 0), (["FE80::1", "2001:DB8::1"], 1)):
        air.world["addr6"] = known
        assert radio.ipv6() == told
