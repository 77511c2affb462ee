"""Every resource of a school as a file: CSV, Parquet or Excel, in memory that does not grow with the rows."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any, BinaryIO

from campus.errors import UsageError
from campus.indicators import Indicator
from campus.records.entities import Person
from campus.records.exporting_events import EVENTS
from campus.records.exporting_places import PLACES
from campus.records.exporting_rows import Asked, Stored, document
from campus.records.facade import Records
from campus.records.figure_scopes import Scope
from campus.records.figures import figures, signed_figures
from campus.records.instants import to_ms
from campus.table_files import Column, write

STORED: dict[str, Stored] = {**PLACES, **EVENTS}
INDICATORS, MONTH_FIGURES, PEOPLE = "indicators", "month-figures", "people"
RESOURCES = (*STORED, INDICATORS, MONTH_FIGURES, PEOPLE)
"""What can be asked for."""
RANGED = frozenset({name for name, stored in STORED.items() if stored.ranged} | {INDICATORS, MONTH_FIGURES})
"""Those that a range of dates narrows."""
_OF_FIGURES = (
    Column("id"), Column("version", "integer"), Column("value", "number"), Column("reason_code"), Column("reason"),
    Column("unit"), Column("numerator", "number"), Column("denominator", "number"), Column("coverage", "number"),
    Column("calendar_version"), Column("computed_at", "instant"), Column("provisional", "boolean"), Column("counts"),
    Column("reason_values"),
)  # fmt: skip
_OF_MONTHS = (Column("month", "date"), *_OF_FIGURES)
_OF_PEOPLE = (Column("name"), Column("language"), Column("identity"), Column("grants"))


def export(
    records: Records,
    resource: str,
    asked: Asked,
    file: BinaryIO,
    format: str,
    *,
    bom: bool = False,
    known: Callable[[Person], bool] = lambda person: False,
) -> int:
    """Write one of RESOURCES in one of campus.table_files.FORMATS; returns how many rows.

    All of it is as it was at one moment, but of the figures of several months. `known`: the people whom the reader
    administers; of them those with a role at the site are written. Raises UsageError: an unknown resource or format, a
    range where there is none or none where there must be one, more than a sheet holds; StoreError.
    """
    if resource not in RESOURCES:
        raise UsageError(f"'{resource}' cannot be exported: choose one of {', '.join(RESOURCES)}.")
    check_range(resource, asked.start, asked.end)
    if resource in STORED:
        return records.write_stored(STORED[resource], asked, file, format, bom)
    columns, rows = {
        INDICATORS: (_OF_FIGURES, _indicators),
        MONTH_FIGURES: (_OF_MONTHS, _months),
        PEOPLE: (_OF_PEOPLE, lambda records, asked: _people(records, asked, known)),
    }[resource]
    return write(columns, rows(records, asked), file, format, bom)


def check_range(resource: str, start: date | None, end: date | None) -> None:
    """Raises UsageError for a range that the resource cannot have, or lacks."""
    if (start, end) != (None, None) and resource not in RANGED:
        raise UsageError(f"'from' and 'to' say nothing about {resource}: leave them out.")
    if start is not None and end is not None and end <= start:
        raise UsageError("'to' must be a later date than 'from': the range is half-open, [from, to).")
    if resource == INDICATORS and (start is None or end is None):
        raise UsageError("'from' and 'to' are required: indicators are those of a range.")


def _indicators(records: Records, asked: Asked) -> Iterator[list[Sequence[Any]]]:
    if asked.start is None or asked.end is None:
        return
    scope = Scope(asked.site.id)
    found = figures(records, scope, asked.start, asked.end, asked.now, facilities=asked.periods)
    yield [_figure(one) for one in found.indicators]


def _months(records: Records, asked: Asked) -> Iterator[list[Sequence[Any]]]:
    for month in reversed(records.closed_months(asked.site.id)):
        if (asked.start is None or month.start >= asked.start) and (
            asked.end is None or month.start < asked.end
        ):
            signed = signed_figures(records, asked.site.id, month.start, facilities=asked.periods)
            yield [[month.start, *_figure(one)] for one in signed]


def _figure(one: Indicator) -> Sequence[Any]:
    values = {column.name: getattr(one, column.name) for column in _OF_FIGURES}
    documents = {name: document(dict(values[name])) for name in ("counts", "reason_values")}
    return list((values | documents | {"computed_at": to_ms(one.computed_at)}).values())


def _people(records: Records, asked: Asked, known: Callable[[Person], bool]) -> Iterator[list[Sequence[Any]]]:
    yield [
        [
            person.name,
            person.language,
            person.identity,
            document([{"role": grant.role, "site": grant.site} for grant in person.grants]),
        ]
        for person in records.people()
        if any(grant.site in (None, asked.site.id) for grant in person.grants) and known(person)
    ]
