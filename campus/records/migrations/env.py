"""Run by Alembic: applies the scripts on the connection, and in the transaction, that the opener gives."""

from alembic import context

from campus.records.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite alters a table by rebuilding it
)
with context.begin_transaction():
    context.run_migrations()
