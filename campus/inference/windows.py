"""Histograms over a sliding window, and what is read from them: a quantile, an Otsu threshold. Pure."""

import itertools
from collections import deque
from collections.abc import Mapping
from typing import Any


class Window:
    """Counts per integer bin over the last `span_min` minutes, forgotten in buckets of `bucket_min`.

    Minutes are Unix minutes and must not fall. `state()` is JSON-able: one flat list per bucket.
    """

    __slots__ = ("_bucket_min", "_buckets", "_newest", "_older", "_span_min")

    def __init__(self, span_min: int, bucket_min: int, state: list[Any] | None = None) -> None:
        self._span_min, self._bucket_min = span_min, bucket_min
        self._buckets: deque[tuple[int, dict[int, int]]] = deque(
            (index, dict(zip(flat[::2], flat[1::2], strict=True))) for index, flat in state or ()
        )
        self._newest = self._buckets[-1][0] if self._buckets else -1
        self._older: dict[int, int] | None = None  # sum of all buckets but the newest, once it was asked for

    def add(self, minute: int, bin_: int) -> None:
        """Count one sample."""
        index = minute // self._bucket_min
        if index != self._newest:
            self._buckets.append((index, {}))
            self._newest, self._older = index, None
        counts = self._buckets[-1][1]
        counts[bin_] = counts.get(bin_, 0) + 1

    def counts(self, minute: int) -> dict[int, int]:
        """Counts by bin, ascending, of the buckets that began within the span before `minute`."""
        oldest = (minute - self._span_min) // self._bucket_min
        while self._buckets and self._buckets[0][0] <= oldest:
            self._buckets.popleft()
            self._older = None
        if not self._buckets:
            self._newest = -1
            return {}
        if self._older is None:
            self._older = {}
            for _, counts in itertools.islice(self._buckets, len(self._buckets) - 1):
                _add(counts, self._older)
        total = self._older.copy()
        _add(self._buckets[-1][1], total)
        return dict(sorted(total.items()))

    def state(self) -> list[Any]:
        return [[index, [n for pair in counts.items() for n in pair]] for index, counts in self._buckets]


def _add(counts: Mapping[int, int], into: dict[int, int]) -> None:
    for bin_, count in counts.items():
        into[bin_] = into.get(bin_, 0) + count


def quantile(counts: Mapping[int, int], q: float) -> float | None:
    """The q-quantile in bins, linear within the bin it falls in; None without samples. Bins ascend."""
    wanted, below = q * sum(counts.values()), 0
    for bin_, count in counts.items():
        if below + count >= wanted:
            return bin_ + (wanted - below) / count
        below += count
    return None


def order(counts: Mapping[int, int], q: float) -> int | None:
    """The bin that holds the q-quantile, for values that are whole numbers; None without samples. Bins ascend."""
    wanted, below = q * sum(counts.values()), 0
    for bin_, count in counts.items():
        below += count
        if below >= wanted:
            return bin_
    return None


def otsu(counts: Mapping[float, int]) -> tuple[float, float] | None:
    """(threshold, between-class ÷ total variance) of the best split in two (Otsu 1979); None if there is none.

    Keys are the values, ascending. The threshold lies halfway between the two values beside the split.
    """
    values = list(counts)
    n = sum(counts.values())
    if len(values) < 2:
        return None
    total = sum(value * count for value, count in counts.items())
    mean = total / n
    variance = sum(count * (value - mean) ** 2 for value, count in counts.items())
    best, threshold = 0.0, 0.0
    below = below_sum = 0.0
    for value, following in itertools.pairwise(values):
        below += counts[value]
        below_sum += value * counts[value]
        above = n - below
        between = below * above / n * (below_sum / below - (total - below_sum) / above) ** 2
        if between > best:
            best, threshold = between, (value + following) / 2
    return threshold, best / variance
