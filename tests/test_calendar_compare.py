"""Which dates of which rooms an edit of the calendar touches: exactly those whose slots or lessons differ."""

from dataclasses import replace
from datetime import date, time, timedelta
from random import Random

from calendars import ROOMS, Parts, changed, parts, randoms
from hypothesis import given, settings

from campus.calendar import Bell, Closure, ExamPeriod, Lesson, Substitution, Term
from campus.calendar.compare import touched
from campus.calendar.school import SchoolCalendar

START, END = date(2026, 9, 5), date(2027, 1, 16)
MONDAY = date(2026, 10, 5)
TERM = Term("HKI", START, END)
BELLS = [Bell(day, "morning", 1, time(7), time(7, 45)) for day in range(1, 6)]
TOAN = Lesson("a101", 1, "morning", 1, "6A", "Toán", START)
VAN = Lesson("a102", 2, "morning", 1, "6A", "Văn", START)


def school(lessons=(TOAN, VAN), bells=BELLS, **others) -> SchoolCalendar:
    return SchoolCalendar("Asia/Ho_Chi_Minh", [TERM], bells, lessons=lessons, **others)


def between(before: SchoolCalendar, after: SchoolCalendar) -> dict[str, set[date]]:
    return touched(before, after, ROOMS, date(2026, 1, 1), date(2028, 1, 1))


def test_equal_calendars_touch_nothing():
    """No room is named."""
    assert between(school(), school()) == {}


def test_a_new_version_of_the_timetable_touches_no_date_before_it():
    """The old lesson gets an end, and the new one begins: only the dates from then on differ, in that room."""
    change = date(2026, 12, 28)
    old, new = replace(TOAN, valid_to=change), replace(TOAN, subject="Lí", valid_from=change)
    assert between(school(), school([old, new, VAN])) == {
        "a101": {change, change + timedelta(days=7), change + timedelta(days=14)}
    }


def test_a_lesson_that_moves_touches_both_rooms():
    """The room it leaves and the one it goes to, on that date only."""
    moved = school(substitutions=[Substitution(MONDAY, "morning", 1, "6A", "Toán", "lab")])
    assert between(school(), moved) == {"a101": {MONDAY}, "lab": {MONDAY}}


def test_a_closure_touches_every_room():
    """Also rooms without a lesson: their slots differ."""
    closed = school(closures=[Closure(MONDAY, MONDAY + timedelta(days=1), "Bão")])
    assert between(school(), closed) == {room: {MONDAY} for room in ROOMS}


def test_an_exam_of_all_marks_the_slots_of_every_room():
    """An exam of one class touches its rooms alone."""
    tuesday, end = MONDAY + timedelta(days=1), MONDAY + timedelta(days=2)
    every = school(exams=[ExamPeriod("CK", MONDAY, end)])
    assert between(school(), every) == {room: {MONDAY, tuesday} for room in ROOMS}
    one = school(exams=[ExamPeriod("CK", MONDAY, end, ("6A",))])
    assert between(school(), one) == {"a101": {MONDAY}, "a102": {tuesday}}


def test_another_zone_touches_every_date():
    """Also closed ones: the day has another beginning."""
    other = SchoolCalendar("Asia/Tokyo", [TERM], BELLS, lessons=(TOAN, VAN))
    found = touched(school(), other, ROOMS, date(2026, 8, 1), date(2026, 9, 1))
    assert {len(days) for days in found.values()} == {31} and set(found) == set(ROOMS)


def test_a_longer_term_touches_the_dates_that_it_opens():
    """Whichever of the two calendars has them; only weekdays with bells."""
    longer = SchoolCalendar(
        "Asia/Ho_Chi_Minh", [Term("HKI", START, date(2027, 1, 20))], BELLS, lessons=(TOAN, VAN)
    )
    opened = {date(2027, 1, 18), date(2027, 1, 19)}
    assert between(school(), longer) == between(longer, school()) == {room: opened for room in ROOMS}


def test_bells_that_the_change_of_clocks_swallows_differ_without_effect():
    """Where 02:40 to 02:50 is after 03:35, a lesson between has no slot, and its time makes no difference."""

    def night(end: int) -> SchoolCalendar:
        bells = [
            Bell(7, "morning", 1, time(2, 40), time(2, 50)),
            Bell(7, "morning", 2, time(3), time(3, end)),
        ]
        return SchoolCalendar("Europe/Paris", [Term("x", date(2027, 3, 1), date(2027, 4, 1))], bells)

    sundays = {date(2027, 3, 7), date(2027, 3, 14), date(2027, 3, 21)}  # the clocks change on the 28th
    assert between(night(30), night(35)) == {room: sundays for room in ROOMS}


def test_a_range_is_half_open():
    """The first date counts, the end does not."""
    closed = school(closures=[Closure(START, END, "x")])
    found = touched(school(), closed, ["a101"], MONDAY, MONDAY + timedelta(days=1))
    assert found == {"a101": {MONDAY}}
    assert touched(school(), closed, ["a101"], MONDAY, MONDAY) == {}


@settings(deadline=None, max_examples=60)
@given(parts(), randoms)
def test_touched_dates_are_those_that_differ_when_everything_is_compared(before: Parts, random: Random):
    """For random calendars and random edits of any part, against every slot and lesson of every date and room."""
    after = changed(random, before)
    old, new = before.calendar(), after.calendar()
    expected: dict[str, set[date]] = {}
    for room in ROOMS:
        for day in before.days():
            if old.slots(day) != new.slots(day) or _lessons(old, room, day) != _lessons(new, room, day):
                expected.setdefault(room, set()).add(day)
    days = before.days()
    assert touched(old, new, ROOMS, days[0], days[-1] + timedelta(days=1)) == expected


def _lessons(calendar: SchoolCalendar, room: str, day: date) -> dict:
    return {
        hour: (lesson.school_class, lesson.subject, lesson.subject_group, lesson.teacher)
        for hour, lesson in calendar.scheduled(room, day).items()
    }
