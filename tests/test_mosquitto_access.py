"""The mosquitto that `campus up` runs: who gets in over TLS, and what arrives where."""

import socket
import ssl
import time
from pathlib import Path

import pytest
from broker_client import Client, until
from managed_broker import OWN, connect, enrol, make_keys, place, running, service, settle

from campus.boards import accounts as accounts_module
from campus.boards.accounts import Accounts, new_password
from campus.boards.authority import Authority
from campus.boards.rights import SERVICES
from collector import mosquitto as module
from collector.address import BrokerAddress
from collector.mosquitto import ManagedMosquitto

pytestmark = pytest.mark.mosquitto
OTHER = "campus/v1/school/esp32-2"
ELSEWHERE = "campus/v1/other/esp32-1"


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


def pushed_out(managed: ManagedMosquitto, within_s: float) -> bool:
    """Whether a board that takes another one's client id ends that one's connection."""
    passwords = enrol(managed, "esp32-1", "esp32-2")
    with (
        connect(managed, "esp32-2", passwords["esp32-2"], identity="esp32-2") as victim,
        connect(managed, "esp32-1", passwords["esp32-1"], identity="esp32-2") as hostile,
    ):
        assert hostile.reason == victim.reason == "Success"
        return victim.lost.wait(within_s)


def test_a_board_cannot_push_out_another(broker: ManagedMosquitto):
    """Its client id is its user name, whatever it says."""
    assert not pushed_out(broker, 0.5)


def test_without_that_line_it_can(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Control: with the ids that clients choose the same board takes the other one's session."""
    whole = module.configuration
    monkeypatch.setattr(
        module, "configuration", lambda *told: whole(*told).replace("use_username_as_clientid true", "")
    )
    with running(folder) as managed:
        assert pushed_out(managed, 30)


def test_accounts_take_effect_while_it_runs(broker: ManagedMosquitto):
    """A removed board is disconnected and stays out; a new password ends the old one; others stay connected."""
    passwords = enrol(broker, "esp32-1", "esp32-2")
    with (
        connect(broker, "esp32-1", passwords["esp32-1"]) as stays,
        connect(broker, "esp32-2", passwords["esp32-2"]) as goes,
        service(broker, "collector") as collector,
    ):
        Accounts(broker.folder).remove("esp32-2")  # as another process does
        assert goes.lost.wait(30)
        with connect(broker, "esp32-2", passwords["esp32-2"]) as again:
            assert again.reason == "Not authorized"
        assert not stays.lost.is_set()
        assert not collector.lost.is_set()
        Accounts(broker.folder).add_board("school", "esp32-1")
        assert stays.lost.wait(30)
    assert broker.problem is None


def test_a_claim_ends_with_its_time_and_with_its_first_use(broker: ManagedMosquitto):
    """After either the code opens nothing, and who came with it is disconnected."""
    short = Accounts(broker.folder).claim_board("school", "esp32-1", hours=6 / 3600).replace("-", "")
    used = Accounts(broker.folder).claim_board("school", "esp32-2").replace("-", "")
    settle(broker)
    with connect(broker, "esp32-1", short) as first, connect(broker, "esp32-2", used) as second:
        assert (first.reason, second.reason) == ("Success", "Success")
        lasting = new_password()
        Accounts(broker.folder).replace_password("esp32-2", lasting)
        assert second.lost.wait(30)
        assert first.lost.wait(30)
    for board, password, expected in [
        ("esp32-1", short, "Not authorized"),
        ("esp32-2", used, "Not authorized"),
        ("esp32-2", lasting, "Success"),
    ]:
        with connect(broker, board, password) as client:
            assert client.reason == expected


def test_services_of_the_server_use_loopback_only(broker: ManagedMosquitto):
    """Their listener is closed on every other address; its port and passwords are not told to other users."""
    assert BrokerAddress.parse(broker.url()).host == "127.0.0.1"
    for line in (broker.folder / "mosquitto.conf").read_text().splitlines():
        if line.startswith("listener") and not line.endswith(" 127.0.0.1"):
            raise AssertionError(line)
    for name in SERVICES:
        assert (broker.folder / f"{name}.password").stat().st_mode & 0o077 == 0
