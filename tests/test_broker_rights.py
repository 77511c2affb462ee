"""The access rules of collector/mosquitto.acl, on a real mosquitto with the tree's own configuration."""

import time
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
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
    clients = {}
    try:
        for user, password in USERS.items():
            clients[user] = client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=user)
            client.username_pw_set(user, password)
            client.connect(broker.host, broker.port)
            client.loop_start()
        heard: list[str] = []
        clients["collector"].on_message = lambda c, u, m: heard.append(m.topic)
        clients["collector"].subscribe("campus/#", 1)
        overheard: list[str] = []
        clients["esp32-2"].on_message = lambda c, u, m: overheard.append(m.topic)
        clients["esp32-2"].subscribe("campus/#", 1)
        time.sleep(0.5)
        for user, topic, _ in MAY:
            clients[user].publish(topic, "x", 1).wait_for_publish(5)
        clients["collector"].publish("campus/v1/school/esp32-2/command", "x", 1).wait_for_publish(5)
        wanted = sorted([topic for _, topic, may in MAY if may] + ["campus/v1/school/esp32-2/command"])
        deadline = time.monotonic() + 5
        while (len(heard) < len(wanted) or not overheard) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.3)  # what must not come would come now
    finally:
        for client in clients.values():
            client.loop_stop()
        broker.stop()
    assert sorted(heard) == wanted
    assert overheard == ["campus/v1/school/esp32-2/command"]
