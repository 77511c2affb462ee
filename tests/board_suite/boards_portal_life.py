"""The portal's life: the access point it opens, or refuses to, and its end. Its port is in BOARD_SUITE_PORT."""

import asyncio
import os

from boards_portal import Office, Point

from firmware.board.port import sleep_ms
from firmware.board.portal import AccessPoint, Portal


class Wlan:
    """A network.WLAN that notes its calls; `refuses` what it is told to."""

    def __init__(self, refuses=False):
        self.calls = []
        self._refuses = refuses

    def __call__(self, interface):
        self.calls.append(interface)
        return self

    def active(self, on):
        self.calls.append(on)

    def config(self, **values):
        self.calls.append(values)
        if self._refuses:
            raise OSError("Wifi Invalid Password")

    def ifconfig(self, addresses):
        self.calls.append(addresses)


class Network:
    AP_IF = 1

    def __init__(self, wlan):
        self.WLAN = wlan


def test_the_access_point_has_wpa2_and_our_address():
    wlan = Wlan()
    point = AccessPoint(Network(wlan))
    point.open("campus-d3e4f5", "made-up-word")
    point.close()
    settings = {"ssid": "campus-d3e4f5", "key": "made-up-word", "security": 3, "max_clients": 3}
    addresses = ("192.168.4.1", "255.255.255.0", "192.168.4.1", "192.168.4.1")
    assert wlan.calls == [1, True, settings, addresses, False]


async def test_a_password_that_the_chip_refuses_leaves_no_open_access_point():
    wlan = Wlan(refuses=True)
    office = Office()
    office.portal._point = AccessPoint(Network(wlan))
    try:
        await office.portal.serve()
        raise AssertionError("served")
    except OSError:
        assert wlan.calls[-1] is False


async def test_without_a_password_of_its_own_nothing_is_opened():
    for held in (None, "", "1234567"):
        office = Office()
        office.nvs.set(ap_password=held)
        assert await office.portal.serve() is False and not office.point.calls


async def ask(server, path, host=None):
    reader, writer = await asyncio.open_connection("127.0.0.1", server._ports[0])
    writer.write(("GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (path, host or server._host)).encode())
    await writer.drain()
    answer = await reader.read(100)
    writer.close()
    await writer.wait_closed()
    return answer


async def test_it_ends_when_nobody_asked_for_the_page_for_ten_minutes():
    office = Office()
    point = Point("127.0.0.1")
    port = int(os.getenv("BOARD_SUITE_PORT"))
    server = Portal(point, office.nvs, "esp32-a0b1c2d3e4f5", {}, office.save, port, port)
    now = [0]
    server._uptime = lambda: now[0]
    task = asyncio.create_task(server.serve(10))
    await sleep_ms(200)
    now[0] = 9 * 60000
    assert b" 200 " in await ask(server, "/")
    now[0] = 18 * 60000
    assert b" 302 " in await ask(server, "/generate_204", "connectivitycheck.gstatic.com")
    assert point.calls == [("campus-d3e4f5", "made-up-word")] and server._asked_at == 9 * 60000
    now[0] = 19 * 60000  # ten minutes after a person; what a phone asks by itself does not count
    assert await task is False
    assert point.calls[1:] == ["close"]
    try:
        await ask(server, "/")
        raise AssertionError("answered")
    except OSError:
        pass
