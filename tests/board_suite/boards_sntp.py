"""The time from a server: packets bit by bit, and hostile ones. Real servers are in test_firmware_time."""

import asyncio
import os
import socket

from firmware.board import exchange, sntp
from firmware.board.clock import Uptime
from firmware.board.port import sleep_ms, ticks_ms
from firmware.board.sntp import ask, fields, parse, request

PORT = int(os.getenv("BOARD_SUITE_PORT", "20000"))
NONCE = b"\x01\x02\x03\x04\x05\x06\x07\x08"
NOW_MS = 1795326683120
HOUR_MS = 3600000


def stamp(unix_ms):
    """NTP's 64 bits: seconds from 1900 and their fraction, rounded up so that whole ms come back."""
    return (((unix_ms + 2208988800000 << 32) + 999) // 1000 % (1 << 64)).to_bytes(8, "big")


def reply(nonce=NONCE, first=0x24, stratum=2, received=NOW_MS, sent=NOW_MS + 1):
    """A server's packet; received and sent are Unix ms, or bytes as they are."""
    received, sent = [each if isinstance(each, bytes) else stamp(each) for each in (received, sent)]
    return bytes((first, stratum)) + bytes(22) + nonce + received + sent


# What chronyd 4.3 answered, with its clock at 2026-11-26T16:20:25.839Z, to the nonce "12345678".
CHRONY = (
    b"\x24\x08\x00\xe6\x00\x00\x00\x00\x00\x00\x00\x00\x7f\x7f\x01\x01\xee\xb2\xda\xc8\x5d\x7a\xeb\x90"
    b"12345678\xee\xb2\xda\xc9\xd7\x02\xbe\x0f\xee\xb2\xda\xc9\xd7\x0c\xeb\x50"
)


def refused(packet, nonce=NONCE):
    try:
        parse(packet, nonce)
    except ValueError:
        return True
    return False


def test_a_request_gives_away_nothing_but_its_nonce():
    assert request(NONCE) == b"\x23" + bytes(39) + NONCE


def test_a_good_answer_is_read_to_the_ms():
    assert parse(reply(), NONCE) == (NOW_MS, NOW_MS + 1)
    assert parse(reply(first=0x1C, stratum=15) + bytes(20), NONCE) == (NOW_MS, NOW_MS + 1)
    assert (
        parse(reply(received=b"\xee\xad\x01\x5b\x1e\xb8\x51\xec"), NONCE)[0] == NOW_MS
    )  # .12 s, as 32 bits have it
    for ms in (0, 1, 499, 500, 999):
        assert parse(reply(received=NOW_MS + ms, sent=NOW_MS + ms), NONCE) == (NOW_MS + ms, NOW_MS + ms)


def test_a_packet_of_a_real_server():
    assert parse(CHRONY, b"12345678") == (1795710025839, 1795710025840)


def test_times_are_integers():
    for each in parse(reply(), NONCE):
        assert type(each) is int


def test_the_counter_that_rolls_over_in_2036_goes_on():
    last_ms = ((1 << 32) - 2208988800) * 1000 - 1
    assert stamp(last_ms)[:4] == b"\xff\xff\xff\xff" and stamp(last_ms + 1)[:4] == bytes(4)
    for ms in (last_ms, last_ms + 2, last_ms + 1000 * HOUR_MS):
        assert parse(reply(received=ms, sent=ms), NONCE) == (ms, ms)
    assert parse(reply(received=last_ms, sent=last_ms + 2), NONCE) == (last_ms, last_ms + 2)


def test_every_wrong_field_is_refused():
    for first in range(256):
        leap, version, mode = first >> 6, first >> 3 & 7, first & 7
        assert refused(reply(first=first)) == (leap == 3 or version not in (3, 4) or mode != 4), first
    for stratum in range(256):  # 0: "kiss of death", 16: not synchronised
        assert refused(reply(stratum=stratum)) == (not 1 <= stratum <= 15), stratum
    for at in range(8):
        assert refused(reply(nonce=NONCE[:at] + bytes((NONCE[at] ^ 1,)) + NONCE[at + 1 :]))
    assert refused(reply(nonce=bytes(8)))
    for zero in ({"sent": bytes(8)}, {"received": bytes(8)}, {"sent": bytes(8), "received": bytes(8)}):
        assert refused(reply(**zero))
    for ms in (0, 946684800000, 1704067199999):  # 1970, 2000, the end of 2023
        assert refused(reply(received=ms, sent=ms)) and refused(reply(received=ms))
    assert not refused(reply(received=1704067200000))
    assert refused(reply(received=NOW_MS + 2))  # answered before it was asked


def test_a_packet_cut_short_is_refused():
    for length in range(48):
        assert refused(reply()[:length])


class Server:
    """Gives for each packet what `answers(nonce)` does, after `delay_ms`; from another port if `other`."""

    def __init__(self, answers, delay_ms=0, other=False):
        self.at = self._bound(PORT)
        self._answers = answers
        self._delay_ms = delay_ms
        self._sock = self._open(self.at)
        self._mouth = self._open(self._bound(PORT + 1)) if other else self._sock
        self._task = asyncio.create_task(self._serve())

    def _bound(self, port):
        return socket.getaddrinfo("127.0.0.1", port, socket.AF_INET)[0][-1]

    def _open(self, at):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(at)
        sock.setblocking(False)
        return sock

    async def _serve(self):
        while True:
            try:
                packet, who = self._sock.recvfrom(200)
                await sleep_ms(self._delay_ms)
                for answer in self._answers(packet[40:48]):
                    self._mouth.sendto(answer, who)
            except OSError:
                await sleep_ms(1)

    def close(self):
        self._task.cancel()
        self._sock.close()
        self._mouth.close()


async def asked(answers, within_ms=200, **how):
    """What `ask` gives of a Server, or the error."""
    exchange.WITHIN_MS = within_ms
    server = Server(answers, **how)
    try:
        return await ask(server.at, ticks_ms)
    except Exception as error:
        return error
    finally:
        server.close()
        exchange.WITHIN_MS = 1000


async def test_a_server_is_asked_and_half_of_the_way_is_added():
    before = ticks_ms()
    unix_ms, at = await asked(lambda nonce: [reply(nonce, received=NOW_MS, sent=NOW_MS)], 1000, delay_ms=60)
    assert at - before >= 59
    assert 29 <= unix_ms - NOW_MS <= (at - before) // 2


async def test_forged_answers_are_passed_over_and_the_good_one_counts():
    def answers(nonce):
        return [
            reply(bytes(8)),
            reply(nonce, first=0x23),
            reply(nonce)[:40],
            b"",
            b"\xff" * 200,
            reply(nonce),
        ]

    unix_ms, _ = await asked(answers, 1000)
    assert NOW_MS < unix_ms < NOW_MS + 1000


async def test_a_server_that_refuses_is_told_from_one_that_is_silent():
    assert isinstance(await asked(lambda nonce: [reply(nonce, stratum=0)], 600), ValueError)
    assert isinstance(await asked(lambda nonce: [reply(nonce, first=0xE4)], 600), ValueError)
    assert isinstance(await asked(lambda nonce: []), asyncio.TimeoutError)


async def test_an_answer_from_another_address_or_too_late_is_none():
    assert isinstance(await asked(lambda nonce: [reply(nonce)], other=True), asyncio.TimeoutError)
    assert isinstance(await asked(lambda nonce: [reply(nonce)], delay_ms=260), asyncio.TimeoutError)


async def test_a_loop_that_stood_still_does_not_pass_for_a_short_way():
    for trip, spent, right in (
        (1000, 0, True),
        (1001, 0, False),
        (20, 21, True),
        (20, 22, False),
        (20, 20, True),
    ):

        async def exchanged(sock, to, packet, accept, mark, uptime, trip=trip, spent=spent):
            sock.close()
            return (NOW_MS, NOW_MS + spent), 5000, 5000 + trip

        kept, sntp.exchange = sntp.exchange, exchanged
        try:
            assert await ask(None, None) == (NOW_MS + spent + (trip - spent) // 2, 5000 + trip) and right
        except ValueError:
            assert not right
        finally:
            sntp.exchange = kept


async def test_a_tick_counter_that_wraps_costs_nothing():
    period, at = 1024, [1000]

    def difference(later, earlier):
        return (later - earlier + period // 2) % period - period // 2

    async def exchanged(sock, to, packet, accept, mark, uptime):
        sock.close()
        asked = uptime()
        at[0] += 300
        now = NOW_MS + at[0] - 150
        return accept(reply(mark, received=now, sent=now), mark), asked, uptime()

    uptime = Uptime(lambda: at[0] % period, difference)
    kept, sntp.exchange = sntp.exchange, exchanged
    try:
        for _ in range(12):
            unix_ms, ticks = await ask(None, uptime)
            assert unix_ms - ticks == NOW_MS + 1000
    finally:
        sntp.exchange = kept
    assert uptime() == 12 * 300


def test_the_chips_clock_is_told_in_fields():
    assert fields(NOW_MS) == (2026, 11, 22, 0, 5, 51, 23, 120000)
    assert fields(1709164799999) == (2024, 2, 28, 0, 23, 59, 59, 999000)
