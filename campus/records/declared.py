"""Declared against measured use: loan slips beside what meters saw in the same period; quotas of lessons."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from campus.calendar import LESSON
from campus.indicators import EquipmentFact
from campus.indicators.sums import COVERAGE_PCT, OPERATED_MS
from campus.records.goals import Quota
from campus.records.loans import Loan

Lesson = tuple[date, str, int]
"""Local date, session, period."""


@dataclass(frozen=True, slots=True)
class Use:
    """Uses of equipment in lessons: one for each piece, date, session and period.

    `both`: declared by a slip and measured; `declared_only`: a meter saw no use; `measured_only`: nobody wrote a slip;
    `not_measured`: declared, and no meter looked on for most of the period, as on equipment without one.
    """

    both: int
    declared_only: int
    measured_only: int
    not_measured: int

    @property
    def declared(self) -> int:
        return self.both + self.declared_only + self.not_measured

    @property
    def measured(self) -> int:
        return self.both + self.measured_only


@dataclass(frozen=True, slots=True)
class Attainment:
    """Lessons with equipment, declared or measured, of a quota; `rate` may be above 1."""

    quota: Quota
    lessons: int

    @property
    def rate(self) -> float:
        return self.lessons / self.quota.lessons


def use(loans: Iterable[Loan], facts: Iterable[EquipmentFact], periods_used: int) -> Use:
    """Of slips, the facts of their pieces on their dates, and all `periods_used` of the range.

    A fact counts as `periods_used` counts it: 5 minutes in operation.
    """
    declared = {
        (loan.equipment, loan.used_on, loan.session, loan.period)
        for loan in loans
        if loan.used_on is not None and loan.session is not None and loan.period is not None
    }
    used, looked_on = set(), set()
    for fact in facts:
        if fact.kind != LESSON or fact.session is None or fact.period is None:
            continue
        key = (fact.equipment, fact.date, fact.session, fact.period)
        if _operated(fact):
            used.add(key)
        if 100 * fact.valid_minutes >= COVERAGE_PCT * fact.slot_minutes:
            looked_on.add(key)
    unseen = declared - used
    return Use(
        both=len(declared & used),
        declared_only=len(unseen & looked_on),
        measured_only=max(0, periods_used - len(declared & used)),
        not_measured=len(unseen - looked_on),
    )


def _operated(fact: EquipmentFact) -> bool:
    return round(fact.on_minutes * 60_000) >= OPERATED_MS
