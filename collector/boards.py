"""What is known of each board: its boot, whether it is there, when it was heard. For the live state and the records."""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from campus.inference.connectivity import silence_limit_ms
from campus.live import BoardState, Live
from campus.records import Records
from campus.records.boards import Seen
from campus.records.entities import LastReply, Reported
from campus.records.instants import from_ms, from_ms_or_none, to_ms
from campus.wire import server as wire
from campus.wire.server import Birth
from collector.batch import BoardKey, Sighting

KEEPALIVE_MS = 60_000
INTERVAL_MS = 60_000  # of a point whose birth names none
AT_ONCE = 100
"""Boards noted in one transaction of the records."""
NOTE_EVERY_MS = 5 * 60_000  # a board that only sends telemetry is noted in the records this often


@dataclass(slots=True)
class _Board:
    boot: str | None = None
    availability: str = "unknown"
    last_seen_ms: int | None = None
    interval_ms: int = INTERVAL_MS
    noted_ms: int = 0
    heard: bool = False  # by this process, and not read again from the journal
    rssi_dbm: float | None = None
    earlier: deque[str] = field(default_factory=lambda: deque(maxlen=8))  # boots before this one, as heard
    reported: Reported | None = None
    reply: LastReply | None = None


@dataclass(slots=True)
class _Note:
    """What the records are to be told of one board; several sightings come to one.

    `at_ms`: when it was heard; None: only what the broker repeated.
    """

    at_ms: int | None
    boot: str | None = None
    birth: dict[str, Any] | None = None
    availability: str | None = None
    reported: Reported | None = None
    reply: LastReply | None = None


@dataclass(slots=True)
class Boards:
    """Thread-safe. `room_of(site, board, at_ms)` says where a board is; silence counts from `listening_ms` on.

    `follow(heard, limit_ms)` is told what counts, in order, and how long that board may be silent; it must not block.
    """

    live: Live
    room_of: Callable[[str, str, int], str | None]
    follow: Callable[[Sighting, int], None] = lambda heard, limit_ms: None
    listening_ms: int | None = None
    _boards: dict[BoardKey, _Board] = field(default_factory=dict)
    _notes: dict[BoardKey, _Note] = field(default_factory=dict)
    _lock: Any = field(default_factory=threading.RLock)

    def load(self, records: Records) -> None:
        """Begin with what the records hold."""
        with self._lock:
            for known in records.boards():
                seen_ms = None if known.last_seen is None else to_ms(known.last_seen)
                board = _Board(
                    known.boot, known.availability, seen_ms, _interval_ms(known.points), seen_ms or 0
                )
                board.reported, board.reply = known.reported, known.last_reply
                self._boards[known.site, known.id] = board
                self._show((known.site, known.id), board)

    def saw(self, sightings: Iterable[Sighting], again: bool = False) -> None:
        """Take in what was heard, in order. `again`: read from the journal, older than all that was heard since."""
        with self._lock:
            for sighting in sightings:
                if self._saw(sighting, again):
                    self.follow(sighting, _limit_ms(self._boards[sighting.site, sighting.board]))

    def _saw(self, heard: Sighting, again: bool) -> bool:
        """Whether it counts: it is not of before what was heard already."""
        key = (heard.site, heard.board)
        board = self._boards.get(key)
        new = board is None
        if board is None:
            board = self._boards[key] = _Board()
        if again and board.heard:
            return False  # overtaken since
        board.heard = board.heard or not again
        board.interval_ms = heard.interval_ms or board.interval_ms
        note, at_ms, counts = None, None if heard.retained else heard.at_ms, True
        if heard.birth is not None:
            note = _born(board, heard.birth, at_ms, heard.known)
            counts = note is not None or heard.birth.boot == board.boot
        elif heard.reported is not None:
            note = _reported(board, heard, heard.reported, again)
        elif heard.reply is not None:
            note = _replied(board, heard, heard.reply, again)
        elif heard.availability is not None:
            current = heard.boot == board.boot or board.boot is None
            if not current and heard.availability != "online":
                return False  # the will of an earlier boot
            if heard.availability != board.availability:
                board.availability = heard.availability
                note = _Note(at_ms, availability=heard.availability)
            if heard.availability != "online":
                self._note(key, note)
                self._show(key, board)
                return True
        if not heard.retained:
            board.last_seen_ms = heard.at_ms  # also where that is earlier: the clock may have been set back
            if board.availability != "online":
                board.availability = "online"
                note = note or _Note(at_ms)
                note.availability = "online"
        due = not heard.retained and not 0 <= heard.at_ms - board.noted_ms < NOTE_EVERY_MS
        if note is None and (new or due):
            note = _Note(at_ms)
        if note is not None and at_ms is not None:
            board.noted_ms = at_ms
        self._note(key, note)
        self._show(key, board)
        return counts

    def _note(self, key: BoardKey, note: _Note | None) -> None:
        if note is None:
            return
        held = self._notes.setdefault(key, note)
        if held is not note:
            held.at_ms = max(filter(None, (held.at_ms, note.at_ms)), default=None)
            held.boot = note.boot or held.boot
            held.birth = note.birth or held.birth
            held.availability = note.availability or held.availability
            held.reported = note.reported or held.reported
            held.reply = note.reply or held.reply

    def _show(self, key: BoardKey, board: _Board) -> None:
        site, name = key
        room = self.room_of(site, name, board.last_seen_ms or 0) if board.last_seen_ms else None
        self.live.set_board(
            BoardState(site, name, board.availability, board.last_seen_ms, room, board.rssi_dbm)
        )

    def set_rssi(self, key: BoardKey, rssi_dbm: float) -> None:
        """The newest signal strength, for the live view."""
        with self._lock:
            if (board := self._boards.get(key)) is not None:
                board.rssi_dbm = rssi_dbm

    def judge_silence(self, now_ms: int) -> None:
        """Boards silent for more than max(1.5 × keep-alive, 3 × interval) are lost; only while we listen ourselves."""
        with self._lock:
            if self.listening_ms is None:
                return
            self.listening_ms = min(self.listening_ms, now_ms)
            for key, board in self._boards.items():
                limit = _limit_ms(board)
                seen_ms = board.last_seen_ms or 0
                if seen_ms > now_ms:  # the clock was ahead
                    seen_ms = board.last_seen_ms = now_ms
                silent_since = max(seen_ms, self.listening_ms)
                if board.availability == "online" and now_ms - silent_since > limit:
                    board.availability = "lost"
                    self._note(key, _Note(board.last_seen_ms or now_ms, availability="lost"))
                self._show(key, board)

    def flush(self, records: Records) -> None:
        """Write what waits to the records. Raises StoreError; what is left comes with the next call."""
        most = AT_ONCE
        while notes := self._waiting(most):
            try:
                records.saw_boards([_seen(key, note) for key, note in notes.items()])
            except Exception:
                with self._lock:
                    for key, note in notes.items():
                        newer = self._notes.pop(key, None)
                        self._notes[key] = note
                        self._note(key, newer)
                if len(notes) == 1:
                    raise
                most = 1  # what one of them spoils, the others need not wait for

    def _waiting(self, most: int) -> dict[BoardKey, _Note]:
        """Take the oldest notes."""
        with self._lock:
            return {key: self._notes.pop(key) for key in list(self._notes)[:most]}


def _seen(key: BoardKey, note: _Note) -> Seen:
    at = from_ms_or_none(note.at_ms)
    return Seen(*key, at, note.boot, note.birth, note.availability, note.reported, note.reply)


def _limit_ms(board: _Board) -> int:
    return silence_limit_ms(KEEPALIVE_MS, board.interval_ms)


def _interval_ms(points: dict[str, Any]) -> int:
    """How often a board has promised to report at least something, or the default."""
    told = [p["max_interval_ms"] for p in points.values() if isinstance(p, dict) and p.get("max_interval_ms")]
    return min(told, default=INTERVAL_MS)


def _born(board: _Board, birth: Birth, at_ms: int | None, known: bool) -> _Note | None:
    """What a birth changes. A broker that was set back may repeat (`at_ms` None) one of an earlier boot."""
    if at_ms is None and (birth.boot == board.boot or birth.boot in board.earlier):
        return None
    if at_ms is None and known and board.boot is not None:
        return None  # heard before, and another since
    if board.boot is not None and birth.boot != board.boot:
        board.earlier.append(board.boot)
    board.boot, board.interval_ms = birth.boot, _interval_ms(birth.points)
    return _Note(at_ms, birth.boot, birth._asdict())


def _reported(board: _Board, heard: Sighting, told: wire.Reported, again: bool) -> _Note | None:
    """Boards report on each connection: the same once more is no news. Nor is what the broker repeats of an earlier
    revision, or the journal of an earlier time."""
    held = board.reported
    fresh = Reported(told.rev, told.ok, tuple(told.errors), from_ms(heard.at_ms))
    if held is not None and (
        (held.rev, held.ok, held.errors) == (fresh.rev, fresh.ok, fresh.errors)
        or (heard.retained and fresh.rev < held.rev)
        or (again and fresh.received_at <= held.received_at)
    ):
        return None
    board.reported = fresh
    return _Note(None if heard.retained else heard.at_ms, reported=fresh)


def _replied(board: _Board, heard: Sighting, told: wire.Reply, again: bool) -> _Note | None:
    """A reply is never retained; one that is may be of any age."""
    held = board.reply
    if heard.retained or (held is not None and again and heard.at_ms <= to_ms(held.received_at)):
        return None
    error = told.error or {}
    fresh = LastReply(told.id, told.ok, error.get("code"), error.get("message"), from_ms(heard.at_ms))
    board.reply = fresh
    return _Note(heard.at_ms, reply=fresh)
