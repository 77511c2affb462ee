"""How often what is derived of a site was written."""

import sqlalchemy as sa
from alembic import op

from campus.records.migrations.policies import isolate

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "derived_number",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site", name=op.f("pk_derived_number")),
    )
    isolate("derived_number")
