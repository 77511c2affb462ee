"""Forecasts of a room's periods, and what is out of the ordinary: on made rooms, and never with a look ahead."""

import random
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus.indicators.anomaly import anomalies, quantile
from campus.indicators.forecast import IRREGULAR, TOO_SHORT, History, forecast

MONDAY = date(2026, 9, 7)
PERIODS = (420, 470, 520, 580, 630)  # minutes of the local day
FIRST = PERIODS[0]


def at(days):
    return MONDAY + timedelta(days=days)


def room(weeks, value, closed=(), start=MONDAY, weekdays=6):
    """A series: `value(day, minute)` on each school day."""
    days = [start + timedelta(days=number) for number in range(7 * weeks)]
    return [
        (day, minute, value(day, minute))
        for day in days
        if day.isoweekday() <= weekdays and day not in closed
        for minute in PERIODS
    ]


def timetable(day, minute):
    """Minutes of a period, taught or not by the weekday."""
    return 45.0 if (day.isoweekday() + PERIODS.index(minute)) % 3 else 0.0


def regular(seed=1):
    rng = random.Random(seed)
    return lambda day, minute: max(0.0, timetable(day, minute) - 5 * rng.random())


def one(series, day, minute=FIRST, as_of=None, skip=()):
    [found] = forecast(series, [(day, minute)], as_of or day, skip)
    return found


def test_a_constant_room_goes_on_as_it_was():
    """Four equal weeks and a usual last week forecast the same again."""
    found = one(room(6, timetable), at(42))
    assert (found.value, found.reason) == (timetable(at(42), FIRST), None)
    assert (found.score.points, found.score.wape, found.score.last_week_wape) == (24 * 5, 0.0, 0.0)


def test_the_formula_by_hand():
    """The mean of the last four weeks, pulled halfway by how full the last seven days were."""
    by_week = [100.0, 10.0, 20.0, 30.0, 20.0, 26.0]
    series = [(at(7 * week), FIRST, value) for week, value in enumerate(by_week)]
    # Expected of the last Monday: the mean of weeks 1 to 4, 20; it was 26.
    history = History(series)
    assert history.mean(at(42), FIRST, at(42)) == (20 + 30 + 20 + 26) / 4
    assert history.ratio(at(42)) == 26 / 20
    assert one(series, at(42)).value == pytest.approx(24 * (0.5 + 0.5 * 1.3))


@pytest.mark.parametrize(("last", "ratio"), [(0.0, 0.5), (7.0, 0.7), (13.0, 1.3), (40.0, 1.5)])
def test_one_strange_week_moves_it_within_bounds(last, ratio):
    """The ratio is kept within a half and one and a half."""
    history = History([(at(7 * week), FIRST, 10.0) for week in range(4)] + [(at(28), FIRST, last)])
    assert history.ratio(at(35)) == ratio


@pytest.mark.parametrize(("weeks", "known"), [(0, False), (1, False), (2, True)])
def test_under_two_weeks_there_is_none(weeks, known):
    """One week may be any week."""
    found = one(room(weeks, timetable), at(7 * weeks))
    assert (found.value is not None, found.reason) == (known, None if known else TOO_SHORT)


def test_weeks_that_were_not_measured_or_closed_are_skipped():
    """The four last comparable weeks, however far apart; two closed weeks are neither zeros nor an end."""
    closed = {at(number) for number in range(28, 42)}
    series = room(8, timetable, closed)
    for minute in PERIODS:
        assert one(series, at(56), minute).value == timetable(at(56), minute)
    assert one(series, at(42), as_of=at(42)).value == timetable(at(42), FIRST)
    zeros = [(day, minute, 0.0) for day in sorted(closed) for minute in PERIODS]
    assert one(sorted(series + zeros), at(42), skip=closed).value == timetable(at(42), FIRST)
    assert one(sorted(series + zeros), at(42)).value != timetable(at(42), FIRST)


def test_last_year_is_not_comparable():
    """After a summer a room has no history until it has two weeks."""
    series = room(4, timetable) + room(1, timetable, start=at(7 * 18))
    assert one(series, at(7 * 19)).reason == TOO_SHORT


def test_a_regular_room_is_better_forecast_than_by_last_week():
    """Noise is averaged out."""
    score = one(room(10, regular()), at(70)).score
    assert score.points == 24 * 5
    assert score.wape < score.last_week_wape < 0.1
    assert not score.irregular


def test_an_irregular_room_has_no_forecast():
    """Used now and then, by no rule: it says so, with its score."""
    rng = random.Random(4)
    found = one(room(10, lambda day, minute: 45.0 * (rng.random() < 0.25)), at(70))
    assert (found.value, found.reason) == (None, IRREGULAR)
    assert found.score.wape > 0.7 and found.score.last_week_wape > 0.7


def test_a_room_that_nobody_uses_is_forecast_empty():
    """There is nothing to divide the errors by, and nothing irregular."""
    found = one(room(6, lambda day, minute: 0.0), at(42))
    assert (found.value, found.score.wape, found.score.last_week_wape) == (0.0, None, None)


def test_what_is_past_is_not_forecast():
    """Told with both dates."""
    with pytest.raises(ValueError, match="2026-09-07 is before 2026-09-08"):
        forecast([], [(MONDAY, FIRST)], at(1))


def test_days_ahead_are_forecast_from_what_is_known_today():
    """A week on, last week is not known yet: the weeks before it are averaged."""
    series = room(8, lambda day, minute: float((day - MONDAY).days // 7))
    far = one(series, at(56), as_of=at(49))
    assert History(point for point in series if point[0] < at(49)).mean(at(56), FIRST, at(49)) == 4.5
    assert far.value == pytest.approx(4.5 * (0.5 + 0.5 * min(6 / 3.5, 1.5)))


@st.composite
def series(draw):
    """(date, period) -> value over ten weeks, with some days and some periods missing."""
    rng = random.Random(draw(st.integers(0, 10**6)))
    kept = draw(st.sampled_from([0.3, 0.7, 1.0]))
    return {
        (at(number), minute): 100 * rng.random()
        for number in range(70)
        for minute in PERIODS[:2]
        if rng.random() < kept
    }


def points(values):
    return [(*key, value) for key, value in values.items()]


@given(series(), series(), st.integers(14, 60))
def test_what_comes_later_changes_no_forecast(before, after, today):
    """Neither a forecast as of a date, its score nor a band depends on values of that date or later."""
    known = {key: value for key, value in before.items() if key[0] < at(today)}
    whole = known | {key: value for key, value in after.items() if key[0] >= at(today)}
    wanted = [(at(today + ahead), minute) for ahead in (0, 3, 9) for minute in PERIODS[:2]]
    assert forecast(points(whole), wanted, at(today)) == forecast(points(known), wanted, at(today))
    then, now = History(points(known)), History(points(whole))
    for day, minute in wanted:
        assert now.expected(day, minute, at(today)) == then.expected(day, minute, at(today))
    assert now.score(at(today)) == then.score(at(today))
    of_today = {key: value for key, value in whole.items() if key[0] <= at(today)}
    assert anomalies(points(whole), at(today)) == anomalies(points(of_today), at(today))
    changed = known | {(at(today), minute): 1e6 for minute in PERIODS[:2]}
    bands = {judged.start_minute: judged.high for judged in anomalies(points(of_today), at(today))}
    for judged in anomalies(points(changed), at(today)):
        assert bands.get(judged.start_minute, judged.high) == judged.high


@given(series(), st.integers(14, 60))
def test_a_forecast_lies_within_what_was_seen(values, today):
    """Between a quarter below the smallest and a quarter above the largest comparable value."""
    for found in forecast(points(values), [(at(today), FIRST)], at(today)):
        if found.value is not None:
            seen = [value for (day, _), value in values.items() if day < at(today)]
            assert 0.75 * min(seen) - 1e-9 <= found.value <= 1.25 * max(seen) + 1e-9


def test_a_usual_day_has_no_anomaly():
    """Every period has a band, and lies in it."""
    found = anomalies(room(11, regular()), at(70))
    assert [judged.start_minute for judged in found] == list(PERIODS)
    assert not any(judged.anomaly for judged in found)
    assert all(judged.low <= judged.value <= judged.high for judged in found)


def test_a_sudden_change_is_one_from_the_second_hour_on():
    """One period outside may be chance; two of three are not."""

    def changed(day, minute):
        return 45.0 - timetable(day, minute) if day == at(70) else regular()(day, minute)

    found = anomalies(room(11, changed), at(70))
    assert all(judged.outside for judged in found)
    assert [judged.anomaly for judged in found] == [False, True, True, True, True]


@pytest.mark.parametrize(
    ("strange", "anomaly"),
    [
        ((0,), [False] * 5),
        ((0, 1), [False, True, True, False, False]),
        ((0, 2), [False, False, True, False, False]),
        ((0, 3), [False] * 5),
        ((3, 4), [False, False, False, False, True]),
    ],
)
def test_two_of_three_periods_outside_are_an_anomaly(strange, anomaly):
    """Next to each other or with one between; three apart are not."""
    odd = {PERIODS[number] for number in strange}
    series = room(11, lambda day, minute: 200.0 if day == at(70) and minute in odd else 40.0)
    found = anomalies(series, at(70))
    assert [judged.outside for judged in found] == [number in strange for number in range(5)]
    assert [judged.anomaly for judged in found] == anomaly


def test_a_room_that_never_errs_has_a_band_of_its_size():
    """5 % of the largest values, up and down."""
    [judged, *_] = anomalies(room(11, lambda day, minute: 40.0), at(70))
    assert (judged.value, judged.low, judged.high) == (40.0, 38.0, 42.0)


def test_without_enough_samples_there_is_no_band():
    """Two weeks to a first forecast, and twelve errors of a kind of day around the hour."""
    assert anomalies([], at(70)) == []
    assert anomalies(room(2, timetable), at(13)) == []
    lonely = [(at(number), FIRST, 40.0) for number in range(40) if at(number).isoweekday() <= 5]
    errors = [day for day, _, _ in lonely if day >= at(14)]
    assert errors[11] < errors[12]
    assert anomalies(lonely, errors[11]) == []
    assert len(anomalies(lonely, errors[12])) == 1


def test_a_weekend_is_not_judged_by_the_week():
    """Saturday's errors are its own; far hours do not count either."""
    rng = random.Random(9)

    def value(day, minute):
        wide = day.isoweekday() == 6 or minute == PERIODS[-1]
        return 40.0 + (20 * rng.random() if wide else 0.0)

    series = room(12, value)
    friday, saturday = (anomalies(series, at(number)) for number in (74, 75))
    assert friday[0].high - friday[0].low < 10 < saturday[0].high - saturday[0].low
    assert friday[-1].high - friday[-1].low > 10


def test_quantiles_lie_between_values_in_proportion():
    """At the ends the ends, and of one value that value."""
    assert [quantile([1.0, 2.0, 4.0], share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)] == [1, 1.5, 2, 3, 4]
    assert quantile([7.0], 0.98) == 7.0
