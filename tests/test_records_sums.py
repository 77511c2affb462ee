"""Sums beside the facts: any range equals the facts summed; closed months keep theirs and list what changed."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from records_stores import DATABASES, SITE, fill, opened

from campus.errors import UsageError
from campus.indicators import EquipmentFact, RoomFact
from campus.indicators.sums import EquipmentSums, RoomSums
from campus.inference import EQUIPMENT, ON, POWER, ROOM, Interval, Stretch
from campus.records import dirty, sums
from campus.records.entities import Calibration, Derivation

DAY_MS = 86_400_000
FIRST = date(2026, 9, 25)
ZONE = timedelta(hours=7)
NOW = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture(params=DATABASES)
def records(request, tmp_path):
    with opened(request, tmp_path, now=lambda: NOW) as records:
        fill(records, rooms=2)
        yield records


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) - ZONE


def ms(at: datetime) -> int:
    return int(at.timestamp()) * 1000


def room_fact(day: date, slot: int, group: str | None, occupied: float, room: str = "a101") -> RoomFact:
    start = midnight(day) + timedelta(hours=7 + slot)
    outcome = "held" if occupied >= 25 else "no_show"
    return RoomFact(
        *(SITE, room, day, start, start + timedelta(minutes=45), "lesson", "morning", slot + 1),
        *("6A" if group else None, "Toán" if group else None, 45.0, 44.25, occupied),
        outcome=outcome if group else "free",
        subject_group=group,
        capacity=40,
        counted_minutes=occupied,
        person_minutes=occupied * 30,
    )


def piece_fact(day: date, slot: int, group: str | None, on: float, room: str = "a101") -> EquipmentFact:
    start = midnight(day) + timedelta(hours=7 + slot)
    return EquipmentFact(
        *(
            SITE,
            "projector-a101",
            room,
            day,
            start,
            start + timedelta(minutes=45),
            "lesson",
            "morning",
            slot + 1,
        ),
        *("6A" if group else None, group, 45.0, 45.0, on, 0.0, 45.0, on * 4.1, 45.0, 0.0, 0.0),
    )


def derivation(day: date, facts, pieces=(), room: str = "a101", **more) -> Derivation:
    start, end = ms(midnight(day)), ms(midnight(day + timedelta(days=1)))
    return Derivation(SITE, room, start, end, [], facts, [], end, equipment_facts=pieces, **more)


GROUPS = (None, "math", "khtn")
DAYS = st.integers(0, 70).map(lambda n: FIRST + timedelta(days=n))
SLOTS = st.lists(
    st.tuples(st.sampled_from(GROUPS), st.floats(0, 44, allow_nan=False).map(lambda x: round(x * 4) / 4)),
    max_size=3,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    stored=st.lists(st.tuples(DAYS, SLOTS, st.sampled_from(["a101", "a102"])), min_size=1, max_size=8),
    ranges=st.lists(st.tuples(DAYS, DAYS), max_size=4),
)
def test_any_range_of_sums_equals_the_facts_summed(records, stored, ranges):
    """Days stored, and stored again otherwise, in any order: sums of any range and group are those of its facts."""
    parts = [
        derivation(
            day,
            [room_fact(day, n, group, value, room) for n, (group, value) in enumerate(slots)],
            [piece_fact(day, n, group, value, room) for n, (group, value) in enumerate(slots)],
            room,
        )
        for day, slots, room in stored
    ]
    records.store_derivations(parts)
    for start, end in [*ranges, (FIRST, FIRST + timedelta(days=80))]:
        for group in ("", "math"):
            facts = [
                f for f in records.facts(SITE, None, start, max(start, end)) if group in ("", f.subject_group)
            ]
            found = records.room_sums(SITE, start, end, subject_group=group)
            for room in ("a101", "a102"):
                of_room = RoomSums.total(RoomSums.of(f) for f in facts if f.room == room)
                assert found.get(room, RoomSums()) == of_room
            assert all_rooms(records, start, end, group) == RoomSums.total(map(RoomSums.of, facts))
            pieces = [
                f
                for f in records.equipment_facts(SITE, None, start, max(start, end))
                if group in ("", f.subject_group)
            ]
            found_pieces = records.equipment_sums(SITE, start, end, subject_group=group)
            of_pieces = EquipmentSums.total(map(EquipmentSums.of, pieces))
            assert found_pieces.get("projector-a101", EquipmentSums()) == of_pieces
            assert records.total(EquipmentSums, EQUIPMENT, SITE, start, end, None, group) == of_pieces


def all_rooms(records, start: date, end: date, group: str = "") -> RoomSums:
    """From the sums that are kept of all rooms."""
    return records.total(RoomSums, ROOM, SITE, start, end, None, group)


@pytest.mark.parametrize("span", sums.OF_ALL.values())
def test_sums_of_all_rooms_that_are_not_kept_up_would_be_noticed(records, monkeypatch, span):
    """The control: the sums of all rooms are read from rows of their own, of days and of months."""
    day, october = date(2026, 10, 5), (date(2026, 10, 1), date(2026, 11, 1))
    ranges = {"all-day": (day, date(2026, 10, 6)), "all-month": october}
    records.store_derivations([derivation(day, [room_fact(day, 0, "math", 40.0)])])
    assert all_rooms(records, *ranges[span]) == RoomSums.of(room_fact(day, 0, "math", 40.0))
    add = sums.insert_or_add
    monkeypatch.setattr(
        sums,
        "insert_or_add",
        lambda session, table, rows: add(session, table, [row for row in rows if row["span"] != span]),
    )
    records.store_derivations([derivation(day, [room_fact(day, 0, "math", 10.0)])])
    assert all_rooms(records, *ranges[span]) == RoomSums.of(room_fact(day, 0, "math", 40.0))


def test_a_month_row_that_is_not_renewed_would_be_noticed(records, monkeypatch):
    """The control: with stale month rows, the sums of a whole month are not those of its facts."""
    day = date(2026, 10, 5)
    records.store_derivations([derivation(day, [room_fact(day, 0, "math", 40.0)])])
    insert = sums._insert
    monkeypatch.setattr(sums, "_insert", lambda *args: None if args[3] == sums.MONTH else insert(*args))
    records.store_derivations([derivation(day, [room_fact(day, 0, "math", 10.0)])])
    october = records.room_sums(SITE, date(2026, 10, 1), date(2026, 11, 1))
    assert october.get("a101", RoomSums()) != RoomSums.total(
        RoomSums.of(f) for f in records.facts(SITE, "a101")
    )


def test_only_the_fields_asked_for_are_read(records):
    """The others are zero, over whole months and single days alike."""
    days = [date(2026, 10, 5), date(2026, 11, 3)]
    records.store_derivations([derivation(day, [], [piece_fact(day, 0, "math", 20.0)]) for day in days])
    span = (date(2026, 10, 1), date(2026, 11, 4))
    (some,) = records.equipment_sums(SITE, *span, fields=("on_ms", "periods")).values()
    assert some == EquipmentSums(on_ms=40 * 60_000, periods=2)
    (every,) = records.equipment_sums(SITE, *span).values()
    assert every.slot_ms > 0 and (every.on_ms, every.periods) == (some.on_ms, some.periods)


def test_a_piece_that_moves_counts_in_both_rooms(records):
    """Facts of one piece in two rooms on one day add up to its sums, and leave with their room."""
    day = date(2026, 10, 5)
    records.store_derivations([derivation(day, [], [piece_fact(day, 0, "math", 20.0)])])
    records.store_derivations([derivation(day, [], [piece_fact(day, 1, "math", 30.0, "a102")], room="a102")])
    assert records.equipment_sums(SITE, day, day + timedelta(days=1))["projector-a101"].on_ms == 50 * 60_000
    records.store_derivations([derivation(day, [], [])])
    assert records.equipment_sums(SITE, day, day + timedelta(days=1))["projector-a101"].on_ms == 30 * 60_000


def test_a_closed_month_keeps_its_sums_and_lists_what_changed(records):
    """After the close a fact of the month changes the sums, not the snapshot, and is listed with before and after."""
    day, later = date(2026, 10, 5), date(2026, 11, 3)
    records.store_derivations([derivation(d, [room_fact(d, 0, "math", 40.0)]) for d in (day, later)])
    closed = records.close_month(SITE, date(2026, 10, 17), "admin")
    assert (closed.start, closed.closed_by) == (date(2026, 10, 1), "admin")
    assert records.closed_months(SITE) == [closed]
    records.store_derivations([derivation(d, [room_fact(d, 0, "math", 10.0)]) for d in (day, later)])
    assert records.closed_room_sums(SITE, day)["a101"].held == 1
    assert records.room_sums(SITE, date(2026, 10, 1), date(2026, 11, 1))["a101"].held == 0
    (change,) = records.amendments(SITE, day)
    assert (change.kind, change.id, change.date) == (ROOM, "a101", day)
    assert (change.before["held"], change.after["held"]) == (1, 0)
    assert "slots" not in change.before
    assert records.amendments(SITE, later) == []
    records.store_derivations([derivation(day, [room_fact(day, 0, "math", 10.0)])])
    assert len(records.amendments(SITE, day)) == 1  # the same again is no change


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (lambda records: None, "not complete: a101 is not derived"),
        (lambda records: records.close_month(SITE, date(2026, 9, 1), "admin"), "not complete"),
    ],
)
def test_a_month_that_is_not_complete_is_not_closed(records, prepare, said):
    """A room that is derived only to the middle of the month stops its close, and is named."""
    day = date(2026, 10, 5)
    records.store_derivations([derivation(day, [])])
    prepare(records)
    with pytest.raises(UsageError, match=said):
        records.close_month(SITE, day, "admin")


def test_a_month_that_is_closed_or_goes_on_is_refused(records):
    """Once is enough, and the present month is still to come."""
    records.close_month(SITE, date(2026, 8, 1), "admin")
    with pytest.raises(UsageError, match="closed already"):
        records.close_month(SITE, date(2026, 8, 20), "admin")
    with pytest.raises(UsageError, match="not over"):
        records.close_month(SITE, date(2026, 12, 1), "admin")


def test_a_month_that_is_being_made_anew_is_not_closed(records):
    """What an edit has touched is derived first."""
    day = date(2026, 11, 3)
    records.store_derivations([derivation(day, [])])
    with records._database.write() as session:
        dirty.mark(session, SITE, {"a101": [date(2026, 10, 6)], "a102": [day]}, dirty.FACTS, "the timetable")
    (waiting,) = records.dirty(SITE)  # nothing was derived of a102
    assert (waiting.room, waiting.start, waiting.end) == ("a101", date(2026, 10, 6), date(2026, 10, 7))
    with pytest.raises(UsageError, match="made anew \\(the timetable\\)"):
        records.close_month(SITE, date(2026, 10, 1), "admin")
    records.store_derivations([derivation(day, [], settled=[waiting.number])])
    assert records.dirty(SITE) == []
    assert records.close_month(SITE, date(2026, 10, 1), "admin").start == date(2026, 10, 1)


def test_stretches_and_calibrations_come_back(records):
    """Stretches are replaced range by range with their values; a calibration that is there is never changed."""
    day = date(2026, 10, 5)
    start = ms(midnight(day))
    spans = [Stretch(start, start + 100, ON, 230.5), Stretch(start + 100, start + 300, "off", 0.25)]
    key = (EQUIPMENT, "projector-a101", POWER)
    learned = Calibration(EQUIPMENT, "projector-a101", start + 50, {"on_w": 60.5})
    records.store_derivations([derivation(day, [], stretches={key: spans}, calibrations=[learned])])
    other = Calibration(EQUIPMENT, "projector-a101", start + 50, {"on_w": 1.0})
    records.store_derivations([derivation(day, [], stretches={key: spans}, calibrations=[other])])
    assert records.stretches(SITE, *key, start + 50, start + 200) == [
        Stretch(start + 50, start + 100, ON, 230.5), Stretch(start + 100, start + 200, "off", 0.25)
    ]  # fmt: skip
    assert records.calibrations(SITE, EQUIPMENT, ["projector-a101"], start + 60, start + 90) == [learned]
    assert records.calibrations(SITE, EQUIPMENT, ["projector-a101"], start, start + 50) == []


def test_dates_that_follow_are_noted_as_one(records):
    """Consecutive dates of a room are one range."""
    day = date(2026, 10, 5)
    records.store_derivations([derivation(day, [])])
    dates = [day + timedelta(days=n) for n in (2, 0, 1, 5)]
    with records._database.write() as session:
        dirty.mark(session, SITE, {"a101": dates}, dirty.READINGS, "placements")
    assert [(one.start, one.end, one.again) for one in records.dirty()] == [
        (day, day + timedelta(days=3), "readings"),
        (day + timedelta(days=5), day + timedelta(days=6), "readings"),
    ]


def test_intervals_without_facts_stay(records):
    """A derivation of presence alone, as before, stores no sums."""
    records.store_derivation(SITE, "a101", 0, 100, [Interval(0, 100, "vacant")], [], [], 100)
    assert records.room_sums(SITE, date.min, date.max) == {}
