"""One room's week as a value: the timetable against what was measured. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from campus.calendar import LESSON, SESSIONS, Slot
from campus.calendar.school import SchoolCalendar
from campus.indicators import FREE, HELD, NO_SHOW, NOT_MEASURED, PARTLY_HELD, UNSCHEDULED, RoomFact

UPCOMING, PENDING, CLOSED, NONE = "upcoming", "pending", "closed", "none"
"""Of a cell: still to come; over, and its figures are not final yet; school closed; no such period that day."""
SHOWN = (HELD, PARTLY_HELD, NO_SHOW, NOT_MEASURED, UNSCHEDULED)


@dataclass(frozen=True, slots=True)
class Cell:
    """One period of one date. Minutes are None where there is no fact."""

    date: date
    state: str  # one of indicators.OUTCOMES, or one of those above
    start: datetime | None = None
    end: datetime | None = None
    school_class: str | None = None
    subject: str | None = None
    occupied_minutes: float | None = None
    valid_minutes: float | None = None
    slot_minutes: float | None = None
    session: str | None = None
    period: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One period over the week; `start` and `end` are those of its first day."""

    session: str
    period: int
    start: datetime
    end: datetime
    cells: list[Cell]


WEEKS_BACK, WEEKS_AHEAD = 56, 2  # intervals are kept for 13 months


def list_weeks(chosen: date, today: date) -> list[tuple[date, date, date]]:
    """(Monday, Sunday, its day of the same name as `chosen`) of the weeks to choose from, the newest first.

    The week chosen is among them, wherever it is.
    """
    ahead = today - timedelta(days=today.weekday()) + timedelta(weeks=WEEKS_AHEAD)
    mondays = {ahead - timedelta(weeks=n) for n in range(WEEKS_BACK + WEEKS_AHEAD)}
    mondays.add(chosen - timedelta(days=chosen.weekday()))
    return [
        (monday, monday + timedelta(days=6), monday + timedelta(days=chosen.weekday()))
        for monday in sorted(mondays, reverse=True)
    ]


@dataclass(frozen=True, slots=True)
class WeekView:
    days: list[date]
    open_days: frozenset[date]
    lines: list[Line]
    facts: int
    outside_minutes: float  # occupied, outside every lesson slot

    def sessions(self) -> list[tuple[str, list[Line]]]:
        """The lines of each session, in the order of the day."""
        return [(session, list(lines)) for session, lines in groupby(self.lines, lambda line: line.session)]

    def of(self, day: date) -> list[Cell]:
        """The periods of one date, in order."""
        return [
            cell
            for line in self.lines
            for cell in line.cells
            if cell.date == day and cell.state not in (NONE, CLOSED)
        ]


def week(
    calendar: SchoolCalendar, room: str, monday: date, facts: Sequence[RoomFact], now: datetime
) -> WeekView:
    """Seven days from `monday`; Sunday, and Saturday too, only where the school has lessons or a fact on it."""
    by_slot = {(fact.date, fact.session, fact.period): fact for fact in facts if fact.kind == LESSON}
    days = [monday + timedelta(days=n) for n in range(7)]
    slots = {
        day: {(slot.session, slot.period): slot for slot in calendar.slots(day) if slot.kind == LESSON}
        for day in days
    }
    days = [
        day for day in days if day.isoweekday() < 6 or slots[day] or any(key[0] == day for key in by_slot)
    ]
    periods = _periods(slots.values())
    lines = []
    for session, period in periods:
        first = next(one[session, period] for one in slots.values() if (session, period) in one)
        lines.append(
            Line(
                session,
                period,
                first.start,
                first.end,
                [
                    _cell(
                        calendar,
                        room,
                        day,
                        slots[day],
                        (session, period),
                        by_slot.get((day, session, period)),
                        now,
                    )
                    for day in days
                ],
            )
        )
    return WeekView(
        days=days,
        open_days=frozenset(day for day in days if slots[day]),
        lines=lines,
        facts=len(facts),
        outside_minutes=sum(fact.occupied_minutes for fact in facts if fact.kind != LESSON),
    )


def _periods(days: Iterable[dict[tuple[str | None, int | None], Slot]]) -> list[tuple[str, int]]:
    found = {(session, period) for day in days for session, period in day if session and period}
    return sorted(found, key=lambda one: (SESSIONS.index(one[0]) if one[0] in SESSIONS else 9, one[1]))


def _cell(
    calendar: SchoolCalendar,
    room: str,
    day: date,
    slots: dict[tuple[str | None, int | None], Slot],
    period: tuple[str, int],
    fact: RoomFact | None,
    now: datetime,
) -> Cell:
    if fact is not None:
        return Cell(
            day,
            fact.outcome,
            fact.start,
            fact.end,
            fact.school_class,
            fact.subject,
            fact.occupied_minutes,
            fact.valid_minutes,
            fact.slot_minutes,
            *period,
        )
    slot = slots.get(period)
    if slot is None:
        return Cell(day, NONE if slots else CLOSED)
    lesson = calendar.lesson(room, slot)
    if lesson is None:
        return Cell(day, FREE, slot.start, slot.end, session=period[0], period=period[1])
    state = UPCOMING if slot.end > now else PENDING
    return Cell(
        day,
        state,
        slot.start,
        slot.end,
        lesson.school_class,
        lesson.subject,
        session=period[0],
        period=period[1],
    )
