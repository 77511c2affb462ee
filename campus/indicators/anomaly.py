"""When a room is not as its forecast said: a band of usual errors, and hours outside it. Pure; see forecast.py."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from campus.indicators.forecast import History, Point

BAND_DAYS = 28
AROUND_MINUTES = 60
LEAST_SAMPLES = 12
LOW, HIGH = 0.02, 0.98
MARGIN_SHARE, MARGIN_OF = 0.05, 0.95  # of the 95 % quantile of the values
HOURS, OUTSIDE = 3, 2  # of three judged in a row, two outside


@dataclass(frozen=True, slots=True)
class Judged:
    """One period of a date beside the band in which it was expected. `anomaly`: two of the last three were out."""

    date: date
    start_minute: int
    value: float
    low: float
    high: float
    anomaly: bool

    @property
    def outside(self) -> bool:
        """Whether the value is not in [low, high]."""
        return not self.low <= self.value <= self.high


def anomalies(series: Iterable[Point], day: date, skip: Collection[date] = ()) -> list[Judged]:
    """The periods of `day` that can be judged, ascending: each by what was known at the start of the day.

    The band is the forecast plus the 2 to 98 % quantiles of what forecasts missed in the last 28 days, at most an
    hour away and on the same kind of day (Monday to Friday, or the weekend), widened by 5 % of the 95 % quantile of
    the values of these days. Under 12 such samples there is no band, and the period is left out. A room that is
    irregular has a wide band; whether to show it is for the caller, by `History.score`.
    """
    history = History(series, skip)
    days = [day - timedelta(days=back) for back in range(BAND_DAYS, 0, -1)]
    values = [history.value(one, minute) for one in days for minute in history.minutes(one)]
    known = sorted(value for value in values if value is not None)
    if not known:
        return []
    margin = MARGIN_SHARE * abs(quantile(known, MARGIN_OF))
    misses = [
        (minute, miss)
        for one in days
        if _weekend(one) == _weekend(day)
        for minute in history.minutes(one)
        if (miss := _miss(history, one, minute)) is not None
    ]
    found: list[Judged] = []
    for minute in history.minutes(day):
        value, expected = history.value(day, minute), history.expected(day, minute)
        near = sorted(miss for at, miss in misses if abs(at - minute) <= AROUND_MINUTES)
        if value is None or expected is None or len(near) < LEAST_SAMPLES:
            continue
        low = expected + quantile(near, LOW) - margin
        high = expected + quantile(near, HIGH) + margin
        out = [judged.outside for judged in found[1 - HOURS :]] + [not low <= value <= high]
        found.append(Judged(day, minute, value, low, high, sum(out) >= OUTSIDE))
    return found


def quantile(ascending: list[float], share: float) -> float:
    """Of one or more values in order, between two of them in proportion."""
    at = share * (len(ascending) - 1)
    below = int(at)
    above = min(below + 1, len(ascending) - 1)
    return ascending[below] + (at - below) * (ascending[above] - ascending[below])


def _miss(history: History, day: date, minute: int) -> float | None:
    value, expected = history.value(day, minute), history.expected(day, minute)
    return None if value is None or expected is None else value - expected


def _weekend(day: date) -> bool:
    return day.isoweekday() >= 6
