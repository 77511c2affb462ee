"""config.json: all of it is right, or one sentence names what is not."""

import json

from firmware.board.config import Broker, ConfigError, Wifi, parse, read

GOOD = {
    "site": "demo",
    "board": "esp32-a0b1c2",
    "broker": {"host": "192.168.1.10", "user": "esp32-a0b1c2", "password": "made-up"},
    "wifi": {"ssid": "Trường học", "password": "made-up-word"},
    "sensors": [{"kind": "pir", "pin": 27}, {"kind": "scd4x", "sda": 21, "scl": 22}],
}

WRONG = (
    ({"site": "A b"}, "site"),
    ({"site": None}, "site"),
    ({"board": "room"}, "board"),
    ({"broker": "192.168.1.10"}, "broker"),
    ({"broker": {"port": 1883}}, "broker.host"),
    ({"broker": {"host": "a", "port": "1883"}}, "broker.port"),
    ({"broker": {"host": "a", "port": 0}}, "broker.port"),
    ({"broker": {"host": "a", "prot": 1}}, "broker.prot"),
    ({"broker": {"host": "a", "tls": 1}}, "broker.tls"),
    ({"broker": {"host": "a", "name": 5}}, "broker.name"),
    ({"ntp": ["", "a"]}, "ntp"),
    ({"ntp": 5}, "ntp"),
    ({"watchdog": "no"}, "watchdog"),
    ({"spool_kib": -1}, "spool_kib"),
    ({"wifi": {"password": "x"}}, "wifi.ssid"),
    ({"wifi": []}, "wifi"),
    ({"sensors": []}, "sensors"),
    ({"sensors": [{"kind": "pirr"}]}, "pir, pzem, scd4x"),
    ({"sensors": ["pir"]}, "sensors"),
    ({"sample_ms": 10}, "sample_ms"),
    ({"sample_ms": 1000.5}, "sample_ms"),
    ({"sample_ms": True}, "sample_ms"),
    ({"smaple_ms": 1000}, "smaple_ms"),
)


def refusal(document):
    try:
        parse(document)
    except ConfigError as error:
        return str(error)
    raise AssertionError(f"accepted: {document!r}")


def test_a_good_config_and_its_defaults():
    config = parse(GOOD)
    assert config.broker == Broker("192.168.1.10", 1883, "esp32-a0b1c2", "made-up", False, "192.168.1.10")
    assert config.wifi == Wifi("Trường học", "made-up-word")
    assert [kind for kind, _ in config.sensors] == ["pir", "scd4x"]
    assert (config.ntp, config.sample_ms, config.outbox_records) == ([], 1000, 128)
    assert (config.spool_kib, config.watchdog) == (512, True)


def test_tls_has_its_port_and_a_name_for_the_certificate():
    document = dict(GOOD)
    document["broker"] = {"host": "192.168.1.10", "tls": True, "name": "campus-monitor"}
    broker = parse(document).broker
    assert (broker.port, broker.tls, broker.name) == (8883, True, "campus-monitor")


def test_time_servers_are_one_or_several():
    for given, hosts in (("192.168.1.1", ["192.168.1.1"]), (["a", "b:1123"], ["a", "b:1123"]), ([], [])):
        document = dict(GOOD)
        document["ntp"] = given
        assert parse(document).ntp == hosts


def test_a_board_without_a_name_is_named_by_its_chip():
    document = {key: GOOD[key] for key in GOOD if key != "board"}
    assert parse(document, "esp32-000102").board == "esp32-000102"
    assert "board" in refusal(document)


def test_each_wrong_key_is_named():
    for change, named in WRONG:
        document = dict(GOOD)
        document.update(change)
        assert named in refusal(document), (change, refusal(document))


def test_what_is_no_config_at_all_is_refused():
    for document in (None, [], "x", 3):
        refusal(document)
    for text in ("", "{", "\x00"):
        with open("config.json", "w") as file:
            file.write(text)
        try:
            parse(read())
            raise AssertionError(text)
        except ConfigError:
            pass  # MicroPython's parser takes "{" for an object; then its first key is missing
    try:
        read("nowhere.json")
        raise AssertionError("read")
    except ConfigError as error:
        assert "nowhere.json" in str(error)


def test_a_config_is_read_from_its_file():
    with open("config.json", "w") as file:
        file.write(json.dumps(GOOD))
    assert parse(read()) == parse(GOOD)
