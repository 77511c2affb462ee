"""The first tables: places, boards, timetable, derivations and people."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "board",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("firmware", sa.String(length=120), nullable=True),
        sa.Column("hardware", sa.String(length=120), nullable=True),
        sa.Column("boot", sa.String(length=32), nullable=True),
        sa.Column("points", sa.JSON(), nullable=False),
        sa.Column("first_seen_ms", sa.BigInteger(), nullable=True),
        sa.Column("last_seen_ms", sa.BigInteger(), nullable=True),
        sa.Column("availability", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("site", "id", name=op.f("pk_board")),
    )
    op.create_table(
        "person",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("language", sa.String(length=32), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("name", name=op.f("uq_person_name")),
    )
    op.create_table(
        "room_type",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name_vi", sa.String(length=120), nullable=False),
        sa.Column("name_en", sa.String(length=120), nullable=False),
        sa.Column("in_frequency_rate", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room_type")),
    )
    op.create_table(
        "site",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("tz", sa.String(length=64), nullable=False),
        sa.Column("level", sa.String(length=32), nullable=True),
        sa.Column("calendar_version", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site")),
    )
    op.create_table(
        "access_token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("person", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(length=120), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_access_token_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_access_token_token_hash")),
    )
    with op.batch_alter_table("access_token", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_access_token_person"), ["person"], unique=False)

    op.create_table(
        "bell",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("session", sa.String(length=32), nullable=False),
        sa.Column("period", sa.Integer(), nullable=False),
        sa.Column("start", sa.Time(), nullable=False),
        sa.Column("end", sa.Time(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["site.id"], name=op.f("fk_bell_site")),
        sa.PrimaryKeyConstraint("site", "weekday", "session", "period", name=op.f("pk_bell")),
    )
    op.create_table(
        "building",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["site.id"], name=op.f("fk_building_site")),
        sa.PrimaryKeyConstraint("site", "id", name=op.f("pk_building")),
    )
    op.create_table(
        "closure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("start", sa.Date(), nullable=False),
        sa.Column("end", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["site.id"], name=op.f("fk_closure_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_closure")),
    )
    with op.batch_alter_table("closure", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_closure_site"), ["site"], unique=False)

    op.create_table(
        "sign_in",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("person", sa.Integer(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_sign_in_person")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sign_in")),
    )
    with op.batch_alter_table("sign_in", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sign_in_expires_at_ms"), ["expires_at_ms"], unique=False)
        batch_op.create_index(batch_op.f("ix_sign_in_person"), ["person"], unique=False)

    op.create_table(
        "subject_group",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["site.id"], name=op.f("fk_subject_group_site")),
        sa.PrimaryKeyConstraint("site", "id", name=op.f("pk_subject_group")),
    )
    op.create_table(
        "term",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("start", sa.Date(), nullable=False),
        sa.Column("end", sa.Date(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["site.id"], name=op.f("fk_term_site")),
        sa.PrimaryKeyConstraint("site", "start", name=op.f("pk_term")),
    )
    op.create_table(
        "room",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("building", sa.String(length=64), nullable=True),
        sa.Column("floor", sa.Integer(), nullable=True),
        sa.Column("room_type", sa.String(length=64), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("volume_m3", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["room_type"], ["room_type.id"], name=op.f("fk_room_room_type")),
        sa.ForeignKeyConstraint(
            ["site", "building"], ["building.site", "building.id"], name=op.f("fk_room_site")
        ),
        sa.ForeignKeyConstraint(["site"], ["site.id"], name="fk_room_in_site"),
        sa.PrimaryKeyConstraint("site", "id", name=op.f("pk_room")),
    )
    op.create_table(
        "checkpoint",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("room", sa.String(length=64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["site", "room"], ["room.site", "room.id"], name=op.f("fk_checkpoint_site")),
        sa.PrimaryKeyConstraint("site", "room", "at_ms", name=op.f("pk_checkpoint")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "derived",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("room", sa.String(length=64), nullable=False),
        sa.Column("through_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["site", "room"], ["room.site", "room.id"], name=op.f("fk_derived_site")),
        sa.PrimaryKeyConstraint("site", "room", name=op.f("pk_derived")),
    )
    op.create_table(
        "equipment",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("room", sa.String(length=64), nullable=True),
        sa.Column("in_service_on", sa.Date(), nullable=True),
        sa.Column("condition", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["site", "room"], ["room.site", "room.id"], name=op.f("fk_equipment_site")),
        sa.ForeignKeyConstraint(["site"], ["site.id"], name="fk_equipment_in_site"),
        sa.PrimaryKeyConstraint("site", "id", name=op.f("pk_equipment")),
    )
    with op.batch_alter_table("equipment", schema=None) as batch_op:
        batch_op.create_index("ix_equipment_room", ["site", "room"], unique=False)

    op.create_table(
        "room_fact",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("room", sa.String(length=64), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("session", sa.String(length=32), nullable=True),
        sa.Column("period", sa.Integer(), nullable=True),
        sa.Column("school_class", sa.String(length=120), nullable=True),
        sa.Column("subject", sa.String(length=120), nullable=True),
        sa.Column("slot_minutes", sa.Double(), nullable=False),
        sa.Column("valid_minutes", sa.Double(), nullable=False),
        sa.Column("occupied_minutes", sa.Double(), nullable=False),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["site", "room"], ["room.site", "room.id"], name=op.f("fk_room_fact_site")),
        sa.PrimaryKeyConstraint("site", "room", "start_ms", name=op.f("pk_room_fact")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "room_interval",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("room", sa.String(length=64), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["site", "room"], ["room.site", "room.id"], name=op.f("fk_room_interval_site")
        ),
        sa.PrimaryKeyConstraint("site", "room", "start_ms", name=op.f("pk_room_interval")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "school_class",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("home_room", sa.String(length=64), nullable=True),
        sa.Column("size", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["site", "home_room"], ["room.site", "room.id"], name=op.f("fk_school_class_site")
        ),
        sa.ForeignKeyConstraint(["site"], ["site.id"], name="fk_school_class_in_site"),
        sa.PrimaryKeyConstraint("site", "name", name=op.f("pk_school_class")),
    )
    op.create_table(
        "lesson",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("room", sa.String(length=64), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("session", sa.String(length=32), nullable=False),
        sa.Column("period", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("school_class", sa.String(length=120), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("subject_group", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["site", "room"], ["room.site", "room.id"], name="fk_lesson_in_room"),
        sa.ForeignKeyConstraint(
            ["site", "school_class"], ["school_class.site", "school_class.name"], name="fk_lesson_of_class"
        ),
        sa.ForeignKeyConstraint(
            ["site", "subject_group"], ["subject_group.site", "subject_group.id"], name="fk_lesson_of_group"
        ),
        sa.PrimaryKeyConstraint(
            "site", "room", "weekday", "session", "period", "valid_from", name=op.f("pk_lesson")
        ),
    )
    op.create_table(
        "placement",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("board", sa.String(length=64), nullable=False),
        sa.Column("room", sa.String(length=64), nullable=True),
        sa.Column("channel", sa.Integer(), nullable=True),
        sa.Column("equipment", sa.String(length=64), nullable=True),
        sa.Column("valid_from_ms", sa.BigInteger(), nullable=False),
        sa.Column("valid_to_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(channel IS NULL) = (equipment IS NULL)", name=op.f("ck_placement_channel_on_equipment")
        ),
        sa.CheckConstraint("(room IS NULL) <> (equipment IS NULL)", name=op.f("ck_placement_one_target")),
        sa.CheckConstraint(
            "valid_to_ms IS NULL OR valid_from_ms < valid_to_ms", name=op.f("ck_placement_not_empty")
        ),
        sa.ForeignKeyConstraint(
            ["site", "board"], ["board.site", "board.id"], name=op.f("fk_placement_site")
        ),
        sa.ForeignKeyConstraint(
            ["site", "equipment"], ["equipment.site", "equipment.id"], name="fk_placement_on_equipment"
        ),
        sa.ForeignKeyConstraint(["site", "room"], ["room.site", "room.id"], name="fk_placement_in_room"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_placement")),
    )
    with op.batch_alter_table("placement", schema=None) as batch_op:
        batch_op.create_index("ix_placement_board", ["site", "board", "valid_from_ms"], unique=False)
        batch_op.create_index("ix_placement_equipment", ["site", "equipment"], unique=False)
        batch_op.create_index("ix_placement_room", ["site", "room", "valid_from_ms"], unique=False)
