"""How a resource of the records becomes rows: read in the order of its key, a chunk at a time."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import JSON, Boolean, Date, Float, Integer, Select, func, select
from sqlalchemy.orm import Session

from campus.records.entities import Site
from campus.table_files import MOST_SHEET_ROWS, Chunks, Column, Kind, too_many_rows

CHUNK = 2000
"""Rows in memory at a time."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Of which site, over which local dates [start, end) (None: no limit), for whom.

    `periods`: the reader may see what happened in single periods; what the lists withhold from others is withheld.
    """

    site: Site
    now: datetime
    start: date | None = None
    end: date | None = None
    periods: bool = False

    @property
    def today(self) -> date:
        return self.now.astimezone(ZoneInfo(self.site.tz)).date()

    @property
    def start_ms(self) -> int | None:
        return self._midnight_ms(self.start)

    @property
    def end_ms(self) -> int | None:
        return self._midnight_ms(self.end)

    def _midnight_ms(self, day: date | None) -> int | None:
        if day is None:
            return None
        return int(datetime.combine(day, time(), ZoneInfo(self.site.tz)).timestamp() * 1000)


Query = Callable[[Asked], Select[Any]]
Made = Callable[[Any, Asked], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Stored:
    """A resource of the database. `query` in the order of its key; `made` makes a row of what it finds.

    `ranged`: a range of dates narrows it.
    """

    columns: tuple[Column, ...]
    query: Query
    ranged: bool = False
    made: Made | None = None


def chunks(session: Session, stored: Stored, asked: Asked) -> Iterator[Sequence[Sequence[Any]]]:
    """The rows, in memory that does not grow with them."""
    result = session.execute(stored.query(asked), execution_options={"yield_per": CHUNK})
    for part in result.partitions():
        yield part if stored.made is None else [stored.made(row, asked) for row in part]


def limited(session: Session, stored: Stored, asked: Asked) -> Chunks:
    """`chunks` for an Excel sheet. Raises UsageError, before anything is read, for more rows than one holds."""
    counted = stored.query(asked).order_by(None).subquery()
    rows = session.execute(select(func.count()).select_from(counted)).scalar_one()
    if rows > MOST_SHEET_ROWS:
        raise too_many_rows(rows)
    return chunks(session, stored, asked)


def table(
    of: Any, names: str, within: Callable[[Any, Asked], Sequence[Any]] | None = None, **renamed: str
) -> Stored:
    """A resource that is one table: its columns `names`, `renamed` in the file, in the order of its primary key.

    `within` gives the conditions of a range. An instant `opened_ms` is `opened_at` in the file unless renamed.
    """
    held = of.__table__.c
    picked = [held[name] for name in names.split()]

    def query(asked: Asked) -> Select[Any]:
        chosen = select(*picked).where(held.site == asked.site.id)
        if within is not None:
            chosen = chosen.where(*within(held, asked))
        return chosen.order_by(*of.__table__.primary_key.columns)

    documents = [number for number, column in enumerate(picked) if isinstance(column.type, JSON)]

    def made(row: Any, _: Asked) -> Sequence[Any]:
        values = list(row)
        for number in documents:
            values[number] = document(values[number])
        return values

    columns = tuple(
        Column(renamed.get(column.name) or _named(column), kind_of(column.name, column.type))
        for column in picked
    )
    return Stored(columns, query, within is not None, made if documents else None)


def _named(column: Any) -> str:
    """`opened_ms` is written as a date: `opened_at`; a length of time stays one."""
    name = str(column.name)
    return f"{name[:-3]}_at" if kind_of(name, column.type) == "instant" else name


def kind_of(name: str, type: Any) -> Kind:
    """Of a column of the database: `…_ms` is an instant."""
    if isinstance(type, Boolean):
        return "boolean"
    if isinstance(type, Date):
        return "date"
    if isinstance(type, Float):
        return "number"
    if isinstance(type, Integer):
        return "instant" if name.endswith("_ms") else "integer"
    return "text"


def document(value: Any) -> str | None:
    """What is a list or an object elsewhere is one text: its JSON."""
    return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def since(name: str) -> Callable[[Any, Asked], Sequence[Any]]:
    """What happened in the range, by an instant in Unix ms."""

    def within(held: Any, asked: Asked) -> Sequence[Any]:
        return _between(held[name], asked.start_ms, asked.end_ms)

    return within


def on(name: str) -> Callable[[Any, Asked], Sequence[Any]]:
    """What is of the dates of the range."""

    def within(held: Any, asked: Asked) -> Sequence[Any]:
        return _between(held[name], asked.start, asked.end)

    return within


def _between(column: Any, start: Any, end: Any) -> Sequence[Any]:
    return [*([column >= start] if start is not None else ()), *([column < end] if end is not None else ())]


def reaching(begins: str, ends: str, dates: bool = False) -> Callable[[Any, Asked], Sequence[Any]]:
    """What reaches into the range: over [begins, ends), the end NULL while it goes on. Of Unix ms, or of dates."""

    def within(held: Any, asked: Asked) -> Sequence[Any]:
        start, end = (asked.start, asked.end) if dates else (asked.start_ms, asked.end_ms)
        told = []
        if end is not None:
            told.append(held[begins] < end)
        if start is not None:
            told.append(held[ends].is_(None) | (held[ends] > start))
        return told

    return within
