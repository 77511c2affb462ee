"""What the collector derives: intervals, facts and checkpoints of rooms, replaced range by range."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import date
from functools import cache
from itertools import pairwise
from typing import Any

from sqlalchemy import and_, delete, insert, select
from sqlalchemy.orm import Session

from campus.errors import NotFound
from campus.indicators import RoomFact
from campus.inference import Interval
from campus.records.derived_tables import CheckpointTable, DerivedTable, RoomFactTable, RoomIntervalTable
from campus.records.entities import Derivation
from campus.records.instants import EPOCH, from_ms, to_ms
from campus.records.tables import RoomTable
from campus.records.upsert import insert_or_replace

_DAY_MS = 86_400_000
_FACT = RoomFactTable.__table__.c
_INTERVAL = RoomIntervalTable.__table__.c
_CHECKPOINT = CheckpointTable.__table__.c
_INSTANTS = {"start": "start_ms", "end": "end_ms"}
_FACT_FIELDS = [_FACT[_INSTANTS.get(field.name, field.name)] for field in fields(RoomFact)]


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
    return list(_clipped(_touching(session, site, room, start_ms, end_ms), start_ms, end_ms))


def facts(session: Session, site: str, room: str | None, start: date, end: date) -> list[RoomFact]:
    # The rooms are named so that each is one scan of its own rows; a local date lies within a day of UTC's.
    rooms = [room] if room is not None else select(RoomTable.id).where(RoomTable.site == site)
    query = (
        select(*_FACT_FIELDS)
        .where(
            _FACT.site == site,
            _FACT.room.in_(rooms),
            _FACT.start_ms >= _midnight_ms(start) - _DAY_MS,
            _FACT.start_ms < _midnight_ms(end) + _DAY_MS,
            _FACT.date >= start,
            _FACT.date < end,
        )
        .order_by(_FACT.room, _FACT.start_ms)
    )
    # The rooms of a site share their slots: each instant is made once.
    instant = cache(from_ms)
    return [
        RoomFact(site, room, day, instant(start_ms), instant(end_ms), *rest)
        for site, room, day, start_ms, end_ms, *rest in session.connection().execute(query)
    ]


def store(session: Session, parts: Sequence[Derivation]) -> None:
    for part in parts:
        _check(part)
        _lock(session, part.site, part.room)
        _store_intervals(session, part)
        _store_facts(session, part)
        _store_checkpoints(session, part)
        insert_or_replace(
            session,
            DerivedTable,
            [{"site": part.site, "room": part.room, "through_ms": part.derived_through_ms}],
        )


def _check(part: Derivation) -> None:
    if part.start_ms > part.end_ms:
        raise ValueError(f"a range that ends before it starts: [{part.start_ms}, {part.end_ms})")
    for interval in part.intervals:
        if interval.start_ms >= interval.end_ms:
            raise ValueError(f"an empty interval: {interval}")
    for before, after in pairwise(part.intervals):
        if after.start_ms < before.end_ms:
            raise ValueError(f"intervals overlap or are not ascending: {before}, {after}")
    for fact in part.facts:
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


def _touching(session: Session, site: str, room: str, start_ms: int, end_ms: int) -> list[Interval]:
    """Stored intervals that overlap or touch [start_ms, end_ms], ascending."""
    of_room = and_(_INTERVAL.site == site, _INTERVAL.room == room)
    # They never overlap, so only the last one before the range can reach into it.
    before = (
        select(_INTERVAL.start_ms)
        .where(of_room, _INTERVAL.start_ms < start_ms)
        .order_by(_INTERVAL.start_ms.desc())
        .limit(1)
    )
    first = session.connection().execute(before).scalar()
    query = (
        select(_INTERVAL.start_ms, _INTERVAL.end_ms, _INTERVAL.state)
        .where(
            of_room,
            _INTERVAL.start_ms >= (start_ms if first is None else first),
            _INTERVAL.start_ms <= end_ms,
        )
        .order_by(_INTERVAL.start_ms)
    )
    found = [Interval(*row) for row in session.connection().execute(query)]
    return [interval for interval in found if interval.end_ms >= start_ms]


def _clipped(spans: Iterable[Interval], start_ms: int, end_ms: int) -> Iterable[Interval]:
    for span in spans:
        start, end = max(span.start_ms, start_ms), min(span.end_ms, end_ms)
        if start < end:
            yield Interval(start, end, span.state)


def _merged(spans: Iterable[Interval]) -> list[Interval]:
    merged: list[Interval] = []
    for span in spans:
        if merged and merged[-1].end_ms == span.start_ms and merged[-1].state == span.state:
            merged[-1] = merged[-1]._replace(end_ms=span.end_ms)
        else:
            merged.append(span)
    return merged


def _store_intervals(session: Session, part: Derivation) -> None:
    if part.start_ms == part.end_ms:
        return
    old = _touching(session, part.site, part.room, part.start_ms, part.end_ms)
    first = min((span.start_ms for span in old), default=part.start_ms)
    last = max((span.end_ms for span in old), default=part.end_ms)
    new = _merged(
        [
            *_clipped(old, first, part.start_ms),
            *_clipped(part.intervals, part.start_ms, part.end_ms),
            *_clipped(old, part.end_ms, last),
        ]
    )
    if old:
        session.connection().execute(
            delete(RoomIntervalTable).where(
                _INTERVAL.site == part.site,
                _INTERVAL.room == part.room,
                _INTERVAL.start_ms >= old[0].start_ms,
                _INTERVAL.start_ms <= old[-1].start_ms,
            )
        )
    if new:
        rows = [{"site": part.site, "room": part.room, **span._asdict()} for span in new]
        session.connection().execute(insert(RoomIntervalTable), rows)


def _store_facts(session: Session, part: Derivation) -> None:
    session.connection().execute(
        delete(RoomFactTable).where(
            _FACT.site == part.site,
            _FACT.room == part.room,
            _FACT.start_ms >= part.start_ms,
            _FACT.start_ms < part.end_ms,
        )
    )
    # A slot that began before the range and ended inside it has its fact replaced, not repeated.
    insert_or_replace(session, RoomFactTable, [_fact_row(fact) for fact in part.facts])


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


def _fact_row(fact: RoomFact) -> dict[str, Any]:
    values = (getattr(fact, field.name) for field in fields(RoomFact))
    row = dict(zip((column.name for column in _FACT_FIELDS), values, strict=True))
    return row | {"start_ms": to_ms(fact.start), "end_ms": to_ms(fact.end)}


def _midnight_ms(day: date) -> int:
    return (day - EPOCH.date()).days * _DAY_MS
