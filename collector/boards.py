"""What is known of each board: its boot, whether it is there, when it was heard. For the live state and the records."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from campus.live import BoardState, Live
from campus.records import Records
from campus.wire.lifecycle import Birth
from collector.intake import BoardKey, Sighting

KEEPALIVE_MS = 60_000
INTERVAL_MS = 60_000  # of a point whose birth names none
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


@dataclass(slots=True)
class _Note:
    """What the records are to be told of one board; several sightings come to one."""

    at_ms: int
    boot: str | None = None
    birth: dict[str, Any] | None = None
    availability: str | None = None


@dataclass(slots=True)
class Boards:
    """Thread-safe. `room_of(site, board, at_ms)` says where a board is; silence counts from `listening_ms` on."""

    live: Live
    room_of: Callable[[str, str, int], str | None]
    listening_ms: int | None = None
    _boards: dict[BoardKey, _Board] = field(default_factory=dict)
    _notes: dict[BoardKey, _Note] = field(default_factory=dict)
    _lock: Any = field(default_factory=threading.RLock)

    def load(self, records: Records) -> None:
        """Begin with what the records hold."""
        with self._lock:
            for known in records.boards():
                seen_ms = None if known.last_seen is None else int(known.last_seen.timestamp() * 1000)
                board = _Board(
                    known.boot, known.availability, seen_ms, _interval_ms(known.points), seen_ms or 0
                )
                self._boards[known.site, known.id] = board
                self._show((known.site, known.id), board)

    def saw(self, sightings: Iterable[Sighting], again: bool = False) -> None:
        """Take in what was heard, in order. `again`: read from the journal, older than all that was heard since."""
        with self._lock:
            for sighting in sightings:
                self._saw(sighting, again)

    def _saw(self, heard: Sighting, again: bool) -> None:
        key = (heard.site, heard.board)
        board = self._boards.get(key)
        new = board is None
        if board is None:
            board = self._boards[key] = _Board()
        note = None
        if again and board.heard:
            return  # overtaken since
        board.heard = board.heard or not again
        if heard.birth is not None:
            if heard.birth.boot != board.boot or not heard.retained:
                note = _Note(heard.at_ms, heard.birth.boot, _described(heard.birth))
                board.boot, board.interval_ms = heard.birth.boot, _interval_ms(heard.birth.points)
        elif heard.availability is not None:
            current = heard.boot == board.boot or board.boot is None
            if not current and heard.availability != "online":
                return  # the will of an earlier boot
            if heard.availability != board.availability:
                board.availability = heard.availability
                note = _Note(heard.at_ms, availability=heard.availability)
            if heard.availability != "online":
                self._note(key, note)
                self._show(key, board)
                return
        if not heard.retained:
            board.last_seen_ms = heard.at_ms  # also where that is earlier: the clock may have been set back
            if board.availability != "online":
                board.availability = "online"
                note = note or _Note(heard.at_ms)
                note.availability = "online"
        if note is None and (new or not 0 <= heard.at_ms - board.noted_ms < NOTE_EVERY_MS):
            note = _Note(heard.at_ms)
        if note is not None:
            board.noted_ms = heard.at_ms
        self._note(key, note)
        self._show(key, board)

    def _note(self, key: BoardKey, note: _Note | None) -> None:
        if note is None:
            return
        held = self._notes.setdefault(key, note)
        if held is not note:
            held.at_ms = max(held.at_ms, note.at_ms)
            held.boot = note.boot or held.boot
            held.birth = note.birth or held.birth
            held.availability = note.availability or held.availability

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
                limit = max(1.5 * KEEPALIVE_MS, 3 * board.interval_ms)
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
        while True:
            with self._lock:
                if not self._notes:
                    return
                key = next(iter(self._notes))
                note = self._notes.pop(key)
            try:
                at = datetime.fromtimestamp(note.at_ms / 1000, UTC)
                records.saw_board(*key, at, boot=note.boot, birth=note.birth, availability=note.availability)
            except Exception:
                with self._lock:
                    newer = self._notes.pop(key, None)
                    self._notes[key] = note
                    self._note(key, newer)
                raise


def _interval_ms(points: dict[str, Any]) -> int:
    """How often a board has promised to report at least something, or the default."""
    told = [p["max_interval_ms"] for p in points.values() if isinstance(p, dict) and p.get("max_interval_ms")]
    return min(told, default=INTERVAL_MS)


def _described(birth: Birth) -> dict[str, Any]:
    return {"firmware": birth.firmware, "hardware": birth.hardware, "points": birth.points}
