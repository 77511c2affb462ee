"""The register of equipment: fuller records and their history, loans, upkeep, stocktakings, files, targets, quotas."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "record_change",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("field", sa.String(length=32), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("after", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("how", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_record_change")),
    )
    with op.batch_alter_table("record_change", schema=None) as batch_op:
        batch_op.create_index("ix_record_change_of", ["site", "kind", "id"], unique=False)

    op.create_table(
        "equipment_quota",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("subject_group", sa.String(length=64), nullable=False),
        sa.Column("start", sa.Date(), nullable=False),
        sa.Column("end", sa.Date(), nullable=False),
        sa.Column("lessons", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["site.id"], name=op.f("fk_equipment_quota_site")),
        sa.PrimaryKeyConstraint("site", "subject_group", "start", name=op.f("pk_equipment_quota")),
    )
    op.create_table(
        "target",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("indicator", sa.String(length=64), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["site.id"], name=op.f("fk_target_site")),
        sa.PrimaryKeyConstraint("site", "indicator", "year", name=op.f("pk_target")),
    )
    op.create_table(
        "stocktaking",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("room", sa.String(length=64), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("opened_by", sa.String(length=120), nullable=False),
        sa.Column("closed_ms", sa.BigInteger(), nullable=True),
        sa.Column("closed_by", sa.String(length=120), nullable=True),
        sa.ForeignKeyConstraint(["site", "room"], ["room.site", "room.id"], name="fk_stocktaking_of_room"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_stocktaking")),
    )
    with op.batch_alter_table("stocktaking", schema=None) as batch_op:
        batch_op.create_index("ix_stocktaking_room", ["site", "room"], unique=False)

    op.create_table(
        "attachment",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("equipment", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("media", sa.String(length=32), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("added_ms", sa.BigInteger(), nullable=False),
        sa.Column("added_by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(
            ["site", "equipment"], ["equipment.site", "equipment.id"], name="fk_attachment_of_equipment"
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_attachment")),
    )
    with op.batch_alter_table("attachment", schema=None) as batch_op:
        batch_op.create_index("ix_attachment_equipment", ["site", "equipment"], unique=False)
        batch_op.create_index(batch_op.f("ix_attachment_sha256"), ["sha256"], unique=False)

    op.create_table(
        "loan",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("equipment", sa.String(length=64), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("borrower", sa.String(length=120), nullable=False),
        sa.Column("out_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("back_ms", sa.BigInteger(), nullable=True),
        sa.Column("used_on", sa.Date(), nullable=True),
        sa.Column("session", sa.String(length=32), nullable=True),
        sa.Column("period", sa.Integer(), nullable=True),
        sa.Column("lesson", sa.String(length=120), nullable=True),
        sa.Column("school_class", sa.String(length=120), nullable=True),
        sa.Column("subject_group", sa.String(length=64), nullable=True),
        sa.Column("condition_back", sa.String(length=32), nullable=True),
        sa.Column("note", sa.String(length=500), nullable=True),
        sa.Column("lent_by", sa.String(length=120), nullable=False),
        sa.Column("taken_back_by", sa.String(length=120), nullable=True),
        sa.CheckConstraint("back_ms IS NULL OR out_ms <= back_ms", name=op.f("ck_loan_not_backward")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_loan_some")),
        sa.ForeignKeyConstraint(
            ["site", "equipment"], ["equipment.site", "equipment.id"], name="fk_loan_of_equipment"
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_loan")),
    )
    with op.batch_alter_table("loan", schema=None) as batch_op:
        batch_op.create_index("ix_loan_equipment", ["site", "equipment", "out_ms"], unique=False)
        batch_op.create_index("ix_loan_used_on", ["site", "used_on"], unique=False)

    op.create_table(
        "stock_item",
        sa.Column("stocktaking", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=120), nullable=False),
        sa.Column("equipment", sa.String(length=64), nullable=True),
        sa.Column("expected", sa.Boolean(), nullable=False),
        sa.Column("recorded_room", sa.String(length=64), nullable=True),
        sa.Column("found_ms", sa.BigInteger(), nullable=True),
        sa.Column("found_by", sa.String(length=120), nullable=True),
        sa.Column("condition", sa.String(length=32), nullable=True),
        sa.Column("counted", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["stocktaking"], ["stocktaking.number"], name=op.f("fk_stock_item_stocktaking")
        ),
        sa.PrimaryKeyConstraint("stocktaking", "code", name=op.f("pk_stock_item")),
    )
    op.create_table(
        "upkeep",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("equipment", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("down", sa.Boolean(), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("opened_by", sa.String(length=120), nullable=False),
        sa.Column("symptom", sa.String(length=120), nullable=False),
        sa.Column("closed_ms", sa.BigInteger(), nullable=True),
        sa.Column("closed_by", sa.String(length=120), nullable=True),
        sa.Column("cause", sa.String(length=120), nullable=True),
        sa.Column("work", sa.String(length=500), nullable=True),
        sa.Column("cost_vnd", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "closed_ms IS NULL OR opened_ms <= closed_ms", name=op.f("ck_upkeep_not_backward")
        ),
        sa.ForeignKeyConstraint(
            ["site", "equipment"], ["equipment.site", "equipment.id"], name="fk_upkeep_of_equipment"
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_upkeep")),
    )
    with op.batch_alter_table("upkeep", schema=None) as batch_op:
        batch_op.create_index("ix_upkeep_equipment", ["site", "equipment", "opened_ms"], unique=False)

    with op.batch_alter_table("building", schema=None) as batch_op:
        batch_op.add_column(sa.Column("area_m2", sa.Double(), nullable=True))
        batch_op.add_column(sa.Column("built_year", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("floors", sa.Integer(), nullable=True))

    with op.batch_alter_table("equipment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("item_code", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("quantity", sa.Integer(), server_default="1", nullable=False))
        batch_op.add_column(sa.Column("unit", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("maker", sa.String(length=120), nullable=True))
        batch_op.add_column(sa.Column("model", sa.String(length=120), nullable=True))
        batch_op.add_column(sa.Column("serial", sa.String(length=120), nullable=True))
        batch_op.add_column(sa.Column("price_vnd", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("fund", sa.String(length=120), nullable=True))
        batch_op.add_column(sa.Column("life_years", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("subject_group", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("verified_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("retired_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("note", sa.String(length=500), nullable=True))
        batch_op.add_column(sa.Column("version", sa.Integer(), server_default="1", nullable=False))
        batch_op.create_index("ix_equipment_item_code", ["site", "item_code"], unique=True)

    with op.batch_alter_table("room", schema=None) as batch_op:
        batch_op.add_column(sa.Column("area_m2", sa.Double(), nullable=True))
