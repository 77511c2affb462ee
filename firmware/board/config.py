"""config.json: where a board stands, whom it talks to and what it measures. All of it is checked before any is used."""

import json
import os
from collections import namedtuple

from campus.wire.topics import valid_id

from .sensors import KINDS


class ConfigError(ValueError):
    """One sentence: which key of config.json is wrong, and what it has to be."""


# The same names once more: on MicroPython a namedtuple does not tell its fields.
BROKER = "host port user password tls name"
WIFI = "ssid password"
KEYS = "site board broker wifi sensors ntp sample_ms outbox_records spool_kib resend_ms watchdog led"
Broker = namedtuple("Broker", BROKER)  # type: ignore[misc]
Wifi = namedtuple("Wifi", WIFI)  # type: ignore[misc]
Config = namedtuple("Config", KEYS)  # type: ignore[misc]
"""broker: Broker; user and password None where the chip's NVS has the password, or nobody asks; name: what the
broker's certificate has to say. wifi: Wifi, or None where the system has a network. sensors: list of (kind, options).
ntp: hosts of time servers, tried after the gateway and the broker. sample_ms: pause between samples. outbox_records:
how many records are kept in RAM. spool_kib: how much of the flash records may take, 0 for none. resend_ms: how long a
record may stay unanswered before it is sent again, at first. watchdog: whether a program that hangs is restarted. led:
the pin that `identify` blinks, or None."""


def read(path="config.json"):
    """The document in a file. Raises ConfigError."""
    try:
        with open(path) as file:
            return json.load(file)
    except OSError:
        raise ConfigError("there is no %s on the board: docs/board.md shows one" % path)
    except ValueError:
        raise ConfigError("%s is not JSON; check its commas and quotes" % path)


def replace(document, path="config.json"):
    """Write a document in place of another: a power cut leaves the old one or the new one. Raises OSError."""
    with open(path + ".tmp", "w") as file:
        json.dump(document, file)
    os.rename(path + ".tmp", path)


def parse(document, chip_id=None):
    """The Config in a decoded config.json. chip_id: the board's id if there is none in it. Raises ConfigError."""
    keys = _Object(document, KEYS)
    broker = _Object(keys.get("broker"), BROKER, "broker")
    host = broker.text("host")
    tls = broker.truth("tls", False)
    wifi = keys.get("wifi")
    if wifi is not None:
        wifi = _Object(wifi, WIFI, "wifi")
        wifi = Wifi(wifi.text("ssid"), wifi.text("password", ""))
    return Config(
        keys.id("site", None),
        keys.id("board", chip_id),
        Broker(
            host,
            broker.number("port", 1, 65535, 8883 if tls else 1883),
            broker.text("user", None),
            broker.text("password", None),
            tls,
            broker.text("name", host),
        ),
        wifi,
        _sensors(keys.get("sensors")),
        _hosts(keys.get("ntp", [])),
        keys.number("sample_ms", 50, 60000, 1000),
        keys.number("outbox_records", 8, 512, 128),
        keys.number("spool_kib", 0, 8192, 512),
        keys.number("resend_ms", 100, 300000, 10000),
        keys.truth("watchdog", True),
        keys.number("led", 0, 48, None),
    )


def _check(right, key, wanted):
    if not right:
        raise ConfigError("config.json: %s has to be %s" % (key, wanted))


class _Object:
    """An object within config.json that has some of the keys `known`. Each value asked for is right, or the default; or
    ConfigError is raised."""

    def __init__(self, values, known, name=""):
        _check(type(values) is dict, name or "it", "an object {...}")
        self.get = values.get
        self._name = name and name + "."
        for key in values:
            self._check(key in known.split(), str(key), "one of the keys that docs/board.md lists")

    def _check(self, right, key, wanted):
        _check(right, self._name + key, wanted)

    def id(self, key, default):
        value = self.get(key, default)
        self._check(valid_id(value), key, "an id of a-z, 0-9 and -, at most 64 long")
        return value

    def text(self, key, *default):
        value = self.get(key, *default)
        self._check(value in default or (value and type(value) is str), key, "a text")
        return value

    def truth(self, key, default):
        value = self.get(key, default)
        self._check(type(value) is bool, key, "true or false")
        return value

    def number(self, key, low, high, default):
        value = self.get(key, default)
        right = value is default or (type(value) is int and low <= value <= high)
        self._check(right, key, "a whole number from %d to %d" % (low, high))
        return value


def _hosts(listed):
    hosts = [listed] if type(listed) is str else listed
    right = type(hosts) is list and all([type(host) is str and host for host in hosts])
    _check(right, "ntp", "a host, or a list of hosts")
    return hosts


def _sensors(listed):
    wanted = 'a list such as [{"kind": "pir", "pin": 27}], each kind one of ' + ", ".join(KINDS)
    _check(type(listed) is list and listed, "sensors", wanted)
    sensors = []
    for options in listed:
        kind = options.get("kind") if type(options) is dict else None
        _check(kind in KINDS, "sensors", wanted)
        sensors.append((kind, options))
    return sensors
