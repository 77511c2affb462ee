"""Placements as spans of time of a board, or of one of its channels: read, overwritten, compared, stored."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from campus.records import edits
from campus.records.history import Log
from campus.records.instants import from_ms
from campus.records.tables import BoardTable, PlacementTable

KIND = "board"
"""The kind of what is placed, in the history."""

Key = tuple[str, int | None, int]
"""What a placement is known by: board, channel (None: the board itself, in a room), valid_from_ms."""

_FOREVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Span:
    """A placement from the start in its key to `valid_to_ms`, None: until further notice."""

    room: str | None
    equipment: str | None
    valid_to_ms: int | None
    row: int | None = field(default=None, compare=False)  # in the file; None: stored

    @property
    def end_ms(self) -> int:
        return _FOREVER if self.valid_to_ms is None else self.valid_to_ms

    @property
    def target(self) -> tuple[str | None, str | None]:
        return self.room, self.equipment


Spans = dict[Key, Span]


def read(session: Session, site: str, board: str | None = None) -> Spans:
    """All that are stored of a site, or of one board."""
    query = select(PlacementTable).where(PlacementTable.site == site)
    if board is not None:
        query = query.where(PlacementTable.board == board)
    return {
        (row.board, row.channel, row.valid_from_ms): Span(row.room, row.equipment, row.valid_to_ms)
        for row in session.scalars(query)
    }


def overwritten(
    spans: Mapping[Key, Span],
    board: str,
    channel: int | None,
    start_ms: int,
    end_ms: int | None,
    target: str | None,
) -> Spans:
    """`spans` with `target`, None for nothing, over [start_ms, end_ms) in place of what the board or channel had.

    What was before and after stays; what touches and is equal becomes one.
    """
    last_ms = _FOREVER if end_ms is None else end_ms
    made = {key: span for key, span in spans.items() if key[:2] != (board, channel)}
    pieces = []
    for key, span in spans.items():
        if key[:2] == (board, channel):
            pieces.append((key[2], min(span.end_ms, start_ms), span.target))
            pieces.append((max(key[2], last_ms), span.end_ms, span.target))
    if target is not None:
        pieces.append((start_ms, last_ms, (target, None) if channel is None else (None, target)))
    joined: list[tuple[int, int, tuple[str | None, str | None]]] = []
    for piece in sorted((piece for piece in pieces if piece[0] < piece[1]), key=lambda piece: piece[0]):
        if joined and joined[-1][1:] == (piece[0], piece[2]):
            joined[-1] = (joined[-1][0], piece[1], piece[2])
        else:
            joined.append(piece)
    for first_ms, until_ms, its in joined:
        made[board, channel, first_ms] = Span(*its, None if until_ms == _FOREVER else until_ms)
    return made


def moved(before: Mapping[Key, Span], after: Mapping[Key, Span]) -> list[edits.Moved]:
    """Where, and over which times, something else is said after than before."""
    found = []
    old, new = _by_thing(before), _by_thing(after)
    for thing in sorted(old.keys() | new.keys(), key=_order):
        spans = old.get(thing, []), new.get(thing, [])
        cuts = sorted({cut for side in spans for first_ms, span in side for cut in (first_ms, span.end_ms)})
        for start_ms, end_ms in pairwise(cuts):
            was, now = (_at(side, start_ms) for side in spans)
            if was != now:
                rooms = frozenset(room for room, _ in (was, now) if room is not None)
                end = None if end_ms == _FOREVER else end_ms
                found.append(edits.Moved(thing[0], rooms, start_ms, end))
    return found


def told(before: Mapping[Key, Span], after: Mapping[Key, Span]) -> dict[str, dict[str, tuple[Any, Any]]]:
    """board -> "room" or "channel 1" -> (what was said and is not any more, what is said anew), for the history."""
    fields: dict[str, dict[str, tuple[list[Any], list[Any]]]] = {}
    for side, (one, other) in enumerate(((before, after), (after, before))):
        for key in sorted((key for key in one if other.get(key) != one[key]), key=_order):
            name = "room" if key[1] is None else f"channel {key[1]}"
            sides = fields.setdefault(key[0], {}).setdefault(name, ([], []))
            sides[side].append(_document(key, one[key]))
    return {
        board: {name: (was or None, now or None) for name, (was, now) in changed.items()}
        for board, changed in fields.items()
    }


def store(
    session: Session,
    site: str,
    zone: ZoneInfo,
    before: Mapping[Key, Span],
    after: Mapping[Key, Span],
    log: Log,
) -> list[str]:
    """Write `after` in place of `before`, with the history of each board; one line per change.

    What was derived with other placements is to be derived anew.
    """
    changes, added = [], []
    for key in before.keys() - after.keys():
        session.connection().execute(delete(PlacementTable).where(*_is(site, key)))
    changes += [
        f"remove placement {_described(key, span, zone)}" for key, span in before.items() if key not in after
    ]
    for key, span in after.items():
        board, channel, first_ms = key
        values = {"room": span.room, "equipment": span.equipment, "valid_to_ms": span.valid_to_ms}
        line = f"placement {_described(key, span, zone)}"
        old = before.get(key)
        if old is None:
            added.append(
                {"site": site, "board": board, "channel": channel, "valid_from_ms": first_ms, **values}
            )
            changes.append(f"add {line}")
        elif span != old:
            session.connection().execute(update(PlacementTable).where(*_is(site, key)).values(values))
            changes.append(f"change {line}; it was {_described(key, old, zone)}")
    if added:
        session.connection().execute(insert(PlacementTable), added)
    for board, changed in told(before, after).items():
        log.changed(KIND, board, changed)
        _count_up(session, site, board)
    edits.placements(session, site, zone, moved(before, after))
    return changes


def _count_up(session: Session, site: str, board: str) -> None:
    where = (BoardTable.site == site, BoardTable.id == board)
    session.connection().execute(update(BoardTable).where(*where).values(version=BoardTable.version + 1))


def _is(site: str, key: Key) -> tuple[Any, ...]:
    board, channel, first_ms = key
    return (
        PlacementTable.site == site,
        PlacementTable.board == board,
        PlacementTable.channel.is_not_distinct_from(channel),
        PlacementTable.valid_from_ms == first_ms,
    )


def _by_thing(spans: Mapping[Key, Span]) -> dict[tuple[str, int | None], list[tuple[int, Span]]]:
    found: dict[tuple[str, int | None], list[tuple[int, Span]]] = {}
    for key, span in spans.items():
        found.setdefault(key[:2], []).append((key[2], span))
    return found


def _at(spans: Iterable[tuple[int, Span]], at_ms: int) -> tuple[str | None, str | None]:
    return next((span.target for first_ms, span in spans if first_ms <= at_ms < span.end_ms), (None, None))


def _order(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """By board, the board itself before its channels."""
    return (key[0], -1 if key[1] is None else key[1], *key[2:])


def _document(key: Key, span: Span) -> dict[str, Any]:
    target = {"room": span.room} if key[1] is None else {"equipment": span.equipment}
    until = None if span.valid_to_ms is None else from_ms(span.valid_to_ms).isoformat(timespec="milliseconds")
    return {**target, "from": from_ms(key[2]).isoformat(timespec="milliseconds"), "to": until}


def _described(key: Key, span: Span, zone: ZoneInfo) -> str:
    board, channel, first_ms = key
    what = f"board {board}" + ("" if channel is None else f" channel {channel}")
    until = f" to {_local(span.valid_to_ms, zone)}" if span.valid_to_ms is not None else ""
    return f"{what} in {span.room or span.equipment} from {_local(first_ms, zone)}{until}"


def _local(ms: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(ms / 1000, zone).isoformat(timespec="minutes")
