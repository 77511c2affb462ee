"""Samples of one series that presence needs again: compact, and bounded."""

from array import array

from campus.inference.fuse import HOLD_MIN, LARGEST
from campus.inference.presence import MINUTE_MS
from campus.telemetry import GOOD, Sample

MOST = 8_000  # of one series: eight a second for as long as they are held


class Kept:
    """Usable samples in order of arrival, 16 bytes each (as tuples they are 120). At most MOST, the oldest arrivals go.

    Not thread-safe. `fuse` makes the same of `samples()` as of all that was added, for minutes that were not forgotten.
    """

    __slots__ = ("_at", "_held_ms", "_values")

    def __init__(self, point: str) -> None:
        """`point` without its channel."""
        self._at, self._values = array("q"), array("d")
        self._held_ms = 0 if point in LARGEST else HOLD_MIN * MINUTE_MS

    def __len__(self) -> int:
        return len(self._at)

    def add(self, observed_at_ms: int, value: float) -> None:
        if len(self._at) >= MOST:
            self._drop(MOST // 16)
        self._at.append(observed_at_ms)
        self._values.append(value)

    def forget(self, next_ms: int) -> None:
        """Drop from the front what no minute from `next_ms` on can use."""
        oldest = next_ms - self._held_ms
        self._drop(next((n for n, at in enumerate(self._at) if at >= oldest), len(self._at)))

    def samples(self) -> list[Sample]:
        """Their quality is GOOD: `fuse` treats all usable ones alike."""
        return [(at, value, GOOD) for at, value in zip(self._at, self._values, strict=True)]

    def _drop(self, count: int) -> None:
        del self._at[:count]
        del self._values[:count]
