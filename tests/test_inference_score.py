"""The measures of agreement with a truth, on cases worked out by hand."""

import pytest

from campus.inference import OCCUPIED, UNKNOWN, VACANT
from campus.inference.presence import MINUTE_MS
from campus.inference.score import score, score_people, time_of_day

LETTERS = {"o": OCCUPIED, ".": VACANT, "?": UNKNOWN}
DAY = 1440


def said_as(text):
    return [LETTERS[letter] for letter in text]


def at(*minutes):
    return [minute * MINUTE_MS for minute in minutes]


def test_every_measure_on_one_table():
    """3 hits, 4 right vacant, 1 false alarm, 2 misses; one unknown minute and one without a truth."""
    truth = [1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, None]
    said = said_as("ooo....o..?o")
    found = score(at(*range(12)), truth, said, [True] * 12)
    assert found.minutes == 11
    assert found.coverage == pytest.approx(10 / 11)
    assert found.accuracy == pytest.approx(0.7)
    assert found.balanced_accuracy == pytest.approx((3 / 5 + 4 / 5) / 2)
    assert found.f1 == pytest.approx(6 / 9)
    assert found.mcc == pytest.approx((3 * 4 - 1 * 2) / (4 * 5 * 5 * 6) ** 0.5)
    assert found.occupied_hours_error_pct == pytest.approx(-20.0)
    assert found.switches_per_day == pytest.approx(3 * DAY / 10)
    assert found.majority_pct == pytest.approx(50.0)
    assert found.time_of_day_pct == pytest.approx(50.0)


def test_nothing_known_has_no_measure():
    """All unknown: coverage 0, everything else undefined; no truth at all: coverage undefined too."""
    found = score(at(0, 1), [1, 0], said_as("??"))
    assert (found.coverage, found.accuracy, found.majority_pct) == (0.0, None, None)
    assert score([], [], []).coverage is None


def test_always_vacant_is_seen_through():
    """A predictor that never says occupied has half the balanced accuracy, no F1 and no correlation."""
    found = score(at(*range(10)), [1] + [0] * 9, said_as("." * 10))
    assert (found.accuracy, found.balanced_accuracy, found.f1, found.mcc) == (0.9, 0.5, 0.0, 0.0)
    assert found.occupied_hours_error_pct == -100.0


def test_rows_of_five_minutes_count_as_five():
    """Switches per day do not depend on the spacing of the truth."""
    found = score(at(0, 5, 10, 15), [0, 1, 0, 1], said_as(".o.o"))
    assert found.switches_per_day == pytest.approx(3 * DAY / 20)


def test_time_of_day_leaves_the_day_itself_out():
    """A day is predicted from the other days of its kind only; a single day knows nothing."""
    monday = 4 * DAY  # 1970-01-05
    days = [monday, monday + DAY, monday + 2 * DAY]
    minutes = at(*[day + minute for day in days for minute in range(4)])
    truth = [0, 1, 0, 0] * 2 + [1, 1, 1, 0]
    assert time_of_day(minutes, truth) == [False, True, False, False] * 3
    assert time_of_day(minutes[:4], truth[:4]) == [False] * 4


def test_time_of_day_keeps_the_weekend_apart():
    """Five busy weekdays do not predict a Saturday; the local offset moves the day's border."""
    saturday = 2 * DAY  # 1970-01-03
    minutes = at(*[day * DAY for day in range(4, 9)], saturday, saturday + DAY)
    assert time_of_day(minutes, [1] * 5 + [0, 0])[5:] == [False, False]
    friday_night = at(*[day * DAY + 1439 for day in range(4, 9)])
    assert time_of_day(friday_night, [1] * 5) == [True] * 5
    assert time_of_day(friday_night, [1] * 5, utc_offset_ms=MINUTE_MS)[4] is False


def test_every_measure_of_people_on_one_table():
    """Right, one off, three off, and one beyond its margin of two; an unknown count and an unknown truth left out."""
    found = score_people([0, 4, 10, 20, 5, None], [0, 5, 13, 10, None, 3], 40)
    assert (found.minutes, found.coverage) == (5, pytest.approx(0.8))
    assert found.mean_absolute_error == pytest.approx((0 + 1 + 3 + 10) / 4)
    assert found.occupied_mean_absolute_error == pytest.approx((1 + 3 + 10) / 3)
    assert found.exact_pct == 25.0
    assert found.within_margin_pct == 75.0  # 13 ± 3.25 holds 10, 10 ± 2.5 does not hold 20
    assert found.band_pct == 50.0  # 10 is a quarter of 40, 13 is more; 20 is half, 10 is not
    assert score_people([4], [5], None).band_pct is None


def test_no_count_has_no_measure():
    """All unknown: coverage 0, and nothing else is defined."""
    assert score_people([1, 2], [None, None], 4).exact_pct is None
    assert score_people([1, 2], [None, None], 4).coverage == 0.0
    assert score_people([], [], 4).coverage is None
