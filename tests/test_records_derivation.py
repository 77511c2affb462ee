"""Storing what was derived: ranges replaced exactly, in one transaction, and read back by range."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from records_stores import DATABASES, ROOM, SITE, fill, opened
from sqlalchemy import event

from campus.errors import NotFound, StoreError
from campus.indicators import RoomFact
from campus.inference import OCCUPIED, UNKNOWN, VACANT, Interval
from campus.records import derivations, open_records
from campus.records.entities import Derivation

DAY = 86_400_000
MIDNIGHT = datetime(2026, 10, 4, 17, tzinfo=UTC)  # 5 October in Viet Nam
T0 = int(MIDNIGHT.timestamp()) * 1000


@pytest.fixture(params=DATABASES)
def records(request, tmp_path):
    with opened(request, tmp_path) as records:
        fill(records, rooms=3)
        yield records


def fact(day: int = 0, slot: int = 0, room: str = ROOM, occupied: float = 30.5) -> RoomFact:
    start = MIDNIGHT + timedelta(days=day, hours=slot)
    return RoomFact(
        *(SITE, room, date(2026, 10, 5) + timedelta(days=day), start, start + timedelta(hours=1)),
        *("lesson", "morning", slot + 1, "6A", "Toán", 60.0, 59.25, occupied, "held"),
    )


def store(records, start, end, spans=(), facts=(), checkpoints=(), room=ROOM):
    intervals = [Interval(*span) for span in spans]
    records.store_derivation(SITE, room, start, end, intervals, facts, checkpoints, end)


def spans(records, start=0, end=2 * T0, room=ROOM):
    return [tuple(interval) for interval in records.intervals(SITE, room, start, end)]


def test_everything_comes_back_as_it_was_given(records):
    """Intervals, facts of all fields, checkpoint and progress of one room-day; the other rooms stay empty."""
    free = RoomFact(
        *(SITE, ROOM, date(2026, 10, 5), MIDNIGHT + timedelta(hours=20), MIDNIGHT + timedelta(days=1)),
        *("night", None, None, None, None, 240.0, 0.0, 0.0, "not_measured"),
    )
    given_facts = [fact(slot=slot) for slot in range(3)] + [free]
    state = {"p": 0.25, "history": [1, None, "x"]}
    store(
        records,
        T0,
        T0 + DAY,
        [(T0, T0 + 100, VACANT), (T0 + 100, T0 + DAY, OCCUPIED)],
        given_facts,
        [(T0 + DAY, state)],
    )
    assert spans(records) == [(T0, T0 + 100, VACANT), (T0 + 100, T0 + DAY, OCCUPIED)]
    assert records.facts(SITE, ROOM, date(2026, 10, 5), date(2026, 10, 6)) == given_facts
    assert records.facts(SITE, start=date(2026, 10, 5), end=date(2026, 10, 6)) == given_facts
    assert records.facts(SITE) == given_facts
    assert records.checkpoint(SITE, ROOM, T0 + DAY) == (T0 + DAY, state)
    assert records.derived_through(SITE, ROOM) == T0 + DAY
    assert records.derived_through(SITE, "a102") is None and records.facts(SITE, "a102") == []
    assert records.checkpoint(SITE, "a102", T0 + DAY) is None and spans(records, room="a102") == []


def test_the_same_twice_is_the_same(records):
    """A repeated derivation, as after a crash, changes nothing."""
    for _ in range(2):
        store(records, T0, T0 + DAY, [(T0, T0 + DAY, VACANT)], [fact()], [(T0 + DAY, {})])
    assert spans(records) == [(T0, T0 + DAY, VACANT)] and records.facts(SITE) == [fact()]


def test_neighbours_are_clipped_and_merged(records):
    """A stored interval keeps what lies outside the range; equal states that touch become one."""
    store(records, 0, 100, [(0, 100, VACANT)])
    store(records, 40, 60, [(40, 50, OCCUPIED), (50, 60, VACANT)])
    assert spans(records) == [(0, 40, VACANT), (40, 50, OCCUPIED), (50, 100, VACANT)]
    store(records, 100, 200, [(100, 120, VACANT), (150, 200, UNKNOWN)])
    assert spans(records)[2:] == [(50, 120, VACANT), (150, 200, UNKNOWN)]
    assert spans(records, 45, 110) == [(45, 50, OCCUPIED), (50, 110, VACANT)]
    store(records, 40, 60)
    assert spans(records) == [(0, 40, VACANT), (60, 120, VACANT), (150, 200, UNKNOWN)]


operations = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.integers(1, 12),
        st.lists(st.sampled_from([None, VACANT, OCCUPIED, UNKNOWN]), min_size=12, max_size=12),
    ),
    max_size=8,
)


@given(operations)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_sequence_of_ranges_equals_minute_by_minute(records, operations):
    """Stored intervals are those of an array of minutes overwritten range by range, merged to the longest runs."""
    store(records, 0, 100)
    minutes: list[str | None] = [None] * 100
    for start, length, states in operations:
        store(
            records,
            start,
            start + length,
            [(start + i, start + i + 1, s) for i, s in enumerate(states[:length]) if s],
        )
        minutes[start : start + length] = states[:length]
    expected: list[tuple[int, int, str]] = []
    for at, state in enumerate(minutes):
        if state and expected and expected[-1][1:] == (at, state):
            expected[-1] = (expected[-1][0], at + 1, state)
        elif state:
            expected.append((at, at + 1, state))
    assert spans(records) == expected


def test_facts_and_checkpoints_of_the_range_are_replaced(records):
    """Facts by the start of their slot, checkpoints in (start, end]; those outside stay."""
    days = [fact(day, slot) for day in range(3) for slot in range(2)]
    midnights = [(T0 + day * DAY, {"day": day}) for day in range(4)]
    store(records, T0, T0 + 3 * DAY, facts=days, checkpoints=midnights)
    store(records, T0 + DAY, T0 + 2 * DAY, facts=[fact(1, 0, occupied=1.0)])
    assert records.facts(SITE) == [days[0], days[1], fact(1, 0, occupied=1.0), days[4], days[5]]
    assert records.facts(SITE, ROOM, date(2026, 10, 6), date(2026, 10, 7)) == [fact(1, 0, occupied=1.0)]
    found = [records.checkpoint(SITE, ROOM, T0 + day * DAY + 1) for day in range(-1, 4)]
    assert found == [None, midnights[0], midnights[1], midnights[1], midnights[3]]


def test_a_slot_that_began_before_the_range_is_replaced(records):
    """Deriving on from the middle of a slot replaces its fact instead of failing or doubling it."""
    store(records, T0, T0 + 1000, facts=[fact()])
    store(records, T0 + 1000, T0 + DAY, facts=[fact(occupied=2.0)])
    assert records.facts(SITE) == [fact(occupied=2.0)]


def half_stored(records) -> bool:
    """Whether a derivation that fails at its last step left anything behind."""
    store(records, T0, T0 + DAY, [(T0, T0 + DAY, VACANT)], [fact()], [(T0 + DAY, {})])
    before = (spans(records), records.facts(SITE), records.derived_through(SITE, ROOM))
    part = (T0, T0 + 2 * DAY, [Interval(T0, T0 + 5, OCCUPIED)], [fact(1)])
    with pytest.raises((StoreError, TypeError)):  # as the driver tells that it is not JSON
        records.store_derivation(SITE, ROOM, *part, [(T0 + DAY, {"not JSON": object()})], T0 + 2 * DAY)
    return (spans(records), records.facts(SITE), records.derived_through(SITE, ROOM)) != before


def test_a_derivation_is_stored_whole_or_not_at_all(records):
    """An error at the last step takes the intervals and facts back."""
    assert not half_stored(records)


def test_a_commit_in_the_middle_would_be_noticed(records, monkeypatch):
    """The control: with facts committed apart, the same check finds a half."""
    store_facts = derivations._store_facts

    def committing(session, part, at):
        store_facts(session, part, at)
        session.commit()

    monkeypatch.setattr(derivations, "_store_facts", committing)
    assert half_stored(records)


def test_several_rooms_are_one_transaction(records):
    """One wrong part refuses all of them."""
    parts = [
        Derivation(
            SITE, room, T0, T0 + DAY, [Interval(T0, T0 + DAY, VACANT)], [fact(room=room)], [], T0 + DAY
        )
        for room in (ROOM, "a102", "a103")
    ]
    records.store_derivations(parts)
    assert [found.room for found in records.facts(SITE)] == [ROOM, "a102", "a103"]
    wrong = Derivation(SITE, "a999", 0, 1, [], [], [], 1)
    later = [Derivation(SITE, ROOM, T0 + DAY, T0 + 2 * DAY, [], [fact(1)], [], T0 + 2 * DAY), wrong]
    with pytest.raises(NotFound, match="a999"):
        records.store_derivations(later)
    assert records.derived_through(SITE, ROOM) == T0 + DAY


@pytest.mark.parametrize(
    "bad",
    [
        {"spans": [(0, 10, VACANT), (5, 20, OCCUPIED)]},
        {"spans": [(10, 20, VACANT), (0, 10, OCCUPIED)]},
        {"spans": [(5, 5, VACANT)]},
        {"facts": [fact(room="a102")]},
        {"end": -1},
    ],
)
def test_a_contradiction_of_the_caller_is_refused(records, bad):
    """Overlapping, unordered or empty intervals, another room's facts and a reversed range are ValueErrors."""
    with pytest.raises(ValueError):
        store(records, 0, **{"end": 100, **bad})
    assert records.derived_through(SITE, ROOM) is None


def test_ranges_are_read_through_the_key(tmp_path):
    """SQLite answers facts and intervals of a range by searching the tables' keys, never by a scan."""
    with open_records("sqlite", tmp_path) as records:
        fill(records, rooms=3)
        asked: list[tuple] = []
        engine = records._database._engine
        event.listen(engine, "before_cursor_execute", lambda *call: asked.append((call[2], call[3])))
        records.facts(SITE, ROOM, date(2026, 10, 5), date(2026, 10, 12))
        records.facts(SITE, None, date(2026, 10, 5), date(2026, 10, 12))
        spans(records, T0, T0 + DAY)
        queries = [(sql, values) for sql, values in asked if "room_fact" in sql or "room_interval" in sql]
        assert len(queries) == 3
        with engine.connect() as connection:
            for sql, values in queries:
                plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
                assert not [line for line in plan if line.startswith("SCAN")], plan
