"""The stored calendar and timetable of a site: read as a SchoolCalendar, replaced as a whole."""

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from campus.calendar import (
    ALWAYS,
    Bell,
    Closure,
    ExamPeriod,
    Lesson,
    MakeUpDay,
    SubjectPlace,
    Substitution,
    Term,
)
from campus.calendar.school import SchoolCalendar
from campus.records import edits, places
from campus.records.base import Base
from campus.records.calendar_tables import (
    BellTable,
    ClosureTable,
    ExamPeriodTable,
    LessonTable,
    MakeUpDayTable,
    SubjectPlaceTable,
    SubstitutionTable,
    TermTable,
)
from campus.records.tables import SiteTable

Entry = Term | Bell | Closure | Lesson | MakeUpDay | ExamPeriod | Substitution | SubjectPlace

PARTS: dict[str, tuple[type[Entry], type[Base]]] = {
    "terms": (Term, TermTable),
    "bells": (Bell, BellTable),
    "closures": (Closure, ClosureTable),
    "lessons": (Lesson, LessonTable),
    "make_up_days": (MakeUpDay, MakeUpDayTable),
    "exams": (ExamPeriod, ExamPeriodTable),
    "substitutions": (Substitution, SubstitutionTable),
    "subject_places": (SubjectPlace, SubjectPlaceTable),
}

# Fields and parts that records of 0.3.0 did not have count only where they are used: its versions stay valid.
_FIRST_PARTS = ("terms", "bells", "closures", "lessons")
_LATER: dict[type[Entry], tuple[str, ...]] = {
    Term: ("year", "first_week"),
    Bell: ("valid_from", "valid_to"),
    Closure: ("public",),
    Lesson: ("week", "teacher", "place"),
}


@dataclass(frozen=True, slots=True)
class Timetable:
    """The parts of a SchoolCalendar and the places of subjects, in a fixed order."""

    terms: tuple[Term, ...] = ()
    bells: tuple[Bell, ...] = ()
    closures: tuple[Closure, ...] = ()
    lessons: tuple[Lesson, ...] = ()
    make_up_days: tuple[MakeUpDay, ...] = ()
    exams: tuple[ExamPeriod, ...] = ()
    substitutions: tuple[Substitution, ...] = ()
    subject_places: tuple[SubjectPlace, ...] = ()

    def parts(self) -> dict[str, tuple[Entry, ...]]:
        return {name: getattr(self, name) for name in PARTS}

    def version(self, tz: str) -> str:
        """A short hash of the content: equal content, equal version, whatever its order."""
        content = {
            name: sorted(_text(entry) for entry in entries)
            for name, entries in self.parts().items()
            if entries or name in _FIRST_PARTS
        }
        return hashlib.sha256(json.dumps([tz, content]).encode()).hexdigest()[:12]

    def calendar(self, tz: str, version: str | None = None) -> SchoolCalendar:
        """The calendar of these parts. Raises CalendarError."""
        return SchoolCalendar(
            tz,
            self.terms,
            self.bells,
            self.closures,
            self.lessons,
            self.version(tz) if version is None else version,
            self.make_up_days,
            self.exams,
            self.substitutions,
        )


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
        built = load(session, site).calendar(tz, version)
        with self._lock:
            self._built[site] = built
        return built


def load(session: Session, site: str) -> Timetable:
    """What is stored, each part sorted."""
    return Timetable(**{name: load_part(session, site, name) for name in PARTS})


def load_part(session: Session, site: str, name: str) -> tuple[Any, ...]:
    """One part of what is stored, such as "subject_places", sorted."""
    entity, table = PARTS[name]
    names = [field.name for field in fields(entity)]
    columns = [table.__table__.c[name] for name in names]
    rows = session.connection().execute(select(*columns).where(table.__table__.c.site == site))
    return tuple(sorted((_entry(entity, row) for row in rows.mappings()), key=_order))


def store(session: Session, site: str, given: Mapping[str, Sequence[Entry]]) -> list[str]:
    """Replace the parts given, and the site's calendar version; one line per row added or removed.

    The caller has validated the whole. Nothing is written for a part that did not change. Facts that are there and
    would be others now are noted to be made anew.
    """
    stored = load(session, site)
    parts: dict[str, Any] = dict(stored.parts())
    changes: list[str] = []
    for name, entries in given.items():
        before, after = Counter(parts[name]), Counter(entries)
        if before == after:
            continue
        changes += [f"remove from {name}: {describe(entry)}" for entry in (before - after).elements()]
        changes += [f"add to {name}: {describe(entry)}" for entry in (after - before).elements()]
        table = PARTS[name][1].__table__
        session.connection().execute(delete(PARTS[name][1]).where(table.c.site == site))
        if entries:
            session.connection().execute(
                insert(PARTS[name][1]), [{"site": site, **asdict(entry)} for entry in entries]
            )
        parts[name] = tuple(entries)
    row = session.get_one(SiteTable, site)
    new = Timetable(**parts)
    if changes:
        edits.calendar(session, site, stored.calendar(row.tz), new.calendar(row.tz))
    row.calendar_version = new.version(row.tz)
    return changes


def describe(entry: Entry) -> str:
    """One line a person can compare with the paper."""
    match entry:
        case Term():
            year = f" of {entry.year}" if entry.year else ""
            week = "" if entry.first_week == "a" else f", first week {entry.first_week}"
            return f"{entry.name}{year}, {entry.start} to {entry.end}{week}"
        case Closure():
            return f"{entry.reason}{' (public)' if entry.public else ''}, {entry.start} to {entry.end}"
        case Bell():
            return (
                f"weekday {entry.weekday}, {entry.session} {entry.period}: {entry.start:%H:%M} to {entry.end:%H:%M}"
                + _validity(entry)
            )
        case MakeUpDay():
            week = f", week {entry.week}" if entry.week else ""
            return f"{entry.date} as weekday {entry.weekday}{week}: {entry.reason}"
        case ExamPeriod():
            who = " + ".join(entry.classes) or "all classes"
            return f"{entry.name}, {entry.start} to {entry.end}, {who}"
        case Lesson():
            week = f", week {entry.week}" if entry.week else ""
            teacher = f" ({entry.teacher})" if entry.teacher else ""
            return (
                f"{entry.room or entry.place}, weekday {entry.weekday}, {entry.session} {entry.period}{week}: "
                f"{entry.school_class} {entry.subject}{teacher}{_validity(entry)}"
            )
        case Substitution():
            place = f" in {entry.room}" if entry.room else ""
            teacher = f" ({entry.teacher})" if entry.teacher else ""
            return (
                f"{entry.date}, {entry.session} {entry.period}: {entry.school_class} "
                f"{entry.subject or 'no lesson'}{teacher}{place}"
            )
        case SubjectPlace():
            return f"{entry.subject}: {entry.place}{f' {entry.target}' if entry.target else ''}"


def _validity(entry: Bell | Lesson) -> str:
    since = "" if entry.valid_from == ALWAYS else f", from {entry.valid_from}"
    return since + (f" to {entry.valid_to}" if entry.valid_to else "")


def _entry(entity: type[Entry], row: Mapping[Any, Any]) -> Entry:
    values = dict(row)
    if entity is ExamPeriod:
        values["classes"] = tuple(values["classes"])
    return entity(**values)


def _order(entry: Any) -> tuple[Any, ...]:
    match entry:
        case Bell():
            return entry.valid_from, entry.weekday, entry.start, _text(entry)
        case Term() | Closure() | ExamPeriod():
            return entry.start, _text(entry)
        case MakeUpDay() | Substitution():
            return entry.date, _text(entry)
    return (_text(entry),)


def _text(entry: Entry) -> str:
    values = asdict(entry)
    for field in fields(entry):
        if field.name in _LATER.get(type(entry), ()):
            default = None if field.default is MISSING else field.default
            if values[field.name] == default:
                del values[field.name]
    return json.dumps(values, default=str, ensure_ascii=False, sort_keys=True)
