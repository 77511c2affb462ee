"""How far the network reaches: round trips to gateway, DNS server, broker and an internet host.

ICMP echo and its checksum: RFC 792; DNS: RFC 1035, section 4.1.
"""

import asyncio
import os
import socket

from .exchange import address, exchange
from .port import const, sleep_ms

_COUNT = const(5)  # probes of a round
TARGETS = ("broker", "gateway", "dns", "internet")
SHOWN = ("rtt_%s_ms", "rtt_%s_min_ms", "rtt_%s_max_ms", "loss_%s_pct")


def echo_request(mark):
    """An ICMP echo request; mark: its identifier and sequence number, 4 bytes."""
    total = 0x0800 + (mark[0] + mark[2] << 8) + mark[1] + mark[3]
    return b"\x08\x00" + (0xFFFF - total % 0xFFFF).to_bytes(2, "big") + mark


def is_echo(packet, mark):
    """Whether `packet`, with its IP header, is the echo reply with `mark`."""
    at = (packet[0] & 15) * 4
    return packet[at : at + 2] == b"\x00\x00" and packet[at + 4 : at + 8] == mark


def dns_query(mark, name):
    """A question for the IPv4 address of `name`; the first 2 bytes of `mark` are its id."""
    packet = mark[:2] + b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
    for label in name.split("."):
        packet += bytes((len(label),)) + label.encode()
    return packet + b"\x00\x00\x01\x00\x01"


def is_dns(packet, mark):
    """Whether `packet` answers the question with `mark`; "there is no such name" is an answer."""
    return packet[:2] == mark[:2] and packet[2:3] >= b"\x80"


def summary(times):
    """What SHOWN names, of the ms of the probes that were answered."""
    count = len(times)
    if not count:
        return None, None, None, 100
    return (sum(times) + count // 2) // count, min(times), max(times), 100 - count * 100 // _COUNT


class Probes:
    """A round of five probes of each target, one after the other, every `every_s`, the first after `phase_ms`.

    options: gateway, dns, internet: "host" or "host:port" each; name: what the DNS server is asked for; every_s: 60 if
    left out, 10 at least. radio knows gateway and DNS server where options do not; None: the system has the network.
    Without an internet host in the options none is probed: a board speaks to nobody it was not told of.
    """

    def __init__(self, options, radio, link, uptime, phase_ms=0):
        self.targets = TARGETS if "internet" in options else TARGETS[:3]
        self.every_ms = max(10, options.get("every_s", 60)) * 1000
        self._options = options
        self._radio = radio
        self._link = link
        self._uptime = uptime
        self._phase_ms = phase_ms
        self._values = {}

    def values(self):
        """point -> value of the latest round; None: nothing answered. What could not be tried is not there, and nothing
        is without Wi-Fi: a target was not lost then, but we were."""
        return dict(self._values) if self._there() else {}

    def _there(self):
        return not self._radio or self._radio.connected()

    async def run(self):
        """For ever."""
        await sleep_ms(self._phase_ms)
        while True:
            due = self._uptime() + self.every_ms
            values = {}
            for target in self.targets:
                values.update(await self._round(target))
            self._values = values
            await sleep_ms(due - self._uptime())

    async def _round(self, target):
        times = []
        for _ in range(_COUNT):
            try:
                times.append(await self.probe(target))
            except (OSError, asyncio.TimeoutError):
                pass
            except Exception:  # it could not be tried
                return {}
            if not self._there():
                return {}
        return {shown % target: value for shown, value in zip(SHOWN, summary(times))}

    async def probe(self, target):
        """ms to a target and back: by ICMP, or where raw sockets are not to be had by TCP, by default to port 80.

        Raises OSError or asyncio.TimeoutError: nothing answered; any other error: it could not be tried.
        """
        if target == "broker":
            return await self._link.ping()
        host = self._options.get(target, "")
        if not host and self._radio:
            host = self._radio.addresses()[TARGETS.index(target)]
        mark = os.urandom(4)
        if target == "dns":
            to, accept = address(host, 53, self._uptime), is_dns
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            packet = dns_query(mark, self._options.get("name", "localhost"))
        else:
            to, accept = address(host, 80, self._uptime), is_echo
            try:
                sock, packet = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1), echo_request(mark)
            except OSError:
                sock, packet = socket.socket(), None
        _, sent, seen = await exchange(sock, to, packet, accept, mark, self._uptime)
        return seen - sent
