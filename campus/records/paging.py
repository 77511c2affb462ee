"""One page of a long list: the rows after a key, so that a page costs the same wherever it is.

By key and not by count: what is added or removed before the key neither repeats a row nor skips one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, or_, tuple_

from campus.records.base import Base
from campus.records.instants import to_ms


@dataclass(frozen=True, slots=True)
class Page:
    """What is wanted of a list sorted by `field` and then by its ids; what has no value comes last in either direction.

    `after` is the key of the last row before: (value of the field, *values of the ids). Who reads a page gets one row
    more than `limit` where there are more.
    """

    limit: int
    field: str
    descending: bool = False
    after: tuple[Any, ...] | None = None


def paged(
    query: Select[Any],
    page: Page,
    table: type[Base],
    ids: Sequence[str],
    stored: Mapping[str, str] | None = None,
) -> Select[Any]:
    """`query` over `table` cut to the page. `ids` tell its rows apart; `stored`: field -> column of another name."""
    columns, other = table.__table__.c, stored or {}
    by = columns[other.get(page.field, page.field)]
    names = [other.get(one, one) for one in ids]
    keys = [columns[name] for name in names if name != by.name]
    # A field that is an id is its own tie-break: it stands once.
    places = [0, *(1 + at for at, name in enumerate(names) if name != by.name)]

    if page.after is not None:
        values = [_stored(page.after[at]) for at in places]
        query = query.where(_beyond(by, keys, values, page.descending))
    order = [by.desc() if page.descending else by.asc()]
    if by.nullable:
        order = [order[0].nulls_last()]
    order += [one.desc() if page.descending else one.asc() for one in keys]
    return query.order_by(None).order_by(*order).limit(page.limit + 1)


def sliced(found: Sequence[Any], page: Page, ids: Sequence[str]) -> list[Any]:
    """The same of a short list that was read whole: `found` need not be sorted."""

    def key(item: Any) -> tuple[Any, ...]:
        return tuple(value_of(item, name) for name in ids)

    told = [one for one in found if value_of(one, page.field) is not None]
    untold = [one for one in found if value_of(one, page.field) is None]
    told.sort(key=lambda one: (value_of(one, page.field), *key(one)), reverse=page.descending)
    untold.sort(key=key, reverse=page.descending)
    after = page.after
    if after is not None and after[0] is None:
        told, untold = [], [one for one in untold if _is_past(key(one), after[1:], page)]
    elif after is not None:
        told = [one for one in told if _is_past((value_of(one, page.field), *key(one)), after, page)]
    return [*told, *untold][: page.limit + 1]


def value_of(item: Any, name: str) -> Any:
    """A field of an entity, or of a mapping."""
    return item[name] if isinstance(item, Mapping) else getattr(item, name)


def following(page: Page, last: Any, ids: Sequence[str]) -> Page:
    """The page after the one that ends with the entity `last`."""
    key = (value_of(last, page.field), *(value_of(last, name) for name in ids))
    return replace(page, after=key)


def _is_past(key: tuple[Any, ...], after: tuple[Any, ...], page: Page) -> bool:
    return key < after if page.descending else key > after


def _beyond(by: Any, keys: Sequence[Any], values: Sequence[Any], descending: bool) -> Any:
    if values[0] is None:
        return and_(by.is_(None), _past(keys, values[1:], descending)) if keys else by.is_(None)
    further = _past([by, *keys], values, descending)
    return or_(further, by.is_(None)) if by.nullable else further


def _past(columns: Sequence[Any], values: Sequence[Any], descending: bool) -> Any:
    if len(columns) == 1:
        return columns[0] < values[0] if descending else columns[0] > values[0]
    row = tuple_(*columns)
    return row < tuple(values) if descending else row > tuple(values)


def _stored(value: Any) -> Any:
    return to_ms(value) if isinstance(value, datetime) else value
