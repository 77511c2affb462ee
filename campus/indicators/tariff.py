"""What energy costs: prices in VND per kWh with the dates they hold from. Pure; a price is data, none is built in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from campus.indicators.definition import Amount
from campus.indicators.sums import EquipmentSums

MWH_PER_KWH = 1_000_000


@dataclass(frozen=True, slots=True)
class Tariff:
    """The price from a local date on, until the next one; value-added tax included, as the school pays it."""

    valid_from: date
    vnd_per_kwh: float


@dataclass(frozen=True, slots=True)
class Priced:
    """Sums over local dates from `start` that have one price; None: no tariff held."""

    start: date
    vnd_per_kwh: float | None
    sums: EquipmentSums


def price(tariffs: Iterable[Tariff], day: date) -> float | None:
    """VND per kWh on a local date; None before the first tariff."""
    held = [tariff for tariff in tariffs if tariff.valid_from <= day]
    return max(held, key=lambda tariff: tariff.valid_from).vnd_per_kwh if held else None


def periods(tariffs: Sequence[Tariff], start: date, end: date) -> list[tuple[date, date, float | None]]:
    """[start, end) cut where the price changes: (first date, date after the last, VND per kWh)."""
    if end <= start:
        return []
    cuts = sorted({start, *(tariff.valid_from for tariff in tariffs if start < tariff.valid_from < end)})
    return [(first, last, price(tariffs, first)) for first, last in zip(cuts, [*cuts[1:], end], strict=True)]


def unpriced(parts: Iterable[Priced], energy: Amount) -> date | None:
    """The first date of a part that has energy and no price."""
    return min(
        (part.start for part in parts if part.vnd_per_kwh is None and energy.of(part.sums)), default=None
    )


def vnd(parts: Iterable[Priced], energy: Amount) -> float:
    """Energy × price, the same in any order of the parts."""
    total = Fraction(0)
    for part in parts:
        if part.vnd_per_kwh is not None:
            total += Fraction(part.vnd_per_kwh) * energy.of(part.sums)
    return float(total / MWH_PER_KWH)
