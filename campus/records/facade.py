"""`Records`, the one door to the records database. It opens the transactions; the modules beside it do the work."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy.orm import Session

from campus import table_files
from campus.calendar import Lesson, SubjectPlace
from campus.calendar.school import SchoolCalendar
from campus.records import (
    audit,
    boards,
    exporting_rows,
    importing,
    places,
    snapshot,
    timetable,
    timetable_import,
)
from campus.records.boards import Seen
from campus.records.database import Database
from campus.records.derived import DerivedRecords
from campus.records.entities import (
    Board,
    Building,
    Equipment,
    LastReply,
    Placement,
    Reported,
    Room,
    RoomType,
    SchoolClass,
    Site,
    SubjectGroup,
)
from campus.records.instants import to_ms
from campus.records.inventory import Inventory
from campus.records.linked import LinkedRecords
from campus.records.listed import ListedRecords
from campus.records.peopled import PeopledRecords
from campus.records.placed import PlacedRecords
from campus.records.registered import COMMAND_LINE, RegisteredRecords
from campus.records.remembered import Remembered
from campus.records.timetable_import import TimetableFile


def _now() -> datetime:
    return datetime.now(UTC)


def open_records(url: str, data: Path, now: Callable[[], datetime] = _now) -> "Records":
    """Open the records and bring their schema up to date. Raises StoreError.

    `url` is "sqlite" (the file records.sqlite in `data`, made with its folder) or a PostgreSQL URL.
    """
    return Records(Database.open(url, data), now, data)


class Records(DerivedRecords, LinkedRecords, ListedRecords, PeopledRecords, PlacedRecords, RegisteredRecords):
    """Thread-safe: every method is one transaction. Failures of the database are StoreError.

    An id that does not exist is NotFound where one thing is asked for, and where a site's things are listed.
    """

    def __init__(
        self, database: Database, now: Callable[[], datetime] = _now, data: Path | None = None
    ) -> None:
        """`data`: the folder of the files that belong to records."""
        self._database = database
        self._now = now
        self._data = data
        self._calendars = timetable.Calendars()
        self._remembered = Remembered()

    def close(self) -> None:
        self._database.close()

    def moment(self) -> AbstractContextManager[None]:
        """What is read within the block is of one moment, and cheaper; what is written meanwhile is not seen in it."""
        return self._database.moment()

    def snapshot(self, folder: Path) -> None:
        """Make `folder`/records.sqlite, which campus.records.snapshot puts into either database again."""
        snapshot.snapshot(self._database, folder)

    def __enter__(self) -> "Records":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write_stored(
        self,
        stored: exporting_rows.Stored,
        asked: exporting_rows.Asked,
        file: BinaryIO,
        format: str,
        bom: bool = False,
    ) -> int:
        """Write the rows of a resource as campus.records.exporting does, of one moment; returns how many."""
        with self._database.read() as session:
            read = exporting_rows.limited if format == "xlsx" else exporting_rows.chunks
            return table_files.write(stored.columns, read(session, stored, asked), file, format, bom)

    # places

    def sites(self) -> list[Site]:
        with self._database.read() as session:
            return places.sites(session)

    def site(self, id: str) -> Site:
        with self._database.read() as session:
            return places.site(session, id)

    def buildings(self, site: str) -> list[Building]:
        with self._database.read() as session:
            return places.buildings(session, site)

    def rooms(self, site: str) -> list[Room]:
        """Sorted by building, floor and id."""
        with self._database.read() as session:
            return places.rooms(session, site)

    def room(self, site: str, id: str) -> Room:
        with self._database.read() as session:
            return places.room(session, site, id)

    def room_types(self) -> list[RoomType]:
        with self._database.read() as session:
            return places.room_types(session)

    def equipment(self, site: str) -> list[Equipment]:
        with self._database.read() as session:
            return places.equipment(session, site)

    def classes(self, site: str) -> list[SchoolClass]:
        with self._database.read() as session:
            return places.classes(session, site)

    def subject_groups(self, site: str) -> list[SubjectGroup]:
        with self._database.read() as session:
            return places.subject_groups(session, site)

    # boards

    def boards(self, site: str | None = None) -> list[Board]:
        """Every board declared or heard, also of sites that are not in the records."""
        with self._database.read() as session:
            return boards.boards(session, site)

    def board_ids(self, site: str) -> list[str]:
        """Those of `boards`, in their order."""
        with self._database.read() as session:
            return boards.ids(session, site)

    def board(self, site: str, id: str) -> Board:
        with self._database.read() as session:
            return boards.board(session, site, id)

    def unassigned_boards(self, site: str | None = None) -> list[Board]:
        """Boards without a room placement now: visible until someone places them."""
        with self._database.read() as session:
            return boards.unassigned(session, site, self._now())

    def placements(self, site: str, at: datetime | None = None) -> list[Placement]:
        """All placements of a site, or those valid at `at`; by board, channel and start."""
        with self._database.read() as session:
            return boards.placements(session, site, at)

    def room_boards(self, site: str, room: str, start: datetime, end: datetime) -> list[Placement]:
        """Room placements of a room that overlap [start, end), not clipped; by start."""
        with self._database.read() as session:
            return boards.in_room(session, site, room, start, end)

    def room_of(self, board: str, at: datetime, site: str | None = None) -> str | None:
        """Id of the room a board is placed in at `at`; `site` narrows, None asks for the board of any site."""
        with self._database.read() as session:
            return boards.room_of(session, board, at, site)

    def saw_board(
        self,
        site: str,
        board: str,
        at: datetime | None,
        boot: str | None = None,
        birth: Mapping[str, Any] | None = None,
        availability: str | None = None,
        reported: Reported | None = None,
        reply: LastReply | None = None,
    ) -> None:
        """`saw_boards` of one."""
        self.saw_boards([Seen(site, board, at, boot, birth, availability, reported, reply)])

    def saw_boards(self, seen: Sequence[Seen]) -> None:
        """Note that boards were heard, all or none; unknown ones are added, unassigned.

        first_seen only falls and last_seen only rises; of the rest the last call wins, so call in the order of
        arrival. Each call is a durable write: call it for what boards say of themselves, and at most about once a
        minute for telemetry. Raises ValueError for ids that are not valid.
        """
        with self._database.write() as session:
            boards.saw(session, seen)

    # inventory and timetable

    def import_inventory(
        self,
        inventory: Inventory,
        dry_run: bool = False,
        by: str = COMMAND_LINE,
        keeps_room_types: bool = False,
    ) -> list[str]:
        """Add or update what the inventory names, all or nothing; returns one line per change, [] when none.

        A field that is left out keeps what is stored. Nothing is removed, but the terms, bells, closures
        and lessons given replace the site's as a whole. Raises UsageError naming the field:
        `lessons[3].room: ...`. `by` stands in the history of the fields. `keeps_room_types`: refuse to add or change
        these, which all sites share.
        """
        with self._database.write() as session:
            changes = importing.apply(session, inventory, by, self._now(), keeps_room_types)
            if dry_run:
                session.rollback()
            else:
                self._note_changes(session, "inventory.imported", inventory.site.id, changes)
        return changes

    def calendar(self, site: str) -> SchoolCalendar:
        """The site's calendar and timetable; its `version` changes with its content."""
        with self._database.read() as session:
            return self._calendars.calendar(session, site)

    def subject_places(self, site: str) -> list[SubjectPlace]:
        """The school's own rows; campus.calendar.places.DEFAULTS holds for every other subject."""
        with self._database.read() as session:
            places.site(session, site)
            return list(timetable.load_part(session, site, "subject_places"))

    def set_subject_places(
        self, site: str, rows: Sequence[SubjectPlace], forgotten: Sequence[str] = ()
    ) -> list[str]:
        """Add or replace rows, by subject, and take those of `forgotten` away; one line per change. UsageError."""
        with self._database.write() as session:
            changes = timetable_import.set_places(session, site, rows, forgotten)
            self._note_changes(session, "subject-places.changed", site, changes)
        return changes

    def read_timetable(
        self,
        site: str,
        content: bytes,
        session: str | None,
        valid_from: date,
        valid_to: date | None = None,
        format: str | None = None,
        data: bytes | None = None,
    ) -> TimetableFile:
        """What a file holds for the site, its wrong rows included; nothing is written.

        `session` None: as the file says; `format` None: what the file is; `data`: the .fet of an activities.xml
        of FET. Raises UsageError for a file that cannot be read.
        """
        with self._database.read() as reading:
            return timetable_import.read_file(
                reading, site, content, session, valid_from, valid_to, format, data
            )

    def import_timetable(
        self,
        site: str,
        lessons: Sequence[Lesson],
        session: str | None,
        valid_from: date,
        valid_to: date | None = None,
        rows: Sequence[str] = (),
        dry_run: bool = False,
    ) -> list[str]:
        """Put lessons, all of [valid_from, valid_to), in place of the session's (None: of both) in that range.

        All or nothing; one line per change, [] when nothing changes. `rows` names each lesson in messages. Raises
        UsageError for the first contradiction of the whole calendar.
        """
        names = rows or [f"lessons[{number}]" for number in range(len(lessons))]
        with self._database.write() as writing:
            changes = timetable_import.apply(writing, site, lessons, names, session, valid_from, valid_to)
            if dry_run:
                writing.rollback()
            else:
                self._note_changes(writing, "timetable.imported", site, changes)
        return changes

    def _note_changes(self, session: Session, what: str, site: str, changes: Sequence[str]) -> None:
        if changes:
            audit.note(session, to_ms(self._now()), what, "site", site, None, {"changes": changes}, site)
