"""The stored calendar and timetable of a site: read as a SchoolCalendar, replaced as a whole."""

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from campus.calendar import Bell, Closure, Lesson, Term
from campus.calendar.school import SchoolCalendar
from campus.records import places
from campus.records.base import Base
from campus.records.calendar_tables import BellTable, ClosureTable, LessonTable, TermTable
from campus.records.tables import SiteTable

TABLES: dict[str, type[Base]] = {
    "terms": TermTable,
    "bells": BellTable,
    "closures": ClosureTable,
    "lessons": LessonTable,
}
Entry = Term | Bell | Closure | Lesson


@dataclass(frozen=True, slots=True)
class Timetable:
    """The parts of a SchoolCalendar, in a fixed order."""

    terms: tuple[Term, ...] = ()
    bells: tuple[Bell, ...] = ()
    closures: tuple[Closure, ...] = ()
    lessons: tuple[Lesson, ...] = ()

    def parts(self) -> dict[str, tuple[Entry, ...]]:
        return {name: getattr(self, name) for name in TABLES}

    def version(self, tz: str) -> str:
        """A short hash of the content: equal content, equal version, whatever its order."""
        content = {name: sorted(_text(entry) for entry in entries) for name, entries in self.parts().items()}
        return hashlib.sha256(json.dumps([tz, content]).encode()).hexdigest()[:12]


class Calendars:
    """Calendars built so far, one per site; built again when the stored version differs. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._built: dict[str, SchoolCalendar] = {}

    def calendar(self, session: Session, site: str) -> SchoolCalendar:
        tz = places.site(session, site).tz
        version = session.scalar(select(SiteTable.calendar_version).where(SiteTable.id == site)) or ""
        with self._lock:
            built = self._built.get(site)
        if built is not None and built.version == version:
            return built
        stored = load(session, site)
        built = SchoolCalendar(tz, stored.terms, stored.bells, stored.closures, stored.lessons, version)
        with self._lock:
            self._built[site] = built
        return built


def load(session: Session, site: str) -> Timetable:
    """What is stored, each part sorted."""
    terms = session.scalars(select(TermTable).where(TermTable.site == site).order_by(TermTable.start))
    bells = session.scalars(
        select(BellTable).where(BellTable.site == site).order_by(BellTable.weekday, BellTable.start)
    )
    closures = session.scalars(
        select(ClosureTable).where(ClosureTable.site == site).order_by(ClosureTable.start, ClosureTable.id)
    )
    lessons = session.execute(select(LessonTable.__table__).where(LessonTable.site == site)).mappings()
    names = Lesson.__dataclass_fields__.keys()
    return Timetable(
        tuple(Term(row.name, row.start, row.end) for row in terms),
        tuple(Bell(row.weekday, row.session, row.period, row.start, row.end) for row in bells),
        tuple(Closure(row.start, row.end, row.reason) for row in closures),
        tuple(sorted((Lesson(**{name: row[name] for name in names}) for row in lessons), key=_text)),
    )


def store(session: Session, site: str, given: Mapping[str, Sequence[Entry]]) -> list[str]:
    """Replace the parts given, and the site's calendar version; one line per row added or removed.

    The caller has validated the whole. Nothing is written for a part that did not change.
    """
    parts: dict[str, Any] = dict(load(session, site).parts())
    changes: list[str] = []
    for name, entries in given.items():
        before, after = Counter(parts[name]), Counter(entries)
        if before == after:
            continue
        changes += [f"remove from {name}: {describe(entry)}" for entry in (before - after).elements()]
        changes += [f"add to {name}: {describe(entry)}" for entry in (after - before).elements()]
        table = TABLES[name]
        session.execute(delete(table).where(table.__table__.c.site == site))
        if entries:
            session.connection().execute(
                insert(table), [{"site": site, **asdict(entry)} for entry in entries]
            )
        parts[name] = tuple(entries)
    row = session.get_one(SiteTable, site)
    row.calendar_version = Timetable(**parts).version(row.tz)
    return changes


def describe(entry: Entry) -> str:
    """One line a person can compare with the paper."""
    match entry:
        case Term():
            return f"{entry.name}, {entry.start} to {entry.end}"
        case Closure():
            return f"{entry.reason}, {entry.start} to {entry.end}"
        case Bell():
            return f"weekday {entry.weekday}, {entry.session} {entry.period}: {entry.start:%H:%M} to {entry.end:%H:%M}"
        case Lesson():
            until = f" to {entry.valid_to}" if entry.valid_to else ""
            return (
                f"{entry.room}, weekday {entry.weekday}, {entry.session} {entry.period}: "
                f"{entry.school_class} {entry.subject}, from {entry.valid_from}{until}"
            )


def _text(entry: Entry) -> str:
    return json.dumps(asdict(entry), default=str, ensure_ascii=False, sort_keys=True)
