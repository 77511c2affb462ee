"""The mosquitto that `campus up` runs: certificates renewed, accounts and keys that are spoilt or lost."""

import socket
import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from broker_client import until
from managed_broker import connect, enrol, make_keys, place, running

from campus.boards.authority import Authority
from campus.errors import StoreError
from collector.mosquitto import ManagedMosquitto

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


def shown(managed: ManagedMosquitto) -> bytes:
    """The certificate that mosquitto shows now."""
    context = ssl.create_default_context(cadata=managed.authority.ca_pem())
    with (
        socket.create_connection(("127.0.0.1", managed.setup.port)) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        return secure.getpeercert(binary_form=True) or b""


def test_the_certificate_is_renewed_in_time(folder: Path):
    """One that is near its end is renewed at the start, and once a day while it runs; mosquitto shows the new one."""
    old = Authority(folder, lambda: datetime.now(UTC) - timedelta(days=700))
    old.ensure(["localhost", "127.0.0.1", "old"])
    clock = [0.0]
    managed = ManagedMosquitto(folder, lambda: time.monotonic() + clock[0])
    managed.start()
    try:
        first = shown(managed)
        assert managed.authority.days_left() > 700
        old.ensure(["localhost", "127.0.0.1", "old"])  # nearly ended once more
        assert until(lambda: shown(managed) != first)
        ended = shown(managed)
        clock[0] = 25 * 3600.0
        assert until(lambda: shown(managed) not in (first, ended))
        assert managed.authority.days_left() > 700
    finally:
        managed.stop()


def test_a_start_does_not_fail_before_the_certificate_does(folder: Path):
    """With the authority's key lost and some days left boards are served and let in, and what is wrong is said."""
    Authority(folder, lambda: datetime.now(UTC) - timedelta(days=700)).ensure(["localhost", "127.0.0.1", "x"])
    (folder / "ca.key").unlink()
    with running(folder) as managed:
        assert until(lambda: managed.problem)
        assert "ca.key is gone" in str(managed.problem)
        with connect(managed, "esp32-1", *enrol(managed, "esp32-1").values()) as board:
            assert board.reason == "Success"


def test_a_deleted_certificate_is_back(broker: ManagedMosquitto):
    """While it runs, and mosquitto shows the new one."""
    first = shown(broker)
    broker.authority.server_file.unlink()
    assert until(lambda: shown(broker) != first)
    assert broker.problem is None


def test_a_spoilt_account_file_is_a_reason_and_mosquitto_goes_on(broker: ManagedMosquitto):
    """Boards that are known stay connected; put right again, the reason is gone."""
    passwords = enrol(broker, "esp32-1")
    file = broker.folder / "accounts.json"
    good = file.read_bytes()
    with connect(broker, "esp32-1", passwords["esp32-1"]) as board:
        file.write_bytes(b"{")
        assert until(lambda: broker.problem)
        assert "accounts.json" in str(broker.problem)
        assert not board.lost.is_set()
        file.write_bytes(good)
        assert until(lambda: broker.problem is None)


def test_a_lost_account_file_shuts_nobody_out(broker: ManagedMosquitto, caplog: pytest.LogCaptureFixture):
    """It is said once in the log, and is no reason to forget the boards that are known."""
    passwords = enrol(broker, "esp32-1")
    (broker.folder / "accounts.json").unlink()
    assert until(lambda: broker.problem)
    time.sleep(0.5)
    assert sum("accounts.json is gone" in record.message for record in caplog.records) == 1
    with connect(broker, "esp32-1", passwords["esp32-1"]) as board:
        assert board.reason == "Success"


@pytest.mark.parametrize("name", ["ca.pem", "update.key", "accounts.json"])
def test_a_lost_key_is_not_made_anew_by_a_start(folder: Path, name: str):
    """It would shut every board out, or make every update refused, without a word: a person decides."""
    (folder / name).unlink()
    with pytest.raises(StoreError, match="bring it back from a backup"):
        ManagedMosquitto(folder).start()
    assert not (folder / name).exists()
