"""The weekly timetable of a lower-secondary school: who has which subject when, and in which room.

Hours per subject are those of the general education programme of 2018 (29 a week). About one lesson in five is not
in the class's home room. Such a lesson is in the room its subject needs, or nowhere: then the home room stands
empty and nobody is missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from random import Random

from campus.calendar import Lesson
from simulator.rooms import ORDINARY, Room

# subject -> (periods a week, subject group)
SUBJECTS = {
    "Ngữ văn": (4, "ngu-van"),
    "Toán": (4, "toan-tin"),
    "Tiếng Anh": (3, "ngoai-ngu"),
    "Khoa học tự nhiên": (4, "khtn"),
    "Lịch sử và Địa lí": (3, "khxh"),
    "Giáo dục thể chất": (2, "nghe-thuat-the-chat"),
    "Chào cờ": (1, None),
    "Sinh hoạt lớp": (1, None),
    "HĐTN, hướng nghiệp": (1, None),
    "Giáo dục công dân": (1, "khxh"),
    "Giáo dục địa phương": (1, "khxh"),
    "Công nghệ": (1, "khtn"),
    "Tin học": (1, "toan-tin"),
    "Âm nhạc": (1, "nghe-thuat-the-chat"),
    "Mĩ thuật": (1, "nghe-thuat-the-chat"),
}
SUBJECT_GROUPS = {
    "toan-tin": "Tổ Toán – Tin",
    "ngu-van": "Tổ Ngữ văn",
    "ngoai-ngu": "Tổ Ngoại ngữ",
    "khtn": "Tổ Khoa học tự nhiên – Công nghệ",
    "khxh": "Tổ Lịch sử – Địa lí – GDCD",
    "nghe-thuat-the-chat": "Tổ Nghệ thuật – Thể chất",
}
OUTSIDE = ("Chào cờ", "Giáo dục thể chất")  # in the yard: no room
ONLY_IN = {"Tin học": ("tin-hoc",)}  # in such a room, or nowhere
SOMETIMES_IN = {  # subject -> (room types, periods a week there, share of the classes that go)
    "Khoa học tự nhiên": (("khtn", "vat-li", "hoa-hoc"), 1, 1.0),
    "Tiếng Anh": (("ngoai-ngu",), 1, 0.6),
}

Hour = tuple[int, str, int]
"""(ISO weekday, session, period)."""


@dataclass(frozen=True, slots=True)
class SchoolClass:
    """A class, the session it comes to school in, and its home room."""

    name: str
    size: int
    session: str
    home_room: str


def make_classes(rooms: Sequence[Room], random: Random) -> list[SchoolClass]:
    """Two classes share an ordinary room: grades 9 and 8 in the morning, 7 and 6 in the afternoon."""
    ordinary = [room for room in rooms if room.type.id == ORDINARY]
    half = (len(ordinary) + 1) // 2
    found = []
    for i, room in enumerate(ordinary):
        upper, number = (True, i) if i < half else (False, i - half)
        letter = chr(65 + number % 26) + (str(number // 26 + 1) if number >= 26 else "")
        found.append(SchoolClass(f"{9 if upper else 8}{letter}", random.randint(34, 44), "morning", room.id))
        found.append(
            SchoolClass(f"{7 if upper else 6}{letter}", random.randint(34, 44), "afternoon", room.id)
        )
    return sorted(found, key=lambda c: c.name)


def make_lessons(
    classes: Sequence[SchoolClass],
    rooms: Sequence[Room],
    hours: Sequence[Hour],
    valid_from: date,
    random: Random,
) -> tuple[list[Lesson], list[tuple[SchoolClass, Hour, str]]]:
    """(lessons in rooms, lessons that are nowhere: class, hour, subject). No room or class is booked twice."""
    book = _Book(rooms, valid_from)
    order = list(classes)
    random.shuffle(order)
    for school_class in order:
        free = [hour for hour in hours if hour[1] == school_class.session]
        random.shuffle(free)
        _Week(book, school_class, free, random).fill()
    return sorted(book.lessons, key=lambda x: (x.weekday, x.session, x.period, x.room)), book.nowhere


class _Book:
    """What is booked so far, of all classes."""

    def __init__(self, rooms: Sequence[Room], valid_from: date) -> None:
        self.rooms, self.valid_from = rooms, valid_from
        self.lessons: list[Lesson] = []
        self.nowhere: list[tuple[SchoolClass, Hour, str]] = []
        self.taken: set[tuple[str, Hour]] = set()


class _Week:
    """One class's week in the making; `free` are the hours it still has."""

    def __init__(self, book: _Book, school_class: SchoolClass, free: list[Hour], random: Random) -> None:
        self._book, self._class, self._free, self._random = book, school_class, free, random
        self._rooms = random.sample(book.rooms, len(book.rooms))  # no lab before the others
        self._taught: dict[tuple[int, str], int] = {}

    def fill(self) -> None:
        """The ceremony and the class hour first, then what needs a room of its own, then the rest at home."""
        home = self._class.home_room
        # The flag ceremony opens the week in the morning and, on Monday afternoon, closes the day.
        ceremony = (1, "morning", 1) if self._class.session == "morning" else (1, "afternoon", 5)
        self._put("Chào cờ", ceremony, None)
        self._put("Sinh hoạt lớp", max(hour for hour in self._free if hour[0] == 6), home)
        rest = {subject: number for subject, (number, _) in SUBJECTS.items()}
        rest["Chào cờ"] = rest["Sinh hoạt lớp"] = 0
        for subject, types, times in _away(self._random):
            for _ in range(times):
                hour, room = self._find(types, subject)
                if room is not None or subject in ONLY_IN or subject in OUTSIDE:
                    rest[subject] -= 1
                    self._put(subject, hour, room)  # else no such room is free, and it is taught at home
        subjects = [subject for subject, number in rest.items() for _ in range(number)]
        self._random.shuffle(subjects)
        for subject in subjects[: len(self._free)]:
            self._put(subject, min(self._free, key=lambda h: (self._on_day(h, subject), h[2])), home)

    def _put(self, subject: str, hour: Hour, room: str | None) -> None:
        book = self._book
        self._free.remove(hour)
        self._taught[hour[0], subject] = self._on_day(hour, subject) + 1
        if room is None:
            book.nowhere.append((self._class, hour, subject))
            return
        book.taken.add((room, hour))
        group = SUBJECTS[subject][1]
        book.lessons.append(Lesson(room, *hour, self._class.name, subject, book.valid_from, None, group))

    def _on_day(self, hour: Hour, subject: str) -> int:
        """How often the subject is taught on that weekday."""
        return self._taught.get((hour[0], subject), 0)

    def _find(self, types: Sequence[str], subject: str) -> tuple[Hour, str | None]:
        """The first free hour at which a room of the types is free, on a day without the subject if there is one."""
        hours = sorted(self._free, key=lambda hour: self._on_day(hour, subject))
        for hour in hours if types else ():
            for room in self._rooms:
                if room.type.id in types and (room.id, hour) not in self._book.taken:
                    return hour, room.id
        return hours[0], None


def _away(random: Random) -> list[tuple[str, tuple[str, ...], int]]:
    """(subject, room types, periods a week) of one class's lessons outside its home room."""
    away: list[tuple[str, tuple[str, ...], int]] = [("Giáo dục thể chất", (), 2)]
    away += [(subject, types, SUBJECTS[subject][0]) for subject, types in ONLY_IN.items()]
    for subject, (types, times, share) in SOMETIMES_IN.items():
        if random.random() < share:
            away.append((subject, types, times))
    return away
