"""Rows over [start_ms, end_ms) that never overlap: read by range, and replaced exactly in a range."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeVar

from sqlalchemy import and_, delete, func, insert, select
from sqlalchemy.orm import Session

from campus.inference import Interval, Stretch
from campus.records.base import Base

Span = TypeVar("Span", Interval, Stretch)


def check(spans: Sequence[Span]) -> None:
    """Raises ValueError for spans that overlap, are empty or not ascending."""
    for span in spans:
        if span.start_ms >= span.end_ms:
            raise ValueError(f"an empty interval: {span}")
    for before, after in pairwise(spans):
        if after.start_ms < before.end_ms:
            raise ValueError(f"intervals overlap or are not ascending: {before}, {after}")


def read(
    session: Session, table: type[Base], key: Mapping[str, str], shape: type[Span], start_ms: int, end_ms: int
) -> list[Span]:
    """The spans of one thing, clipped to [start_ms, end_ms), ascending. `key` names it, `shape` what a row becomes."""
    return list(_clipped(touching(session, table, key, shape, start_ms, end_ms), start_ms, end_ms))


def replace(
    session: Session,
    table: type[Base],
    key: Mapping[str, str],
    shape: type[Span],
    start_ms: int,
    end_ms: int,
    given: Sequence[Span],
) -> None:
    """Stored spans are clipped to the outside of the range, `given` to the inside; equals that touch are joined."""
    if start_ms == end_ms:
        return
    old: list[Span] = touching(session, table, key, shape, start_ms, end_ms)
    first: int = min((span.start_ms for span in old), default=start_ms)
    last: int = max((span.end_ms for span in old), default=end_ms)
    new = _joined(
        [
            *_clipped(old, first, start_ms),
            *_clipped(given, start_ms, end_ms),
            *_clipped(old, end_ms, last),
        ]
    )
    if new == old:
        return
    columns = table.__table__.c
    if old:
        session.connection().execute(
            delete(table).where(
                _of(table, key),
                columns.start_ms >= old[0].start_ms,
                columns.start_ms <= old[-1].start_ms,
            )
        )
    if new:
        session.connection().execute(insert(table), [{**key, **span._asdict()} for span in new])


def _of(table: type[Base], key: Mapping[str, str]) -> Any:
    return and_(*(table.__table__.c[name] == value for name, value in key.items()))


def touching(
    session: Session, table: type[Base], key: Mapping[str, str], shape: type[Span], start_ms: int, end_ms: int
) -> list[Span]:
    """Stored spans that overlap or touch [start_ms, end_ms], whole, ascending."""
    columns = table.__table__.c
    # They never overlap, so only the last one before the range can reach into it.
    before = (
        select(func.max(columns.start_ms))
        .where(_of(table, key), columns.start_ms < start_ms)
        .scalar_subquery()
    )
    query = (
        select(*(columns[name] for name in shape._fields))
        .where(
            _of(table, key),
            columns.start_ms >= func.coalesce(before, start_ms),
            columns.start_ms <= end_ms,
        )
        .order_by(columns.start_ms)
    )
    found = [shape(*row) for row in session.connection().execute(query)]
    return [span for span in found if span.end_ms >= start_ms]


def _clipped(spans: Iterable[Span], start_ms: int, end_ms: int) -> Iterable[Span]:
    for span in spans:
        start, end = max(span.start_ms, start_ms), min(span.end_ms, end_ms)
        if start < end:
            yield span._replace(start_ms=start, end_ms=end)


def _joined(spans: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    for span in spans:
        if joined and joined[-1].end_ms == span.start_ms and joined[-1][2:] == span[2:]:
            joined[-1] = joined[-1]._replace(end_ms=span.end_ms)
        else:
            joined.append(span)
    return joined
