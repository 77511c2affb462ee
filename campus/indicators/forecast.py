"""What a room's next periods will be like, from its last weeks; silent where the room has no pattern. Pure.

A series is one room's: a value (occupied share, people, kWh) per local date and period, given by the minute of the
local day at which it starts. What was not measured, and closed days, are not in it. Nothing here looks ahead: a
forecast as of a date uses values of dates before it only.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

WEEKS = 4  # comparable ones that are averaged
LOOK_BACK_WEEKS = 12  # to find them: a summer is not behind them, the Tết holidays may be
LEAST_WEEKS = 2
RECENT_DAYS = 7
LEAST_RATIO, MOST_RATIO = 0.5, 1.5
SCORE_DAYS = 28
IRREGULAR_WAPE = 0.7

TOO_SHORT, IRREGULAR = "too_short", "irregular"

Point = tuple[date, int, float]
"""Local date, minute of the day at which the period starts, value."""

Key = tuple[date, int]


@dataclass(frozen=True, slots=True)
class Score:
    """Errors of the last 28 days: Σ|value − forecast| ÷ Σ|value|, of the forecast and of "same as last week".

    Last week is the latest comparable one. Both are over the same `points`, those with a forecast; None without any,
    or where all values are zero.
    """

    points: int
    wape: float | None
    last_week_wape: float | None

    @property
    def irregular(self) -> bool:
        """Whether no forecast should be shown."""
        return self.wape is not None and self.wape > IRREGULAR_WAPE


@dataclass(frozen=True, slots=True)
class Forecast:
    """Of one period; `value` None has a `reason`: TOO_SHORT, or IRREGULAR."""

    date: date
    start_minute: int
    value: float | None
    reason: str | None
    score: Score


class History:
    """A room's series, and what could be expected of it at any date. `skip`: dates that compare with no other.

    Those are holidays for which the series has values, make-up days, exam weeks. They are neither averaged nor scored.
    """

    def __init__(self, series: Iterable[Point], skip: Collection[date] = ()) -> None:
        left_out = frozenset(skip)
        self._values: dict[Key, float] = {
            (day, minute): value for day, minute, value in series if day not in left_out
        }
        self._minutes: dict[date, list[int]] = {}
        for day, minute in sorted(self._values):
            self._minutes.setdefault(day, []).append(minute)
        self._ratios: dict[date, float] = {}

    def value(self, day: date, minute: int) -> float | None:
        """What was measured."""
        return self._values.get((day, minute))

    def minutes(self, day: date) -> list[int]:
        """The periods of a date that have a value, ascending."""
        return self._minutes.get(day, [])

    def comparable(self, day: date, minute: int, as_of: date) -> list[float]:
        """The values of the last WEEKS weeks with one, on the same weekday and period; the latest first."""
        found: list[float] = []
        for weeks in range(1, LOOK_BACK_WEEKS + 1):
            earlier = day - timedelta(weeks=weeks)
            if earlier < as_of and (value := self._values.get((earlier, minute))) is not None:
                found.append(value)
                if len(found) == WEEKS:
                    break
        return found

    def mean(self, day: date, minute: int, as_of: date) -> float | None:
        """Of the comparable values; None under LEAST_WEEKS of them."""
        found = self.comparable(day, minute, as_of)
        return sum(found) / len(found) if len(found) >= LEAST_WEEKS else None

    def ratio(self, as_of: date) -> float:
        """The room's last RECENT_DAYS days ÷ what their means expected, within its bounds; 1 where nothing was."""
        if as_of not in self._ratios:
            happened = expected = 0.0
            for back in range(RECENT_DAYS, 0, -1):
                day = as_of - timedelta(days=back)
                for minute in self.minutes(day):
                    if (mean := self.mean(day, minute, day)) is not None:
                        happened += self._values[day, minute]
                        expected += mean
            ratio = happened / expected if expected > 0 else 1.0
            self._ratios[as_of] = max(LEAST_RATIO, min(ratio, MOST_RATIO))
        return self._ratios[as_of]

    def expected(self, day: date, minute: int, as_of: date | None = None) -> float | None:
        """ŷ = m(0.5 + 0.5r), as of the start of the date itself by default; None with too short a history."""
        known = day if as_of is None else as_of
        mean = self.mean(day, minute, known)
        return None if mean is None else mean * (0.5 + 0.5 * self.ratio(known))

    def score(self, as_of: date) -> Score:
        """Of the forecasts of the SCORE_DAYS days before, each as of its own date."""
        points, size, missed, last_week = 0, 0.0, 0.0, 0.0
        for back in range(SCORE_DAYS, 0, -1):
            day = as_of - timedelta(days=back)
            for minute in self.minutes(day):
                expected = self.expected(day, minute)
                if expected is None:
                    continue
                value = self._values[day, minute]
                points += 1
                size += abs(value)
                missed += abs(value - expected)
                last_week += abs(value - self.comparable(day, minute, day)[0])
        if size == 0:
            return Score(points, None, None)
        return Score(points, missed / size, last_week / size)


def forecast(
    series: Iterable[Point], wanted: Iterable[Key], as_of: date, skip: Collection[date] = ()
) -> list[Forecast]:
    """Forecasts of the `wanted` periods (local date, starting minute), by what was known at the start of `as_of`.

    Raises ValueError for a wanted date before `as_of`.
    """
    history = History((point for point in series if point[0] < as_of), skip)
    score = history.score(as_of)
    made = []
    for day, minute in wanted:
        if day < as_of:
            raise ValueError(f"{day} is before {as_of}: what is past is not forecast.")
        value = history.expected(day, minute, as_of)
        reason = TOO_SHORT if value is None else IRREGULAR if score.irregular else None
        made.append(Forecast(day, minute, None if reason else value, reason, score))
    return made
