"""The tables of the equipment register: its history, loans, upkeep, stocktakings, files, targets and quotas.

Instants are integers of Unix ms, dates are local dates; docs/equipment-record.md tells what each is for.
"""

from datetime import date
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from campus.records.base import LABEL, WORD, Base

NOTE = String(500)
_EQUIPMENT = (["site", "equipment"], ["equipment.site", "equipment.id"])


class RecordChangeTable(Base):
    """What one field of a record was and became. Rows are only added. `kind` is what was changed: `equipment`, `room`.

    No key to the thing itself: what was said of it stays, whatever becomes of it.
    """

    __tablename__ = "record_change"
    __table_args__ = (Index("ix_record_change_of", "site", "kind", "id"),)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    site: Mapped[str]
    kind: Mapped[str] = mapped_column(WORD)
    id: Mapped[str]
    field: Mapped[str] = mapped_column(WORD)
    before: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    after: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    at_ms: Mapped[int]
    by: Mapped[str] = mapped_column(LABEL)
    how: Mapped[str] = mapped_column(WORD)


class LoanTable(Base):
    """A loan slip: `quantity` of a piece is with the borrower over [out_ms, back_ms); no `back_ms`: it still is."""

    __tablename__ = "loan"
    __table_args__ = (
        ForeignKeyConstraint(*_EQUIPMENT, name="fk_loan_of_equipment"),
        CheckConstraint("quantity > 0", name="some"),
        CheckConstraint("back_ms IS NULL OR out_ms <= back_ms", name="not_backward"),
        Index("ix_loan_equipment", "site", "equipment", "out_ms"),
        Index("ix_loan_used_on", "site", "used_on"),
    )
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    site: Mapped[str]
    equipment: Mapped[str]
    quantity: Mapped[int] = mapped_column(Integer)
    borrower: Mapped[str] = mapped_column(LABEL)
    out_ms: Mapped[int]
    due_on: Mapped[date]
    back_ms: Mapped[int | None]
    used_on: Mapped[date | None]
    session: Mapped[str | None] = mapped_column(WORD)
    period: Mapped[int | None] = mapped_column(Integer)
    lesson: Mapped[str | None] = mapped_column(LABEL)
    school_class: Mapped[str | None] = mapped_column(LABEL)
    subject_group: Mapped[str | None]
    condition_back: Mapped[str | None] = mapped_column(WORD)
    note: Mapped[str | None] = mapped_column(NOTE)
    lent_by: Mapped[str] = mapped_column(LABEL)
    taken_back_by: Mapped[str | None] = mapped_column(LABEL)


class UpkeepTable(Base):
    """Maintenance or an incident of a piece over [opened_ms, closed_ms); `down`: it could not be used meanwhile."""

    __tablename__ = "upkeep"
    __table_args__ = (
        ForeignKeyConstraint(*_EQUIPMENT, name="fk_upkeep_of_equipment"),
        CheckConstraint("closed_ms IS NULL OR opened_ms <= closed_ms", name="not_backward"),
        Index("ix_upkeep_equipment", "site", "equipment", "opened_ms"),
    )
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    site: Mapped[str]
    equipment: Mapped[str]
    kind: Mapped[str] = mapped_column(WORD)
    down: Mapped[bool]
    opened_ms: Mapped[int]
    opened_by: Mapped[str] = mapped_column(LABEL)
    symptom: Mapped[str] = mapped_column(LABEL)
    closed_ms: Mapped[int | None]
    closed_by: Mapped[str | None] = mapped_column(LABEL)
    cause: Mapped[str | None] = mapped_column(LABEL)
    work: Mapped[str | None] = mapped_column(NOTE)
    cost_vnd: Mapped[int | None]


class StocktakingTable(Base):
    """One look through a room; at most one of a room is open."""

    __tablename__ = "stocktaking"
    __table_args__ = (
        ForeignKeyConstraint(["site", "room"], ["room.site", "room.id"], name="fk_stocktaking_of_room"),
        Index("ix_stocktaking_room", "site", "room"),
    )
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    site: Mapped[str]
    room: Mapped[str]
    opened_ms: Mapped[int]
    opened_by: Mapped[str] = mapped_column(LABEL)
    closed_ms: Mapped[int | None]
    closed_by: Mapped[str | None] = mapped_column(LABEL)


class StockItemTable(Base):
    """A piece that was expected or found. `code` stands on its label; no `equipment`: no record has that code."""

    __tablename__ = "stock_item"
    stocktaking: Mapped[int] = mapped_column(Integer, ForeignKey("stocktaking.number"), primary_key=True)
    code: Mapped[str] = mapped_column(LABEL, primary_key=True)
    equipment: Mapped[str | None]
    expected: Mapped[bool]
    recorded_room: Mapped[str | None]
    found_ms: Mapped[int | None]
    found_by: Mapped[str | None] = mapped_column(LABEL)
    condition: Mapped[str | None] = mapped_column(WORD)
    counted: Mapped[int | None] = mapped_column(Integer)


class AttachmentTable(Base):
    """A photo or document of a piece; its content is the file named by `sha256` in the data folder."""

    __tablename__ = "attachment"
    __table_args__ = (
        ForeignKeyConstraint(*_EQUIPMENT, name="fk_attachment_of_equipment"),
        Index("ix_attachment_equipment", "site", "equipment"),
    )
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    site: Mapped[str]
    equipment: Mapped[str]
    name: Mapped[str] = mapped_column(LABEL)
    media: Mapped[str] = mapped_column(WORD)
    size: Mapped[int] = mapped_column(Integer)
    sha256: Mapped[str] = mapped_column(index=True)
    added_ms: Mapped[int]
    added_by: Mapped[str] = mapped_column(LABEL)


class TargetTable(Base):
    """The value that an indicator of a site is to reach in a year."""

    __tablename__ = "target"
    site: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    indicator: Mapped[str] = mapped_column(primary_key=True)
    year: Mapped[int] = mapped_column(Integer, primary_key=True)
    value: Mapped[float]


class EquipmentQuotaTable(Base):
    """How many lessons with equipment a subject group, or the school ("": all of it), is to hold over [start, end)."""

    __tablename__ = "equipment_quota"
    site: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    subject_group: Mapped[str] = mapped_column(primary_key=True)
    start: Mapped[date] = mapped_column(primary_key=True)
    end: Mapped[date]
    lessons: Mapped[int] = mapped_column(Integer)
