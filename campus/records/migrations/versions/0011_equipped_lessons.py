"""The lessons in which equipment operated, made of the facts that are there."""

import sqlalchemy as sa
from alembic import op

from campus.records.migrations.policies import isolate

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

OPERATED_MS = 5 * 60_000


def upgrade() -> None:
    op.create_table(
        "equipped_lesson",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("session", sa.String(length=32), nullable=False),
        sa.Column("period", sa.Integer(), nullable=False),
        sa.Column("school_class", sa.String(length=120), nullable=False),
        sa.Column("room", sa.String(length=64), nullable=False),
        sa.Column("subject_group", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["site", "room"], ["room.site", "room.id"], name=op.f("fk_equipped_lesson_site")
        ),
        sa.PrimaryKeyConstraint(
            "site", "date", "session", "period", "school_class", "room", name=op.f("pk_equipped_lesson")
        ),
        sqlite_with_rowid=False,
    )
    connection = op.get_bind()
    tables = sa.MetaData()
    lessons = sa.Table("equipped_lesson", tables, autoload_with=connection, resolve_fks=False)
    fact = sa.Table("equipment_fact", tables, autoload_with=connection, resolve_fks=False).c
    key = (fact.site, fact.date, fact.session, fact.period, fact.school_class, fact.room)
    found = (
        sa.select(*key, sa.func.min(fact.subject_group))
        .where(fact.kind == "lesson", fact.on_minutes * 60_000 >= OPERATED_MS - 0.5)
        .where(fact.session.is_not(None), fact.period.is_not(None), fact.school_class.is_not(None))
        .group_by(*key)
    )
    names = [column.name for column in key] + ["subject_group"]
    connection.execute(sa.insert(lessons).from_select(names, found))
    isolate("equipped_lesson")
