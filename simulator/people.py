"""Who is in which room in every minute of one local day: lessons as they really happen, and what no timetable says."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from campus.calendar import Lesson
from simulator.rooms import ORDINARY, Room
from simulator.school import School

MINUTES = 1440
USES = (
    "", "lesson", "before", "break", "cleaning", "self-study", "club", "reading", "meeting", "event", "rounds",
)  # fmt: skip
"""What people are in a room for; the index is what `DayPeople.use` holds. "" = nobody is there."""
QUIET = frozenset({"reading", "self-study"})

NO_SHOW = 0.04  # of a lesson: the class is elsewhere, or the lesson was called off without a word
STAYS_AWAY = 0.6  # of the same class's next lesson in the room, after a no-show
LATE = 0.05
EARLY = 0.05
ABSENT = 0.03  # of a pupil
_LONG_BREAK = 15  # minutes; pupils leave the room


@dataclass(frozen=True, slots=True)
class Plan:
    """How one lesson of the timetable went: "held", "no-show", "late" or "early"."""

    lesson: Lesson
    went: str
    people: int


@dataclass(frozen=True, slots=True)
class DayPeople:
    """`people` and `use` are (room, minute of the local day); a visit never crosses midnight."""

    people: NDArray[np.int16]
    use: NDArray[np.uint8]
    plans: tuple[Plan, ...]


class _Sheet:
    """The minutes of one room, filled visit by visit. The timetable is entered first and never overwritten."""

    def __init__(self, people: NDArray[np.int16], use: NDArray[np.uint8]) -> None:
        self.people, self.use = people, use

    def add(self, start: int, end: int, people: int, use: str) -> None:
        """A visit of [start, end) in the minutes in which the room is still empty."""
        span = slice(max(0, start), min(MINUTES, end))
        free = self.people[span] == 0
        self.people[span][free] = people
        self.use[span][free] = USES.index(use) if people else 0

    def free(self, start: int, end: int) -> bool:
        return not self.people[max(0, start) : end].any()


def day_people(school: School, day: date) -> DayPeople:
    """Everyone's day. The same school and date give the same people."""
    people = np.zeros((len(school.rooms), MINUTES), np.int16)
    use = np.zeros((len(school.rooms), MINUTES), np.uint8)
    by_room: dict[str, list[Lesson]] = {}
    for lesson in school.lessons_on(day):
        if lesson.room is not None:
            by_room.setdefault(lesson.room, []).append(lesson)
    sizes = {c.name: c.size for c in school.classes}
    plans: list[Plan] = []
    for room in school.rooms:
        rng = school.rng("people", day, room.id)
        sheet = _Sheet(people[room.index], use[room.index])
        lessons = sorted(
            by_room.get(room.id, []), key=lambda x: school.bell_minutes[x.weekday, x.session, x.period]
        )
        went = _plan(lessons, sizes, rng)
        _lessons(sheet, school, went, rng)
        if school.is_open(day):
            _open_day(sheet, room, bool(lessons), rng)
        _any_day(sheet, room, school.is_open(day), rng)
        plans += went
    return DayPeople(people, use, tuple(plans))


def _plan(lessons: Sequence[Lesson], sizes: dict[str, int], rng: np.random.Generator) -> list[Plan]:
    plans: list[Plan] = []
    for lesson in lessons:
        before = plans[-1] if plans and plans[-1].lesson.session == lesson.session else None
        together = before is not None and before.lesson.school_class == lesson.school_class
        away = together and before is not None and before.went == "no-show" and rng.random() < STAYS_AWAY
        chance = rng.random()
        went = "held"
        if away or chance < NO_SHOW:
            went = "no-show"
        elif chance < NO_SHOW + LATE:
            went = "late"
        elif chance < NO_SHOW + LATE + EARLY:
            went = "early"
        present = (
            sizes[lesson.school_class] - int(rng.binomial(sizes[lesson.school_class], ABSENT)) + 1
        )  # the teacher
        plans.append(Plan(lesson, went, 0 if went == "no-show" else present))
    return plans


def _lessons(sheet: _Sheet, school: School, plans: Sequence[Plan], rng: np.random.Generator) -> None:
    for i, plan in enumerate(plans):
        lesson = plan.lesson
        start, end = school.bell_minutes[lesson.weekday, lesson.session, lesson.period]
        after = plans[i + 1] if i + 1 < len(plans) and plans[i + 1].lesson.session == lesson.session else None
        pause = 0
        if after is not None:
            pause = (
                school.bell_minutes[after.lesson.weekday, after.lesson.session, after.lesson.period][0] - end
            )
        stays = (
            after is not None
            and pause < 45
            and after.lesson.school_class == lesson.school_class
            and after.people > 0
        )
        if plan.people == 0:
            continue
        begin = start + int(rng.integers(0, 3))
        if plan.went == "late":
            begin = start + int(rng.integers(10, 21))
        finish = end - int(rng.integers(0, 2))
        if plan.went == "early":
            finish, stays = end - int(rng.integers(10, 22)), False
        for minute, share in enumerate((0.35, 0.75)):  # they come in over two minutes
            sheet.add(begin + minute, begin + minute + 1, max(1, round(plan.people * share)), "lesson")
        sheet.add(begin + 2, finish, plan.people, "lesson")
        if i == 0 or plans[i - 1].lesson.session != lesson.session:
            early = _early(school, lesson, start, rng)
            for minute in range(start - early, start):
                share = 0.9 * (minute - start + early + 1) / early
                sheet.add(minute, minute + 1, max(1, round(plan.people * share)), "before")
        if stays:
            share = rng.uniform(0.02, 0.25) if pause >= _LONG_BREAK else rng.uniform(0.3, 0.7)
            sheet.add(finish, end + pause + 3, max(1, round(plan.people * share)), "break")
        else:
            for minute, share in enumerate((0.5, 0.15)):
                sheet.add(finish + minute, finish + minute + 1, max(1, round(plan.people * share)), "break")


def _early(school: School, lesson: Lesson, start: int, rng: np.random.Generator) -> int:
    """Minutes before the bell at which the first pupils come. A class is never in two places."""
    before = school.period_before(lesson)
    if before is None:
        return int(rng.integers(15, 30))  # from home, for the quarter of an hour before the first lesson
    over = school.bell_minutes[lesson.weekday, lesson.session, before][1]
    return max(
        1, min(int(rng.integers(1, 6)), start - over - 1)
    )  # from another room or the yard, at the bell


def _open_day(sheet: _Sheet, room: Room, has_lessons: bool, rng: np.random.Generator) -> None:
    kind = room.type.id
    if kind == ORDINARY:
        for session_end in (11 * 60 + 21, 17 * 60 + 21):
            if has_lessons and rng.random() < 0.5:
                start = session_end + int(rng.integers(2, 12))
                sheet.add(start, start + int(rng.integers(8, 16)), int(rng.integers(2, 6)), "cleaning")
        for start in (9 * 60 + 46, 10 * 60 + 36, 15 * 60 + 46, 16 * 60 + 36):
            if rng.random() < 0.12 and sheet.free(start, start + 40):
                sheet.add(start, start + int(rng.integers(20, 40)), int(rng.integers(3, 15)), "self-study")
    elif kind == "thu-vien":
        for start, end in ((7 * 60 + 20, 11 * 60 + 20), (13 * 60, 16 * 60 + 45)):
            start, end = start + int(rng.integers(-10, 10)), end + int(rng.integers(-15, 10))
            for minute in range(start, end, 10):
                readers = (
                    int(rng.poisson(14)) if minute % 600 > 500 and rng.random() < 0.5 else int(rng.poisson(4))
                )
                sheet.add(minute, min(end, minute + 10), 1 + min(readers, room.capacity - 1), "reading")
    elif kind == "phong-hop":
        for _ in range(int(rng.poisson(1.2))):
            _visit(sheet, rng, (7 * 60 + 30, 16 * 60), (40, 95), (5, 22), "meeting")
    elif kind == "hoi-truong":
        if rng.random() < 0.12:
            _visit(sheet, rng, (7 * 60 + 30, 15 * 60), (60, 130), (70, 190), "event")
    elif kind == "da-nang":
        for _ in range(int(rng.poisson(2.0))):
            _visit(sheet, rng, (7 * 60 + 30, 17 * 60 + 30), (40, 85), (12, 45), "club")
    elif rng.random() < 0.15:
        _visit(sheet, rng, (16 * 60 + 30, 17 * 60 + 45), (40, 80), (8, 25), "club")
    if rng.random() < 0.05:
        _visit(sheet, rng, (11 * 60 + 35, 12 * 60 + 10), (15, 35), (1, 6), "self-study")
    if rng.random() < 0.02:
        _visit(sheet, rng, (18 * 60, 19 * 60 + 15), (60, 110), (6, min(35, room.capacity)), "meeting")


def _any_day(sheet: _Sheet, room: Room, is_open: bool, rng: np.random.Generator) -> None:
    if not is_open and rng.random() < 0.03:
        _visit(sheet, rng, (8 * 60, 15 * 60), (50, 120), (3, 25), "club")
    for earliest, latest in ((60, 270), (19 * 60, 23 * 60 + 30)):  # the guard looks in
        if rng.random() < 0.12:
            _visit(sheet, rng, (earliest, latest), (1, 3), (1, 1), "rounds")


def _visit(
    sheet: _Sheet,
    rng: np.random.Generator,
    between: tuple[int, int],
    minutes: tuple[int, int],
    people: tuple[int, int],
    use: str,
) -> None:
    start = int(rng.integers(between[0], between[1] + 1))
    length = int(rng.integers(minutes[0], minutes[1] + 1))
    number = int(rng.integers(people[0], people[1] + 1))
    if sheet.free(start, start + length):
        sheet.add(start, start + length, number, use)
