"""The register: records, files, loans, upkeep, stocktaking. Made by tools/make_client.py from the OpenAPI."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Literal

from campus.client import shapes
from campus.client.shape import Shape
from campus.client.transport import Transport, part


class Equipment:
    """The register: records, files, loans, upkeep, stocktaking."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def equipment(
        self,
        site: str,
        *,
        room: str | None = None,
        kind: str | None = None,
        condition: Literal["good", "worn", "broken", "under-repair"] | None = None,
        subject_group: str | None = None,
        retired: bool | None = None,
        limit: int | None = None,
        sort: Literal[
            "id",
            "-id",
            "name",
            "-name",
            "kind",
            "-kind",
            "room",
            "-room",
            "condition",
            "-condition",
            "item_code",
            "-item_code",
            "subject_group",
            "-subject_group",
            "price_vnd",
            "-price_vnd",
            "in_service_on",
            "-in_service_on",
            "verified_on",
            "-verified_on",
            "retired_on",
            "-retired_on",
        ]
        | None = None,
    ) -> Iterator[shapes.Equipment]:
        """The records of equipment; what is retired only where it is asked for."""
        return self._transport.items(
            shapes.Equipment,
            f"/api/v1/sites/{part(site)}/equipment",
            {
                "room": room,
                "kind": kind,
                "condition": condition,
                "subject_group": subject_group,
                "retired": retired,
                "limit": limit,
                "sort": sort,
            },
        )

    def create_equipment(self, site: str, form: shapes.EquipmentNew) -> shapes.Equipment:
        """Add a piece of equipment."""
        return self._transport.read(
            shapes.Equipment, "POST", f"/api/v1/sites/{part(site)}/equipment", form=form
        )

    def equipment_record(self, site: str, id: str) -> shapes.Equipment:
        """One record."""
        return self._transport.read(
            shapes.Equipment, "GET", f"/api/v1/sites/{part(site)}/equipment/{part(id)}"
        )

    def change_equipment(
        self, site: str, id: str, form: shapes.EquipmentChanges, *, read: Shape | None = None
    ) -> shapes.Equipment:
        """Change some fields, all or none. Where somebody else was faster: 412 with `If-Match`, 409 with
        `version`."""
        return self._transport.read(
            shapes.Equipment,
            "PATCH",
            f"/api/v1/sites/{part(site)}/equipment/{part(id)}",
            form=form,
            read=read,
        )

    def equipment_history(
        self,
        site: str,
        id: str,
        *,
        limit: int | None = None,
        sort: Literal["number", "-number"] | None = None,
    ) -> Iterator[shapes.RecordChange]:
        """What every field was and became, who changed it and how; the newest first."""
        return self._transport.items(
            shapes.RecordChange,
            f"/api/v1/sites/{part(site)}/equipment/{part(id)}/history",
            {"limit": limit, "sort": sort},
        )

    def equipment_files(
        self,
        site: str,
        id: str,
        *,
        limit: int | None = None,
        sort: Literal["number", "-number", "name", "-name", "size", "-size"] | None = None,
    ) -> Iterator[shapes.File]:
        """Photos and documents of a piece, the oldest first."""
        return self._transport.items(
            shapes.File,
            f"/api/v1/sites/{part(site)}/equipment/{part(id)}/files",
            {"limit": limit, "sort": sort},
        )

    def attach_file(self, site: str, id: str, content: bytes, *, name: str | None = None) -> shapes.File:
        """Keep a JPEG, PNG or PDF of at most 10 MB, sent as the body; what it is, its content says."""
        return self._transport.read(
            shapes.File,
            "POST",
            f"/api/v1/sites/{part(site)}/equipment/{part(id)}/files",
            query={"name": name},
            content=content,
        )

    def attached_file(self, site: str, id: int, target: Path) -> Path:
        """A file, for download: never shown as a page."""
        return self._transport.file(target, "GET", f"/api/v1/sites/{part(site)}/files/{part(id)}")

    def remove_file(self, site: str, id: int) -> None:
        """Take a file away."""
        self._transport.done("DELETE", f"/api/v1/sites/{part(site)}/files/{part(id)}")

    def record_coverage(self, site: str) -> shapes.Completeness:
        """How complete the records are today, by kind and room, what is missing of each, and the targets."""
        return self._transport.read(shapes.Completeness, "GET", f"/api/v1/sites/{part(site)}/record-coverage")

    def export_register(self, site: str, target: Path) -> Path:
        """The whole register as an Excel workbook that the import reads back."""
        return self._transport.file(target, "GET", f"/api/v1/sites/{part(site)}/register/export")

    def import_register(
        self, site: str, content: bytes, *, dry_run: bool | None = None
    ) -> shapes.RegisterFile:
        """Add and change what an Excel or CSV file of at most 10 MB, sent as the body, holds: all of it or
        nothing."""
        return self._transport.read(
            shapes.RegisterFile,
            "POST",
            f"/api/v1/sites/{part(site)}/register/import",
            query={"dry_run": dry_run},
            content=content,
        )

    def fill_template(self, site: str, target: Path, content: bytes, *, room: str | None = None) -> Path:
        """An authority's own Excel template, sent as the body, filled with the pieces in use."""
        return self._transport.file(
            target,
            "POST",
            f"/api/v1/sites/{part(site)}/register/template",
            query={"room": room},
            content=content,
        )

    def register_labels(
        self, site: str, target: Path, *, room: str | None = None, skip: int | None = None
    ) -> Path:
        """A PDF of QR labels to print on A4, 24 a page."""
        return self._transport.file(
            target, "GET", f"/api/v1/sites/{part(site)}/register/labels", query={"room": room, "skip": skip}
        )

    def loans(
        self,
        site: str,
        *,
        equipment: str | None = None,
        status: Literal["lent", "overdue", "returned"] | None = None,
        subject_group: str | None = None,
        limit: int | None = None,
        sort: Literal[
            "number",
            "-number",
            "equipment",
            "-equipment",
            "out_at",
            "-out_at",
            "due_on",
            "-due_on",
            "used_on",
            "-used_on",
            "back_at",
            "-back_at",
        ]
        | None = None,
    ) -> Iterator[shapes.Loan]:
        """Loan slips, the newest first."""
        return self._transport.items(
            shapes.Loan,
            f"/api/v1/sites/{part(site)}/loans",
            {
                "equipment": equipment,
                "status": status,
                "subject_group": subject_group,
                "limit": limit,
                "sort": sort,
            },
        )

    def lend(self, site: str, form: shapes.LoanForm) -> shapes.Loan:
        """Write a loan slip; 409 where not as many are there."""
        return self._transport.read(shapes.Loan, "POST", f"/api/v1/sites/{part(site)}/loans", form=form)

    def loan(self, site: str, id: int) -> shapes.Loan:
        """One loan slip."""
        return self._transport.read(shapes.Loan, "GET", f"/api/v1/sites/{part(site)}/loans/{part(id)}")

    def return_loan(self, site: str, id: int, form: shapes.ReturnForm) -> shapes.Loan:
        """Take a loan back; 409 if it is back already."""
        return self._transport.read(
            shapes.Loan, "POST", f"/api/v1/sites/{part(site)}/loans/{part(id)}/return", form=form
        )

    def upkeep(
        self,
        site: str,
        *,
        equipment: str | None = None,
        kind: Literal["maintenance", "incident"] | None = None,
        open: bool | None = None,
        limit: int | None = None,
        sort: Literal[
            "number",
            "-number",
            "equipment",
            "-equipment",
            "opened_at",
            "-opened_at",
            "closed_at",
            "-closed_at",
            "cost_vnd",
            "-cost_vnd",
        ]
        | None = None,
    ) -> Iterator[shapes.Upkeep]:
        """Maintenance and incidents, the newest first."""
        return self._transport.items(
            shapes.Upkeep,
            f"/api/v1/sites/{part(site)}/upkeep",
            {"equipment": equipment, "kind": kind, "open": open, "limit": limit, "sort": sort},
        )

    def begin_upkeep(self, site: str, form: shapes.UpkeepForm) -> shapes.Upkeep:
        """Note maintenance or an incident of a piece."""
        return self._transport.read(shapes.Upkeep, "POST", f"/api/v1/sites/{part(site)}/upkeep", form=form)

    def one_upkeep(self, site: str, id: int) -> shapes.Upkeep:
        """One maintenance or incident."""
        return self._transport.read(shapes.Upkeep, "GET", f"/api/v1/sites/{part(site)}/upkeep/{part(id)}")

    def end_upkeep(self, site: str, id: int, form: shapes.UpkeepEndForm) -> shapes.Upkeep:
        """Close it with its cause, work and cost; 409 if it is closed already."""
        return self._transport.read(
            shapes.Upkeep, "POST", f"/api/v1/sites/{part(site)}/upkeep/{part(id)}/end", form=form
        )

    def equipment_reliability(
        self, site: str, *, to: date, from_: date, equipment: str | None = None
    ) -> shapes.Reliability:
        """Availability, mean time between failures and to repair over [from, to), of one piece or all, by
        incidents."""
        return self._transport.read(
            shapes.Reliability,
            "GET",
            f"/api/v1/sites/{part(site)}/equipment-reliability",
            query={"equipment": equipment, "from": from_, "to": to},
        )

    def stocktakings(
        self,
        site: str,
        *,
        room: str | None = None,
        open: bool | None = None,
        limit: int | None = None,
        sort: Literal[
            "number", "-number", "room", "-room", "opened_at", "-opened_at", "closed_at", "-closed_at"
        ]
        | None = None,
    ) -> Iterator[shapes.StocktakingHead]:
        """Stocktakings, the newest first; each of them has its difference report."""
        return self._transport.items(
            shapes.StocktakingHead,
            f"/api/v1/sites/{part(site)}/stocktakings",
            {"room": room, "open": open, "limit": limit, "sort": sort},
        )

    def begin_stocktaking(self, site: str, form: shapes.StocktakingForm) -> shapes.Stocktaking:
        """Begin the stocktaking of a room; 409 while one is open there."""
        return self._transport.read(
            shapes.Stocktaking, "POST", f"/api/v1/sites/{part(site)}/stocktakings", form=form
        )

    def stocktaking(self, site: str, id: int) -> shapes.Stocktaking:
        """What is expected, found, missing, unexpected and unknown in the room."""
        return self._transport.read(
            shapes.Stocktaking, "GET", f"/api/v1/sites/{part(site)}/stocktakings/{part(id)}"
        )

    def scan_label(self, site: str, id: int, form: shapes.ScanForm) -> shapes.StockItem:
        """Note that a label was seen; the same again tells anew."""
        return self._transport.read(
            shapes.StockItem, "POST", f"/api/v1/sites/{part(site)}/stocktakings/{part(id)}/scans", form=form
        )

    def close_stocktaking(self, site: str, id: int, form: shapes.CloseForm) -> shapes.Stocktaking:
        """Verify what was found, and end the stocktaking."""
        return self._transport.read(
            shapes.Stocktaking, "POST", f"/api/v1/sites/{part(site)}/stocktakings/{part(id)}/close", form=form
        )

    def declared_use(self, site: str, *, to: date, from_: date) -> shapes.Use:
        """Uses of equipment in lessons over [from, to), at most 31 days: by loan slips against what was
        measured."""
        return self._transport.read(
            shapes.Use, "GET", f"/api/v1/sites/{part(site)}/declared-use", query={"from": from_, "to": to}
        )

    def equipment_quotas(
        self,
        site: str,
        *,
        limit: int | None = None,
        sort: Literal["subject_group", "-subject_group", "end", "-end"] | None = None,
    ) -> Iterator[shapes.Quota]:
        """The quotas of lessons with equipment, and the lessons there were so far."""
        return self._transport.items(
            shapes.Quota, f"/api/v1/sites/{part(site)}/equipment-quotas", {"limit": limit, "sort": sort}
        )
