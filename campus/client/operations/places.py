"""Changes of buildings, rooms, boards and placements. Made by tools/make_client.py from the OpenAPI."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from campus.client import shapes
from campus.client.shape import Shape
from campus.client.transport import Transport, part


class Places:
    """Changes of buildings, rooms, boards and placements."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create_building(self, site: str, form: shapes.BuildingNew) -> shapes.Building:
        """Add a building."""
        return self._transport.read(
            shapes.Building, "POST", f"/api/v1/sites/{part(site)}/buildings", form=form
        )

    def change_building(
        self, site: str, building: str, form: shapes.BuildingChanges, *, read: Shape | None = None
    ) -> shapes.Building:
        """Change some fields, all or none."""
        return self._transport.read(
            shapes.Building,
            "PATCH",
            f"/api/v1/sites/{part(site)}/buildings/{part(building)}",
            form=form,
            read=read,
        )

    def remove_building(self, site: str, building: str, *, read: Shape | None = None) -> None:
        """Take a building out of the records; 409 while rooms are in it."""
        self._transport.done("DELETE", f"/api/v1/sites/{part(site)}/buildings/{part(building)}", read=read)

    def create_room(self, site: str, form: shapes.RoomNew) -> shapes.Room:
        """Add a room."""
        return self._transport.read(shapes.Room, "POST", f"/api/v1/sites/{part(site)}/rooms", form=form)

    def change_room(
        self, site: str, room: str, form: shapes.RoomChanges, *, read: Shape | None = None
    ) -> shapes.Room:
        """Change some fields, all or none; with another capacity its facts are made anew."""
        return self._transport.read(
            shapes.Room, "PATCH", f"/api/v1/sites/{part(site)}/rooms/{part(room)}", form=form, read=read
        )

    def remove_room(self, site: str, room: str, *, read: Shape | None = None) -> None:
        """Take a room out of the records; 409 that names what refers to it, such as boards, lessons, what was
        measured."""
        self._transport.done("DELETE", f"/api/v1/sites/{part(site)}/rooms/{part(room)}", read=read)

    def change_board(
        self, site: str, board: str, form: shapes.BoardChanges, *, read: Shape | None = None
    ) -> shapes.Board:
        """Change a board's name or note; the rest of its record is what it told itself."""
        return self._transport.read(
            shapes.Board, "PATCH", f"/api/v1/sites/{part(site)}/boards/{part(board)}", form=form, read=read
        )

    def building_history(
        self,
        site: str,
        building: str,
        *,
        limit: int | None = None,
        sort: Literal["number", "-number"] | None = None,
    ) -> Iterator[shapes.RecordChange]:
        """What every field was and became, who changed it and how; the newest first. Also of one that was
        removed."""
        return self._transport.items(
            shapes.RecordChange,
            f"/api/v1/sites/{part(site)}/buildings/{part(building)}/history",
            {"limit": limit, "sort": sort},
        )

    def room_history(
        self,
        site: str,
        room: str,
        *,
        limit: int | None = None,
        sort: Literal["number", "-number"] | None = None,
    ) -> Iterator[shapes.RecordChange]:
        """What every field was and became, who changed it and how; the newest first. Also of one that was
        removed."""
        return self._transport.items(
            shapes.RecordChange,
            f"/api/v1/sites/{part(site)}/rooms/{part(room)}/history",
            {"limit": limit, "sort": sort},
        )

    def place(
        self, site: str, board: str, form: shapes.PlacementIn, *, read: Shape | None = None
    ) -> shapes.Placed:
        """Say in which room a board is, and what it meters, from a moment until its next placement."""
        return self._transport.read(
            shapes.Placed,
            "PUT",
            f"/api/v1/sites/{part(site)}/boards/{part(board)}/placement",
            form=form,
            read=read,
        )

    def take_out(
        self, site: str, board: str, *, at: datetime | None = None, read: Shape | None = None
    ) -> shapes.Placed:
        """Say that a board is in no room, and meters nothing, from a moment until its next placement."""
        return self._transport.read(
            shapes.Placed,
            "DELETE",
            f"/api/v1/sites/{part(site)}/boards/{part(board)}/placement",
            query={"at": at},
            read=read,
        )

    def board_history(
        self,
        site: str,
        board: str,
        *,
        limit: int | None = None,
        sort: Literal["number", "-number"] | None = None,
    ) -> Iterator[shapes.RecordChange]:
        """Where a board was said to be, what its channels were said to meter, and its name and note; the
        newest first."""
        return self._transport.items(
            shapes.RecordChange,
            f"/api/v1/sites/{part(site)}/boards/{part(board)}/history",
            {"limit": limit, "sort": sort},
        )
