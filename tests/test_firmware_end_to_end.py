"""The board's own program on a real MicroPython with an ESP32's heap, against a real mosquitto."""

import json
import re
from pathlib import Path

import pytest
from firmware_collector import SmallCollector, wait_for
from servers import Mosquitto

ROOT = Path(__file__).resolve().parent.parent
SHIMS = ROOT / "tests" / "board_shims"
RIGHTS = ROOT / "collector" / "mosquitto.acl"
HEAP_KIB = 96  # as a 32-bit ESP32 counts
SENSORS = [
    {"kind": "pir", "pin": 27, "points": {"motion": {"max_interval_ms": 1000}}},
    {"kind": "scd4x", "sda": 21, "scl": 22, "points": {"co2_ppm": {"min_interval_ms": 0}}},
]


class Board:
    """A folder as a board's flash and a MicroPython that runs main.py in it."""

    path = (SHIMS, ROOT / "firmware", ROOT)  # where its MicroPython looks for modules

    def __init__(self, folder, micropython, server, **config):
        self.folder = folder
        self._micropython = micropython
        self._process = None
        address = {"host": server.host, "port": server.port}
        config = {
            "site": "demo",
            "broker": address,
            "sensors": SENSORS,
            "sample_ms": 50,
            "resend_ms": 1000,
            **config,
        }
        (folder / "config.json").write_text(json.dumps(config))
        self.world(scd4x_ms=60)

    def config(self, **keys):
        """Change keys of its config.json, as a person with a cable does."""
        file = self.folder / "config.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **keys}))

    def nvs(self, **texts):
        """Put texts in its chip's NVS."""
        file = self.folder / "nvs.json"
        held = json.loads(file.read_text())["campus"] if file.exists() else {}
        file.write_text(json.dumps({"campus": {**held, **texts}}))

    def world(self, **world):
        """What its sensors and its radio meet from now on."""
        fresh = self.folder / "world.new"
        fresh.write_text(json.dumps(world))
        fresh.rename(self.folder / "world.json")

    def start(self, program=ROOT / "firmware" / "main.py"):
        self._log = (self.folder / "log").open("a")
        self._process = self._micropython.start(
            [program],
            cwd=self.folder,
            heap_kib=HEAP_KIB,
            path=self.path,
            stdout=self._log,
            stderr=self._log,
        )

    def stop(self):
        """Ctrl-C; (records kept, dropped) as the program says itself."""
        self.world(ctrl_c=True)
        assert self._process.wait(30) == 0, self.log()
        kept, dropped = re.findall(r"stopped: (\d+) records kept, (\d+) dropped", self.log())[-1]
        return int(kept), int(dropped)

    def cut(self):
        self._process.kill()
        self._process.wait(30)

    def log(self):
        return (self.folder / "log").read_text()


@pytest.fixture
def board(tmp_path, micropython, mosquitto):
    folder = tmp_path / "flash"
    folder.mkdir()
    return Board(folder, micropython, mosquitto)


def co2_of(records):
    """The CO2 values in order of the records' numbers."""
    return [
        values["co2_ppm"] for _, (_, values) in sorted(records.items()) if values.get("co2_ppm") is not None
    ]


def co2_values(stored):
    """The valid CO2 values of a closed store, in order of their times."""
    return [value for _, value, _ in stored["co2_ppm"] if value is not None]


def every_measurement(values):
    return values == [400 + 25 * n for n in range(len(values))]


def test_every_reading_arrives_through_a_restart_and_a_kill_of_the_broker(board, mosquitto):
    """The collector ends with each of the board's records, none missing, and the board's outbox empty."""
    with SmallCollector(mosquitto) as collector:
        board.start()
        collector.until(lambda: collector.records() > 30, "30 records")
        mosquitto.restart()
        through_restart = collector.records() + 30
        collector.until(lambda: collector.records() > through_restart, "records after the restart")
        mosquitto.kill()
        mosquitto.start()
        through_kill = collector.records() + 30
        collector.until(lambda: collector.records() > through_kill, "records after the kill")
        board.world(scd4x_ms=3600000)  # it measures nothing more, so that the outbox can drain
        (records,) = collector.stored.values()
        collector.until(lambda: sorted(records) == list(range(len(records))), "the records in between")
        last = len(records) + 4
        collector.until(lambda: len(records) > last, "a few more reports of motion")
        kept, dropped = board.stop()
        collector.until(lambda: collector.states()[-1] == "offline", "the farewell")
    print(f"{len(records)} records, {collector.duplicates} sent again, log: {board.log()}")
    assert dropped == 0
    assert kept <= 2, board.log()  # the last of them, not answered before the farewell
    assert sorted(records) == list(range(len(records)))
    assert every_measurement(co2_of(records))


def test_a_board_resends_what_the_collector_lost_after_the_broker_acknowledged_it(board, mosquitto):
    """20 messages that got their PUBACK and were then lost are sent again, because nobody said `committed`."""
    with SmallCollector(mosquitto, lose=20) as collector:
        board.start()
        collector.until(lambda: collector.records() > 40, "40 records")
        (records,) = collector.stored.values()
        collector.until(lambda: sorted(records) == list(range(len(records))), "what was lost")
        board.stop()
    assert collector.lost >= 20
    assert every_measurement(co2_of(records))


def test_control_an_outbox_that_frees_on_puback_loses_what_the_collector_lost(board, mosquitto):
    """The same loss with the defect put back: the records are gone, so the test above can fail."""
    with SmallCollector(mosquitto, lose=20) as collector:
        board.start(SHIMS / "frees_on_puback.py")
        collector.until(lambda: collector.records() > 40, "40 records")
        board.stop()
    (records,) = collector.stored.values()
    assert not every_measurement(co2_of(records))
    assert min(records) >= 20


def test_a_long_outage_costs_the_oldest_records_and_they_are_counted(tmp_path, micropython, mosquitto):
    """A board with room for 8 records keeps the newest; what it dropped is what is missing, and `low` says so."""
    board = Board(tmp_path, micropython, mosquitto, outbox_records=8)
    with SmallCollector(mosquitto) as collector:
        board.start()
        collector.until(lambda: collector.records() > 10, "records")
        mosquitto.stop()
        collector.until(lambda: board.log().count("mqtt:") > 2, "attempts to reach the broker")
        mosquitto.start()
        more = collector.records() + 20
        collector.until(lambda: collector.records() > more, "records after the outage")
        _, dropped = board.stop()
        collector.until(lambda: collector.states()[-1] == "offline", "the farewell")
    (records,) = collector.stored.values()
    missing = set(range(max(records))) - set(records)
    assert 0 < len(missing) <= dropped <= len(missing) + 8  # up to 8 had arrived, and the board was not told
    assert collector.seen["telemetry"][-1].low > max(missing)


def test_motion_is_reported_at_once_and_its_end_too(board, mosquitto):
    """A rising edge ends the pause between two samples, however long that is."""
    config = json.loads((board.folder / "config.json").read_text())
    (board.folder / "config.json").write_text(
        json.dumps({**config, "sample_ms": 60000, "sensors": SENSORS[:1]})
    )
    with SmallCollector(mosquitto) as collector:
        board.start()
        collector.until(lambda: collector.records() == 1, "the first sample")
        board.world(pins={"27": 1})
        collector.until(lambda: collector.records() == 2, "the motion, within the pause of a minute")
        board.stop()
    (records,) = collector.stored.values()
    assert [values["motion"] for _, values in records.values()] == [0, 1]


def test_a_power_cut_says_lost_and_begins_a_new_boot(board, mosquitto):
    """The will speaks for a board that is gone, and no boot id ever repeats."""
    with SmallCollector(mosquitto) as collector:
        for boots in (1, 2, 3):
            board.start()
            collector.until(lambda n=boots: len(collector.stored) == n, "telemetry of this boot")
            board.cut()
            collector.until(lambda: collector.states()[-1] == "lost", "the will")
    boots = list(dict.fromkeys(each.boot for each in collector.seen["birth"]))
    assert len(boots) == 3
    assert boots == sorted(boots)
    assert [each.boot for each in collector.seen["availability"] if each.state == "lost"] == boots


def test_a_board_signs_in_and_has_the_rights_it_needs(tmp_path, micropython):
    """Under the tree's access rules its records are committed; with a wrong password it says so and tries on."""
    name = "esp32-a0b1c2d3e4f5"
    users = {"collector": "made-up-1", name: "made-up-2"}
    with Mosquitto(tmp_path / "mosquitto", users=users, acl=RIGHTS.read_text()) as broker:
        address = {"host": broker.host, "port": broker.port, "user": name}
        board = Board(tmp_path, micropython, broker, broker={**address, "password": "made-up-2"})
        with SmallCollector(broker, "collector", "made-up-1") as collector:
            board.start()
            collector.until(
                lambda: collector.seen["telemetry"] and collector.seen["telemetry"][-1].low > 0,
                "a message that shows that older records were freed",
            )
            board.stop()
            collector.until(lambda: collector.states()[-1] == "offline", "the farewell")
        board = Board(tmp_path, micropython, broker, broker={**address, "password": "made-up-3"})
        board.start()
        wait_for(lambda: board.log().count("user or password is wrong") == 2, "two refusals")


def test_the_wifi_is_left_alone_while_the_broker_is_away(tmp_path, micropython, mosquitto):
    """Joining happens once: a broker that goes and comes back costs no Wi-Fi."""
    board = Board(tmp_path, micropython, mosquitto, wifi={"ssid": "school", "password": "made-up-word"})
    with SmallCollector(mosquitto) as collector:
        board.start()
        collector.until(lambda: collector.records() > 10, "records")
        mosquitto.stop()
        mosquitto.start()
        more = collector.records() + 10
        collector.until(lambda: collector.records() > more, "records after the broker's return")
        board.stop()
    assert (tmp_path / "wifi.log").read_text().count("connect school") == 1


def test_a_sensor_that_fails_is_null_with_its_reason_and_comes_back(board, mosquitto):
    """Unplugged, corrupt and warming up are told apart on the wire; no value is made up."""
    with SmallCollector(mosquitto) as collector:

        def reasons():
            return {each.why.get("co2_ppm") for each in collector.seen["telemetry"]}

        board.world(scd4x_ms=60, scd4x="unplugged")
        board.start()
        collector.until(lambda: {"warmup", "failed"} <= reasons(), "the failure")
        board.world(scd4x_ms=60)
        (records,) = collector.stored.values()
        collector.until(lambda: len(co2_of(records)) > 5, "measurements of the sensor plugged in")
        board.world(scd4x_ms=60, scd4x="corrupt")
        collector.until(lambda: "crc" in reasons(), "the wrong checksum")
        board.stop()
    assert every_measurement(co2_of(records))


def test_a_broken_config_is_one_sentence(board):
    """Without a usable config.json the program says what is wrong and ends."""
    (board.folder / "config.json").write_text('{"site": "demo", "broker": {"host": "x", "port": "1883"}}')
    board.start()
    board._process.wait(30)
    assert board.log() == "config.json: broker.port has to be a whole number from 1 to 65535\n"
