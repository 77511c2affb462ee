"""What is true now: the latest state of rooms and boards, shared by the collector (writes) and the API (reads)."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class RoomState:
    """`presence` None = not measured. `values` holds the newest usable value per point without its channel."""

    site: str
    room: str
    presence: bool | None
    since_ms: int | None
    motion_at_ms: int | None
    updated_at_ms: int
    values: dict[str, float] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """What is said of a room, by the live stream and on the room's topic alike."""
        return {
            "site": self.site, "room": self.room, "presence": self.presence, "since_ms": self.since_ms,
            "motion_at_ms": self.motion_at_ms, "updated_at_ms": self.updated_at_ms, "values": dict(self.values),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class BoardState:
    """`availability` as on the wire, or "unknown" before anything was heard. `room` None = unassigned."""

    site: str
    board: str
    availability: str
    last_seen_ms: int | None
    room: str | None
    rssi_dbm: float | None = None

    def body(self) -> dict[str, Any]:
        """What the live stream says of a board. Written out: asdict() takes 10 µs, and boards are heard often."""
        return {
            "site": self.site, "board": self.board, "availability": self.availability,
            "last_seen_ms": self.last_seen_ms, "room": self.room, "rssi_dbm": self.rssi_dbm,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One event of the live stream: kind is "room", "board", "progress", or "reset": look at all of a site anew."""

    kind: str
    body: dict[str, Any]


class Live:
    """Thread-safe. Listeners are called on the writer's thread, must not block, and hear only real changes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._telling = threading.RLock()  # what listeners heard last is what holds
        self._rooms: dict[tuple[str, str], RoomState] = {}
        self._boards: dict[tuple[str, str], BoardState] = {}
        self._progress: dict[str, dict[str, Any]] = {}
        self._doubts: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self._listeners: list[Callable[[Change], None]] = []

    def set_room(self, state: RoomState) -> None:
        self._set(self._rooms, (state.site, state.room), state, "room", state.body)

    def drop_room(self, site: str, room: str) -> None:
        """The room is not in the records any more."""
        with self._telling:
            with self._lock:
                gone = self._rooms.pop((site, room), None)
                self._doubts.pop((site, room), None)
                listeners = tuple(self._listeners)
            for listener in listeners if gone is not None else ():
                listener(Change("reset", {"site": site}))

    def set_board(self, state: BoardState) -> None:
        self._set(self._boards, (state.site, state.board), state, "board", state.body)

    def set_doubts(self, site: str, room: str, findings: list[dict[str, Any]]) -> None:
        """Which sensors of a room are in doubt, as `campus.inference.sensor_checks` finds; no event of the stream."""
        with self._lock:
            self._doubts[site, room] = findings

    def doubts(self, site: str) -> list[tuple[str, dict[str, Any]]]:
        """(room, finding) of a site, by room."""
        with self._lock:
            found = [(key, list(each)) for key, each in sorted(self._doubts.items()) if key[0] == site]
        return [(room, one) for (_, room), each in found for one in each]

    def set_progress(self, task: str, done: float, total: float, note: str = "") -> None:
        """Progress of long work (`history`, ...); finished when done == total."""
        body = {"task": task, "done": done, "total": total, "note": note}
        self._set(self._progress, task, body, "progress", lambda: body)

    def _set(
        self, table: dict[Any, Any], key: Any, value: Any, kind: str, body: Callable[[], dict[str, Any]]
    ) -> None:
        with self._telling:
            with self._lock:
                if table.get(key) == value:
                    return
                table[key] = value
                listeners = tuple(self._listeners)
            if listeners:
                change = Change(kind, body())
                for listener in listeners:
                    listener(change)

    def room(self, site: str, room: str) -> RoomState | None:
        with self._lock:
            return self._rooms.get((site, room))

    def rooms(self, site: str | None = None) -> list[RoomState]:
        with self._lock:
            return [state for key, state in sorted(self._rooms.items()) if site in (None, key[0])]

    def board(self, site: str, board: str) -> BoardState | None:
        with self._lock:
            return self._boards.get((site, board))

    def boards(self, site: str | None = None) -> list[BoardState]:
        with self._lock:
            return [state for key, state in sorted(self._boards.items()) if site in (None, key[0])]

    def progress(self) -> list[dict[str, Any]]:
        with self._lock:
            return list(self._progress.values())

    def listen(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Add a listener; the returned function removes it."""
        with self._lock:
            self._listeners.append(listener)

        def remove() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return remove
