"""The CO2 curve and the presence band of one day, in the coordinates of their SVGs. Pure.

The plot is stretched to its place on the page; its labels are text of the page beside it, so they stay readable on a
phone. Both axes are divided evenly for that.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import floor
from zoneinfo import ZoneInfo

from campus.inference import Interval
from campus.telemetry import USABLE, Sample

WIDTH, HEIGHT = 960, 240
BUCKET_MS = 5 * 60_000
GAP_BUCKETS = 3  # a hole of 15 minutes is a gap, and is shown as one
_STEPS = (200, 250, 400, 500, 1000, 2000)
_LINES = 5


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of time: [x, x + width) of WIDTH."""

    x: float
    width: float
    kind: str
    start: datetime
    end: datetime
    text: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """`curves` are SVG polylines, one per stretch without a gap; labels run left to right and top to bottom."""

    curves: list[str]
    dots: list[tuple[float, float]]  # a lone value between two gaps
    x_labels: list[str]
    y_labels: list[int]
    blocks: list[Block]
    lessons: list[Block]
    low: tuple[float, datetime] | None
    high: tuple[float, datetime] | None
    now_x: float | None
    sensors: int


def mean_curve(series: Iterable[Sequence[Sample]], start_ms: int) -> list[tuple[int, float]]:
    """(middle of the bucket in ms, mean of its usable values), ascending; buckets without a value are absent."""
    sums: dict[int, list[float]] = {}
    for samples in series:
        for at, value, quality in samples:
            if value is not None and quality in USABLE:
                both = sums.setdefault((at - start_ms) // BUCKET_MS, [0.0, 0])
                both[0] += value
                both[1] += 1
    return [
        (start_ms + bucket * BUCKET_MS + BUCKET_MS // 2, total / count)
        for bucket, (total, count) in sorted(sums.items())
    ]


def stretches(points: Sequence[tuple[int, float]]) -> list[list[tuple[int, float]]]:
    """Cut a curve where GAP_BUCKETS buckets or more have no value."""
    found: list[list[tuple[int, float]]] = []
    for point in points:
        if not found or point[0] - found[-1][-1][0] > GAP_BUCKETS * BUCKET_MS:
            found.append([])
        found[-1].append(point)
    return found


def scale(values: Sequence[float]) -> tuple[int, int]:
    """(lowest, highest) of an axis in _LINES even steps that holds every value; 400 to 1400 ppm at least."""
    low, high = min([400.0, *values]), max([1400.0, *values])
    for step in _STEPS:
        bottom = floor(low / step) * step
        if bottom + _LINES * step >= high:
            return bottom, bottom + _LINES * step
    return 0, _LINES * _STEPS[-1]


def chart(
    series: Sequence[Sequence[Sample]],
    intervals: Sequence[Interval],
    lessons: Sequence[tuple[int, int, str]],
    start_ms: int,
    end_ms: int,
    zone: ZoneInfo,
    now_ms: int,
) -> Chart:
    """One day [start_ms, end_ms): CO2 of every sensor in the room averaged, presence, and the lessons planned."""
    points = mean_curve(series, start_ms)
    bottom, top = scale([value for _, value in points])
    span = end_ms - start_ms

    def x(ms: int) -> float:
        return round((min(max(ms, start_ms), end_ms) - start_ms) / span * WIDTH, 1)

    def y(value: float) -> float:
        return round((top - value) / (top - bottom) * HEIGHT, 1)

    def block(start: int, end: int, kind: str, text: str = "") -> Block:
        return Block(x(start), round(x(end) - x(start), 1), kind, _instant(start), _instant(end), text)

    parts = stretches(points)
    by_value = sorted((value, at) for at, value in points)
    hours = [start_ms + span * n // 8 for n in range(9)]
    return Chart(
        curves=[" ".join(f"{x(at)},{y(value)}" for at, value in part) for part in parts if len(part) > 1],
        dots=[(x(part[0][0]), y(part[0][1])) for part in parts if len(part) == 1],
        x_labels=[f"{_instant(at).astimezone(zone):%H:%M}" for at in hours[:-1]] + ["24:00"],
        y_labels=[round(top - (top - bottom) * n / _LINES) for n in range(_LINES + 1)],
        blocks=[block(*one) for one in intervals],
        lessons=[block(start, end, "lesson", text) for start, end, text in lessons],
        low=(by_value[0][0], _instant(by_value[0][1])) if by_value else None,
        high=(by_value[-1][0], _instant(by_value[-1][1])) if by_value else None,
        now_x=x(now_ms) if start_ms <= now_ms < end_ms else None,
        sensors=sum(bool(samples) for samples in series),
    )


def _instant(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
