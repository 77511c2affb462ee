"""What a school is to reach: targets of indicators by year, and quotas of lessons with equipment. Data, not code."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from campus.errors import UsageError
from campus.indicators.definitions import DEFINITIONS
from campus.records.inventory import Inventory
from campus.records.register_tables import EquipmentQuotaTable, TargetTable


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """The value an indicator is to have reached by the end of a year; a rate as a fraction."""

    indicator: str
    year: int
    value: float


@dataclass(frozen=True, slots=True, order=True)
class Quota:
    """Lessons with equipment over [start, end); `subject_group` "" is the whole school."""

    subject_group: str
    start: date
    end: date
    lessons: int


NATIONAL = (Target("record_coverage", 2025, 0.8), Target("record_coverage", 2030, 1.0))
"""Hold for a site that has no targets of its own for the indicator."""


def targets(session: Session, site: str) -> list[Target]:
    """By indicator and year."""
    rows = session.scalars(select(TargetTable).where(TargetTable.site == site))
    own = [Target(row.indicator, row.year, row.value) for row in rows]
    named = {target.indicator for target in own}
    return sorted([*own, *(target for target in NATIONAL if target.indicator not in named)])


def quotas(session: Session, site: str) -> list[Quota]:
    rows = session.scalars(select(EquipmentQuotaTable).where(EquipmentQuotaTable.site == site))
    return sorted(Quota(row.subject_group, row.start, row.end, row.lessons) for row in rows)


def apply(session: Session, inventory: Inventory, known: Mapping[str, set[str]]) -> list[str]:
    """Each list that is given replaces the stored one; one line per change. Raises UsageError naming the field."""
    site, changes = inventory.site.id, []
    if inventory.targets is not None:
        wanted = [Target(row.indicator, row.year, row.value) for row in inventory.targets]
        for number, target in enumerate(wanted):
            if target.indicator not in DEFINITIONS:
                raise UsageError(f"targets[{number}].indicator: there is no indicator '{target.indicator}'.")
        _refuse_twice("targets", [(target.indicator, target.year) for target in wanted])
        stored = session.scalars(select(TargetTable).where(TargetTable.site == site))
        before = [Target(row.indicator, row.year, row.value) for row in stored]
        rows = [
            {"site": site, "indicator": one.indicator, "year": one.year, "value": one.value} for one in wanted
        ]
        told = [f"{one.indicator} {one.value:g} by {one.year}" for one in before]
        changes += _replace(
            session,
            TargetTable,
            site,
            "targets",
            told,
            [f"{one.indicator} {one.value:g} by {one.year}" for one in wanted],
            rows,
        )
    if inventory.equipment_quotas is not None:
        given = inventory.equipment_quotas
        for number, row in enumerate(given):
            if row.subject_group is not None and row.subject_group not in known["subject_groups"]:
                raise UsageError(
                    f"equipment_quotas[{number}].subject_group: there is no '{row.subject_group}' in subject_groups."
                )
            if row.valid_to <= row.valid_from:
                raise UsageError(
                    f"equipment_quotas[{number}].to: {row.valid_to} is not after {row.valid_from}."
                )
        _refuse_twice("equipment_quotas", [(row.subject_group, row.valid_from) for row in given])
        now = [Quota(row.subject_group or "", row.valid_from, row.valid_to, row.lessons) for row in given]
        rows = [
            {
                "site": site,
                "subject_group": one.subject_group,
                "start": one.start,
                "end": one.end,
                "lessons": one.lessons,
            }
            for one in now
        ]
        before_told = [_told(one) for one in quotas(session, site)]
        changes += _replace(
            session,
            EquipmentQuotaTable,
            site,
            "equipment_quotas",
            before_told,
            [_told(one) for one in now],
            rows,
        )
    return changes


def _told(one: Quota) -> str:
    return f"{one.lessons} lessons of {one.subject_group or 'the school'}, {one.start} to {one.end}"


def _refuse_twice(name: str, keys: list[Any]) -> None:
    for number, key in enumerate(keys):
        if key in keys[:number]:
            raise UsageError(
                f"{name}[{number}]: the same as {name}[{keys.index(key)}] is there already; remove one."
            )


def _replace(
    session: Session,
    table: Any,
    site: str,
    name: str,
    before: list[str],
    after: list[str],
    rows: list[dict[str, Any]],
) -> list[str]:
    if sorted(before) == sorted(after):
        return []
    session.execute(delete(table).where(table.site == site))
    if rows:
        session.connection().execute(insert(table), rows)
    gone = [f"remove from {name}: {one}" for one in before if one not in after]
    return gone + [f"add to {name}: {one}" for one in after if one not in before]
