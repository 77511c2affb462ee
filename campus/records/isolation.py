"""Which sites a transaction reaches: row-level security on PostgreSQL, set from who acts. docs/people.md tells it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from campus.acting import actor

EVERY_SITE = "*"
EVERYWHERE = {"everywhere": True}
"""Execution options of what the server does itself, whoever asked: signing in, accounts, migrations."""

# true: until the transaction ends; then nothing is reached
_SET = "SELECT set_config('campus.sites', %s, true)"


def begin(connection: Connection) -> None:
    """Set what a transaction of PostgreSQL reaches; at its very beginning."""
    sites = None if connection.get_execution_options().get("everywhere") else actor().sites
    connection.exec_driver_sql(_SET, (EVERY_SITE if sites is None else ",".join(sorted(sites)),))


@contextmanager
def everywhere(session: Session) -> Iterator[None]:
    """Within the block the transaction reaches every site: for what is of them all, such as the end of the log."""
    if actor().sites is None or session.get_bind().dialect.name != "postgresql":
        yield
        return
    session.flush()  # what waits is of the person
    connection = session.connection()
    before = connection.exec_driver_sql("SELECT current_setting('campus.sites', true)").scalar() or ""
    connection.exec_driver_sql(_SET, (EVERY_SITE,))
    try:
        yield
        session.flush()
    except BaseException:
        with suppress(SQLAlchemyError):  # a transaction that failed does nothing more
            connection.exec_driver_sql(_SET, (before,))
        raise
    connection.exec_driver_sql(_SET, (before,))


def unheld(connection: Connection) -> str | None:
    """Why the policies do not hold the role of a connection to PostgreSQL; None where they do."""
    role, superuser, bypasses = connection.execute(
        text("SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
    ).one()
    if superuser:
        return f"the role '{role}' is a superuser"
    return f"the role '{role}' has BYPASSRLS" if bypasses else None
