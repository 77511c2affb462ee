"""Activities of a file -> lessons of a school: which class, in which room. What is not known is told, not guessed."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache

from campus.calendar import (
    HOME_ROOM,
    IN_ROOM,
    IN_ROOM_TYPE,
    NO_LESSON,
    OUTSIDE,
    Bell,
    Lesson,
    SubjectPlace,
    clashes,
)
from campus.calendar import places as subject_places
from campus.calendar.clashes import Held
from campus.calendar.formats import WHOLE, Activity, Problem, gathered
from campus.calendar.places import NO_ROOMS, normal

MOST_TEXT = 120  # as long as the records keep names
_SEPARATORS = " -_./"


@dataclass(frozen=True, slots=True)
class School:
    """What activities refer to: class -> home room, room -> (name, room type), bells, the school's subject places."""

    classes: Mapping[str, str | None]
    rooms: Mapping[str, tuple[str, str]]
    bells: Sequence[Bell] = ()
    subject_groups: frozenset[str] = frozenset()
    subject_places: Sequence[SubjectPlace] = ()


@dataclass(frozen=True, slots=True)
class Resolved:
    """`rows` names the file's row of each lesson. With any of `problems` nothing may be imported."""

    lessons: Sequence[Lesson] = ()
    rows: Sequence[str] = ()
    problems: Sequence[Problem] = ()
    notes: Sequence[str] = ()
    unmapped: Mapping[str, int] = field(default_factory=dict)


def resolve(
    activities: Iterable[Activity], school: School, valid_from: date, valid_to: date | None = None
) -> Resolved:
    """Lessons valid over [valid_from, valid_to) local dates, and whatever keeps the file from being imported.

    Not attributed to a room (room None, place IN_ROOM_TYPE), and told in a note: a subject of a room type of which the
    school has none or several, or whose only room is wanted twice at one time; a lesson of several classes together,
    and a part of a class whose home room another part needs, when the file names no room.
    """
    return _Resolving(school, valid_from, valid_to).run(activities)


class _Resolving:
    def __init__(self, school: School, valid_from: date, valid_to: date | None) -> None:
        self._school = school
        self._dates = (valid_from, valid_to)
        self._classes = {_key(name): name for name in school.classes}
        self._rooms: dict[str, str] = {}
        names = Counter(_key(name) for name, _ in school.rooms.values())
        for id, (name, _) in school.rooms.items():
            if names[_key(name)] == 1:
                self._rooms[_key(name)] = id
        self._rooms.update({_key(id): id for id in school.rooms})
        self._places = subject_places.table(school.subject_places)
        self._groups = {_key(id): id for id in school.subject_groups}
        self._wrong: list[Problem] = []
        self._unmapped: Counter[str] = Counter()
        self._spelled: dict[str, str] = {}
        self._no_lesson: Counter[str] = Counter()
        self._no_class: Counter[str] = Counter()
        self._roomless: Counter[str] = Counter()

    def run(self, activities: Iterable[Activity]) -> Resolved:
        held = [one for activity in activities for one in self._held(activity)]
        held = self._unclash(held)
        lessons: dict[Lesson, str] = {}
        for one in held:
            lessons.setdefault(one.lesson, one.row)
        problems = [
            Problem(
                WHOLE,
                "subject",
                f"'{subject}' ({number} lessons): where it is held is not known; say so with "
                f'`campus timetable places SITE --set "{subject}=home-room"`.',
            )
            for subject, number in self._unmapped.most_common()
        ]
        problems += gathered([*self._wrong, *clashes.problems(held, self._school.bells)])
        return Resolved(
            list(lessons), list(lessons.values()), problems, self._notes(len(held), lessons), self._unmapped
        )

    def _held(self, activity: Activity) -> list[Held]:
        """The lesson of every class of an activity; none for what is no lesson, or is wrong."""
        subject = " ".join(unicodedata.normalize("NFC", activity.subject).split())
        place = self._place(activity, subject)
        if place is None or place.place == NO_LESSON:
            return []
        if not activity.classes:
            self._no_class[subject] += 1
            return []
        classes = [self._class(activity.row, name) for name in activity.classes]
        group = activity.subject_group and self._groups.get(_key(activity.subject_group))
        if activity.subject_group and group is None:
            self._refuse(
                activity.row, "subject_group", f"there is no subject group '{activity.subject_group}'."
            )
        teacher = " ".join(unicodedata.normalize("NFC", activity.teacher or "").split()) or None
        for name, text in (("subject", subject), ("teacher", teacher or "")):
            if len(text) > MOST_TEXT or not text.isprintable():
                self._refuse(
                    activity.row,
                    name,
                    f"'{text[:40]}...' is longer than {MOST_TEXT} letters, or no plain text.",
                )
        together = len(set(classes)) > 1
        found = []
        for told in classes:
            if told is None:
                continue
            name, part = told
            room, where, sure = self._room(activity, place, subject, name, together)
            lesson = Lesson(
                room,
                activity.weekday,
                activity.session,
                activity.period,
                name,
                subject,
                *self._dates,
                group or None,
                activity.week,
                teacher,
                where,
            )
            found.append(Held(activity.row, lesson, sure, bool(part or activity.group)))
        return found

    def _place(self, activity: Activity, subject: str) -> SubjectPlace | None:
        """The row of the subject -> place table; None for a problem, or where it is counted as no lesson."""
        found = self._places.get(normal(subject))
        if found is not None and found.place == NO_LESSON:
            self._no_lesson[subject] += 1
        elif found is None and not activity.classes:
            self._no_class[subject or "no subject"] += 1
        elif found is None and not subject:
            self._refuse(activity.row, "subject", "it is empty.")
        elif found is None and activity.room:
            return SubjectPlace(subject, IN_ROOM)  # the file itself says where
        elif found is None:
            self._unmapped[self._spelled.setdefault(normal(subject), subject)] += 1
        return found

    def _class(self, row: str, text: str) -> tuple[str, str | None] | None:
        """(class, part of it): "6A", "Lớp 6A", or "6A Nhóm 1" where 6A is a class."""
        if name := self._classes.get(_key(text)) or self._classes.get(_key(text).removeprefix("lớp")):
            return name, None
        begun = [
            (key, name)
            for key, name in self._classes.items()
            for rest in [text[len(name) :]]
            if _key(text[: len(name)]) == key and rest[:1] in _SEPARATORS and rest.strip(_SEPARATORS)
        ]
        if begun:
            name = max(begun)[1] if len(begun) == 1 else max(begun, key=lambda one: len(one[0]))[1]
            return name, text[len(name) + 1 :].strip()
        self._refuse(
            row,
            "class",
            f"there is no class '{text}'; add it and its home room to the inventory, or correct it.",
        )
        return None

    def _room(
        self, activity: Activity, place: SubjectPlace, subject: str, name: str, together: bool
    ) -> tuple[str | None, str, bool]:
        """(room, place of the lesson, whether the file says so)."""
        if activity.room:
            room = self._rooms.get(_key(activity.room))
            if room is not None:
                return room, IN_ROOM, True
            if where := NO_ROOMS.get(normal(activity.room)):
                return None, where, True
            self._refuse(
                activity.row,
                "room",
                f"there is no room '{activity.room}'; add it to the inventory, or correct it.",
            )
            return None, IN_ROOM_TYPE, True
        if place.place == OUTSIDE:
            return None, OUTSIDE, True
        if place.place == IN_ROOM:
            if place.target not in self._school.rooms:
                self._refuse(
                    activity.row,
                    "room",
                    f"the place of '{subject}' is the room '{place.target}', which is not there.",
                )
            return place.target, IN_ROOM, True
        if place.place == IN_ROOM_TYPE:
            fitting = [id for id, (_, type_) in self._school.rooms.items() if type_ == place.target]
            if len(fitting) == 1:
                return fitting[0], IN_ROOM, False
            why = f"{subject}: the school has {len(fitting) or 'no'} rooms of the type {place.target}"
            self._roomless[why] += 1
            return None, IN_ROOM_TYPE, False
        if together:
            self._roomless[f"{subject}: several classes together, and no room is named"] += 1
            return None, IN_ROOM_TYPE, False
        home = self._school.classes[name]
        if home is None:
            self._refuse(
                activity.row, "class", f"the class {name} has no home room; add it to the inventory."
            )
        return home, IN_ROOM, place.place != HOME_ROOM

    def _unclash(self, held: Sequence[Held]) -> list[Held]:
        """Take the room from lessons that were only supposed to be in it, where it is wanted twice at one time.

        Two whole classes in one home room stay: that is an error, and is told.
        """
        crowded = {id(one) for one, _ in clashes.crowded(held)}
        found = []
        for one in held:
            lesson = one.lesson
            at_home = lesson.room == self._school.classes[lesson.school_class]
            if id(one) in crowded and lesson.room and not one.sure and (one.part or not at_home):
                room = self._school.rooms[lesson.room][0]
                self._roomless[f"{lesson.subject}: {room} is wanted by several lessons at one time"] += 1
                found.append(replace(one, lesson=replace(lesson, room=None, place=IN_ROOM_TYPE)))
            else:
                found.append(one)
        return found

    def _refuse(self, row: str, field: str, message: str) -> None:
        self._wrong.append(Problem(row, field, message))

    def _notes(self, read: int, lessons: Mapping[Lesson, str]) -> list[str]:
        notes = []
        if self._no_lesson:
            notes.append(f"No lessons, left out: {_counted(self._no_lesson)}.")
        if self._no_class:
            notes.append(f"Of no class, left out: {_counted(self._no_class)}.")
        notes += [
            f"{number} lessons not attributed to a room; {why}." for why, number in self._roomless.items()
        ]
        if read > len(lessons):
            notes.append(f"{read - len(lessons)} lessons stand in the file twice.")
        busy: dict[tuple[str, clashes.Hour], list[Lesson]] = {}
        for one in lessons:
            busy.setdefault((one.school_class, clashes.hour(one)), []).append(one)
        double = [
            key for key, same in busy.items() if any(clashes.weeks_meet(same[0], one) for one in same[1:])
        ]
        if double:
            name, (weekday, session, period) = double[0]
            notes.append(
                f"{len(double)} times a class has two lessons at once, as parts of a class do; the first: {name}, "
                f"weekday {weekday}, {session} {period}."
            )
        return notes


@lru_cache(1000)
def _key(text: str) -> str:
    return "".join(unicodedata.normalize("NFC", text).casefold().split())


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{number} of '{name}'" for name, number in counts.most_common(20))
