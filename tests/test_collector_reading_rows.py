"""Many rows in one message are the readings that the same rows are one by one."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus.telemetry import Readings
from campus.wire.telemetry import ABSENT, Telemetry
from collector import readings as module
from collector.readings import readings

NOW = 1_790_000_000_000
POINTS = ("co2_ppm", "motion", "temperature_c")
VALUES = st.sampled_from([ABSENT, None, 0, 1, 0.5, 21.5, 812, 99_999, -99])
ROWS = st.lists(st.tuples(st.integers(0, 3_600_000), VALUES, VALUES, VALUES), min_size=1, max_size=6)
CLOCK = st.sampled_from([("ntp", None, False), ("hold", None, False), ("hold", 900_000, True), ("hold", 0, False),
                         ("up", NOW, True), ("up", NOW, False)])  # fmt: skip


def read(rows, clock, start, why):
    name, offset_ms, told = clock
    into = Readings()
    message = Telemetry("9f3a61c20000002a", 0, 0, start, name, POINTS, rows, why)
    span = readings(message, "school", "board-1", NOW, offset_ms, told, into, {})
    return span, [
        (into.series[which].point, *rest, into.received.get(at))
        for at, (which, *rest) in enumerate(
            zip(into.which, into.observed_at_ms, into.value, into.quality, strict=True)
        )
    ]


def one_by_one(rows, clock, start, why):
    spans, found = [], []
    for row in rows:
        span, made = read([row], clock, start, why)
        spans += [span] if span else []
        found += made
    return (min(s[0] for s in spans), max(s[1] for s in spans)) if spans else None, found


@given(
    ROWS, CLOCK, st.sampled_from([0, 3_600_000, 30 * 3_600_000]), st.sampled_from([{}, {"co2_ppm": "warmup"}])
)
def test_many_rows_are_what_they_are_one_by_one(rows, clock, ahead_ms, why):
    """Values wrong, absent and invalid, every clock, times far ahead: the same readings, in each series' order."""
    start = ahead_ms if clock[0] == "up" else NOW + ahead_ms
    given_rows = [[n, *row] for n, row in enumerate(rows)]
    span, found = read(given_rows, clock, start, why)
    expected_span, expected = one_by_one(given_rows, clock, start, why)
    assert span == expected_span and Counter(found) == Counter(expected)
    for point in POINTS:
        assert [one for one in found if one[0] == point] == [one for one in expected if one[0] == point]


def test_a_column_taken_as_right_would_be_found(monkeypatch):
    """Control: where limits are forgotten for many rows, they are no more what they are one by one."""
    rows = [[n, n * 1000, 99_999, 1, 21.5] for n in range(3)]
    clock = ("ntp", None, False)
    assert read(rows, clock, NOW, {}) == one_by_one_sorted(rows, clock)
    add = module._add_columns
    monkeypatch.setattr(
        module, "_add_columns",
        lambda told, described, *rest: add(told, [(each[0], -1e9, 1e9, False) for each in described], *rest),
    )  # fmt: skip
    assert read(rows, clock, NOW, {}) != one_by_one_sorted(rows, clock)


def one_by_one_sorted(rows, clock):
    span, found = one_by_one(rows, clock, NOW, {})
    return span, sorted(found, key=lambda one: POINTS.index(one[0]))


@pytest.mark.parametrize("rows", [1, 2])
def test_a_message_that_is_not_measured_at_all_brings_nothing(rows):
    """Only absent values."""
    told = [[n, n * 1000, ABSENT, ABSENT, ABSENT] for n in range(rows)]
    assert read(told, ("ntp", None, False), NOW, {})[1] == []
