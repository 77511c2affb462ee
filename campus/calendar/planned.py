"""Which lessons are planned on a date: the timetable of its weekday and week, less exams, with substitutions. Pure."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from campus.calendar import IN_ROOM, Lesson, Substitution
from campus.calendar.days import Day, Hour
from campus.calendar.validity import boundaries, holds

JOINT = " + "
"""Between the names of the classes of a joint lesson."""

_CACHED_DAYS = 2000
_LONGEST = 120  # of a class's name

Plan = Mapping[str, Mapping[Hour, Lesson]]
"""room -> (session, period) -> lesson."""


@dataclass(frozen=True, slots=True)
class Row:
    """A lesson and the name of the row that planned it."""

    name: str
    lesson: Lesson


class Planned:
    """The lessons of dates. Thread-safe. The names say where lessons and substitutions were written."""

    def __init__(
        self,
        lessons: Sequence[Lesson],
        substitutions: Sequence[Substitution],
        lesson_names: Iterable[str] | None = None,
        substitution_names: Iterable[str] | None = None,
    ) -> None:
        named = lesson_names or (f"lessons[{row}]" for row in range(len(lessons)))
        self._by_weekday: dict[int, list[Row]] = {}
        for name, lesson in zip(named, lessons, strict=True):
            self._by_weekday.setdefault(lesson.weekday, []).append(Row(name, lesson))
        self._changes = boundaries(lessons)
        self._substitutions: dict[date, list[tuple[str, Substitution]]] = {}
        named = substitution_names or (f"substitutions[{row}]" for row in range(len(substitutions)))
        for name, substitution in zip(named, substitutions, strict=True):
            self._substitutions.setdefault(substitution.date, []).append((name, substitution))
        self._timetables: dict[tuple[int, str, int, frozenset[Hour]], list[Row]] = {}
        self._weekly: dict[int, Plan] = {}
        self._days: dict[date, Plan] = {}

    def plan(self, day: Day) -> Plan:
        """What is planned in each room on an open date. Days with the same timetable share one object."""
        found = self._days.get(day.date)
        if found is None:
            if len(self._days) >= _CACHED_DAYS:
                self._days.clear()
            found = self._days[day.date] = self._plan(day)
        return found

    def _plan(self, day: Day) -> Plan:
        if day.exam or day.sitting or day.date in self._substitutions:
            return joined(self.rows(day))
        timetable = self.timetable(day)
        found = self._weekly.get(id(timetable))
        if found is None:
            found = self._weekly.setdefault(id(timetable), joined(timetable))
        return found

    def timetable(self, day: Day) -> list[Row]:
        """The lessons of the weekday and week that an open date follows, at its bells; exams do not count here."""
        key = (day.weekday, day.week, bisect_right(self._changes, day.date), day.hours)
        found = self._timetables.get(key)
        if found is None:
            found = [
                row
                for row in self._by_weekday.get(day.weekday, ())
                if holds(row.lesson, day.date)
                and row.lesson.week in (None, day.week)
                and (row.lesson.session, row.lesson.period) in day.hours
            ]
            # Kept for ever, and the same object for all: there are as many as weekdays, weeks and versions.
            found = self._timetables.setdefault(key, found)
        return found

    def rows(self, day: Day) -> list[Row]:
        """The lessons of an open date, exams and substitutions counted."""
        timetable = self.timetable(day)
        rows = [] if day.exam else [row for row in timetable if row.lesson.school_class not in day.sitting]
        for name, substitution in self._substitutions.get(day.date, ()):
            rows = [row for row in rows if not concerns(substitution, row.lesson)]
            if substitution.subject is not None:
                replaced = [row.lesson for row in timetable if concerns(substitution, row.lesson)]
                rows.append(Row(name, stand_in(substitution, day.weekday, replaced)))
        return rows


def concerns(substitution: Substitution, lesson: Lesson) -> bool:
    """Whether a lesson of the timetable of that date is the one replaced."""
    return (lesson.school_class, lesson.session, lesson.period) == (
        substitution.school_class,
        substitution.session,
        substitution.period,
    )


def stand_in(substitution: Substitution, weekday: int, replaced: Sequence[Lesson]) -> Lesson:
    """The lesson of one date that a substitution makes.

    A room that is not named is that of the lesson replaced; so are the group and the teacher if the subject stays.
    """
    old = replaced[0] if replaced else None
    same = old is not None and old.subject == substitution.subject
    room, place = substitution.room, IN_ROOM
    if room is None and old is not None:
        room, place = old.room, old.place
    return Lesson(
        room=room,
        weekday=weekday,
        session=substitution.session,
        period=substitution.period,
        school_class=substitution.school_class,
        subject=substitution.subject or "",
        valid_from=substitution.date,
        valid_to=substitution.date + timedelta(days=1),
        subject_group=substitution.subject_group or (old.subject_group if old and same else None),
        teacher=substitution.teacher or (old.teacher if old and same else None),
        place=place,
    )


def together(one: Lesson, other: Lesson) -> bool:
    """Whether two lessons in one room at one time are one joint lesson: two classes, one subject, one named teacher."""
    return (
        one.teacher is not None
        and (one.subject, one.teacher) == (other.subject, other.teacher)
        and one.school_class != other.school_class
    )


def joined(rows: Iterable[Row]) -> Plan:
    """By room and time; joint lessons become one, of the class "6A + 6B". Lessons in no room are left out."""
    found: dict[str, dict[Hour, Lesson]] = {}
    joint: dict[tuple[str, Hour], list[Lesson]] = {}
    for row in rows:
        lesson = row.lesson
        if lesson.room is None:
            continue
        hour = (lesson.session, lesson.period)
        in_room = found.setdefault(lesson.room, {})
        if hour in in_room:
            joint.setdefault((lesson.room, hour), [in_room[hour]]).append(lesson)
        else:
            in_room[hour] = lesson
    for (room, hour), lessons in joint.items():
        lessons.sort(key=lambda lesson: lesson.school_class)
        groups = {lesson.subject_group for lesson in lessons}
        found[room][hour] = replace(
            lessons[0],
            school_class=_names([lesson.school_class for lesson in lessons]),
            subject_group=groups.pop() if len(groups) == 1 else None,
        )
    return found


def _names(classes: Sequence[str]) -> str:
    """As many as fit where one name fits."""
    names = JOINT.join(classes)
    shown = len(classes)
    while len(names) > _LONGEST:
        shown -= 1
        names = JOINT.join([*classes[:shown], f"{len(classes) - shown} more"])
    return names


def content(lesson: Lesson) -> tuple[str | None, ...]:
    """What is planned, apart from since when and in which weeks."""
    return lesson.school_class, lesson.subject, lesson.subject_group, lesson.teacher
