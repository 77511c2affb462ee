"""A timetable from a file into the records: what it holds for a school, and its lessons in place of the stored ones."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from campus.calendar import SESSIONS, Lesson, SubjectPlace
from campus.calendar.formats import FormatError, Given, Problem, gathered
from campus.calendar.formats.registry import read, sniff
from campus.calendar.places import normal
from campus.calendar.resolving import School, resolve
from campus.calendar.validity import holds, meet
from campus.errors import UsageError
from campus.records import calendar_importing, places, timetable
from campus.records.tables import RoomTypeTable


@dataclass(frozen=True, slots=True)
class TimetableFile:
    """What a file holds for one school: `lessons`, and in `rows` where each stands in the file.

    With any of `problems` it may not be imported. `unplaced`: what the file names without a time. `activities` counts
    what was read, before classes taught together were told apart.
    """

    format: str
    activities: int
    lessons: Sequence[Lesson]
    rows: Sequence[str]
    problems: Sequence[Problem]
    notes: Sequence[str]
    unplaced: Sequence[str]


def read_file(
    session: Session,
    site: str,
    content: bytes,
    which: str | None,
    valid_from: date,
    valid_to: date | None,
    format: str | None,
    data: bytes | None,
) -> TimetableFile:
    _refuse_dates(valid_from, valid_to)
    if which is not None and which not in SESSIONS:
        raise UsageError(f"The session '{which}' is not one of {', '.join(SESSIONS)}.")
    tz = places.site(session, site).tz
    stored = timetable.load(session, site)
    classes = {one.name: one.home_room for one in places.classes(session, site)}
    school = School(
        classes,
        {room.id: (room.name, room.room_type) for room in places.rooms(session, site)},
        stored.bells,
        frozenset(group.id for group in places.subject_groups(session, site)),
        stored.subject_places,
    )
    bells = tuple(bell for bell in stored.bells if holds(bell, valid_from))
    given = Given(which, bells, stored.terms, tz, frozenset(classes), data)
    try:
        parsed = read(content, given, format)
    except FormatError as error:
        raise UsageError(str(error)) from None
    resolved = resolve(parsed.activities, school, valid_from, valid_to)
    return TimetableFile(
        format or sniff(content),
        len(parsed.activities),
        resolved.lessons,
        resolved.rows,
        [*gathered(parsed.problems), *resolved.problems],
        [
            *parsed.notes,
            *resolved.notes,
            *_ending(stored.lessons, resolved.lessons, which, valid_from, valid_to),
        ],
        parsed.unplaced,
    )


def apply(
    session: Session,
    site: str,
    lessons: Sequence[Lesson],
    rows: Sequence[str],
    which: str | None,
    valid_from: date,
    valid_to: date | None,
) -> list[str]:
    """Lessons of a session, or of both, in place of those stored in [valid_from, valid_to); one line per change.

    Stored lessons are cut at the ends of the range. A lesson that goes on as it was stays one row. Where the
    lessons have no subject groups at all, those of the stored ones are kept, for subjects that have only one.
    """
    _refuse_dates(valid_from, valid_to)
    if not lessons:
        raise UsageError("There is no lesson to import; an empty timetable would end all the stored ones.")
    sessions = SESSIONS if which is None else (which,)
    for row, lesson in zip(rows, lessons, strict=True):
        if lesson.session not in sessions or (lesson.valid_from, lesson.valid_to) != (valid_from, valid_to):
            raise UsageError(f"{row}: the lesson is not one of the session and dates of this import.")
    stored = timetable.load(session, site).lessons
    groups = {} if any(lesson.subject_group for lesson in lessons) else _groups(stored)
    named = {_grouped(lesson, groups): row for row, lesson in zip(rows, lessons, strict=True)}
    kept = [
        piece
        for lesson in stored
        for piece in (_outside(lesson, valid_from, valid_to) if lesson.session in sessions else [lesson])
    ]
    entries = _joined([*kept, *named], sessions)
    names = [_name(entry, named) for entry in entries]
    return calendar_importing.replace(
        session, site, {"lessons": entries}, _known(session, site), {"lessons": names}
    )


def set_places(
    session: Session, site: str, rows: Sequence[SubjectPlace], forgotten: Iterable[str]
) -> list[str]:
    """Add or replace rows of subject -> place, by subject; take the school's own rows of `forgotten` away."""
    places.site(session, site)
    stored = {normal(row.subject): row for row in timetable.load(session, site).subject_places}
    for subject in forgotten:
        if stored.pop(normal(subject), None) is None:
            raise UsageError(f"'{subject}' has no row of the school's own that could be removed.")
    stored |= {normal(row.subject): row for row in rows}
    names = [f"'{row.subject}'" for row in stored.values()]
    return calendar_importing.replace(
        session,
        site,
        {"subject_places": list(stored.values())},
        _known(session, site),
        {"subject_places": names},
    )


def _refuse_dates(valid_from: date | None, valid_to: date | None) -> None:
    if valid_from is None:
        raise UsageError("A timetable needs the first date on which it holds.")
    if valid_to is not None and valid_to <= valid_from:
        raise UsageError(
            f"The timetable's end {valid_to} is not after its start {valid_from}; the end is the first day without it."
        )


def _ending(
    stored: Sequence[Lesson], wanted: Sequence[Lesson], which: str | None, start: date, end: date | None
) -> list[str]:
    """What the file says nothing of, and whose stored lessons an import would end."""
    replaced = [
        one
        for one in stored
        if which in (None, one.session) and meet(one, replace(one, valid_from=start, valid_to=end))
    ]
    notes = []
    for session in SESSIONS:
        lost = sum(one.session == session for one in replaced)
        if lost and not any(one.session == session for one in wanted):
            notes.append(
                f"The file has no lessons in the {session}; the {lost} stored ones end. To keep them, give --session."
            )
    missing = sorted({one.school_class for one in replaced} - {one.school_class for one in wanted})
    if missing and wanted:
        shown = ", ".join(missing[:20]) + (f" and {len(missing) - 20} more" if len(missing) > 20 else "")
        notes.append(f"The file has no lessons of {shown}; their stored ones end.")
    return notes


def _known(session: Session, site: str) -> dict[str, set[str]]:
    return {
        "rooms": {room.id for room in places.rooms(session, site)},
        "room_types": set(session.scalars(select(RoomTypeTable.id))),
        "classes": {one.name for one in places.classes(session, site)},
        "subject_groups": {group.id for group in places.subject_groups(session, site)},
    }


def _outside(lesson: Lesson, start: date, end: date | None) -> list[Lesson]:
    """The pieces of a lesson before and after [start, end)."""
    if not meet(lesson, replace(lesson, valid_from=start, valid_to=end)):
        return [lesson]
    pieces = []
    if lesson.valid_from < start:
        pieces.append(replace(lesson, valid_to=start))
    if end is not None and (lesson.valid_to is None or lesson.valid_to > end):
        pieces.append(replace(lesson, valid_from=end))
    return pieces


def _joined(lessons: Iterable[Lesson], sessions: Sequence[str]) -> list[Lesson]:
    """Where a lesson of these sessions ends and the same one begins, the two are one."""
    found: list[Lesson] = []
    last: dict[Any, int] = {}
    for lesson in sorted(lessons, key=lambda one: one.valid_from):
        content = replace(lesson, valid_from=date.min, valid_to=None)
        before = last.get(content)
        if before is not None and lesson.session in sessions and found[before].valid_to == lesson.valid_from:
            found[before] = replace(found[before], valid_to=lesson.valid_to)
        else:
            last[content] = len(found)
            found.append(lesson)
    return found


def _groups(stored: Iterable[Lesson]) -> dict[str, str]:
    """normal(subject) -> its only subject group."""
    told: dict[str, set[str]] = {}
    for lesson in stored:
        if lesson.subject_group is not None:
            told.setdefault(normal(lesson.subject), set()).add(lesson.subject_group)
    return {subject: next(iter(groups)) for subject, groups in told.items() if len(groups) == 1}


def _grouped(lesson: Lesson, groups: dict[str, str]) -> Lesson:
    if lesson.subject_group is not None:
        return lesson
    return replace(lesson, subject_group=groups.get(normal(lesson.subject)))


def _name(entry: Lesson, named: dict[Lesson, str]) -> str:
    return named.get(entry) or f"the stored lesson ({timetable.describe(entry)})"
