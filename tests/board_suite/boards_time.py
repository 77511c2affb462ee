"""Keeping time: who is asked and when, servers that are silent, and clocks that jump."""

import asyncio
from collections import namedtuple

from boards_sntp import NOW_MS, reply

from firmware.board import sntp
from firmware.board.clock import Clock
from firmware.board.sntp import fields, keep_time

HOUR_MS = 3600000
Step = namedtuple("Step", ("host", "at_ms"))


class Town:
    """Time servers whose clocks are off by `off[host]` ms (None: silent), and a board that keeps time by them until
    `until_ms`. `steps`: who was asked when."""

    def __init__(self, **off):
        self.off = off
        self.ms = 1000
        self.steps = []
        self.log = []
        self.rtc = []
        self.there = True
        self.clock = Clock(lambda: self.ms)
        self.set_rtc = self.rtc.append

    async def exchanged(self, sock, to, packet, accept, mark, uptime):
        sock.close()
        self.steps.append(Step(to, self.ms))
        off = self.off.get(to)
        if off is None:
            self.ms += 1000
            raise asyncio.TimeoutError()
        sent = self.ms
        now = NOW_MS + sent + 10 + off
        self.ms += 20
        return accept(reply(mark, received=now, sent=now), mark), sent, self.ms

    async def sleep(self, ms):
        self.ms += ms
        if self.ms > self.until_ms:
            raise EOFError

    async def keep(self, hosts, until_ms):
        self.until_ms = until_ms
        kept = sntp.exchange, sntp.address, sntp.sleep_ms
        sntp.exchange, sntp.sleep_ms = self.exchanged, self.sleep
        sntp.address = lambda text, port, uptime: text
        try:
            await keep_time(self.clock, lambda: hosts, lambda: self.there, self.set_rtc, self.log.append)
        except EOFError:
            pass
        finally:
            sntp.exchange, sntp.address, sntp.sleep_ms = kept
        return self

    def off_by(self):
        return self.clock.now_ms() - NOW_MS - self.ms


async def test_hosts_are_asked_in_turn_and_again_in_an_hour():
    town = await Town(broker=0, pool=0).keep([None, "gateway", "broker", "pool"], 2 * HOUR_MS)
    assert [each.host for each in town.steps] == ["gateway", "broker"] * 2
    assert town.steps[2].at_ms - town.steps[1].at_ms == HOUR_MS + 20
    assert (town.off_by(), town.clock.quality(), len(town.log)) == (0, "ntp", 2)
    assert town.rtc[0] == fields(NOW_MS + 2020)


async def test_while_nobody_tells_the_time_the_pauses_grow():
    town = await Town().keep(["gateway"], 4 * HOUR_MS)
    assert town.clock.quality() == "up" and not town.rtc
    pauses = [later.at_ms - sooner.at_ms - 1000 for sooner, later in zip(town.steps, town.steps[1:])]
    longest = [min(15000 << n, 900000) for n in range(len(pauses))]
    assert all(most // 2 <= each <= most for each, most in zip(pauses, longest)), pauses
    town.off["gateway"] = 0
    await town.keep(["gateway"], town.ms + 10000)
    assert town.clock.quality() == "ntp"


async def test_after_an_answer_the_pauses_begin_anew():
    town = Town()

    class Away:
        """Silent, but for the third hour."""

        def get(self, host):
            return 0 if 2 * HOUR_MS < town.ms < 3 * HOUR_MS else None

    town.off = Away()
    await town.keep(["gateway"], 5 * HOUR_MS)
    late = [each.at_ms for each in town.steps if each.at_ms > 3 * HOUR_MS]
    assert town.clock.quality() == "ntp"
    assert late[1] - late[0] <= 16000 and late[2] - late[1] <= 31000


async def test_without_a_network_nobody_is_asked_and_no_pause_grows():
    town = Town(gateway=0)
    town.there = False
    await town.keep(["gateway"], HOUR_MS)
    assert town.steps == [] and town.log == []
    town.there = True
    await town.keep(["gateway"], HOUR_MS + 5000)
    assert town.steps[0].at_ms == town.steps[-1].at_ms and town.clock.quality() == "ntp"


async def test_a_server_that_jumps_an_hour_is_followed_and_one_in_1970_is_not():
    town = await Town(pool=0).keep(["pool"], HOUR_MS // 2)
    for off in (HOUR_MS, -HOUR_MS, 0):
        town.off["pool"] = off
        await town.keep(["pool"], town.ms + 1000)
        assert (town.off_by(), town.clock.up_offset_ms) == (off, NOW_MS + off)
    town.off["pool"] = -NOW_MS
    await town.keep(["pool"], town.ms + 25 * HOUR_MS)
    assert (town.off_by(), town.clock.quality()) == (0, "hold")


async def test_no_error_ends_it():
    town = Town(pool=0)

    def set_rtc(fields):
        raise ValueError("the chip's clock")

    town.set_rtc = set_rtc
    await town.keep(["pool"], HOUR_MS)
    assert town.clock.quality() == "ntp" and "the chip's clock" in town.log[0]
