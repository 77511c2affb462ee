"""Probes: their packets byte by byte, what a round says, and what not. Real servers are in test_firmware_network."""

import asyncio

from firmware.board import exchange, probe
from firmware.board.probe import Probes, dns_query, echo_request, is_dns, is_echo, summary

MARK = b"\x12\x34\x00\x07"
IP = b"\x45\x00\x00\x1c\x1c\x46\x40\x00\x40\x01\x00\x00\xc0\xa8\x00\x01\xc0\xa8\x00\x07"


class Radio:
    def __init__(self, gateway="10.0.0.1", dns="10.0.0.2"):
        self.there = True
        self._told = ("10.0.0.7", gateway, dns)

    def connected(self):
        return self.there

    def addresses(self):
        return self._told if self.there else None


class Link:
    """Gives each of `answers` in turn: ms, or an error."""

    def __init__(self, *answers):
        self.answers = list(answers)

    async def ping(self):
        answer = self.answers.pop(0)
        if isinstance(answer, int):
            return answer
        raise answer


class Known(Probes):
    """Gives each of `answers[target]` in turn instead of asking the network, and after `rounds` rounds it ends."""

    def __init__(self, answers, radio=None, **options):
        self.ms = 1000
        Probes.__init__(self, options, radio, None, lambda: self.ms, 7000)
        self.targets = [target for target in probe.TARGETS if target in answers]
        self.answers = answers
        self.began = []

    async def probe(self, target):
        self.began.append((target, self.ms))
        answer = self.answers[target].pop(0)
        if isinstance(answer, int):
            self.ms += answer
            return answer
        self.ms += 1000
        raise answer if isinstance(answer, Exception) else answer()

    async def sleep(self, ms):
        self.ms += max(0, ms)
        if not all(self.answers.values()):
            raise EOFError


async def rounds(probes):
    """Run until there is no answer left; the values then."""
    probe.sleep_ms = probes.sleep
    try:
        await probes.run()
    except EOFError:
        pass
    return probes.values()


def folded(packet):
    """The one's complement sum of RFC 1071, which is 0xFFFF where the checksum in it is right."""
    total = sum([packet[at] << 8 | packet[at + 1] for at in range(0, len(packet), 2)])
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_an_echo_request_has_the_right_checksum():
    assert echo_request(MARK) == b"\x08\x00\xe5\xc4\x12\x34\x00\x07"
    for mark in (
        b"\x00" * 4,
        b"\xff" * 4,
        b"\xf7\xff\x00\x00",
        b"\xf7\xfe\x00\x01",
        b"\xf0\x00\x08\x00",
        b"\xf7\xff\xff\xff",
    ):
        request = echo_request(mark)
        assert len(request) == 8 and folded(request) == 0xFFFF, mark


def test_only_our_own_echo_reply_is_one():
    reply = IP + b"\x00\x00\xed\xc4" + MARK
    assert is_echo(reply, MARK)
    assert is_echo(
        b"\x46" + reply[1:20] + b"\x94\x04\x00\x00" + reply[20:], MARK
    )  # an IP header with an option
    assert not is_echo(IP + echo_request(MARK), MARK)  # on loopback our own request comes in too
    assert not is_echo(IP + b"\x03\x00\x00\x00" + MARK, MARK)
    for at in range(24, 28):
        assert not is_echo(reply[:at] + bytes((reply[at] ^ 1,)) + reply[at + 1 :], MARK)
    for length in range(1, 28):
        assert not is_echo(reply[:length], MARK)


def test_a_question_to_a_dns_server():
    assert dns_query(MARK, "a.school.vn") == (
        b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x06school\x02vn\x00\x00\x01\x00\x01"
    )


def test_any_answer_with_our_number_counts():
    for flags in (b"\x81\x80", b"\x81\x83", b"\x81\x82", b"\x81\x85"):  # found, no such name, failed, refused
        assert is_dns(b"\x12\x34" + flags + bytes(8), MARK)
    assert not is_dns(b"\x12\x35\x81\x80" + bytes(8), MARK)
    assert not is_dns(dns_query(MARK, "a"), MARK)
    for length in range(3):
        assert not is_dns(b"\x12\x34\x81"[:length], MARK)


def test_a_round_in_figures():
    assert summary([10, 20, 31, 4, 5]) == (14, 4, 31, 0)
    assert summary([7]) == (7, 7, 7, 80)
    assert summary([1, 2]) == (2, 1, 2, 60)
    assert summary([0, 0, 0, 0]) == (0, 0, 0, 20)
    assert summary([]) == (None, None, None, 100)


async def test_a_round_tells_what_was_lost():
    timeout = asyncio.TimeoutError
    values = await rounds(Known({"gateway": [3, timeout(), 5, OSError(113), 4], "dns": [timeout()] * 5}))
    assert values == {
        "rtt_gateway_ms": 4,
        "rtt_gateway_min_ms": 3,
        "rtt_gateway_max_ms": 5,
        "loss_gateway_pct": 40,
        "rtt_dns_ms": None,
        "rtt_dns_min_ms": None,
        "rtt_dns_max_ms": None,
        "loss_dns_pct": 100,
    }


async def test_what_cannot_be_tried_is_no_loss():
    for error in (LookupError("school.vn"), MemoryError(), TypeError()):
        assert await rounds(Known({"internet": [error] * 5, "gateway": [1] * 5})) == {
            "rtt_gateway_ms": 1,
            "rtt_gateway_min_ms": 1,
            "rtt_gateway_max_ms": 1,
            "loss_gateway_pct": 0,
        }


async def test_the_board_that_lost_its_wifi_says_nothing_of_the_others():
    radio = Radio()

    def lose():
        radio.there = False
        return asyncio.TimeoutError()

    def find():
        radio.there = True
        return asyncio.TimeoutError()

    assert await rounds(Known({"gateway": [1, 1, lose, asyncio.TimeoutError(), 1]}, radio)) == {}
    radio.there = True
    assert await rounds(Known({"gateway": [1, lose, find, 1, 1]}, radio)) == {}
    radio.there = True
    probes = Known({"gateway": [1] * 5}, radio)
    assert (await rounds(probes))["loss_gateway_pct"] == 0
    radio.there = False
    assert probes.values() == {}
    radio.there = True
    assert probes.values()["loss_gateway_pct"] == 0


async def test_a_target_that_cannot_be_tried_any_more_is_forgotten():
    values = await rounds(Known({"dns": [1] * 5 + [LookupError()] * 5, "gateway": [1] * 10}))
    assert sorted(values) == [
        "loss_gateway_pct",
        "rtt_gateway_max_ms",
        "rtt_gateway_min_ms",
        "rtt_gateway_ms",
    ]


async def test_rounds_come_in_their_rhythm_and_probes_one_after_the_other():
    probes = Known({"gateway": [10] * 15, "dns": [20] * 15}, every_s=30)
    await rounds(probes)
    firsts = [ms for place, (_, ms) in enumerate(probes.began) if place % 10 == 0]
    assert firsts == [8000, 38000, 68000]
    assert [target for target, _ in probes.began[:10]] == ["gateway"] * 5 + ["dns"] * 5
    assert [ms for _, ms in probes.began[:6]] == [8000, 8010, 8020, 8030, 8040, 8050]


async def test_a_round_longer_than_the_pause_is_followed_at_once():
    timeouts = [asyncio.TimeoutError()] * 10
    probes = Known(
        {target: list(timeouts) for target in ("gateway", "dns", "internet")}, every_s=1
    )  # 10 at least
    await rounds(probes)
    assert [ms for place, (_, ms) in enumerate(probes.began) if place % 15 == 0] == [8000, 23000]


async def test_the_broker_is_asked_by_the_link_and_the_others_where_they_are():
    asked = []

    async def exchanged(sock, to, packet, accept, mark, uptime):
        sock.close()
        asked.append((to, packet[12:22], accept))
        return True, 5, 12

    def address(text, port, uptime):
        if not text:
            raise LookupError
        return text, port

    kept = probe.exchange, probe.address
    probe.exchange, probe.address = exchanged, address
    try:
        options = {"internet": "1.1.1.1"}
        probes = Probes(options, Radio(), Link(9), lambda: 0)
        assert probes.targets == ("broker", "gateway", "dns", "internet")
        for target in probes.targets:
            assert await probes.probe(target) == (9 if target == "broker" else 7)
        assert [each[0] for each in asked] == [("10.0.0.1", 80), ("10.0.0.2", 53), ("1.1.1.1", 80)]
        assert asked[1][1:] == (b"\x09localhost", is_dns)
        own = {"gateway": "10.0.0.9:22", "dns": "10.0.0.8", "name": "school.vn"}
        probes = Probes(own, Radio(), Link(), lambda: 0)
        assert probes.targets == ("broker", "gateway", "dns")
        await probes.probe("gateway")
        await probes.probe("dns")
        assert [each[0] for each in asked[3:]] == [("10.0.0.9:22", 80), ("10.0.0.8", 53)]
        assert asked[4][1] == b"\x06school\x02vn"
        for radio in (None, Radio(gateway="")):  # the system has the network; DHCP told no gateway
            assert await Probes({}, radio, Link(), lambda: 0)._round("gateway") == {}
    finally:
        probe.exchange, probe.address = kept


class Names:
    """socket.getaddrinfo of a network whose names are in `known`. `asked`: how often it was."""

    def __init__(self):
        self.known = {}
        self.asked = 0

    def getaddrinfo(self, host, port, family):
        self.asked += 1
        if host in self.known:
            return [(2, 1, 6, "", (self.known[host], port))]
        raise OSError(-2)


def test_a_name_is_looked_up_once_an_hour_and_a_failure_waits_ten_minutes():
    names, ms = Names(), [5]
    module, exchange.socket = exchange.socket, names
    names.AF_INET = module.AF_INET
    exchange._kept.clear()

    def found():
        try:
            return exchange.address("ntp.school.vn:124", 123, lambda: ms[0])
        except LookupError:
            return None

    try:
        assert found() is None and found() is None and names.asked == 1
        names.known["ntp.school.vn"] = "10.0.0.3"
        ms[0] += exchange.AGAIN_MS
        assert found() == ("10.0.0.3", 124) and found() and names.asked == 2
        names.known.clear()
        ms[0] += exchange.KEPT_MS - 1
        assert found() and names.asked == 2
        ms[0] += 1
        assert found() == ("10.0.0.3", 124) and found() and names.asked == 3  # the old one may still be right
        for nothing in ("", "0.0.0.0"):
            try:
                exchange.address(nothing, 80, lambda: 0)
                raise AssertionError("accepted")
            except LookupError:
                pass
        assert names.asked == 3
    finally:
        exchange.socket = module
        exchange._kept.clear()
