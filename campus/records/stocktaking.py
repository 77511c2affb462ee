"""Stocktaking, room by room: what should be there, what is found by scanning labels, and what differs."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from campus.errors import NotFound, UsageError
from campus.records import places, register
from campus.records.entities import CONDITIONS
from campus.records.history import STOCKTAKING
from campus.records.instants import from_ms, from_ms_or_none, to_ms
from campus.records.paging import Page, paged
from campus.records.register import Conflict
from campus.records.register_tables import StockItemTable, StocktakingTable
from campus.records.tables import EquipmentTable

FOUND, MISSING, UNEXPECTED, UNKNOWN = "found", "missing", "unexpected", "unknown"
STATES = (FOUND, MISSING, UNEXPECTED, UNKNOWN)
MOST_CODES = 5000  # of one stocktaking


@dataclass(frozen=True, slots=True)
class StockItem:
    """`state`: FOUND as expected, MISSING, UNEXPECTED (recorded in `recorded_room`), UNKNOWN (no record has the code).

    `counted` of `quantity` were there; None: nobody counted, so all were.
    """

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


@dataclass(frozen=True, slots=True)
class Stocktaking:
    """A stocktaking with its difference report: `items` by code. Open while `closed_at` is None."""

    number: int
    site: str
    room: str
    opened_at: datetime
    opened_by: str
    closed_at: datetime | None
    closed_by: str | None
    items: tuple[StockItem, ...]

    def of(self, state: str) -> tuple[StockItem, ...]:
        return tuple(item for item in self.items if item.state == state)


def begin(session: Session, site: str, room: str, by: str, now: datetime) -> Stocktaking:
    """Expect what is recorded in the room and not retired. Raises Conflict while one of the room is open."""
    register.lock(session, site)
    places.room(session, site, room)
    table = StocktakingTable
    is_open = select(table).where(table.site == site, table.room == room, table.closed_ms.is_(None))
    if (other := session.scalars(is_open).first()) is not None:
        raise Conflict(f"Stocktaking {other.number} of room '{room}' is open; go on with it, or close it.")
    values = {"site": site, "room": room, "opened_ms": to_ms(now), "opened_by": by[:120]}
    made = session.connection().execute(insert(table).values(values)).inserted_primary_key
    number = made[0] if made else 0
    expected = register.listed(session, site, register.local_date(session, site, now), room=room)
    rows = [
        {
            "stocktaking": number,
            "code": piece.code,
            "equipment": piece.id,
            "expected": True,
            "recorded_room": room,
        }
        for piece in expected
    ]
    if rows:
        session.connection().execute(insert(StockItemTable), rows)
    return one(session, site, number)


def scan(
    session: Session,
    site: str,
    number: int,
    code: str,
    by: str,
    now: datetime,
    condition: str | None = None,
    counted: int | None = None,
) -> StockItem:
    """Note that a label was seen; the same again tells anew. Raises Conflict if the stocktaking is closed."""
    register.lock(session, site)
    row = _open(session, site, number)
    code = unicodedata.normalize("NFC", code.strip())
    if not code or len(code) > 64 or not code.isprintable():
        raise UsageError("code: a label has 1 to 64 printable characters.")
    if condition is not None and condition not in CONDITIONS:
        raise UsageError(f"condition: '{places.shown(condition)}' is not one of {', '.join(CONDITIONS)}.")
    piece = register.with_code(session, site, code)
    if counted is not None and not 0 <= counted <= (piece.quantity if piece else 100_000):
        most = piece.quantity if piece else 100_000
        raise UsageError(f"counted: {counted} is not from 0 to {most}, as many as are recorded.")
    item = _item(session, row.number, piece, code)
    if item is None:
        held = select(StockItemTable.code).where(StockItemTable.stocktaking == row.number)
        if len(session.scalars(held).all()) >= MOST_CODES:
            raise Conflict(f"Stocktaking {number} has {MOST_CODES} codes already; close it.")
        item = StockItemTable(stocktaking=row.number, code=code, expected=False)
        item.equipment = piece.id if piece else None
        item.recorded_room = piece.room if piece else None
        session.add(item)
    item.found_ms, item.found_by = to_ms(now), by[:120]
    item.condition, item.counted = condition, counted
    session.flush()
    return told(item, piece)


def close(
    session: Session, site: str, number: int, by: str, now: datetime, move: bool = False
) -> Stocktaking:
    """Set `verified_on` and the condition of what was found; `move`: what was unexpected now belongs to this room.

    What was missing stays as it is recorded, and is verified the less.
    """
    register.lock(session, site)
    row = _open(session, site, number)
    today = register.local_date(session, site, now)
    seen: dict[str, dict[str, Any]] = {}
    for item in session.scalars(select(StockItemTable).where(StockItemTable.stocktaking == row.number)).all():
        if item.found_ms is None or item.equipment is None or item.counted == 0:
            continue
        changes: dict[str, Any] = {"verified_on": today}
        if item.condition is not None:
            changes["condition"] = item.condition
        if move and not item.expected:
            changes["room"] = row.room
        seen[item.equipment] = changes
    register.note_seen(session, site, seen, by, now, STOCKTAKING)
    row.closed_ms, row.closed_by = to_ms(now), by[:120]
    session.flush()
    return one(session, site, number)


def one(session: Session, site: str, number: int) -> Stocktaking:
    """Raises NotFound."""
    return _stocktaking(session, _row(session, site, number))


def listed(
    session: Session,
    site: str,
    room: str | None = None,
    is_open: bool | None = None,
    page: Page | None = None,
) -> list[Stocktaking]:
    """The newest first, or a page; without their items, which `one` reads."""
    places.site(session, site)
    table = StocktakingTable
    query = select(table).where(table.site == site).order_by(table.number.desc())
    if room is not None:
        query = query.where(table.room == room)
    if is_open is not None:
        query = query.where(table.closed_ms.is_(None) if is_open else table.closed_ms.is_not(None))
    if page is not None:
        query = paged(query, page, table, ("number",), {"opened_at": "opened_ms", "closed_at": "closed_ms"})
    return [_head(row) for row in session.scalars(query)]


def _row(session: Session, site: str, number: int) -> StocktakingTable:
    row = session.get(StocktakingTable, number) if 0 < number < 2**31 else None
    if row is None or row.site != site:
        places.site(session, site)
        raise NotFound(f"There is no stocktaking {number} in site '{site}'.")
    return row


def _open(session: Session, site: str, number: int) -> StocktakingTable:
    row = _row(session, site, number)
    if row.closed_ms is not None:
        raise Conflict(f"Stocktaking {number} is closed, since {from_ms(row.closed_ms).isoformat()}.")
    return row


def _item(session: Session, number: int, piece: EquipmentTable | None, code: str) -> StockItemTable | None:
    """The item of a code, or of the piece by whichever of its codes it came in."""
    item = session.get(StockItemTable, (number, code))
    if item is None and piece is not None:
        table = StockItemTable
        query = select(table).where(table.stocktaking == number, table.equipment == piece.id)
        item = session.scalars(query).first()
    return item


def _stocktaking(session: Session, row: StocktakingTable) -> Stocktaking:
    items = select(StockItemTable).where(StockItemTable.stocktaking == row.number)
    found = session.scalars(items.order_by(StockItemTable.code)).all()
    ids = [item.equipment for item in found if item.equipment is not None]
    table, pieces = EquipmentTable, {}
    for start in range(0, len(ids), 500):
        query = select(table).where(table.site == row.site, table.id.in_(ids[start : start + 500]))
        pieces.update({piece.id: piece for piece in session.scalars(query)})
    return _head(row, tuple(told(item, pieces.get(item.equipment or "")) for item in found))


def _head(row: StocktakingTable, items: tuple[StockItem, ...] = ()) -> Stocktaking:
    return Stocktaking(
        row.number,
        row.site,
        row.room,
        from_ms(row.opened_ms),
        row.opened_by,
        from_ms_or_none(row.closed_ms),
        row.closed_by,
        items,
    )


def told(item: StockItemTable, piece: EquipmentTable | None) -> StockItem:
    """An item as a report shows it, beside the record of its piece."""
    if item.equipment is None:
        state = UNKNOWN
    elif item.found_ms is None or item.counted == 0:
        state = MISSING
    else:
        state = FOUND if item.expected else UNEXPECTED
    return StockItem(
        item.code,
        item.equipment,
        piece.name if piece else None,
        state,
        item.recorded_room,
        from_ms_or_none(item.found_ms),
        item.found_by,
        item.condition,
        piece.condition if piece else None,
        item.counted,
        piece.quantity if piece else None,
    )
