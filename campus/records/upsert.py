"""INSERT that gives way to the row already there, on both databases."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from campus.records.base import Base


def insert_or_replace(session: Session, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows (all with the same columns); one of the same primary key takes the new values."""
    if not rows:
        return
    statement = _insert(session, table)
    keys = [column.name for column in table.__table__.primary_key]
    values = {
        column.name: statement.excluded[column.name]
        for column in table.__table__.columns
        if column.name not in keys
    }
    session.connection().execute(statement.on_conflict_do_update(index_elements=keys, set_=values), rows)


def insert_or_keep(session: Session, table: type[Base], row: Mapping[str, Any]) -> None:
    """Insert a row, unless its primary key is there."""
    session.connection().execute(_insert(session, table).on_conflict_do_nothing(), [row])


def _insert(session: Session, table: type[Base]) -> Any:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(table.__table__)
