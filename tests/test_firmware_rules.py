"""What a board must never do, whoever writes its code: look at other people's radios."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLASH = [*sorted((ROOT / "firmware").rglob("*.py")), *sorted((ROOT / "campus" / "wire").rglob("*.py"))]
ONLY_HERE = {
    r"\bscan\b": "wifi.py",  # the names and addresses of all networks around
    r"\bSOCK_RAW\b": "probe.py",  # for ICMP echo to hosts of the configuration
}
NOWHERE = r"promisc|sniff|bluetooth|espnow|\bi?ble\b|aioble|\bcsi_|[\"']stations[\"']"
"""The last: the addresses of the phones at a board's own access point."""
OURS = {"ssid": "Trường học", "bssid": "a0b1c2000001", "channel": 6, "rssi": -55}
FOREIGN = [
    {"ssid": "Nhà Lan", "bssid": "f0e1d2000001", "channel": 11, "rssi": -20},
    {"ssid": "", "bssid": "f0e1d2000002", "channel": 1, "rssi": -22, "hidden": True},
]


def found(pattern, sources):
    """The lines of code in which `pattern` stands; what is said in comments is not code."""
    return [
        f"{source.name}: {line.strip()}"
        for source in sources
        for line in source.read_text(encoding="utf-8").splitlines()
        if re.search(pattern, line.split("  #")[0], re.IGNORECASE)
    ]


@pytest.mark.parametrize(("pattern", "module"), ONLY_HERE.items())
def test_one_module_alone_looks_around(pattern, module):
    """Another one would be read with other eyes: it may keep, count or print what it finds."""
    lines = found(pattern, FLASH)
    assert [line for line in lines if not line.startswith(module)] == []
    assert len(lines) == 1


def test_nothing_captures_what_others_send():
    """No promiscuous mode, no Bluetooth, no ESP-NOW, no channel state, no list of phones."""
    assert found(NOWHERE, FLASH) == []


def test_control_the_rules_find_what_they_forbid(tmp_path):
    """Each forbidden call, as somebody might write it."""
    source = tmp_path / "spy.py"
    calls = (
        "import bluetooth",
        "from espnow import ESPNow",
        "ble = BLE()",
        "station.config(promiscuous=1)",
        "wifi_sniffer()",
        "station.csi_enable()",
        'point.status("stations")',
    )
    for call in calls:
        source.write_text(call + "\n")
        assert len(found(NOWHERE, [source])) == 1, call
    source.write_text("found = station.scan()\n")
    assert len(found(r"\bscan\b", [source])) == 1


PROGRAM = """
import asyncio, network
from collections import namedtuple
from firmware.board.wifi import Radio

Wifi = namedtuple("Wifi", ("ssid", "password"))
radio = Radio(network, Wifi("Trường học", "made-up-word"))
assert asyncio.run(radio.join())
print("joined", radio.bssid)
"""


def test_nothing_of_other_networks_outlives_the_look_around(micropython, tmp_path):
    """On a real MicroPython: after joining, no foreign name or address is printed or in a file that the board wrote.

    That none is in the Radio is tried in boards_wifi, on both interpreters.
    """
    (tmp_path / "world.json").write_text(json.dumps({"access_points": [*FOREIGN, OURS]}))
    path = [ROOT / "tests" / "board_shims", ROOT]
    ran = micropython.run(["-c", PROGRAM], cwd=tmp_path, path=path, heap_kib=96)
    assert ran.stdout.split() == ["joined", OURS["bssid"]], ran.stderr
    written = [file.read_text() for file in tmp_path.iterdir() if file.name != "world.json"]
    assert written
    for text in [ran.stdout, ran.stderr, *written]:
        assert "Lan" not in text and "f0e1d2" not in text
