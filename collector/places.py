"""Where boards are placed, read from the records now and then and kept at hand."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from campus.inference.fuse import INPUTS
from campus.records import Records
from campus.records.entities import Room, Site
from campus.telemetry import Sample, SeriesKey, TelemetryStore
from collector.batch import BoardKey

REFRESH_MS = 15_000


@dataclass(frozen=True, slots=True)
class Stay:
    """A board in a room over [from_ms, to_ms); to_ms None: until further notice."""

    board: str
    room: str
    from_ms: int
    to_ms: int | None


class Places:
    """Thread-safe. Refreshed every REFRESH_MS of `clock_ms`, or by `refresh()`. Raises StoreError when that fails."""

    def __init__(self, records: Records, clock_ms: Callable[[], int]) -> None:
        self._records, self._clock_ms = records, clock_ms
        self._lock = threading.Lock()
        self.refresh()

    def refresh(self) -> None:
        sites = self._records.sites()
        rooms: dict[tuple[str, str], Room] = {}
        by_board: dict[BoardKey, list[Stay]] = {}
        by_room: dict[tuple[str, str], list[Stay]] = {}
        for site in sites:
            for room in self._records.rooms(site.id):
                rooms[site.id, room.id] = room
            for placement in self._records.placements(site.id):
                if placement.room is None:
                    continue
                until = placement.valid_to
                stay = Stay(
                    placement.board,
                    placement.room,
                    int(placement.valid_from.timestamp() * 1000),
                    None if until is None else int(until.timestamp() * 1000),
                )
                by_board.setdefault((site.id, stay.board), []).append(stay)
                by_room.setdefault((site.id, stay.room), []).append(stay)
        with self._lock:
            self._sites = {site.id: site for site in sites}
            self._rooms, self._by_board, self._by_room = rooms, by_board, by_room
            self._read_at_ms = self._clock_ms()

    def keep_fresh(self) -> None:
        if not 0 <= self._clock_ms() - self._read_at_ms < REFRESH_MS:
            self.refresh()

    def sites(self) -> list[Site]:
        return list(self._sites.values())

    def rooms(self) -> list[Room]:
        """Rooms that have, had or will have a board."""
        return [room for key, room in self._rooms.items() if key in self._by_room]

    def room(self, site: str, room: str) -> Room | None:
        return self._rooms.get((site, room))

    def zone(self, site: str) -> ZoneInfo:
        """Of any site; UTC where it is not known."""
        return ZoneInfo(self._sites[site].tz) if site in self._sites else ZoneInfo("UTC")

    def tz(self, site: str) -> str:
        return self._sites[site].tz

    def stay(self, site: str, board: str, at_ms: int) -> Stay | None:
        """Where a board is at a time, since when and until when."""
        for stay in self._by_board.get((site, board), ()):
            if stay.from_ms <= at_ms and (stay.to_ms is None or at_ms < stay.to_ms):
                return stay
        return None

    def room_of(self, site: str, board: str, at_ms: int) -> str | None:
        stay = self.stay(site, board, at_ms)
        return None if stay is None else stay.room

    def rooms_of(self, site: str, board: str, start_ms: int, end_ms: int) -> set[str]:
        """Rooms that the board was in at some time of [start_ms, end_ms]."""
        return {
            stay.room
            for stay in self._by_board.get((site, board), ())
            if stay.from_ms <= end_ms and (stay.to_ms is None or start_ms < stay.to_ms)
        }

    def read(
        self, telemetry: TelemetryStore, site: str, room: str, start_ms: int, end_ms: int
    ) -> dict[SeriesKey, list[Sample]]:
        """What presence needs of a room in [start_ms, end_ms): each board's samples while it was placed there."""
        samples: dict[SeriesKey, list[Sample]] = {}
        for stay in self._by_room.get((site, room), ()):
            first = max(start_ms, stay.from_ms)
            last = end_ms if stay.to_ms is None else min(end_ms, stay.to_ms)
            if first >= last:
                continue
            keys = [
                key for key in telemetry.series(site, stay.board) if key.point.partition(".")[0] in INPUTS
            ]
            for key, found in telemetry.read(keys, first, last).items():
                samples[key] = samples.get(key, []) + found
        return samples
