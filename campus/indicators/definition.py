"""What a published figure is: amounts of sums, divided and judged by their coverage. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

SMG = "UK Space Management Group, Space utilisation: practice, performance and guidelines (2006)"
DESIGN = "this project"

ROOM, EQUIPMENT, LINK, RECORD, UPKEEP = "room", "equipment", "link", "record", "upkeep"
"""What a definition sums: `RoomSums`, `EquipmentSums`, `LinkSums`, `RecordCounts`, `UpkeepSums`."""

LEAST_COVERAGE_PCT = 80


@dataclass(frozen=True, slots=True)
class Amount:
    """The sum of some fields of the sums less that of others, and perhaps times another amount: an exact integer.

    `size` of it make one `unit`.
    """

    plus: tuple[str, ...]
    unit: str
    size: int = 1
    minus: tuple[str, ...] = ()
    times: "Amount | None" = None

    def of(self, sums: Any) -> int:
        """In the integers of the sums (ms, mWh, counts)."""
        amount = sum(getattr(sums, name) for name in self.plus)
        amount -= sum(getattr(sums, name) for name in self.minus)
        return amount if self.times is None else amount * self.times.of(sums)

    def shown(self, sums: Any) -> float:
        """In `unit`."""
        return self.of(sums) / self.size


Coverage = tuple[Amount, Amount]
"""What was measured, of what should have been."""


@dataclass(frozen=True, slots=True)
class Definition:
    """`formula` in words of the data model; `source` names who defined it so. A change makes a new version.

    The value is numerator ÷ denominator, or, of a `total`, the numerator itself, and the denominator is then what it
    was counted over. There is no value unless each coverage reaches `least_coverage_pct`; the lowest is published.
    `personal`: read beside a timetable it tells about teachers, see `privacy.py`. `priced`: the value is the
    numerator's energy times a tariff, see `tariff.py`. `listed`: it counts a list that needs more than sums, and is
    made beside the list (`ghosts.py`, `unused.py`).
    """

    id: str
    version: int
    name_vi: str
    name_en: str
    formula: str
    unit: str
    source: str
    of: str
    numerator: Amount
    denominator: Amount
    coverage: tuple[Coverage, ...] = ()
    least_coverage_pct: int = LEAST_COVERAGE_PCT
    total: bool = False
    personal: bool = False
    priced: bool = False
    listed: bool = False
    counts: Callable[[Any], dict[str, int]] | None = None


def count(*plus: str, less: tuple[str, ...] = (), unit: str = "periods") -> Amount:
    """A number of things."""
    return Amount(plus, unit, 1, less)


def minutes(*plus: str, less: tuple[str, ...] = ()) -> Amount:
    """Time, in minutes."""
    return Amount(plus, "min", 60_000, less)


def hours(*plus: str, less: tuple[str, ...] = ()) -> Amount:
    """Time, in hours."""
    return Amount(plus, "h", 3_600_000, less)


def kwh(*plus: str) -> Amount:
    """Energy."""
    return Amount(plus, "kWh", 1_000_000)
