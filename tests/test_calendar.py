"""The school's calendar: gapless slots of every day in every zone, and what was planned in a room."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from calendars import check_day
from hypothesis import given, settings
from hypothesis import strategies as st

from campus.calendar import (
    BREAK,
    CLOSED,
    EVENING,
    LESSON,
    MIDDAY,
    NIGHT,
    Bell,
    Closure,
    Lesson,
    Term,
)
from campus.calendar.school import CalendarError, SchoolCalendar, validate

TERM = Term("HKI", date(2026, 9, 5), date(2027, 1, 16))
MONDAY = date(2026, 10, 5)
ZONES = [
    "Asia/Ho_Chi_Minh",
    "Europe/Paris",
    "America/New_York",
    "America/Sao_Paulo",  # changed its clocks at midnight
    "Africa/Cairo",
    "Australia/Lord_Howe",  # by half an hour
    "America/St_Johns",  # at one minute past midnight, until 2011
    "Pacific/Apia",  # left out 30 December 2011
    "Asia/Kathmandu",
]


def bell(period: int, start: str, end: str, session: str = "morning", weekday: int = 1) -> Bell:
    return Bell(weekday, session, period, time.fromisoformat(start), time.fromisoformat(end))


BELLS = [
    bell(1, "07:00", "07:45"),
    bell(2, "07:50", "08:35"),
    bell(1, "13:00", "13:45", "afternoon"),
    bell(2, "13:45", "14:30", "afternoon"),
]
LESSON_6A = Lesson("a101", 1, "morning", 2, "6A", "Toán", date(2026, 9, 5), date(2026, 11, 2))
LESSON_6B = Lesson("a101", 1, "morning", 2, "6B", "Ngữ văn", date(2026, 11, 2))


def school(
    tz: str = "Asia/Ho_Chi_Minh", terms=(TERM,), bells=BELLS, closures=(), lessons=()
) -> SchoolCalendar:
    return SchoolCalendar(tz, terms, bells, closures, lessons, "v")


def shown(calendar: SchoolCalendar, day: date) -> list[tuple]:
    return [
        (f"{slot.start.astimezone(calendar.zone):%H:%M}", slot.kind, slot.session, slot.period)
        for slot in calendar.slots(day)
    ]


def test_an_open_day_is_cut_as_the_school_lives_it():
    """Night, break before the first bell and between lessons, midday between sessions, evening, night."""
    assert shown(school(), MONDAY) == [
        ("00:00", NIGHT, None, None),
        ("05:00", BREAK, None, None),
        ("07:00", LESSON, "morning", 1),
        ("07:45", BREAK, None, None),
        ("07:50", LESSON, "morning", 2),
        ("08:35", MIDDAY, None, None),
        ("13:00", LESSON, "afternoon", 1),
        ("13:45", LESSON, "afternoon", 2),
        ("14:30", EVENING, None, None),
        ("22:00", NIGHT, None, None),
    ]


def test_times_are_utc_and_dates_are_local():
    """The first lesson of a day in Viet Nam begins at midnight UTC; the day itself the evening before."""
    slots = school().slots(MONDAY)
    assert slots[0].start == datetime(2026, 10, 4, 17, tzinfo=UTC) and slots[0].start.tzinfo is UTC
    assert slots[2].start == datetime(2026, 10, 5, tzinfo=UTC)
    assert {slot.date for slot in slots} == {MONDAY}


def test_a_morning_school_has_a_midday_until_the_evening():
    """Without an afternoon session the rest of the day is not called evening before 18:00."""
    ends = shown(school(bells=BELLS[:2]), MONDAY)[5:]
    assert ends == [
        ("08:35", MIDDAY, None, None),
        ("18:00", EVENING, None, None),
        ("22:00", NIGHT, None, None),
    ]


def test_lessons_in_the_night_take_its_place():
    """Bells before 05:00 or after 22:00 leave no slot of negative length."""
    calendar = school(bells=[bell(1, "00:00", "00:45"), bell(1, "21:30", "23:00", "afternoon")])
    assert shown(calendar, MONDAY) == [
        ("00:00", LESSON, "morning", 1),
        ("00:45", MIDDAY, None, None),
        ("21:30", LESSON, "afternoon", 1),
        ("23:00", NIGHT, None, None),
    ]


@pytest.mark.parametrize(
    ("day", "is_open"),
    [
        (date(2026, 9, 4), False),  # before the term
        (date(2026, 9, 7), True),
        (date(2027, 1, 11), True),
        (date(2027, 1, 16), False),  # the end does not belong
        (date(2026, 10, 6), False),  # a Tuesday without bells
        (date(2026, 11, 16), True),
        (date(2026, 11, 23), False),  # closed
        (date(2026, 11, 30), True),  # the first day after
    ],
)
def test_a_day_is_open_in_a_term_with_bells_and_no_closure(day, is_open):
    """A closed day is one slot and has no lessons."""
    weekly = Lesson("a101", 1, "morning", 1, "6A", "Toán", date(2026, 1, 1))
    calendar = school(closures=[Closure(date(2026, 11, 23), date(2026, 11, 30), "Bão")], lessons=[weekly])
    assert calendar.is_open(day) is is_open
    assert ([slot.kind for slot in calendar.slots(day)] == [CLOSED]) is not is_open
    assert bool(calendar.scheduled("a101", day)) is is_open


def test_a_lesson_is_found_by_room_slot_and_date():
    """Dates are half-open; other rooms, other slots and slots that are no lesson have none."""
    calendar = school(lessons=[LESSON_6A, LESSON_6B])
    for day, lesson in ((MONDAY, LESSON_6A), (date(2026, 10, 26), LESSON_6A), (date(2026, 11, 2), LESSON_6B)):
        assert calendar.scheduled("a101", day) == {("morning", 2): lesson}
        found = [calendar.lesson("a101", slot) for slot in calendar.slots(day)]
        assert found == [None] * 4 + [lesson] + [None] * 5
        assert calendar.scheduled("a102", day) == {}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"bells": [*BELLS, bell(3, "08:30", "09:15")]},
            "bells[4].start: 08:30 of weekday 1, morning 3 is before",
        ),
        ({"bells": [*BELLS, bell(3, "13:10", "13:20")]}, "bells[4].start: "),
        ({"bells": [*BELLS, bell(3, "15:00", "15:45")]}, "bells[4].period: weekday 1, morning 3 rings after"),
        (
            {"bells": [*BELLS, bell(1, "09:00", "09:45")]},
            "bells[4].period: weekday 1, morning 1 has two bells",
        ),
        ({"bells": [*BELLS, bell(3, "09:00", "09:00")]}, "bells[4].end: 09:00 is not after the start 09:00"),
        ({"bells": [bell(1, "09:00", "09:45", "night")]}, "bells[0].session: 'night'"),
        ({"bells": [bell(1, "09:00", "09:45", weekday=8)]}, "bells[0].weekday: 8"),
        ({"terms": [TERM, Term("HKII", date(2027, 1, 15), date(2027, 5, 31))]}, "terms[1].start: 'HKII'"),
        ({"terms": [Term("HKI", date(2027, 1, 1), date(2027, 1, 1))]}, "terms[0].end: "),
        ({"closures": [Closure(date(2027, 1, 2), date(2027, 1, 1), "Tết")]}, "closures[0].end: "),
        (
            {
                "lessons": [
                    LESSON_6A,
                    LESSON_6B,
                    Lesson("a101", 1, "morning", 2, "7A", "Toán", date(2026, 10, 26)),
                ]
            },
            "lessons[2].room: 'a101' already holds 6A Toán (lessons[0]) at weekday 1, morning 2",
        ),
        (
            {"lessons": [Lesson("a101", 1, "morning", 3, "6A", "Toán", date(2026, 9, 5))]},
            "lessons[0].period: no bell rings for weekday 1, morning 3",
        ),
        (
            {"lessons": [Lesson("a101", 1, "morning", 2, "6A", "Toán", date(2026, 9, 5), date(2026, 9, 5))]},
            "lessons[0].to: ",
        ),
        (
            {"lessons": [Lesson("a999", 1, "morning", 2, "6A", "Toán", date(2026, 9, 5))]},
            "lessons[0].room: there is no 'a999' in rooms",
        ),
    ],
)
def test_a_calendar_that_contradicts_itself_is_refused(change, expected):
    """The first wrong row is named with its field."""
    parts = {"terms": [TERM], "bells": BELLS, "closures": [], "lessons": []} | change
    with pytest.raises(CalendarError) as caught:
        validate(**parts, rooms=["a101"])
    assert str(caught.value).startswith(expected)
    if "a999" not in expected:
        with pytest.raises(CalendarError):
            school(**parts)


@st.composite
def rings(draw) -> list[Bell]:
    """Bells of every weekday at any times of the day, none overlapping."""
    found = []
    for weekday in range(1, 8):
        cuts = sorted(draw(st.sets(st.integers(0, 24 * 60 - 1), max_size=12)))
        pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
        mornings = draw(st.integers(0, len(pairs)))
        for number, (start, end) in enumerate(pairs):
            session, period = (
                ("morning", number + 1) if number < mornings else ("afternoon", number - mornings + 1)
            )
            found.append(Bell(weekday, session, period, time(*divmod(start, 60)), time(*divmod(end, 60))))
    return found


@settings(deadline=None)
@given(rings(), st.sampled_from(ZONES), st.dates(date(1995, 1, 1), date(2037, 12, 30)))
def test_the_slots_of_any_day_are_that_day(bells, tz, day):
    """Gapless, not overlapping, from local midnight to local midnight, at most one slot per bell."""
    check_day(SchoolCalendar(tz, [Term("all", date(1990, 1, 1), date(2040, 1, 1))], bells), day)


@pytest.mark.parametrize("tz", ZONES)
def test_the_days_on_which_clocks_change_are_whole(tz):
    """Every change from 1995 to 2037, with lessons right through the night."""
    bells = [
        bell(1 + hour, f"{hour:02}:10", f"{hour:02}:50", weekday=weekday)
        for weekday in range(1, 8)
        for hour in range(24)
    ]
    calendar = SchoolCalendar(tz, [Term("all", date(1990, 1, 1), date(2040, 1, 1))], bells)
    zone = ZoneInfo(tz)
    day, lengths = date(1995, 1, 1), set()
    while day < date(2037, 12, 31):
        if (
            datetime.combine(day, time(0), zone).utcoffset()
            != datetime.combine(day, time(23, 59), zone).utcoffset()
        ):
            check_day(calendar, day)
        start, end = calendar.bounds(day)
        lengths.add((end - start) / timedelta(hours=1))
        day += timedelta(days=1)
    expected = {
        "Asia/Ho_Chi_Minh": {24},
        "Europe/Paris": {23, 24, 25},
        "Australia/Lord_Howe": {23.5, 24, 24.5},
    }
    assert lengths == expected.get(tz, lengths)
