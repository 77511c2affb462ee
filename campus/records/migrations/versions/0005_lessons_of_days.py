"""The lessons of each room and date in one row, made of the facts that are there."""

import json
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

LETTERS = {"held": "h", "partly_held": "p", "no_show": "n", "not_measured": "-"}


def upgrade() -> None:
    op.create_table(
        "lesson_day",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("room", sa.String(length=64), nullable=False),
        sa.Column("planned", sa.Text(), nullable=False),
        sa.Column("outcomes", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["site", "room"], ["room.site", "room.id"], name=op.f("fk_lesson_day_site")),
        sa.PrimaryKeyConstraint("site", "date", "room", name=op.f("pk_lesson_day")),
        sqlite_with_rowid=False,
    )
    connection = op.get_bind()
    tables = sa.MetaData()
    days = sa.Table("lesson_day", tables, autoload_with=connection, resolve_fks=False)
    fact = sa.Table("room_fact", tables, autoload_with=connection, resolve_fks=False).c
    query = (
        sa.select(fact.site, fact.room, fact.date, fact.session, fact.period, fact.school_class, fact.outcome)
        .where(fact.kind == "lesson", fact.school_class.is_not(None))
        .where(fact.session.is_not(None), fact.period.is_not(None))
        .order_by(fact.site, fact.room, fact.start_ms)
    )
    rows: list[dict[str, Any]] = []
    for (site, room, day), found in groupby(connection.execute(query).all(), key=lambda row: row[:3]):
        lessons = list(found)
        planned = json.dumps([list(row[3:6]) for row in lessons])
        outcomes = "".join(LETTERS[row[6]] for row in lessons)
        rows.append({"site": site, "room": room, "date": day, "planned": planned, "outcomes": outcomes})
    if rows:
        connection.execute(sa.insert(days), rows)
