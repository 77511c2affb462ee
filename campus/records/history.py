"""What every field of a record was and became, who changed it and how. Rows are only added."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from campus.records.instants import from_ms, to_ms
from campus.records.paging import Page, paged
from campus.records.register_tables import RecordChangeTable

IMPORT, EDIT, STOCKTAKING, RETURN, UPKEEP = "import", "edit", "stocktaking", "return", "upkeep"
CREATED, REMOVED = "created", "removed"
"""The fields of the first change, whose `after` is all that was given, and the last, whose `before` is all it was."""


@dataclass(frozen=True, slots=True)
class RecordChange:
    """One field of one record. `before` and `after` are as JSON holds them: dates as YYYY-MM-DD, None for nothing."""

    number: int
    kind: str
    id: str
    field: str
    before: Any
    after: Any
    at: datetime
    by: str
    how: str


@dataclass(frozen=True, slots=True)
class Log:
    """Writes changes of one site that one person makes at one instant; `how` is one of the words above."""

    session: Session
    site: str
    by: str
    at: datetime
    how: str

    def created(self, kind: str, id: str, values: Mapping[str, Any]) -> None:
        given = {name: value for name, value in values.items() if value is not None}
        self._write(kind, id, {CREATED: (None, given)})

    def removed(self, kind: str, id: str, values: Mapping[str, Any]) -> None:
        was = {name: value for name, value in values.items() if value is not None}
        self._write(kind, id, {REMOVED: (was, None)})

    def changed(self, kind: str, id: str, changed: Mapping[str, tuple[Any, Any]]) -> None:
        """`changed`: field -> (before, after)."""
        self._write(kind, id, changed)

    def _write(self, kind: str, id: str, changed: Mapping[str, tuple[Any, Any]]) -> None:
        common = {
            "site": self.site,
            "kind": kind,
            "id": id,
            "at_ms": to_ms(self.at),
            "by": self.by[:120],
            "how": self.how,
        }
        rows = [
            {**common, "field": field, "before": _plain(before), "after": _plain(after)}
            for field, (before, after) in changed.items()
        ]
        if rows:
            self.session.connection().execute(insert(RecordChangeTable), rows)


def read(
    session: Session,
    site: str,
    kind: str,
    id: str,
    before: int | None = None,
    limit: int = 200,
    page: Page | None = None,
) -> list[RecordChange]:
    """The changes of one record, the newest first; `before`: only those with a lower number; or a page of them."""
    table = RecordChangeTable
    query = select(table).where(table.site == site, table.kind == kind, table.id == id)
    if before is not None:
        query = query.where(table.number < before)
    query = (
        query.order_by(table.number.desc()).limit(limit)
        if page is None
        else paged(query, page, table, ("number",))
    )
    return [
        RecordChange(
            row.number,
            row.kind,
            row.id,
            row.field,
            row.before,
            row.after,
            from_ms(row.at_ms),
            row.by,
            row.how,
        )
        for row in session.scalars(query)
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return value
