"""Home Assistant finds rooms and boards by itself: its discovery messages, what they read, and who may read it."""

import json
from dataclasses import replace
from pathlib import Path

import jinja2
import pytest
from broker_client import until
from cli import campus, refused
from managed_broker import connect, enrol, make_keys, place, running, service, settle
from test_collector_rooms_mqtt import Running, inventory, retained

from campus.boards.accounts import Accounts
from campus.boards.rights import READER
from campus.boards.setup import Setup
from campus.cli.system import System
from campus.errors import UsageError
from campus.live import RoomState
from campus.records import open_records
from campus.records.entities import Board, Room
from campus.records.inventory import Inventory
from campus.settings import Settings
from campus.wire.lifecycle import encode_availability, encode_birth
from campus.wire.points import POINTS
from campus.wire.server import room_topic, service_topic
from campus.wire.topics import board_topic
from collector.announce import room_payload
from collector.home_assistant import SENSORS, discovery

BOOT = "9f3a61c20000002a"
SERVICE = service_topic("school", "collector")
ROOM = Room("school", "a101", "Phòng học 101 – Nhà A", None, None, "classroom", None)
POINTS_OF_BOARD = ("co2_ppm", "temperature_c", "power_w.1", "rssi_dbm")
BOARD = Board("esp32-1", "school", "0.3.0", "esp32", BOOT, {point: {} for point in POINTS_OF_BOARD})
STATE = RoomState("school", "a101", True, 1, None, 2, {"co2_ppm": 871.5, "power_w": 0.0, "rssi_dbm": -61.0})


def told(rooms=(ROOM,), boards=((BOARD, "a101"),)):
    """topic without prefix and `/config` -> document."""
    found = discovery("homeassistant", list(rooms), list(boards), SERVICE)
    return {
        topic.removeprefix("homeassistant/").removesuffix("/config"): json.loads(payload)
        for topic, payload in found.items()
    }


def rendered(template, payload):
    """As Home Assistant does with a payload that is JSON."""
    return jinja2.Environment(autoescape=False).from_string(template).render(value_json=json.loads(payload))


def test_a_room_has_its_presence_and_what_its_boards_measure():
    """Class and unit in Home Assistant's words, all from the room's topic, there while the collector is."""
    found = told()
    assert found.keys() == {
        "binary_sensor/school/room_a101_presence",
        "sensor/school/room_a101_co2_ppm",
        "sensor/school/room_a101_temperature_c",
        "sensor/school/room_a101_power_w",
        "binary_sensor/school/board_esp32-1_availability",
        "sensor/school/board_esp32-1_rssi_dbm",
    }
    presence, co2 = found["binary_sensor/school/room_a101_presence"], found["sensor/school/room_a101_co2_ppm"]
    assert (presence["device_class"], presence["device"]["name"]) == ("occupancy", ROOM.name)
    assert presence["state_topic"] == co2["state_topic"] == room_topic("school", "a101")
    assert presence["device"] == co2["device"] and presence["availability"] == co2["availability"]
    assert presence["availability"][0]["topic"] == SERVICE
    wanted = ("carbon_dioxide", "ppm", "measurement")
    assert (co2["device_class"], co2["unit_of_measurement"], co2["state_class"]) == wanted
    signal = found["sensor/school/board_esp32-1_rssi_dbm"]
    assert (signal["state_topic"], signal["device"]["name"]) == (room_topic("school", "a101"), "esp32-1")


def test_templates_give_what_the_payloads_say():
    """Rendered over what the collector and a board really publish; what is not known is "None", never a zero."""
    found = told()
    payload, silent = (
        room_payload(STATE.body()),
        room_payload(replace(STATE, presence=None, values={}).body()),
    )

    def value(name, payload):
        return rendered(found[name]["value_template"], payload)

    presence = "binary_sensor/school/room_a101_presence"
    assert value(presence, payload) == "ON" and value(presence, silent) == "None"
    assert value(presence, room_payload(replace(STATE, presence=False).body())) == "OFF"
    assert float(value("sensor/school/room_a101_co2_ppm", payload)) == 871.5
    assert float(value("sensor/school/room_a101_power_w", payload)) == 0
    assert float(value("sensor/school/board_esp32-1_rssi_dbm", payload)) == -61
    assert value("sensor/school/room_a101_temperature_c", payload) == "None"
    assert value("sensor/school/room_a101_co2_ppm", silent) == "None"
    alive = found[presence]["availability"][0]["value_template"]
    for state, there, reached in [
        ("online", "online", "ON"),
        ("lost", "offline", "OFF"),
        ("offline", "offline", "OFF"),
        ("sleeping", "offline", "ON"),
    ]:
        said = encode_availability(BOOT, state)
        assert rendered(alive, said) == there
        assert value("binary_sensor/school/board_esp32-1_availability", said) == reached


def test_values_are_asked_for_as_a_key():
    """Control: as an attribute `values` is the method of a dict, and every sensor would be in error."""
    payload = room_payload(STATE.body())
    with pytest.raises(jinja2.UndefinedError):
        rendered("{{ value_json.values.co2_ppm + 0 }}", payload)


def test_ids_are_stable_and_never_meet():
    """A new name, firmware or order changes no topic and no unique_id; ids that look alike when joined differ."""
    renamed = replace(ROOM, name="Lab")
    other = (replace(BOARD, firmware="9"), "a101")
    before, after = told(), told([renamed], [other])
    assert before.keys() == after.keys()
    assert [one["unique_id"] for one in before.values()] == [one["unique_id"] for one in after.values()]
    assert after["sensor/school/room_a101_co2_ppm"]["device"]["name"] == "Lab"
    alike = [
        replace(ROOM, site=site, id=id)
        for site, id in [("a", "room-b"), ("a-room", "b"), ("a", "b"), ("b", "a")]
    ]
    found = told(alike, [])
    assert len({one["unique_id"] for one in found.values()}) == len(found) == 4


def test_power_of_several_channels_and_the_signal_of_several_boards_are_left_out():
    """A room's state has one value per point: which channel's or board's it is nobody could say."""
    second = replace(BOARD, id="esp32-2", points={"power_w.1": {}, "rssi_dbm": {}})
    found = told(boards=[(BOARD, "a101"), (second, "a101")])
    assert not [name for name in found if "power_w" in name or "rssi" in name]
    assert "binary_sensor/school/board_esp32-2_availability" in found
    elsewhere = told(boards=[(BOARD, None)])
    assert elsewhere.keys() == {
        "binary_sensor/school/room_a101_presence",
        "binary_sensor/school/board_esp32-1_availability",
    }


def test_a_foreign_device_is_no_board_here():
    """It never sends a birth: its topics are its own, and Home Assistant knows it anyway."""
    assert told([], [(Board("plug-12", "school", points={}), None)]) == {}


HOSTILE = ["{{ 7*7 }}", '", "x": "', "a\nb\0", "\u202e<script>", "#/+", "x" * 5000, "  ", "𝕏"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_are_names(text):
    """A name from the records, or what a board says of itself, is text of a device; no topic and no template has it."""
    board = replace(BOARD, firmware=text, hardware=text, points={**BOARD.points, text: {}})
    found = told([replace(ROOM, name=text)], [(board, "a101")])
    assert found.keys() == told().keys()
    name = found["binary_sensor/school/room_a101_presence"]["device"]["name"]
    assert name == (text.strip() or "a101")
    for one, calm in zip(found.values(), told().values(), strict=True):
        assert {**one, "device": None} == {**calm, "device": None}


@pytest.mark.parametrize("text", ["", "+", "#", "a/b", "A", "room", "a" * 65, "a\nb", "á"])
def test_hostile_ids_are_left_out(text):
    """Records hold none; should one come in, it reaches no topic."""
    rooms = [replace(ROOM, id=text), replace(ROOM, site=text)]
    boards = [(replace(BOARD, id=text), "a101"), (replace(BOARD, site=text), "a101")]
    assert told(rooms, boards) == {}


@pytest.mark.parametrize(
    "text",
    ["", "on", "TRUE", "no", "a/", "/a", "a/b", "a b", "+", "#", "campus", "campus/v1", "$SYS", "a\nb", "é"],
)
def test_a_bad_prefix_is_refused(text):
    """One sentence that names the setting."""
    with pytest.raises(UsageError, match="home_assistant is"):
        Settings.load({"home_assistant": text}, environ={})


def test_it_is_off_until_it_is_set():
    """Off is off, however it is written."""
    assert Settings.load(environ={}).discovery() is None
    assert Settings.load(environ={"CAMPUS_HOME_ASSISTANT": "OFF"}).discovery() is None
    assert Settings.load(environ={"CAMPUS_HOME_ASSISTANT": "homes"}).discovery() == "homes"


def test_the_embedded_broker_serves_no_home_assistant(tmp_path: Path):
    """It is for this computer alone: that is said, not left to be found out."""
    settings = Settings.load(
        {"data": tmp_path, "mqtt": "embedded", "http": "127.0.0.1:0", "home_assistant": "homeassistant"},
        environ={},
    )
    with pytest.raises(UsageError, match="campus init"), System(settings):
        pass


CONFIGS = "homeassistant/+/+/+/config"


def test_discovery_follows_the_records_and_goes_when_it_is_turned_off(mosquitto, tmp_path):
    """A birth adds what the board measures; off clears everything, and the rooms' states stay."""
    data = tmp_path / "data"
    presence = {f"homeassistant/binary_sensor/school/room_{room}_presence/config" for room in "ab"}
    with Running(mosquitto.url, data, "a", "b", discovery="homeassistant") as home:
        assert until(lambda: retained(mosquitto.port, CONFIGS).keys() == presence, 30)
        birth = encode_birth(BOOT, "1", "esp32", "power_on", "ntp", {"co2_ppm": {"unit": "ppm"}})
        home.service.offer(board_topic("school", "board-a", "birth"), birth)
        more = {
            "homeassistant/sensor/school/room_a_co2_ppm/config",
            "homeassistant/binary_sensor/school/board_board-a_availability/config",
        }
        assert until(lambda: retained(mosquitto.port, CONFIGS).keys() == presence | more, 30)
        held = retained(mosquitto.port, CONFIGS)["homeassistant/sensor/school/room_a_co2_ppm/config"]
        assert held["device"]["name"] == "Phòng a"
        mosquitto.kill()
        for file in (mosquitto.folder / "disk").iterdir():
            file.unlink()
        mosquitto.start()
        assert until(lambda: retained(mosquitto.port, CONFIGS).keys() == presence | more, 60)
    with Running(mosquitto.url, data, "a", "b") as home:
        home.told(mosquitto.port, "a", "b")
        assert until(lambda: retained(mosquitto.port, CONFIGS) == {}, 30)


@pytest.fixture(scope="module")
def _keys(tmp_path_factory) -> Path:
    return make_keys(tmp_path_factory.mktemp("keys") / "broker")


@pytest.mark.parametrize("prefix", ["homeassistant", "homes"])
def test_a_reader_hears_live_states_and_nothing_else(_keys, tmp_path, monkeypatch, prefix):
    """States, availability and discovery of its own site; no readings, no commands, no other site. It writes nothing.

    Home Assistant's own last wish, on a topic where it may not write, does not keep it out.
    """
    folder = place(_keys, tmp_path / "broker", monkeypatch)
    seen = [
        room_topic("school", "a"),
        board_topic("school", "esp32-1", "availability"),
        service_topic("school", "collector"),
        f"{prefix}/sensor/school/room_a_co2_ppm/config",
    ]
    hidden = [
        room_topic("other", "a"),
        board_topic("other", "esp32-1", "availability"),
        *(
            board_topic("school", "esp32-1", leaf)
            for leaf in ("birth", "telemetry", "command", "config/desired")
        ),
        f"{prefix}/sensor/other/room_a_co2_ppm/config",
        "campus/ext/school/plug-12/tele/SENSOR",
    ]
    with running(folder) as managed:
        password = managed.accounts.add_reader("school", "home")
        enrol(managed, "esp32-1")
        settle(managed)
        assert managed.accounts.boards((READER,))[0].user == "home"
        with (
            connect(managed, "home", password, will=f"{prefix}/status") as home,
            service(managed, "collector") as collector,
        ):
            assert home.reason == "Success"
            for topic in ("#", "campus/#", "campus/v1/+/room/+/state", f"{prefix}/#"):
                home.subscribe(topic)
            collector.subscribe("campus/#")
            for topic in [*seen, *hidden]:
                home.publish(topic, "forged", retain=True)
            for topic in [*hidden, *seen]:
                collector.publish(topic, "true", retain=True)
            assert until(lambda: set(seen) <= set(home.topics()))
            assert set(home.topics()) == set(seen)
            assert {text for _, text in home.heard} == {text for _, text in collector.heard} == {"true"}


def discovered(data, prefix, *wanted):
    """Whether a reader of the system on `data` comes to find these topics of discovery, and no others."""
    settings = Settings.load({"data": data, "http": "127.0.0.1:0", "home_assistant": prefix}, environ={})
    with System(settings) as system:
        managed = system.mosquitto
        assert managed
        password = managed.accounts.add_reader("school", "home")
        settle(managed)
        with connect(managed, "home", password) as home:

            def found():
                home.heard.clear()
                home.subscribe("#")
                home.subscribe(
                    "campus/v1/+/service/+/availability"
                )  # retained: comes again, behind all the others
                assert until(lambda: [topic for topic, _ in home.heard].count(SERVICE) == 2)
                return {topic for topic in home.topics() if not topic.startswith("campus/")}

            return until(lambda: found() == set(wanted), 30)


def test_another_prefix_or_none_clears_what_was_below_the_first(_keys, tmp_path, monkeypatch):
    """In the whole system with the rules of its own broker, from start to start."""
    data = tmp_path / "data"
    data.mkdir()
    place(_keys, Setup.folder(data), monkeypatch)
    with open_records("sqlite", data) as records:
        records.import_inventory(Inventory.model_validate(inventory("a")))
    of_room = "binary_sensor/school/room_a_presence/config"
    assert discovered(data, "homes", f"homes/{of_room}")
    assert discovered(data, "homeassistant", f"homeassistant/{of_room}")
    assert discovered(data, "off")


def test_every_point_offered_is_one_of_the_table():
    """Units agree with the contract's, but for sound, which Home Assistant writes in its own way."""
    for point, (_, unit) in SENSORS.items():
        assert unit == POINTS[point][0] or (point, unit) == ("sound_level_dba", "dBA")


def test_a_reader_is_let_in_listed_and_shut_out(_keys, tmp_path, monkeypatch):
    """What to type into Home Assistant is shown once; an id that is taken, or none, is refused."""
    data = tmp_path / "data"
    data.mkdir()
    folder = place(_keys, Setup.folder(data), monkeypatch)
    with open_records("sqlite", data) as records:
        records.import_inventory(Inventory.model_validate(inventory("a")))
    Accounts(folder).add_board("school", "board-a")

    def board(*words):
        settings = {"CAMPUS_DATA": str(data), "CAMPUS_HOME_ASSISTANT": "homeassistant"}
        return campus("board", *words, cwd=tmp_path, **settings)

    shown = json.loads(board("reader", "home", "--json").stdout)
    assert (shown["server"], shown["user"], shown["prefix"]) == ("127.0.0.1", "home", "homeassistant")
    assert len(shown["password"]) == 40 and Path(shown["authority"]).is_file()
    Accounts(folder).project()
    rules = (folder / "acl").read_text()
    assert (
        "topic read campus/v1/school/room/+/state" in rules.partition("user home\n")[2].partition("\n\n")[0]
    )
    again = board("reader", "home").stdout
    assert "docs/home-assistant.md" in again and shown["password"] not in again
    assert [(one["board"], one["state"]) for one in json.loads(board("list", "--json").stdout)] == [
        ("board-a", "enrolled"),
        ("home", "reader"),
    ]
    assert "another kind" in refused(board("reader", "board-a"))
    assert "not the id" in refused(board("reader", "Home"))
    assert board("remove", "home", "--yes").returncode == 0
    assert "home" not in board("list").stdout
