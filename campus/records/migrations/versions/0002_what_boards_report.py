"""What boards report: how they started, their access point, their configuration, their last answer."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("board", schema=None) as batch_op:
        batch_op.add_column(sa.Column("firmware_since_ms", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("reset_cause", sa.String(length=120), nullable=True))
        batch_op.add_column(sa.Column("access_point", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("notes", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("reported", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("last_reply", sa.JSON(), nullable=True))
