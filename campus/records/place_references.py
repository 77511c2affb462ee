"""What still refers to a building or a room, each with what to do about it: why it cannot be removed."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.orm import Session

from campus.calendar import IN_ROOM
from campus.records import calendar_tables, derived_tables, register_tables
from campus.records.tables import EquipmentTable, PlacementTable, RoomTable, SchoolClassTable

_SHOWN = 5


def of_building(session: Session, site: str, id: str) -> list[str]:
    """Empty: nothing refers to it."""
    told = _listed("room", _ids(session, RoomTable.id, RoomTable.site == site, RoomTable.building == id))
    return [f"{told} in it: move or remove them first"] if told else []


def of_room(session: Session, site: str, id: str) -> list[str]:
    """Empty: nothing refers to it."""
    lesson, substitution = calendar_tables.LessonTable, calendar_tables.SubstitutionTable
    subject = calendar_tables.SubjectPlaceTable
    lists = (
        (
            "board",
            _ids(session, PlacementTable.board, PlacementTable.site == site, PlacementTable.room == id),
            "placed in it, now or before: what was measured keeps its room; give it another name instead",
        ),
        (
            "piece of equipment",
            _ids(session, EquipmentTable.id, EquipmentTable.site == site, EquipmentTable.room == id),
            "in it: record another room for each",
        ),
        (
            "class",
            _ids(
                session,
                SchoolClassTable.name,
                SchoolClassTable.site == site,
                SchoolClassTable.home_room == id,
            ),
            "with it as home room: give each another in the inventory",
        ),
        (
            "class",
            _ids(session, lesson.school_class, lesson.site == site, lesson.room == id),
            "with lessons in it: import a timetable without it",
        ),
        (
            "class",
            _ids(session, substitution.school_class, substitution.site == site, substitution.room == id),
            "with a substitution in it: give the inventory's substitutions without it",
        ),
        (
            "subject",
            _ids(
                session,
                subject.subject,
                subject.site == site,
                subject.place == IN_ROOM,
                subject.target == id,
            ),
            "held in it: set another place for each",
        ),
    )
    found = [f"{told} {what}" for one, ids, what in lists if (told := _listed(one, ids))]
    if _any(session, site, id):
        found.append("what was measured or taken stock of in it is kept: give it another name instead")
    return found


def _any(session: Session, site: str, room: str) -> bool:
    """Whether anything was derived of it, or a stocktaking was held in it."""
    tables: tuple[Any, ...] = (
        derived_tables.DerivedTable,
        derived_tables.RoomIntervalTable,
        derived_tables.RoomFactTable,
        derived_tables.EquipmentFactTable,
        derived_tables.LessonDayTable,
        derived_tables.CheckpointTable,
        derived_tables.DirtyTable,
        register_tables.StocktakingTable,
    )
    return any(
        session.execute(
            select(literal(1)).select_from(table).where(table.site == site, table.room == room).limit(1)
        ).first()
        for table in tables
    )


def _ids(session: Session, column: Any, *where: ColumnElement[bool]) -> tuple[int, Sequence[str]]:
    """How many different ones there are, and the first of them."""
    count = session.scalar(select(func.count(func.distinct(column))).where(*where)) or 0
    first = session.scalars(select(column).where(*where).distinct().order_by(column).limit(_SHOWN))
    return count, list(first) if count else []


def _listed(one: str, found: tuple[int, Sequence[str]]) -> str:
    """As "2 rooms (a101, a102)"; "" for none."""
    count, first = found
    if not count:
        return ""
    several = {"class": "classes", "piece of equipment": "pieces of equipment"}.get(one, f"{one}s")
    more = f" and {count - len(first)} more" if count > len(first) else ""
    return f"{count} {one if count == 1 else several} ({', '.join(first)}{more})"
