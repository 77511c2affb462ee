"""Idempotency keys: which requests were made, and what was answered, for a day."""

import sqlalchemy as sa
from alembic import op

from campus.records.migrations.policies import isolate_by

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "request_key",
        sa.Column("person", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("claimed_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("kept", sa.String(length=32), nullable=True),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("person", "key", name=op.f("pk_request_key")),
    )
    op.create_index(op.f("ix_request_key_claimed_at_ms"), "request_key", ["claimed_at_ms"])
    isolate_by("request_key", "person", "person", "id")  # it keeps what a person was answered
