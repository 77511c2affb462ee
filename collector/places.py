"""Where boards are placed and what they meter, read from the records now and then and kept at hand."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from campus.inference.fuse import INPUTS
from campus.inference.room import RoomModel
from campus.records import Records
from campus.records.entities import Placement, Room, Site
from campus.records.instants import to_ms
from campus.telemetry import Sample, SeriesKey, TelemetryStore
from collector.batch import BoardKey

REFRESH_MS = 15_000
METERED = ("power_w", "energy_mwh")
POINTS = (*INPUTS, "temperature_c", *METERED)
"""What is derived from, without channels."""


@dataclass(frozen=True, slots=True)
class Stay:
    """A board in a room over [from_ms, to_ms); to_ms None: until further notice."""

    board: str
    room: str
    from_ms: int
    to_ms: int | None


@dataclass(frozen=True, slots=True)
class Meter:
    """A channel of a board on a piece of equipment over [from_ms, to_ms); to_ms None: until further notice."""

    board: str
    channel: int
    equipment: str
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
        meters: dict[BoardKey, list[Meter]] = {}
        kinds: dict[str, dict[str, str]] = {}
        for site in sites:
            for room in self._records.rooms(site.id):
                rooms[site.id, room.id] = room
            kinds[site.id] = {piece.id: piece.kind for piece in self._records.equipment(site.id)}
            for placement in self._records.placements(site.id):
                span = _span(placement)
                if placement.equipment is not None and placement.channel is not None:
                    meter = Meter(placement.board, placement.channel, placement.equipment, *span)
                    meters.setdefault((site.id, placement.board), []).append(meter)
                if placement.room is None:
                    continue
                stay = Stay(placement.board, placement.room, *span)
                by_board.setdefault((site.id, stay.board), []).append(stay)
                by_room.setdefault((site.id, stay.room), []).append(stay)
        with self._lock:
            self._sites = {site.id: site for site in sites}
            self._rooms, self._by_board, self._by_room = rooms, by_board, by_room
            self._meters, self._kinds = meters, kinds
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
        """What is derived from of a room in [start_ms, end_ms): each board's samples while it was placed there."""
        samples: dict[SeriesKey, list[Sample]] = {}
        for stay, first, last in self._stays(site, room, start_ms, end_ms):
            keys = [
                key for key in telemetry.series(site, stay.board) if key.point.partition(".")[0] in POINTS
            ]
            for key, found in telemetry.read(keys, first, last).items():
                samples[key] = samples.get(key, []) + found
        return samples

    def model(self, room: Room) -> RoomModel:
        """What inference has to know of a room."""
        kinds = self._kinds.get(room.site, {})
        metered = {
            meter.equipment: kinds.get(meter.equipment, "")
            for stay in self._by_room.get((room.site, room.id), ())
            for meter in self._meters.get((room.site, stay.board), ())
        }
        return RoomModel(room.room_type, room.volume_m3, room.capacity, metered)

    def metered(
        self, site: str, room: str, samples: Mapping[SeriesKey, Sequence[Sample]]
    ) -> dict[str, tuple[list[Sample], list[Sample]]]:
        """equipment -> its samples of power and of its energy counter, of those that were read of the room."""
        found: dict[str, tuple[list[Sample], list[Sample]]] = {}
        for key, series in samples.items():
            name, _, channel = key.point.partition(".")
            if name not in METERED:
                continue
            for meter in self._meters.get((site, key.board), ()):
                if str(meter.channel) != channel:
                    continue
                own = [
                    sample
                    for sample in series
                    if meter.from_ms <= sample[0] and (meter.to_ms is None or sample[0] < meter.to_ms)
                ]
                if own:
                    found.setdefault(meter.equipment, ([], []))[METERED.index(name)].extend(own)
        return found

    def _stays(self, site: str, room: str, start_ms: int, end_ms: int) -> Iterator[tuple[Stay, int, int]]:
        """(stay, start, end) of each time that a board was in the room in [start_ms, end_ms)."""
        for stay in self._by_room.get((site, room), ()):
            first = max(start_ms, stay.from_ms)
            last = end_ms if stay.to_ms is None else min(end_ms, stay.to_ms)
            if first < last:
                yield stay, first, last


def _span(placement: Placement) -> tuple[int, int | None]:
    until = placement.valid_to
    return to_ms(placement.valid_from), None if until is None else to_ms(until)
