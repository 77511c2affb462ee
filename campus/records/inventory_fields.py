"""The kinds of fields that an inventory file has, and what each of them refuses."""

import re
from datetime import date, datetime, time
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
)
from pydantic_core import CoreSchema

from campus.wire.topics import valid_id


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


def _school_year(text: str) -> str:
    found = re.fullmatch(r"(\d{4})-(\d{4})", text)
    if not found or int(found[2]) != int(found[1]) + 1:
        raise ValueError("write a school year as 2026-2027")
    return text


def _record_date(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value) and "1900" <= value < "2200":
        return value
    if isinstance(value, date) and not isinstance(value, datetime) and 1900 <= value.year < 2200:
        return value
    raise ValueError("write a date as YYYY-MM-DD, from 1900 to 2199")


def _instant(value: object) -> object:
    # A bare number would be taken for seconds since 1970.
    if isinstance(value, str) and re.match(r"\d{4}-\d{2}-\d{2}[Tt ]", value):
        return value
    if not isinstance(value, datetime):
        raise ValueError("write a time as YYYY-MM-DDTHH:MM:SS+07:00")
    return value


def _of_our_time(at: datetime) -> datetime:
    if not 2000 <= at.year < 2200:
        raise ValueError("write a time from 2000 to 2199")
    return at


def _note(text: str) -> str:
    if any((ord(character) < 32 and character not in "\n\t") or ord(character) == 127 for character in text):
        raise ValueError("control characters are not allowed")
    return text


def _country(text: str) -> str:
    if not re.fullmatch(r"[A-Z]{2}", text):
        raise ValueError("write a country as its two letters, such as VN")
    return text


class Told:
    """Says in JSON Schema what a function checks here: `pattern`, a regular expression of ECMA 262."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "pattern": self.pattern}


def _many(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


_SHOWN = r"[^\s\x00-\x1f\x7f]"  # at least one sign that is seen
Id = Annotated[str, AfterValidator(_id), Told("^[a-z0-9-]{1,64}$")]
Label = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=120),
    AfterValidator(_label),
    Told(rf"^[^\x00-\x1f\x7f]*{_SHOWN}[^\x00-\x1f\x7f]*$"),
]
Note = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500),
    AfterValidator(_note),
    Told(rf"^[^\x00-\x08\x0b-\x1f\x7f]*{_SHOWN}[^\x00-\x08\x0b-\x1f\x7f]*$"),
]
RecordDate = Annotated[date, BeforeValidator(_record_date)]
Instant = Annotated[AwareDatetime, BeforeValidator(_instant), AfterValidator(_of_our_time)]
Moment = Annotated[datetime, BeforeValidator(_moment)]
ClockTime = Annotated[time, BeforeValidator(_clock_time)]
Weekday = Annotated[int, Field(ge=1, le=7, strict=True)]
Period = Annotated[int, Field(ge=1, le=20, strict=True)]
SessionName = Literal["morning", "afternoon"]
WeekLetter = Literal["a", "b"]
SchoolYear = Annotated[str, AfterValidator(_school_year)]
CountryCode = Annotated[str, AfterValidator(_country)]
Zone = Annotated[str, AfterValidator(_zone)]
Many = BeforeValidator(_many)


class Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True)
