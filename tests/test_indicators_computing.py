"""Sums to indicators: every definition by hand and from the facts themselves, and every reason for no value."""

from datetime import UTC, date, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus.calendar import BREAK, EVENING, LESSON
from campus.indicators import (
    CAUSES,
    FREE,
    HELD,
    NO_SHOW,
    NOT_MEASURED,
    PARTLY_HELD,
    SERVER,
    UNSCHEDULED,
    EquipmentFact,
    LinkDay,
    RoomFact,
)
from campus.indicators.computing import KINDS, compute, every
from campus.indicators.definition import EQUIPMENT, LINK, RECORD, ROOM, UPKEEP
from campus.indicators.definitions import DEFINITIONS
from campus.indicators.reasons import (
    CODES,
    LOW_COVERAGE,
    NOTHING_IN_RANGE,
    NOTHING_MEASURED,
    NOTHING_TO_DIVIDE,
)
from campus.indicators.records import RecordCounts
from campus.indicators.sums import EquipmentSums, LinkSums, RoomSums

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
DAY = date(2026, 11, 20)
MINUTE, HOUR = 60_000, 3_600_000


def values(sums, *ids):
    return {found.id: found.value for found in compute(sums, ids or every(KINDS[type(sums)]), "c-1", NOW)}


ROOMS = RoomSums(
    slots=100, slot_ms=4500 * MINUTE, valid_ms=4000 * MINUTE, occupied_ms=2000 * MINUTE,
    scheduled=60, held=40, partly_held=6, no_show=4, not_measured=10,
    free=20, unscheduled=5, not_measured_free=5, exams=10,
    after_hours=3, after_hours_ms=2 * HOUR, outside_ms=100 * HOUR, outside_valid_ms=90 * HOUR,
    counted_ms=1800 * MINUTE, person_ms=1800 * MINUTE * 30, seat_ms=1800 * MINUTE * 45,
    co2_ms=3600 * MINUTE, co2_high_ms=900 * MINUTE, temperature_ms=4500 * MINUTE, temperature_high_ms=45 * MINUTE,
)  # fmt: skip


def test_every_indicator_of_rooms_by_hand():
    """One set of sums, and what each definition makes of it."""
    assert values(ROOMS) == {
        "frequency_rate": 0.5,
        "planned_use": 60 / 90,
        "actual_use": 51 / 75,
        "periods_used": 51,
        "scheduled": 60,
        "held": 40,
        "partly_held": 6,
        "no_show": 4,
        "not_measured": 10,
        "delivery_rate": 40 / 50,
        "partly_held_rate": 6 / 50,
        "no_show_rate": 4 / 50,
        "unscheduled": 5,
        "unscheduled_rate": 5 / 25,
        "after_hours": 3,
        "after_hours_time": 2.0,
        "occupancy_rate": 30 / 45,
        "utilisation_rate": 0.5 * 30 / 45,
        "co2_high_rate": 0.25,
        "temperature_high_rate": 0.01,
        "room_coverage": 4000 / 4500,
    }


def test_every_indicator_of_equipment_by_hand():
    """Hours, periods, intensity, what was left on, and energy."""
    sums = EquipmentSums(
        slot_ms=100 * HOUR, valid_ms=90 * HOUR, on_ms=30 * HOUR, standby_ms=10 * HOUR,
        energy_ms=80 * HOUR, energy_mwh=12_345_678, idle_valid_ms=85 * HOUR, idle_ms=90 * MINUTE,
        idle_mwh=1_500_000, lesson_ms=40 * HOUR, lesson_valid_ms=36 * HOUR, lesson_on_ms=20 * HOUR,
        periods=50, periods_measured=45, periods_used=18,
    )  # fmt: skip
    assert values(sums) == {
        "operating_hours": 30.0,
        "periods_operated": 18,
        "equipment_use_rate": 18 / 45,
        "equipment_intensity": 0.75,
        "idle_on_time": 90.0,
        "idle_on_energy": 1.5,
        "energy": 12.345678,
        "equipment_coverage": 0.9,
    }


def test_every_indicator_of_connections_by_hand():
    """The server's own absence is in no denominator, and in the coverage."""
    sums = LinkSums(
        school_ms=100 * HOUR, online_ms=80 * HOUR, lost_power_ms=4 * HOUR, lost_uplink_ms=3 * HOUR,
        lost_access_point_ms=2 * HOUR, lost_board_ms=1 * HOUR, lost_server_ms=10 * HOUR,
        lost_unknown_ms=0, interruptions=7,
    )  # fmt: skip
    assert values(sums) == {
        "board_connectivity": 80 / 90,
        "room_connectivity": 80 / 90,
        "lost_power": 4 / 90,
        "lost_uplink": 3 / 90,
        "lost_access_point": 2 / 90,
        "lost_board": 1 / 90,
        "lost_unknown": 0.0,
        "interruptions": 7,
        "link_coverage": 0.9,
    }


def test_the_digital_record_by_hand():
    """Complete ÷ known, and nothing where no item is known."""
    assert values(RecordCounts(known=8, complete=6)) == {"record_coverage": 0.75}
    [found] = compute(RecordCounts(), ["record_coverage"], "c-1", NOW)
    assert (found.value, found.reason_code) == (None, NOTHING_IN_RANGE)


def test_an_indicator_carries_its_evidence():
    """Numerator, denominator and coverage in their units; whose version, when, and whether it may still change."""
    [found] = compute(ROOMS, ["no_show_rate"], "c-1", NOW, provisional=False)
    assert (found.id, found.version, found.unit) == ("no_show_rate", 1, "1")
    assert (found.numerator, found.denominator, found.coverage) == (4.0, 50.0, 50 / 60)
    assert (found.calendar_version, found.computed_at, found.provisional) == ("c-1", NOW, False)
    [energy] = compute(
        EquipmentSums(slot_ms=HOUR, energy_ms=HOUR, energy_mwh=500_000), ["energy"], "c-1", NOW
    )
    assert (energy.numerator, energy.denominator, energy.coverage, energy.unit) == (0.5, 1.0, 1.0, "kWh")


def test_a_rate_of_two_streams_has_the_lower_coverage():
    """Seats are judged by the time that was measured, and by the use in which people were counted."""
    occupancy, use = compute(ROOMS, ["occupancy_rate", "utilisation_rate"], "c-1", NOW)
    assert occupancy.coverage == use.coverage == 4000 / 4500
    assert (occupancy.numerator, occupancy.denominator) == (900.0, 1350.0)
    assert use.value == use.numerator / use.denominator


@pytest.mark.parametrize(
    ("sums", "id", "code", "numbers"),
    [
        (RoomSums(), "frequency_rate", NOTHING_IN_RANGE, {}),
        (RoomSums(), "planned_use", NOTHING_IN_RANGE, {}),
        (RoomSums(), "scheduled", NOTHING_IN_RANGE, {}),
        (RoomSums(slots=5, exams=5), "planned_use", NOTHING_IN_RANGE, {}),
        (RoomSums(), "after_hours", NOTHING_IN_RANGE, {}),
        (RoomSums(outside_ms=HOUR), "after_hours", NOTHING_MEASURED, {}),
        (RoomSums(slots=1, slot_ms=MINUTE), "frequency_rate", NOTHING_MEASURED, {}),
        (RoomSums(slots=1, scheduled=1, not_measured=1), "delivery_rate", NOTHING_MEASURED, {}),
        (
            RoomSums(slots=5, scheduled=5, no_show=3, not_measured=2),
            "no_show",
            LOW_COVERAGE,
            {"coverage_pct": 60, "needed_pct": 80},
        ),
        (RoomSums(slots=3, slot_ms=9, valid_ms=9), "delivery_rate", NOTHING_IN_RANGE, {}),
        (RoomSums(slots=3, slot_ms=9, valid_ms=9), "occupancy_rate", NOTHING_TO_DIVIDE, {}),
        (RoomSums(slots=3, slot_ms=9, valid_ms=9, occupied_ms=9), "occupancy_rate", NOTHING_MEASURED, {}),
        (
            RoomSums(slots=3, slot_ms=9, valid_ms=9, occupied_ms=9, counted_ms=7, person_ms=70, seat_ms=700),
            "utilisation_rate",
            LOW_COVERAGE,
            {"coverage_pct": 77, "needed_pct": 80},
        ),
        (
            RoomSums(slots=3, slot_ms=9, valid_ms=7, occupied_ms=7, counted_ms=7, person_ms=70, seat_ms=700),
            "utilisation_rate",
            LOW_COVERAGE,
            {"coverage_pct": 77, "needed_pct": 80},
        ),
        (RoomSums(slots=3, slot_ms=9, valid_ms=9), "co2_high_rate", NOTHING_MEASURED, {}),
        (EquipmentSums(slot_ms=9, valid_ms=9), "equipment_intensity", NOTHING_TO_DIVIDE, {}),
        (EquipmentSums(slot_ms=10, valid_ms=10, idle_valid_ms=8), "idle_on_energy", NOTHING_MEASURED, {}),
        (LinkSums(school_ms=9, lost_server_ms=9), "board_connectivity", NOTHING_MEASURED, {}),
        (LinkSums(), "board_connectivity", NOTHING_IN_RANGE, {}),
    ],
)
def test_no_value_comes_with_its_reason(sums, id, code, numbers):
    """Never a zero for unknown."""
    [found] = compute(sums, [id], "c-1", NOW)
    assert (found.value, found.reason_code, found.reason_values) == (None, code, numbers)
    assert found.reason == CODES[code].format(**numbers)


def test_measured_and_nothing_is_zero():
    """A room in which nobody ever was has rates, and so has equipment that nobody switched on."""
    empty = RoomSums(
        slots=2, slot_ms=9, valid_ms=9, scheduled=1, no_show=1, free=1, outside_ms=9, outside_valid_ms=9
    )
    found = values(empty, "frequency_rate", "delivery_rate", "actual_use", "after_hours", "unscheduled_rate")
    assert set(found.values()) == {0.0}
    assert values(EquipmentSums(slot_ms=9, valid_ms=9), "operating_hours") == {"operating_hours": 0.0}
    assert values(RoomSums(slot_ms=9), "room_coverage") == {"room_coverage": 0.0}


@pytest.mark.parametrize(
    ("sums", "id", "message"),
    [
        (RoomSums(), "occupancy", "'occupancy' is no indicator of room sums; use one of frequency_rate"),
        (EquipmentSums(), "frequency_rate", "'frequency_rate' is no indicator of equipment sums"),
        (RoomSums(), "ghost_slots", "'ghost_slots' is no indicator of"),
        (EquipmentSums(), "energy_cost", "'energy_cost' is no indicator of"),
    ],
)  # fmt: skip
def test_an_indicator_of_other_sums_is_refused(sums, id, message):
    """With what can be asked for."""
    with pytest.raises(ValueError, match=message):
        compute(sums, [id], "c-1", NOW)


def test_every_definition_reads_fields_that_exist():
    """Names, units, versions and a coverage where one is needed; in both languages."""
    kinds = {of: sums.names() for sums, of in KINDS.items() if of != RECORD} | {RECORD: ("known", "complete")}
    assert set(kinds) == {ROOM, EQUIPMENT, LINK, RECORD, UPKEEP}
    for id, found in DEFINITIONS.items():
        assert (id, found.version >= 1) == (found.id, True)
        assert all((found.name_vi, found.name_en, found.formula, found.unit, found.source))
        assert found.coverage or not found.least_coverage_pct
        if found.listed:
            continue
        amounts = [found.numerator, found.denominator, *(part for pair in found.coverage for part in pair)]
        for amount in amounts:
            assert {*amount.plus, *amount.minus} <= set(kinds[found.of]), id


minutes = st.integers(0, 45 * MINUTE)


@st.composite
def room_facts(draw):
    kind = draw(st.sampled_from([LESSON, LESSON, LESSON, EVENING, BREAK]))
    planned = kind == LESSON and draw(st.booleans())
    outcomes = [HELD, PARTLY_HELD, NO_SHOW, NOT_MEASURED] if planned else [FREE, UNSCHEDULED, NOT_MEASURED]
    slot = draw(st.integers(1, 45 * MINUTE))
    valid = draw(st.integers(slot // 2, slot))
    occupied = draw(st.integers(0, valid))
    counted = draw(st.integers(0, occupied))
    return RoomFact(
        "s", "a101", DAY, NOW, NOW, kind, "morning", 1, "9A" if planned else None, None,
        slot / MINUTE, valid / MINUTE, occupied / MINUTE, draw(st.sampled_from(outcomes)),
        exam=not planned and draw(st.booleans()), capacity=draw(st.sampled_from([None, 30, 45])),
        counted_minutes=counted / MINUTE, person_minutes=counted * draw(st.integers(0, 50)) / MINUTE,
        co2_minutes=valid / MINUTE, co2_high_minutes=occupied / MINUTE,
        temperature_minutes=occupied / MINUTE, temperature_high_minutes=counted / MINUTE,
    )  # fmt: skip


def expected_of_rooms(facts):
    """id -> (numerator, denominator) straight from the facts, as exact numbers of minutes and slots."""

    def total(name, chosen):
        return sum(Fraction(round(getattr(fact, name) * MINUTE), MINUTE) for fact in chosen)

    def having(chosen, *outcomes):
        return sum(fact.outcome in outcomes for fact in chosen)

    lessons = [fact for fact in facts if fact.kind == LESSON]
    outside = [fact for fact in facts if fact.kind == EVENING]
    planned = [fact for fact in lessons if fact.school_class]
    free = [fact for fact in lessons if not fact.school_class and not fact.exam]
    seated = [fact for fact in lessons if fact.capacity and fact.counted_minutes]
    judged = having(planned, HELD, PARTLY_HELD, NO_SHOW)
    used = having(planned, HELD, PARTLY_HELD) + having(free, UNSCHEDULED)
    seats = sum(fact.capacity * total("counted_minutes", [fact]) for fact in seated)
    valid, occupied = total("valid_minutes", lessons), total("occupied_minutes", lessons)
    return {
        "frequency_rate": (occupied, valid),
        "planned_use": (len(planned), len(planned) + len(free)),
        "actual_use": (used, judged + having(free, FREE, UNSCHEDULED)),
        "periods_used": (used, 1),
        "delivery_rate": (having(planned, HELD), judged),
        "partly_held_rate": (having(planned, PARTLY_HELD), judged),
        "no_show_rate": (having(planned, NO_SHOW), judged),
        "unscheduled_rate": (having(free, UNSCHEDULED), having(free, FREE, UNSCHEDULED)),
        "after_hours": (having(outside, UNSCHEDULED), 1),
        "after_hours_time": (
            total("occupied_minutes", [fact for fact in outside if fact.outcome == UNSCHEDULED]),
            60,
        ),
        "occupancy_rate": (total("person_minutes", seated), seats),
        "utilisation_rate": (occupied * total("person_minutes", seated), valid * seats),
        "co2_high_rate": (total("co2_high_minutes", lessons), total("co2_minutes", lessons)),
        "temperature_high_rate": (
            total("temperature_high_minutes", lessons),
            total("temperature_minutes", lessons),
        ),
        "room_coverage": (valid, total("slot_minutes", lessons)),
    }


@given(st.lists(room_facts(), max_size=30), st.randoms(use_true_random=False))
def test_sums_say_the_same_as_the_facts_in_any_order(facts, rng):
    """However facts are shuffled and grouped into sums, and as if there had been no sums."""
    straight = compute(RoomSums.total(map(RoomSums.of, facts)), every(ROOM), "c-1", NOW)
    shuffled = [RoomSums.of(fact) for fact in facts]
    rng.shuffle(shuffled)
    groups = []
    while shuffled:
        size = rng.randint(1, len(shuffled))
        groups.append(RoomSums.total(shuffled[:size]))
        shuffled = shuffled[size:]
    rng.shuffle(groups)
    assert compute(RoomSums.total(groups), every(ROOM), "c-1", NOW) == straight
    expected = expected_of_rooms(facts)
    for found in straight:
        if found.id == "after_hours" and found.coverage is not None:
            evenings = [fact for fact in facts if fact.kind == EVENING]
            slot, valid = (
                sum(round(getattr(fact, name) * MINUTE) for fact in evenings)
                for name in ("slot_minutes", "valid_minutes")
            )
            assert found.coverage == valid / slot
        if found.value is not None and found.id in expected:
            numerator, denominator = expected[found.id]
            assert found.value == pytest.approx(float(Fraction(numerator) / denominator), rel=1e-12), found.id


@given(
    st.lists(st.tuples(minutes, minutes, minutes, st.floats(0, 5000), st.booleans()), min_size=1, max_size=20)
)
def test_equipment_sums_say_the_same_as_the_facts(rows):
    """Hours, energy and periods of any slots, from sums and straight."""
    facts = [
        EquipmentFact(
            "s", "tv", "a101", DAY, NOW, NOW, LESSON if lesson else EVENING, None, None, None, None,
            45.0, 45.0, on / MINUTE, (45 * MINUTE - on) / MINUTE, 45.0, wh, 45.0, idle / MINUTE, wh / 2,
        )
        for on, _, idle, wh, lesson in rows
    ]  # fmt: skip
    found = values(EquipmentSums.total(map(EquipmentSums.of, facts)))
    lessons = [on for on, _, _, _, lesson in rows if lesson]
    assert found["operating_hours"] == pytest.approx(sum(on for on, *_ in rows) / HOUR)
    assert found["equipment_intensity"] == pytest.approx(
        sum(on for on, *_ in rows) / (45 * MINUTE * len(rows))
    )
    assert found["idle_on_time"] == pytest.approx(sum(idle for _, _, idle, *_ in rows) / MINUTE)
    assert found["energy"] == pytest.approx(sum(wh for *_, wh, _ in rows) / 1000, abs=1e-6 * len(rows))
    assert found["periods_operated"] == (sum(on >= 5 * MINUTE for on in lessons) if lessons else None)
    reverse = EquipmentSums.total(EquipmentSums.of(fact) for fact in reversed(facts))
    assert values(reverse) == found


@given(
    st.lists(
        st.fixed_dictionaries({"online": minutes, **{cause: minutes for cause in CAUSES}}),
        min_size=1,
        max_size=20,
    )
)
def test_link_sums_say_the_same_as_the_days(rows):
    """Availability and its loss by cause of any boards and days."""
    days = [
        LinkDay(
            "s", "board", "b-1", DAY, sum(row.values()) / MINUTE, row["online"] / MINUTE,
            {cause: row[cause] / MINUTE for cause in CAUSES}, 1,
        )
        for row in rows
    ]  # fmt: skip
    sums = LinkSums.total(map(LinkSums.of, days))
    judged = sum(sum(row.values()) - row[SERVER] for row in rows)
    for found in compute(sums, every(LINK), "c-1", NOW):
        if found.value is None:
            continue
        if found.id == "board_connectivity":
            assert found.value == sum(row["online"] for row in rows) / judged
        if found.id.startswith("lost_"):
            assert found.value == sum(row[found.id.removeprefix("lost_")] for row in rows) / judged
    assert sums == LinkSums.total(LinkSums.of(day) for day in reversed(days))
