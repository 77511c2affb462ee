"""How often what is derived of a site was written, for each month by itself."""

import sqlalchemy as sa
from alembic import op

from campus.records.migrations.policies import isolate

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table("derived_number")  # its numbers mean nothing to a program that was not running
    op.create_table(
        "derived_number",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site", "month", name=op.f("pk_derived_number")),
    )
    isolate("derived_number")
