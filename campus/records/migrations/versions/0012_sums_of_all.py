"""Sums over all rooms, pieces of equipment and boards of a site, made of those of each."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

KEY = ("site", "span", "subject_group", "start", "kind", "id")


def upgrade() -> None:
    connection, tables = op.get_bind(), sa.MetaData()
    for name in ("room_sums", "equipment_sums", "link_sums"):
        table = sa.Table(name, tables, autoload_with=connection, resolve_fks=False)
        held = table.c
        amounts = [column for column in held if column.name not in KEY]
        for span in ("day", "month"):
            found = (
                sa.select(
                    held.site, sa.literal(f"all-{span}"), held.subject_group, held.start, held.kind,
                    sa.literal(""), *(sa.cast(sa.func.sum(column), sa.BigInteger) for column in amounts),
                )
                .where(held.span == span)
                .group_by(held.site, held.subject_group, held.start, held.kind)
            )  # fmt: skip
            names = [*KEY, *(column.name for column in amounts)]
            connection.execute(sa.insert(table).from_select(names, found))
