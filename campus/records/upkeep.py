"""Maintenance and incidents of equipment: what was wrong, since when, what was done and what it cost."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, StrictBool, ValidationError
from sqlalchemy import insert, or_, select
from sqlalchemy.orm import Session

from campus.errors import NotFound, UsageError
from campus.indicators.upkeep import Outage, UpkeepSums, sums
from campus.records import places, register
from campus.records.history import UPKEEP
from campus.records.instants import from_ms, from_ms_or_none, to_ms
from campus.records.inventory import first_error
from campus.records.inventory_fields import Instant, Label, Note, Row
from campus.records.paging import Page, paged
from campus.records.register import Conflict
from campus.records.register_tables import UpkeepTable
from campus.records.tables import EquipmentTable

MAINTENANCE, INCIDENT = "maintenance", "incident"
KINDS = (MAINTENANCE, INCIDENT)
_NAMED = 40  # ids: of more, all pieces are read and the others left out
Condition = Literal["good", "worn", "broken", "under-repair"]


class UpkeepOpening(Row):
    """What begins: `down`, the piece cannot be used meanwhile; of an incident unless told. `condition` as it is now."""

    kind: Literal["maintenance", "incident"]
    symptom: Label
    down: StrictBool | None = None
    opened_at: Instant | None = None
    condition: Condition | None = None


class UpkeepClosing(Row):
    """What ended it, with its cause, the work and its cost. `condition` as it is now."""

    cause: Label | None = None
    work: Note | None = None
    cost_vnd: Annotated[int, Field(ge=0, le=10**13, strict=True)] | None = None
    closed_at: Instant | None = None
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class Upkeep:
    """One maintenance or incident; `closed_at` None: it goes on."""

    number: int
    site: str
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


def parse(kind: type[Row], values: Any) -> Any:
    """Raises UsageError naming the first wrong field."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise UsageError(first_error(error)) from None


def begin(
    session: Session, site: str, equipment: str, opening: UpkeepOpening, by: str, now: datetime
) -> Upkeep:
    register.lock(session, site)
    today = register.local_date(session, site, now)
    register.one(session, site, equipment, today)
    opened_at = opening.opened_at or now
    if opened_at > now:
        raise UsageError(f"opened_at: {opened_at.isoformat()} is in the future.")
    if opening.condition is not None:
        register.change(session, site, equipment, {"condition": opening.condition}, by, now, how=UPKEEP)
    values = {
        "site": site,
        "equipment": equipment,
        "kind": opening.kind,
        "down": opening.kind == INCIDENT if opening.down is None else opening.down,
        "opened_ms": to_ms(opened_at),
        "opened_by": by[:120],
        "symptom": opening.symptom,
    }
    number = session.connection().execute(insert(UpkeepTable).values(values)).inserted_primary_key
    return _upkeep(_row(session, site, number[0] if number else 0))


def end(session: Session, site: str, number: int, closing: UpkeepClosing, by: str, now: datetime) -> Upkeep:
    """Raises Conflict if it is closed already."""
    register.lock(session, site)
    row = _row(session, site, number)
    if row.closed_ms is not None:
        raise Conflict(f"Upkeep {number} is closed already, since {from_ms(row.closed_ms).isoformat()}.")
    closed_ms = to_ms(closing.closed_at or now)
    if not row.opened_ms <= closed_ms <= to_ms(now):
        raise UsageError(
            f"closed_at: {from_ms(closed_ms).isoformat()} is not between its begin, "
            f"{from_ms(row.opened_ms).isoformat()}, and now."
        )
    if closing.condition is not None:
        register.change(session, site, row.equipment, {"condition": closing.condition}, by, now, how=UPKEEP)
    row.closed_ms, row.closed_by = closed_ms, by[:120]
    row.cause, row.work, row.cost_vnd = closing.cause, closing.work, closing.cost_vnd
    session.flush()
    return _upkeep(row)


def one(session: Session, site: str, number: int) -> Upkeep:
    """Raises NotFound."""
    return _upkeep(_row(session, site, number))


def listed(
    session: Session,
    site: str,
    *,
    equipment: str | None = None,
    kind: str | None = None,
    is_open: bool | None = None,
    page: Page | None = None,
) -> list[Upkeep]:
    """The newest first, or a page."""
    places.site(session, site)
    table = UpkeepTable
    query = select(table).where(table.site == site).order_by(table.number.desc())
    if equipment is not None:
        query = query.where(table.equipment == equipment)
    if is_open is not None:
        query = query.where(table.closed_ms.is_(None) if is_open else table.closed_ms.is_not(None))
    if kind is not None:
        query = query.where(table.kind == kind)
    if page is not None:
        query = paged(query, page, table, ("number",), {"opened_at": "opened_ms", "closed_at": "closed_ms"})
    return [_upkeep(row) for row in session.scalars(query)]


def summed(
    session: Session, site: str, start: date, end: date, ids: Iterable[str] | None, now: datetime
) -> dict[str, UpkeepSums]:
    """equipment -> sums over the local dates [start, end), up to now; of pieces that have a date in service."""
    zone = ZoneInfo(places.site(session, site).tz)

    @cache  # many pieces came on the same date
    def midnight(day: date) -> int:
        return to_ms(datetime.combine(day, time(), zone))

    first, last = midnight(start), min(midnight(end), to_ms(now))
    table, record = UpkeepTable, EquipmentTable
    query = select(table.equipment, table.opened_ms, table.closed_ms, table.down).where(
        table.site == site,
        table.kind == INCIDENT,
        table.opened_ms < last,
        or_(table.closed_ms.is_(None), table.closed_ms > first),
    )
    pieces = select(record.id, record.in_service_on, record.retired_on).where(record.site == site)
    wanted = None if ids is None else set(ids)
    if wanted is not None and len(wanted) <= _NAMED:
        query, pieces = query.where(table.equipment.in_(wanted)), pieces.where(record.id.in_(wanted))
    outages: dict[str, list[Outage]] = {}
    for equipment, opened_ms, closed_ms, is_down in session.execute(query):
        outages.setdefault(equipment, []).append(Outage(opened_ms, closed_ms, is_down))
    found = {}
    for piece in session.execute(pieces):
        if piece.in_service_on is None or (wanted is not None and piece.id not in wanted):
            continue
        since = max(first, midnight(piece.in_service_on))
        until = last if piece.retired_on is None else min(last, midnight(piece.retired_on))
        if since < until:
            found[piece.id] = sums(outages.get(piece.id, ()), since, until)
    return found


def _row(session: Session, site: str, number: int) -> UpkeepTable:
    row = session.get(UpkeepTable, number) if 0 < number < 2**31 else None
    if row is None or row.site != site:
        places.site(session, site)
        raise NotFound(f"There is no upkeep {number} in site '{site}'.")
    return row


def _upkeep(row: UpkeepTable) -> Upkeep:
    return Upkeep(
        row.number,
        row.site,
        row.equipment,
        row.kind,
        row.down,
        from_ms(row.opened_ms),
        row.opened_by,
        row.symptom,
        from_ms_or_none(row.closed_ms),
        row.closed_by,
        row.cause,
        row.work,
        row.cost_vnd,
    )
