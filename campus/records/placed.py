"""The part of `Records` in which places are edited: buildings, rooms, boards, and where boards are."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from campus.records import audit, boards, place_edits, placement_spans, places
from campus.records.database import Database
from campus.records.entities import Board, Building, Placement, Room
from campus.records.instants import to_ms
from campus.records.place_edits import BOARD, BUILDING, ROOM, Kind


class PlacedRecords:
    """Every method is one transaction, in which the history and the audit log are written too.

    `by` is the name of the person who does it; fields are those of the inventory's rows. `version`: only if the thing
    still has it. Raises NotFound, UsageError naming the field that is wrong, register.Conflict where the thing is not
    in the state for it, and register.Stale, a Conflict, where it has another version.
    """

    _database: Database
    _now: Callable[[], datetime]

    def building(self, site: str, id: str) -> Building:
        with self._database.read() as session:
            return places.building(session, site, id)

    def create_building(self, site: str, values: Mapping[str, Any], by: str) -> Building:
        with self._database.write() as session:
            return places.building(session, site, self._create(session, site, BUILDING, values, by))

    def change_building(
        self, site: str, id: str, changes: Mapping[str, Any], by: str, version: int | None = None
    ) -> Building:
        """Change the fields given, all or none."""
        with self._database.write() as session:
            self._change(session, site, BUILDING, id, changes, by, version)
            return places.building(session, site, id)

    def remove_building(self, site: str, id: str, by: str, version: int | None = None) -> None:
        """Raises Conflict that names the rooms in it."""
        self._remove(site, BUILDING, id, by, version)

    def create_room(self, site: str, values: Mapping[str, Any], by: str) -> Room:
        with self._database.write() as session:
            return places.room(session, site, self._create(session, site, ROOM, values, by))

    def change_room(
        self, site: str, id: str, changes: Mapping[str, Any], by: str, version: int | None = None
    ) -> Room:
        """Change the fields given, all or none; with another capacity, its facts are to be made anew."""
        with self._database.write() as session:
            self._change(session, site, ROOM, id, changes, by, version)
            return places.room(session, site, id)

    def remove_room(self, site: str, id: str, by: str, version: int | None = None) -> None:
        """Raises Conflict that names what refers to it: boards, equipment, lessons, what was measured."""
        self._remove(site, ROOM, id, by, version)

    def change_board(
        self, site: str, board: str, changes: Mapping[str, Any], by: str, version: int | None = None
    ) -> Board:
        """Change its `name` or `note`: the rest of its record is what it told itself."""
        with self._database.write() as session:
            self._change(session, site, BOARD, board, changes, by, version)
            return boards.board(session, site, board)

    def place_board(
        self,
        site: str,
        board: str,
        room: str | None,
        at: datetime | None,
        by: str,
        channels: Mapping[int, str] | None = None,
        version: int | None = None,
    ) -> list[Placement]:
        """Say where a board is from `at` (None: now) until its next placement; returns all that hold from `at` on.

        `room` None: in no room. `channels`: channel -> equipment, all that it meters; None: as it is while the board
        stays in its room, else nothing. `at` without a zone is local time of the site. What was before, and from the
        next placement on, stays; what was derived meanwhile is to be derived anew.
        """
        now = self._now()
        with self._database.write() as session:
            since = now if at is None else place_edits.moment(session, site, at)
            before, after = place_edits.place(session, site, board, room, since, by, now, channels, version)
            if changed := placement_spans.told(before, after).get(board):
                sides = [{name: sides[side] for name, sides in changed.items()} for side in (0, 1)]
                self._note_edit(session, "board.placed", BOARD, site, board, *sides)
            return boards.placed_from(session, site, board, since)

    def board_placements(self, site: str, board: str, at: datetime | None = None) -> list[Placement]:
        """Of one board, those that hold from `at` on, None: all that ever were; by channel and start."""
        with self._database.read() as session:
            boards.board(session, site, board)
            return boards.placed_from(session, site, board, at)

    def _create(self, session: Session, site: str, kind: Kind, values: Mapping[str, Any], by: str) -> str:
        made = place_edits.create(session, site, kind, values, by, self._now())
        id = str(made["id"])
        self._note_edit(session, f"{kind.one}.added", kind, site, id, None, made)
        return id

    def _change(
        self,
        session: Session,
        site: str,
        kind: Kind,
        id: str,
        changes: Mapping[str, Any],
        by: str,
        version: int | None,
    ) -> None:
        changed = place_edits.change(session, site, kind, id, changes, by, self._now(), version)
        if changed:
            before, after = ({name: sides[side] for name, sides in changed.items()} for side in (0, 1))
            self._note_edit(session, f"{kind.one}.changed", kind, site, id, before, after)

    def _remove(self, site: str, kind: Kind, id: str, by: str, version: int | None) -> None:
        with self._database.write() as session:
            was = place_edits.remove(session, site, kind, id, by, self._now(), version)
            self._note_edit(session, f"{kind.one}.removed", kind, site, id, was, None)

    def _note_edit(
        self, session: Session, what: str, kind: Kind, site: str, id: str, before: Any, after: Any
    ) -> None:
        audit.note(session, to_ms(self._now()), what, kind.one, id, before, after, site)
