"""How far one room is derived, and what of it is to be derived anew."""

from dataclasses import dataclass, field
from typing import Any

from campus.records.entities import Dirty, Room
from collector.batch import BoardKey
from collector.passage import Passage


@dataclass(slots=True)
class Progress:
    room: Room
    loaded: bool = False
    through_ms: int | None = None  # intervals are final up to here
    passage: Passage | None = None
    reached: tuple[int, dict[str, Any]] | None = None  # (at_ms, state) of what was stored last
    edits: list[int] = field(default_factory=list)  # numbers of those that are part of `dirty`
    restate: dict[int, Dirty] = field(default_factory=dict)  # edits after which facts are made anew
    dirty: tuple[int, int] | None = None  # observed [first, last], came late, and not yet derived from
    taken: tuple[int, int] | None = None  # of `dirty`, while it is worked on
    dirty_since_ms: int = 0
    touched_at_ms: int = 0
    boards: dict[BoardKey, int] = field(default_factory=dict)  # whose late data that is, up to which batch
    searched_ms: int = 0  # nothing was ever observed before
    next_run_ms: int = 0


def union(a: tuple[int, int] | None, b: tuple[int, int]) -> tuple[int, int]:
    """The range that holds both."""
    return b if a is None else (min(a[0], b[0]), max(a[1], b[1]))
