"""Refuses make-up days, exams and substitutions that contradict the calendar around them. Pure."""

from collections.abc import Sequence
from datetime import date

from campus.calendar import Bell, Closure, ExamPeriod, Lesson, MakeUpDay, Substitution, Term
from campus.calendar.checks import CalendarError, Names, check_known, check_spans, check_week, check_weekday
from campus.calendar.days import Day, Days, Rings, term_of
from campus.calendar.planned import Planned, Row, concerns, together


def check_make_up_days(
    make_up_days: Sequence[MakeUpDay],
    terms: Sequence[Term],
    bells: Sequence[Bell],
    closures: Sequence[Closure],
    name: Names,
) -> None:
    seen: dict[date, int] = {}
    rings = Rings(bells)
    for row, made_up in enumerate(make_up_days):
        where, day = name("make_up_days", row), made_up.date
        check_weekday(made_up.weekday, f"{where}.weekday")
        check_week(made_up.week, f"{where}.week")
        if day in seen:
            raise CalendarError(f"{where}.date: {day} is already {name('make_up_days', seen[day])}.")
        seen[day] = row
        if term_of(terms, day) is None:
            raise CalendarError(f"{where}.date: {day} lies in no term.")
        for other, closure in enumerate(closures):
            if closure.start <= day < closure.end:
                what = "a public holiday" if closure.public else "closed"
                raise CalendarError(
                    f"{where}.date: {day} is {what}: {closure.reason} ({name('closures', other)})."
                )
        if not rings.on(made_up.weekday, day):
            raise CalendarError(f"{where}.weekday: no bell rings on weekday {made_up.weekday} on {day}.")


def check_exams(
    exams: Sequence[ExamPeriod], terms: Sequence[Term], classes: set[str] | None, name: Names
) -> None:
    check_spans("exams", exams, name)
    ordered = sorted(terms, key=lambda term: term.start)
    for row, exam in enumerate(exams):
        where = name("exams", row)
        at = exam.start
        for term in ordered:
            if term.start <= at < term.end:
                at = term.end
        if at == exam.start:
            raise CalendarError(f"{where}.start: {exam.start} lies in no term.")
        if at < exam.end:
            raise CalendarError(f"{where}.end: {at}, before the end {exam.end}, lies in no term.")
        for number, school_class in enumerate(exam.classes):
            if school_class in exam.classes[:number]:
                raise CalendarError(f"{where}.classes: '{school_class}' is named twice.")
            if classes is not None and school_class not in classes:
                raise CalendarError(
                    f"{where}.classes: there is no '{school_class}' in classes; add it first."
                )


def check_substitutions(
    substitutions: Sequence[Substitution],
    days: Days,
    planned: Planned,
    rooms: set[str] | None,
    classes: set[str] | None,
    name: Names,
) -> None:
    seen: dict[tuple[date, str, int, str], int] = {}
    open_days: dict[date, Day] = {}
    for row, given in enumerate(substitutions):
        where = name("substitutions", row)
        check_known("room", given.room, rooms, where)
        check_known("class", given.school_class, classes, where)
        day = days.day(given.date)
        if day is None:
            raise CalendarError(f"{where}.date: the school is closed on {given.date}.")
        at = f"{given.session} {given.period} of {given.date}"
        if (given.session, given.period) not in day.hours:
            raise CalendarError(f"{where}.period: no bell rings for {at}.")
        key = (given.date, given.session, given.period, given.school_class)
        if key in seen:
            raise CalendarError(
                f"{where}.school_class: {given.school_class} already has {name('substitutions', seen[key])} for {at}."
            )
        seen[key] = row
        replaced = [each.lesson for each in planned.timetable(day) if concerns(given, each.lesson)]
        _replaces(given, replaced, where, at)
        open_days[given.date] = day
    for day in open_days.values():
        _one_lesson_a_room(planned.rows(day), day)


def _replaces(given: Substitution, replaced: Sequence[Lesson], where: str, at: str) -> None:
    if given.subject is None:
        if not replaced:
            raise CalendarError(
                f"{where}.subject: {given.school_class} has no lesson in {at} that could fall out."
            )
        if given.room is not None:
            raise CalendarError(f"{where}.room: a lesson that falls out is in no room; give its subject too.")
        return
    if given.room is None and len({lesson.room for lesson in replaced}) != 1:
        what = "lessons in several rooms" if replaced else "no lesson"
        raise CalendarError(f"{where}.room: {given.school_class} has {what} in {at}: name the room.")


def _one_lesson_a_room(rows: Sequence[Row], day: Day) -> None:
    taken: dict[tuple[str, str, int], list[Row]] = {}
    for row in rows:
        lesson = row.lesson
        if lesson.room is None:
            continue
        others = taken.setdefault((lesson.room, lesson.session, lesson.period), [])
        for other in others:
            if not together(lesson, other.lesson):
                raise CalendarError(
                    f"{row.name}.room: '{lesson.room}' already holds {other.lesson.school_class} "
                    f"{other.lesson.subject} ({other.name}) in {lesson.session} {lesson.period} of {day.date}."
                )
        others.append(row)
