"""The mosquitto that `campus up` runs: who gets in over TLS, what arrives, and how it is kept in step."""

import os
import re
import shutil
import signal
import socket
import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from broker_client import Client, until
from processes import free_port

from campus.boards import accounts as accounts_module
from campus.boards.accounts import Accounts, new_password
from campus.boards.authority import Authority
from campus.boards.rights import SERVICES
from campus.boards.setup import Setup
from campus.errors import CampusError, StoreError, UsageError
from collector import installed
from collector import mosquitto as module
from collector.address import BrokerAddress
from collector.installed import processes
from collector.mosquitto import ManagedMosquitto, answers

pytestmark = pytest.mark.mosquitto
OWN = "campus/v1/school/esp32-1"
OTHER = "campus/v1/school/esp32-2"
ELSEWHERE = "campus/v1/other/esp32-1"


@pytest.fixture(autouse=True)
def _watchful(monkeypatch: pytest.MonkeyPatch):
    """Looked after more often than in earnest, where it runs in this process."""
    monkeypatch.setattr(module, "CHECK_S", 0.1)


@pytest.fixture(scope="module")
def _keys(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("keys") / "broker"
    Authority(folder).ensure(["localhost", "127.0.0.1"])
    Accounts(folder).ensure_services()
    return folder


@pytest.fixture
def folder(_keys: Path, tmp_path: Path) -> Path:
    """DIR/broker as `campus init` leaves it, listening on loopback."""
    shutil.copytree(_keys, tmp_path / "broker")
    setup = Setup(hosts=("localhost", "127.0.0.1"), listen="127.0.0.1", port=free_port())
    setup.save(tmp_path / "broker")
    return tmp_path / "broker"


@pytest.fixture
def broker(folder: Path):
    """A mosquitto with two boards of site `school`."""
    managed = ManagedMosquitto(folder)
    managed.start()
    yield managed
    managed.stop()


def enrol(managed: ManagedMosquitto, *boards: str) -> dict[str, str]:
    """Boards of site `school` that may sign in now, with their passwords."""
    passwords = {board: managed.accounts.add_board("school", board) for board in boards}
    settle(managed)
    return passwords


def settle(managed: ManagedMosquitto) -> None:
    """Wait until mosquitto knows all accounts as they are now."""
    assert until(lambda: all(each.hash in known(managed) for each in managed.accounts.boards()))
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


def test_a_board_and_the_collector_reach_each_other(broker: ManagedMosquitto):
    """What a board sends over TLS the collector hears on loopback, and back; an operator's command too."""
    passwords = enrol(broker, "esp32-1")
    with (
        connect(broker, "esp32-1", passwords["esp32-1"]) as board,
        service(broker, "collector") as collector,
        service(broker, "operator") as operator,
    ):
        assert (board.reason, collector.reason, operator.reason) == ("Success",) * 3
        collector.subscribe("campus/#")
        for leaf in ("committed", "command", "config/desired"):
            board.subscribe(f"{OWN}/{leaf}")
        operator.subscribe("campus/#")
        for leaf in ("availability", "birth", "telemetry", "reply", "config/reported"):
            board.publish(f"{OWN}/{leaf}")
        collector.publish(f"{OWN}/committed")
        operator.publish(f"{OWN}/command")
        operator.publish(f"{OWN}/config/desired")
        operator.publish(f"{OWN}/telemetry", "forged")
        operator.publish(f"{OWN}/committed", "forged")
        heard = ("availability", "birth", "config/desired", "config/reported", "reply")
        assert until(lambda: len(board.topics()) == 3 and len(collector.topics()) == 8)
        assert until(lambda: operator.topics() == [f"{OWN}/{leaf}" for leaf in heard])
        time.sleep(0.2)  # what must not come would come now
        assert "forged" not in {payload for _, payload in collector.heard + board.heard}


def test_hostile_boards_reach_and_hear_nothing(broker: ManagedMosquitto):
    """With a good password of its own a board can neither write nor read anything but its own topics."""
    passwords = enrol(broker, "esp32-1", "esp32-2")
    with (
        connect(broker, "esp32-1", passwords["esp32-1"]) as hostile,
        connect(broker, "esp32-2", passwords["esp32-2"]) as victim,
        service(broker, "collector") as collector,
    ):
        collector.subscribe("campus/#")
        victim.subscribe(f"{OTHER}/command")
        for topic in (
            "#",
            "$SYS/#",
            "$share/group/campus/#",
            f"{OTHER}/command",
            "campus/v1/+/+/command",
            "campus/v1/school/#",
            f"{ELSEWHERE}/command",
        ):
            hostile.subscribe(topic)
        for topic in (
            f"{OTHER}/telemetry",
            f"{OTHER}/command",
            f"{ELSEWHERE}/telemetry",
            f"{OWN}/committed",
            f"{OWN}/command",
            "campus/v1/school/room/a1/state",
            "campus/v1/school/service/collector/availability",
            "campus/v1/school/esp32-1",
            "elsewhere",
        ):
            hostile.publish(topic, retain=True)
        victim.publish(f"{OTHER}/telemetry")
        for topic in (f"{OTHER}/command", f"{ELSEWHERE}/command", f"{OTHER}/committed"):
            collector.publish(topic)
        hostile.publish(f"{OWN}/telemetry", "last")
        collector.publish(f"{OWN}/command", "last")
        assert until(
            lambda: (
                (f"{OWN}/telemetry", "last") in collector.heard
                and (f"{OWN}/command", "last") in hostile.heard
            )
        )
        said = {f"{OTHER}/command", f"{ELSEWHERE}/command", f"{OTHER}/committed", f"{OWN}/command"}
        assert set(collector.topics()) - said == {f"{OTHER}/telemetry", f"{OWN}/telemetry"}
        assert hostile.heard == [(f"{OWN}/command", "last")]
        assert victim.topics() == [f"{OTHER}/command"]


def test_a_board_is_bound_to_its_site(broker: ManagedMosquitto, monkeypatch: pytest.MonkeyPatch):
    """Control: where the rules leave the site open, the same board is heard in another school."""
    bound = accounts_module.rules
    passwords = enrol(broker, "esp32-1")
    with service(broker, "collector") as collector:
        collector.subscribe("campus/#")
        with connect(broker, "esp32-1", passwords["esp32-1"]) as board:
            board.publish(f"{ELSEWHERE}/telemetry", "refused")
        monkeypatch.setattr(
            accounts_module, "rules", lambda *who: [line.replace("/school/", "/+/") for line in bound(*who)]
        )
        assert until(lambda: "/+/esp32-1/" in (broker.folder / "acl").read_text())
        time.sleep(0.2)
        with connect(broker, "esp32-1", passwords["esp32-1"]) as board:
            board.publish(f"{ELSEWHERE}/telemetry", "let through")
        assert until(lambda: collector.heard)
        assert collector.heard == [(f"{ELSEWHERE}/telemetry", "let through")]


def test_a_will_is_a_publication_too(broker: ManagedMosquitto):
    """A board that names another one's topic in its will does not get in, or its will reaches nobody."""
    passwords = enrol(broker, "esp32-1")
    with service(broker, "collector") as collector:
        collector.subscribe("campus/#")
        for topic in (f"{OTHER}/availability", f"{OWN}/availability"):
            board = connect(broker, "esp32-1", passwords["esp32-1"], will=topic)
            board.break_off()
        assert until(lambda: collector.heard)
        time.sleep(0.3)
        assert collector.topics() == [f"{OWN}/availability"]


def test_strangers_do_not_get_in(broker: ManagedMosquitto):
    """Nobody, a wrong password, another board's password, and on loopback the same."""
    passwords = enrol(broker, "esp32-1", "esp32-2")
    for user, password in [
        (None, None),
        ("esp32-1", None),
        ("esp32-1", passwords["esp32-2"]),
        ("esp32-9", passwords["esp32-1"]),
        ("operator", ""),
    ]:
        for client in (connect(broker, user, password), Client(broker.port, user, password)):
            with client:
                assert client.reason == "Not authorized", user


def test_a_client_refuses_another_name_or_authority(broker: ManagedMosquitto, tmp_path: Path):
    """The handshake ends before a password is sent."""
    stranger = Authority(tmp_path / "stranger")
    stranger.ensure(["localhost"])
    context = ssl.create_default_context(cadata=broker.authority.ca_pem())
    with (
        socket.create_connection(("127.0.0.1", broker.setup.port)) as plain,
        pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"),
    ):
        context.wrap_socket(plain, server_hostname="127.0.0.2")
    with pytest.raises(ssl.SSLCertVerificationError):
        Client(broker.setup.port, "esp32-1", "x", ca=stranger.ca_pem())


def pushed_out(managed: ManagedMosquitto) -> bool:
    """Whether a board that takes another one's client id ends that one's connection."""
    passwords = enrol(managed, "esp32-1", "esp32-2")
    with (
        connect(managed, "esp32-2", passwords["esp32-2"], identity="esp32-2") as victim,
        connect(managed, "esp32-1", passwords["esp32-1"], identity="esp32-2") as hostile,
    ):
        assert hostile.reason == victim.reason == "Success"
        return victim.lost.wait(0.5)


def test_a_board_cannot_push_out_another(broker: ManagedMosquitto):
    """Its client id is its user name, whatever it says."""
    assert not pushed_out(broker)


def test_without_that_line_it_can(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Control: with the ids that clients choose the same board takes the other one's session."""
    whole = module.configuration
    monkeypatch.setattr(
        module, "configuration", lambda *told: whole(*told).replace("use_username_as_clientid true", "")
    )
    managed = ManagedMosquitto(folder)
    managed.start()
    try:
        assert pushed_out(managed)
    finally:
        managed.stop()


def test_accounts_take_effect_while_it_runs(broker: ManagedMosquitto):
    """A removed board is disconnected and stays out; a new password ends the old one; others stay connected."""
    passwords = enrol(broker, "esp32-1", "esp32-2")
    with (
        connect(broker, "esp32-1", passwords["esp32-1"]) as stays,
        connect(broker, "esp32-2", passwords["esp32-2"]) as goes,
        service(broker, "collector") as collector,
    ):
        Accounts(broker.folder).remove("esp32-2")  # as another process does
        assert goes.lost.wait(5)
        with connect(broker, "esp32-2", passwords["esp32-2"]) as again:
            assert again.reason == "Not authorized"
        assert not stays.lost.is_set()
        assert not collector.lost.is_set()
        Accounts(broker.folder).add_board("school", "esp32-1")
        assert stays.lost.wait(5)
    assert broker.problem is None


def test_a_claim_ends_with_its_time_and_with_its_first_use(broker: ManagedMosquitto):
    """After either the code opens nothing, and who came with it is disconnected."""
    short = Accounts(broker.folder).claim_board("school", "esp32-1", hours=2.5 / 3600).replace("-", "")
    used = Accounts(broker.folder).claim_board("school", "esp32-2").replace("-", "")
    settle(broker)
    with connect(broker, "esp32-1", short) as first, connect(broker, "esp32-2", used) as second:
        assert (first.reason, second.reason) == ("Success", "Success")
        lasting = new_password()
        Accounts(broker.folder).replace_password("esp32-2", lasting)
        assert second.lost.wait(5)
        assert first.lost.wait(5)
    for board, password, expected in [
        ("esp32-1", short, "Not authorized"),
        ("esp32-2", used, "Not authorized"),
        ("esp32-2", lasting, "Success"),
    ]:
        with connect(broker, board, password) as client:
            assert client.reason == expected


def back_after_a_kill(folder: Path) -> bool:
    """Whether a mosquitto that was killed answers again within some seconds."""
    managed = ManagedMosquitto(folder)
    managed.start()
    try:
        (process,) = processes(folder / "mosquitto.conf")
        os.kill(process, signal.SIGKILL)
        assert until(lambda: not answers(managed.port))
        return until(lambda: answers(managed.port), 3)
    finally:
        managed.stop()


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
        managed = ManagedMosquitto(folder)
        managed.start()
        try:
            passwords = enrol(managed, "esp32-1")
            with (
                service(managed, "operator") as operator,
                connect(managed, "esp32-1", *passwords.values()) as board,
            ):
                if turn == 0:
                    operator.publish(f"{OWN}/config/desired", "wish", retain=True)
                board.subscribe(f"{OWN}/config/desired")
                assert until(lambda: board.heard == [(f"{OWN}/config/desired", "wish")])
        finally:
            managed.stop()


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
    managed = ManagedMosquitto(folder)
    managed.start()
    try:
        assert until(lambda: managed.problem)
        assert "ca.key is gone" in str(managed.problem)
        with connect(managed, "esp32-1", *enrol(managed, "esp32-1").values()) as board:
            assert board.reason == "Success"
    finally:
        managed.stop()


def test_a_deleted_certificate_is_back(broker: ManagedMosquitto):
    """While it runs, and mosquitto shows the new one."""
    first = shown(broker)
    broker.authority.server_file.unlink()
    assert until(lambda: shown(broker) != first)
    assert broker.problem is None


def shown(managed: ManagedMosquitto) -> bytes:
    """The certificate that mosquitto shows now."""
    context = ssl.create_default_context(cadata=managed.authority.ca_pem())
    with (
        socket.create_connection(("127.0.0.1", managed.setup.port)) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        return secure.getpeercert(binary_form=True) or b""


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


def test_services_of_the_server_use_loopback_only(broker: ManagedMosquitto):
    """Their listener is closed on every other address; its port and passwords are not told to other users."""
    assert BrokerAddress.parse(broker.url()).host == "127.0.0.1"
    for line in (broker.folder / "mosquitto.conf").read_text().splitlines():
        if line.startswith("listener") and not line.endswith(" 127.0.0.1"):
            raise AssertionError(line)
    for name in SERVICES:
        assert (broker.folder / f"{name}.password").stat().st_mode & 0o077 == 0


def test_an_address_that_is_not_here_is_named(folder: Path):
    """With the option that mends it: another than for a port in use."""
    Setup(hosts=("localhost",), listen="203.0.113.1", port=free_port()).save(folder)
    with pytest.raises(CampusError, match=r"no such address now.*--listen"):
        ManagedMosquitto(folder).start()


def taken_of_a_stranger(managed: ManagedMosquitto) -> int:
    """How much of one packet of 200 MB mosquitto takes from a client that never signed in; bytes, at most 8 MiB."""
    context = ssl.create_default_context(cadata=managed.authority.ca_pem())
    with (
        socket.create_connection(("127.0.0.1", managed.setup.port), 10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        sent = 0
        try:
            secure.sendall(b"\x10\xff\xff\xff\x5f")  # CONNECT
            while sent < 8 * 2**20:
                secure.sendall(bytes(2**16))
                sent += 2**16
                time.sleep(0.005)
        except OSError:
            pass
        return sent


def test_a_stranger_cannot_fill_the_memory(broker: ManagedMosquitto):
    """Who has not signed in is cut off at the first sign of a packet that no board sends."""
    assert taken_of_a_stranger(broker) < 4 * 2**20


def without(folder: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> ManagedMosquitto:
    """A broker whose configuration lacks these lines, started."""
    whole = module.configuration

    def fewer(*told) -> str:
        lines = whole(*told).splitlines()
        return "\n".join(line for line in lines if not line.startswith(options)) + "\n"

    monkeypatch.setattr(module, "configuration", fewer)
    managed = ManagedMosquitto(folder)
    managed.start()
    return managed


def test_without_a_limit_it_can(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Control: mosquitto by itself takes all of it."""
    managed = without(folder, monkeypatch, "max_packet_size")
    try:
        assert taken_of_a_stranger(managed) == 8 * 2**20
    finally:
        managed.stop()


def kept_for_an_absent_collector(managed: ManagedMosquitto) -> int:
    """How many MiB of one board's largest messages wait for a collector that is away; 160 are sent."""
    address = BrokerAddress.parse(managed.url())
    absent = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "collector", clean_session=False)
    absent.username_pw_set(address.user, address.password)
    absent.connect("127.0.0.1", managed.port)
    absent.subscribe("campus/#", 1)
    absent.loop_start()
    assert until(absent.is_connected)
    time.sleep(0.2)
    absent.disconnect()
    absent.loop_stop()
    with connect(managed, "esp32-1", *enrol(managed, "esp32-1").values()) as board:
        for _ in range(160 * 8):
            board._client.publish(f"{OWN}/telemetry", "x" * 2**17, 1)
        board.publish(f"{OWN}/birth", "last")
    (process,) = processes(managed.folder / "mosquitto.conf")
    resident = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    assert resident is not None
    return int(resident[1]) // 1024


def test_a_board_cannot_fill_the_memory(broker: ManagedMosquitto):
    """While the collector is away what waits for it is bounded in bytes, not in messages alone."""
    assert kept_for_an_absent_collector(broker) < 155


def test_without_that_bound_it_can(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Control: all of it is kept."""
    managed = without(folder, monkeypatch, "max_queued_bytes", "max_inflight_bytes")
    try:
        assert kept_for_an_absent_collector(managed) > 160
    finally:
        managed.stop()


def test_a_hanging_mosquitto_is_ended(broker: ManagedMosquitto, monkeypatch: pytest.MonkeyPatch):
    """One that does not answer SIGTERM is killed, so that a stop always ends."""
    monkeypatch.setattr(module, "STOP_S", 0.2)
    broker._process.send_signal(signal.SIGSTOP)  # type: ignore[union-attr]
    broker.stop()
    assert processes(broker.folder / "mosquitto.conf") == []
