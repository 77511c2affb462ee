"""Connectivity of boards: their states as heard, their starts, and sums of days."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, delete, func, select, update
from sqlalchemy.orm import Session

from campus.indicators import LinkDay
from campus.indicators.sums import LinkSums
from campus.inference import AVAILABILITY, BOARD, LOST, ONLINE, UNKNOWN, Stretch
from campus.inference.connectivity import joined
from campus.records import months, spans, sums
from campus.records.derived_tables import (
    BoardLinkTable,
    BoardStartTable,
    IncidentTable,
    StretchTable,
)
from campus.records.upsert import insert_or_replace

SERVICE, COLLECTOR = "service", "collector"
"""Kind and id of the stretches in which our own collector listened; between them nobody did."""
BoardKey = tuple[str, str]
"""(site, board)."""
Thing = tuple[str, str, date]
"""(kind, id, local date) of a LinkDay."""

_FOREVER_MS = 2**62
_STRETCH = StretchTable.__table__.c
_START = BoardStartTable.__table__.c
_INCIDENT = IncidentTable.__table__.c
_DAY = sums.TABLES[LinkSums].__table__.c


class Followed(NamedTuple):
    """A board as it is followed: its state since when, as known until when, how long it may be silent, and all that
    counts from there on."""

    current: str
    since_ms: int | None
    until_ms: int | None
    limit_ms: int
    state: Mapping[str, Any]


class BoardStart(NamedTuple):
    """A birth: when it was heard, of which boot, why it started, at which access point. None: it did not say."""

    at_ms: int
    boot: str
    reset_cause: str | None = None
    access_point: str | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What one turn has to store. `listened`: [start, end), of which a later end replaces that of the same start.

    `finished`: stretches that are over, in no one's way. `followed` stands for what goes on.
    """

    sites: Sequence[str]
    listened: Sequence[tuple[int, int]]
    finished: Mapping[BoardKey, Sequence[Stretch]] = field(default_factory=dict)
    followed: Mapping[BoardKey, Followed] = field(default_factory=dict)
    starts: Sequence[tuple[BoardKey, BoardStart]] = ()


def store(session: Session, heard: Heard) -> None:
    listened = [
        _row(site, SERVICE, COLLECTOR, Stretch(*span, ONLINE))
        for site in heard.sites
        for span in heard.listened
    ]
    finished = [
        _row(site, BOARD, board, one) for (site, board), each in heard.finished.items() for one in each
    ]
    insert_or_replace(session, StretchTable, [*listened, *finished])
    followed = [
        {"site": site, "board": board, "state": one._asdict() | {"state": dict(one.state)}}
        for (site, board), one in heard.followed.items()
    ]
    insert_or_replace(session, BoardLinkTable, followed)
    starts = [{"site": site, "board": board, **one._asdict()} for (site, board), one in heard.starts]
    insert_or_replace(session, BoardStartTable, starts)


def _row(site: str, kind: str, id: str, one: Stretch) -> dict[str, Any]:
    return {"site": site, "kind": kind, "id": id, "aspect": AVAILABILITY, **one._asdict()}


def followed(session: Session, site: str | None = None) -> dict[BoardKey, Followed]:
    query = select(BoardLinkTable)
    if site is not None:
        query = query.where(BoardLinkTable.site == site)
    return {(row.site, row.board): Followed(**row.state) for row in session.scalars(query)}


def listened(session: Session, site: str, start_ms: int, end_ms: int) -> list[tuple[int, int]]:
    """When our collector listened, whole, of all that reaches into [start_ms, end_ms)."""
    found = _reaching(session, site, SERVICE, COLLECTOR, start_ms)
    return [(one.start_ms, one.end_ms) for one in found if one.start_ms < end_ms]


def listened_until(session: Session, site: str) -> int | None:
    query = select(func.max(_STRETCH.end_ms)).where(*_of(site, SERVICE, COLLECTOR))
    return session.connection().execute(query).scalar()


def availability(session: Session, site: str, board: str, start_ms: int, end_ms: int) -> list[Stretch]:
    """What is stored, and what goes on as far as our collector has listened; the last minutes may still change."""
    key = {"site": site, "kind": BOARD, "id": board, "aspect": AVAILABILITY}
    found = spans.read(session, StretchTable, key, Stretch, start_ms, end_ms)
    row = session.get(BoardLinkTable, (site, board))
    until_ms = listened_until(session, site)
    if row is not None and until_ms is not None:
        now = Followed(**row.state)
        if now.since_ms is not None:
            begin, end = max(now.since_ms, start_ms), min(max(until_ms, now.until_ms or 0), end_ms)
            if begin < end:
                found.append(Stretch(begin, end, now.current))
    return joined(found)


def history(session: Session, site: str, boards: Iterable[str], since_ms: int) -> dict[str, list[Stretch]]:
    """board -> its stored stretches that reach past `since_ms`, whole, and before them the loss that goes on."""
    return {board: _with_loss(session, site, board, since_ms) for board in boards}


def _with_loss(session: Session, site: str, board: str, since_ms: int) -> list[Stretch]:
    found = _reaching(session, site, BOARD, board, since_ms)
    before: Stretch | None = found[0] if found else Stretch(since_ms, since_ms, LOST)
    while before is not None and before.state in (LOST, UNKNOWN):
        query = (
            _select(site, BOARD, board)
            .where(_STRETCH.start_ms < before.start_ms)
            .order_by(_STRETCH.start_ms.desc())
            .limit(1)
        )
        row = session.connection().execute(query).first()
        before = None if row is None else Stretch(*row)
        if before is not None and before.state in (LOST, UNKNOWN):
            found.insert(0, before)
    return found


def _reaching(session: Session, site: str, kind: str, id: str, since_ms: int) -> list[Stretch]:
    """Whole stretches that end after `since_ms`."""
    key = {"site": site, "kind": kind, "id": id, "aspect": AVAILABILITY}
    found = spans.touching(session, StretchTable, key, Stretch, since_ms, _FOREVER_MS)
    return [one for one in found if one.end_ms > since_ms]


def _select(site: str, kind: str, id: str) -> Any:
    return select(*(_STRETCH[name] for name in Stretch._fields)).where(*_of(site, kind, id))


def _of(site: str, kind: str, id: str) -> tuple[Any, ...]:
    return (_STRETCH.site == site, _STRETCH.kind == kind, _STRETCH.id == id, _STRETCH.aspect == AVAILABILITY)


def starts(session: Session, site: str, since_ms: int) -> dict[str, list[BoardStart]]:
    """board -> its starts since then, ascending, and the last one before."""
    last = (
        select(_START.board, func.max(_START.at_ms).label("at_ms"))
        .where(_START.site == site, _START.at_ms < since_ms)
        .group_by(_START.board)
        .subquery()
    )
    query = (
        select(_START.board, *(_START[name] for name in BoardStart._fields))
        .outerjoin(last, last.c.board == _START.board)
        .where(_START.site == site, _START.at_ms >= func.coalesce(last.c.at_ms, since_ms))
        .order_by(_START.board, _START.at_ms)
    )
    found: dict[str, list[BoardStart]] = defaultdict(list)
    for board, *fields in session.connection().execute(query):
        found[board].append(BoardStart(*fields))
    return dict(found)


def forget_after(session: Session, site: str, at_ms: int) -> None:
    """Of a clock that was ahead: nothing that is said to be later than `at_ms` has happened."""
    connection = session.connection()
    mine = and_(_STRETCH.site == site, _STRETCH.kind.in_((BOARD, SERVICE)), _STRETCH.aspect == AVAILABILITY)
    connection.execute(delete(StretchTable).where(mine, _STRETCH.start_ms >= at_ms))
    connection.execute(update(StretchTable).where(mine, _STRETCH.end_ms > at_ms).values(end_ms=at_ms))
    connection.execute(delete(BoardStartTable).where(_START.site == site, _START.at_ms > at_ms))
    connection.execute(delete(BoardLinkTable).where(BoardLinkTable.site == site))
    connection.execute(delete(IncidentTable).where(_INCIDENT.site == site, _INCIDENT.start_ms >= at_ms))
    ahead = (_INCIDENT.site == site, _INCIDENT.end_ms > at_ms)
    connection.execute(update(IncidentTable).where(*ahead).values(end_ms=at_ms))


def days(session: Session, site: str, dates: Sequence[date]) -> dict[Thing, LinkSums]:
    """The sums of each board and room on these local dates."""
    query = select(_DAY.kind, _DAY.id, _DAY.start, *(_DAY[name] for name in LinkSums.names())).where(
        _DAY.site == site, _DAY.span == sums.DAY, _DAY.subject_group == sums.TOTAL, _DAY.start.in_(dates)
    )
    return {tuple(row[:3]): LinkSums(*row[3:]) for row in session.connection().execute(query)}


def store_days(
    session: Session, site: str, given: Sequence[LinkDay], gone: Sequence[Thing], at: datetime
) -> None:
    new: dict[str, dict[str, dict[date, dict[str, LinkSums]]]] = {}
    for day in given:
        new.setdefault(day.kind, {}).setdefault(day.id, {})[day.date] = {sums.TOTAL: LinkSums.of(day)}
    for kind, id, on in gone:
        new.setdefault(kind, {}).setdefault(id, {})[on] = {}
    for kind, things in new.items():
        months.amend(session, site, kind, sums.store_days(session, site, kind, LinkSums, things), at)
