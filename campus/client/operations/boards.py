"""The boards that measure, and where they were placed. Made by tools/make_client.py from the OpenAPI."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from campus.client import shapes
from campus.client.transport import Transport, part


class Boards:
    """The boards that measure, and where they were placed."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def boards(
        self,
        site: str,
        *,
        assigned: bool | None = None,
        room: str | None = None,
        availability: str | None = None,
        limit: int | None = None,
        sort: Literal[
            "id",
            "-id",
            "name",
            "-name",
            "room",
            "-room",
            "availability",
            "-availability",
            "firmware",
            "-firmware",
            "first_seen",
            "-first_seen",
            "last_seen",
            "-last_seen",
        ]
        | None = None,
    ) -> Iterator[shapes.Board]:
        """Boards of a site. Those not assigned were heard, and wait to be placed in a room."""
        return self._transport.items(
            shapes.Board,
            f"/api/v1/sites/{part(site)}/boards",
            {"assigned": assigned, "room": room, "availability": availability, "limit": limit, "sort": sort},
        )

    def board(self, site: str, board: str) -> shapes.Board:
        """One board."""
        return self._transport.read(shapes.Board, "GET", f"/api/v1/sites/{part(site)}/boards/{part(board)}")

    def placements(
        self,
        site: str,
        *,
        at: datetime | None = None,
        board: str | None = None,
        room: str | None = None,
        equipment: str | None = None,
        limit: int | None = None,
        sort: Literal["id", "-id", "board", "-board", "valid_from", "-valid_from", "valid_to", "-valid_to"]
        | None = None,
    ) -> Iterator[shapes.Placement]:
        """Which board was in which room, and which of its channels on which piece of equipment, from when to
        when."""
        return self._transport.items(
            shapes.Placement,
            f"/api/v1/sites/{part(site)}/placements",
            {"at": at, "board": board, "room": room, "equipment": equipment, "limit": limit, "sort": sort},
        )

    def placement(self, site: str, id: int) -> shapes.Placement:
        """One placement."""
        return self._transport.read(
            shapes.Placement, "GET", f"/api/v1/sites/{part(site)}/placements/{part(id)}"
        )
