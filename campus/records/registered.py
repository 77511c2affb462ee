"""The part of `Records` about the equipment register: records, their history and completeness, files, goals."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from campus.acting import COMMAND_LINE
from campus.errors import StoreError
from campus.records import (
    attachments,
    audit,
    boards,
    completeness,
    goals,
    history,
    places,
    register,
    register_sheets,
)
from campus.records.attachments import FOLDER, Attachment
from campus.records.completeness import Completeness
from campus.records.database import Database
from campus.records.goals import Quota, Target
from campus.records.handled import HandledRecords
from campus.records.history import RecordChange
from campus.records.instants import to_ms
from campus.records.paging import Page
from campus.records.register import EquipmentRecord
from campus.records.register_sheets import RegisterFile
from campus.records.register_template import fill
from campus.wire.topics import valid_id

__all__ = ["COMMAND_LINE", "RegisteredRecords"]


_PLACE: Mapping[str, Callable[[Session, str, str], object]] = {
    "building": places.building,
    "room": places.room,
    "board": boards.board,
}


class RegisteredRecords(HandledRecords):
    """Every method is one transaction. `by` is the name of the person who does it, kept beside what is done.

    Raises NotFound for a site or thing that does not exist, UsageError naming the field that is wrong, and
    register.Conflict where somebody else was faster or the thing is not in the state for it.
    """

    _database: Database
    _now: Callable[[], datetime]
    _data: Path | None

    # records

    def equipment_record(self, site: str, id: str) -> EquipmentRecord:
        with self._database.read() as session:
            return register.one(session, site, id, register.local_date(session, site, self._now()))

    def equipment_records(
        self,
        site: str,
        *,
        room: str | None = None,
        kind: str | None = None,
        condition: str | None = None,
        subject_group: str | None = None,
        retired: bool | None = False,
        page: Page | None = None,
    ) -> list[EquipmentRecord]:
        """By id, or a page; `retired` None: those in use and those that are not."""
        with self._database.read() as session:
            return register.listed(
                session,
                site,
                register.local_date(session, site, self._now()),
                room=room,
                kind=kind,
                condition=condition,
                subject_group=subject_group,
                retired=retired,
                page=page,
            )

    def create_equipment(self, site: str, values: Mapping[str, Any], by: str) -> EquipmentRecord:
        """Add a piece from the fields of an inventory's equipment row."""
        with self._database.write() as session:
            made = register.create(session, site, values, by, self._now())
            given = {name: getattr(made, name) for name in register.FIELDS}
            self._note(session, "equipment.added", site, made.id, None, given)
        return made

    def change_equipment(
        self, site: str, id: str, changes: Mapping[str, Any], by: str, version: int | None = None
    ) -> EquipmentRecord:
        """Change the fields given, all or none; `version`: only if the record still has it."""
        now = self._now()
        with self._database.write() as session:
            before = register.one(session, site, id, register.local_date(session, site, now))
            made = register.change(session, site, id, changes, by, now, version)
            if made.version != before.version:
                told = [{name: getattr(one, name) for name in changes} for one in (before, made)]
                self._note(session, "equipment.changed", site, id, *told)
        return made

    def equipment_history(
        self, site: str, id: str, before: int | None = None, limit: int = 200, page: Page | None = None
    ) -> list[RecordChange]:
        """What every field was and became, the newest first; `before`: only changes with a lower number; or a page."""
        with self._database.read() as session:
            register.one(session, site, id, register.local_date(session, site, self._now()))
            return history.read(session, site, register.KIND, id, before, limit, page)

    def place_history(
        self,
        site: str,
        kind: str,
        id: str,
        before: int | None = None,
        limit: int = 200,
        page: Page | None = None,
    ) -> list[RecordChange]:
        """The same of a `building`, `room` or `board`, as `kind` says; also of one that was removed."""
        with self._database.read() as session:
            known = valid_id(site) and valid_id(id)
            found = history.read(session, site, kind, id, before, limit, page) if known else []
            if not found:
                _PLACE[kind](session, site, id)
            return found

    def completeness(self, site: str, ids: Collection[str] | None = None) -> Completeness:
        """How complete the records are today; `ids`: of these pieces alone, without what has no record."""
        with self._database.read() as session:
            return completeness.read(session, site, register.local_date(session, site, self._now()), ids)

    # files

    def import_register(
        self, site: str, content: bytes, by: str = COMMAND_LINE, dry_run: bool = False
    ) -> RegisterFile:
        """Add and change what an Excel or CSV file holds, all or nothing; with `problems` nothing was written."""
        with self._database.write() as session:
            made = register_sheets.apply(session, site, content, by, self._now(), dry_run)
            if made.changes and not dry_run:
                self._note(session, "register.imported", site, site, None, {"changes": made.changes})
        return made

    def export_register(self, site: str, retired: bool | None = None) -> bytes:
        """The register as an Excel workbook that `import_register` reads back to the same."""
        return register_sheets.write(self.equipment_records(site, retired=retired))

    def fill_template(self, site: str, template: bytes, room: str | None = None) -> bytes:
        """An authority's own Excel template with the pieces in use, of one room or of all."""
        pieces = self.equipment_records(site, room=room)
        with self._database.read() as session:
            rooms = {one.id: one.name for one in places.rooms(session, site)}
            groups = {one.id: one.name for one in places.subject_groups(session, site)}
        return fill(template, pieces, rooms, groups)

    def attach(self, site: str, equipment: str, name: str, content: bytes, by: str) -> Attachment:
        """Keep a photo or document of a piece. Raises UsageError for what is no JPEG, PNG or PDF, or too large."""
        media = attachments.media_of(content)
        self.equipment_record(site, equipment)
        digest = attachments.keep(self._folder(), content)
        with self._database.write() as session:
            made = attachments.add(
                session, site, equipment, name, media, len(content), digest, by, self._now()
            )
            self._note(
                session, "equipment.file-added", site, equipment, None, {"name": made.name, "sha256": digest}
            )
        return made

    def attachments(self, site: str, equipment: str) -> list[Attachment]:
        self.equipment_record(site, equipment)
        with self._database.read() as session:
            return attachments.listed(session, site, equipment)

    def attachment(self, site: str, number: int) -> tuple[Attachment, bytes]:
        """A file and its content. Raises StoreError where the content is gone or damaged."""
        with self._database.read() as session:
            found = attachments.one(session, site, number)
        return found, attachments.content(self._folder(), found.sha256)

    def remove_attachment(self, site: str, number: int) -> None:
        """Take a file away; its content goes with the last row that names it."""
        with self._database.write() as session:
            found = attachments.one(session, site, number)
            left = attachments.remove(session, site, number)
            told = {"name": found.name, "sha256": found.sha256}
            self._note(session, "equipment.file-removed", site, found.equipment, told, None)
        if left is not None:
            attachments.forget(self._folder(), left)

    def _folder(self) -> Path:
        if self._data is None:
            raise StoreError("These records have no data folder, so no files belong to them.")
        return self._data / FOLDER

    def _note(self, session: Session, what: str, site: str, id: str, before: Any, after: Any) -> None:
        audit.note(session, to_ms(self._now()), what, register.KIND, id, before, after, site)

    # goals

    def targets(self, site: str) -> list[Target]:
        """The site's own targets of indicators, and the national ones where it has none."""
        with self._database.read() as session:
            return goals.targets(session, site)

    def equipment_quotas(self, site: str) -> list[Quota]:
        with self._database.read() as session:
            return goals.quotas(session, site)
