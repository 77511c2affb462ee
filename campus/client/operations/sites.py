"""Schools with their buildings and rooms. Made by tools/make_client.py from the OpenAPI."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Literal

from campus.client import shapes
from campus.client.transport import Transport, part


class Sites:
    """Schools with their buildings and rooms."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def sites(
        self, *, limit: int | None = None, sort: Literal["id", "-id", "name", "-name"] | None = None
    ) -> Iterator[shapes.Site]:
        """The sites at which you have a role."""
        return self._transport.items(shapes.Site, "/api/v1/sites", {"limit": limit, "sort": sort})

    def site(self, site: str) -> shapes.SiteDetail:
        """One site with its buildings and the types of its rooms."""
        return self._transport.read(shapes.SiteDetail, "GET", f"/api/v1/sites/{part(site)}")

    def buildings(
        self,
        site: str,
        *,
        limit: int | None = None,
        sort: Literal["id", "-id", "name", "-name"] | None = None,
    ) -> Iterator[shapes.Building]:
        """The buildings of a site."""
        return self._transport.items(
            shapes.Building, f"/api/v1/sites/{part(site)}/buildings", {"limit": limit, "sort": sort}
        )

    def building(self, site: str, building: str) -> shapes.Building:
        """One building."""
        return self._transport.read(
            shapes.Building, "GET", f"/api/v1/sites/{part(site)}/buildings/{part(building)}"
        )

    def room_types(
        self,
        *,
        limit: int | None = None,
        sort: Literal["id", "-id", "name_vi", "-name_vi", "name_en", "-name_en"] | None = None,
    ) -> Iterator[shapes.RoomType]:
        """The types of rooms, which all sites share."""
        return self._transport.items(shapes.RoomType, "/api/v1/room-types", {"limit": limit, "sort": sort})

    def room_type(self, room_type: str) -> shapes.RoomType:
        """One type of rooms."""
        return self._transport.read(shapes.RoomType, "GET", f"/api/v1/room-types/{part(room_type)}")

    def rooms(
        self,
        site: str,
        *,
        building: str | None = None,
        floor: int | None = None,
        room_type: str | None = None,
        limit: int | None = None,
        sort: Literal[
            "id",
            "-id",
            "name",
            "-name",
            "building",
            "-building",
            "floor",
            "-floor",
            "room_type",
            "-room_type",
            "capacity",
            "-capacity",
        ]
        | None = None,
    ) -> Iterator[shapes.Room]:
        """The rooms of a site."""
        return self._transport.items(
            shapes.Room,
            f"/api/v1/sites/{part(site)}/rooms",
            {"building": building, "floor": floor, "room_type": room_type, "limit": limit, "sort": sort},
        )

    def room(self, site: str, room: str) -> shapes.Room:
        """One room."""
        return self._transport.read(shapes.Room, "GET", f"/api/v1/sites/{part(site)}/rooms/{part(room)}")

    def intervals(
        self,
        site: str,
        room: str,
        *,
        to: date,
        from_: date,
        limit: int | None = None,
        sort: Literal["start_ms", "-start_ms"] | None = None,
    ) -> Iterator[shapes.Interval]:
        """Presence of one room over [from, to): exact changes of state, final 15 minutes after they
        happened."""
        return self._transport.items(
            shapes.Interval,
            f"/api/v1/sites/{part(site)}/rooms/{part(room)}/intervals",
            {"from": from_, "to": to, "limit": limit, "sort": sort},
        )
