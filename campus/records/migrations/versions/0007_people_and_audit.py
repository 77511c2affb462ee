"""Roles become grants, at one site or at all; tokens end; the audit log, which only grows."""

import time

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

YEAR_MS = 365 * 86_400_000
APPEND_ONLY = "the audit log only grows"
# Alembic's batch mode rebuilds a table on SQLite, and loses these: a later change of `audit` makes them again.
SQLITE = [
    f"CREATE TRIGGER audit_kept_{word.lower()} BEFORE {word} ON audit "
    f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END"
    for word in ("UPDATE", "DELETE")
]
POSTGRESQL = [
    "CREATE FUNCTION audit_kept() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{APPEND_ONLY}'; END $$",
    "CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_kept()",
    "CREATE TRIGGER audit_kept_all BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_kept()",
]


def upgrade() -> None:
    op.create_table(
        "person_grant",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_person_grant_person")),
        sa.ForeignKeyConstraint(["site"], ["site.id"], name=op.f("fk_person_grant_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_grant")),
    )
    op.create_index(op.f("ix_person_grant_person"), "person_grant", ["person"])
    op.execute("INSERT INTO person_grant (person, role) SELECT id, role FROM person ORDER BY id")
    # Not in batch mode: rebuilding a table on SQLite would delete what refers to it.
    op.drop_column("person", "role")
    op.add_column("person", sa.Column("identity", sa.String(length=255), nullable=True))
    op.create_index("ix_person_identity", "person", ["identity"], unique=True)

    op.add_column("sign_in", sa.Column("address", sa.String(length=64), nullable=True))
    op.add_column("sign_in", sa.Column("agent", sa.String(length=120), nullable=True))

    # What had no end yet ends a year from now.
    ends_ms = time.time_ns() // 1_000_000 + YEAR_MS
    with op.batch_alter_table("access_token", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("expires_at_ms", sa.BigInteger(), nullable=False, server_default=str(ends_ms))
        )
        batch_op.add_column(sa.Column("last_used_ms", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("rights", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("reads_only", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("site", sa.String(length=64), nullable=True))
        batch_op.create_foreign_key(op.f("fk_access_token_site"), "site", ["site"], ["id"])
    with op.batch_alter_table("access_token", schema=None) as batch_op:
        for name in ("expires_at_ms", "reads_only"):
            batch_op.alter_column(name, server_default=None)

    op.create_table(
        "audit",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("from_where", sa.String(length=64), nullable=False),
        sa.Column("what", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=True),
        sa.Column("id", sa.String(length=120), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_site"), "audit", ["site"])
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE if is_sqlite else POSTGRESQL:
        op.execute(statement)
