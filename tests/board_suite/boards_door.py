"""The door contact: levels, bouncing, and what must not wait."""

import asyncio

from firmware.board.port import sleep_ms
from firmware.board.sampling import Sampler
from firmware.board.sensors import create, door


class Contact:
    """A pin whose level follows `script`, (ms, level) in order of time."""

    def __init__(self, level=0):
        self.now = 0
        self.script = [(0, level)]

    def value(self):
        level = None
        for at, then in self.script:
            if at <= self.now:
                level = then
        return level

    def sleep_ms(self, ms):
        self.now += ms
        return sleep_ms(0)


class Pins:
    """A `machine` with one contact, which has to be pulled up."""

    def __init__(self, contact):
        class Pin:
            IN, PULL_UP = 1, 2

            def __new__(cls, number, mode, pull):
                assert (number, mode, pull) == (14, 1, 2)
                return contact

        self.Pin = Pin


def made(contact, **options):
    door.sleep_ms = contact.sleep_ms
    return create("door", dict(options, pin=14), Pins(contact))


def read(sensor):
    return asyncio.run(sensor.read())


def test_open_and_closed():
    contact = Contact()
    sensor = made(contact)
    assert read(sensor) == {"door_open": 0} and not sensor.edge
    contact.script.append((100, 1))
    contact.now = 100
    assert sensor.edge and read(sensor) == {"door_open": 1} and not sensor.edge
    contact.script.append((200, 0))
    contact.now = 200
    assert sensor.edge and read(sensor) == {"door_open": 0} and not sensor.edge


def test_a_contact_that_opens_instead_of_closing():
    assert read(made(Contact(0), open_level=0)) == {"door_open": 1}
    assert read(made(Contact(1), open_level=0)) == {"door_open": 0}


def test_the_state_at_the_start_is_no_edge():
    for level in (0, 1):
        assert not made(Contact(level)).edge


def test_nothing_is_said_while_it_bounces():
    contact = Contact()
    sensor = made(contact)
    contact.script += [(10, 1), (13, 0), (16, 1)]
    contact.now = 10
    assert read(sensor) == {} and not sensor.edge  # it looks closed again at 13 ms
    contact.now = 16
    assert sensor.edge and read(sensor) == {"door_open": 1}


def test_a_spike_opens_no_door():
    contact = Contact()
    sensor = made(contact)
    contact.script += [(10, 1), (28, 0)]
    contact.now = 10
    assert read(sensor) == {} and read(sensor) == {"door_open": 0}


def test_a_second_door_has_its_own_point():
    first, second = made(Contact()), made(Contact(1), point="door_open.2")
    assert read(second) == {"door_open.2": 1} and list(second.points) == ["door_open.2"]
    Sampler([first, second], None)


def test_both_edges_are_urgent_and_reported():
    class Clock:
        at = 1795326660000

        def now_ms(self):
            return self.at

        def quality(self):
            return "ntp"

    contact = Contact()
    sampler = Sampler([made(contact)], Clock())
    assert asyncio.run(sampler.sample()).values == {"door_open": 0}
    for at, level in ((100, 1), (200, 0)):
        assert not sampler.urgent() and asyncio.run(sampler.sample()) is None
        contact.script.append((at, level))
        contact.now = at
        Clock.at += 50
        assert sampler.urgent()
        assert asyncio.run(sampler.sample()).values == {"door_open": level}


def test_a_point_that_no_server_would_take_is_refused_before_anything_is_sent():
    for point in ("Door 2", "door_open.1000", ""):
        try:
            made(Contact(), point=point)
            raise AssertionError(point)
        except ValueError as error:
            assert repr(point) in str(error)
