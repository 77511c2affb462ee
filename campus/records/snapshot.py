"""The records as a file of their own, the same whichever database they are in, and back into either.

That file is `records.sqlite`, as a data folder has it.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, Table, func, insert, inspect, literal, select, text

from campus.errors import StoreError, UsageError
from campus.records import audit
from campus.records.database import FILE, Database, as_it_is
from campus.records.register_tables import AttachmentTable
from campus.records.tables import Base

CHUNK = 1000
"""Rows held at a time; a checkpoint may be some KiB."""


def snapshot(database: Database, folder: Path) -> None:
    """Make `folder`/records.sqlite: the records at one moment, while others write and read. Raises StoreError."""
    if database.engine.dialect.name == "sqlite":
        try:
            with closing(database.engine.raw_connection()) as connection:
                connection.cursor().execute("VACUUM INTO ?", (str(folder / FILE),))
        except sqlite3.Error as error:
            raise StoreError(f"The records cannot be copied to {folder}: {error}.") from error
        return
    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with _opened("sqlite", folder) as target, database.read() as source, target.write() as copy:
        _copy(source.connection(execution_options=options), copy.connection())


def check(folder: Path) -> None:
    """Bring `folder`/records.sqlite to this program's schema and look at every page of it. Raises StoreError."""
    with _opened("sqlite", folder) as records, records.read() as session:
        found = session.scalar(text("PRAGMA integrity_check(1)"))
        if found != "ok" or session.execute(text("PRAGMA foreign_key_check")).first():
            raise StoreError(f"The records file {folder / FILE} is damaged: {' '.join(str(found).split())}.")


def attached(folder: Path) -> set[str]:
    """SHA-256 of every photo and document that `folder`/records.sqlite names. Raises StoreError."""
    with _opened("sqlite", folder) as records, records.read() as session:
        return set(session.scalars(select(AttachmentTable.sha256).distinct()))


def load(folder: Path, url: str, replace: bool = False) -> None:
    """Put `folder`/records.sqlite into the PostgreSQL database of `url`, in one transaction.

    Raises StoreError; UsageError where the database holds records already and is not to be replaced.
    """
    with (
        _opened("sqlite", folder) as held,
        _opened(url, folder) as target,
        held.read() as source,
        target.write() as session,
    ):
        connection = session.connection()
        if not replace and _occupied(connection):
            raise UsageError("The records database holds records already: add --replace, or name another.")
        with audit.replaceable(connection):
            for table in reversed(Base.metadata.sorted_tables):
                connection.execute(table.delete())
        _copy(source.connection(), connection)
        for table in Base.metadata.sorted_tables:
            _count_on(connection, table)


def occupied(url: str) -> bool:
    """Whether the PostgreSQL database of `url` holds any record. Raises StoreError."""
    with as_it_is(url) as connection:
        return _occupied(connection)


def _opened(url: str, folder: Path) -> closing[Database]:
    return closing(Database.open(url, folder))


def _copy(source: Connection, target: Connection) -> None:
    for table in Base.metadata.sorted_tables:
        rows = source.execution_options(yield_per=CHUNK).execute(select(table))
        for part in rows.mappings().partitions():
            target.execute(insert(table), [dict(row) for row in part])


def _occupied(connection: Connection) -> bool:
    there = set(inspect(connection).get_table_names())
    tables = [table for table in Base.metadata.sorted_tables if table.name in there]
    return any(connection.execute(select(literal(1)).select_from(table).limit(1)).first() for table in tables)


def _count_on(connection: Connection, table: Table) -> None:
    """New rows are numbered above those that came with their numbers."""
    column = table.autoincrement_column
    if column is not None:
        following = select(func.coalesce(func.max(column), 0) + 1).scalar_subquery()
        sequence = func.pg_get_serial_sequence(table.name, column.name)
        connection.execute(select(func.setval(sequence, following, False)))
