"""Refuses calendars that contradict themselves, and names the row and the field. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from campus.calendar import (
    ALWAYS,
    HOME_ROOM,
    IN_ROOM,
    NO_LESSON,
    OUTSIDE,
    PLACES,
    SESSIONS,
    Bell,
    Closure,
    ExamPeriod,
    Lesson,
    MakeUpDay,
    Substitution,
    Term,
)
from campus.calendar.checks import (
    CalendarError,
    Names,
    check_known,
    check_spans,
    check_week,
    check_weekday,
    when,
)
from campus.calendar.date_checks import check_exams, check_make_up_days, check_substitutions
from campus.calendar.days import Days
from campus.calendar.planned import Planned, together
from campus.calendar.validity import Versioned, meet


def validate(
    terms: Sequence[Term],
    bells: Sequence[Bell],
    closures: Sequence[Closure],
    lessons: Sequence[Lesson],
    make_up_days: Sequence[MakeUpDay] = (),
    exams: Sequence[ExamPeriod] = (),
    substitutions: Sequence[Substitution] = (),
    rooms: Iterable[str] | None = None,
    classes: Iterable[str] | None = None,
    names: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Refuse a calendar that contradicts itself; `rooms` and `classes` are those that it may name, None for any.

    `names` says, for parts such as "bells", where each row was written: `bells[0]` and so on when it does not.
    Raises CalendarError for the first wrong row.
    """
    written = names or {}

    def name(part: str, row: int) -> str:
        return written[part][row] if part in written else f"{part}[{row}]"

    known_rooms = None if rooms is None else set(rooms)
    known_classes = None if classes is None else set(classes)
    _terms(terms, name)
    check_spans("closures", closures, name)
    _bells(bells, name)
    _lessons(lessons, bells, known_rooms, known_classes, name)
    check_make_up_days(make_up_days, terms, bells, closures, name)
    check_exams(exams, terms, known_classes, name)
    days = Days(terms, bells, closures, make_up_days, exams)
    planned = Planned(
        lessons,
        substitutions,
        [name("lessons", row) for row in range(len(lessons))],
        [name("substitutions", row) for row in range(len(substitutions))],
    )
    check_substitutions(substitutions, days, planned, known_rooms, known_classes, name)


def _terms(terms: Sequence[Term], name: Names) -> None:
    check_spans("terms", terms, name)
    for row, term in enumerate(terms):
        check_week(term.first_week, f"{name('terms', row)}.first_week")
    ordered = sorted(range(len(terms)), key=lambda row: terms[row].start)
    for one, other in pairwise(ordered):
        if terms[other].start < terms[one].end:
            raise CalendarError(
                f"{name('terms', other)}.start: '{terms[other].name}' begins before '{terms[one].name}' ends."
            )


def _valid(entry: Versioned, where: str) -> None:
    if entry.valid_to is not None and entry.valid_to <= entry.valid_from:
        raise CalendarError(f"{where}.to: {entry.valid_to} is not after 'from' {entry.valid_from}.")


def _bells(bells: Sequence[Bell], name: Names) -> None:
    by_weekday: dict[int, list[int]] = {}
    for row, bell in enumerate(bells):
        where = name("bells", row)
        check_weekday(bell.weekday, f"{where}.weekday")
        if bell.session not in SESSIONS:
            raise CalendarError(f"{where}.session: '{bell.session}' is not one of {', '.join(SESSIONS)}.")
        if bell.period < 1:
            raise CalendarError(f"{where}.period: {bell.period} is not 1 or more.")
        if bell.end <= bell.start:
            raise CalendarError(f"{where}.end: {bell.end:%H:%M} is not after the start {bell.start:%H:%M}.")
        _valid(bell, where)
        by_weekday.setdefault(bell.weekday, []).append(row)
    for rows in by_weekday.values():
        _twice(bells, rows, name)
    for rows in by_weekday.values():
        ordered = sorted(rows, key=lambda row: bells[row].start)
        for at, one in enumerate(ordered):
            for other in ordered[at + 1 :]:
                if meet(bells[one], bells[other]):
                    _in_order(bells[one], bells[other], name("bells", one), name("bells", other))


def _twice(bells: Sequence[Bell], rows: Sequence[int], name: Names) -> None:
    seen: dict[tuple[str, int], list[int]] = {}
    for row in rows:
        bell = bells[row]
        others = seen.setdefault((bell.session, bell.period), [])
        for other in others:
            if meet(bell, bells[other]):
                if bell.valid_from == bells[other].valid_from == ALWAYS:
                    since, field = "", "period"
                else:
                    since, field = f" on {max(bell.valid_from, bells[other].valid_from)}", "from"
                raise CalendarError(
                    f"{name('bells', row)}.{field}: {when(bell)} has two bells{since}; the other is "
                    f"{name('bells', other)}."
                )
        others.append(row)


def _in_order(before: Bell, after: Bell, one: str, other: str) -> None:
    """`before` starts first, or at the same time."""
    if after.start < before.end:
        raise CalendarError(
            f"{other}.start: {after.start:%H:%M} of {when(after)} is before the end {before.end:%H:%M} of "
            f"{before.session} {before.period} ({one})."
        )
    if (SESSIONS.index(after.session), after.period) < (SESSIONS.index(before.session), before.period):
        raise CalendarError(
            f"{other}.period: {when(after)} rings after {before.session} {before.period} ({one}); periods must "
            "rise through the day."
        )


def _lessons(
    lessons: Sequence[Lesson],
    bells: Sequence[Bell],
    rooms: set[str] | None,
    classes: set[str] | None,
    name: Names,
) -> None:
    rung: dict[tuple[int, str, int], list[Bell]] = {}
    for bell in bells:
        rung.setdefault((bell.weekday, bell.session, bell.period), []).append(bell)
    taken: dict[tuple[str, int, str, int], list[int]] = {}
    for row, lesson in enumerate(lessons):
        where = name("lessons", row)
        check_known("room", lesson.room, rooms, where)
        check_known("class", lesson.school_class, classes, where)
        _placed(lesson, where)
        check_week(lesson.week, f"{where}.week")
        _valid(lesson, where)
        key = (lesson.weekday, lesson.session, lesson.period)
        if key not in rung:
            raise CalendarError(
                f"{where}.period: no bell rings for {when(lesson)}; add it to the bells or move the lesson."
            )
        if not any(meet(lesson, bell) for bell in rung[key]):
            raise CalendarError(
                f"{where}.period: no bell rings for {when(lesson)} while the lesson is valid, from "
                f"{lesson.valid_from}{f' to {lesson.valid_to}' if lesson.valid_to else ''}."
            )
        if lesson.room is None:
            continue
        others = taken.setdefault((lesson.room, *key), [])
        for other in others:
            held = lessons[other]
            weeks_meet = lesson.week is None or held.week is None or lesson.week == held.week
            if weeks_meet and meet(lesson, held) and not together(lesson, held):
                raise CalendarError(
                    f"{where}.room: '{lesson.room}' already holds {held.school_class} {held.subject} "
                    f"({name('lessons', other)}) at {when(lesson)} on the same dates."
                )
        others.append(row)


def _placed(lesson: Lesson, where: str) -> None:
    if lesson.place not in PLACES:
        raise CalendarError(f"{where}.place: '{lesson.place}' is not one of {', '.join(PLACES)}.")
    if lesson.room is None and lesson.place in (IN_ROOM, HOME_ROOM):
        raise CalendarError(
            f"{where}.room: name the room, or say with place = '{OUTSIDE}' why there is none."
        )
    if lesson.room is not None and lesson.place in (OUTSIDE, NO_LESSON):
        raise CalendarError(
            f"{where}.place: '{lesson.place}' is in no room, but the room '{lesson.room}' is given."
        )
