"""What the register of equipment takes and answers, as OpenAPI shows it. Instants are RFC 3339, dates are local."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from api.models import example
from campus.records.inventory import EquipmentRow
from campus.records.inventory_fields import Id, Label


class EquipmentNew(EquipmentRow):
    """A piece of equipment to add; `item_code` is unique at the site."""


class EquipmentChanges(EquipmentRow):
    """Fields to change; what is left out stays, null empties. `version`: only if the record still has it."""

    id: None = Field(default=None, description="The id of a record never changes: leave it out")  # type: ignore[assignment]
    name: Label | None = None  # type: ignore[assignment]
    kind: Id | None = None  # type: ignore[assignment]
    version: Annotated[int, Field(ge=1, lt=2**31)] | None = None


class EquipmentOut(BaseModel):
    """A record. `code` stands on its label; `missing`: what the record lacks today to be complete."""

    model_config = example(
        site="demo", id="projector-a101", code="MC.01/2024", name="Máy chiếu phòng 101", kind="projector", room="a101",
        in_service_on="2024-08-15", condition="good", item_code="MC.01/2024", quantity=1, unit="cái", maker="Epson",
        model="EB-X06", serial="X4YZ", price_vnd=12500000, fund="Ngân sách", life_years=5, subject_group="math",
        verified_on="2026-05-10", retired_on=None, note=None, version=3, missing=[],
    )  # fmt: skip

    site: str
    id: str
    code: str
    name: str
    kind: str
    room: str | None
    in_service_on: date | None
    condition: str | None
    item_code: str | None
    quantity: int
    unit: str | None
    maker: str | None
    model: str | None
    serial: str | None
    price_vnd: int | None
    fund: str | None
    life_years: int | None
    subject_group: str | None
    verified_on: date | None
    retired_on: date | None
    note: str | None
    version: int
    missing: list[str]


class RecordChangeOut(BaseModel):
    """What one field was and became. `created` is the first: all that was given."""

    model_config = example(
        number=7, field="condition", before="good", after="worn", at="2026-11-18T02:30:00Z", by="lan", how="edit"
    )  # fmt: skip

    number: int
    field: str
    before: Any
    after: Any
    at: datetime
    by: str
    how: str


class CountsOut(BaseModel):
    model_config = example(known=120, complete=96)

    known: int
    complete: int


class UnrecordedOut(BaseModel):
    model_config = example(code="LK-7", room="a101")

    code: str
    room: str


class TargetOut(BaseModel):
    model_config = example(indicator="record_coverage", year=2030, value=1.0)

    indicator: str
    year: int
    value: float


class CompletenessOut(BaseModel):
    """Counts by kind and room ("" for no room), what each record lacks, codes without a record, and the targets."""

    model_config = example(
        total={"known": 300, "complete": 246}, kinds={}, rooms={}, missing={}, unrecorded=[], targets=[]
    )

    total: CountsOut
    kinds: dict[str, CountsOut]
    rooms: dict[str, CountsOut]
    missing: dict[str, list[str]]
    unrecorded: list[UnrecordedOut]
    targets: list[TargetOut]


class RowProblemOut(BaseModel):
    model_config = example(
        row="row 5", field="Tình trạng", message="write one of Tốt, Cũ, Hỏng, Đang sửa chữa"
    )

    row: str
    field: str
    message: str


class RegisterFileOut(BaseModel):
    """What a file changes, or would change; with any of `problems` nothing was written."""

    model_config = example(rows=12, changes=["add equipment mc-001 (Máy chiếu)"], problems=[])

    rows: int
    changes: list[str]
    problems: list[RowProblemOut]


class FileOut(BaseModel):
    """A photo or document of a piece, `size` in bytes."""

    model_config = example(
        number=3, equipment="projector-a101", name="anh.jpg", media="image/jpeg", size=204800, sha256="9f3a…",
        added_at="2026-11-18T02:30:00Z", added_by="lan",
    )  # fmt: skip

    number: int
    equipment: str
    name: str
    media: str
    size: int
    sha256: str
    added_at: datetime
    added_by: str
