"""How many lessons of each date had equipment, counted from the lessons that are there."""

import sqlalchemy as sa
from alembic import op

from campus.records.migrations.policies import isolate

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "equipped_day",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("subject_group", sa.String(length=64), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("lessons", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site", "subject_group", "date", name=op.f("pk_equipped_day")),
        sqlite_with_rowid=False,
    )
    connection, tables = op.get_bind(), sa.MetaData()
    row = sa.Table("equipped_lesson", tables, autoload_with=connection, resolve_fks=False).c
    day = sa.Table("equipped_day", tables, autoload_with=connection, resolve_fks=False)
    lesson = (row.site, row.date, row.session, row.period, row.school_class)
    for group, wanted in ((sa.literal(""), sa.true()), (row.subject_group, row.subject_group.is_not(None))):
        each = sa.select(*lesson, group.label("subject_group")).where(wanted).distinct().subquery().c
        key = (each.site, each.subject_group, each.date)
        counts = sa.select(*key, sa.func.count()).group_by(*key)
        connection.execute(sa.insert(day).from_select(["site", "subject_group", "date", "lessons"], counts))
    isolate("equipped_day")
