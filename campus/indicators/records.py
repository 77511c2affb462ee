"""How complete the digital records of equipment are. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from campus.indicators.definition import DESIGN, RECORD, Amount, Definition

_KNOWN = Amount(("known",), "items")


@dataclass(frozen=True, slots=True)
class RecordCounts:
    """Items known to exist, and those of them whose record is complete."""

    known: int = 0
    complete: int = 0

    def __add__(self, other: "RecordCounts") -> "RecordCounts":
        return RecordCounts(self.known + other.known, self.complete + other.complete)

    @classmethod
    def total(cls, parts: Iterable["RecordCounts"]) -> "RecordCounts":
        """The sum of any number of them; zero for none."""
        return sum(parts, cls())


def missing(
    id: str | None,
    kind: str | None,
    room: str | None,
    in_service_on: date | None,
    condition: str | None,
    verified_on: date | None,
    today: date,
) -> tuple[str, ...]:
    """The names of what a record lacks to be complete, in the order of the arguments; empty: it is complete.

    `verified_on` is lacking too where it is not within the 12 months up to `today`: of 26 November 2025 it holds up
    to 26 November 2026.
    """
    is_verified = verified_on is not None and _a_year_before(today) <= verified_on <= today
    if id and kind and room and in_service_on and condition and is_verified:  # most are, and there are many
        return ()
    told = {"id": id, "kind": kind, "room": room, "in_service_on": in_service_on, "condition": condition}
    lacking = [name for name, value in told.items() if not value]
    if not is_verified:
        lacking.append("verified_on")
    return tuple(lacking)


def _a_year_before(day: date) -> date:
    if (day.month, day.day) == (2, 29):
        return date(day.year - 1, 2, 28)
    return day.replace(year=day.year - 1)


DEFINITIONS = (
    Definition(
        "record_coverage",
        1,
        "tỷ lệ hồ sơ số đầy đủ",
        "digital record coverage",
        "complete records ÷ items known to exist; complete: id, type, room, in-service date, condition, and verified "
        "in the last 12 months",
        "1",
        DESIGN,
        RECORD,
        Amount(("complete",), "items"),
        _KNOWN,
        least_coverage_pct=0,
    ),
)
