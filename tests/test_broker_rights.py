"""The access rules of collector/mosquitto.acl, on a real mosquitto with the tree's own configuration."""

import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from broker_client import Client, until
from servers import Mosquitto

from campus.boards.rights import BOARD, FOREIGN, READS, WRITES, rules

ACL = (Path(__file__).parents[1] / "collector" / "mosquitto.acl").read_text()
USERS = {"collector": "c", "simulator": "s", "esp32-1": "one", "esp32-2": "two"}
MAY = [
    ("esp32-1", "campus/v1/school/esp32-1/telemetry", True),
    ("esp32-1", "campus/v1/school/esp32-1/config/reported", True),
    ("esp32-1", "campus/v1/school/esp32-2/telemetry", False),
    ("esp32-1", "campus/v1/school/esp32-1/committed", False),
    ("esp32-1", "campus/v1/school/room/esp32-1/state", False),
    ("simulator", "campus/v1/demo/esp32-9/telemetry", True),
    ("simulator", "campus/v1/school/esp32-1/telemetry", False),
    ("collector", "campus/v1/school/esp32-1/committed", True),
]


def test_a_boards_rules_are_those_of_the_one_table():
    """What docker-compose's mosquitto allows a board is what the program's own brokers allow it."""
    told = [line for line in ACL.splitlines() if line.startswith("pattern")]
    assert told == [
        *(f"pattern write campus/v1/+/%u/{leaf}" for leaf in WRITES[BOARD]),
        *(f"pattern read campus/v1/+/%u/{leaf}" for leaf in READS[BOARD]),
        *(line.replace("topic", "pattern") for line in rules(FOREIGN, "+", "%u")[1:]),
    ]


@pytest.mark.mosquitto
def test_everyone_reaches_its_own_topics_only(tmp_path: Path):
    """Of all that is published, the collector hears exactly what the rules allow; a board hears only itself."""
    broker = Mosquitto(tmp_path, users=USERS, acl=ACL)
    broker.start()
    try:
        with ExitStack() as stack:
            clients = {
                user: stack.enter_context(Client(broker.port, user, password, identity=user))
                for user, password in USERS.items()
            }
            collector, board = clients["collector"], clients["esp32-2"]
            collector.subscribe("campus/#")
            board.subscribe("campus/#")
            for user, topic, _ in MAY:
                clients[user].publish(topic)
            collector.publish("campus/v1/school/esp32-2/command")
            wanted = sorted([topic for _, topic, may in MAY if may] + ["campus/v1/school/esp32-2/command"])
            until(lambda: len(collector.heard) >= len(wanted) and board.heard)
            time.sleep(0.3)  # what must not come would come now
    finally:
        broker.stop()
    assert sorted(topic for topic, _ in collector.heard) == wanted
    assert [topic for topic, _ in board.heard] == ["campus/v1/school/esp32-2/command"]
