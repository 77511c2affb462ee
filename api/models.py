"""What the API answers, as OpenAPI shows it. Instants are RFC 3339 in UTC or Unix ms (`*_ms`); dates are local."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


def example(**values: Any) -> ConfigDict:
    """A model read by attributes, with one example for OpenAPI."""
    return ConfigDict(from_attributes=True, json_schema_extra={"examples": [values]})


class SiteOut(BaseModel):
    """A school or a satellite campus."""

    model_config = example(id="demo", name="THCS Hoa Sen", tz="Asia/Ho_Chi_Minh", level="lower-secondary")

    id: str
    name: str
    tz: str
    level: str | None


class RoomTypeOut(BaseModel):
    """A type of rooms. `in_frequency_rate`: lesson slots of such rooms count as time available."""

    model_config = example(id="classroom", name_vi="Phòng học", name_en="Classroom", in_frequency_rate=True)

    id: str
    name_vi: str
    name_en: str
    in_frequency_rate: bool


class RoomOut(BaseModel):
    """A room and where it is; `capacity` in people. `version` rises with every change."""

    model_config = example(
        site="demo",
        id="a101",
        name="A101",
        building="a",
        floor=1,
        room_type="classroom",
        capacity=45,
        volume_m3=180.0,
        area_m2=54.0,
        version=1,
    )

    site: str
    id: str
    name: str
    building: str | None
    floor: int | None
    room_type: str
    capacity: int | None
    volume_m3: float | None
    area_m2: float | None
    version: int


class BuildingOut(BaseModel):
    """A building. `version` rises with every change."""

    model_config = example(
        site="demo", id="a", name="Dãy nhà A", area_m2=1200.0, built_year=2008, floors=3, version=1
    )

    site: str
    id: str
    name: str
    area_m2: float | None
    built_year: int | None
    floors: int | None
    version: int


class SiteDetail(SiteOut):
    """A site with its buildings and the types of its rooms."""

    model_config = example(
        id="demo",
        name="THCS Hòa Bình",
        tz="Asia/Ho_Chi_Minh",
        level="lower-secondary",
        buildings=[],
        room_types=[],
    )

    buildings: list[BuildingOut]
    room_types: list[RoomTypeOut]


class ReportedOut(BaseModel):
    """What a board made of the configuration of revision `rev`; not `ok`: why it refused or left it."""

    model_config = example(rev=3, ok=True, errors=[], received_at="2026-11-20T01:00:00Z")

    rev: int
    ok: bool
    errors: list[str]
    received_at: datetime


class LastReplyOut(BaseModel):
    """A board's latest answer to a command; `code` and `message` say what was wrong."""

    model_config = example(
        id="op-9f3a61c2", ok=True, code=None, message=None, received_at="2026-11-20T01:00:00Z"
    )

    id: str
    ok: bool
    code: str | None
    message: str | None
    received_at: datetime


class BoardOut(BaseModel):
    """A board. `room` None with `assigned` False: heard, and placed nowhere yet.

    `access_point`: the address of the access point the board is joined to. `notes`: what it went through, in codes
    (docs/remote.md). People write `name` and `note`; `version` rises with these and with its placements.
    """

    model_config = example(
        site="demo",
        id="b-a101",
        room="a101",
        assigned=True,
        availability="online",
        firmware="1.0.0",
        firmware_since="2026-11-01T00:00:00Z",
        hardware="esp32-s3",
        reset_cause="power",
        access_point="a0b1c2d3e4f5",
        notes=[],
        reported={"rev": 3, "ok": True, "errors": [], "received_at": "2026-11-20T01:00:00Z"},
        last_reply=None,
        points={"co2_ppm": {"unit": "ppm", "max_interval_ms": 60000}},
        first_seen="2026-11-01T00:00:00Z",
        last_seen="2026-11-23T03:15:00Z",
        name="Bảng phòng 101",
        note=None,
        version=1,
    )

    site: str
    id: str
    room: str | None
    assigned: bool
    availability: str
    firmware: str | None
    firmware_since: datetime | None
    hardware: str | None
    reset_cause: str | None
    access_point: str | None
    notes: list[str]
    reported: ReportedOut | None
    last_reply: LastReplyOut | None
    points: dict[str, Any]
    first_seen: datetime | None
    last_seen: datetime | None
    name: str | None
    note: str | None
    version: int


class PlacementOut(BaseModel):
    """Over [valid_from, valid_to) a board was in a room, or its channel on a piece of equipment; null: it still is.

    Exactly one of `room` and `equipment` is given, and `channel` only with `equipment`.
    """

    model_config = example(
        id=12,
        board="b-a101",
        room="a101",
        channel=None,
        equipment=None,
        valid_from="2026-11-01T00:00:00Z",
        valid_to=None,
    )

    id: int
    board: str
    room: str | None
    channel: int | None
    equipment: str | None
    valid_from: datetime
    valid_to: datetime | None


class IntervalOut(BaseModel):
    """Half-open [start_ms, end_ms) in which a room was in one state."""

    model_config = example(start_ms=1795392000000, end_ms=1795394700000, state="occupied")

    start_ms: int
    end_ms: int
    state: Literal["occupied", "vacant", "unknown"]


class RoomStateOut(BaseModel):
    """What a room is like now; `presence` null = not measured."""

    model_config = example(
        site="demo",
        room="a101",
        presence=True,
        since_ms=1795392060000,
        motion_at_ms=1795394640000,
        updated_at_ms=1795394640000,
        values={"co2_ppm": 812.0, "temperature_c": 27.4},
    )

    site: str
    room: str
    presence: bool | None
    since_ms: int | None
    motion_at_ms: int | None
    updated_at_ms: int
    values: dict[str, float]


class BoardStateOut(BaseModel):
    model_config = example(
        site="demo",
        board="b-a101",
        availability="online",
        last_seen_ms=1795394640000,
        room="a101",
        rssi_dbm=-61.0,
    )

    site: str
    board: str
    availability: str
    last_seen_ms: int | None
    room: str | None
    rssi_dbm: float | None


class ProgressOut(BaseModel):
    """Long work under way; finished when done equals total."""

    model_config = example(task="history", done=3.0, total=7.0, note="")

    task: str
    done: float
    total: float
    note: str


class LiveOut(BaseModel):
    """Everything the live stream changes, as it is now."""

    at_ms: int = Field(examples=[1795394650000])
    rooms: list[RoomStateOut]
    boards: list[BoardStateOut]
    progress: list[ProgressOut]


class ReadingOut(BaseModel):
    """One value of one point; null = measured but invalid, and `quality` says why."""

    model_config = example(
        board="b-a101", point="co2_ppm", observed_at_ms=1795394640000, value=812.0, quality="good"
    )

    board: str
    point: str
    observed_at_ms: int
    value: float | None
    quality: str


class FactOut(BaseModel):
    """What happened in one slot of one date in one room; `coverage` = valid minutes / slot minutes."""

    model_config = example(
        site="demo",
        room="a101",
        date="2026-11-20",
        start="2026-11-20T00:00:00Z",
        end="2026-11-20T00:45:00Z",
        kind="lesson",
        session="morning",
        period=1,
        school_class="9A",
        subject="Toán",
        slot_minutes=45.0,
        valid_minutes=45.0,
        occupied_minutes=43.0,
        coverage=1.0,
        outcome="held",
    )

    site: str
    room: str
    date: date
    start: datetime
    end: datetime
    kind: str
    session: str | None
    period: int | None
    school_class: str | None
    subject: str | None
    slot_minutes: float
    valid_minutes: float
    occupied_minutes: float
    coverage: float
    outcome: str


class IndicatorOut(BaseModel):
    """A figure with its evidence. `value` null carries a `reason`; it is never a zero for unknown."""

    model_config = example(
        id="frequency_rate",
        version=1,
        value=0.62,
        reason=None,
        unit="1",
        numerator=1120.0,
        denominator=1795.0,
        coverage=0.98,
        calendar_version="9f3a61c2",
        computed_at="2026-11-23T03:15:00Z",
        provisional=True,
        counts={
            "held": 24,
            "partly_held": 1,
            "no_show": 1,
            "not_measured": 2,
            "unscheduled": 3,
            "periods_used": 27,
        },
    )

    id: str
    version: int
    value: float | None
    reason: str | None
    unit: str
    numerator: float
    denominator: float
    coverage: float | None
    calendar_version: str
    computed_at: datetime
    provisional: bool
    counts: dict[str, int]
    reason_code: str | None = None
    reason_values: dict[str, float | str] = {}
