"""How dependable equipment is: availability, mean time between failures, mean time to repair. Pure.

The three are those of IEC 60050-192 (192-08-01, 192-05-13, 192-07-23), from incidents as they were written down.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from campus.indicators.definition import DESIGN, UPKEEP, Definition, count, hours
from campus.indicators.sums import _Additive


@dataclass(frozen=True, slots=True)
class Outage:
    """An incident over [start_ms, end_ms), None while it goes on; `down`: the piece could not be used."""

    start_ms: int
    end_ms: int | None
    down: bool


@dataclass(frozen=True, slots=True)
class UpkeepSums(_Additive):
    """Of a piece in service over a range: its time, how much of it was down, how often and how long that was.

    `failures` are outages that begin in the range, `repairs` those that end in it, `repair_ms` their whole length.
    """

    service_ms: int = 0
    down_ms: int = 0
    failures: int = 0
    repairs: int = 0
    repair_ms: int = 0


def sums(outages: Iterable[Outage], start_ms: int, end_ms: int) -> UpkeepSums:
    """Of the outages that are `down`; those that overlap or touch are one. Raises ValueError for an empty range."""
    if end_ms <= start_ms:
        raise ValueError(f"{end_ms} is not after {start_ms}")
    merged: list[tuple[int, int | None]] = []
    for one in sorted((one for one in outages if one.down), key=lambda one: one.start_ms):
        if merged and (merged[-1][1] is None or one.start_ms <= merged[-1][1]):
            first, last = merged[-1]
            both = last is not None and one.end_ms is not None
            merged[-1] = (first, max(last or 0, one.end_ms or 0) if both else None)
        else:
            merged.append((one.start_ms, one.end_ms))
    down = sum(
        max(0, min(end_ms, end_ms if last is None else last) - max(start_ms, first)) for first, last in merged
    )
    repaired = [last - first for first, last in merged if last is not None and start_ms < last <= end_ms]
    failures = sum(start_ms <= first < end_ms for first, _ in merged)
    return UpkeepSums(end_ms - start_ms, down, failures, len(repaired), sum(repaired))


DEFINITIONS = (
    Definition(
        "equipment_availability",
        1,
        "tỷ lệ sẵn sàng của thiết bị",
        "equipment availability",
        "(time in service − time down by incidents) ÷ time in service",
        "1",
        DESIGN,
        UPKEEP,
        hours("service_ms", less=("down_ms",)),
        hours("service_ms"),
        ((hours("service_ms"), hours("service_ms")),),
        least_coverage_pct=0,
    ),
    Definition(
        "mean_time_between_failures",
        1,
        "thời gian trung bình giữa hai lần hỏng",
        "mean time between failures",
        "(time in service − time down) ÷ incidents that put equipment down",
        "h",
        DESIGN,
        UPKEEP,
        hours("service_ms", less=("down_ms",)),
        count("failures", unit="incidents"),
        ((hours("service_ms"), hours("service_ms")),),
        least_coverage_pct=0,
    ),
    Definition(
        "mean_time_to_repair",
        1,
        "thời gian sửa chữa trung bình",
        "mean time to repair",
        "time down, whole, of the incidents that ended ÷ their number",
        "h",
        DESIGN,
        UPKEEP,
        hours("repair_ms"),
        count("repairs", unit="incidents"),
        ((hours("service_ms"), hours("service_ms")),),
        least_coverage_pct=0,
    ),
)
