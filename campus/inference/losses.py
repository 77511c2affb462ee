"""Losses of boards and what they are told apart by: incidents, outages, starts, access points. Pure."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from campus.inference import LOST, UNKNOWN, Stretch

POWER, UPLINK, ACCESS_POINT, BOARD, SERVER, UNTOLD = (
    "power",
    "uplink",
    "access_point",
    "board",
    "server",
    "unknown",
)
CAUSES = (POWER, UPLINK, ACCESS_POINT, BOARD, SERVER, UNTOLD)


Evidence = dict[str, int | str | list[str]]


class Start(NamedTuple):
    """A birth: when it was heard, why the board started, and how long it had run; None where it does not say.

    `boot` tells a start from a birth that was only sent again; without it every one counts as a start.
    """

    at_ms: int
    boot: str | None = None
    reset_cause: str | None = None
    uptime_s: float | None = None


@dataclass(frozen=True, slots=True)
class BoardFacts:
    """What is known of a board beside its availability: `access_points` as (from_ms, BSSID or name), and its births.

    Both ascend in time.
    """

    access_points: Sequence[tuple[int, str | None]] = ()
    starts: Sequence[Start] = ()
    room: str | None = None

    def access_point(self, at_ms: int) -> str | None:
        """The one it was joined to at a time."""
        place = bisect_right(self.access_points, at_ms, key=lambda one: one[0])
        return self.access_points[place - 1][1] if place else None


class Lost(NamedTuple):
    """Time of one board in one incident: [start_ms, end_ms), all of it lost, offline or, of SERVER, unknown."""

    board: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Incident:
    """Boards lost by one cause, one of CAUSES. `end_ms` None: it goes on. `boards` and `losses` are sorted.

    `evidence` is what the cause was told from: counts and words, JSON-able.
    """

    cause: str
    start_ms: int
    end_ms: int | None
    boards: tuple[str, ...]
    losses: tuple[Lost, ...]
    evidence: Evidence = field(default_factory=dict)


class Outage(NamedTuple):
    """A board not reached from start to return; `back_ms` None: not yet. Pieces leave out what nobody judged."""

    start_ms: int
    board: str
    back_ms: int | None
    pieces: tuple[Stretch, ...]


def outages(board: str, stretches: Sequence[Stretch]) -> list[Outage]:
    """Losses; one that goes on after a time in which nobody listened is one."""
    found: list[Outage] = []
    pieces: list[Stretch] = []
    for one in stretches:
        if one.state == LOST:
            pieces.append(one)
        elif one.state != UNKNOWN and pieces:
            found.append(Outage(pieces[0].start_ms, board, one.start_ms, tuple(pieces)))
            pieces = []
    if pieces:
        found.append(Outage(pieces[0].start_ms, board, None, tuple(pieces)))
    return found
