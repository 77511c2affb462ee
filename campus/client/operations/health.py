"""Whether this server works. Made by tools/make_client.py from the OpenAPI."""

from __future__ import annotations

from campus.client import shapes
from campus.client.transport import Transport


class Health:
    """Whether this server works."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def health_detail(self) -> shapes.HealthDetail:
        """Everything this process knows of its health."""
        return self._transport.read(shapes.HealthDetail, "GET", "/api/v1/health")

    def health(self) -> shapes.Health:
        """200 when the system takes and answers, 503 when not."""
        return self._transport.read(shapes.Health, "GET", "/health")
