"""aSc Timetables, File > Export > "aSc Timetables 2012 XML" (and the older one with day="0").

Shape: <timetable> with periods, daysdefs, weeksdefs, subjects, teachers, classrooms, classes, groups, lessons and
cards; a card places a lesson: days="01000" is the second day, weeks="10" the first of two weeks (A), "01" the second
(B), "1" or "11" every week. See https://help.asctimetables.com, "Export - XML".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from campus.calendar import SESSIONS, WEEKS
from campus.calendar.formats import Activity, FormatError, Given, Parsed, Problem
from campus.calendar.formats.labels import read_day, read_hour
from campus.calendar.formats.xml import parse

_NOON = 12 * 60


@dataclass(frozen=True, slots=True)
class _Card:
    row: str
    days: tuple[int, ...]  # ISO weekdays
    week: str | None
    period: int
    rooms: tuple[str, ...]  # ids of the file


def read(content: bytes, given: Given) -> Parsed:
    root = parse(content)
    if root.tag != "timetable" or root.find("cards") is None or root.find("lessons") is None:
        raise FormatError(
            "The XML is no export of aSc Timetables with <lessons> and <cards>; export it as 'aSc Timetables 2012 XML'."
        )
    file = _File(root)
    cards, problems = file.cards(root)
    periods = file.periods(given.session)
    activities: list[Activity] = []
    unplaced: list[str] = []
    for lesson in root.findall("lessons/lesson"):
        id = lesson.get("id", "")
        placed = _spread(cards.pop(id, []), _length(lesson))
        if not placed:
            unplaced.append(f"lesson {id} ({file.told('class', lesson)} {file.told('subject', lesson)})")
        for card in placed:
            if card.period not in periods:
                problems.append(Problem(card.row, "period", f"{card.period} is not in the file's <periods>."))
                continue
            session, period = periods[card.period]
            if session is None:
                problems.append(Problem(card.row, "period", "the file has no bell times; give --session."))
                continue
            activities += _activities(file, lesson, card, session, period)
    problems += [
        Problem(card.row, "lessonid", f"there is no lesson '{id}'.")
        for id, rest in cards.items()
        for card in rest
    ]
    return Parsed(activities, problems, unplaced)


class _File:
    """The tables of one file, by their ids."""

    def __init__(self, root: Element) -> None:
        self.names: dict[str, dict[str, str]] = {
            one: {row.get("id", ""): row.get("name") or row.get("short") or "" for row in root.iter(one)}
            for one in ("subject", "teacher", "class", "classroom")
        }
        self._short = {row.get("id", ""): row.get("short") or "" for row in root.iter("teacher")}
        self.groups = {row.get("id", ""): row for row in root.iter("group")}
        # Older versions number their days, from 0 or, as they say then, from 1.
        self._first_day = 1 if "daynumbering1" in (root.get("options") or "") else 0
        self._days = self._weekdays(root)
        self._times = {
            number[0]: row.get("starttime", "")
            for row in root.iter("period")
            if (number := read_hour(row.get("period") or ""))
        }

    def told(self, one: str, row: Element) -> str:
        return "+".join(self.listed(one, row)) or "?"

    def listed(self, one: str, row: Element) -> list[str]:
        """The names behind a field such as classids; an id that is not in the file stays as it is."""
        ids = row.get(f"{one}ids") or row.get(f"{one}id") or ""
        names = {**self.names[one], **{k: v for k, v in self._short.items() if one == "teacher" and v}}
        return [names.get(id.strip(), id.strip()) for id in ids.split(",") if id.strip()]

    def periods(self, session: str | None) -> Mapping[int, tuple[str | None, int]]:
        """period of the file -> (session, period counted from 1 in it), by the bell times where there are any."""
        halves: dict[str, list[int]] = {half: [] for half in SESSIONS}
        for number, start in self._times.items():
            hour, _, minute = start.partition(":")
            if hour.isdecimal() and minute.isdecimal():
                halves[SESSIONS[int(hour) * 60 + int(minute) >= _NOON]].append(number)
        timed = sum(map(len, halves.values())) == len(self._times) > 0
        if timed and (session is None or all(halves.values())):
            return {
                number: (half, place)
                for half, numbers in halves.items()
                for place, number in enumerate(sorted(numbers), 1)
            }
        return {number: (session, number) for number in self._times}

    def cards(self, root: Element) -> tuple[dict[str, list[_Card]], list[Problem]]:
        """lesson -> its cards; and what is wrong with cards."""
        found: dict[str, list[_Card]] = {}
        problems: list[Problem] = []
        for number, card in enumerate(root.findall("cards/card"), 1):
            row = f"card {number}"
            days, week = self._card_days(card), _week(card.get("weeks") or "1")
            period = read_hour(card.get("period") or "")
            if not days:
                problems.append(
                    Problem(row, "days", f"'{card.get('days') or card.get('day')}' names no day.")
                )
            elif week == "":
                problems.append(Problem(row, "weeks", f"'{card.get('weeks')}' is not every week, A or B."))
            elif period is None:
                problems.append(Problem(row, "period", f"'{card.get('period')}' is not a period."))
            else:
                rooms = tuple(
                    id.strip()
                    for id in (card.get("classroomids") or card.get("classroomid") or "").split(",")
                    if id.strip()
                )
                found.setdefault(card.get("lessonid", ""), []).append(
                    _Card(row, days, week or None, period[0], rooms)
                )
        return found, problems

    def _weekdays(self, root: Element) -> dict[int, int]:
        """place in the mask -> ISO weekday: by the name of the day where it is one, or Monday first."""
        named: dict[int, int] = {}
        for row in (*root.iter("daysdef"), *root.iter("day")):
            mask = row.get("days") or ""
            place = mask.find("1") if mask.count("1") == 1 else -1
            if row.tag == "day" and (row.get("day") or "") in set("0123456"):
                place = int(row.get("day") or 0)
            day = read_day(row.get("name") or "") or read_day(row.get("short") or "")
            if place >= 0 and day:
                named[place] = day[0]
        return named

    def _card_days(self, card: Element) -> tuple[int, ...]:
        mask, day = card.get("days") or "", card.get("day") or ""
        places = (
            [int(day)]
            if day in set("0123456") and not mask
            else [n for n, one in enumerate(mask) if one == "1"]
        )
        return tuple(self._days.get(place, place + 1 - self._first_day) for place in places if place < 7)


def _week(mask: str) -> str | None:
    """a, b, None for every week, or "" for what is neither."""
    if set(mask) == {"1"}:
        return None
    return WEEKS[mask.index("1")] if len(mask) == 2 and mask.count("1") == 1 else ""


def _length(lesson: Element) -> int:
    """Periods of one card; 1 where the file says nothing that is a number of periods."""
    told = read_hour(lesson.get("periodspercard") or "1")
    return told[0] if told else 1


def _spread(cards: list[_Card], length: int) -> list[_Card]:
    """One card per period. Some versions write a double lesson as one card, others as one for each period."""
    if length == 1 or not cards:
        return cards
    taken: dict[tuple[object, ...], list[_Card]] = {}
    for card in cards:
        taken.setdefault((card.days, card.week), []).append(card)
    each = all(_runs([card.period for card in same], length) for same in taken.values())
    if each:
        return cards
    return [
        _Card(card.row, card.days, card.week, card.period + more, card.rooms)
        for card in cards
        for more in range(length)
    ]


def _runs(periods: list[int], length: int) -> bool:
    """Whether the periods form unbroken runs of whole lessons."""
    ordered, run = sorted(set(periods)), 0
    for place, period in enumerate(ordered):
        run += 1
        if place + 1 == len(ordered) or ordered[place + 1] != period + 1:
            if run % length:
                return False
            run = 0
    return True


def _activities(file: _File, lesson: Element, card: _Card, session: str, period: int) -> list[Activity]:
    """One for each day and each room of a card."""
    groups = [file.groups[id] for id in (lesson.get("groupids") or "").split(",") if id in file.groups]
    parts = [one.get("name", "") for one in groups if one.get("entireclass") != "1"]
    return [
        Activity(
            card.row,
            tuple(file.listed("class", lesson)),
            day,
            session,
            period,
            file.told("subject", lesson),
            ", ".join(file.listed("teacher", lesson)) or None,
            file.names["classroom"].get(room, room) if room else None,
            card.week,
            ", ".join(parts) or None,
        )
        for day in card.days
        for room in card.rooms or (None,)
    ]
