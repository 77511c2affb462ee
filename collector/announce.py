"""What other programs hear of rooms: each room's state, and Home Assistant's discovery messages, retained."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from campus.live import Change, Live
from campus.records import Records
from campus.records.entities import Room
from campus.wire.server import room_topic
from campus.wire.topics import valid_id
from collector.home_assistant import discovery
from collector.places import Places
from collector.retained import Retained


def room_payload(body: dict[str, Any]) -> bytes:
    """What is published of a room: what the live stream says of it, and the contract's version."""
    return json.dumps({"v": 1, **body}, separators=(",", ":")).encode()


class Announcements:
    """Follows the live state, as the API's live stream does. `prefix`: of discovery messages, None for none."""

    def __init__(
        self, file: Path, live: Live, places: Places, records: Records, service: str | None, prefix: str | None,
        clock_ms: Callable[[], int],
    ) -> None:  # fmt: skip
        self.retained = Retained(file)
        self._live, self._places, self._records = live, places, records
        self._service, self._prefix, self._clock_ms = service, prefix, clock_ms
        self.close = live.listen(self._changed)

    def renew(self) -> None:
        """Follow the records: rooms and boards that came, went, or have another name. Raises StoreError."""
        rooms = [room for room in self._places.rooms() if valid_id(room.site) and valid_id(room.id)]
        topics = {room_topic(room.site, room.id): room for room in rooms}
        told = self._discovery(rooms) if self._prefix else {}
        self.retained.keep(topics.keys() | told.keys())
        for topic, room in topics.items():
            if (state := self._live.room(room.site, room.id)) is not None:
                self.retained.hold(topic, room_payload(state.body()), first=True)
        for topic, payload in told.items():
            self.retained.hold(topic, payload)

    def _discovery(self, rooms: list[Room]) -> dict[str, bytes]:
        now_ms = self._clock_ms()
        boards = [
            (board, self._places.room_of(board.site, board.id, now_ms)) for board in self._records.boards()
        ]
        return discovery(self._prefix or "", rooms, boards, self._service)

    def _changed(self, change: Change) -> None:
        site, room = change.body.get("site"), change.body.get("room")
        if change.kind == "room" and valid_id(site) and valid_id(room):
            self.retained.hold(room_topic(site, room), room_payload(change.body))
