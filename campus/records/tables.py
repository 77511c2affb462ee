"""The tables of places, boards and people; importing this module makes all tables known.

Instants are integers of Unix ms, local dates are dates; docs/records.md tells what each is for.
"""

from datetime import date
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from campus.records import calendar_tables, derived_tables  # noqa: F401 - every table is in Base.metadata then
from campus.records.base import LABEL, TOLD, WORD, Base


class SiteTable(Base):
    __tablename__ = "site"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(LABEL)
    tz: Mapped[str]
    level: Mapped[str | None] = mapped_column(WORD)
    calendar_version: Mapped[str] = mapped_column(WORD)  # content hash of the calendar and timetable


class BuildingTable(Base):
    __tablename__ = "building"
    site: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(LABEL)


class RoomTypeTable(Base):
    __tablename__ = "room_type"
    id: Mapped[str] = mapped_column(primary_key=True)
    name_vi: Mapped[str] = mapped_column(LABEL)
    name_en: Mapped[str] = mapped_column(LABEL)
    in_frequency_rate: Mapped[bool]


class RoomTable(Base):
    __tablename__ = "room"
    __table_args__ = (ForeignKeyConstraint(["site", "building"], ["building.site", "building.id"]),)
    site: Mapped[str] = mapped_column(ForeignKey("site.id", name="fk_room_in_site"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(LABEL)
    building: Mapped[str | None]
    floor: Mapped[int | None] = mapped_column(Integer)
    room_type: Mapped[str] = mapped_column(ForeignKey("room_type.id"))
    capacity: Mapped[int | None] = mapped_column(Integer)
    volume_m3: Mapped[float | None]


class EquipmentTable(Base):
    __tablename__ = "equipment"
    __table_args__ = (
        ForeignKeyConstraint(["site", "room"], ["room.site", "room.id"]),
        Index("ix_equipment_room", "site", "room"),
    )
    site: Mapped[str] = mapped_column(ForeignKey("site.id", name="fk_equipment_in_site"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(LABEL)
    kind: Mapped[str]
    room: Mapped[str | None]
    in_service_on: Mapped[date | None]
    condition: Mapped[str | None] = mapped_column(WORD)


class SchoolClassTable(Base):
    __tablename__ = "school_class"
    __table_args__ = (ForeignKeyConstraint(["site", "home_room"], ["room.site", "room.id"]),)
    site: Mapped[str] = mapped_column(ForeignKey("site.id", name="fk_school_class_in_site"), primary_key=True)
    name: Mapped[str] = mapped_column(LABEL, primary_key=True)
    home_room: Mapped[str | None]
    size: Mapped[int | None] = mapped_column(Integer)


class SubjectGroupTable(Base):
    __tablename__ = "subject_group"
    site: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(LABEL)


class BoardTable(Base):
    """No key to `site`: a board of an unknown site is kept and shown as unassigned, not dropped."""

    __tablename__ = "board"
    site: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    firmware: Mapped[str | None] = mapped_column(LABEL)
    hardware: Mapped[str | None] = mapped_column(LABEL)
    boot: Mapped[str | None] = mapped_column(WORD)
    points: Mapped[dict[str, Any]]
    first_seen_ms: Mapped[int | None]
    last_seen_ms: Mapped[int | None]
    availability: Mapped[str] = mapped_column(WORD)
    firmware_since_ms: Mapped[int | None]
    reset_cause: Mapped[str | None] = mapped_column(LABEL)
    access_point: Mapped[str | None] = mapped_column(WORD)
    notes: Mapped[list[Any] | None] = mapped_column(TOLD)
    reported: Mapped[dict[str, Any] | None] = mapped_column(TOLD)
    last_reply: Mapped[dict[str, Any] | None] = mapped_column(TOLD)


class PlacementTable(Base):
    __tablename__ = "placement"
    __table_args__ = (
        ForeignKeyConstraint(["site", "board"], ["board.site", "board.id"]),
        ForeignKeyConstraint(["site", "room"], ["room.site", "room.id"], name="fk_placement_in_room"),
        ForeignKeyConstraint(
            ["site", "equipment"], ["equipment.site", "equipment.id"], name="fk_placement_on_equipment"
        ),
        CheckConstraint("(room IS NULL) <> (equipment IS NULL)", name="one_target"),
        CheckConstraint("(channel IS NULL) = (equipment IS NULL)", name="channel_on_equipment"),
        CheckConstraint("valid_to_ms IS NULL OR valid_from_ms < valid_to_ms", name="not_empty"),
        Index("ix_placement_board", "site", "board", "valid_from_ms"),
        Index("ix_placement_room", "site", "room", "valid_from_ms"),
        Index("ix_placement_equipment", "site", "equipment"),
    )
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    site: Mapped[str]
    board: Mapped[str]
    room: Mapped[str | None]
    channel: Mapped[int | None] = mapped_column(Integer)
    equipment: Mapped[str | None]
    valid_from_ms: Mapped[int]
    valid_to_ms: Mapped[int | None]


class PersonTable(Base):
    __tablename__ = "person"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str]
    role: Mapped[str] = mapped_column(WORD)
    language: Mapped[str] = mapped_column(WORD)
    password_hash: Mapped[str] = mapped_column(String(200))
    __table_args__ = (UniqueConstraint("name"),)


class SignInTable(Base):
    """A session of a person's browser; `token_hash` is the SHA-256 of its token."""

    __tablename__ = "sign_in"
    token_hash: Mapped[str] = mapped_column(primary_key=True)
    person: Mapped[int] = mapped_column(Integer, ForeignKey("person.id"), index=True)
    created_at_ms: Mapped[int]
    expires_at_ms: Mapped[int] = mapped_column(index=True)


class AccessTokenTable(Base):
    __tablename__ = "access_token"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    person: Mapped[int] = mapped_column(Integer, ForeignKey("person.id"), index=True)
    label: Mapped[str] = mapped_column(LABEL)
    created_at_ms: Mapped[int]
