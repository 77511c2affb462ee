"""The time on a real MicroPython: from a real chronyd, and from servers that are silent or jump."""

import json
import time
from functools import partial

import pytest
from board_programs import UdpServer, run_program

HOUR_MS = 3_600_000


@pytest.fixture
def run(micropython, tmp_path):
    """A function that runs a program on MicroPython; what it printed last, out of JSON."""
    return partial(run_program, micropython, tmp_path)


@pytest.fixture
def closed(free_port):
    """An address of loopback where nobody is: TCP is refused there."""
    return f"127.0.0.1:{free_port()}"


ASK = """
async def ask():
    began = uptime()
    unix_ms, at = await sntp.ask(exchange.address(sys.argv[1], 123, uptime), uptime)
    print(json.dumps([unix_ms, at - began, unix_ms - at - (rtc_ms() - uptime())]))

asyncio.run(ask())
"""


def test_chrony_tells_the_time(run, chrony):
    """A real NTP server's answer is right to half of the way, and two ms for what is cut off."""
    before_ms = time.time_ns() // 1_000_000
    unix_ms, way_ms, off_ms = run(ASK, f"{chrony.host}:{chrony.port}")
    print(f"off by {off_ms} ms, with a way of at most {way_ms} ms")
    assert abs(off_ms) <= way_ms // 2 + 2
    assert before_ms <= unix_ms + way_ms // 2 + 2


KEEP = """
sntp.EVERY_MS = sntp.FIRST_MS = sntp.MOST_MS = 100
clock = Clock()
seen, rtc = [], []

class Chip:
    def datetime(self, fields):
        rtc.append(fields)

async def keep():
    kept = asyncio.create_task(
        sntp.keep_time(clock, lambda: json.loads(sys.argv[1]), lambda: True, Chip().datetime, print)
    )
    while len(seen) < int(sys.argv[2]):
        if len(rtc) > len(seen):
            seen.append([clock.quality(), clock.now_ms() - rtc_ms(), rtc[-1][0]])
        await sleep_ms(2)
    kept.cancel()
    print(json.dumps(seen))

asyncio.run(keep())
"""


def test_hosts_are_tried_in_turn_until_chrony_answers(run, chrony, closed):
    """A silent host, one that refuses and no host at all are passed over."""
    with UdpServer(lambda packet, number: []) as silent:
        hosts = [None, silent.address, closed, f"{chrony.host}:{chrony.port}"]
        ((quality, off_ms, year),) = run(KEEP, json.dumps(hosts), "1")
    assert len(silent.heard) == 1
    assert quality == "ntp" and abs(off_ms) <= 500
    assert year == time.gmtime().tm_year


def ntp_answer(packet, unix_ms):
    stamp = (((unix_ms + 2_208_988_800_000) << 32) // 1000 % (1 << 64)).to_bytes(8, "big")
    return b"\x24\x02" + bytes(22) + packet[40:48] + stamp + stamp


def test_a_server_that_jumps_is_followed_but_not_to_1970(run):
    """An hour on, an hour back: the clock follows; 1970 and garbage are refused, and the next good answer counts."""
    jumps_ms = [0, HOUR_MS, None, -HOUR_MS, b"garbage", 0]

    def answers(packet, number):
        jump = jumps_ms[min(number, len(jumps_ms) - 1)]
        if isinstance(jump, bytes):
            return [(jump, 0)]
        now_ms = time.time_ns() // 1_000_000
        return [(ntp_answer(packet, 0 if jump is None else now_ms + jump), 0)]

    with UdpServer(answers) as server:
        seen = run(KEEP, json.dumps([server.address]), "4")
    assert [quality for quality, _, _ in seen] == ["ntp"] * 4
    for (_, off_ms, _), jump_ms in zip(seen, (0, HOUR_MS, -HOUR_MS, 0), strict=True):
        assert abs(off_ms - jump_ms) <= 500
