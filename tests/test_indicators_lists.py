"""Indicators that come with a list: ghost slots and never used equipment; and those with a price, records, privacy."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus.calendar import LESSON
from campus.indicators import HELD, NO_SHOW, NOT_MEASURED, PARTLY_HELD, RoomFact
from campus.indicators.computing import cost
from campus.indicators.definitions import DEFINITIONS
from campus.indicators.ghosts import LessonDay, ghost_slots, ghosts
from campus.indicators.privacy import may_show
from campus.indicators.reasons import LOW_COVERAGE, NO_TARIFF, NOTHING_IN_RANGE, NOTHING_MEASURED
from campus.indicators.records import RecordCounts, missing
from campus.indicators.sums import EquipmentSums
from campus.indicators.tariff import Priced, Tariff, periods, price
from campus.indicators.unused import never_used

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
MONDAY = date(2026, 9, 7)
HOUR = 3_600_000


def weeks(outcomes, school_class="9A", period=1, start=MONDAY, step=1, room="a101"):
    """Facts of one weekly slot, one a week; None is a week without."""
    return [
        RoomFact(
            "s", room, start + timedelta(weeks=step * week), NOW, NOW, LESSON, "morning", period, school_class,
            "Toán", 45.0, 45.0, 0.0, outcome,
        )
        for week, outcome in enumerate(outcomes)
        if outcome is not None
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("outcomes", "empty"),
    [
        ([NO_SHOW] * 4, 4),
        ([NO_SHOW, HELD, NO_SHOW, NO_SHOW], 3),
        ([HELD, HELD, HELD, NO_SHOW, NO_SHOW, NO_SHOW, NO_SHOW], 4),
        ([NO_SHOW, NO_SHOW, PARTLY_HELD, HELD], None),
        ([NO_SHOW, NO_SHOW, NO_SHOW, NO_SHOW, HELD, HELD], None),  # it was one, and is used again
        ([NO_SHOW, None, NO_SHOW, NOT_MEASURED, NO_SHOW, HELD], 3),  # weeks that were measured
    ],
)
def test_a_ghost_slot_was_empty_in_three_of_its_last_four_measured_weeks(outcomes, empty):
    """Whatever came before, and across weeks that nobody measured."""
    found, ghosts = ghost_slots(weeks(outcomes), "c-1", NOW)
    assert [ghost.empty for ghost in ghosts] == ([] if empty is None else [empty])
    assert (found.id, found.value, found.denominator) == ("ghost_slots", len(ghosts), 1)
    for ghost in ghosts:
        assert (ghost.room, ghost.weekday, ghost.session, ghost.period, ghost.school_class) == (
            "a101", 1, "morning", 1, "9A",
        )  # fmt: skip
        assert len(ghost.dates) == 4 and ghost.dates == tuple(sorted(ghost.dates))


def test_three_measured_weeks_are_too_few():
    """They are known and not judged; under 80 % of the slots judged there is no figure."""
    facts = weeks([NO_SHOW] * 3)
    found, ghosts = ghost_slots(facts, "c-1", NOW)
    assert (found.value, found.reason_code, ghosts) == (None, NOTHING_MEASURED, [])
    found, ghosts = ghost_slots(facts + weeks([NO_SHOW] * 4, period=2), "c-1", NOW)
    assert (found.value, found.reason_code, found.coverage, len(ghosts)) == (None, LOW_COVERAGE, 0.5, 1)
    assert ghost_slots([], "c-1", NOW)[0].reason_code == NOTHING_IN_RANGE


def test_a_slot_that_another_class_has_now_is_no_ghost():
    """The timetable has changed already; who has it now is judged by its own weeks."""
    facts = weeks([NO_SHOW] * 4) + weeks([HELD] * 4, "9B", start=MONDAY + timedelta(weeks=4))
    found, ghosts = ghost_slots(reversed(facts), "c-1", NOW)
    assert (found.value, found.denominator, ghosts) == (0, 1, [])


def test_classes_that_share_a_slot_by_turns_are_judged_apart():
    """A and B weeks: both still have the slot."""
    facts = weeks([NO_SHOW] * 4, step=2) + weeks([HELD] * 4, "9B", start=MONDAY + timedelta(weeks=1), step=2)
    found, [ghost] = ghost_slots(facts, "c-1", NOW)
    assert (found.value, found.denominator, ghost.school_class) == (1, 2, "9A")


ROOM_WEEKS = st.lists(
    st.tuples(st.sampled_from("AAAAB"), st.text("hhhpn-", min_size=3, max_size=3)), min_size=1, max_size=9
)


@given(ROOM_WEEKS)
def test_ghost_slots_are_those_of_the_definition(room_weeks):
    """However the weeks are planned: A gives the second place to 9B, B to 9C; each slot looked at by itself."""
    plans = {plan: (("morning", 1, "9A"), ("morning", 2, f"9{plan}"), ("morning", 3, "9A")) for plan in "AB"}
    days = [
        LessonDay("s", "a101", MONDAY + timedelta(weeks=week), plans[plan], letters)
        for week, (plan, letters) in enumerate(room_weeks)
    ]
    known, judged, expected = 0, 0, []
    for lesson in sorted({lesson for day in days for lesson in day.planned}):
        on = [(day.date, day.outcomes[day.planned.index(lesson)]) for day in days if lesson in day.planned]
        if on[-1][0] < [day.date for day in days][-2:][0]:
            continue
        measured = [one for one in on if one[1] != "-"]
        known, judged = known + 1, judged + (len(measured) >= 4)
        empty = [letter for _, letter in measured[-4:]].count("n")
        if len(measured) >= 4 and empty >= 3:
            expected.append((*lesson, tuple(day for day, _ in measured[-4:]), empty))
    found, told = ghosts(days, "c-1", NOW)
    assert [(one.session, one.period, one.school_class, one.dates, one.empty) for one in told] == expected
    assert found.coverage == judged / known
    assert found.denominator == judged


def test_never_used_equipment_was_measured_and_in_no_period_used():
    """A piece that was hardly measured is not said to be unused."""
    pieces = {
        "tv-3": EquipmentSums(periods=10, periods_measured=10),
        "tv-1": EquipmentSums(periods=10, periods_measured=8),
        "tv-2": EquipmentSums(periods=10, periods_measured=10, periods_used=1),
        "tv-4": EquipmentSums(periods=10, periods_measured=7, periods_used=1),
        "tv-5": EquipmentSums(periods=10, periods_measured=7),
    }
    found, unused = never_used(pieces, "c-1", NOW)
    assert unused == ["tv-1", "tv-3"]
    assert (found.value, found.numerator, found.denominator, found.coverage) == (2, 2, 4, 0.8)
    found, unused = never_used({"tv-5": pieces["tv-5"]}, "c-1", NOW)
    assert (found.value, found.reason_code, unused) == (None, NOTHING_MEASURED, [])
    assert never_used({"tv": EquipmentSums()}, "c-1", NOW)[1] == []
    assert never_used({}, "c-1", NOW)[0].reason_code == NOTHING_IN_RANGE


TARIFFS = [Tariff(date(2026, 10, 11), 2500.0), Tariff(date(2025, 5, 10), 2072.5)]


def test_a_price_holds_from_its_date_until_the_next():
    """In any order of the tariffs; before the first there is none."""
    assert price(TARIFFS, date(2025, 5, 9)) is None
    assert price(TARIFFS, date(2025, 5, 10)) == price(TARIFFS, date(2026, 10, 10)) == 2072.5
    assert price(TARIFFS, date(2026, 10, 11)) == 2500.0
    assert periods(TARIFFS, date(2026, 10, 1), date(2026, 11, 1)) == [
        (date(2026, 10, 1), date(2026, 10, 11), 2072.5),
        (date(2026, 10, 11), date(2026, 11, 1), 2500.0),
    ]
    assert periods(TARIFFS, date(2026, 10, 11), date(2026, 10, 12)) == [
        (date(2026, 10, 11), date(2026, 10, 12), 2500.0)
    ]
    assert periods([], MONDAY, MONDAY + timedelta(days=1)) == [(MONDAY, MONDAY + timedelta(days=1), None)]
    assert periods(TARIFFS, MONDAY, MONDAY) == []


def part(start, vnd, kwh, idle_kwh=0.0, metered=1.0):
    sums = EquipmentSums(
        slot_ms=HOUR, valid_ms=HOUR, energy_ms=int(HOUR * metered), energy_mwh=int(kwh * 1e6),
        idle_valid_ms=HOUR, idle_mwh=int(idle_kwh * 1e6),
    )  # fmt: skip
    return Priced(start, vnd, sums)


def test_energy_costs_what_it_did_on_its_day():
    """Each part at its own price, the same in any order; the evidence is the energy."""
    parts = [part(date(2026, 10, 1), 2072.5, 10, 1), part(date(2026, 10, 11), 2500.0, 2, 0.5)]
    for order in (parts, parts[::-1]):
        found = cost(order, "energy_cost", "c-1", NOW)
        assert (found.value, found.unit, found.numerator, found.coverage) == (25_725.0, "VND", 12.0, 1.0)
        assert cost(order, "idle_on_cost", "c-1", NOW).value == 2072.5 + 1250.0


def test_energy_without_a_tariff_costs_nobody_knows_what():
    """Only where there was energy; and too little metered time has no cost either."""
    unpriced = part(MONDAY, None, 1)
    found = cost([part(date(2026, 10, 11), 2500.0, 2), unpriced], "energy_cost", "c-1", NOW)
    assert (found.value, found.reason_code, found.reason_values) == (None, NO_TARIFF, {"date": "2026-09-07"})
    assert found.reason == "there is no tariff for 2026-09-07"
    assert (
        cost([unpriced, part(date(2026, 10, 11), 2500.0, 2, 1)], "idle_on_cost", "c-1", NOW).value == 2500.0
    )
    assert cost([part(MONDAY, 2000.0, 1, metered=0.5)], "energy_cost", "c-1", NOW).reason_code == LOW_COVERAGE
    assert cost([], "energy_cost", "c-1", NOW).reason_code == NOTHING_IN_RANGE
    with pytest.raises(ValueError, match="'energy' has no price; use one of idle_on_cost, energy_cost"):
        cost([], "energy", "c-1", NOW)


TODAY = date(2026, 11, 26)


@pytest.mark.parametrize(
    ("changed", "lacking"),
    [
        ({}, ()),
        ({"room": None}, ("room",)),
        ({"kind": "", "condition": None}, ("kind", "condition")),
        ({"in_service_on": None}, ("in_service_on",)),
        ({"verified_on": None}, ("verified_on",)),
        ({"verified_on": date(2025, 11, 26)}, ()),
        ({"verified_on": date(2025, 11, 25)}, ("verified_on",)),
        ({"verified_on": date(2026, 11, 27)}, ("verified_on",)),  # not yet
        ({"today": date(2028, 2, 29), "verified_on": date(2027, 2, 28)}, ()),
        ({"today": date(2028, 2, 29), "verified_on": date(2027, 2, 27)}, ("verified_on",)),
    ],
)
def test_a_complete_record_lacks_nothing(changed, lacking):
    """Each field is needed, and the last verification must not be over a year old."""
    record = {
        "id": "tv-1", "kind": "tv", "room": "a101", "in_service_on": date(2024, 8, 1), "condition": "good",
        "verified_on": date(2026, 8, 20), "today": TODAY,
    } | changed  # fmt: skip
    assert missing(**record) == lacking


def test_counts_of_records_add_up():
    """Of several rooms, and of none."""
    assert RecordCounts.total([RecordCounts(3, 2), RecordCounts(5, 5)]) == RecordCounts(8, 7)
    assert RecordCounts.total([]) == RecordCounts()


@pytest.mark.parametrize(
    ("id", "facilities", "days", "teachers", "shown"),
    [
        ("no_show_rate", True, (0, 1), None, True),
        ("no_show_rate", False, (0, 7), 3, True),
        ("no_show_rate", False, (0, 28), 12, True),
        ("no_show_rate", False, (0, 7), 2, False),
        ("no_show_rate", False, (0, 7), None, False),
        ("no_show_rate", False, (0, 1), 30, False),
        ("no_show_rate", False, (0, 8), 30, False),
        ("no_show_rate", False, (1, 8), 30, False),
        ("no_show_rate", False, (0, 0), 30, False),
        ("frequency_rate", False, (0, 1), None, True),
    ],
)
def test_what_tells_about_teachers_is_shown_by_weeks_of_three_or_more(id, facilities, days, teachers, shown):
    """The facilities role sees all; others whole weeks of groups, so that no difference is one day or one teacher."""
    start, end = (MONDAY + timedelta(days=number) for number in days)
    assert may_show(DEFINITIONS[id], facilities=facilities, start=start, end=end, teachers=teachers) is shown


def test_what_was_held_or_not_is_personal_and_how_long_a_room_was_used_is_not():
    """A new definition of lessons has to say which it is."""
    assert {id for id, found in DEFINITIONS.items() if found.personal} == {
        "held", "partly_held", "no_show", "delivery_rate", "partly_held_rate", "no_show_rate", "ghost_slots",
    }  # fmt: skip
