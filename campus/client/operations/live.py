"""What is true now, and what changes. Made by tools/make_client.py from the OpenAPI."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from campus.client import shapes
from campus.client.transport import Event, Transport, part


class Live:
    """What is true now, and what changes."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def live_state(self, *, site: str | None = None) -> shapes.Live:
        """The newest state of every room and board that you may see, and the progress of long work."""
        return self._transport.read(shapes.Live, "GET", "/api/v1/live", query={"site": site})

    def live_events(self, *, site: str | None = None) -> Iterator[Event]:
        """Server-sent events: `room`, `board` and `progress` carry the new state; `beat` comes at least every
        15 s."""
        return self._transport.events("/api/v1/live/events", {"site": site})

    def findings(
        self,
        site: str,
        *,
        room: str | None = None,
        limit: int | None = None,
        sort: Literal["room", "-room", "kind", "-kind", "since_ms", "-since_ms"] | None = None,
    ) -> Iterator[shapes.Finding]:
        """Sensors in doubt now, by room; what each kind means: docs/indicators.md."""
        return self._transport.items(
            shapes.Finding,
            f"/api/v1/sites/{part(site)}/findings",
            {"room": room, "limit": limit, "sort": sort},
        )
