"""Buildings, rooms and boards are edited one by one: each has a version, a board also a name and a note."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Not in batch mode: rebuilding a table on SQLite would delete what refers to it.
    for table in ("building", "room", "board"):
        op.add_column(table, sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.add_column("board", sa.Column("name", sa.String(length=120), nullable=True))
    op.add_column("board", sa.Column("note", sa.String(length=500), nullable=True))
