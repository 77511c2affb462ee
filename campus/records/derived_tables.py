"""The tables of what is derived from readings. Instants are integers of Unix ms."""

from datetime import date
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, ForeignKeyConstraint, Index, Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from campus.indicators.sums import EquipmentSums, LinkSums, RoomSums
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


class StretchTable(Base):
    """States of rooms, equipment and boards beside presence; of one aspect of one thing never overlapping."""

    __tablename__ = "stretch"
    __table_args__ = (_CLUSTERED,)
    site: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(WORD, primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    aspect: Mapped[str] = mapped_column(WORD, primary_key=True)
    start_ms: Mapped[int] = mapped_column(primary_key=True)
    end_ms: Mapped[int]
    state: Mapped[str] = mapped_column(WORD)
    value: Mapped[float | None]


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
    subject_group: Mapped[str | None]
    exam: Mapped[bool] = mapped_column(Boolean)
    capacity: Mapped[int | None] = mapped_column(Integer)
    counted_minutes: Mapped[float]
    person_minutes: Mapped[float]
    co2_minutes: Mapped[float]
    co2_high_minutes: Mapped[float]
    temperature_minutes: Mapped[float]
    temperature_high_minutes: Mapped[float]


class EquipmentFactTable(Base):
    """By the room in which it was measured, with which it is derived."""

    __tablename__ = "equipment_fact"
    __table_args__ = (
        ForeignKeyConstraint(*_ROOM_KEY),
        Index("ix_equipment_fact_equipment", "site", "equipment", "start_ms"),
        _CLUSTERED,
    )
    site: Mapped[str] = mapped_column(primary_key=True)
    room: Mapped[str] = mapped_column(primary_key=True)
    start_ms: Mapped[int] = mapped_column(primary_key=True)
    equipment: Mapped[str] = mapped_column(primary_key=True)
    end_ms: Mapped[int]
    local_date: Mapped[date] = mapped_column("date")
    kind: Mapped[str] = mapped_column(WORD)
    session: Mapped[str | None] = mapped_column(WORD)
    period: Mapped[int | None] = mapped_column(Integer)
    school_class: Mapped[str | None] = mapped_column(LABEL)
    subject_group: Mapped[str | None]
    slot_minutes: Mapped[float]
    valid_minutes: Mapped[float]
    on_minutes: Mapped[float]
    standby_minutes: Mapped[float]
    energy_minutes: Mapped[float]
    energy_wh: Mapped[float]
    idle_valid_minutes: Mapped[float]
    idle_minutes: Mapped[float]
    idle_wh: Mapped[float]


class EquippedLessonTable(Base):
    """A lesson in which equipment operated, by room; kept beside the facts of equipment, see `equipped`."""

    __tablename__ = "equipped_lesson"
    __table_args__ = (ForeignKeyConstraint(*_ROOM_KEY), _CLUSTERED)
    site: Mapped[str] = mapped_column(primary_key=True)
    local_date: Mapped[date] = mapped_column("date", primary_key=True)
    session: Mapped[str] = mapped_column(WORD, primary_key=True)
    period: Mapped[int] = mapped_column(Integer, primary_key=True)
    school_class: Mapped[str] = mapped_column(LABEL, primary_key=True)
    room: Mapped[str] = mapped_column(primary_key=True)
    subject_group: Mapped[str | None]


class EquippedDayTable(Base):
    """How many lessons of a date are in `equipped_lesson`, each once; `subject_group` "": of all of them."""

    __tablename__ = "equipped_day"
    __table_args__ = (_CLUSTERED,)
    site: Mapped[str] = mapped_column(primary_key=True)
    subject_group: Mapped[str] = mapped_column(primary_key=True)
    local_date: Mapped[date] = mapped_column("date", primary_key=True)
    lessons: Mapped[int] = mapped_column(Integer)


class DerivedNumberTable(Base):
    """How often sums or lesson days of a month of a site were written, see `remembered`."""

    __tablename__ = "derived_number"
    site: Mapped[str] = mapped_column(primary_key=True)
    month: Mapped[date] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)


class LessonDayTable(Base):
    """The lessons of a room on a date and how they went: see `indicators.ghosts.LessonDay`. `planned` is JSON."""

    __tablename__ = "lesson_day"
    __table_args__ = (ForeignKeyConstraint(*_ROOM_KEY), _CLUSTERED)
    site: Mapped[str] = mapped_column(primary_key=True)
    local_date: Mapped[date] = mapped_column("date", primary_key=True)
    room: Mapped[str] = mapped_column(primary_key=True)
    planned: Mapped[str] = mapped_column(Text)
    outcomes: Mapped[str] = mapped_column(LABEL)


class _Sums:
    """Facts summed over a span: `day`, `month` (its first day), or `closed`, a month as it was when it was closed.

    `subject_group` "" is the total; another one sums only the lessons of that group. The key comes first: SQLite before
    3.42 takes a table that is stored by a key of later columns for damaged.
    """

    site: Mapped[str] = mapped_column(primary_key=True, sort_order=-1)
    span: Mapped[str] = mapped_column(WORD, primary_key=True, sort_order=-1)
    subject_group: Mapped[str] = mapped_column(primary_key=True, sort_order=-1)
    start: Mapped[date] = mapped_column(primary_key=True, sort_order=-1)
    kind: Mapped[str] = mapped_column(WORD, primary_key=True, sort_order=-1)
    id: Mapped[str] = mapped_column(primary_key=True, sort_order=-1)


def _columns(names: tuple[str, ...]) -> dict[str, Any]:
    columns = {name: mapped_column(name, BigInteger, nullable=False) for name in names}
    return {"__table_args__": (_CLUSTERED,), **columns}


RoomSumsTable = type(
    "RoomSumsTable", (_Sums, Base), {"__tablename__": "room_sums", **_columns(RoomSums.names())}
)
EquipmentSumsTable = type(
    "EquipmentSumsTable",
    (_Sums, Base),
    {"__tablename__": "equipment_sums", **_columns(EquipmentSums.names())},
)
LinkSumsTable = type(
    "LinkSumsTable", (_Sums, Base), {"__tablename__": "link_sums", **_columns(LinkSums.names())}
)


class MonthTable(Base):
    """A month of a site that was closed; `start` is its first day."""

    __tablename__ = "closed_month"
    site: Mapped[str] = mapped_column(primary_key=True)
    start: Mapped[date] = mapped_column(primary_key=True)
    closed_at_ms: Mapped[int]
    closed_by: Mapped[str]
    calendar_version: Mapped[str] = mapped_column(WORD)


class AmendmentTable(Base):
    """The sums of one day of one thing that changed after its month was closed: before and after, by field."""

    __tablename__ = "amendment"
    __table_args__ = (Index("ix_amendment_month", "site", "month"),)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    site: Mapped[str]
    month: Mapped[date]
    at_ms: Mapped[int]
    kind: Mapped[str] = mapped_column(WORD)
    id: Mapped[str]
    local_date: Mapped[date] = mapped_column("date")
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]


class CalibrationTable(Base):
    """What was learned of a thing, used from `issued_at_ms` on. Rows are added, never changed."""

    __tablename__ = "calibration"
    __table_args__ = (_CLUSTERED,)
    site: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(WORD, primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    issued_at_ms: Mapped[int] = mapped_column(primary_key=True)
    learned: Mapped[dict[str, Any]]


class DirtyTable(Base):
    """Dates of a room whose facts an edit has touched; `again` is what has to be made anew: facts, or all of it."""

    __tablename__ = "dirty"
    __table_args__ = (ForeignKeyConstraint(*_ROOM_KEY), Index("ix_dirty_room", "site", "room"))
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    site: Mapped[str]
    room: Mapped[str]
    start: Mapped[date]
    end: Mapped[date]
    again: Mapped[str] = mapped_column(WORD)
    reason: Mapped[str] = mapped_column(LABEL)


class BoardStartTable(Base):
    """A start that a board told in its birth: what tells a power cut from a lost network."""

    __tablename__ = "board_start"
    __table_args__ = (_CLUSTERED,)
    site: Mapped[str] = mapped_column(primary_key=True)
    board: Mapped[str] = mapped_column(primary_key=True)
    at_ms: Mapped[int] = mapped_column(primary_key=True)  # when it was heard
    boot: Mapped[str] = mapped_column(WORD)
    reset_cause: Mapped[str | None] = mapped_column(LABEL)
    access_point: Mapped[str | None] = mapped_column(WORD)


class BoardLinkTable(Base):
    """The state of a board's availability as it is followed: where a restart goes on."""

    __tablename__ = "board_link"
    site: Mapped[str] = mapped_column(primary_key=True)
    board: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[dict[str, Any]]


class IncidentTable(Base):
    """Boards of a site lost together by one cause; `end_ms` NULL: it goes on."""

    __tablename__ = "incident"
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    site: Mapped[str] = mapped_column(index=True)
    cause: Mapped[str] = mapped_column(WORD)
    start_ms: Mapped[int]
    end_ms: Mapped[int | None]
    boards: Mapped[list[Any]] = mapped_column(JSON)
    evidence: Mapped[dict[str, Any]]


class TariffTable(Base):
    """What a kilowatt hour costs from a date on."""

    __tablename__ = "tariff"
    site: Mapped[str] = mapped_column(primary_key=True)
    valid_from: Mapped[date] = mapped_column(primary_key=True)
    vnd_per_kwh: Mapped[float]


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
