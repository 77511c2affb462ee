"""The link against a broker that misbehaves as told. Its port comes from the environment: BOARD_SUITE_PORT."""

import asyncio
import os
from collections import namedtuple

from campus.wire import server, telemetry
from campus.wire.lifecycle import encode_birth
from firmware.board import link as links
from firmware.board import mqtt, session
from firmware.board.link import Link
from firmware.board.outbox import Outbox
from firmware.board.port import sleep_ms
from firmware.board.retry import Backoff
from firmware.board.sampling import Record

BOOT = "9f3a61c20000002a"
NOW_MS = 1795326683120
ANSWER_MS, KEEPALIVE_S = session.ANSWER_MS, session.KEEPALIVE_S
Config = namedtuple("Config", ("site", "board", "broker", "resend_ms"))
Address = namedtuple("Address", ("host", "port", "user", "password"))


def to_board(leaf, payload):
    """A message with QoS 0, as a broker sends it."""
    return mqtt.packet(0x30, mqtt.text("campus/v1/demo/b1/" + leaf) + payload)


class Clock:
    word = "ntp"

    def quality(self):
        return self.word


class Radio:
    def __init__(self, there=True):
        self.there = there
        self.joins = 0

    def connected(self):
        return self.there

    async def join(self):
        self.joins += 1
        raise OSError("no access point")


class Broker:
    """Takes what comes. `acknowledges`, `pongs`: whether it answers; `spoils`: bytes sent instead of a CONNACK's
    successor, after which it hangs up; `refusal`: the code of its CONNACK."""

    def __init__(self):
        self.port = int(os.getenv("BOARD_SUITE_PORT"))
        self.acknowledges = self.pongs = True
        self.spoils = None
        self.refusal = 0
        self.connections = 0
        self.births, self.states, self.sent = [], [], []
        self.left = False
        self.owed = []  # packet ids of telemetry without a PUBACK
        self._writer = None
        self._server = None

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_):
        self._server.close()
        if self._writer:
            self._writer.close()
        await sleep_ms(20)

    def numbers(self):
        return [number for message in self.sent for number in server.seqs(message)]

    async def say(self, data):
        self._writer.write(data)
        await self._writer.drain()

    async def commit(self, boot, seq, also=()):
        payload = server.encode_committed(boot, seq, also)
        await self.say(to_board("committed", payload))

    async def _serve(self, reader, writer):
        self._writer = writer
        self.connections += 1
        try:
            while True:
                kind, flags, body = await mqtt.read(reader, 65536)
                if kind == 1:
                    await self.say(b"\x20\x02\x00" + bytes((self.refusal,)))
                    if self.spoils or self.refusal:
                        await self.say(self.spoils or b"")
                        self.spoils = None
                        break
                elif kind == mqtt.PUBLISH:
                    await self._take(*mqtt.message(flags, body))
                elif kind == 8:
                    await self.say(b"\x90\x03" + body[:2] + b"\x00")
                elif kind == 12 and self.pongs:
                    await self.say(b"\xd0\x00")
                elif kind == 14:
                    self.left = True
                    break
        except (OSError, EOFError):
            pass
        writer.close()
        await writer.wait_closed()

    async def _take(self, topic, payload, packet_id):
        if topic.endswith("/telemetry"):
            self.sent.append(telemetry.decode(payload))
        elif topic.endswith("/birth"):
            self.births.append(server.decode_birth(payload))
        else:
            self.states.append(server.decode_availability(payload).state)
        if self.acknowledges:
            await self.say(mqtt.puback(packet_id))
        else:
            self.owed.append(packet_id)


async def until(condition, what):
    for _ in range(1500):
        if condition():
            return
        await sleep_ms(10)
    raise AssertionError("never came: " + what)


class Rig:
    """A link and its broker, running; what the link logs is in `log`."""

    def __init__(self, radio=None, resend_ms=100000):
        links.RETRY_MS, links.IDLE_MS = 20, 50
        session.ANSWER_MS, session.KEEPALIVE_S = ANSWER_MS, KEEPALIVE_S
        self.broker = Broker()
        self.log = []
        self.clock = Clock()
        self.outbox = Outbox(BOOT, 64)
        address = Address("127.0.0.1", self.broker.port, None, None)
        self.link = Link(
            Config("demo", "b1", address, resend_ms),
            self.outbox,
            self.clock,
            self._birth,
            radio,
            self.log.append,
        )
        self._at = NOW_MS

    def _birth(self):
        offset = None if self.clock.word == "up" else NOW_MS - 5000
        points = {"motion": {"unit": ""}}
        return encode_birth(BOOT, "0", "none", "power", self.clock.word, points, offset)

    def add(self, count=1, clock="ntp"):
        for _ in range(count):
            self._at -= 1000  # so that each record is a message
            self.outbox.add(Record(self._at, clock, {"motion": 1}, None))
        self.link.wake()

    async def __aenter__(self):
        await self.broker.__aenter__()
        self._running = asyncio.create_task(self.link.run())
        return self

    async def __aexit__(self, *_):
        await self.link.stop(1000)
        self._running.cancel()
        await self.broker.__aexit__()


async def test_it_says_who_it_is_sends_and_says_goodbye():
    async with Rig() as rig:
        rig.add(3)
        await until(lambda: rig.broker.numbers() == [0, 1, 2], "three records")
        assert rig.broker.states == ["online"] and rig.broker.births[0].boot == BOOT
        await rig.broker.commit(BOOT, 2)
        await until(lambda: rig.outbox.depth == 0, "an empty outbox")
        await rig.link.stop()
        assert rig.broker.states == ["online", "offline"] and rig.broker.left


async def test_pubacks_in_any_order_are_fine():
    async with Rig() as rig:
        await until(lambda: rig.broker.births, "the birth")
        rig.broker.acknowledges = False
        rig.add(20)
        await until(lambda: len(rig.broker.owed) == session.UNANSWERED, "a full window")
        for _ in range(20):
            while rig.broker.owed:
                await rig.broker.say(mqtt.puback(rig.broker.owed.pop()))
            await sleep_ms(20)
            if len(rig.broker.sent) == 20:
                break
        await until(lambda: rig.broker.numbers() == list(range(20)), "the rest")
        assert rig.broker.connections == 1 and rig.outbox.depth == 20


async def test_without_committed_it_sends_again_and_again():
    async with Rig(resend_ms=100) as rig:
        rig.add(2)
        await until(lambda: rig.broker.numbers().count(1) >= 3, "the same record three times")
        assert rig.broker.connections == 1 and rig.outbox.depth == 2


async def test_a_record_left_behind_is_sent_again_while_others_are_committed():
    async with Rig(resend_ms=300) as rig:
        rig.add(1)
        await until(lambda: rig.broker.numbers() == [0], "the record to be lost")
        for seq in range(1, 60):
            rig.add(1)
            await until(lambda n=seq: n in rig.broker.numbers(), "live records")
            await rig.broker.commit(BOOT, -1, ((1, seq),))
            await sleep_ms(20)
        assert rig.broker.numbers().count(0) > 1
        assert rig.outbox.depth <= 2


async def test_a_committed_for_another_boot_or_one_that_is_none_changes_nothing():
    async with Rig() as rig:
        rig.add(1)
        await until(lambda: rig.broker.numbers() == [0], "the record")
        await rig.broker.commit("00000000", 5)
        await rig.broker.say(to_board("committed", b'{"boot": "9f3a61c20000002a", "seq": "0"}'))
        await rig.broker.say(mqtt.packet(0x30, bytes(5000)))
        await until(lambda: rig.log, "a word on the broken one")
        assert rig.outbox.depth == 1 and rig.broker.connections == 1
        await rig.broker.commit(BOOT, 0)
        await until(lambda: rig.outbox.depth == 0, "the good one")


async def test_half_a_packet_and_nonsense_end_one_connection_only():
    publish = to_board("committed", b"{}")
    for spoils in (publish[:1], publish[:9], b"\x30\xff\xff\xff\xff\xff", b"\x32\x02\x00\x09", b"\x40\x00"):
        rig = Rig()
        rig.broker.spoils = spoils
        async with rig:
            rig.add(2)
            await until(
                lambda each=rig.broker: each.numbers()[-2:] == [0, 1], f"the records, after {spoils!r}"
            )
            assert rig.broker.connections == 2 and rig.outbox.dropped == 0


async def test_a_refusal_is_told_and_tried_again():
    rig = Rig()
    rig.broker.refusal = 4
    async with rig:
        await until(lambda: rig.broker.connections >= 3, "three attempts")
        assert "password" in rig.log[0]
        rig.broker.refusal = 0
        await until(lambda: rig.broker.births, "the birth")


def test_whatever_ends_a_session_is_counted_as_one_of_the_causes():
    """On MicroPython the errno of most errors is a text. That must not end the program."""
    refused = mqtt.MqttError("no")
    refused.refused = True
    for error, cause in (
        (MemoryError("memory allocation failed, allocating 1488 bytes"), links.OTHER),
        (KeyError("key"), links.OTHER),
        (OSError("there is no connection"), links.CLOSED),
        (OSError(104), links.CLOSED),
        (OSError(-29312, "CONN_EOF"), links.CLOSED),
        (OSError(-9984, "X509_CERT_VERIFY_FAILED"), links.UNTRUSTED),
        (ValueError("a certificate"), links.UNTRUSTED),
        (mqtt.MqttError("cut short"), links.PROTOCOL),
        (refused, links.REFUSED),
        (EOFError(), links.CLOSED),
        (asyncio.TimeoutError(), links.TIMEOUT),
    ):
        assert links._cause(error, True) == cause, error
    assert links._cause(OSError(111), False) == links._cause(asyncio.TimeoutError(), False) == links.UNREACHED


async def test_new_records_do_not_shorten_the_pause_between_attempts():
    rig = Rig()
    links.RETRY_MS = 300
    rig.broker.refusal = 3
    async with rig:
        for _ in range(100):
            rig.add(1)
            await sleep_ms(10)
        assert 1 <= rig.broker.connections <= 4


async def test_a_broker_that_stops_acknowledging_is_left():
    async with Rig() as rig:
        session.ANSWER_MS = 300
        await until(lambda: rig.broker.births, "the birth")
        rig.broker.acknowledges = False
        rig.add(1)
        await until(lambda: rig.broker.connections == 2, "a new connection")
        rig.broker.acknowledges = True
        await until(lambda: rig.broker.numbers().count(0) > 1, "the record again")


async def test_a_connection_that_fell_silent_is_left():
    rig = Rig()
    session.ANSWER_MS, session.KEEPALIVE_S = 300, 1
    rig.broker.pongs = False
    async with rig:
        await until(lambda: rig.broker.connections == 2, "a new connection")
        rig.broker.pongs = True


async def test_a_late_sync_is_told_by_a_second_birth():
    rig = Rig()
    rig.clock.word = "up"
    async with rig:
        rig.add(1, "up")
        await until(lambda: rig.broker.births, "the first birth")
        rig.clock.word = "ntp"
        rig.add(1)
        await until(lambda: len(rig.broker.births) == 2, "the second birth")
        assert [(each.clock, each.up_offset_ms) for each in rig.broker.births] == [
            ("up", None),
            ("ntp", NOW_MS - 5000),
        ]
        assert [each.clock for each in rig.broker.sent[:2]] == ["up", "ntp"]


async def test_without_wifi_the_broker_is_not_tried_and_wifi_is_kept_through_a_lost_broker():
    radio = Radio(there=False)
    async with Rig(radio) as rig:
        await until(lambda: radio.joins > 1, "two attempts to join")
        assert rig.broker.connections == 0 and "access point" in rig.log[0]
        radio.there = True
        await until(lambda: rig.broker.births, "the birth")
        joins = radio.joins
        rig.broker.spoils = b"\x40\x00"
        await rig.broker.say(b"\x40\x00")
        await until(lambda: rig.broker.connections >= 3, "two new connections")
        assert radio.joins == joins


def test_pauses_grow_to_a_bound_and_are_jittered():
    longest = Backoff(1000, 60000, random=lambda: 0)
    shortest = Backoff(1000, 60000, random=lambda: 255)
    assert [longest.next_ms() for _ in range(8)] == [1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000]
    short = [shortest.next_ms() for _ in range(8)]
    assert short[0] == 502 and all(30000 <= each <= 60000 for each in short[6:])
    longest.reset()
    assert longest.next_ms() == 1000
    assert len({Backoff(1000, 60000).next_ms() for _ in range(50)}) > 10


async def test_a_record_that_cannot_be_written_holds_back_no_other():
    async with Rig() as rig:
        rig.outbox.add(Record(NOW_MS, "ntp", {"motion": 1}, None))
        rig.outbox.add(Record(NOW_MS + 1, "ntp", {"motion": True}, None))
        rig.outbox.add(Record(NOW_MS + 2, "ntp", {"motion": 0}, None))
        rig.link.wake()
        await until(lambda: sorted(rig.broker.numbers()) == [0, 2], "the two good records")
        assert rig.broker.connections == 1 and (rig.outbox.dropped, rig.outbox.depth) == (1, 2)


class Moody(Radio):
    """A driver that raises where it should answer, at first."""

    asked = 0

    def connected(self):
        self.asked += 1
        if self.asked <= 6:
            raise RuntimeError("Wifi Internal Error")
        return True


async def test_a_radio_that_raises_ends_nothing():
    async with Rig(Moody()) as rig:
        rig.add(1)
        await until(lambda: rig.broker.numbers() == [0], "the record")
        assert "Internal Error" in rig.log[0]
