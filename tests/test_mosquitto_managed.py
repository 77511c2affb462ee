"""The mosquitto that `campus up` runs: how it is started, kept running, and ended."""

import os
import signal
from pathlib import Path

import pytest
from broker_client import until
from managed_broker import OWN, connect, enrol, make_keys, place, running, service
from processes import free_port

from campus.boards.setup import Setup
from campus.errors import CampusError, UsageError
from collector import installed
from collector import mosquitto as module
from collector.installed import processes
from collector.mosquitto import ManagedMosquitto, answers

pytestmark = pytest.mark.mosquitto


@pytest.fixture(scope="module")
def _keys(tmp_path_factory) -> Path:
    return make_keys(tmp_path_factory.mktemp("keys") / "broker")


@pytest.fixture
def folder(_keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return place(_keys, tmp_path / "broker", monkeypatch)


@pytest.fixture
def broker(folder: Path):
    """A mosquitto with this folder, running."""
    with running(folder) as managed:
        yield managed


def back_after_a_kill(folder: Path) -> bool:
    """Whether a mosquitto that was killed answers again within some seconds."""
    with running(folder) as managed:
        (process,) = processes(folder / "mosquitto.conf")
        os.kill(process, signal.SIGKILL)
        assert until(lambda: not answers(managed.port))
        return until(lambda: answers(managed.port), 3)


def test_a_killed_mosquitto_is_back(folder: Path):
    """It is started again without anybody's help."""
    assert back_after_a_kill(folder)


def test_unwatched_it_is_not(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Control: without the watch it stays away."""
    monkeypatch.setattr(ManagedMosquitto, "_watch", lambda managed: None)
    assert not back_after_a_kill(folder)


def started_beside_a_stale_one(folder: Path) -> None:
    """Start where a process that was killed left its mosquitto behind."""
    killed = ManagedMosquitto(folder)
    killed.start()
    killed._stop.set()  # it looks after nothing any more, and ends nothing
    after = ManagedMosquitto(folder)
    try:
        after.start()
    finally:
        after.stop()
        killed.stop()


def test_a_stale_mosquitto_makes_way(folder: Path):
    """The next start ends it first."""
    started_beside_a_stale_one(folder)
    assert processes(folder / "mosquitto.conf") == []


def test_left_alone_it_would_hold_the_port(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Control: without that the start is refused."""
    monkeypatch.setattr(module, "end_stale", lambda conf: None)
    with pytest.raises(CampusError, match="Address already in use"):
        started_beside_a_stale_one(folder)


def test_retained_messages_survive_a_stop(folder: Path):
    """A clean stop saves what boards are to find: the last wish for their configuration."""
    for turn in range(2):
        with (
            running(folder) as managed,
            service(managed, "operator") as operator,
            connect(managed, "esp32-1", *enrol(managed, "esp32-1").values()) as board,
        ):
            if turn == 0:
                operator.publish(f"{OWN}/config/desired", "wish", retain=True)
            board.subscribe(f"{OWN}/config/desired")
            assert until(lambda: board.heard == [(f"{OWN}/config/desired", "wish")])


def test_without_a_setup_it_does_not_start(tmp_path: Path):
    """The way is named."""
    with pytest.raises(UsageError, match="campus init"):
        ManagedMosquitto(tmp_path).start()


def test_a_mosquitto_that_does_not_come_up_says_why(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Its own last words are the sentence, and no process is left."""
    whole = module.configuration
    monkeypatch.setattr(module, "configuration", lambda *told: whole(*told) + "nonsense 1\n")
    managed = ManagedMosquitto(folder)
    with pytest.raises(CampusError, match="mosquitto did not start: Error: Unknown configuration variable"):
        managed.start()
    assert processes(folder.absolute() / "mosquitto.conf") == []


def test_mosquitto_is_found_where_debian_keeps_it(monkeypatch: pytest.MonkeyPatch):
    """/usr/sbin is not on the path of most users; where there is none at all, the sentence says how to get it."""
    monkeypatch.setenv("PATH", "/nonexistent")
    assert installed.program().endswith("/mosquitto")
    monkeypatch.setattr(installed, "SBIN", ())
    with pytest.raises(CampusError, match=r"sudo apt install mosquitto.*port 1883, which is not needed"):
        installed.program()


def test_an_address_that_is_not_here_is_named(folder: Path):
    """With the option that mends it: another than for a port in use."""
    Setup(hosts=("localhost",), listen="203.0.113.1", port=free_port()).save(folder)
    with pytest.raises(CampusError, match=r"no such address now.*--listen"):
        ManagedMosquitto(folder).start()


def test_a_hanging_mosquitto_is_ended(broker: ManagedMosquitto, monkeypatch: pytest.MonkeyPatch):
    """One that does not answer SIGTERM is killed, so that a stop always ends."""
    monkeypatch.setattr(module, "STOP_S", 0.2)
    broker._process.send_signal(signal.SIGSTOP)  # type: ignore[union-attr]
    broker.stop()
    assert processes(broker.folder / "mosquitto.conf") == []
