"""What all tables share: their metadata, types of columns, names of keys."""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    MetaData,
    String,
)
from sqlalchemy.orm import DeclarativeBase

ID = String(64)
LABEL = String(120)
WORD = String(32)
TOLD = JSON(none_as_null=True)  # what a board told, as entities.py describes it; NULL before it told any
NAMES = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {  # noqa: RUF012 - read by SQLAlchemy
        str: ID,
        int: BigInteger,
        dict[str, Any]: JSON,
    }
