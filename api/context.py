"""What the API is given to work with, and the pieces of a request that handlers ask for by type."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Depends, Path, Query, Request
from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from api.oidc import Provider
from api.problems import ProblemError
from campus.live import Live
from campus.records import Records
from campus.records.entities import Site
from campus.telemetry import TelemetryStore
from campus.wire.topics import valid_id

MAX_DAYS = 400
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)


@dataclass(frozen=True, slots=True)
class Rates:
    """Requests a second in the long run, and `at_once` after a pause; of a stranger's address three seconds' worth."""

    per_second: int = 100
    at_once: int = 300
    strangers_per_second: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Everything passed in: stores, live state, clock. Nothing is opened by the API itself.

    `health()` returns at least {"ready": bool, "reasons": [str]}; `now()` an aware UTC datetime. `local_token` acts as
    an administrator for commands on this machine. `hosts` are further names this server is reached by. `backup()`
    copies everything and returns the size and the bytes of the file; it raises CampusError. `oidc` is where people sign
    in beside name and password.
    """

    records: Records
    telemetry: TelemetryStore
    live: Live
    health: Callable[[], dict[str, Any]]
    now: Callable[[], datetime]
    local_token: str | None = None
    version: str = "0"
    language: str = "vi"
    hosts: tuple[str, ...] = field(default=())
    backup: Callable[[], tuple[int, Iterator[bytes]]] | None = None
    oidc: Provider | None = None
    rates: Rates = Rates()


def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


ContextDep = Annotated[Context, Depends(_context)]


def _id(text: str) -> str:
    if not valid_id(text):
        raise ValueError("an id has 1 to 64 signs a-z, 0-9 or -")
    return text


def _date(text: object) -> object:
    if isinstance(text, str) and (
        len(text) != 10 or text[4] + text[7] != "--" or not str(FIRST_DAY) <= text <= str(LAST_DAY)
    ):
        raise ValueError("write a date as YYYY-MM-DD, from 2000 to 2199")
    return text


Id = Annotated[str, AfterValidator(_id), WithJsonSchema({"type": "string", "pattern": "^[a-z0-9-]{1,64}$"})]
SiteId = Annotated[Id, Path(examples=["demo"], description="Id of the site")]
RoomId = Annotated[Id, Path(examples=["a101"], description="Id of the room")]
SiteQuery = Annotated[Id, Query(examples=["demo"], description="Site")]
Day = Annotated[date, BeforeValidator(_date)]
From = Annotated[Day, Query(alias="from", examples=["2026-11-16"], description="First local school date")]
To = Annotated[
    Day, Query(alias="to", examples=["2026-11-23"], description="Local school date after the last")
]


@dataclass(frozen=True, slots=True)
class Days:
    """A half-open range of local school dates."""

    start: date
    end: date

    def bounded(self, most: int) -> "Days":
        """This range, refused when longer than `most` days."""
        if (self.end - self.start).days > most:
            raise ProblemError(422, f"The range is longer than {most} days; ask for it in parts.")
        return self

    def ms(self, site: Site) -> tuple[int, int]:
        """[start, end) as Unix ms, cut at local midnights of the site."""
        return midnight_ms(self.start, site), midnight_ms(self.end, site)


def midnight_ms(day: date, site: Site) -> int:
    """Unix ms of a site's local midnight."""
    return int(datetime.combine(day, time(), tzinfo=ZoneInfo(site.tz)).timestamp() * 1000)


def today(context: Context, site: Site) -> date:
    """The local date of a site now."""
    return context.now().astimezone(ZoneInfo(site.tz)).date()


def now_ms(context: Context) -> int:
    return int(context.now().timestamp() * 1000)


def _days(start: From, end: To) -> Days:
    if end <= start:
        raise ProblemError(422, "'to' must be a later date than 'from': the range is half-open, [from, to).")
    return Days(start, end).bounded(MAX_DAYS)


DaysDep = Annotated[Days, Depends(_days)]


def week_of(day: date) -> Days:
    """Monday to Monday around a date."""
    monday = day - timedelta(days=day.weekday())
    return Days(monday, monday + timedelta(days=7))
