"""Time series of readings: the columnar batch, its quality codes, and what every store promises.

`open_telemetry(url)` in `campus.telemetry.stores` picks the adapter; nothing else names a database.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

GOOD = 0
HOLD = 1  # the board's clock was synced earlier, and runs free since
UNSYNCED = 2  # the boot never synced: the time is estimated from the receive time; kept out of facts
INVALID = 3  # measured, but no value; the reason was not given or is not one of those below
OUT_OF_RANGE = 4  # outside the point's plausible range; the value is kept, and not used
IMPLAUSIBLE_TIME = 5  # more than 24 h ahead of the receive time, or before 2024
INVALID_WARMUP = 16
INVALID_FAILED = 17
INVALID_CRC = 18
INVALID_TIMEOUT = 19

QUALITY_NAMES: dict[int, str] = {
    GOOD: "good",
    HOLD: "hold",
    UNSYNCED: "unsynced",
    INVALID: "invalid",
    OUT_OF_RANGE: "out_of_range",
    IMPLAUSIBLE_TIME: "implausible_time",
    INVALID_WARMUP: "invalid:warmup",
    INVALID_FAILED: "invalid:failed",
    INVALID_CRC: "invalid:crc",
    INVALID_TIMEOUT: "invalid:timeout",
}
USABLE = frozenset({GOOD, HOLD})
"""Qualities whose value may enter inference and facts."""


class SeriesKey(NamedTuple):
    """What one series is: `point` with its channel, as on the wire (`power_w.1`)."""

    site: str
    board: str
    point: str


@dataclass(slots=True)
class Readings:
    """A columnar batch of readings; the four lists have one length, in order of arrival.

    `which[i]` indexes `series`; `observed_at_ms` is Unix ms UTC; `value` is None where invalid;
    `quality` is one of the codes above. `received` tells, by index, when a reading of implausible time came
    (Unix ms), and of no other.
    """

    series: list[SeriesKey] = field(default_factory=list)
    which: list[int] = field(default_factory=list)
    observed_at_ms: list[int] = field(default_factory=list)
    value: list[float | None] = field(default_factory=list)
    quality: list[int] = field(default_factory=list)
    received: dict[int, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.which)


class Row(NamedTuple):
    """One reading as exports show it; `received_at_ms` only where `observed_at_ms` is not plausible."""

    board: str
    point: str
    observed_at_ms: int
    value: float | None
    quality: str
    received_at_ms: int | None = None


class Batch(NamedTuple):
    """Readings in columns of one length: `which` indexes `keys`, `quality` holds codes.

    `value` is NaN where there is none, `received_at_ms` (a float) wherever `observed_at_ms` is plausible.
    """

    keys: Sequence[SeriesKey]
    which: np.ndarray
    observed_at_ms: np.ndarray
    value: np.ndarray
    quality: np.ndarray
    received_at_ms: np.ndarray

    def rows(self) -> list[Row]:
        """The same as rows."""
        boards, points = ([getattr(key, name) for key in self.keys] for name in ("board", "point"))
        columns = (self.which, self.observed_at_ms, self.value, self.quality, self.received_at_ms)
        return [
            Row(
                boards[which],
                points[which],
                at,
                None if value != value else value,
                QUALITY_NAMES.get(code, str(code)),
                None if received != received else int(received),
            )
            for which, at, value, code, received in zip(*(one.tolist() for one in columns), strict=True)
        ]


class Mean(NamedTuple):
    """The usable readings of one series in [start_ms, start_ms + width_ms), at least one.

    `last` is the latest in the window: of a counter (`energy_mwh`) it is the figure that means something.
    """

    start_ms: int
    width_ms: int
    count: int  # type: ignore[assignment]  # hides tuple.count()
    mean: float
    low: float
    high: float
    last: float


Sample = tuple[int, float | None, int]
"""(observed_at_ms, value, quality) of one series, ascending by time."""


class TelemetryStore(Protocol):
    """A projection of the journal. Every method is safe from any thread and raises StoreError on failure."""

    def cursor(self) -> int:
        """Number of the last batch written; 0 for a new store."""
        ...

    def write(self, number: int, readings: Readings, removed: Readings | None = None) -> None:
        """Store a batch and its number as one step; a number at or below the cursor changes nothing.

        `removed` was written by an earlier batch as UNSYNCED or IMPLAUSIBLE_TIME: for each (series, observed_at,
        quality) of it one reading is deleted in the same step, of several the one of its value, before `readings`
        are added. (A store that keeps one reading for a series and time has one to delete.)
        """
        ...

    def series(self, site: str | None = None, board: str | None = None) -> list[SeriesKey]:
        """Every series known, sorted, narrowed to a site or board."""
        ...

    def read(self, keys: Sequence[SeriesKey], start_ms: int, end_ms: int) -> dict[SeriesKey, list[Sample]]:
        """Samples in [start_ms, end_ms) per key, ascending; an empty list for a key without any."""
        ...

    def rows(
        self,
        site: str | None,
        board: str | None,
        start_ms: int | None,
        end_ms: int | None,
        chunk: int = 20_000,
    ) -> Iterator[list[Row]]:
        """Stream readings in chunks, by (board, point, observed_at); memory does not grow with the range."""
        ...

    def batches(
        self, site: str | None, board: str | None, start_ms: int | None, end_ms: int | None
    ) -> Iterator[Batch]:
        """The same readings in the same order in columns, at least one in each: for what handles many of them."""
        ...

    def means(self, keys: Sequence[SeriesKey], start_ms: int, end_ms: int) -> dict[SeriesKey, list[Mean]]:
        """Means that begin in [start_ms, end_ms) per key, ascending; an empty list for a key without any.

        Windows of 15 minutes aligned to UTC, whole ones at both ends; UTC days where only those are left.
        """
        ...

    def raw_from(self) -> int:
        """Unix ms before which readings may have been thinned out to means; 0 where all are there."""
        ...

    def extent(self) -> tuple[int, int] | None:
        """(first, last) observed_at_ms held, those of implausible time left out; None when there is none."""
        ...

    def maintain(self, now_ms: int) -> int:
        """Do what keeps the store small and quick; call it every few minutes. How many days were worked on."""
        ...

    def snapshot(self, target: Path) -> None:
        """Make `target` a consistent copy, its cursor in it, while others write and read.

        Raises UsageError where the store is a server's, or the place cannot be written.
        """
        ...

    def bytes_per_reading(self) -> float | None:
        """Bytes on the disk for each reading held; None when empty or not known."""
        ...

    def close(self) -> None: ...
