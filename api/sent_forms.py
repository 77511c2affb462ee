"""Forms that add something, sent twice: a double tap, or the page loaded again, makes one thing.

Not `idempotency`, which refuses a second request while the first runs: here it waits, and both lead to the same page.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from secrets import token_urlsafe
from threading import Lock
from typing import Any, TypeVar

MOST = 1000

Made = TypeVar("Made")


def new_mark() -> str:
    """What tells one shown form apart from every other."""
    return token_urlsafe(12)


class SentForms:
    """What the newest MOST forms of this process made, by who sent them, their mark and what stood in them."""

    def __init__(self) -> None:
        self._made: OrderedDict[Any, Any] = OrderedDict()
        self._turn = Lock()

    def once(self, person: int, mark: str | None, texts: Mapping[str, str], make: Callable[[], Made]) -> Made:
        """What `make` makes, or has made for this form; one without a mark, or changed since, is a new one."""
        if not mark:
            return make()
        with self._turn:
            key = (person, mark, frozenset(texts.items()))
            if key not in self._made:
                self._made[key] = make()
                if len(self._made) > MOST:
                    self._made.popitem(last=False)
            made: Made = self._made[key]
            return made
