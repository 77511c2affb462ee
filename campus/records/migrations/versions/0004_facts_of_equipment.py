"""Facts of equipment and connectivity, sums of facts, closed months, calibrations, what an edit has touched."""

from datetime import date, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "amendment",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_amendment")),
    )
    with op.batch_alter_table("amendment", schema=None) as batch_op:
        batch_op.create_index("ix_amendment_month", ["site", "month"], unique=False)

    op.create_table(
        "board_link",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("board", sa.String(length=64), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("site", "board", name=op.f("pk_board_link")),
    )
    op.create_table(
        "board_start",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("board", sa.String(length=64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("boot", sa.String(length=32), nullable=False),
        sa.Column("reset_cause", sa.String(length=120), nullable=True),
        sa.Column("access_point", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("site", "board", "at_ms", name=op.f("pk_board_start")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "calibration",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("issued_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("learned", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("site", "kind", "id", "issued_at_ms", name=op.f("pk_calibration")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "closed_month",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("start", sa.Date(), nullable=False),
        sa.Column("closed_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("closed_by", sa.String(length=64), nullable=False),
        sa.Column("calendar_version", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("site", "start", name=op.f("pk_closed_month")),
    )
    op.create_table(
        "equipment_sums",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("span", sa.String(length=32), nullable=False),
        sa.Column("subject_group", sa.String(length=64), nullable=False),
        sa.Column("start", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("slot_ms", sa.BigInteger(), nullable=False),
        sa.Column("valid_ms", sa.BigInteger(), nullable=False),
        sa.Column("on_ms", sa.BigInteger(), nullable=False),
        sa.Column("standby_ms", sa.BigInteger(), nullable=False),
        sa.Column("energy_ms", sa.BigInteger(), nullable=False),
        sa.Column("energy_mwh", sa.BigInteger(), nullable=False),
        sa.Column("idle_valid_ms", sa.BigInteger(), nullable=False),
        sa.Column("idle_ms", sa.BigInteger(), nullable=False),
        sa.Column("idle_mwh", sa.BigInteger(), nullable=False),
        sa.Column("lesson_ms", sa.BigInteger(), nullable=False),
        sa.Column("lesson_valid_ms", sa.BigInteger(), nullable=False),
        sa.Column("lesson_on_ms", sa.BigInteger(), nullable=False),
        sa.Column("periods", sa.BigInteger(), nullable=False),
        sa.Column("periods_measured", sa.BigInteger(), nullable=False),
        sa.Column("periods_used", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "site", "span", "subject_group", "start", "kind", "id", name=op.f("pk_equipment_sums")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "incident",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("cause", sa.String(length=32), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=True),
        sa.Column("boards", sa.JSON(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_incident")),
    )
    with op.batch_alter_table("incident", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_incident_site"), ["site"], unique=False)

    op.create_table(
        "link_sums",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("span", sa.String(length=32), nullable=False),
        sa.Column("subject_group", sa.String(length=64), nullable=False),
        sa.Column("start", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("school_ms", sa.BigInteger(), nullable=False),
        sa.Column("online_ms", sa.BigInteger(), nullable=False),
        sa.Column("lost_power_ms", sa.BigInteger(), nullable=False),
        sa.Column("lost_uplink_ms", sa.BigInteger(), nullable=False),
        sa.Column("lost_access_point_ms", sa.BigInteger(), nullable=False),
        sa.Column("lost_board_ms", sa.BigInteger(), nullable=False),
        sa.Column("lost_server_ms", sa.BigInteger(), nullable=False),
        sa.Column("lost_unknown_ms", sa.BigInteger(), nullable=False),
        sa.Column("interruptions", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "site", "span", "subject_group", "start", "kind", "id", name=op.f("pk_link_sums")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "room_sums",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("span", sa.String(length=32), nullable=False),
        sa.Column("subject_group", sa.String(length=64), nullable=False),
        sa.Column("start", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("slots", sa.BigInteger(), nullable=False),
        sa.Column("slot_ms", sa.BigInteger(), nullable=False),
        sa.Column("valid_ms", sa.BigInteger(), nullable=False),
        sa.Column("occupied_ms", sa.BigInteger(), nullable=False),
        sa.Column("scheduled", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("partly_held", sa.BigInteger(), nullable=False),
        sa.Column("no_show", sa.BigInteger(), nullable=False),
        sa.Column("not_measured", sa.BigInteger(), nullable=False),
        sa.Column("scheduled_ms", sa.BigInteger(), nullable=False),
        sa.Column("scheduled_valid_ms", sa.BigInteger(), nullable=False),
        sa.Column("scheduled_occupied_ms", sa.BigInteger(), nullable=False),
        sa.Column("free", sa.BigInteger(), nullable=False),
        sa.Column("unscheduled", sa.BigInteger(), nullable=False),
        sa.Column("not_measured_free", sa.BigInteger(), nullable=False),
        sa.Column("exams", sa.BigInteger(), nullable=False),
        sa.Column("after_hours", sa.BigInteger(), nullable=False),
        sa.Column("after_hours_ms", sa.BigInteger(), nullable=False),
        sa.Column("outside_ms", sa.BigInteger(), nullable=False),
        sa.Column("outside_valid_ms", sa.BigInteger(), nullable=False),
        sa.Column("counted_ms", sa.BigInteger(), nullable=False),
        sa.Column("person_ms", sa.BigInteger(), nullable=False),
        sa.Column("seat_ms", sa.BigInteger(), nullable=False),
        sa.Column("co2_ms", sa.BigInteger(), nullable=False),
        sa.Column("co2_high_ms", sa.BigInteger(), nullable=False),
        sa.Column("temperature_ms", sa.BigInteger(), nullable=False),
        sa.Column("temperature_high_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "site", "span", "subject_group", "start", "kind", "id", name=op.f("pk_room_sums")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "stretch",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("aspect", sa.String(length=32), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("site", "kind", "id", "aspect", "start_ms", name=op.f("pk_stretch")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tariff",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("vnd_per_kwh", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("site", "valid_from", name=op.f("pk_tariff")),
    )
    op.create_table(
        "dirty",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("room", sa.String(length=64), nullable=False),
        sa.Column("start", sa.Date(), nullable=False),
        sa.Column("end", sa.Date(), nullable=False),
        sa.Column("again", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["site", "room"], ["room.site", "room.id"], name=op.f("fk_dirty_site")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_dirty")),
    )
    with op.batch_alter_table("dirty", schema=None) as batch_op:
        batch_op.create_index("ix_dirty_room", ["site", "room"], unique=False)

    op.create_table(
        "equipment_fact",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("room", sa.String(length=64), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("equipment", sa.String(length=64), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("session", sa.String(length=32), nullable=True),
        sa.Column("period", sa.Integer(), nullable=True),
        sa.Column("school_class", sa.String(length=120), nullable=True),
        sa.Column("subject_group", sa.String(length=64), nullable=True),
        sa.Column("slot_minutes", sa.Double(), nullable=False),
        sa.Column("valid_minutes", sa.Double(), nullable=False),
        sa.Column("on_minutes", sa.Double(), nullable=False),
        sa.Column("standby_minutes", sa.Double(), nullable=False),
        sa.Column("energy_minutes", sa.Double(), nullable=False),
        sa.Column("energy_wh", sa.Double(), nullable=False),
        sa.Column("idle_valid_minutes", sa.Double(), nullable=False),
        sa.Column("idle_minutes", sa.Double(), nullable=False),
        sa.Column("idle_wh", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["site", "room"], ["room.site", "room.id"], name=op.f("fk_equipment_fact_site")
        ),
        sa.PrimaryKeyConstraint("site", "room", "start_ms", "equipment", name=op.f("pk_equipment_fact")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("equipment_fact", schema=None) as batch_op:
        batch_op.create_index("ix_equipment_fact_equipment", ["site", "equipment", "start_ms"], unique=False)

    with op.batch_alter_table("room_fact", schema=None) as batch_op:
        batch_op.add_column(sa.Column("subject_group", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("exam", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("capacity", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("counted_minutes", sa.Double(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("person_minutes", sa.Double(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("co2_minutes", sa.Double(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("co2_high_minutes", sa.Double(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("temperature_minutes", sa.Double(), nullable=False, server_default="0"))
        batch_op.add_column(
            sa.Column("temperature_high_minutes", sa.Double(), nullable=False, server_default="0")
        )
    with op.batch_alter_table("room_fact", schema=None) as batch_op:
        for name in (
            "exam",
            "counted_minutes",
            "person_minutes",
            "co2_minutes",
            "co2_high_minutes",
            "temperature_minutes",
            "temperature_high_minutes",
        ):
            batch_op.alter_column(name, server_default=None)
    # Facts that are there have no sums yet: the collector makes them anew from their intervals.
    facts = sa.table("room_fact", *map(sa.column, ("site", "room", "date")))
    found = (
        op.get_bind()
        .execute(
            sa.select(
                facts.c.site, facts.c.room, sa.func.min(facts.c.date), sa.func.max(facts.c.date)
            ).group_by(facts.c.site, facts.c.room)
        )
        .all()
    )
    dirty = sa.table(
        "dirty",
        *map(sa.column, ("site", "room", "again", "reason")),
        sa.column("start", sa.Date),
        sa.column("end", sa.Date),
    )
    rows = [
        {
            "site": site,
            "room": room,
            "start": _date(first),
            "end": _date(last) + timedelta(days=1),
            "again": "facts",
            "reason": "facts of an earlier version have no sums",
        }
        for site, room, first, last in found
    ]
    if rows:
        op.bulk_insert(dirty, rows)


def _date(value: object) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))
