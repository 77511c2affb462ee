"""The inventory file: what a school has and plans, as one JSON or TOML document. Shape: docs/records.md."""

import codecs
import json
import tomllib
import unicodedata
from collections.abc import Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError

from campus.errors import UsageError
from campus.records.calendar_inventory import (
    BellRow,
    ClosureRow,
    ExamRow,
    LessonRow,
    MakeUpDayRow,
    SubjectPlaceRow,
    SubstitutionRow,
    TermRow,
)
from campus.records.inventory_fields import CountryCode, Id, Label, Moment, Note, RecordDate, Row, Zone

DEFAULT_TZ = "Asia/Ho_Chi_Minh"
MOST_TOML_BYTES = 1_000_000
"""Of what is sent: the reader of TOML takes longer than in proportion."""

Year = Annotated[int, Field(ge=1800, le=2199, strict=True)]
Area = Annotated[float, Field(gt=0, le=1_000_000)]
Word = Annotated[Label, Field(max_length=32)]
Code = Annotated[Label, Field(max_length=64), AfterValidator(partial(unicodedata.normalize, "NFC"))]


class SiteRow(Row):
    id: Id
    name: Label
    tz: Zone = DEFAULT_TZ
    level: Literal["primary", "lower-secondary", "upper-secondary", "multi-level"] | None = None


class BuildingRow(Row):
    id: Id
    name: Label
    area_m2: Area | None = None
    built_year: Year | None = None
    floors: Annotated[int, Field(ge=1, le=100, strict=True)] | None = None


class RoomTypeRow(Row):
    id: Id
    name_vi: Label
    name_en: Label
    in_frequency_rate: bool = True


class RoomRow(Row):
    id: Id
    name: Label
    room_type: Id
    building: Id | None = None
    floor: Annotated[int, Field(ge=-5, le=100, strict=True)] | None = None
    capacity: Annotated[int, Field(ge=1, le=5000, strict=True)] | None = None
    volume_m3: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    area_m2: Area | None = None


class EquipmentRow(Row):
    """`item_code` is unique at the site; of a piece without one, the id is its code. `quantity`: of a set."""

    id: Id
    name: Label
    kind: Id
    room: Id | None = None
    in_service_on: RecordDate | None = None
    condition: Literal["good", "worn", "broken", "under-repair"] | None = None
    item_code: Code | None = None
    quantity: Annotated[int, Field(ge=1, le=100_000, strict=True)] = 1
    unit: Word | None = None
    maker: Label | None = None
    model: Label | None = None
    serial: Label | None = None
    price_vnd: Annotated[int, Field(ge=0, le=10**13, strict=True)] | None = None
    fund: Label | None = None
    life_years: Annotated[int, Field(ge=1, le=100, strict=True)] | None = None
    subject_group: Id | None = None
    verified_on: RecordDate | None = None
    retired_on: RecordDate | None = None
    note: Note | None = None


class BoardRow(Row):
    """A board that is expected: it is listed before it is first heard."""

    id: Id
    name: Label | None = None
    note: Note | None = None


class PlacementRow(Row):
    """A board in a room, or one channel of a board on a piece of equipment, over [from, to)."""

    board: Id
    room: Id | None = None
    channel: Annotated[int, Field(ge=0, le=999, strict=True)] | None = None
    equipment: Id | None = None
    valid_from: Moment = Field(alias="from")
    valid_to: Moment | None = Field(default=None, alias="to")


class ClassRow(Row):
    name: Label
    home_room: Id | None = None
    size: Annotated[int, Field(ge=1, le=1000, strict=True)] | None = None


class SubjectGroupRow(Row):
    id: Id
    name: Label


class TariffRow(Row):
    """What a kilowatt hour costs from a local date on."""

    valid_from: date = Field(alias="from")
    vnd_per_kwh: Annotated[float, Field(gt=0, le=1_000_000)]


class TargetRow(Row):
    """What an indicator is to reach in a year; a rate as a fraction."""

    indicator: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    year: Annotated[int, Field(ge=2000, le=2199, strict=True)]
    value: Annotated[float, Field(ge=0, le=1_000_000_000, allow_inf_nan=False)]


class EquipmentQuotaRow(Row):
    """Lessons with equipment that a subject group, or without one the whole school, is to hold over [from, to)."""

    lessons: Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
    valid_from: RecordDate = Field(alias="from")
    valid_to: RecordDate = Field(alias="to")
    subject_group: Id | None = None


class Inventory(Row):
    """One site. A list that is left out changes nothing; those from `terms` on replace as a whole.

    `public_holidays` names the country whose holidays are added to the closures.
    """

    site: SiteRow
    buildings: list[BuildingRow] = Field(default_factory=list)
    room_types: list[RoomTypeRow] = Field(default_factory=list)
    rooms: list[RoomRow] = Field(default_factory=list)
    equipment: list[EquipmentRow] = Field(default_factory=list)
    boards: list[BoardRow] = Field(default_factory=list)
    placements: list[PlacementRow] = Field(default_factory=list)
    classes: list[ClassRow] = Field(default_factory=list)
    subject_groups: list[SubjectGroupRow] = Field(default_factory=list)
    terms: list[TermRow] | None = None
    bells: list[BellRow] | None = None
    closures: list[ClosureRow] | None = None
    lessons: list[LessonRow] | None = None
    make_up_days: list[MakeUpDayRow] | None = None
    exams: list[ExamRow] | None = None
    substitutions: list[SubstitutionRow] | None = None
    subject_places: list[SubjectPlaceRow] | None = None
    public_holidays: CountryCode | None = None
    tariffs: list[TariffRow] | None = None
    targets: list[TargetRow] | None = None
    equipment_quotas: list[EquipmentQuotaRow] | None = None

    @classmethod
    def parse(cls, document: Mapping[str, Any], source: str = "The inventory") -> "Inventory":
        """Validate a document. Raises UsageError naming the first wrong field, its value and what is allowed."""
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            raise UsageError(f"{source}: {first_error(error)}") from None

    @classmethod
    def load(cls, path: Path) -> "Inventory":
        """Read a .json or .toml file. Raises UsageError."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UsageError(f"Cannot read the inventory {path}: {error.strerror}.") from error
        return cls._decoded(content, path.suffix.lower() == ".toml", f"The inventory {path}", str(path))

    @classmethod
    def read(cls, content: bytes) -> "Inventory":
        """What was sent, JSON if it begins as an object does, else TOML. Raises UsageError."""
        is_toml = not content.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"{")
        if is_toml and len(content) > MOST_TOML_BYTES:
            raise UsageError(
                f"The inventory has {len(content)} bytes; send more than {MOST_TOML_BYTES} as JSON, not as TOML."
            )
        return cls._decoded(content, is_toml, "The inventory", "The inventory")

    @classmethod
    def _decoded(cls, content: bytes, is_toml: bool, what: str, source: str) -> "Inventory":
        try:
            text = content.decode("utf-8-sig")
            document = tomllib.loads(text) if is_toml else json.loads(text)
        except RecursionError as error:
            raise UsageError(f"{what} is nested too deeply to be one.") from error
        except ValueError as error:  # the decoders' errors are all ValueErrors
            raise UsageError(f"{what} is not valid {'toml' if is_toml else 'json'}: {error}.") from error
        if not isinstance(document, dict):
            raise UsageError(f"{what} must be an object with 'site', 'rooms' and so on.")
        return cls.parse(document, source)


def first_error(error: ValidationError) -> str:
    """The first wrong field, its value, what is allowed, and how many more there are."""
    problems = error.errors(include_url=False, include_context=False)
    first = problems[0]
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
    message = first["msg"].removeprefix("Value error, ")
    value = "" if first["type"] in ("missing", "extra_forbidden") else f" (it is {_shown(first['input'])})"
    more = f" And {len(problems) - 1} more." if len(problems) > 1 else ""
    return f"{field}: {message[:1].lower()}{message[1:]}{value}.{more}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
