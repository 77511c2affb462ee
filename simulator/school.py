"""A virtual school, made from a seed: the same seed and date give the same school, its people and its weather."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from hashlib import blake2b
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from campus.calendar import Bell, Closure, Lesson, Term
from campus.errors import UsageError
from campus.wire.topics import valid_id
from simulator import inventory, year
from simulator.rooms import Room, make_rooms
from simulator.timetable import Hour, SchoolClass, make_classes, make_lessons

TZ = "Asia/Ho_Chi_Minh"  # no daylight saving: every local day has 1440 minutes
DAY_MS = 86_400_000
MINUTE_MS = 60_000
MOST_ROOMS = 2000


@dataclass(frozen=True, eq=False)
class School:
    """Rooms with one board each, classes, calendar and timetable. `make` builds one."""

    seed: int
    site: str
    name: str
    today: date
    rooms: tuple[Room, ...]
    classes: tuple[SchoolClass, ...]
    terms: tuple[Term, ...]
    closures: tuple[Closure, ...]
    bells: tuple[Bell, ...]
    lessons: tuple[Lesson, ...]
    nowhere: tuple[
        tuple[SchoolClass, Hour, str], ...
    ]  # timetabled, but in no room (yard, or no room was free)

    @classmethod
    def make(cls, seed: int = 1, rooms: int = 24, today: date | None = None, site: str = "demo") -> "School":
        """A lower-secondary school of `rooms` rooms whose calendar surrounds the local date `today`.

        `today` None is the present date in Viet Nam. Only the calendar depends on it, never the timetable's content.
        Raises UsageError.
        """
        if not 1 <= rooms <= MOST_ROOMS:
            raise UsageError(f"A virtual school has 1 to {MOST_ROOMS} rooms, not {rooms}.")
        if not valid_id(site):
            raise UsageError(f"'{site}' cannot be a site's id: use up to 64 of a-z, 0-9 and -.")
        if today is None:
            today = datetime.now(ZoneInfo(TZ)).date()
        random = Random(_digest(seed, site, "school"))
        made_rooms = make_rooms(
            rooms, site, random, lambda room: f"esp32-{_digest(seed, site, 'board', room) % (1 << 48):012x}"
        )
        bells = year.bells()
        terms = year.terms(today)
        classes = make_classes(made_rooms, random)
        hours = [(bell.weekday, bell.session, bell.period) for bell in bells]
        lessons, nowhere = make_lessons(classes, made_rooms, hours, terms[0].start, random)
        return cls(
            seed=seed,
            site=site,
            name="Trường THCS Thực nghiệm (mô phỏng)",
            today=today,
            rooms=tuple(made_rooms),
            classes=tuple(classes),
            terms=tuple(terms),
            closures=tuple(year.closures(today)),
            bells=tuple(bells),
            lessons=tuple(lessons),
            nowhere=tuple(nowhere),
        )

    def inventory(self) -> dict[str, Any]:
        """What `campus.records.inventory.Inventory` accepts: places, equipment, boards, calendar, timetable."""
        return inventory.inventory(self)

    def rng(self, *words: object) -> np.random.Generator:
        """The random numbers of one subject, such as ("people", date): the same for the same seed and words."""
        return np.random.default_rng(_digest(self.seed, self.site, *words))

    def hex_id(self, digits: int, *words: object) -> str:
        """`digits` hex digits drawn from the seed and the words: a boot id, for example."""
        return f"{_digest(self.seed, self.site, *words) % (1 << 4 * digits):0{digits}x}"

    def room(self, id: str) -> Room:
        """Raises UsageError for a room that the school does not have."""
        for room in self.rooms:
            if room.id == id:
                return room
        raise UsageError(
            f"The virtual school has no room '{id}'; it has {self.rooms[0].id} to {self.rooms[-1].id}."
        )

    def is_open(self, day: date) -> bool:
        """Whether lessons are held on a local date."""
        return (
            day.isoweekday() <= 6
            and any(term.start <= day < term.end for term in self.terms)
            and not any(closure.start <= day < closure.end for closure in self.closures)
        )

    @cached_property
    def bell_minutes(self) -> Mapping[Hour, tuple[int, int]]:
        """(weekday, session, period) -> [start, end) minutes of the local day."""
        return {
            (b.weekday, b.session, b.period): (year.minute_of(b.start), year.minute_of(b.end))
            for b in self.bells
        }

    @cached_property
    def _by_weekday(self) -> dict[int, list[Lesson]]:
        found: dict[int, list[Lesson]] = {weekday: [] for weekday in range(1, 8)}
        for lesson in self.lessons:
            found[lesson.weekday].append(lesson)
        return found

    @cached_property
    def _hours(self) -> Mapping[tuple[str, int, str], frozenset[int]]:
        found: dict[tuple[str, int, str], set[int]] = {}
        for lesson in self.lessons:
            found.setdefault((lesson.school_class, lesson.weekday, lesson.session), set()).add(lesson.period)
        for school_class, (weekday, session, period), _ in self.nowhere:
            found.setdefault((school_class.name, weekday, session), set()).add(period)
        return {key: frozenset(periods) for key, periods in found.items()}

    def period_before(self, lesson: Lesson) -> int | None:
        """The period of the class's lesson before this one in the same session, wherever it is; None for the first."""
        periods = self._hours[lesson.school_class, lesson.weekday, lesson.session]
        return max((period for period in periods if period < lesson.period), default=None)

    def lessons_on(self, day: date) -> list[Lesson]:
        """The lessons that the timetable puts in rooms on a local date, none on a closed day."""
        return self._by_weekday[day.isoweekday()] if self.is_open(day) else []


def midnight_ms(day: date) -> int:
    """Unix ms of the start of a local date."""
    return int(datetime.combine(day, time(), ZoneInfo(TZ)).timestamp()) * 1000


def local_date(at_ms: int) -> date:
    """The local date of a moment (Unix ms)."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(TZ)).date()


def local_days(start_ms: int, end_ms: int) -> list[date]:
    """The local dates that [start_ms, end_ms) touches, in order."""
    if end_ms <= start_ms:
        return []
    first, last = local_date(start_ms), local_date(end_ms - 1)
    return [first + timedelta(days=i) for i in range((last - first).days + 1)]


def _digest(*words: object) -> int:
    text = "\x1f".join(str(word) for word in words)
    return int.from_bytes(blake2b(text.encode(), digest_size=16).digest(), "big")
