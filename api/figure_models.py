"""What the API answers about figures: definitions, indicators' lists, closed months, forecasts."""

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict, Field

from api.models import IndicatorOut, example


class DefinitionOut(BaseModel):
    """What a figure means. `personal`: it tells about the work of teachers."""

    model_config = example(
        id="frequency_rate",
        version=1,
        name_vi="Tỉ lệ sử dụng phòng",
        name_en="Frequency rate",
        formula="occupied minutes ÷ valid minutes, over the available lesson slots",
        unit="1",
        source="UK Space Management Group (2006)",
        of="room",
        least_coverage_pct=80,
        personal=False,
    )

    id: str
    version: int
    name_vi: str
    name_en: str
    formula: str
    unit: str
    source: str
    of: str
    least_coverage_pct: int
    personal: bool


class GhostSlotOut(BaseModel):
    """A class's weekly slot that nobody came to on `empty` of the `dates` on which it was judged."""

    model_config = example(
        room="a101",
        weekday=3,
        session="morning",
        period=5,
        school_class="9A",
        dates=["2026-10-28", "2026-11-04", "2026-11-11", "2026-11-18"],
        empty=3,
    )

    room: str
    weekday: int
    session: str
    period: int
    school_class: str
    dates: list[date]
    empty: int


class FiguresOut(BaseModel):
    """The indicators of a scope over [from, to), with the lists behind two of them."""

    model_config = example(indicators=[], ghost_slots=[], never_used=["projector-a101"])

    indicators: list[IndicatorOut]
    ghost_slots: list[GhostSlotOut]
    never_used: list[str]


class MonthOut(BaseModel):
    """A month whose figures were signed; the version of the calendar they were computed with."""

    model_config = example(
        start="2026-10-01",
        closed_at="2026-11-02T03:15:00Z",
        closed_by="admin",
        calendar_version="9f3a61c2",
    )

    start: date
    closed_at: datetime
    closed_by: str
    calendar_version: str


class SignedMonthOut(MonthOut):
    """A closed month with its figures as they were signed."""

    model_config = example(
        start="2026-10-01",
        closed_at="2026-11-02T03:15:00Z",
        closed_by="admin",
        calendar_version="9f3a61c2",
        indicators=[],
    )

    indicators: list[IndicatorOut]


class ReliabilityOut(BaseModel):
    """Availability, mean time between failures and mean time to repair of pieces of equipment."""

    model_config = example(indicators=[])

    indicators: list[IndicatorOut]


class MonthForm(BaseModel):
    """The month to close, as YYYY-MM."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"month": "2026-10"}]})

    month: str = Field(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")


class AmendmentOut(BaseModel):
    """Sums of one day of one thing that changed after its month was closed; times in ms, energy in mWh."""

    model_config = example(
        number=3,
        at="2026-11-09T02:00:00Z",
        kind="room",
        id="a101",
        date="2026-10-20",
        before={"held": 4, "no_show": 1},
        after={"held": 5, "no_show": 0},
    )

    number: int
    at: datetime
    kind: str
    id: str
    date: date
    before: dict[str, int]
    after: dict[str, int]


class ScoreOut(BaseModel):
    """Errors of the last 28 days, Σ|value − forecast| ÷ Σ|value|; of the forecast and of "same as last week"."""

    model_config = example(points=240, wape=0.12, last_week_wape=0.21)

    points: int
    wape: float | None
    last_week_wape: float | None


class ForecastOut(BaseModel):
    """The occupied share that is expected in the period which starts at a minute of the local date.

    `value` null has a `reason`: too_short (under two comparable weeks) or irregular (the room has no pattern).
    """

    model_config = example(
        date="2026-11-20",
        start_minute=420,
        value=0.86,
        reason=None,
        score={"points": 240, "wape": 0.12, "last_week_wape": 0.21},
    )

    date: date
    start_minute: int
    value: float | None
    reason: str | None
    score: ScoreOut


class JudgedOut(BaseModel):
    """A past period beside the band [low, high] in which it was expected; `anomaly`: two of three were outside."""

    model_config = example(
        date="2026-11-17", start_minute=420, value=0.0, low=0.6, high=1.0, outside=True, anomaly=False
    )

    date: date
    start_minute: int
    value: float
    low: float
    high: float
    outside: bool
    anomaly: bool


class EquipmentFactOut(BaseModel):
    """What happened in one slot of one date to one piece of equipment; `room`: where it was measured."""

    model_config = example(
        equipment="projector-a101",
        room="a101",
        date="2026-11-20",
        start="2026-11-20T00:00:00Z",
        end="2026-11-20T00:45:00Z",
        kind="lesson",
        session="morning",
        period=1,
        school_class="9A",
        slot_minutes=45.0,
        valid_minutes=45.0,
        on_minutes=41.0,
        standby_minutes=4.0,
        energy_minutes=45.0,
        energy_wh=164.2,
        idle_minutes=0.0,
        idle_wh=0.0,
    )

    equipment: str
    room: str
    date: date
    start: datetime
    end: datetime
    kind: str
    session: str | None
    period: int | None
    school_class: str | None
    slot_minutes: float
    valid_minutes: float
    on_minutes: float
    standby_minutes: float
    energy_minutes: float
    energy_wh: float
    idle_minutes: float
    idle_wh: float
