"""Sums over any range of local dates: whole months from their own rows, what is left at both ends by days."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from operator import add, sub
from typing import Any

from sqlalchemy import Select, func, literal, select, union_all
from sqlalchemy.orm import Session

from campus.calendar.months import month_of, next_month
from campus.records.sums import CLOSED, DAY, MONTH, OF_ALL, TABLES, TOTAL, Sums

_ONE_DAY = timedelta(days=1)
_LAST = date(9999, 11, 1)  # a month, and the one after, can be told
_NAMED = 40  # ids: of so many each row is looked up; of more all rows are read and the others left out
_LONG = timedelta(days=40 * 366)  # more starts than one names
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
    names = fields or kind.names()
    few = ids if ids is not None and len(ids) <= _NAMED else None
    pieces = [
        (sign, _by_id(kind, names, what, site, span, first, last, few, subject_group))
        for sign, span, first, last in _pieces(start, end)
    ]
    found: dict[str, list[int]] = {}
    for id, *amounts, sign in _signed(session, pieces):
        change: Callable[[int, int], int] = add if sign > 0 else sub
        before = found.get(id) or [0] * len(names)
        found[id] = list(map(change, before, amounts))
    wanted = found.keys() if ids is None or few is not None else found.keys() & set(ids)
    # All zero: of a month that is there only outside the range.
    return {id: _sums(kind, names, found[id]) for id in found if id in wanted and any(found[id])}


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
    """`read` added up over the things; over all of them (`ids` None) from their own sums."""
    columns = TABLES[kind].__table__.c
    pieces = []
    for sign, span, first, last in _pieces(start, end):
        span = OF_ALL[span] if ids is None else span
        of = _which(columns, what, site, span, first, last, ids, subject_group)
        pieces.append((sign, select(*_AMOUNTS[kind].values()).where(*of)))
    rows = _signed(session, pieces)
    return kind.total(kind(*(sign * int(value or 0) for value in row)) for *row, sign in rows)


def closed(
    session: Session, kind: type[Sums], what: str, site: str, month: date, subject_group: str = TOTAL
) -> dict[str, Sums]:
    """id -> sums of a month as they were when it was closed."""
    names = kind.names()
    query = _by_id(kind, names, what, site, CLOSED, month, month + _ONE_DAY, None, subject_group)
    return {id: _sums(kind, names, row) for id, *row in session.connection().execute(query)}


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


def _by_id(
    kind: type[Sums],
    names: Sequence[str],
    what: str,
    site: str,
    span: str,
    start: date,
    end: date,
    ids: Sequence[str] | None,
    subject_group: str,
) -> Select[Any]:
    """Of an id and the amounts of `names`."""
    columns = TABLES[kind].__table__.c
    return (
        select(columns.id, *(_AMOUNTS[kind][name] for name in names))
        .where(*_which(columns, what, site, span, start, end, ids, subject_group))
        .group_by(columns.id)
    )


def _signed(session: Session, pieces: Sequence[tuple[int, Select[Any]]]) -> Iterable[Any]:
    """The rows of all, each with its sign at its end, by one statement: most of a small one is SQLAlchemy's."""
    if not pieces:
        return []
    return (
        session.connection()
        .execute(union_all(*(query.add_columns(literal(sign)) for sign, query in pieces)))
        .all()
    )


def _sums(kind: type[Sums], names: Sequence[str], amounts: Iterable[Any]) -> Sums:
    return kind(**dict(zip(names, map(int, amounts), strict=True)))


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
        columns.kind == what,
    ]
    if ids is not None and len(ids) <= _NAMED and end - start < _LONG:
        # All of the key, in its order: only these rows are looked at, not those of every thing in the range.
        return [*wanted, columns.start.in_(_starts(span, start, end)), columns.id.in_(ids)]
    wanted += [columns.start >= start, columns.start < end]
    return wanted if ids is None else [*wanted, columns.id.in_(ids)]


def _starts(span: str, start: date, end: date) -> list[date]:
    """The starts of the rows of [start, end)."""
    found = []
    while start < end:
        found.append(start)
        start = start + _ONE_DAY if span == DAY else next_month(start)
    return found
