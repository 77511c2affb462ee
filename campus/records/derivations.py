"""What the collector derives: intervals, facts, calibrations and checkpoints of rooms, replaced range by range."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from campus.errors import NotFound
from campus.indicators import EquipmentFact, RoomFact
from campus.indicators.sums import EquipmentSums, RoomSums
from campus.inference import EQUIPMENT, ROOM, Interval, Stretch
from campus.records import dirty, equipped, facts, lessons, months, spans, sums
from campus.records.derived_tables import (
    CalibrationTable,
    CheckpointTable,
    DerivedTable,
    RoomIntervalTable,
    StretchTable,
)
from campus.records.entities import Calibration, Derivation
from campus.records.tables import RoomTable
from campus.records.upsert import insert_or_keep, insert_or_replace

_CHECKPOINT = CheckpointTable.__table__.c
_CALIBRATION = CalibrationTable.__table__.c
_STRETCH = StretchTable.__table__.c


def through(session: Session, site: str, room: str) -> int | None:
    return session.scalar(
        select(DerivedTable.through_ms).where(DerivedTable.site == site, DerivedTable.room == room)
    )


def checkpoint(session: Session, site: str, room: str, before_ms: int) -> tuple[int, dict[str, Any]] | None:
    query = (
        select(_CHECKPOINT.at_ms, _CHECKPOINT.state)
        .where(_CHECKPOINT.site == site, _CHECKPOINT.room == room, _CHECKPOINT.at_ms <= before_ms)
        .order_by(_CHECKPOINT.at_ms.desc())
        .limit(1)
    )
    row = session.execute(query).first()
    return None if row is None else (row.at_ms, row.state)


def intervals(session: Session, site: str, room: str, start_ms: int, end_ms: int) -> list[Interval]:
    return spans.read(session, RoomIntervalTable, {"site": site, "room": room}, Interval, start_ms, end_ms)


def stretches(
    session: Session, site: str, kind: str, id: str, aspect: str, start_ms: int, end_ms: int
) -> list[Stretch]:
    key = {"site": site, "kind": kind, "id": id, "aspect": aspect}
    return spans.read(session, StretchTable, key, Stretch, start_ms, end_ms)


def put_stretches(
    session: Session,
    site: str,
    kind: str,
    id: str,
    aspect: str,
    start_ms: int,
    end_ms: int,
    given: Sequence[Stretch],
) -> None:
    spans.check(given)
    key = {"site": site, "kind": kind, "id": id, "aspect": aspect}
    spans.replace(session, StretchTable, key, Stretch, start_ms, end_ms, given)


def calibrations(
    session: Session, site: str, kind: str, ids: Sequence[str], start_ms: int, end_ms: int
) -> list[Calibration]:
    """Those issued in [start_ms, end_ms) and, of each thing, the last one before; by thing and time."""
    found = []
    for id in ids:
        of_thing = (_CALIBRATION.site == site, _CALIBRATION.kind == kind, _CALIBRATION.id == id)
        before = (
            select(_CALIBRATION.issued_at_ms)
            .where(*of_thing, _CALIBRATION.issued_at_ms < start_ms)
            .order_by(_CALIBRATION.issued_at_ms.desc())
            .limit(1)
        )
        first = session.connection().execute(before).scalar()
        query = (
            select(_CALIBRATION.issued_at_ms, _CALIBRATION.learned)
            .where(
                *of_thing,
                _CALIBRATION.issued_at_ms >= (start_ms if first is None else first),
                _CALIBRATION.issued_at_ms < end_ms,
            )
            .order_by(_CALIBRATION.issued_at_ms)
        )
        found += [Calibration(kind, id, *row) for row in session.connection().execute(query)]
    return found


def store(session: Session, parts: Sequence[Derivation], at: datetime) -> None:
    for part in parts:
        _check(part)
        _lock(session, part.site, part.room)
        key = {"site": part.site, "room": part.room}
        spans.replace(session, RoomIntervalTable, key, Interval, part.start_ms, part.end_ms, part.intervals)
        for (kind, id, aspect), given in part.stretches.items():
            put_stretches(session, part.site, kind, id, aspect, part.start_ms, part.end_ms, given)
        _store_facts(session, part, at)
        _store_checkpoints(session, part)
        for one in part.calibrations:
            row = {"site": part.site, "kind": one.kind, "id": one.id, "issued_at_ms": one.issued_at_ms}
            insert_or_keep(session, CalibrationTable, row | {"learned": dict(one.learned)})
        dirty.settle(session, part.settled)
        insert_or_replace(session, DerivedTable, [key | {"through_ms": part.derived_through_ms}])


def restate(
    session: Session,
    site: str,
    room: str,
    start_ms: int,
    end_ms: int,
    room_facts: Sequence[RoomFact],
    equipment_facts: Sequence[EquipmentFact],
    settled: Sequence[int],
    at: datetime,
) -> None:
    part = Derivation(site, room, start_ms, end_ms, (), room_facts, (), 0, equipment_facts=equipment_facts)
    _check(part)
    _lock(session, site, room)
    _store_facts(session, part, at)
    dirty.settle(session, settled)


def _check(part: Derivation) -> None:
    if part.start_ms > part.end_ms:
        raise ValueError(f"a range that ends before it starts: [{part.start_ms}, {part.end_ms})")
    spans.check(part.intervals)
    every: list[RoomFact | EquipmentFact] = [*part.facts, *part.equipment_facts]
    for fact in every:
        if (fact.site, fact.room) != (part.site, part.room):
            raise ValueError(f"a fact of {fact.site}/{fact.room} among those of {part.site}/{part.room}")


def _lock(session: Session, site: str, room: str) -> None:
    """One writer per room: intervals are read, merged and written back."""
    query = (
        select(RoomTable.id)
        .where(RoomTable.site == site, RoomTable.id == room)
        .with_for_update(key_share=True)
    )
    if session.connection().execute(query).first() is None:
        raise NotFound(f"There is no room '{room}' in site '{site}' to store intervals and facts for.")


def _store_facts(session: Session, part: Derivation, at: datetime) -> None:
    """The facts, and what is kept beside them: the sums of their days and months, the lessons of their days."""
    site, room, span = part.site, part.room, (part.start_ms, part.end_ms)
    if days := facts.replace(session, RoomFact, site, room, *span, part.facts):
        others = facts.beside(session, RoomFact, site, room, *span, part.facts, days)
        held = _by_day([*others, *facts.distinct(part.facts)])
        lessons.store(session, site, room, {day: held.get(day, ()) for day in days})
        new = {room: {day: sums.of_room(held.get(day, ())) for day in days}}
        months.amend(session, site, ROOM, sums.store_days(session, site, ROOM, RoomSums, new), at)
    before = facts.equipment_by_day(session, site, room, *span)
    if days := facts.replace(session, EquipmentFact, site, room, *span, part.equipment_facts):
        equipped.refresh(session, site, room, days)
        touched = {(piece, day) for day, pieces in before.items() for piece in pieces}
        touched |= {(fact.equipment, fact.date) for fact in part.equipment_facts}
        pieces = sorted({piece for piece, _ in touched})
        elsewhere = facts.beside(
            session, EquipmentFact, site, room, *span, part.equipment_facts, days, pieces
        )
        of_piece: dict[str, list[EquipmentFact]] = {piece: [] for piece in pieces}
        for fact in (*elsewhere, *facts.distinct(part.equipment_facts)):
            of_piece.setdefault(fact.equipment, []).append(fact)
        renewed: dict[str, dict[date, dict[str, EquipmentSums]]] = {}
        for piece in pieces:
            by_day = _by_day(of_piece[piece])
            renewed[piece] = {
                day: sums.of_equipment(by_day.get(day, ())) for day in days if (piece, day) in touched
            }
        changes = sums.store_days(session, site, EQUIPMENT, EquipmentSums, renewed)
        months.amend(session, site, EQUIPMENT, changes, at)


def _by_day(found: Iterable[facts.Fact]) -> dict[date, list[facts.Fact]]:
    by_day: dict[date, list[facts.Fact]] = {}
    for fact in found:
        by_day.setdefault(fact.date, []).append(fact)
    return by_day


def _store_checkpoints(session: Session, part: Derivation) -> None:
    connection = session.connection()
    connection.execute(
        delete(CheckpointTable).where(
            _CHECKPOINT.site == part.site,
            _CHECKPOINT.room == part.room,
            _CHECKPOINT.at_ms > part.start_ms,
            _CHECKPOINT.at_ms <= part.end_ms,
        )
    )
    rows = [
        {"site": part.site, "room": part.room, "at_ms": at_ms, "state": dict(state)}
        for at_ms, state in part.checkpoints
    ]
    insert_or_replace(session, CheckpointTable, rows)
