"""The school calendar: weeks, versions of bells, public holidays, make-up days, exams, substitutions, places."""

from datetime import date
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Their keys change, and nothing refers to them: made anew, and their rows put back.
    terms = _taken_out("term")
    bells = _taken_out("bell")
    closures = _taken_out("closure", order="id")
    lessons = _taken_out("lesson")

    term = op.create_table(
        "term",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("start", sa.Date(), nullable=False),
        sa.Column("end", sa.Date(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("year", sa.String(length=32), nullable=True),
        sa.Column("first_week", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["site.id"], name=op.f("fk_term_site")),
        sa.PrimaryKeyConstraint("site", "start", name=op.f("pk_term")),
    )
    bell = op.create_table(
        "bell",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("session", sa.String(length=32), nullable=False),
        sa.Column("period", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("start", sa.Time(), nullable=False),
        sa.Column("end", sa.Time(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["site.id"], name=op.f("fk_bell_site")),
        sa.PrimaryKeyConstraint("site", "weekday", "session", "period", "valid_from", name=op.f("pk_bell")),
    )
    closure = op.create_table(
        "closure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("start", sa.Date(), nullable=False),
        sa.Column("end", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=120), nullable=False),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["site.id"], name=op.f("fk_closure_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_closure")),
    )
    op.create_index(op.f("ix_closure_site"), "closure", ["site"], unique=False)
    lesson = op.create_table(
        "lesson",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("room", sa.String(length=64), nullable=True),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("session", sa.String(length=32), nullable=False),
        sa.Column("period", sa.Integer(), nullable=False),
        sa.Column("school_class", sa.String(length=120), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("subject_group", sa.String(length=64), nullable=True),
        sa.Column("week", sa.String(length=32), nullable=True),
        sa.Column("teacher", sa.String(length=120), nullable=True),
        sa.Column("place", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["site", "room"], ["room.site", "room.id"], name="fk_lesson_in_room"),
        sa.ForeignKeyConstraint(
            ["site", "school_class"], ["school_class.site", "school_class.name"], name="fk_lesson_of_class"
        ),
        sa.ForeignKeyConstraint(
            ["site", "subject_group"], ["subject_group.site", "subject_group.id"], name="fk_lesson_of_group"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lesson")),
    )
    op.create_index(op.f("ix_lesson_site"), "lesson", ["site"], unique=False)

    op.bulk_insert(term, [row | {"year": None, "first_week": "a"} for row in terms])
    op.bulk_insert(bell, [row | {"valid_from": date.min, "valid_to": None} for row in bells])
    op.bulk_insert(closure, [_without_id(row) | {"public": False} for row in closures])
    op.bulk_insert(lesson, [row | {"week": None, "teacher": None, "place": "room"} for row in lessons])

    op.create_table(
        "make_up_day",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=120), nullable=False),
        sa.Column("week", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["site"], ["site.id"], name=op.f("fk_make_up_day_site")),
        sa.PrimaryKeyConstraint("site", "date", name=op.f("pk_make_up_day")),
    )
    op.create_table(
        "exam_period",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("start", sa.Date(), nullable=False),
        sa.Column("end", sa.Date(), nullable=False),
        sa.Column("classes", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["site.id"], name=op.f("fk_exam_period_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exam_period")),
    )
    op.create_index(op.f("ix_exam_period_site"), "exam_period", ["site"], unique=False)
    op.create_table(
        "substitution",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("session", sa.String(length=32), nullable=False),
        sa.Column("period", sa.Integer(), nullable=False),
        sa.Column("school_class", sa.String(length=120), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=True),
        sa.Column("room", sa.String(length=64), nullable=True),
        sa.Column("subject_group", sa.String(length=64), nullable=True),
        sa.Column("teacher", sa.String(length=120), nullable=True),
        sa.Column("reason", sa.String(length=120), nullable=True),
        sa.ForeignKeyConstraint(["site", "room"], ["room.site", "room.id"], name="fk_substitution_in_room"),
        sa.ForeignKeyConstraint(
            ["site", "school_class"],
            ["school_class.site", "school_class.name"],
            name="fk_substitution_of_class",
        ),
        sa.ForeignKeyConstraint(
            ["site", "subject_group"],
            ["subject_group.site", "subject_group.id"],
            name="fk_substitution_of_group",
        ),
        sa.PrimaryKeyConstraint(
            "site", "date", "session", "period", "school_class", name=op.f("pk_substitution")
        ),
    )
    op.create_table(
        "subject_place",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("place", sa.String(length=32), nullable=False),
        sa.Column("target", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["site"], ["site.id"], name=op.f("fk_subject_place_site")),
        sa.PrimaryKeyConstraint("site", "subject", name=op.f("pk_subject_place")),
    )


def _taken_out(name: str, order: str | None = None) -> list[dict[str, Any]]:
    """The rows of a table, which is dropped."""
    connection = op.get_bind()
    table = sa.Table(name, sa.MetaData(), autoload_with=connection, resolve_fks=False)
    query = sa.select(table)
    if order is not None:
        query = query.order_by(table.c[order])
    rows = [dict(row) for row in connection.execute(query).mappings()]
    op.drop_table(name)
    return rows


def _without_id(row: dict[str, Any]) -> dict[str, Any]:
    """Numbered anew: a number that is given does not advance PostgreSQL's sequence."""
    return {name: value for name, value in row.items() if name != "id"}
