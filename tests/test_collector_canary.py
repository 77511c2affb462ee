"""A connection that lives and delivers nothing: told, and made anew; and a broker that is only quiet is left alone."""

import os
import signal

import pytest
from servers import Mosquitto
from test_collector_service import Boards, Running, sample, until

from collector import canary
from collector.canary import BLINK_S, LONGEST_PATIENCE_S, Canary

TOPIC = "campus/v1/school/service/telemetry"
RULES = "user collector\ntopic readwrite campus/#\nuser boards\ntopic readwrite campus/#\n"
DEAF = "user collector\ntopic write campus/#\nuser boards\ntopic readwrite campus/#\n"
USERS = {"collector": "a secret", "boards": "another secret"}


def listen(bird: Canary, start: float, seconds: float, listening: bool = True) -> list[float]:
    """When it says that the broker is silent, asked each second."""
    told = []
    for second in range(int(seconds)):
        now = start + second
        if bird.silence(now, listening):
            told.append(now - start)
            bird.begin(now)
    return told


def test_patience_grows_while_connecting_anew_does_not_help():
    """30 s, then 60, 120 ...: a broker whose rules never let the canary through is not cut off twice a minute."""
    bird = Canary(TOPIC)
    assert bird.begin(0.0) is False
    told = listen(bird, 0.0, 4000)
    assert told[:5] == [30, 90, 210, 450, 930]
    assert told[5:] == [930 + n * LONGEST_PATIENCE_S for n in range(1, 1 + len(told[5:]))]
    assert bird.begin(4000.0) is True, "still in doubt"
    bird.alive(4001.0)
    assert bird.begin(4001.0) is False
    assert listen(bird, 4001.0, 31) == [30]


def test_silence_proves_nothing_while_we_do_not_listen():
    """A full queue, a process that was stopped: the time counts only while messages could have been taken."""
    bird = Canary(TOPIC)
    bird.begin(0.0)
    assert listen(bird, 0.0, 500, listening=False) == []
    assert listen(bird, 500.0, 20) == []
    assert bird.silence(520.0 + BLINK_S + 100, True) is None
    assert listen(bird, 520.0 + BLINK_S + 101, 29) == []


def test_it_is_sent_at_once_and_then_every_ten_seconds():
    """So that three are lost before the patience is over."""
    bird = Canary(TOPIC)
    bird.begin(7.0)
    assert [second for second in range(7, 40) if bird.due(float(second))] == [7, 17, 27, 37]


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(canary, "EVERY_S", 0.3)
    monkeypatch.setattr(Canary.__init__, "__defaults__", (0.3, 2.0))


@pytest.fixture
def guarded(tmp_path):
    with Mosquitto(tmp_path / "broker", users=USERS, acl=RULES, extra=("log_type all",)) as broker:
        yield broker


def rule(broker: Mosquitto, text: str) -> None:
    """New access rules for the running broker."""
    log = broker.folder / "log"
    before = log.read_text().count("Reloading config")
    (broker.folder / "acl").write_text(text)
    os.kill(broker._process.pid, signal.SIGHUP)
    until(lambda: log.read_text().count("Reloading config") > before)


def test_a_broker_that_delivers_nothing_is_noticed_told_and_left_no_record_behind(quick, guarded, tmp_path):
    """Its rules change, its connection lives, pings are answered; with the rules back, everything arrives."""
    boards = Boards(guarded.port, ("boards", USERS["boards"]))
    with Running(guarded.url_of("collector", USERS["collector"]), tmp_path / "data") as running:
        until(running.ready)
        connections = running.service.link.connections
        rule(guarded, DEAF)
        until(lambda: running.service.link.connections > connections, 60)
        (reason,) = running.service.health().reasons
        assert "delivered nothing" in reason and TOPIC in reason
        rule(guarded, RULES)
        until(running.ready, 60)
        boards.send(sample(0))
        until(lambda: running.readings() == 1)
    boards.close()


def test_without_a_canary_nobody_would_notice(quick, guarded, tmp_path):
    """The control: the same silence, and health says ready."""
    boards = Boards(guarded.port, ("boards", USERS["boards"]))
    url = guarded.url_of("collector", USERS["collector"])
    with Running(url, tmp_path / "data", canary=False) as running:
        until(running.ready)
        rule(guarded, DEAF)
        told = boards.send(sample(0))
        told.wait_for_publish(10)
        with pytest.raises(AssertionError):
            until(lambda: not running.ready(), 6)
        assert running.readings() == 0
    boards.close()


def test_a_quiet_school_is_left_alone(quick, guarded, tmp_path):
    """No board says anything, only the canary comes back: the connection stays."""
    with Running(guarded.url_of("collector", USERS["collector"]), tmp_path / "data") as running:
        until(running.ready)
        connections = running.service.link.connections
        with pytest.raises(AssertionError):
            until(lambda: running.service.link.connections > connections or not running.ready(), 6)
