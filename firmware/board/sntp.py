"""The time from an NTP server: an asynchronous SNTP client (RFC 4330, RFC 5905), in integers only."""

import os
import socket
import time

from .clock import EPOCH_MS, PLAUSIBLE_MS
from .exchange import WITHIN_MS, address, exchange
from .port import sleep_ms
from .retry import Backoff

EVERY_MS = 3600000
FIRST_MS, MOST_MS = 15000, 900000  # pauses while nobody tells the time


def request(nonce):
    """A client's packet. nonce: 8 random bytes in place of our time, which the server has to give back."""
    return b"\x23" + bytes(39) + nonce


def parse(packet, nonce):
    """(received, sent): Unix ms by the server's clock. Raises ValueError for all but a good answer to `nonce`."""
    if len(packet) < 48 or packet[24:32] != nonce:
        raise ValueError("not our answer")
    # A server's, of version 3 or 4, that is not unsynchronised (leap 3, stratum 16) and says no "kiss of death" (0).
    if packet[0] not in (0x1C, 0x24, 0x5C, 0x64, 0x9C, 0xA4) or not 1 <= packet[1] <= 15:
        raise ValueError("no time")
    received, sent = _unix_ms(packet[32:40]), _unix_ms(packet[40:48])
    if not PLAUSIBLE_MS <= received <= sent:
        raise ValueError("times")
    return received, sent


def _unix_ms(stamp):
    """NTP counts from 1900 and rolls over in 2036: what is before 1968 is after it (RFC 4330, 3). Zero is "unknown"."""
    ms = int.from_bytes(stamp, "big") * 1000 >> 32
    if 0 < ms < 2147483648000:
        ms += 4294967296000
    return ms - 2208988800000


async def ask(to, uptime):
    """(Unix ms, uptime at that moment) from the server at a socket address; wrong by half the round trip at most.

    Raises OSError, ValueError, asyncio.TimeoutError.
    """
    nonce = os.urandom(8)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    (received, sent), asked, seen = await exchange(sock, to, request(nonce), parse, nonce, uptime)
    way = seen - asked - (sent - received)  # both ways, without the time in the server
    if seen - asked > WITHIN_MS or way < -1:  # all four are whole ms, cut off
        raise ValueError("too long")
    return sent + way // 2, seen


def fields(unix_ms):
    """What machine.RTC().datetime takes, in UTC. It knows the day of the week by itself."""
    now = time.gmtime((unix_ms - EPOCH_MS) // 1000)
    return now[:3] + (0,) + now[3:6] + (unix_ms % 1000 * 1000,)


async def keep_time(clock, hosts, there=lambda: True, set_rtc=None, log=print):
    """Set `clock` every hour, for ever; while nobody tells the time, after pauses that grow from 15 s to 15 min.

    hosts() -> "host" or "host:port" each, asked in turn until one answers; None is passed over. there(): whether there
    is a network. set_rtc(fields) sets the chip's clock too, by which TLS checks dates.
    """
    backoff = Backoff(FIRST_MS, MOST_MS)
    while True:
        pause_ms = 1000
        if there():
            pause_ms = backoff.next_ms()
            for host in filter(None, hosts()):
                try:
                    clock.set(*await ask(address(host, 123, clock.ticks_ms), clock.ticks_ms))
                    if set_rtc:
                        set_rtc(fields(clock.now_ms()))
                    backoff.reset()
                    pause_ms = EVERY_MS
                    break
                except Exception as error:  # of many kinds, and none may end the loop
                    log("time: %s: %r" % (host, error))
        await sleep_ms(pause_ms)
