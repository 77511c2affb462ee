"""INSERT that gives way to the row already there, on both databases."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from campus.records.base import Base


def insert_or_replace(session: Session, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows (all with the same columns); one of the same primary key takes the new values."""
    if rows:
        session.connection().execute(_upsert(_dialect(session), table, False), rows)


def insert_or_add(session: Session, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows (all with the same columns); to one of the same primary key the new values are added."""
    if rows:
        session.connection().execute(_upsert(_dialect(session), table, True), rows)


def insert_or_keep(session: Session, table: type[Base], row: Mapping[str, Any]) -> None:
    """Insert a row, unless its primary key is there."""
    session.connection().execute(_insert(_dialect(session), table).on_conflict_do_nothing(), [row])


@cache  # made for every write it would cost more than the write
def _upsert(dialect: str, table: type[Base], adds: bool) -> Any:
    statement = _insert(dialect, table)
    keys = [column.name for column in table.__table__.primary_key]
    values = {
        column.name: column + new if adds else new
        for column in table.__table__.columns
        if column.name not in keys
        for new in [statement.excluded[column.name]]
    }
    return statement.on_conflict_do_update(index_elements=keys, set_=values)


def _dialect(session: Session) -> str:
    return session.get_bind().dialect.name


def _insert(dialect: str, table: type[Base]) -> Any:
    return (postgresql if dialect == "postgresql" else sqlite).insert(table.__table__)
