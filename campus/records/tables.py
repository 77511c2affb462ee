"""The tables of places and boards; importing this module makes all tables known.

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
)
from sqlalchemy.orm import Mapped, mapped_column

from campus.records import (  # noqa: F401 - every table is in Base.metadata then
    calendar_tables,
    derived_tables,
    people_tables,
    register_tables,
)
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
    area_m2: Mapped[float | None]
    built_year: Mapped[int | None] = mapped_column(Integer)
    floors: Mapped[int | None] = mapped_column(Integer)
    version: Mapped[int] = mapped_column(Integer, server_default="1")


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
    area_m2: Mapped[float | None]
    version: Mapped[int] = mapped_column(Integer, server_default="1")


class EquipmentTable(Base):
    """`version` rises with every change of the record; `quantity` is above 1 for a set that is counted together."""

    __tablename__ = "equipment"
    __table_args__ = (
        ForeignKeyConstraint(["site", "room"], ["room.site", "room.id"]),
        Index("ix_equipment_room", "site", "room"),
        Index("ix_equipment_item_code", "site", "item_code", unique=True),
    )
    site: Mapped[str] = mapped_column(ForeignKey("site.id", name="fk_equipment_in_site"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(LABEL)
    kind: Mapped[str]
    room: Mapped[str | None]
    in_service_on: Mapped[date | None]
    condition: Mapped[str | None] = mapped_column(WORD)
    item_code: Mapped[str | None]
    quantity: Mapped[int] = mapped_column(Integer, server_default="1")
    unit: Mapped[str | None] = mapped_column(WORD)
    maker: Mapped[str | None] = mapped_column(LABEL)
    model: Mapped[str | None] = mapped_column(LABEL)
    serial: Mapped[str | None] = mapped_column(LABEL)
    price_vnd: Mapped[int | None]
    fund: Mapped[str | None] = mapped_column(LABEL)
    life_years: Mapped[int | None] = mapped_column(Integer)
    subject_group: Mapped[str | None]
    verified_on: Mapped[date | None]
    retired_on: Mapped[date | None]
    note: Mapped[str | None] = mapped_column(register_tables.NOTE)
    version: Mapped[int] = mapped_column(Integer, server_default="1")


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
    """No key to `site`: a board of an unknown site is kept and shown as unassigned, not dropped.

    People write `name` and `note` and place it, by which `version` rises; the rest was heard.
    """

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
    name: Mapped[str | None] = mapped_column(LABEL)
    note: Mapped[str | None] = mapped_column(register_tables.NOTE)
    version: Mapped[int] = mapped_column(Integer, server_default="1")


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
