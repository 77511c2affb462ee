"""Why boards were lost: losses of one site together, and the one cause of each. Pure.

The rules and what tells power from network: docs/connectivity.md. One incident for one cause, its children silent:
every lost minute of every board is in exactly one incident.
"""

import itertools
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

from campus.inference import LOST, OFFLINE, UNKNOWN, Stretch
from campus.inference.connectivity import joined
from campus.inference.grouping import TOGETHER_MS, Site
from campus.inference.losses import (
    ACCESS_POINT,
    BOARD,
    CAUSES,
    POWER,
    SERVER,
    UNTOLD,
    UPLINK,
    BoardFacts,
    Incident,
    Lost,
    Start,
    outages,
)

__all__ = [
    "ACCESS_POINT", "BOARD", "CAUSES", "POWER", "SERVER", "UNTOLD", "UPLINK",
    "BoardFacts", "Incident", "Lost", "Start", "causes", "incidents",
]  # fmt: skip


def incidents(
    boards: Mapping[str, Sequence[Stretch]],
    facts: Mapping[str, BoardFacts],
    deaf: Sequence[tuple[int, int]] = (),
    together_ms: int = TOGETHER_MS,
) -> list[Incident]:
    """The incidents of one site, by start, from each board's AVAILABILITY stretches (ascending, touching).

    They reach to now (`Availability.known`), and back to a time at which no outage that still counts was going on: one
    that the first stretch cuts would seem to begin there.
    `deaf`: times [start_ms, end_ms) in which our own server did not listen. `together_ms`: boards whose losses begin
    within it are lost together; a loss begins when a board was last heard, so where boards report less often than
    every minute, pass TOGETHER_MS and their interval.

    Of the boards that were online, SHARE lost together and at least SITE_LEAST is the site, of one access point
    likewise with ACCESS_POINT_LEAST; two such access points and SITE_LEAST boards are what lies behind them both. Of a
    site or several access points the cause is unknown until most boards told by their return: power or uplink. An
    access point is that at once, or power if most of its boards return by power-on. A single board is unknown until
    it returns: by power-on power, its plug; else board. What a board announced (offline) is board. No cause is told
    before all boards that were lost together are known to be: 2 · together_ms + HEARD_MS after the begin. An incident
    ends when its boards are back, or LATE_MS after most are: those that are still away have one of their own then.
    So later knowledge makes an unknown cause known, or an access point power, and changes nothing else.
    """
    every = {board: outages(board, stretches) for board, stretches in boards.items()}
    found = [*_offline(boards), *_server(boards, deaf)]
    site = Site(boards, facts, together_ms)
    waiting = [outage for each in every.values() for outage in each]
    for find in (site.whole, site.access_points, site.access_point):
        waiting = site.take(waiting, find, found)
    found += [site.single(outage) for outage in waiting]
    return sorted(found, key=lambda one: (one.start_ms, one.boards, one.cause))


def causes(board: str, availability: Sequence[Stretch], found: Iterable[Incident]) -> list[Stretch]:
    """The lost and offline time of a board with its cause as state: exactly that time, ascending. Asleep is not lost.

    `found` are the incidents of the same availability; lost time that is in none of them is unknown.
    """
    parts = sorted(
        (loss.start_ms, loss.end_ms, one.cause)
        for one in found
        if one.cause != SERVER
        for loss in one.losses
        if loss.board == board
    )
    told: list[Stretch] = []
    for one in availability:
        if one.state not in (LOST, OFFLINE):
            continue
        reached = one.start_ms
        for start, end, cause in parts[max(0, bisect_left(parts, (one.start_ms,)) - 1) :]:
            if start >= one.end_ms:
                break
            begin, finish = max(start, reached), min(end, one.end_ms)
            if begin < finish:
                told += [Stretch(reached, begin, UNTOLD), Stretch(begin, finish, cause)]
                reached = finish
        told.append(Stretch(reached, one.end_ms, UNTOLD))
    return joined([one for one in told if one.start_ms < one.end_ms])


def _offline(boards: Mapping[str, Sequence[Stretch]]) -> Iterable[Incident]:
    for board, stretches in boards.items():
        for one, after in itertools.zip_longest(stretches, stretches[1:]):
            if one.state == OFFLINE:
                end = None if after is None else one.end_ms
                losses = (Lost(board, one.start_ms, one.end_ms),)
                yield Incident(
                    BOARD, one.start_ms, end, (board,), losses, {"scope": "board", "said": OFFLINE}
                )


def _server(boards: Mapping[str, Sequence[Stretch]], deaf: Sequence[tuple[int, int]]) -> Iterable[Incident]:
    for start, end in deaf:
        losses = sorted(
            Lost(board, max(one.start_ms, start), min(one.end_ms, end))
            for board, stretches in boards.items()
            for one in stretches
            if one.state == UNKNOWN and one.start_ms < end and one.end_ms > start
        )
        names = tuple(sorted({loss.board for loss in losses}))
        yield Incident(SERVER, start, end, names, tuple(losses), {"scope": "server"})
