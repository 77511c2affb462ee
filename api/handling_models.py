"""What loans, upkeep and stocktaking take and answer, as OpenAPI shows it. Instants are RFC 3339, dates are local."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from api.models import example
from campus.records.inventory_fields import Id, Note
from campus.records.loans import LoanSlip
from campus.records.upkeep import UpkeepClosing, UpkeepOpening

Condition = Literal["good", "worn", "broken", "under-repair"]


class LoanForm(LoanSlip):
    """A loan slip. `out_at` is now and `due_on` the day of the loan, unless given."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"equipment": "projector-a101", "borrower": "Cô Hoa", "period": 2}]},
    )


class ReturnForm(BaseModel):
    """How it came back; a `condition` becomes that of the piece."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"condition": "good"}]})

    condition: Condition | None = None
    note: Note | None = None


class LoanOut(BaseModel):
    """A loan slip; `status` is lent, overdue (since the day after `due_on`) or returned."""

    model_config = example(
        number=12, equipment="projector-a101", quantity=1, borrower="Cô Hoa", out_at="2026-11-18T00:00:00Z",
        due_on="2026-11-18", back_at=None, status="lent", used_on="2026-11-18", session="morning", period=2,
        lesson="Định luật Ôm", school_class="6A", subject_group="math", condition_back=None, note=None, lent_by="lan",
        taken_back_by=None,
    )  # fmt: skip

    number: int
    equipment: str
    quantity: int
    borrower: str
    out_at: datetime
    due_on: date
    back_at: datetime | None
    status: Literal["lent", "overdue", "returned"]
    used_on: date | None
    session: str | None
    period: int | None
    lesson: str | None
    school_class: str | None
    subject_group: str | None
    condition_back: str | None
    note: str | None
    lent_by: str
    taken_back_by: str | None


class UpkeepForm(UpkeepOpening):
    """Maintenance or an incident that begins; an incident puts the piece out of use unless `down` is false."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"equipment": "projector-a101", "kind": "incident", "symptom": "Không lên hình"}]
        },
    )

    equipment: Id


class UpkeepEndForm(UpkeepClosing):
    """What ended it: cause, work and cost; `condition` as it is now."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"cause": "Bóng đèn", "cost_vnd": 850000}]}
    )


class UpkeepOut(BaseModel):
    model_config = example(
        number=4, equipment="projector-a101", kind="incident", down=True, opened_at="2026-11-17T01:00:00Z",
        opened_by="lan", symptom="Không lên hình", closed_at=None, closed_by=None, cause=None, work=None,
        cost_vnd=None,
    )  # fmt: skip

    number: int
    equipment: str
    kind: str
    down: bool
    opened_at: datetime
    opened_by: str
    symptom: str
    closed_at: datetime | None
    closed_by: str | None
    cause: str | None
    work: str | None
    cost_vnd: int | None


class StocktakingForm(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"room": "a101"}]})

    room: Id


class ScanForm(BaseModel):
    """A label that was seen; `counted` of a set."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"code": "MC.01/2024"}]})

    code: Annotated[str, Field(min_length=1, max_length=64)]
    condition: Condition | None = None
    counted: Annotated[int, Field(ge=0, le=100_000)] | None = None


class CloseForm(BaseModel):
    """`move`: what was found and is recorded elsewhere belongs to this room now."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"move": False}]})

    move: StrictBool = False


class StockItemOut(BaseModel):
    """`state`: found, missing, unexpected (recorded in `recorded_room`), or unknown: no record has the code."""

    model_config = example(
        code="MC.01/2024", equipment="projector-a101", name="Máy chiếu phòng 101", state="found",
        recorded_room="a101", found_at="2026-11-18T02:30:00Z", found_by="lan", condition="good",
        recorded_condition="good", counted=None, quantity=1,
    )  # fmt: skip

    code: str
    equipment: str | None
    name: str | None
    state: str
    recorded_room: str | None
    found_at: datetime | None
    found_by: str | None
    condition: str | None
    recorded_condition: str | None
    counted: int | None
    quantity: int | None


class StocktakingHeadOut(BaseModel):
    """A stocktaking of a room; open while `closed_at` is null."""

    model_config = example(
        number=2,
        room="a101",
        opened_at="2026-11-17T01:00:00Z",
        opened_by="lan",
        closed_at=None,
        closed_by=None,
    )

    number: int
    room: str
    opened_at: datetime
    opened_by: str
    closed_at: datetime | None
    closed_by: str | None


class StocktakingOut(StocktakingHeadOut):
    """A stocktaking of a room with its difference report; open while `closed_at` is null."""

    model_config = example(
        number=2,
        room="a101",
        opened_at="2026-11-17T01:00:00Z",
        opened_by="lan",
        closed_at=None,
        closed_by=None,
        items=[],
    )

    items: list[StockItemOut]


class UseOut(BaseModel):
    """Uses of equipment in lessons, one for each piece, date and period: by loan slips and by what was measured."""

    model_config = example(declared=9, measured=7, both=5, declared_only=1, measured_only=2, not_measured=3)

    declared: int
    measured: int
    both: int
    declared_only: int
    measured_only: int
    not_measured: int


class QuotaOut(BaseModel):
    """Lessons with equipment of a subject group ("": the school) over [start, end); `rate` is lessons ÷ quota."""

    model_config = example(
        subject_group="math", start="2026-09-05", end="2027-05-31", quota=40, lessons=12, rate=0.3
    )

    subject_group: str
    start: date
    end: date
    quota: int
    lessons: int
    rate: float
