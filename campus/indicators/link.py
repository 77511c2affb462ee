"""Availability to what one school day was to a board's, or a room's, connection. Pure."""

from collections.abc import Sequence
from datetime import date as Date
from datetime import datetime

from campus.indicators import CAUSES, SERVER, UNTOLD, LinkDay
from campus.indicators.spans import MINUTE_MS, Piece, cut, gaps, length, ms, union, without
from campus.inference import LOST, OFFLINE, ONLINE, SLEEPING, UNKNOWN, Stretch

THERE = (ONLINE, SLEEPING)  # a board that sleeps went away as it had said
AWAY = (LOST, OFFLINE)


def link_day(
    site: str,
    kind: str,
    id: str,
    date: Date,
    hours: tuple[datetime, datetime] | None,
    availability: Sequence[Stretch],
    causes: Sequence[Stretch],
) -> LinkDay | None:
    """How a board or room (`kind`) was connected in the school hours of one local date; None on a closed day.

    `hours` are aware UTC; stretches ascending and non-overlapping, and may reach beyond. Lost time has the cause
    (one of CAUSES) of the stretch of `causes` over it, UNTOLD without one. What is UNKNOWN or not covered by
    `availability` counts as SERVER: nobody judged it. An interruption is a loss that reaches into the hours; two
    with no connection between them are one, whatever was not judged in between.
    Raises ValueError for a cause that is none.
    """
    if hours is None:
        return None
    start, end = ms(hours[0]), ms(hours[1])
    if end <= start:
        return None
    day = [(start, end)]
    pieces = cut(availability, day)
    away = union(piece for piece in pieces if piece[2] in AWAY)
    judged = union(piece for piece in pieces if piece[2] in THERE or piece[2] in AWAY)
    told = cut([cause for cause in causes if cause.start_ms < cause.end_ms], away)
    lost = dict.fromkeys(CAUSES, 0)
    for piece in told:
        if piece[2] not in lost:
            raise ValueError(f"{kind} {id}: '{piece[2]}' is no cause; use one of {', '.join(CAUSES)}.")
        lost[piece[2]] += piece[1] - piece[0]
    lost[UNTOLD] += length(away) - length(told)
    lost[SERVER] += length(gaps(judged, start, end))
    unjudged = union(piece for piece in told if piece[2] == SERVER)
    return LinkDay(
        site,
        kind,
        id,
        date,
        (end - start) / MINUTE_MS,
        length(piece for piece in pieces if piece[2] in THERE) / MINUTE_MS,
        {cause: part / MINUTE_MS for cause, part in lost.items() if part},
        _interruptions(pieces, without(away, unjudged)),
    )


def room_availability(boards: Sequence[Sequence[Stretch]]) -> list[Stretch]:
    """A room's availability by that of its boards: ascending stretches that do not touch in one state.

    ONLINE while any of them is there; else UNKNOWN while any is, since it may be there; else LOST while any is
    away. Where no board has a stretch, the room has none.
    """
    return _joined([(start, end, _state(now)) for start, end, now in _together(boards)])


def room_causes(boards: Sequence[Sequence[Stretch]], causes: Sequence[Sequence[Stretch]]) -> list[Stretch]:
    """Why a room was lost, by the causes of its boards (in the order of `boards`): over all time it is LOST.

    The cause is that of the board that was lost last, for it took the room's last link; UNTOLD if it has none. Of
    boards that were lost at the same moment the first in order counts.
    """
    since = [_losses(board) for board in boards]
    found: list[Piece] = []
    for start, end, now in _together([*boards, *causes]):
        state = _state(now[: len(boards)])
        if state != LOST:
            continue
        away = [(since[at][start_of], -at) for at, start_of in _away(now[: len(boards)])]
        last = -max(away)[1]
        cause = now[len(boards) + last]
        found.append((start, end, UNTOLD if cause is None else cause.state))
    return _joined(found)


def _interruptions(pieces: Sequence[Piece], away: Sequence[Piece]) -> int:
    """How often something was lost since it was last there."""
    there = [(piece[0], piece[1], True) for piece in pieces if piece[2] in THERE]
    number, down = 0, False
    for _, _, online in sorted([*there, *((*span, False) for span in away)]):
        number += not online and not down
        down = not online
    return number


def _together(rows: Sequence[Sequence[Stretch]]) -> list[tuple[int, int, list[Stretch | None]]]:
    """(start, end, the stretch of each row or None) between any two moments at which a stretch begins or ends."""
    moments: list[tuple[int, int, Stretch | None]] = []
    for at, row in enumerate(rows):
        for stretch in row:
            moments += [(stretch.start_ms, at, stretch), (stretch.end_ms, at, None)]
    # An end comes before a start at the same moment, so that it does not undo it.
    moments.sort(key=lambda moment: (moment[0], moment[2] is not None))
    now: list[Stretch | None] = [None] * len(rows)
    pieces: list[tuple[int, int, list[Stretch | None]]] = []
    reached = None
    for moment, at, begun in moments:
        if reached is not None and moment > reached:
            pieces.append((reached, moment, list(now)))
        now[at], reached = begun, moment
    return pieces


def _state(now: Sequence[Stretch | None]) -> str | None:
    states = {stretch.state for stretch in now if stretch}
    if not states:
        return None
    if not states.isdisjoint(THERE):
        return ONLINE
    return UNKNOWN if states - set(AWAY) else LOST


def _away(now: Sequence[Stretch | None]) -> list[tuple[int, int]]:
    return [(at, stretch.start_ms) for at, stretch in enumerate(now) if stretch and stretch.state in AWAY]


def _losses(board: Sequence[Stretch]) -> dict[int, int]:
    """When the loss began of which a stretch is part, by the stretch's start: LOST may go on as OFFLINE."""
    since: dict[int, int] = {}
    began = reached = None
    for stretch in board:
        if stretch.state in AWAY:
            began = began if began is not None and reached == stretch.start_ms else stretch.start_ms
            since[stretch.start_ms] = began
        else:
            began = None
        reached = stretch.end_ms
    return since


def _joined(pieces: Sequence[Piece]) -> list[Stretch]:
    joined: list[Stretch] = []
    for start, end, state in pieces:
        if state is None:
            continue
        if joined and joined[-1].end_ms == start and joined[-1].state == state:
            joined[-1] = Stretch(joined[-1].start_ms, end, state)
        else:
            joined.append(Stretch(start, end, state))
    return joined
