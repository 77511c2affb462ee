"""Whole resources as files. Made by tools/make_client.py from the OpenAPI."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

from campus.client.transport import Transport, part


class Export:
    """Whole resources as files."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def export_resource(
        self,
        site: str,
        resource: Literal[
            "buildings",
            "rooms",
            "boards",
            "placements",
            "equipment",
            "lessons",
            "loans",
            "upkeep",
            "stocktakings",
            "stocktaking-items",
            "facts",
            "equipment-facts",
            "link-days",
            "incidents",
            "months",
            "amendments",
            "audit",
            "indicators",
            "month-figures",
            "people",
        ],
        target: Path,
        *,
        format: Literal["csv", "parquet", "xlsx"] | None = None,
        from_: date | None = None,
        to: date | None = None,
        bom: bool | None = None,
    ) -> Path:
        """All rows of a resource in the order of their key, with the rights and the withholding of its
        list."""
        return self._transport.file(
            target,
            "GET",
            f"/api/v1/sites/{part(site)}/export/{part(resource)}",
            query={"format": format, "from": from_, "to": to, "bom": bom},
        )
