"""Equipment, people and air of a room, from messages to facts: live, late, over a restart, and beside presence."""

from datetime import date, timedelta

import pytest
from test_collector_derive import DAY, HOUR, INVENTORY, MINUTE, START, School

from campus.inference import ALWAYS_ON, CO2, EQUIPMENT, OFF, ON, PEOPLE, POWER, ROOM, STANDBY, UNKNOWN
from campus.records.inventory import Inventory
from campus.wire.telemetry import ABSENT, Telemetry, encode
from campus.wire.topics import board_topic

MONDAY = date(2026, 9, 21)
AT_EIGHT = 8 * 60
PIECES = [
    {"id": "projector-1", "name": "Máy chiếu", "kind": "projector", "room": "room-1"},
    {"id": "router-1", "name": "Bộ định tuyến", "kind": "router", "room": "room-1"},
]
DOCUMENT = {
    **INVENTORY,
    "rooms": [{**INVENTORY["rooms"][0], "capacity": 40, "volume_m3": 180.0}, INVENTORY["rooms"][1]],
    "equipment": PIECES,
    "placements": [
        *INVENTORY["placements"],
        {"board": "board-1", "channel": 1, "equipment": "projector-1", "from": "2026-09-01"},
        {"board": "board-1", "channel": 2, "equipment": "router-1", "from": "2026-09-01"},
    ],
}
COLUMNS = ["motion", "co2_ppm", "temperature_c", "power_w.1", "power_w.2"]


def minute_of(minute: int) -> list:
    """People from 07:00 to 09:00; the projector on from 07:15 to 09:40, standby otherwise; stale air from 08:00."""
    there = 7 * 60 <= minute < 9 * 60
    co2 = (
        450 + 12 * max(0, min(minute, 9 * 60) - 7 * 60)
        if minute < 9 * 60
        else max(450, 1890 - 20 * (minute - 540))
    )
    on = 7 * 60 + 15 <= minute < 9 * 60 + 40
    return [int(there and minute % 3 == 0), co2, 33.0 if there else 27.5, 240.0 if on else 3.0, 7.5]


def messages(day: int = 0, lost: range = range(0)):
    for first in range(0, 24 * 60, 30):
        rows = [
            [n, n * MINUTE, *(minute_of(first + n) if first + n not in lost else [ABSENT] * len(COLUMNS))]
            for n in range(30)
        ]
        at = START + day * DAY + first * MINUTE
        seq = day * 24 * 60 + first
        yield (
            board_topic("school", "board-1", "telemetry"),
            encode(Telemetry("9f3a61c20000002a", seq, 0, at, "ntp", COLUMNS, rows, None)),
        )


@pytest.fixture
def school(tmp_path):
    found = School(tmp_path, START + DAY + HOUR)
    found.records.import_inventory(Inventory.model_validate(DOCUMENT))
    found.pipeline.places.refresh()
    yield found
    found.close()


def pieces(school, day=MONDAY):
    """(equipment, period) -> fact, of the lesson slots; and the sums of the day."""
    facts = school.records.equipment_facts("school", "room-1", day, day + timedelta(days=1))
    sums = school.records.equipment_sums("school", day, day + timedelta(days=1))
    return {(f.equipment, f.period): f for f in facts if f.kind == "lesson"}, sums


def test_power_becomes_states_hours_and_energy(school):
    """The projector is on for two hours and 25 minutes and in standby else; the router is always on, never in use."""
    school.send(messages())
    school.pipeline.derive()
    spans = school.records.stretches("school", EQUIPMENT, "projector-1", POWER, START, START + DAY)
    assert spans[0].start_ms == START and spans[-1].end_ms == START + DAY
    on = sum(s.end_ms - s.start_ms for s in spans if s.state == ON)
    assert on == (2 * 60 + 25) * MINUTE
    assert {s.state for s in spans} <= {ON, STANDBY, OFF, "off_or_standby", UNKNOWN}
    facts, sums = pieces(school)
    assert sums["projector-1"].on_ms == on
    assert sums["projector-1"].energy_mwh / 1e6 == pytest.approx(
        0.240 * on / HOUR + 0.003 * (DAY - on) / HOUR, rel=0.005
    )
    assert sums["projector-1"].periods_used == 3 and sums["projector-1"].periods_measured == 4
    assert facts["projector-1", 1].on_minutes == 30 and facts["projector-1", 2].on_minutes == 45
    router = school.records.stretches("school", EQUIPMENT, "router-1", POWER, START, START + DAY)
    assert {s.state for s in router} == {ALWAYS_ON}
    assert sums["router-1"].on_ms == sums["router-1"].idle_ms == 0
    assert sums["router-1"].energy_mwh == pytest.approx(7.5e3 * 24, rel=0.01)


def test_what_is_left_on_counts_from_a_quarter_of_an_hour_after_the_last_person(school):
    """People leave by 09:00, the projector runs until 09:40 and is in standby then."""
    school.send(messages())
    school.pipeline.derive()
    _, sums = pieces(school)
    presence = school.records.intervals("school", "room-1", START, START + DAY)
    left = next(i for i in presence if i.state == "vacant" and i.start_ms > START + AT_EIGHT * MINUTE)
    assert 8 * 60 + 55 <= (left.start_ms - START) / MINUTE <= 9 * 60 + 10
    facts = school.records.equipment_facts("school", "room-1", MONDAY, MONDAY + timedelta(days=1))
    (third,) = [f for f in facts if f.equipment == "projector-1" and f.kind == "lesson" and f.period == 3]
    since = max(left.start_ms + 15 * MINUTE, START + 9 * HOUR)
    assert third.idle_minutes == (START + 9 * HOUR + 45 * MINUTE - since) / MINUTE > 20  # then in standby
    assert third.idle_valid_minutes == 45
    assert sums["projector-1"].idle_mwh > 0


def test_air_and_people_are_in_the_facts_of_the_room(school):
    """Stale and warm minutes, and people counted where the volume is known."""
    school.send(messages())
    school.pipeline.derive()
    facts = {
        f.period: f
        for f in school.records.facts("school", "room-1", MONDAY, MONDAY + timedelta(days=1))
        if f.period
    }
    assert facts[1].co2_minutes == 45 and facts[1].co2_high_minutes == 0
    assert facts[2].co2_high_minutes == 45 and facts[2].temperature_high_minutes == 45
    people = school.records.stretches("school", ROOM, "room-1", PEOPLE, START, START + DAY)
    assert people[-1].end_ms == START + DAY and max(one.value or 0 for one in people) > 1
    assert facts[2].counted_minutes == 0  # on the first day nobody knows how fast the air is exchanged
    assert facts[2].capacity == 40
    stale = school.records.stretches("school", ROOM, "room-1", CO2, START, START + DAY)
    assert [s.state for s in stale] == ["fair", "high", "fair"]


def test_a_day_that_comes_late_ends_as_if_it_had_come_in_time(school, tmp_path):
    """An hour of the morning arrives after the day was derived: states, energy and facts are then complete."""
    told = list(messages())
    school.send(told[:15] + told[17:])
    school.pipeline.derive()
    early = pieces(school)
    assert early[1]["projector-1"].energy_ms < DAY - 50 * MINUTE
    school.send(told[15:17])
    school.pipeline.derive()
    late = pieces(school)
    assert late[1]["projector-1"].energy_ms >= DAY - 2 * MINUTE
    assert late[1]["projector-1"].on_ms == (2 * 60 + 25) * MINUTE
    assert late != early


def test_a_restart_in_the_morning_changes_nothing(tmp_path):
    """Derived by two collectors, one after the other, or by one: the same facts of rooms and equipment."""
    found = []
    for name, restart in (("whole", False), ("parts", True)):
        school = School(tmp_path / name, START)
        school.records.import_inventory(Inventory.model_validate(DOCUMENT))
        school.pipeline.places.refresh()
        for n, message in enumerate(messages()):
            school.now_ms = START + (n + 1) * 30 * MINUTE
            school.send([message])
            school.pipeline.derive()
            if restart and n % 9 == 4:
                school.close()
                school = School(tmp_path / name, school.now_ms)
        school.now_ms = START + DAY + HOUR
        school.pipeline.derive()
        found.append((school.outcome(), pieces(school), school.records.stretches(
            "school", EQUIPMENT, "projector-1", POWER, START, START + DAY
        )))  # fmt: skip
        school.close()
    assert found[0] == found[1]
