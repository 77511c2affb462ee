"""The embedded broker: loopback, a password per user, everyone to its own topics."""

import socket
import threading

import pytest
from broker_client import Client, until

from campus.boards.rights import COLLECTOR, allowed
from campus.errors import StoreError
from collector.broker import EmbeddedBroker, load_secret, password

TELEMETRY = "campus/v1/school/esp32-1/telemetry"


@pytest.fixture
def broker():
    embedded = EmbeddedBroker(bytes(32))
    embedded.start()
    yield embedded
    embedded.stop()


def connect(broker: EmbeddedBroker, user: str) -> Client:
    return Client(broker.port, *broker.credential(user))


def test_only_a_users_own_password_opens(broker: EmbeddedBroker):
    """A wrong password, another user's password and no name at all are refused."""
    for user, secret, expected in [
        (*broker.credential("esp32-1"), "Success"),
        ("esp32-1", broker.credential("esp32-2")[1], "Not authorized"),
        ("esp32-1", "", "Not authorized"),
        (None, None, "Not authorized"),
    ]:
        with Client(broker.port, user, secret) as client:
            assert client.reason == expected


def test_a_board_reaches_its_own_topics_only(broker: EmbeddedBroker):
    """What a board publishes as another board reaches nobody, and it hears nobody else's telemetry."""
    with connect(broker, COLLECTOR) as collector, connect(broker, "esp32-1") as board:
        collector.subscribe("campus/v1/+/+/telemetry")
        board.subscribe("campus/v1/#")
        board.subscribe("campus/v1/school/esp32-1/committed")
        board.publish("campus/v1/school/esp32-2/telemetry", "forged")
        board.publish(TELEMETRY, "own")
        assert until(lambda: collector.heard)
        collector.publish("campus/v1/school/esp32-1/committed", "{}")
        assert until(lambda: board.heard)
    assert collector.topics() == [TELEMETRY]
    assert board.topics() == ["campus/v1/school/esp32-1/committed"]


def test_it_listens_on_loopback_only(broker: EmbeddedBroker):
    """The port is closed on every other address of this machine."""
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {
        "127.0.0.1"
    }
    for address in others:
        if not address.startswith("127."):
            with pytest.raises(OSError), socket.create_connection((address, broker.port), timeout=1):
                pass
    with socket.create_connection(("127.0.0.1", broker.port), timeout=10):
        pass


@pytest.mark.parametrize(
    ("user", "topic", "action", "may"),
    [
        ("b1", "campus/v1/s/b1/telemetry", "publish", True),
        ("b1", "campus/v1/s/b1/config/reported", "publish", True),
        ("b1", "campus/v1/s/b1/committed", "publish", False),
        ("b1", "campus/v1/s/b1/committed", "subscribe", True),
        ("b1", "campus/v1/s/b1/telemetry", "subscribe", False),
        ("b1", "campus/v1/s/b2/committed", "subscribe", False),
        ("b1", "campus/v1/+/b1/committed", "subscribe", False),
        ("b1", "campus/v1/s/b1/#", "subscribe", False),
        ("b1", "campus/v1/s/room/b1/state", "publish", False),
        ("collector", "campus/v1/s/b1/committed", "publish", True),
        ("collector", "$SYS/broker/version", "subscribe", False),
        ("operator", "campus/v1/s/b1/command", "publish", True),
        ("operator", "campus/v1/s/b1/config/desired", "publish", True),
        ("operator", "campus/v1/s/b1/telemetry", "publish", False),
        ("operator", "campus/v1/+/+/reply", "subscribe", True),
        ("operator", "campus/v1/s/b1/birth", "subscribe", True),
        ("operator", "campus/v1/s/b1/telemetry", "subscribe", False),
        ("operator", "campus/v1/s/room/a1/state", "subscribe", False),
        ("operator", "campus/#", "subscribe", False),
    ],
)
def test_the_access_rules(user: str, topic: str, action: str, may: bool):
    """A board writes its own five topics and reads its own three; operators command and read answers."""
    assert allowed(user, topic, writes=action == "publish") is may


def test_the_secret_is_made_once_and_kept_private(tmp_path):
    """Generated at first use, the same afterwards, readable by its owner only, different per folder."""
    first = load_secret(tmp_path / "a")
    assert load_secret(tmp_path / "a") == first
    assert load_secret(tmp_path / "b") != first
    assert (tmp_path / "a").stat().st_mode & 0o077 == 0
    assert password(first, "b1") != password(first, "b2")


def test_a_spoilt_secret_says_what_to_do(tmp_path):
    """A file that is not the secret is named, with the way out."""
    (tmp_path / "a").write_text("not hex")
    with pytest.raises(StoreError, match="Delete the file"):
        load_secret(tmp_path / "a")


def crowd(broker: EmbeddedBroker) -> tuple[int, list[str]]:
    """30 boards connect, subscribe and publish at once; what the collector heard, the errors."""
    errors: list[str] = []
    broker._loop.set_exception_handler(lambda loop, context: errors.append(repr(context.get("exception"))))

    def board(name: str) -> None:
        with connect(broker, name) as client:
            client.subscribe(f"campus/v1/school/{name}/committed")
            for _ in range(2):
                client.publish(f"campus/v1/school/{name}/telemetry")

    boards = [threading.Thread(target=board, args=(f"esp32-{i}",)) for i in range(30)]
    with connect(broker, COLLECTOR) as collector:
        collector.subscribe("campus/v1/+/+/telemetry")
        for thread in boards:
            thread.start()
        for thread in boards:
            thread.join()
        until(lambda: errors or len(collector.heard) == 60)
    return len(collector.heard), errors


def test_boards_that_come_at_once_are_all_heard(broker: EmbeddedBroker):
    """Nothing breaks in the broker while others subscribe, and every message arrives."""
    assert crowd(broker) == (60, [])


def test_without_steady_loops_they_are_not(broker: EmbeddedBroker):
    """Control: with a plain dict of subscriptions the same crowd breaks the broker's loops."""
    broker._broker._subscriptions = dict(broker._broker._subscriptions)  # type: ignore[union-attr]
    for _ in range(5):
        _, errors = crowd(broker)
        if errors:
            break
    assert any("changed size during iteration" in error for error in errors)
