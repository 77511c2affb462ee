"""What the sensors of the board itself say: its connections, and how it is."""

import asyncio
from collections import namedtuple

from campus.wire.names import base
from campus.wire.points import POINTS
from firmware.board.port import sleep_ms
from firmware.board.sampling import Sampler
from firmware.board.sensors import create, health

Parts = namedtuple("Parts", ("radio", "link", "probes", "clock", "kept", "lag"))
ROUND = {
    "rtt_gateway_ms": 4,
    "rtt_gateway_min_ms": 3,
    "rtt_gateway_max_ms": 9,
    "loss_gateway_pct": 0,
    "rtt_dns_ms": None,
    "rtt_dns_min_ms": None,
    "rtt_dns_max_ms": None,
    "loss_dns_pct": 100,
}


class Radio:
    def __init__(self):
        self.there = True
        self.joins, self.losses, self.join_ms = 1, {}, None
        self.dbm, self.channel, self.six = -60, 6, None

    def connected(self):
        return self.there

    def rssi(self):
        return self.dbm

    def ipv6(self):
        return self.six


class Link:
    connections, connect_ms = 1, None

    def __init__(self):
        self.losses = {}


class Probes:
    targets = ("gateway", "dns")

    def __init__(self):
        self.round = {}
        self.every_ms = 60000

    def values(self):
        return dict(self.round)


class Clock:
    def __init__(self):
        self.ms = 1000

    def ticks_ms(self):
        return self.ms

    def now_ms(self):
        return 1795326660000 + self.ms

    def quality(self):
        return "ntp"


class Outbox:
    depth, dropped = 3, 0


class Lag:
    ms = 7

    def take(self):
        return self.ms


def parts(radio=True):
    return Parts(Radio() if radio else None, Link(), Probes(), Clock(), [Outbox(), Outbox()], Lag())


def read(sensor, of, after_ms=60000):
    of.clock.ms += after_ms
    return asyncio.run(sensor.read())


def test_a_board_that_was_never_lost_says_so():
    of = parts()
    sensor = create("network", {}, of)
    assert read(sensor, of) == {
        "rssi_dbm": -60,
        "wifi_channel": 6,
        "ipv6": None,
        "reconnects_wifi": 0,
        "reconnects_mqtt": 0,
    }
    assert sensor.why["ipv6"] == "unknown"
    of.radio.six = 1
    assert read(sensor, of)["ipv6"] == 1


def test_losses_are_told_by_cause_wifi_and_broker_apart():
    of = parts()
    sensor = create("network", {}, of)
    of.radio.joins, of.radio.losses, of.radio.join_ms = 4, {200: 2, 8: 1}, 3250
    of.link.connections, of.link.losses, of.link.connect_ms = 3, {1: 1, 5: 1}, 9000
    values = read(sensor, of)
    counted = {point: values[point] for point in values if "connect" in point}
    assert counted == {
        "reconnects_wifi": 3,
        "disconnects_wifi.200": 2,
        "disconnects_wifi.8": 1,
        "reconnect_wifi_ms": 3250,
        "reconnects_mqtt": 2,
        "disconnects_mqtt.1": 1,
        "disconnects_mqtt.5": 1,
        "reconnect_mqtt_ms": 9000,
    }


def test_without_wifi_there_is_no_signal_to_tell_but_what_was_counted():
    of = parts()
    sensor = create("network", {}, of)
    of.radio.there = False
    assert sorted(read(sensor, of)) == ["reconnects_mqtt", "reconnects_wifi"]


def test_before_the_first_connection_nothing_was_made_again():
    of = parts()
    of.radio.joins = of.link.connections = 0
    values = read(create("network", {}, of), of)
    assert values["reconnects_wifi"] == values["reconnects_mqtt"] == 0


def test_where_the_system_has_the_network_nothing_is_said_of_wifi():
    of = parts(radio=False)
    sensor = create("network", {}, of)
    assert read(sensor, of) == {"reconnects_mqtt": 0}
    assert not [point for point in sensor.points if "wifi" in point or point in ("rssi_dbm", "ipv6")]


def test_what_nobody_answered_is_null_and_lost():
    of = parts()
    of.probes.round = ROUND
    sensor = create("network", {}, of)
    record = asyncio.run(Sampler([sensor], of.clock).sample())
    assert {point: record.values[point] for point in ROUND} == ROUND
    assert record.why == {
        "rtt_dns_ms": "timeout",
        "rtt_dns_min_ms": "timeout",
        "rtt_dns_max_ms": "timeout",
        "ipv6": "unknown",
    }


def test_a_signal_that_the_chip_does_not_tell_has_failed():
    of = parts()
    of.radio.dbm = None
    record = asyncio.run(Sampler([create("network", {}, of)], of.clock).sample())
    assert record.values["rssi_dbm"] is None and record.why["rssi_dbm"] == "failed"


def test_all_it_may_say_is_described_and_in_the_contract():
    of = parts()
    of.probes.round = dict(ROUND)
    of.radio.losses, of.link.losses = {200: 1}, {7: 1}
    of.radio.join_ms = of.link.connect_ms = 1
    of.probes.every_ms = 300000
    for sensor in (create("network", {}, of), create("health", {}, of)):
        for point, described in sensor.points.items():
            unit = POINTS[point][0]
            assert described["unit"] == unit, point
            slow = point.startswith("rtt") or point.startswith("loss")
            assert described["max_interval_ms"] == (300000 if slow else 60000)
    values = read(create("network", {}, of), of)
    assert {base(point) for point in values} == set(create("network", {}, of).points)


def test_a_reason_that_happens_later_is_reported_then():
    of = parts()
    sensor = create("network", {}, of)
    log = []
    sampler = Sampler([sensor], of.clock, 0, log.append)
    seen = []
    for losses in ({}, {200: 1}, {200: 1}, {200: 2, 201: 1}):
        of.radio.losses = losses
        of.clock.ms += 10000
        record = asyncio.run(sampler.sample())
        seen.append(
            {point: record.values[point] for point in record.values if "." in point} if record else {}
        )
    assert seen == [
        {},
        {"disconnects_wifi.200": 1},
        {},
        {"disconnects_wifi.200": 2, "disconnects_wifi.201": 1},
    ]
    assert not log and "disconnects_wifi.200" not in sampler.points()


def test_the_noise_of_a_signal_does_not_flood():
    of = parts()
    sampler = Sampler([create("network", {}, of)], of.clock)
    told = 0
    for second in range(600):
        of.radio.dbm = -60 + second * 7 % 3
        of.clock.ms += 1000
        record = asyncio.run(sampler.sample())
        told += record is not None and "rssi_dbm" in record.values
    assert told == 10  # once a minute


class Heap:
    """gc of MicroPython; CPython's cannot tell what is free."""

    def __init__(self, free_b):
        self.free_b = free_b

    def collect(self):
        pass

    def mem_free(self):
        return self.free_b


def test_health_is_read_once_a_minute():
    of = parts()
    kept, health.gc = health.gc, Heap(50000)
    try:
        sensor = create("health", {}, of)
        assert read(sensor, of) == {
            "uptime_s": 61,
            "heap_free_b": 50000,
            "heap_free_min_b": 50000,
            "loop_lag_ms": 7,
            "outbox_depth": 6,
            "outbox_dropped": 0,
        }
        health.gc.free_b = 40000
        assert read(sensor, of, 1000) == {}
        read(sensor, of)
        health.gc.free_b = 60000
        values = read(sensor, of)
        assert (values["heap_free_b"], values["heap_free_min_b"]) == (60000, 40000)
    finally:
        health.gc = kept


def test_every_minute_has_its_health():
    of = parts()
    kept, health.gc = health.gc, Heap(50000)
    try:
        sampler = Sampler([create("health", {}, of)], of.clock, 7000)
        minutes = []
        for _ in range(3000):
            of.clock.ms += 1037
            record = asyncio.run(sampler.sample())
            if record and "uptime_s" in record.values:
                minutes.append((of.clock.now_ms() - 7000) // 60000)
        assert len(minutes) > 50 and minutes == list(range(minutes[0], minutes[0] + len(minutes)))
    finally:
        health.gc = kept


async def test_the_lag_is_the_worst_sleep_since_it_was_taken():
    ms, late = [0], [0, 3, 250, 0]

    async def sleep(nap_ms):
        ms[0] += nap_ms + late.pop(0)
        if not late:
            raise EOFError

    kept, health.sleep_ms = health.sleep_ms, sleep
    lag = health.Lag(lambda: ms[0])
    try:
        await lag.run()
    except EOFError:
        pass
    finally:
        health.sleep_ms = kept
    assert (lag.take(), lag.take()) == (250, 0)


async def test_a_loop_that_stands_still_shows_as_lag():
    ms = [0]
    lag = health.Lag(lambda: ms[0])
    task = asyncio.create_task(lag.run())
    await sleep_ms(0)
    ms[0] += 400  # somebody computes, and nothing else runs
    await sleep_ms(120)
    task.cancel()
    assert lag.take() == 350
