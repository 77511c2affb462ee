"""How well a prediction of presence agrees with a truth, beside what two predictors without a sensor reach. Pure."""

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from campus.inference import OCCUPIED, UNKNOWN
from campus.inference.people import band, margin
from campus.inference.presence import MINUTE_MS

DAY_MIN = 1440


@dataclass(frozen=True, slots=True)
class Scores:
    """`_pct` in percent; `coverage`, `accuracy`, `balanced_accuracy` and `f1` in 0..1; `mcc` in −1..1.

    All but `coverage` are over known minutes: those with a truth and a predicted state other than unknown. None:
    not defined, for want of a known minute or, for `occupied_hours_error_pct`, of presence in the truth.
    """

    minutes: int  # with a truth
    coverage: float | None  # share of them whose state is known
    accuracy: float | None
    balanced_accuracy: float | None  # mean of the recalls of the classes that occur in the truth
    f1: float | None  # of occupied; 0 if nothing was found
    mcc: float | None  # Matthews; 0 where truth or prediction is constant
    occupied_hours_error_pct: float | None  # signed: positive = too many hours
    switches_per_day: float | None  # changes of the predicted state, unknown left out
    majority_pct: float | None  # accuracy of always predicting the more frequent class of these minutes
    time_of_day_pct: float | None  # accuracy of `time_of_day`


def score(
    minutes_ms: Sequence[int],
    truth: Sequence[bool | int | None],
    predicted: Sequence[str],
    habit: Sequence[bool] | None = None,
) -> Scores:
    """Score `predicted` states against `truth`, minute by minute; the sequences have one length and ascend.

    None in `truth` is left out. `habit` is the time-of-day prediction of the same minutes, by default
    `time_of_day(minutes_ms, truth)`; to score a part of a recording, pass its slice of the whole one's. The two
    baselines need no sensor and are scored on the same known minutes.
    """
    if habit is None:
        habit = time_of_day(minutes_ms, truth)
    rows = [
        (bool(real), state == OCCUPIED, usual)
        for real, state, usual in zip(truth, predicted, habit, strict=True)
        if real is not None and state != UNKNOWN
    ]
    minutes = sum(real is not None for real in truth)
    known = len(rows)
    if not known:
        return Scores(minutes, 0.0 if minutes else None, *[None] * 8)
    cells = Counter((real, said) for real, said, _ in rows)
    tp, tn, fp, fn = cells[True, True], cells[False, False], cells[False, True], cells[True, False]
    recalls = [hit / n for hit, n in ((tp, tp + fn), (tn, tn + fp)) if n]
    spread = math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    switches = sum(before[1] != after[1] for before, after in itertools.pairwise(rows))
    return Scores(
        minutes=minutes,
        coverage=known / minutes,
        accuracy=(tp + tn) / known,
        balanced_accuracy=sum(recalls) / len(recalls),
        f1=2 * tp / (2 * tp + fp + fn) if tp + fp + fn else None,
        mcc=(tp * tn - fp * fn) / spread if spread else 0.0,
        occupied_hours_error_pct=100 * (fp - fn) / (tp + fn) if tp + fn else None,
        switches_per_day=switches * DAY_MIN / (known * _spacing_min(minutes_ms)),
        majority_pct=100 * max(tp + fn, tn + fp) / known,
        time_of_day_pct=100 * sum(real == usual for real, _, usual in rows) / known,
    )


def time_of_day(
    minutes_ms: Sequence[int], truth: Sequence[bool | int | None], utc_offset_ms: int = 0
) -> list[bool]:
    """Predict each minute by the majority of the same minute on all *other* local days of its kind.

    The kinds are Monday to Friday, and the weekend. Leave-one-day-out, so it sees the future: a stronger baseline
    than anything causal that knows only the clock. Ties, and minutes that no such day has, fall to the majority of
    all those days; without any, to vacant.
    """
    at_minute: Counter[tuple[bool, int]] = Counter()
    at_minute_day: Counter[tuple[int, int]] = Counter()
    by_kind: Counter[bool] = Counter()
    by_day: Counter[int] = Counter()
    places = [divmod((at + utc_offset_ms) // MINUTE_MS, DAY_MIN) for at in minutes_ms]
    for (day, minute), real in zip(places, truth, strict=True):
        if real is not None:
            vote, kind = (1 if real else -1), _weekend(day)
            at_minute[kind, minute] += vote
            at_minute_day[day, minute] += vote
            by_kind[kind] += vote
            by_day[day] += vote
    predictions = []
    for day, minute in places:
        kind = _weekend(day)
        votes = at_minute[kind, minute] - at_minute_day[day, minute]
        predictions.append((votes or by_kind[kind] - by_day[day]) > 0)
    return predictions


def _weekend(day: int) -> bool:
    return (day + 3) % 7 >= 5  # day 0 is 1970-01-01, a Thursday


def _spacing_min(minutes_ms: Sequence[int]) -> float:
    """Minutes one row stands for: the median distance of rows, 1 for a single row."""
    gaps = sorted(b - a for a, b in itertools.pairwise(minutes_ms))
    return gaps[len(gaps) // 2] / MINUTE_MS if gaps else 1.0


@dataclass(frozen=True, slots=True)
class PeopleScores:
    """How well people are counted, over minutes with a truth and a count; `_pct` in percent, None where undefined."""

    minutes: int  # with a truth
    coverage: float | None  # share of them with a count
    mean_absolute_error: float | None
    exact_pct: float | None
    within_margin_pct: float | None  # of the count's own ± margin
    band_pct: float | None  # in the right band; None without a capacity
    occupied_mean_absolute_error: float | None  # over minutes with people in the truth


def score_people(
    truth: Sequence[float | None], counted: Sequence[int | None], capacity: int | None
) -> PeopleScores:
    """Score counts against true numbers of people, minute by minute; the sequences have one length."""
    minutes = sum(real is not None for real in truth)
    rows = [
        (real, count)
        for real, count in zip(truth, counted, strict=True)
        if real is not None and count is not None
    ]
    known = len(rows)
    if not known:
        return PeopleScores(minutes, 0.0 if minutes else None, *[None] * 5)
    errors = [abs(real - count) for real, count in rows]
    there = [error for error, (real, _) in zip(errors, rows, strict=True) if real > 0]
    right = [band(round(real), capacity) == band(count, capacity) for real, count in rows]
    return PeopleScores(
        minutes=minutes,
        coverage=known / minutes,
        mean_absolute_error=sum(errors) / known,
        exact_pct=100 * sum(error == 0 for error in errors) / known,
        within_margin_pct=100
        * sum(error <= margin(count) for error, (_, count) in zip(errors, rows, strict=True))
        / known,
        band_pct=None if capacity is None else 100 * sum(right) / known,
        occupied_mean_absolute_error=sum(there) / len(there) if there else None,
    )
