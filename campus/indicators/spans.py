"""Half-open spans of time, [start_ms, end_ms): joined, subtracted, cut. Linear sweeps, in exact integers. Pure.

A piece is a span with more behind it (an `Interval`, a `Stretch`): cutting keeps what is behind. "Ascending" means
in order of time and without an overlap.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

MINUTE_MS = 60_000

Span = tuple[int, int]
Piece = tuple[Any, ...]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def ms(at: datetime) -> int:
    """Exact Unix ms of an aware datetime."""
    return (at - _EPOCH) // _MS


def length(spans: Iterable[Piece]) -> int:
    """The ms in these non-overlapping spans."""
    total = 0
    for piece in spans:
        total += piece[1] - piece[0]
    return total


def union(spans: Iterable[Piece]) -> list[Span]:
    """Any spans as ascending ones that do not touch."""
    joined: list[Span] = []
    first = last = 0
    for start, end in sorted((piece[0], piece[1]) for piece in spans if piece[1] > piece[0]):
        if first < last and start <= last:
            last = max(end, last)
            continue
        if first < last:
            joined.append((first, last))
        first, last = start, end
    if first < last:
        joined.append((first, last))
    return joined


def without(spans: Sequence[Span], cuts: Sequence[Span]) -> list[Span]:
    """`spans` less `cuts`; both ascending."""
    left: list[Span] = []
    at, many = 0, len(cuts)
    for start, end in spans:
        while at < many and cuts[at][1] <= start:
            at += 1
        following = at
        while following < many and cuts[following][0] < end:
            cut_start, cut_end = cuts[following]
            if cut_start > start:
                left.append((start, cut_start))
            start = cut_end
            following += 1
        if start < end:
            left.append((start, end))
    return left


def gaps(spans: Sequence[Span], start_ms: int, end_ms: int) -> list[Span]:
    """The parts of [start_ms, end_ms) outside ascending spans."""
    return without([(start_ms, end_ms)], spans)


def split(pieces: Sequence[Piece], windows: Sequence[Piece]) -> list[list[Piece]]:
    """For each window the parts of `pieces` in it; both ascending."""
    parts: list[list[Piece]] = []
    at, many = 0, len(pieces)
    for window in windows:
        start, end = window[0], window[1]
        while at < many and pieces[at][1] <= start:
            at += 1
        within: list[Piece] = []
        following = at
        while following < many and pieces[following][0] < end:
            piece = pieces[following]
            if piece[0] >= start and piece[1] <= end:
                within.append(piece)
            else:
                within.append((max(piece[0], start), min(piece[1], end), *piece[2:]))
            following += 1
        parts.append(within)
    return parts


def cut(pieces: Sequence[Piece], windows: Sequence[Piece]) -> list[Piece]:
    """The parts of `pieces` in any of the windows; both ascending."""
    return [piece for parts in split(pieces, windows) for piece in parts]
