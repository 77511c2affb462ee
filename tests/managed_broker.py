"""The mosquitto of `campus up` on loopback, for tests: its folder, its boards of site `school`, and who connects."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from broker_client import Client, until
from processes import free_port

from campus.boards.accounts import Accounts
from campus.boards.authority import Authority
from campus.boards.rights import BOARD, FOREIGN
from campus.boards.setup import Setup
from collector import mosquitto as module
from collector.address import BrokerAddress
from collector.mosquitto import ManagedMosquitto

OWN = "campus/v1/school/esp32-1"


def make_keys(folder: Path) -> Path:
    """DIR/broker with all keys and the services' accounts; making the keys takes long."""
    Authority(folder).ensure(["localhost", "127.0.0.1"])
    Accounts(folder).ensure_services()
    return folder


def place(keys: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of such a folder as `campus init` leaves it. Its mosquitto is looked after more often than in earnest."""
    monkeypatch.setattr(module, "CHECK_S", 0.1)
    shutil.copytree(keys, folder)
    Setup(hosts=("localhost", "127.0.0.1"), listen="127.0.0.1", port=free_port()).save(folder)
    return folder


@contextmanager
def running(folder: Path) -> Iterator[ManagedMosquitto]:
    managed = ManagedMosquitto(folder)
    managed.start()
    try:
        yield managed
    finally:
        managed.stop()


def enrol(managed: ManagedMosquitto, *boards: str) -> dict[str, str]:
    """Boards of site `school` that may sign in now, with their passwords."""
    passwords = {board: managed.accounts.add_board("school", board) for board in boards}
    settle(managed)
    return passwords


def settle(managed: ManagedMosquitto) -> None:
    """Wait until mosquitto knows all accounts as they are now."""
    everyone = managed.accounts.boards((BOARD, FOREIGN))
    assert until(lambda: all(each.hash in known(managed) for each in everyone))
    time.sleep(0.2)  # it reads the files at once, and says nothing


def known(managed: ManagedMosquitto) -> str:
    return (managed.folder / "passwords").read_text()


def connect(managed: ManagedMosquitto, user=None, password=None, **more) -> Client:
    """Over TLS, as a board does."""
    return Client(managed.setup.port, user, password, ca=managed.authority.ca_pem(), **more)


def service(managed: ManagedMosquitto, name: str) -> Client:
    """On loopback, as this server's own programs do."""
    address = BrokerAddress.parse(managed.url(name))
    return Client(address.port, address.user, address.password)
