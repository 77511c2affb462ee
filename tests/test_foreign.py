"""Messages of devices that schools can buy become readings of our points, or are refused; nothing else happens."""

import json
import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from campus.telemetry import GOOD, INVALID, OUT_OF_RANGE
from campus.wire.errors import WireError
from campus.wire.names import valid_point
from campus.wire.points import known
from campus.wire.topics import valid_id
from collector.foreign import DECODERS, decode, esphome, shelly, tasmota, zigbee2mqtt
from collector.foreign.values import BEHIND_MS, unix_ms
from collector.foreign.zigbee2mqtt import device_id

GOLDEN = Path(__file__).parent / "golden" / "foreign"
CASES = {
    f"{path.stem}: {case['note']}": {**case, "family": path.stem}
    for path in sorted(GOLDEN.glob("*.jsonl"))
    for case in map(json.loads, path.read_text(encoding="utf-8").splitlines())
}
HOSTILE = [name for name, case in CASES.items() if "cause" in case]
HANOI = ZoneInfo("Asia/Ho_Chi_Minh")


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


NOW = ms("2026-01-15T03:00:00Z")


def rest_of(case: dict) -> str:
    text, times = case.get("rest_repeat", (case.get("rest"), 1))
    return text * times


def payload_of(case: dict) -> bytes:
    if "payload_hex" in case:
        return bytes.fromhex(case["payload_hex"])
    if "payload_repeat" in case:
        return "".join(text * times for text, times in case["payload_repeat"]).encode()
    payload = case["payload"]
    return (payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)).encode()


def run(case: dict, payload: bytes | None = None, received_at_ms: int = NOW, zone: ZoneInfo = HANOI) -> list:
    source = "zigbee" if case.get("family") == "zigbee2mqtt" else "plug-12"
    return decode(
        source, rest_of(case), payload_of(case) if payload is None else payload, received_at_ms, zone
    )


@pytest.mark.parametrize("name", [name for name in CASES if name not in HOSTILE])
def test_golden_messages_decode_as_written(name):
    """Every point, value and quality of the case, of one device, and nothing beside it."""
    case = CASES[name]
    heard = run(case)
    if "readings" not in case and "availability" not in case:
        assert heard == []
        return
    [one] = heard
    assert one.device == case.get("device", "plug-12")
    assert one.label == case.get("label")
    assert one.availability == case.get("availability")
    expected, beyond = case.get("readings", {}), case.get("out_of_range", [])
    assert {each.point: each.value for each in one.readings} == expected
    assert len(one.readings) == len(expected)
    for each in one.readings:
        assert each.quality == (
            INVALID if each.value is None else OUT_OF_RANGE if each.point in beyond else GOOD
        )
        assert each.observed_at_ms == NOW
        assert known(each.point) and valid_point(each.point)
        assert type(each.value) is int or not each.point.startswith(("energy_mwh", "uptime_s"))


def test_there_are_enough_cases_of_each_kind():
    """Each decoder has cases that are read and cases that carry nothing; at least 30 are hostile."""
    for family in DECODERS:
        mine = [case for case in CASES.values() if case["family"] == family]
        assert sum("readings" in case for case in mine) >= 5
        assert sum("readings" not in case and "availability" not in case for case in mine) >= 5
    assert len(HOSTILE) >= 30


@pytest.mark.parametrize("source", ["", "Plug", "a/b", "room", "service", "x" * 65])
def test_a_source_is_an_id(source):
    """The source is a board's id or the first part of one, so it is checked as such."""
    with pytest.raises(WireError, match=r"^id"):
        decode(source, "tele/LWT", b"Online", NOW, HANOI)


# Time

LONDON = ZoneInfo("Europe/London")  # 2026: forward at 01:00 UTC on 29 March, back at 01:00 UTC on 25 October


@pytest.mark.parametrize(
    ("told", "received", "zone", "observed"),
    [
        pytest.param({"Time": "2026-01-15T09:59:58"}, "03:00:00Z", HANOI, "02:59:58Z", id="in the zone"),
        pytest.param({"Time": "2026-01-15T10:04:59"}, "03:00:00Z", HANOI, "03:04:59Z", id="a little ahead"),
        pytest.param({"Time": "2026-01-15T10:05:01"}, "03:00:00Z", HANOI, "03:00:00Z", id="too far ahead"),
        pytest.param({"Time": "2026-01-15T09:55:00"}, "03:00:00Z", HANOI, "02:55:00Z", id="minutes late"),
        pytest.param({"Time": "2026-01-14T10:01:00"}, "03:00:00Z", HANOI, "2026-01-14T03:01:00Z", id="old"),
        pytest.param({"Time": "2026-01-14T09:59:00"}, "03:00:00Z", HANOI, "03:00:00Z", id="too old"),
        pytest.param(
            {"Time": "2026-01-15T03:59:58"}, "03:00:00Z", HANOI, "03:00:00Z", id="as it comes, UTC+1"
        ),
        pytest.param({"Time": "2026-01-15T08:45:01"}, "03:00:00Z", HANOI, "03:00:00Z", id="another zone"),
        pytest.param({"Time": "1970-01-01T00:00:09"}, "03:00:00Z", HANOI, "03:00:00Z", id="no clock yet"),
        pytest.param({"Time": "2026-01-15T09:59:58.250"}, "03:00:00Z", HANOI, "02:59:58.25Z", id="with ms"),
        pytest.param({"Time": "2026-01-15T03:59:58+01:00"}, "03:00:00Z", HANOI, "02:59:58Z", id="an offset"),
        pytest.param({"Time": 1768445998}, "03:00:00Z", HANOI, "02:59:58Z", id="seconds"),
        pytest.param(
            {"Time": "2026-01-15T04:59:58", "Epoch": 1768445998},
            "03:00:00Z",
            HANOI,
            "02:59:58Z",
            id="seconds beside a time of a wrong zone",
        ),
        pytest.param({}, "03:00:00Z", HANOI, "03:00:00Z", id="no time"),
        pytest.param({"Time": None}, "03:00:00Z", HANOI, "03:00:00Z", id="null"),
        pytest.param({"Time": "2026-13-45T99:99:99"}, "03:00:00Z", HANOI, "03:00:00Z", id="no date"),
        pytest.param({"Time": "0001-01-01T00:00:00"}, "03:00:00Z", HANOI, "03:00:00Z", id="the first year"),
        pytest.param({"Time": "9999-12-31T23:59:59"}, "03:00:00Z", HANOI, "03:00:00Z", id="the last year"),
        pytest.param({"Time": 1e300}, "03:00:00Z", HANOI, "03:00:00Z", id="a huge number"),
        pytest.param({"Time": ["2026"]}, "03:00:00Z", HANOI, "03:00:00Z", id="a list"),
        pytest.param(
            {"Time": "2026-10-25T01:30:00"},
            "2026-10-25T00:30:01Z",
            LONDON,
            "2026-10-25T00:30:00Z",
            id="a repeated hour, the first time",
        ),
        pytest.param(
            {"Time": "2026-10-25T01:30:00"},
            "2026-10-25T01:30:01Z",
            LONDON,
            "2026-10-25T01:30:00Z",
            id="a repeated hour, the second time",
        ),
        pytest.param(
            {"Time": "2026-03-29T01:30:00"},
            "2026-03-29T01:30:01Z",
            LONDON,
            "2026-03-29T01:30:01Z",
            id="an hour that is left out is no time",
        ),
        pytest.param(
            {"Time": "2026-07-01T12:00:00"},
            "2026-07-01T11:00:01Z",
            LONDON,
            "2026-07-01T11:00:00Z",
            id="summer",
        ),
    ],
)
def test_tasmota_tells_local_time(told, received, zone, observed):
    """`Time` is read in the site's zone, and used where it can be true; else the received time is."""
    received_at_ms, expected = (
        ms(each if "T" in each else "2026-01-15T" + each) for each in (received, observed)
    )
    payload = json.dumps({**told, "ENERGY": {"Power": 1}}).encode()
    [heard] = decode("plug-12", "tele/SENSOR", payload, received_at_ms, zone)
    assert [each.observed_at_ms for each in heard.readings] == [expected]


@pytest.mark.parametrize("ts", [1675072985.86, 1675072985.001, 1675072985.999, 1675072985])
def test_shelly_tells_seconds(ts):
    """`ts` becomes the integer of milliseconds that it is written as."""
    payload = json.dumps({"method": "NotifyStatus", "params": {"ts": ts, "switch:1": {"apower": 0}}}).encode()
    [heard] = decode("plug-12", "events/rpc", payload, 1675072990000, HANOI)
    assert [each.observed_at_ms for each in heard.readings] == [int(str(ts).replace(".", "").ljust(13, "0"))]


@pytest.mark.parametrize(
    ("behind_ms", "expected"),
    [
        (59_000, "received"),
        (120_000, "received"),
        (3_600_000, "minute"),
        (BEHIND_MS + 1, "received"),
        (-600_000, "received"),
    ],
)
def test_a_shelly_status_is_dated_by_its_minute_only_where_it_came_late(behind_ms, expected):
    """`minute_ts` is when a minute began, not when the power was measured: what came at once has the received time."""
    minute = (NOW - behind_ms) / 1000
    payload = json.dumps({"apower": 1, "aenergy": {"total": 1, "minute_ts": minute}}).encode()
    [heard] = decode("plug-12", "status/switch:0", payload, NOW, HANOI)
    assert {each.observed_at_ms for each in heard.readings} == {
        NOW if expected == "received" else NOW - behind_ms
    }


@settings(deadline=None)
@example(1001)  # 1.001 * 1000 is less than 1001
@given(st.integers(1, 253402300799999))
def test_milliseconds_survive_the_float_of_seconds(instant):
    """No float error: a time with three decimals of a second is the integer of milliseconds again."""
    assert unix_ms(instant / 1000) == instant


# Ids of devices behind a bridge


@pytest.mark.parametrize(
    ("source", "name", "made"),
    [
        ("zigbee", "plug-12", "zigbee-plug-12"),
        ("zigbee", "0x00158d0003030af1", "zigbee-0x00158d0003030af1"),
        ("zigbee", "my_plug", "zigbee-my-plug-fd3582d7"),
        ("zigbee", "my plug", "zigbee-my-plug-8abfeffd"),
        ("zigbee", "My-Plug", "zigbee-my-plug-4334d821"),
        ("zigbee", "Phòng 101/Đèn chiếu", "zigbee-phong-101-den-chieu-942c20d5"),
        ("zigbee", "Ươm ẽ Ỷ", "zigbee-uom-e-y-a4c7ee46"),
        ("zigbee", "教室", "zigbee-ebb042dd"),
        ("zigbee", "plug-deadbeef", "zigbee-plug-deadbeef-e164b4ec"),
        ("zigbee", "p" * 60, "zigbee-" + "p" * 48 + "-34483ecd"),
        ("z" * 64, "plug", "z" * 55 + "-ccfcbb2a"),
    ],
)
def test_ids_behind_a_bridge_never_change(source, name, made):
    """The id of a device is part of its series for ever, so each is written down here."""
    assert device_id(source, name) == made


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=80)
ALIKE = st.text(st.sampled_from("aAáàạâ-_ /dđĐ0"), min_size=1, max_size=6)


@settings(deadline=None)
@given(st.lists(NAMES | ALIKE, min_size=2, max_size=8, unique=True), st.sampled_from(["zigbee", "z" * 64]))
def test_two_names_never_have_one_id(names, source):
    """Ids are ids, told apart, and the same when asked again."""
    made = [device_id(source, name) for name in names]
    assert all(map(valid_id, made))
    assert len(set(made)) == len(names)
    assert made == [device_id(source, name) for name in names]


def test_a_name_that_imitates_a_hash_is_told_apart():
    """The id that one device has is no other device's, though that one is named after it."""
    taken = device_id("zigbee", "My Plug")
    assert device_id("zigbee", taken.removeprefix("zigbee-")) != taken


# The documentation

PAGE = Path(__file__).parents[1] / "docs" / "foreign.md"
WORDS = {
    "Tasmota": [*tasmota.SWITCHES, *(key for key, _ in tasmota.AIR), *(key for key, *_ in tasmota.ENERGY)],
    "Shelly": list(shelly.FIELDS),
    "Zigbee2MQTT": [*zigbee2mqtt.NUMBERS, *zigbee2mqtt.STATES, "contact", "illuminance", "illuminance_lux"],
    "ESPHome": [*esphome.SENSORS, *esphome.BINARY],
}


@pytest.mark.parametrize("family", WORDS)
def test_the_page_names_all_that_is_read(family):
    """Each key of each decoder stands in its chapter of docs/foreign.md."""
    chapter = re.search(rf"^## {family}.*?(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert chapter is not None
    named = set(re.findall(r"[\w.-]+", " ".join(re.findall(r"`([^`\n]+)`", chapter[0]))))
    assert set(WORDS[family]) - named == set()
