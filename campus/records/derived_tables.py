"""The tables of what is derived from readings. Instants are integers of Unix ms."""

from datetime import date
from typing import Any

from sqlalchemy import (
    ForeignKeyConstraint,
    Integer,
)
from sqlalchemy.orm import Mapped, mapped_column

from campus.records.base import LABEL, WORD, Base

_ROOM_KEY = (["site", "room"], ["room.site", "room.id"])
# Rows of one room lie together, so that a range of one room is one short scan.
_CLUSTERED = {"sqlite_with_rowid": False}


class RoomIntervalTable(Base):
    __tablename__ = "room_interval"
    __table_args__ = (ForeignKeyConstraint(*_ROOM_KEY), _CLUSTERED)
    site: Mapped[str] = mapped_column(primary_key=True)
    room: Mapped[str] = mapped_column(primary_key=True)
    start_ms: Mapped[int] = mapped_column(primary_key=True)
    end_ms: Mapped[int]
    state: Mapped[str] = mapped_column(WORD)


class RoomFactTable(Base):
    __tablename__ = "room_fact"
    __table_args__ = (ForeignKeyConstraint(*_ROOM_KEY), _CLUSTERED)
    site: Mapped[str] = mapped_column(primary_key=True)
    room: Mapped[str] = mapped_column(primary_key=True)
    start_ms: Mapped[int] = mapped_column(primary_key=True)
    end_ms: Mapped[int]
    local_date: Mapped[date] = mapped_column("date")
    kind: Mapped[str] = mapped_column(WORD)
    session: Mapped[str | None] = mapped_column(WORD)
    period: Mapped[int | None] = mapped_column(Integer)
    school_class: Mapped[str | None] = mapped_column(LABEL)
    subject: Mapped[str | None] = mapped_column(LABEL)
    slot_minutes: Mapped[float]
    valid_minutes: Mapped[float]
    occupied_minutes: Mapped[float]
    outcome: Mapped[str] = mapped_column(WORD)


class CheckpointTable(Base):
    """The state of a room's inference at an instant, usually local midnight: where a recomputation starts."""

    __tablename__ = "checkpoint"
    __table_args__ = (ForeignKeyConstraint(*_ROOM_KEY), _CLUSTERED)
    site: Mapped[str] = mapped_column(primary_key=True)
    room: Mapped[str] = mapped_column(primary_key=True)
    at_ms: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[dict[str, Any]]


class DerivedTable(Base):
    __tablename__ = "derived"
    __table_args__ = (ForeignKeyConstraint(*_ROOM_KEY),)
    site: Mapped[str] = mapped_column(primary_key=True)
    room: Mapped[str] = mapped_column(primary_key=True)
    through_ms: Mapped[int]
