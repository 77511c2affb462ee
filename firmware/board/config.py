"""config.json: where a board stands, whom it talks to and what it measures. All of it is checked before any is used."""

import json
from collections import namedtuple

from campus.wire.topics import valid_id

from .sensors import KINDS


class ConfigError(ValueError):
    """One sentence: which key of config.json is wrong, and what it has to be."""


Broker = namedtuple("Broker", ("host", "port", "user", "password"))
Wifi = namedtuple("Wifi", ("ssid", "password"))
Config = namedtuple(
    "Config",
    ("site", "board", "broker", "wifi", "sensors", "ntp", "sample_ms", "outbox_records", "resend_ms"),
)
"""broker: Broker; user and password None without sign-in. wifi: Wifi, or None where the system has a network.
sensors: list of (kind, options). ntp: host of a time server. sample_ms: pause between samples. outbox_records: how
many records are kept in RAM. resend_ms: how long a record may stay unanswered before it is sent again, at first."""

# The same names once more: on MicroPython a namedtuple does not tell its fields.
KEYS = ("site", "board", "broker", "wifi", "sensors", "ntp", "sample_ms", "outbox_records", "resend_ms")
BROKER = ("host", "port", "user", "password")
WIFI = ("ssid", "password")


def load(path="config.json", chip_id=None):
    """The Config in a file. chip_id: the board's id if the file has none. Raises ConfigError."""
    try:
        with open(path) as file:
            document = json.load(file)
    except OSError:
        raise ConfigError("there is no %s on the board; copy one to it (docs/board.md shows it)" % path)
    except ValueError:
        raise ConfigError("%s is not JSON; check its commas and quotes" % path)
    return parse(document, chip_id)


def parse(document, chip_id=None):
    """The Config in a decoded config.json. Raises ConfigError."""
    _check(type(document) is dict, "config.json", "an object {...}")
    broker = _part(document, "broker", BROKER)
    wifi = document.get("wifi")
    if wifi is not None:
        wifi = _part(document, "wifi", WIFI)
        wifi = Wifi(_text(wifi, "ssid", "wifi."), _text(wifi, "password", "wifi.", ""))
    host = _text(broker, "host", "broker.")
    config = Config(
        site=_id(document, "site", None),
        board=_id(document, "board", chip_id),
        broker=Broker(
            host,
            _number(broker, "port", 1883, 1, 65535, "broker."),
            _text(broker, "user", "broker.", None),
            _text(broker, "password", "broker.", None),
        ),
        wifi=wifi,
        sensors=_sensors(document.get("sensors")),
        ntp=_text(document, "ntp", "", host),
        sample_ms=_number(document, "sample_ms", 1000, 50, 60000),
        outbox_records=_number(document, "outbox_records", 256, 8, 512),
        resend_ms=_number(document, "resend_ms", 10000, 100, 300000),
    )
    for key in document:
        _check(key in KEYS, str(key), "one of the keys that docs/board.md lists")
    return config


def _check(right, key, wanted):
    if not right:
        raise ConfigError("config.json: %s has to be %s" % (key, wanted))


def _part(document, key, known):
    part = document.get(key)
    _check(type(part) is dict, key, "an object with " + ", ".join(known))
    for name in part:
        _check(name in known, key + "." + str(name), "one of " + ", ".join(known))
    return part


def _id(document, key, default):
    value = document.get(key, default)
    _check(valid_id(value), key, "an id of a-z, 0-9 and -, at most 64 long")
    return value


def _text(document, key, where, *default):
    value = document.get(key, *default)
    if not default or value is not default[0]:
        _check(type(value) is str and value != "", where + key, "a text")
    return value


def _number(document, key, default, low, high, where=""):
    value = document.get(key, default)
    _check(
        type(value) is int and low <= value <= high, where + key, "a whole number from %d to %d" % (low, high)
    )
    return value


def _sensors(listed):
    _check(type(listed) is list and listed, "sensors", 'a list such as [{"kind": "pir", "pin": 27}]')
    sensors = []
    for options in listed:
        _check(
            type(options) is dict and options.get("kind") in KINDS,
            "sensors",
            "a list of objects, each with a kind of " + ", ".join(sorted(KINDS)),
        )
        sensors.append((options["kind"], options))
    return sensors
