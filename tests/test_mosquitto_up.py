"""`campus up` with a broker for real boards, as processes: what dies comes back, what changes takes effect."""

import os
import signal
import socket
import ssl
from pathlib import Path

import httpx
import pytest
from broker_client import Client, until
from cli import Running, campus, refused, token
from processes import free_port

from campus.boards.accounts import Accounts
from campus.boards.authority import Authority
from campus.boards.setup import Setup
from campus.cli.brokers import operator_url
from campus.settings import Settings
from collector.address import BrokerAddress
from collector.installed import processes

pytestmark = pytest.mark.mosquitto


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """A folder d after `campus init`."""
    options = ("--host", "127.0.0.1", "--listen", "127.0.0.1", "--port", free_port())
    made = campus("init", "--data", "d", *options, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    return tmp_path


def start(folder: Path) -> Running:
    running = Running("up", "--data", "d", "--http", "127.0.0.1:0", cwd=folder)
    running.told(r"Boards connect to (\S+)")
    return running


def reasons(folder: Path) -> list[str]:
    address, secret = token(folder / "d")
    answer = httpx.get(f"{address}/api/v1/health", headers={"Authorization": f"Bearer {secret}"}, timeout=10)
    return answer.json()["reasons"]


def test_it_comes_back_when_it_dies_and_when_campus_does(prepared: Path):
    """Killed, mosquitto is missed and soon back; after `campus up` is killed, the next one takes over."""
    broker = prepared / "d" / "broker"
    setup = Setup.load(broker)
    assert setup is not None
    running = start(prepared)
    try:
        assert running.told(r"Boards connect to (\S+) with TLS") == f"127.0.0.1:{setup.port}"
        assert until(lambda: reasons(prepared) == [])
        (first,) = processes(broker / "mosquitto.conf")
        password = Accounts(broker).add_board(
            "school", "esp32-1"
        )  # by another process than the one that runs it
        ca = Authority(broker).ca_pem()

        def enters() -> bool:
            try:
                with Client(setup.port, "esp32-1", password, ca=ca) as board:
                    return board.reason == "Success"
            except OSError:
                return False

        assert until(enters)
        os.kill(first, signal.SIGKILL)
        assert until(lambda: any("mosquitto ended by itself" in reason for reason in reasons(prepared)))
        assert until(enters, 15)
        assert until(lambda: reasons(prepared) == [], 15)
        (second,) = processes(broker / "mosquitto.conf")
        sick = campus("doctor", "--data", "d", cwd=prepared)
        assert sick.returncode == 0, sick.stdout
        assert f"{setup.listen}:{setup.port} answers" in sick.stdout
        running.kill()
        assert processes(broker / "mosquitto.conf") == [second]  # it outlives a killed `campus up`
        running = start(prepared)
        (third,) = processes(broker / "mosquitto.conf")
        assert third != second
        assert until(enters)
        assert running.stop() == 0
        assert until(lambda: processes(broker / "mosquitto.conf") == [])
    finally:
        running.kill()
        for left in processes(broker / "mosquitto.conf"):
            os.kill(left, signal.SIGKILL)


def test_a_new_name_takes_effect_while_it_runs(prepared: Path):
    """`campus init --host` beside a running system: mosquitto shows a certificate for the new name at once."""
    running = start(prepared)
    try:
        broker = prepared / "d" / "broker"
        ca, port = Authority(broker).ca_pem(), Setup.load(broker).port  # type: ignore[union-attr]

        def accepted() -> bool:
            context = ssl.create_default_context(cadata=ca)
            with socket.create_connection(("127.0.0.1", port)) as plain:
                try:
                    context.wrap_socket(plain, server_hostname="new.school.lan").close()
                except ssl.SSLCertVerificationError:
                    return False
            return True

        assert not accepted()
        address = BrokerAddress.parse(operator_url(Settings(data=prepared / "d")))
        with Client(address.port, address.user, address.password) as operator:
            assert (address.user, operator.reason) == ("operator", "Success")
        said = campus("init", "--data", "d", "--host", "127.0.0.1", "--host", "new.school.lan", cwd=prepared)
        assert "made     server certificate" in said.stdout
        assert until(accepted)
        assert running.stop() == 0
    finally:
        running.kill()


def test_what_keeps_it_from_starting_is_one_sentence(prepared: Path):
    """A port that is taken, a version that is too old: named, with the way out, and nothing is left running."""
    setup = Setup.load(prepared / "d" / "broker")
    assert setup is not None
    up = ("up", "--data", "d", "--http", "127.0.0.1:0")
    with socket.create_server(("127.0.0.1", setup.port)):
        said = refused(campus(*up, cwd=prepared))
    assert f"127.0.0.1:{setup.port}" in said
    assert "campus init --port" in said
    old = prepared / "old"
    old.mkdir()
    (old / "mosquitto").write_text("#!/bin/sh\necho mosquitto version 1.6.12\n")
    (old / "mosquitto").chmod(0o755)
    assert "1.6.12: mosquitto 2.0 or newer" in refused(campus(*up, cwd=prepared, PATH=f"{old}:/usr/bin:/bin"))
    assert processes(prepared / "d" / "broker" / "mosquitto.conf") == []
    assert "campus init" in refused(campus("up", "--data", "e", "--mqtt", "mosquitto", cwd=prepared))
