"""Timetables and inventories from files, with a dry run. Made by tools/make_client.py from the OpenAPI."""

from __future__ import annotations

from datetime import date
from typing import Literal

from campus.client import shapes
from campus.client.transport import Transport, part


class Imports:
    """Timetables and inventories from files, with a dry run."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def import_timetable(
        self,
        site: str,
        content: bytes,
        *,
        from_: date,
        to: date | None = None,
        session: Literal["morning", "afternoon"] | None = None,
        format: Literal["fet-csv", "fet-xml", "asc-xml", "ics", "csv", "xlsx"] | None = None,
        dry_run: bool | None = None,
    ) -> shapes.TimetableFile:
        """Put the timetable of a file of at most 10 MB (FET, aSc, iCalendar, Excel, CSV) in place of the
        stored one."""
        return self._transport.read(
            shapes.TimetableFile,
            "POST",
            f"/api/v1/sites/{part(site)}/timetable/import",
            query={"from": from_, "to": to, "session": session, "format": format, "dry_run": dry_run},
            content=content,
        )

    def import_inventory(self, site: str, content: bytes, *, dry_run: bool | None = None) -> shapes.Inventory:
        """Add and change what an inventory in JSON or TOML, of at most 10 MB, says of a site."""
        return self._transport.read(
            shapes.Inventory,
            "POST",
            f"/api/v1/sites/{part(site)}/inventory/import",
            query={"dry_run": dry_run},
            content=content,
        )
