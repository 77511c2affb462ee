"""How far one room is derived, and what of it is to be derived anew."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from campus.errors import StoreError
from campus.inference.room import Learned
from campus.inference.sensor_checks import Finding
from campus.records.entities import Dirty, Room
from collector.batch import BoardKey
from collector.passage import Passage


class Halted(StoreError):
    """Deriving was told to end; what was stored is whole, and the rest comes with the next start."""


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


def _nothing(*_: Any) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Told:
    """Who hears what the deriver has done. `cleared(done)`: the journal, what late data is derived from;
    `changed(site, room)`: the past of a room was derived anew up to the present; `learned(site, room, news)`: something
    that holds from soon on; `doubted(site, room, findings)`: which sensors are in doubt now.
    """

    cleared: Callable[[Sequence[tuple[str, str, int]]], None] = _nothing
    changed: Callable[[str, str], None] = _nothing
    learned: Callable[[str, str, Sequence[Learned]], None] = _nothing
    doubted: Callable[[str, str, Sequence[Finding]], None] = _nothing


def union(a: tuple[int, int] | None, b: tuple[int, int]) -> tuple[int, int]:
    """The range that holds both."""
    return b if a is None else (min(a[0], b[0]), max(a[1], b[1]))
