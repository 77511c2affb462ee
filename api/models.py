"""What the API answers, as OpenAPI shows it. Instants are RFC 3339 in UTC or Unix ms (`*_ms`); dates are local."""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict


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
