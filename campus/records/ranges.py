"""Sums over any range of local dates: whole months from their own rows, what is left at both ends by days."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campus.records.sums import CLOSED, DAY, MONTH, TABLES, TOTAL, Sums, month_of, next_month

_ONE_DAY = timedelta(days=1)
_LAST = date(9999, 11, 1)  # a month, and the one after, can be told
_NAMED = 40  # ids: of more, all rows are read and the others left out
_AMOUNTS: dict[Any, dict[str, Any]] = {
    kind: {name: func.sum(table.__table__.c[name]) for name in kind.names()}
    for kind, table in dict[Any, Any](TABLES).items()
}


def read(
    session: Session,
    kind: type[Sums],
    what: str,
    site: str,
    start: date,
    end: date,
    ids: Sequence[str] | None = None,
    subject_group: str = TOTAL,
    fields: Sequence[str] = (),
) -> dict[str, Sums]:
    """id -> sums over the local dates [start, end): whole months from their own rows, the rest by days.

    `what`: ROOM, EQUIPMENT or BOARD. A thing without any fact in the range is missing.
    `fields`: only these are read, the others are zero.
    """
    few = ids if ids is not None and len(ids) <= _NAMED else None
    parts: dict[str, list[Sums]] = {}
    for sign, span, first, last in _pieces(start, end):
        for id, part in _added(
            session, kind, what, site, span, first, last, few, subject_group, sign, fields
        ).items():
            parts.setdefault(id, []).append(part)
    wanted = parts.keys() if ids is None or few is not None else parts.keys() & set(ids)
    found = {id: kind.total(parts[id]) for id in parts if id in wanted}
    nothing = kind()  # of a month that is there only outside the range
    return {id: sums for id, sums in found.items() if sums != nothing}


def total(
    session: Session,
    kind: type[Sums],
    what: str,
    site: str,
    start: date,
    end: date,
    ids: Sequence[str] | None = None,
    subject_group: str = TOTAL,
) -> Sums:
    """`read` added up over the things."""
    columns = TABLES[kind].__table__.c
    parts = []
    for sign, span, first, last in _pieces(start, end):
        query = select(*_AMOUNTS[kind].values()).where(
            *_which(columns, what, site, span, first, last, ids, subject_group)
        )
        row = session.connection().execute(query).one()
        parts.append(kind(*(sign * int(value or 0) for value in row)))
    return kind.total(parts)


def closed(
    session: Session, kind: type[Sums], what: str, site: str, month: date, subject_group: str = TOTAL
) -> dict[str, Sums]:
    """id -> sums of a month as they were when it was closed."""
    return _added(session, kind, what, site, CLOSED, month, month + _ONE_DAY, None, subject_group)


def _pieces(start: date, end: date) -> list[tuple[int, str, date, date]]:
    """(1 or -1, span, first, last) whose rows make the range: days that are fewer are taken off a whole month."""
    end = min(end, _LAST)
    if start >= end:
        return []
    first, last = month_of(start), month_of(end)
    after = next_month(first)
    if end <= after:  # of one month
        inside, outside = (end - start).days, (start - first).days + (after - end).days
        if inside <= outside:
            return [(1, DAY, start, end)]
        pieces = [(1, MONTH, first, after), (-1, DAY, first, start), (-1, DAY, end, after)]
        return [piece for piece in pieces if piece[2] < piece[3]]
    pieces = []
    if (start - first).days <= (after - start).days:
        pieces.append((-1, DAY, first, start))
    else:
        pieces.append((1, DAY, start, after))
        first = after
    until = next_month(last)
    if (end - last).days <= (until - end).days:
        pieces.append((1, DAY, last, end))
    else:
        pieces.append((-1, DAY, end, until))
        last = until
    return [piece for piece in [*pieces, (1, MONTH, first, last)] if piece[2] < piece[3]]


def _added(
    session: Session,
    kind: type[Sums],
    what: str,
    site: str,
    span: str,
    start: date,
    end: date,
    ids: Sequence[str] | None,
    subject_group: str,
    sign: int = 1,
    fields: Sequence[str] = (),
) -> dict[str, Sums]:
    names = fields or kind.names()
    columns = TABLES[kind].__table__.c
    query = (
        select(columns.id, *(_AMOUNTS[kind][name] for name in names))
        .where(*_which(columns, what, site, span, start, end, ids, subject_group))
        .group_by(columns.id)
    )
    rows = session.connection().execute(query).all()
    return {
        row[0]: kind(**{name: sign * int(value) for name, value in zip(names, row[1:], strict=True)})
        for row in rows
    }


def _which(
    columns: Any,
    what: str,
    site: str,
    span: str,
    start: date,
    end: date,
    ids: Sequence[str] | None,
    subject_group: str,
) -> list[Any]:
    wanted = [
        columns.site == site,
        columns.span == span,
        columns.subject_group == subject_group,
        columns.start >= start,
        columns.start < end,
        columns.kind == what,
    ]
    if ids is not None:
        wanted.append(columns.id.in_(ids))
    return wanted
