"""Lessons of a file that cannot be as the file says: two in one room at one time, or at a time without a bell. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from campus.calendar import Bell, Lesson
from campus.calendar.formats import Problem
from campus.calendar.planned import together
from campus.calendar.validity import meet

_COMPARED = 20  # of the lessons of one room at one time

Hour = tuple[int, str, int]
"""(weekday, session, period)."""


@dataclass(frozen=True, slots=True)
class Held:
    """One class's lesson of a row. `sure`: the file or the school names the room; `part`: of a class, not all of it."""

    row: str
    lesson: Lesson
    sure: bool
    part: bool


def hour(lesson: Lesson) -> Hour:
    return lesson.weekday, lesson.session, lesson.period


def weeks_meet(one: Lesson, other: Lesson) -> bool:
    return one.week is None or other.week is None or one.week == other.week


def agree(one: Lesson, other: Lesson) -> bool:
    """Whether two lessons at one hour can be in one room: one and the same, joint classes, or in different weeks."""
    return one == other or not weeks_meet(one, other) or not meet(one, other) or together(one, other)


def crowded(held: Iterable[Held]) -> list[tuple[Held, list[Held]]]:
    """Each lesson in a room, with those that want the room at the same time and cannot be there together."""
    wanted: dict[tuple[str, Hour], list[Held]] = {}
    for one in held:
        if one.lesson.room is not None:
            wanted.setdefault((one.lesson.room, hour(one.lesson)), []).append(one)
    return [
        (one, others)
        for same in wanted.values()
        for one in same
        if (others := [other for other in same[:_COMPARED] if not agree(one.lesson, other.lesson)])
    ]


def problems(held: Sequence[Held], bells: Sequence[Bell]) -> list[Problem]:
    """Every row with a lesson that no bell rings for, or whose room is taken by an earlier row."""
    rung: dict[Hour, list[Bell]] = {}
    for bell in bells:
        rung.setdefault((bell.weekday, bell.session, bell.period), []).append(bell)
    found = []
    for one in held:
        if not any(meet(one.lesson, bell) for bell in rung.get(hour(one.lesson), ())):
            found.append(
                Problem(
                    one.row,
                    "period",
                    f"no bell rings for {_when(one.lesson)}; add it to the bells, or correct it.",
                )
            )
    place = {id(one): number for number, one in enumerate(held)}
    for one, others in crowded(held):
        earlier = [other for other in others if place[id(other)] < place[id(one)]]
        if earlier:
            other = earlier[0]
            found.append(
                Problem(
                    one.row,
                    "room",
                    f"'{one.lesson.room}' already holds {other.lesson.school_class} {other.lesson.subject} "
                    f"({other.row}) at {_when(one.lesson)}.",
                )
            )
    return found


def _when(lesson: Lesson) -> str:
    return f"weekday {lesson.weekday}, {lesson.session} {lesson.period}"
