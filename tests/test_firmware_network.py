"""Probes on a real MicroPython, against real servers on loopback; and what a whole board tells of its connection."""

import json
import os
import socket
from functools import partial

import pytest
from board_programs import UdpServer, at, need, run_program
from firmware_collector import SmallCollector
from test_firmware_end_to_end import Board


@pytest.fixture
def run(micropython, tmp_path):
    """A function that runs a program on MicroPython; what it printed last, out of JSON."""
    return partial(run_program, micropython, tmp_path)


@pytest.fixture
def closed(free_port):
    """An address of loopback where nobody is: TCP is refused there."""
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
def raw_sockets():
    """ICMP needs root on a computer; a board needs nothing."""
    need(os.geteuid() == 0, "raw sockets", "run the tests as root")


ROUND = """
class Link:
    async def ping(self):
        await sleep_ms(20)
        return 20

class Plain:
    "A port without raw sockets, or without the right to them."
    AF_INET, SOCK_DGRAM, SOCK_RAW = socket.AF_INET, socket.SOCK_DGRAM, socket.SOCK_RAW
    def socket(self, *kind):
        if self.SOCK_RAW in kind:
            raise OSError(1)
        return socket.socket(*kind)

async def tick(ticks):
    while True:
        ticks[0] += 1
        await sleep_ms(10)

async def one_round(options):
    probes = probe.Probes(options, None, Link(), uptime)
    ticks = [0]
    tasks = [asyncio.create_task(each) for each in (probes.run(), tick(ticks))]
    while not probes.values():
        await sleep_ms(50)
    for task in tasks:
        task.cancel()
    print(json.dumps([probes.values(), ticks[0]]))

async def stand_still(ms):
    time.sleep_ms(ms)

exchange.WITHIN_MS = int(sys.argv[3])
if sys.argv[2] == "plain":
    probe.socket = Plain()
if sys.argv[2] == "standing":
    exchange.sleep_ms = stand_still
asyncio.run(one_round(json.loads(sys.argv[1])))
"""


def one_round(run, how="", within_ms=1000, **options):
    """(values, how often another task ran meanwhile) of one round of probes."""
    return run(ROUND, json.dumps(options), how, str(within_ms))


def figures(values, target):
    """(average, least, most, % lost) of a target."""
    return [values[name % target] for name in ("rtt_%s_ms", "rtt_%s_min_ms", "rtt_%s_max_ms", "loss_%s_pct")]


def dns_answer(packet, flags):
    return packet[:2] + flags + packet[4:]


def test_gateway_and_internet_are_reached_by_icmp(run, raw_sockets):
    """Five echoes of the kernel's own reply, with no port open anywhere."""
    values, _ = one_round(run, gateway="127.0.0.1", internet="127.0.0.1")
    for target in ("gateway", "internet"):
        average, least, most, lost = figures(values, target)
        assert lost == 0 and 0 <= least <= average <= most
    assert figures(values, "broker") == [20, 20, 20, 0]
    assert "rtt_dns_ms" not in values  # nobody told which server


def test_without_raw_sockets_a_connection_made_or_refused_is_an_answer(run, closed):
    """TCP to a port that listens, and to one that does not."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        values, _ = one_round(run, "plain", gateway=at(listening), internet=closed)
    for target in ("gateway", "internet"):
        average, least, most, lost = figures(values, target)
        assert lost == 0 and 0 <= least <= average <= most


def test_a_host_that_does_not_answer_is_lost(run):
    """A queue that is full drops each SYN, which is no refusal."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        try:
            values, _ = one_round(run, "plain", 200, gateway=at(full))
        finally:
            for each in waiting:
                each.close()
    assert figures(values, "gateway") == [None, None, None, 100]


def test_a_silent_server_is_lost_and_nothing_stands_still(run):
    """While the probes wait, the board goes on; with waits that hold the loop (control) it does not."""
    with UdpServer(lambda packet, number: []) as silent:
        values, ticks = one_round(run, within_ms=300, dns=silent.address)
        _, control = one_round(run, "standing", 300, dns=silent.address)
    assert figures(values, "dns") == [None, None, None, 100]
    assert len(silent.heard) == 10
    assert ticks > 2 * control, (ticks, control)


def test_any_answer_of_a_dns_server_counts_and_a_missing_or_late_one_is_lost(run):
    """Refused, no such name and found are answers; one that comes after its second is not taken for the next one's."""
    flags = (b"\x81\x80", b"\x81\x80", b"\x81\x83", None, b"\x81\x85")

    def answers(packet, number):
        if number == 3:
            return []
        return [(dns_answer(packet, flags[number]), 0.03 if number else 1.1)]

    with UdpServer(answers) as server:
        values, _ = one_round(run, dns=server.address, name="school.vn")
        assert [packet[12:] for packet in server.heard] == [b"\x06school\x02vn\x00\x00\x01\x00\x01"] * 5
    average, least, most, lost = figures(values, "dns")
    assert lost == 40 and 29 <= least <= average <= most


def test_an_answer_with_another_number_is_none(run):
    """A blind forger does not know the two bytes that come back."""
    with UdpServer(lambda packet, number: [(b"\x00\x00" + dns_answer(packet, b"\x81\x80")[2:], 0)]) as server:
        values, _ = one_round(run, within_ms=200, dns=server.address)
    assert figures(values, "dns") == [None, None, None, 100]


def test_a_board_tells_the_loss_of_its_wifi_and_its_reason(micropython, mosquitto, tmp_path):
    """The whole program, from the chip's reason code to the collector."""
    folder = tmp_path / "flash"
    folder.mkdir()
    board = Board(
        folder,
        micropython,
        mosquitto,
        wifi={"ssid": "school", "password": "made-up-word"},
        sensors=[{"kind": "network", "every_s": 10}],
        outbox_records=32,
    )
    air = {"access_points": [{"ssid": "school", "bssid": "a0b1c2000001", "channel": 6, "rssi": -50}]}
    board.world(**air)
    with SmallCollector(mosquitto) as collector:

        def told(point):
            return [values[point] for _, values in records.values() if point in values]

        board.start()
        collector.until(lambda: collector.records(), "a record")
        (records,) = collector.stored.values()
        assert (told("rssi_dbm"), told("wifi_channel")) == ([-50], [6])
        board.world(**air, wifi_losses=1, wifi_reason=2)
        collector.until(lambda: told("disconnects_wifi.2"), "the loss")
        collector.until(lambda: told("reconnect_wifi_ms"), "that it is back")
        board.cut()
    assert told("reconnects_wifi")[-1] == 1 and told("reconnect_wifi_ms")[0] > 0
    assert not told("disconnects_wifi")
