"""Row-level security for the scripts beside: each row only for those who reach its site. SQLite has none: nothing done.

Released scripts call these, so their SQL stays as it is: another form is another function.
A transaction says which sites it reaches in the setting `campus.sites`: "*" or ids with commas between; without it,
it reaches none. The setting is read in sub-selects, once for each statement and not for each row.
"""

import sqlalchemy as sa
from alembic import op

EVERYTHING = "(SELECT current_setting('campus.sites', true)) = '*'"
REACHED = "ANY ((SELECT string_to_array(current_setting('campus.sites', true), ','))::text[])"


def isolate(table: str, column: str = "site") -> None:
    """Put a table that names the site in `column` under the policy; where that is NULL, the row is for "*" only."""
    _isolate(table, f"{column} = {REACHED}")


def isolate_by(table: str, column: str, parent: str, key: str) -> None:
    """Put a table under the policy of `parent`, a table isolated itself, of which `column` holds `key`."""
    _isolate(table, f"EXISTS (SELECT 1 FROM {parent} AS parent WHERE parent.{key} = {table}.{column})")  # noqa: S608 - our own names


def _isolate(table: str, reached: str) -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(sa.text(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"))
    op.execute(sa.text(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"))  # also for its owner, who we are
    rule = f"{EVERYTHING} OR {reached}"
    op.execute(sa.text(f"CREATE POLICY reached_sites ON {table} USING ({rule}) WITH CHECK ({rule})"))
