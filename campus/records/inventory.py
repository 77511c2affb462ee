"""The inventory file: what a school has and plans, as one JSON or TOML document. Shape: docs/records.md."""

import json
import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from campus.errors import UsageError
from campus.wire.topics import valid_id

DEFAULT_TZ = "Asia/Ho_Chi_Minh"


def _id(text: str) -> str:
    if not valid_id(text):
        raise ValueError("an id is 1 to 64 of a-z, 0-9 and '-', and not 'room' or 'service'")
    return text


def _label(text: str) -> str:
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ValueError("control characters are not allowed")
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("not a known IANA time zone, such as Asia/Ho_Chi_Minh") from None
    return name


def _clock_time(value: object) -> object:
    # Bells are wall-clock times: a number of seconds or a zone would be guessed, not read.
    if isinstance(value, str) and not re.fullmatch(r"\d{2}:\d{2}(:\d{2})?", value):
        raise ValueError("write a time of day as HH:MM")
    if not isinstance(value, str | time):
        raise ValueError("write a time of day as HH:MM")
    return value


def _moment(value: object) -> object:
    """A date is the local midnight; a datetime without an offset is local time of the site."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        value = date.fromisoformat(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - the site's zone is added later
    if not isinstance(value, str | datetime):
        raise ValueError("write a date as YYYY-MM-DD, or a time as YYYY-MM-DDTHH:MM+07:00")
    return value


def _many(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


Id = Annotated[str, AfterValidator(_id)]
Label = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), AfterValidator(_label)
]
Moment = Annotated[datetime, BeforeValidator(_moment)]
ClockTime = Annotated[time, BeforeValidator(_clock_time)]
Weekday = Annotated[int, Field(ge=1, le=7, strict=True)]
Period = Annotated[int, Field(ge=1, le=20, strict=True)]
SessionName = Literal["morning", "afternoon"]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True)


class SiteRow(_Row):
    id: Id
    name: Label
    tz: Annotated[str, AfterValidator(_zone)] = DEFAULT_TZ
    level: Literal["primary", "lower-secondary", "upper-secondary", "multi-level"] | None = None


class BuildingRow(_Row):
    id: Id
    name: Label


class RoomTypeRow(_Row):
    id: Id
    name_vi: Label
    name_en: Label
    in_frequency_rate: bool = True


class RoomRow(_Row):
    id: Id
    name: Label
    room_type: Id
    building: Id | None = None
    floor: Annotated[int, Field(ge=-5, le=100, strict=True)] | None = None
    capacity: Annotated[int, Field(ge=1, le=5000, strict=True)] | None = None
    volume_m3: Annotated[float, Field(gt=0, le=1_000_000)] | None = None


class EquipmentRow(_Row):
    id: Id
    name: Label
    kind: Id
    room: Id | None = None
    in_service_on: date | None = None
    condition: Literal["good", "worn", "broken", "under-repair"] | None = None


class BoardRow(_Row):
    """A board that is expected: it is listed before it is first heard."""

    id: Id


class PlacementRow(_Row):
    """A board in a room, or one channel of a board on a piece of equipment, over [from, to)."""

    board: Id
    room: Id | None = None
    channel: Annotated[int, Field(ge=0, le=999, strict=True)] | None = None
    equipment: Id | None = None
    valid_from: Moment = Field(alias="from")
    valid_to: Moment | None = Field(default=None, alias="to")


class ClassRow(_Row):
    name: Label
    home_room: Id | None = None
    size: Annotated[int, Field(ge=1, le=1000, strict=True)] | None = None


class SubjectGroupRow(_Row):
    id: Id
    name: Label


class TermRow(_Row):
    """[start, end) local dates."""

    name: Label
    start: date
    end: date


class BellRow(_Row):
    """The times of one period, on one weekday or on each of a list (Monday = 1)."""

    weekday: Annotated[tuple[Weekday, ...], BeforeValidator(_many), Field(min_length=1)]
    session: SessionName
    period: Period
    start: ClockTime
    end: ClockTime


class ClosureRow(_Row):
    """[start, end) local dates."""

    start: date
    end: date
    reason: Label


class LessonRow(_Row):
    """A weekly lesson over [from, to) local dates."""

    room: Id
    weekday: Weekday
    session: SessionName
    period: Period
    school_class: Label
    subject: Label
    subject_group: Id | None = None
    valid_from: date = Field(alias="from")
    valid_to: date | None = Field(default=None, alias="to")


class Inventory(_Row):
    """One site. A list that is left out changes nothing; terms, bells, closures and lessons replace as a whole."""

    site: SiteRow
    buildings: list[BuildingRow] = []
    room_types: list[RoomTypeRow] = []
    rooms: list[RoomRow] = []
    equipment: list[EquipmentRow] = []
    boards: list[BoardRow] = []
    placements: list[PlacementRow] = []
    classes: list[ClassRow] = []
    subject_groups: list[SubjectGroupRow] = []
    terms: list[TermRow] | None = None
    bells: list[BellRow] | None = None
    closures: list[ClosureRow] | None = None
    lessons: list[LessonRow] | None = None

    @classmethod
    def parse(cls, document: Mapping[str, Any], source: str = "The inventory") -> "Inventory":
        """Validate a document. Raises UsageError naming the first wrong field, its value and what is allowed."""
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            raise UsageError(f"{source}: {_first(error)}") from None

    @classmethod
    def load(cls, path: Path) -> "Inventory":
        """Read a .json or .toml file. Raises UsageError."""
        try:
            content = path.read_text(encoding="utf-8")
            document = tomllib.loads(content) if path.suffix.lower() == ".toml" else json.loads(content)
        except OSError as error:
            raise UsageError(f"Cannot read the inventory {path}: {error.strerror}.") from error
        except RecursionError as error:
            raise UsageError(f"The inventory {path} is nested too deeply to be one.") from error
        except ValueError as error:  # the decoders' errors are all ValueErrors
            raise UsageError(
                f"The inventory {path} is not valid {path.suffix.lstrip('.') or 'JSON'}: {error}."
            ) from error
        if not isinstance(document, dict):
            raise UsageError(f"The inventory {path} must be an object with 'site', 'rooms' and so on.")
        return cls.parse(document, str(path))


def _first(error: ValidationError) -> str:
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
