"""The tables of the DuckDB file beside its days, and the steps from older files to this one."""

# ruff: noqa: S608
from pathlib import Path

import duckdb

from campus.errors import StoreError

SCHEMA = 2

# No key on `days`: DuckDB keeps a deleted one in its index while a reader is older, and a day may come back.
_MEANS = """(
    key BIGINT, count INTEGER, total DOUBLE, low DOUBLE, high DOUBLE, last DOUBLE, last_ms INTEGER
)"""
_NEW_IN_2 = f"CREATE TABLE quarters {_MEANS}; CREATE TABLE daily {_MEANS};"

_TABLES = f"""
CREATE TABLE about (schema INTEGER, cursor BIGINT, raw_from_ms BIGINT);
INSERT INTO about VALUES ({SCHEMA}, 0, 0);
CREATE TABLE series (
    id INTEGER PRIMARY KEY, site VARCHAR NOT NULL, board VARCHAR NOT NULL, point VARCHAR NOT NULL
);
CREATE TABLE days (day INTEGER, sorted_rows BIGINT, rows BIGINT, changed_ms BIGINT);
CREATE TABLE stray (
    series INTEGER, observed_at_ms BIGINT, value DOUBLE, quality UTINYINT, received_at_ms BIGINT
);
{_NEW_IN_2}
"""

MIGRATIONS = {
    1: f"""
ALTER TABLE stray ADD COLUMN received_at_ms BIGINT;
CREATE TABLE days_2 AS SELECT day, sorted_rows, 0::BIGINT AS rows, 0::BIGINT AS changed_ms FROM days;
DROP TABLE days;
ALTER TABLE days_2 RENAME TO days;
CREATE TABLE about_2 AS SELECT 2::INTEGER AS schema, cursor, 0::BIGINT AS raw_from_ms FROM about;
DROP TABLE about;
ALTER TABLE about_2 RENAME TO about;
{_NEW_IN_2}
""",
}
"""Schema to the statements that lead to the next one."""


def prepare(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Make the tables of a new file, or bring an older one to SCHEMA, in one transaction.

    Raises StoreError for a file of a newer program or of something else; it is left as it was.
    """
    tables = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if tables and "about" not in tables:
        raise StoreError(f"{path} holds other tables; choose another folder with --data.")
    schema = SCHEMA
    if tables:
        ((schema,),) = connection.execute("SELECT schema FROM about").fetchall()
    if schema > SCHEMA:
        raise StoreError(
            f"{path} was made by a newer version of this program (schema {schema}, this one knows "
            f"{SCHEMA}); upgrade the program."
        )
    steps = [_TABLES] if not tables else [MIGRATIONS[step] for step in range(schema, SCHEMA)]
    if steps:
        connection.begin()
        for step in steps:
            connection.execute(step)
        connection.commit()
