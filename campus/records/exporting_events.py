"""The rows of what happened: what was done with equipment, facts, connectivity, months, the audit log."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Select, and_, or_, select

from campus.indicators.sums import LinkSums
from campus.inference import ROOM
from campus.records import stocktaking, sums
from campus.records.derived_tables import (
    AmendmentTable,
    EquipmentFactTable,
    IncidentTable,
    MonthTable,
    RoomFactTable,
)
from campus.records.exporting_rows import Asked, Stored, on, since, table
from campus.records.instants import to_ms
from campus.records.people_tables import AuditTable
from campus.records.register_tables import LoanTable, StockItemTable, StocktakingTable, UpkeepTable
from campus.records.tables import EquipmentTable, RoomTable
from campus.table_files import Column

_OF_LOANS = (
    "number equipment quantity borrower out_ms due_on back_ms used_on session period lesson school_class subject_group "
    "condition_back note lent_by taken_back_by"
)
_OF_UPKEEP = "number equipment kind down opened_ms opened_by symptom closed_ms closed_by cause work cost_vnd"
_OF_ROOM_FACTS = (
    "site room date start_ms end_ms kind session period school_class subject subject_group slot_minutes valid_minutes "
    "occupied_minutes outcome"
)
_OF_PIECE_FACTS = (
    "equipment room date start_ms end_ms kind session period school_class slot_minutes valid_minutes on_minutes "
    "standby_minutes energy_minutes energy_wh idle_minutes idle_wh"
)
_DAY = timedelta(days=1)
_ITEM, _TAKING = StockItemTable, StocktakingTable
_LINK = sums.TABLES[LinkSums].__table__.c


def _loan(row: Any, asked: Asked) -> Sequence[Any]:
    status = "returned" if row.back_ms is not None else "overdue" if row.due_on < asked.today else "lent"
    return [*row, status]


def _items(asked: Asked) -> Select[Any]:
    piece = and_(EquipmentTable.site == _TAKING.site, EquipmentTable.id == _ITEM.equipment)
    found: Any = (
        select(_TAKING.room, _ITEM, EquipmentTable)
        .join(_TAKING, _TAKING.number == _ITEM.stocktaking)
        .outerjoin(EquipmentTable, piece)
        .where(_TAKING.site == asked.site.id, *since("opened_ms")(_TAKING.__table__.c, asked))
    )
    return found.order_by(_ITEM.stocktaking, _ITEM.code)


def _item(row: Any, _: Asked) -> Sequence[Any]:
    room, item, piece = row
    told = stocktaking.told(item, piece)
    return [
        item.stocktaking, room, told.code, told.equipment, told.name, told.state, told.recorded_room, item.found_ms,
        told.found_by, told.condition, told.recorded_condition, told.counted, told.quantity,
    ]  # fmt: skip


def _of_dates(held: Any, asked: Asked) -> Sequence[Any]:
    """Facts of a range: of each room one scan of its own rows; a local date lies within a day of UTC's."""
    if asked.start is None and asked.end is None:
        return ()
    told: list[Any] = [held.room.in_(select(RoomTable.id).where(RoomTable.site == asked.site.id))]
    if asked.start is not None:
        told += [held.start_ms >= _utc_ms(asked.start) - 86_400_000, held.date >= asked.start]
    if asked.end is not None:
        told += [held.start_ms < _utc_ms(asked.end) + 86_400_000, held.date < asked.end]
    return told


def _utc_ms(day: date) -> int:
    return to_ms(datetime.combine(day, time(), UTC))


def _room_fact(row: Any, _: Asked) -> Sequence[Any]:
    return [*row, row.valid_minutes / row.slot_minutes if row.slot_minutes else 0.0]


def _links(asked: Asked) -> Select[Any]:
    found = select(_LINK.start, _LINK.kind, _LINK.id, *(_LINK[name] for name in LinkSums.names())).where(
        _LINK.site == asked.site.id,
        _LINK.span == sums.DAY,
        _LINK.subject_group == sums.TOTAL,
        *on("start")(_LINK, asked),
    )
    return found.order_by(_LINK.start, _LINK.kind, _LINK.id)


def _incident_range(held: Any, asked: Asked) -> Sequence[Any]:
    """Those that reach into the range; one without length belongs to the moment at which it began."""
    start_ms = asked.start_ms
    told = [held.start_ms < asked.end_ms] if asked.end_ms is not None else []
    if start_ms is not None:
        told.append(or_(held.end_ms.is_(None), held.end_ms > start_ms, held.start_ms >= start_ms))
    return told


def _amendment(row: Any, asked: Asked) -> Sequence[Any]:
    """The sums of one day of a room tell about that day's lessons."""
    made = _AMENDED.made
    values = list(row) if made is None else list(made(row, asked))
    return values if asked.periods or row.kind != ROOM else [*values[:-2], "{}", "{}"]


def _audited(row: Any, _: Asked) -> Sequence[Any]:
    """`before` and `after` are the very texts of which the hash is made; "null" is nothing."""
    return [
        None if name in ("before", "after") and value == "null" else value
        for name, value in row._mapping.items()
    ]


_LOG = table(
    AuditTable, "number at_ms who from_where what kind site id before after hash", since("at_ms"), at_ms="at"
)
_SLIPS = table(LoanTable, _OF_LOANS, since("out_ms"))
_ROOM_FACTS = table(RoomFactTable, _OF_ROOM_FACTS, _of_dates, start_ms="start", end_ms="end")
_AMENDED = table(AmendmentTable, "number month at_ms kind id date before after", on("date"), at_ms="at")

EVENTS = {
    "loans": Stored((*_SLIPS.columns, Column("status")), _SLIPS.query, True, _loan),
    "upkeep": table(UpkeepTable, _OF_UPKEEP, since("opened_ms")),
    "stocktakings": table(
        StocktakingTable, "number room opened_ms opened_by closed_ms closed_by", since("opened_ms")
    ),
    "stocktaking-items": Stored(
        (
            Column("stocktaking", "integer"), Column("room"), Column("code"), Column("equipment"), Column("name"),
            Column("state"), Column("recorded_room"), Column("found_at", "instant"), Column("found_by"),
            Column("condition"), Column("recorded_condition"), Column("counted", "integer"),
            Column("quantity", "integer"),
        ),
        _items,
        True,
        _item,
    ),
    "facts": Stored((*_ROOM_FACTS.columns, Column("coverage", "number")), _ROOM_FACTS.query, True, _room_fact),
    "equipment-facts": table(EquipmentFactTable, _OF_PIECE_FACTS, _of_dates, start_ms="start", end_ms="end"),
    "link-days": Stored(
        (
            Column("date", "date"), Column("kind"), Column("id"),
            *(Column(name, "integer") for name in LinkSums.names()),
        ),
        _links,
        True,
    ),
    "incidents": table(IncidentTable, "number cause start_ms end_ms boards evidence", _incident_range),
    "months": table(MonthTable, "start closed_at_ms closed_by calendar_version", on("start"), closed_at_ms="closed_at"),
    "amendments": Stored(_AMENDED.columns, _AMENDED.query, True, _amendment),
    "audit": Stored(_LOG.columns, _LOG.query, True, _audited),
}  # fmt: skip
