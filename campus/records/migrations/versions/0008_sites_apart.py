"""Row-level security on PostgreSQL: who reaches one school reads and changes rows of no other."""

from campus.records.migrations.policies import isolate, isolate_by

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# Not here, as they name no site and no person: room_type, which all sites share, and alembic_version.
BY_SITE = (
    "access_token", "amendment", "attachment", "audit", "bell", "board", "board_link", "board_start", "building",
    "calibration", "checkpoint", "closed_month", "closure", "derived", "dirty", "equipment", "equipment_fact",
    "equipment_quota", "equipment_sums", "exam_period", "incident", "lesson", "lesson_day", "link_sums", "loan",
    "make_up_day", "person_grant", "placement", "record_change", "room", "room_fact", "room_interval", "room_sums",
    "school_class", "stocktaking", "stretch", "subject_group", "subject_place", "substitution", "target", "tariff",
    "term", "upkeep",
)  # fmt: skip


def upgrade() -> None:
    isolate("site", "id")
    for table in BY_SITE:
        isolate(table)
    isolate_by("stock_item", "stocktaking", "stocktaking", "number")
    isolate_by("person", "id", "person_grant", "person")
    isolate_by("sign_in", "person", "person", "id")
