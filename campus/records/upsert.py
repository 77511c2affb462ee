"""INSERT that gives way to the row already there, on both databases."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from campus.records.base import Base


def insert_or_replace(session: Session, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows (all with the same columns); one of the same primary key takes the new values."""
    _upsert(session, table, rows, lambda held, new: new)


def insert_or_add(session: Session, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows (all with the same columns); to one of the same primary key the new values are added."""
    _upsert(session, table, rows, lambda held, new: held + new)


def insert_or_keep(session: Session, table: type[Base], row: Mapping[str, Any]) -> None:
    """Insert a row, unless its primary key is there."""
    session.connection().execute(_insert(session, table).on_conflict_do_nothing(), [row])


def _upsert(
    session: Session, table: type[Base], rows: Sequence[Mapping[str, Any]], value: Callable[[Any, Any], Any]
) -> None:
    """`value` of the column that is held and the new one is what it becomes."""
    if not rows:
        return
    statement = _insert(session, table)
    keys = [column.name for column in table.__table__.primary_key]
    values = {
        column.name: value(column, statement.excluded[column.name])
        for column in table.__table__.columns
        if column.name not in keys
    }
    session.connection().execute(statement.on_conflict_do_update(index_elements=keys, set_=values), rows)


def _insert(session: Session, table: type[Base]) -> Any:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(table.__table__)
