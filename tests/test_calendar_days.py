"""What a date is: week letters, bell versions, make-up days, exams; and every contradiction of dates and bells."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from calendars import Parts, check_day, parts, plain_letter
from hypothesis import given, settings
from hypothesis import strategies as st

from campus.calendar import CLOSED, LESSON, Bell, Closure, ExamPeriod, Lesson, MakeUpDay, Term
from campus.calendar.school import CalendarError, SchoolCalendar, validate

TERM = Term("HKI", date(2026, 9, 5), date(2027, 1, 16))
SUMMER_ENDS = date(2026, 11, 2)


def bell(period: int, start: str, weekday: int = 1, **valid) -> Bell:
    at = time.fromisoformat(start)
    end = time(*divmod(at.hour * 60 + at.minute + 45, 60))
    return Bell(weekday, "morning", period, at, end, **valid)


SUMMER = [
    bell(period, f"{6 + period:02}:00", day, valid_to=SUMMER_ENDS) for day in (1, 2) for period in (1, 2)
]
WINTER = [
    bell(period, f"{6 + period:02}:15", day, valid_from=SUMMER_ENDS) for day in (1, 2) for period in (1, 2)
]


def school(**parts) -> SchoolCalendar:
    given = {"terms": [TERM], "bells": [*SUMMER, *WINTER]} | parts
    return SchoolCalendar("Asia/Ho_Chi_Minh", **given)


def starts(calendar: SchoolCalendar, day: date) -> list[str]:
    return [
        f"{slot.start.astimezone(calendar.zone):%H:%M}" for slot in calendar.slots(day) if slot.kind == LESSON
    ]


def test_bells_have_versions():
    """The last Monday of summer rings at the full hour, the first of winter a quarter later."""
    assert starts(school(), date(2026, 10, 26)) == ["07:00", "08:00"]
    assert starts(school(), date(2026, 11, 2)) == ["07:15", "08:15"]


def test_a_weekday_whose_bells_have_ended_is_closed():
    """A version may drop a weekday; the lessons that are left over are not planned."""
    weekly = Lesson("a101", 2, "morning", 1, "6A", "Toán", date(2026, 9, 5))
    calendar = school(bells=[*SUMMER, *WINTER[:2]], lessons=[weekly])
    assert [calendar.is_open(date(2026, 10, 27)), calendar.is_open(date(2026, 11, 3))] == [True, False]
    assert calendar.scheduled("a101", date(2026, 10, 27)) and not calendar.scheduled(
        "a101", date(2026, 11, 3)
    )


def test_a_lesson_without_a_bell_in_one_version_is_not_planned_there():
    """The plan of a day never names a period that the day has not."""
    weekly = Lesson("a101", 1, "morning", 2, "6A", "Toán", date(2026, 9, 5))
    calendar = school(bells=[*SUMMER, WINTER[0]], lessons=[weekly])
    assert calendar.scheduled("a101", date(2026, 10, 26)) and not calendar.scheduled(
        "a101", date(2026, 11, 2)
    )


def test_school_hours_are_from_the_first_bell_to_the_last():
    """In UTC; a closed day has none."""
    assert school().school_hours(date(2026, 10, 26)) == (
        datetime(2026, 10, 26, 0, 0, tzinfo=UTC),
        datetime(2026, 10, 26, 1, 45, tzinfo=UTC),
    )
    assert school().school_hours(date(2026, 10, 25)) is None


def test_a_make_up_day_is_open_with_the_bells_of_another():
    """A Sunday that follows a Monday rings as a Monday of that date's version; the day before stays closed."""
    sunday = date(2026, 11, 8)
    calendar = school(make_up_days=[MakeUpDay(sunday, 1, "Học bù bão")])
    assert calendar.is_open(sunday) and starts(calendar, sunday) == ["07:15", "08:15"]
    assert (calendar.follows(sunday), calendar.follows(sunday - timedelta(days=1))) == (1, 6)
    assert [slot.kind for slot in calendar.slots(sunday - timedelta(days=1))] == [CLOSED]


def test_weeks_are_counted_from_the_one_in_which_the_term_starts():
    """The term starts on a Saturday: two days later the second week begins. Outside terms there is no letter."""
    days = [
        date(2026, 9, 4),
        date(2026, 9, 5),
        date(2026, 9, 6),
        date(2026, 9, 7),
        date(2026, 9, 13),
        date(2026, 9, 14),
    ]
    assert [school().week_letter(day) for day in days] == [None, "a", "a", "b", "b", "a"]
    later = school(terms=[Term("HKI", TERM.start, TERM.end, "2026-2027", "b")])
    assert [later.week_letter(day) for day in days] == [None, "b", "b", "a", "a", "b"]


@settings(deadline=None, max_examples=50)
@given(parts())
def test_week_letters_alternate(made: Parts):
    """Within a term every Monday changes the letter, closures or not; make-up days may follow another week."""
    calendar = made.calendar()
    named = {each.date: each.week for each in made.make_up_days if each.week}
    for day in made.days():
        term = next((term for term in made.terms if term.start <= day < term.end), None)
        expected = plain_letter(term, day) if term else None
        assert calendar.week_letter(day) == named.get(day, expected)


@settings(deadline=None, max_examples=60)
@given(parts())
def test_the_slots_of_any_day_of_any_school_are_that_day(made: Parts):
    """Gapless from midnight to midnight: with versions of bells, make-up days, exams, and clocks that change."""
    calendar = made.calendar()
    made_up = {each.date: each.weekday for each in made.make_up_days}
    for day in made.days():
        rung = [
            bell
            for bell in made.bells
            if bell.weekday == made_up.get(day, day.isoweekday())
            and bell.valid_from <= day < (bell.valid_to or date.max)
        ]
        check_day(calendar, day, len(rung) if calendar.is_open(day) else 0)
        lessons = [slot for slot in calendar.slots(day) if slot.kind == LESSON]
        expected = (lessons[0].start, lessons[-1].end) if lessons else None
        assert calendar.school_hours(day) == expected
        every = any(exam.start <= day < exam.end and not exam.classes for exam in made.exams)
        assert all(slot.exam == (every and slot.kind == LESSON) for slot in calendar.slots(day))


TET = Closure(date(2026, 11, 20), date(2026, 11, 21), "Ngày Nhà giáo")
HOLIDAY = Closure(date(2026, 11, 24), date(2026, 11, 25), "Ngày Văn hóa Việt Nam", public=True)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"make_up_days": [MakeUpDay(date(2026, 11, 24), 1, "x")]},
            "make_up_days[0].date: 2026-11-24 is a public holiday: Ngày Văn hóa Việt Nam (closures[1])",
        ),
        (
            {"make_up_days": [MakeUpDay(date(2026, 11, 20), 1, "x")]},
            "make_up_days[0].date: 2026-11-20 is closed: Ngày Nhà giáo (closures[0])",
        ),
        (
            {"make_up_days": [MakeUpDay(date(2026, 11, 8), 1, "x"), MakeUpDay(date(2026, 11, 8), 2, "x")]},
            "make_up_days[1].date: 2026-11-08 is already make_up_days[0]",
        ),
        (
            {"make_up_days": [MakeUpDay(date(2027, 1, 17), 1, "x")]},
            "make_up_days[0].date: 2027-01-17 lies in no term",
        ),
        (
            {"make_up_days": [MakeUpDay(date(2026, 11, 8), 3, "x")]},
            "make_up_days[0].weekday: no bell rings on weekday 3",
        ),
        ({"make_up_days": [MakeUpDay(date(2026, 11, 8), 0, "x")]}, "make_up_days[0].weekday: 0 is not 1"),
        (
            {"make_up_days": [MakeUpDay(date(2026, 11, 8), 1, "x", "c")]},
            "make_up_days[0].week: 'c' is not one of a, b",
        ),
        (
            {"exams": [ExamPeriod("CK", date(2026, 9, 1), date(2026, 9, 8))]},
            "exams[0].start: 2026-09-01 lies in no term",
        ),
        (
            {"exams": [ExamPeriod("CK", date(2027, 1, 11), date(2027, 1, 18))]},
            "exams[0].end: 2027-01-16, before the end 2027-01-18, lies in no term",
        ),
        (
            {"exams": [ExamPeriod("CK", date(2026, 12, 7), date(2026, 12, 7))]},
            "exams[0].end: 2026-12-07 is not after",
        ),
        (
            {"exams": [ExamPeriod("CK", date(2026, 12, 7), date(2026, 12, 9), ("9Z",))]},
            "exams[0].classes: there is no '9Z' in classes",
        ),
        (
            {"exams": [ExamPeriod("CK", date(2026, 12, 7), date(2026, 12, 9), ("6A", "6A"))]},
            "exams[0].classes: '6A' is named twice",
        ),
        (
            {"terms": [Term("HKI", TERM.start, TERM.end, None, "c")]},
            "terms[0].first_week: 'c' is not one of a, b",
        ),
        (
            {
                "bells": [
                    bell(1, "07:00", valid_to=SUMMER_ENDS),
                    bell(1, "09:00", valid_from=date(2026, 11, 1)),
                ]
            },
            "bells[1].from: weekday 1, morning 1 has two bells on 2026-11-01; the other is bells[0]",
        ),
        (
            {
                "bells": [
                    bell(1, "07:00", valid_to=SUMMER_ENDS),
                    bell(2, "07:30", valid_from=date(2026, 11, 1)),
                ]
            },
            "bells[1].start: 07:30 of weekday 1, morning 2 is before the end 07:45 of morning 1 (bells[0])",
        ),
        (
            {"bells": [bell(1, "07:00", valid_from=SUMMER_ENDS, valid_to=SUMMER_ENDS)]},
            "bells[0].to: 2026-11-02 is not after 'from' 2026-11-02",
        ),
        ({"bells": [bell(0, "07:00")]}, "bells[0].period: 0 is not 1 or more"),
        (
            {
                "bells": SUMMER,
                "lessons": [Lesson("a101", 1, "morning", 1, "6A", "Toán", SUMMER_ENDS)],
            },
            "lessons[0].period: no bell rings for weekday 1, morning 1 while the lesson is valid, from 2026-11-02",
        ),
        (
            {"lessons": [Lesson(None, 1, "morning", 1, "6A", "Toán", TERM.start)]},
            "lessons[0].room: name the room, or say with place = 'outside'",
        ),
        (
            {"lessons": [Lesson("a101", 1, "morning", 1, "6A", "Thể dục", TERM.start, place="outside")]},
            "lessons[0].place: 'outside' is in no room, but the room 'a101' is given",
        ),
        (
            {"lessons": [Lesson("a101", 1, "morning", 1, "6A", "Toán", TERM.start, place="yard")]},
            "lessons[0].place: 'yard' is not one of home-room",
        ),
        (
            {"lessons": [Lesson("a101", 1, "morning", 1, "6A", "Toán", TERM.start, week="c")]},
            "lessons[0].week: 'c' is not one of a, b",
        ),
        (
            {"lessons": [Lesson("a101", 1, "morning", 1, "9Z", "Toán", TERM.start)]},
            "lessons[0].school_class: there is no '9Z' in classes",
        ),
    ],
)
def test_a_contradiction_of_dates_is_refused(change, expected):
    """The row and the field are named."""
    given = {"terms": [TERM], "bells": [*SUMMER, *WINTER], "closures": [TET, HOLIDAY], "lessons": []} | change
    with pytest.raises(CalendarError) as caught:
        validate(**given, rooms=["a101"], classes=["6A"])
    assert str(caught.value).startswith(expected)


@pytest.mark.parametrize("first", ["a", "b"])
@settings(deadline=None)
@given(st.dates(date(2026, 9, 5), date(2027, 1, 15)))
def test_an_exam_over_two_terms_that_touch_is_in_terms(first, day):
    """The end of one semester is the start of the next: an exam week may lie across it."""
    terms = (
        [Term("I", TERM.start, day, first_week=first), Term("II", day, TERM.end)]
        if day > TERM.start
        else [TERM]
    )
    school(terms=terms, exams=[ExamPeriod("CK", TERM.start, TERM.end)])
