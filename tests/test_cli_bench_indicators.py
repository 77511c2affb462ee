"""`campus bench indicators` at a tiny size, and that a year of facts made at once is the year made day by day."""

import json
from datetime import UTC, datetime, timedelta
from itertools import chain
from zoneinfo import ZoneInfo

import pytest
from cli import campus

from campus.cli.bench_indicators_latency import quantile, quantiles, ranges
from campus.cli.bench_indicators_school import BEGIN, SITE, BenchSchool
from campus.indicators.equipment import equipment_facts
from campus.indicators.facts import facts, ms
from campus.indicators.ghosts import ghost_slots
from campus.indicators.ghosts import ghosts as of_days
from campus.indicators.sums import EquipmentSums, RoomSums
from campus.inference import CO2, EQUIPMENT, PEOPLE, POWER, ROOM, TEMPERATURE
from campus.inference.intervals import SETTLE_MS
from campus.records import derivations, open_records
from campus.records.dirty import FACTS
from campus.records.entities import Dirty
from campus.records.figure_scopes import SCOPES
from campus.records.inventory import Inventory
from collector import edits
from collector.places import Places
from simulator.school import TZ

DAYS = 60
ZONE = ZoneInfo(TZ)


@pytest.fixture
def school(tmp_path):
    """Two rooms with seven pieces of equipment and two months of intervals, without facts; and its description."""
    bench = BenchSchool.make(2, 7, DAYS)
    with open_records("sqlite", tmp_path) as records:
        records.import_inventory(Inventory.parse(bench.inventory()))
        for parts in bench.months():
            records.store_derivations(parts)
        yield records, bench


def restate(records, bench, start=BEGIN, end=None):
    places = Places(records, lambda: 0)
    for room in bench.rooms:
        one = records.room(SITE, room.id)
        edit = Dirty(0, SITE, room.id, start, end or bench.end, FACTS, "test")
        edits.restate(records, one, places.model(one), edit, ZONE)


def by_days(records, bench, room):
    """The facts of a room, each day from what is stored around it."""
    calendar = records.calendar(SITE)
    of_room, of_pieces = [], []
    for day in (BEGIN + timedelta(days=n) for n in range(bench.days)):
        slots, scheduled = calendar.slots(day), calendar.scheduled(room.id, day)
        span = ms(slots[0].start) - SETTLE_MS, ms(slots[-1].end) + SETTLE_MS
        presence = records.intervals(SITE, room.id, *span)
        stretches = {
            aspect: records.stretches(SITE, ROOM, room.id, aspect, *span)
            for aspect in (PEOPLE, CO2, TEMPERATURE)
        }
        of_room += facts(
            SITE, room.id, presence, slots, scheduled, stretches=stretches, capacity=room.capacity
        )
        for piece in bench.pieces[room.id]:
            power = records.stretches(SITE, EQUIPMENT, piece, POWER, *span)
            of_pieces += equipment_facts(SITE, piece, room.id, power, presence, slots, scheduled)
    return of_room, of_pieces


def test_facts_made_many_days_at_once_are_those_made_day_by_day(school):
    """Every field of every fact, the sums of any range, and the lessons of each date."""
    records, bench = school
    restate(records, bench)
    for room in bench.rooms:
        of_room, of_pieces = by_days(records, bench, records.room(SITE, room.id))
        assert records.facts(SITE, room.id) == of_room
        found = records.equipment_facts(SITE, room.id)
        assert found == sorted(of_pieces, key=lambda fact: (fact.start, fact.equipment))
        assert len(of_room) > DAYS and len(of_pieces) > 3 * DAYS
    check_sums(records, bench)
    assert ghosts_agree(records, bench)


def check_sums(records, bench):
    for start, end in ((BEGIN, bench.end), *ranges(bench.end).values()):
        of_rooms, of_pieces = records.room_sums(SITE, start, end), records.equipment_sums(SITE, start, end)
        for room in bench.rooms:
            found = records.facts(SITE, room.id, start, end)
            assert of_rooms[room.id] == RoomSums.total(map(RoomSums.of, found))
            pieces = records.equipment_facts(SITE, room.id, start, end)
            for piece in bench.pieces[room.id]:
                own = [fact for fact in pieces if fact.equipment == piece]
                assert of_pieces[piece] == EquipmentSums.total(map(EquipmentSums.of, own))


def ghosts_agree(records, bench):
    now = datetime(2026, 1, 1, tzinfo=UTC)
    days = records.lesson_days(SITE, BEGIN, bench.end)
    every = chain.from_iterable(records.facts(SITE, room.id) for room in bench.rooms)
    return of_days(days, "v", now) == ghost_slots(every, "v", now)


def test_parts_made_again_leave_the_whole_as_it_was(school):
    """A range that begins and ends inside months, made anew over facts that are there, changes nothing."""
    records, bench = school
    restate(records, bench)
    before = [(records.facts(SITE, room.id), records.equipment_facts(SITE, room.id)) for room in bench.rooms]
    restate(records, bench, BEGIN + timedelta(days=20), BEGIN + timedelta(days=41))
    assert before == [
        (records.facts(SITE, room.id), records.equipment_facts(SITE, room.id)) for room in bench.rooms
    ]
    check_sums(records, bench)
    assert ghosts_agree(records, bench)


def test_lessons_that_are_not_kept_beside_the_facts_would_be_noticed(school, monkeypatch):
    """The control: without the rows of lessons the ghost slots are not those of the facts."""
    records, bench = school
    monkeypatch.setattr(derivations.lessons, "store", lambda *args: None)
    restate(records, bench)
    assert not ghosts_agree(records, bench)


def test_its_figures_are_there_and_agree(tmp_path):
    """The command at a tiny size: every part is told, and what is counted adds up."""
    done = campus(
        *("bench", "indicators", "--rooms", 2, "--pieces", 3, "--days", 9, "--repeat", 1, "--json"),
        cwd=tmp_path,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["school"]["rooms"], told["school"]["pieces"], told["school"]["days"]) == (2, 3, 9)
    year = told["year_of_facts"]
    assert year["room_days"] == 18 and year["equipment_facts"] * 2 == year["room_facts"] * 3
    assert year["cpu_s"] > 0 and year["wall_s"] > 0
    asked = told["indicators"]
    assert set(asked["all_by_scope_p95_ms"]) == set(SCOPES)
    assert asked["all_of_a_scope"]["asked"] == len(SCOPES) * len(ranges(BEGIN))
    assert 0 <= asked["indicators_in_time"] <= asked["indicators"]
    for one in (asked["all_of_a_scope"], asked["each_alone"], told["api"]["all_of_the_site"]):
        assert 0 < one["p50_ms"] <= one["p95_ms"] <= one["max_ms"]
    slow, fast = (told["sampling"][f"at_{rate}_a_minute"] for rate in (1, 10))
    assert fast["samples"] == 10 * slow["samples"] and told["sampling"]["facts_and_sums_equal"] is True
    assert slow["room_facts"] == fast["room_facts"] > 0 < slow["equipment_facts"]
    assert told["late_day"]["days"] >= 1 and 0 < told["late_day"]["median_s"] <= told["late_day"]["max_s"]
    assert set(told["limited_by"]) == {"year_of_facts", "indicators", "late_day"}


def test_ranges_lie_within_the_year_that_is_measured():
    """Whatever its length, and none is empty."""
    for days in (7, 8, 31, 130, 365):
        for start, end in ranges(BEGIN + timedelta(days=days)).values():
            assert BEGIN <= start < end <= BEGIN + timedelta(days=days)


def test_quantiles_are_by_nearest_rank():
    """Each is one of the values."""
    values = [float(n) for n in range(1, 21)]
    assert (quantile(values, 95), quantile(values, 50), quantile([3.0], 95)) == (19.0, 10.0, 3.0)
    assert quantiles(values)["max_ms"] == 20.0
