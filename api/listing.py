"""The one contract of every list: sorted by a field, cut into pages by an opaque cursor.

A cursor holds the list, its sort and the key of the last item; it is no secret and grants nothing. Lists that can be
long read a page in SQL (campus.records.paging.paged) and `answer` with it; short ones are read whole and `cut`.
"""

import base64
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import Query
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, TypeAdapter, ValidationError

from campus.records.paging import Page, following, sliced

__all__ = ["MOST_CURSOR", "Listed", "Listing", "Page"]

Item = TypeVar("Item")

MOST, USUAL = 500, 100
MOST_CURSOR = 1024  # a label of 120 signs of four bytes, an id and the frame
_WRONG = (
    "this is no cursor of this list and sort; leave it out, or send the `next` of the page before as it is"
)


class Listed(BaseModel, Generic[Item]):
    """One page of a list. `next`: ask again with `after` set to it; null on the last page."""

    items: list[Item]
    next: str | None = Field(description="Cursor of the page after this one; null: this is the last")

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        return f"{params[0].__name__.removesuffix('Out')}List"


class Listing:
    """A list of the API: what it may be sorted by, and what tells its items apart.

    `ids` and `sorts` map names of fields to the type of their values: str, int, float, bool, date, time, datetime,
    with `| None` where a value may be missing. A list with one id may be sorted by that too. `default` is a field, or
    "-field" for descending, which not every list can (`descends`). `query` is the dependency that reads `limit`,
    `sort` and `after` to a Page.
    """

    def __init__(
        self,
        name: str,
        ids: Mapping[str, Any],
        sorts: Mapping[str, Any] | None = None,
        default: str | None = None,
        most: int = MOST,
        usual: int = USUAL,
        descends: bool = True,
    ) -> None:
        self.name = name
        self.ids = tuple(ids)
        self._signs = ("", "-") if descends else ("",)
        fields = dict(sorts or {}) if len(ids) > 1 and sorts else {**ids, **(sorts or {})}
        self.sorts = tuple(sign + field for field in fields for sign in self._signs)
        self.default = default or self.sorts[0]
        self._keys = {
            sort: _keys_of(name, sort, [*([] if field in ids else [kind]), *ids.values()])
            for field, kind in fields.items()
            for sort in (sign + field for sign in self._signs)
        }
        self.query = self._query(most, usual)

    def _query(self, most: int, usual: int) -> Callable[..., Page]:
        allowed: Any = Literal.__getitem__(self.sorts)  # an enumeration of its own for each list

        def query(
            limit: Annotated[int, Query(ge=1, le=most, description="Items of one page at most")] = usual,
            sort: Annotated[
                allowed,
                Query(
                    description="Field to sort by, `-` before it: descending; then by id; no value comes last"
                ),
            ] = self.default,
            after: Annotated[
                str | None,
                Query(
                    max_length=MOST_CURSOR, description="`next` of the page before; left out: the first page"
                ),
            ] = None,
        ) -> Page:
            key = None if after is None else self._decoded(after, sort)
            return Page(limit, sort.removeprefix("-"), sort.startswith("-"), key)

        return query

    def cut(
        self, found: Iterable[Any], page: Page, show: Callable[[Any], Any] | None = None
    ) -> dict[str, Any]:
        """The answer from a whole list in any order; `show` turns an item into what is answered."""
        return self.answer(sliced(list(found), page, self.ids), page, show)

    def answer(
        self, found: Sequence[Any], page: Page, show: Callable[[Any], Any] | None = None
    ) -> dict[str, Any]:
        """The answer from what was read for `page`: one item more than its limit where there are more."""
        items = found[: page.limit]
        more = len(found) > page.limit
        return {
            "items": [show(one) for one in items] if show else items,
            "next": self.cursor(items[-1], page) if more else None,
        }

    def cursor(self, last: Any, page: Page) -> str:
        """What leads to the items after `last`."""
        key = (following(page, last, self.ids).after or ())[page.field in self.ids :]  # an id stands once
        sort = f"-{page.field}" if page.descending else page.field
        text = json.dumps([self.name, sort, *key], ensure_ascii=False, separators=(",", ":"), default=_text)
        return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()

    def _decoded(self, cursor: str, sort: str) -> tuple[Any, ...]:
        try:
            text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
            key = tuple(self._keys[sort].validate_json(text, strict=True)[2:])
        except (ValueError, ValidationError):
            told = {"loc": ("query", "after"), "msg": f"Value error, {_WRONG}", "type": "value_error"}
            raise RequestValidationError([told]) from None
        field = sort.removeprefix("-")
        return (key[self.ids.index(field)], *key) if field in self.ids else key


def _keys_of(name: str, sort: str, kinds: Sequence[Any]) -> TypeAdapter[Any]:
    """What a cursor of this list and sort holds: their names and a value of each kind."""
    parts: Any = (Literal.__getitem__(name), Literal.__getitem__(sort), *(_exact(one) for one in kinds))
    key: Any = tuple.__class_getitem__(parts)
    return TypeAdapter(key)


def _text(value: Any) -> str:
    if isinstance(value, date | time):  # a datetime is a date too
        return value.isoformat()
    raise TypeError(f"no part of a key: {value!r}")


def _exact(kind: Any) -> Any:
    """What a database takes: no NUL, no number that no column holds."""
    if isinstance(kind, type):
        return _EXACT.get(kind, kind)
    return _exact(next(one for one in kind.__args__ if one is not type(None))) | None


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("no text of ours")
    return text


_EXACT: dict[type, Any] = {
    str: Annotated[str, Field(max_length=200), AfterValidator(_storable)],
    int: Annotated[int, Field(ge=-(2**63), lt=2**63)],
    float: Annotated[float, Field(allow_inf_nan=False)],
    datetime: AwareDatetime,
}
