"""What is planned in a room: weeks, joint lessons, exams, substitutions; never two lessons in one room and slot."""

from collections import Counter
from datetime import date, time, timedelta
from random import Random

import pytest
from calendars import ROOMS, Parts, is_sound, parts, planned, randoms, substitutions
from hypothesis import given, settings

from campus.calendar import LESSON, Bell, Closure, ExamPeriod, Lesson, MakeUpDay, Substitution, Term
from campus.calendar.planned import Row, joined
from campus.calendar.school import CalendarError, SchoolCalendar

TERM = Term("HKI", date(2026, 9, 5), date(2027, 1, 16))
START = date(2026, 9, 5)
MONDAY, NEXT_MONDAY = date(2026, 10, 5), date(2026, 10, 12)
BELLS = [
    Bell(weekday, "morning", period, time(6 + period), time(6 + period, 45))
    for weekday in range(1, 6)
    for period in (1, 2, 3)
]
TOAN_6A = Lesson("a101", 1, "morning", 1, "6A", "Toán", START, None, "math", teacher="GV1")
VAN_6B = Lesson("a102", 1, "morning", 1, "6B", "Văn", START, teacher="GV2")
LESSONS = [TOAN_6A, VAN_6B]


def school(**others) -> SchoolCalendar:
    given = {"lessons": LESSONS} | others
    return SchoolCalendar("Asia/Ho_Chi_Minh", [TERM], BELLS, **given)


def shown(calendar: SchoolCalendar, day: date = MONDAY) -> dict[str, list[str]]:
    """Room -> its lessons of a date."""
    return {
        room: [
            f"{period} {lesson.school_class} {lesson.subject}"
            for (_, period), lesson in sorted(calendar.scheduled(room, day).items())
        ]
        for room in ROOMS
        if calendar.scheduled(room, day)
    }


def refused(**others) -> str:
    with pytest.raises(CalendarError) as caught:
        school(**others)
    return str(caught.value)


def change(school_class: str, subject: str | None, room: str | None = None, period: int = 1, **others):
    return Substitution(MONDAY, "morning", period, school_class, subject, room, **others)


def test_lessons_of_the_weeks_a_and_b_share_a_room():
    """The room holds one of them, week by week."""
    a = Lesson("lab", 1, "morning", 1, "6A", "Tin học", START, week="a")
    b = Lesson("lab", 1, "morning", 1, "6B", "Tin học", START, week="b")
    calendar = school(lessons=[a, b])
    assert [calendar.week_letter(day) for day in (MONDAY, NEXT_MONDAY)] == ["b", "a"]
    assert (shown(calendar, MONDAY), shown(calendar, NEXT_MONDAY)) == (
        {"lab": ["1 6B Tin học"]},
        {"lab": ["1 6A Tin học"]},
    )


def test_classes_taught_together_are_one_lesson():
    """One room, one subject, one named teacher: one lesson of both classes, in the order of their names."""
    both = [
        Lesson("lab", 1, "morning", 1, name, "GDQP", START, teacher="GV9", subject_group=group)
        for name, group in (("6B", "pe"), ("6A", "pe"))
    ]
    lesson = school(lessons=both).scheduled("lab", MONDAY)["morning", 1]
    assert (lesson.school_class, lesson.subject, lesson.subject_group) == ("6A + 6B", "GDQP", "pe")


@pytest.mark.parametrize("other", [{"teacher": None}, {"teacher": "GV8"}, {"subject": "Toán"}, {"week": "a"}])
def test_what_is_not_surely_taught_together_is_two_lessons(other):
    """An unnamed or another teacher, or another subject, in one room is refused; both rows are named."""
    first = {"teacher": None, "subject": "GDQP"} | {name: other[name] for name in other if name == "teacher"}
    if first["teacher"] is not None:
        first["teacher"] = "GV9"
    second = {"teacher": None, "subject": "GDQP"} | other
    one = Lesson("lab", 1, "morning", 1, "6A", valid_from=START, **first)
    two = Lesson("lab", 1, "morning", 1, "6B", valid_from=START, **second)
    assert refused(lessons=[one, two]).startswith(
        "lessons[1].room: 'lab' already holds 6A GDQP (lessons[0]) at weekday 1, morning 1"
    )


def test_the_names_of_many_classes_fit_where_one_fits():
    """Forty classes in the hall are named as far as they fit, and counted."""
    rows = [
        Row("", Lesson("hall", 1, "morning", 1, f"Lớp 10A{number:02}", "Chào cờ", START, teacher="x"))
        for number in range(40)
    ]
    name = joined(rows)["hall"]["morning", 1].school_class
    assert len(name) <= 120 and name.startswith("Lớp 10A00 + Lớp 10A01 + ") and name.endswith(" more")
    assert int(name.split(" + ")[-1].removesuffix(" more")) == 40 - (name.count("Lớp"))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([change("6A", None)], {"a102": ["1 6B Văn"]}),
        ([change("6A", "Lí")], {"a101": ["1 6A Lí"], "a102": ["1 6B Văn"]}),
        ([change("6A", "Toán", "lab")], {"lab": ["1 6A Toán"], "a102": ["1 6B Văn"]}),
        ([change("6A", None), change("6B", "Văn", "a101")], {"a101": ["1 6B Văn"]}),
        (
            [change("6A", "Toán", "a102"), change("6B", "Văn", "a101")],
            {"a101": ["1 6B Văn"], "a102": ["1 6A Toán"]},
        ),
        ([change("6B", "Toán", "a101", teacher="GV1")], {"a101": ["1 6A + 6B Toán"]}),
        ([change("7A", "Sử", "a101", 2)], {"a101": ["1 6A Toán", "2 7A Sử"], "a102": ["1 6B Văn"]}),
    ],
)
def test_a_substitution_changes_one_date(given, expected):
    """It cancels, replaces the subject or the room, swaps rooms, joins a class, or fills a free period; once."""
    calendar = school(substitutions=given)
    assert shown(calendar) == expected
    assert shown(calendar, NEXT_MONDAY) == {"a101": ["1 6A Toán"], "a102": ["1 6B Văn"]}


def test_a_lesson_that_moves_keeps_its_teacher_and_group():
    """What the substitution does not say stays, as long as the subject stays."""
    moved = school(substitutions=[change("6A", "Toán", "lab")]).scheduled("lab", MONDAY)["morning", 1]
    assert (moved.teacher, moved.subject_group) == ("GV1", "math")
    other = school(substitutions=[change("6A", "Lí")]).scheduled("a101", MONDAY)["morning", 1]
    assert (other.teacher, other.subject_group) == (None, None)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([change("6B", "Văn", "a101")], "substitutions[0].room: 'a101' already holds 6A Toán (lessons[0])"),
        (
            [change("7A", "Sử", "lab", 2), change("6B", "Văn", "lab", 2)],
            "substitutions[1].room: 'lab' already holds 7A Sử (substitutions[0])",
        ),
        (
            [change("6A", "Lí"), change("6A", None)],
            "substitutions[1].school_class: 6A already has substitutions[0]",
        ),
        (
            [change("6A", "Lí", period=4)],
            "substitutions[0].period: no bell rings for morning 4 of 2026-10-05",
        ),
        ([change("6A", None, period=2)], "substitutions[0].subject: 6A has no lesson in morning 2"),
        ([change("6A", None, "lab")], "substitutions[0].room: a lesson that falls out is in no room"),
        (
            [change("7A", "Sử")],
            "substitutions[0].room: 7A has no lesson in morning 1 of 2026-10-05: name the room",
        ),
        (
            [Substitution(date(2026, 10, 4), "morning", 1, "6A", None)],
            "substitutions[0].date: the school is closed on 2026-10-04",
        ),
    ],
)
def test_a_substitution_that_cannot_be_is_refused(given, expected):
    """The row and the field are named, and both rows of a room with two lessons."""
    assert refused(substitutions=given).startswith(expected)


def test_exams_take_the_place_of_lessons():
    """Those of some classes leave the others; those of all mark the lesson slots, which stay lesson slots."""
    some = school(exams=[ExamPeriod("Giữa kì", MONDAY, NEXT_MONDAY, ("6A",))])
    assert shown(some) == {"a102": ["1 6B Văn"]}
    assert not any(slot.exam for slot in some.slots(MONDAY))
    every = school(exams=[ExamPeriod("Cuối kì", MONDAY, NEXT_MONDAY)])
    assert shown(every) == {}
    assert {slot.exam for slot in every.slots(MONDAY) if slot.kind == LESSON} == {True}
    assert not any(slot.exam for slot in every.slots(MONDAY) if slot.kind != LESSON)
    assert len([slot for slot in every.slots(MONDAY) if slot.kind == LESSON]) == 3
    assert shown(every, NEXT_MONDAY) == {"a101": ["1 6A Toán"], "a102": ["1 6B Văn"]}
    assert not any(slot.exam for slot in every.slots(NEXT_MONDAY))


def test_an_exam_frees_a_room_for_a_substitution():
    """Another class may take it; the same substitution without the exam is a contradiction."""
    taken = [change("6B", "Văn", "a101")]
    calendar = school(exams=[ExamPeriod("Giữa kì", MONDAY, NEXT_MONDAY, ("6A",))], substitutions=taken)
    assert shown(calendar) == {"a101": ["1 6B Văn"]}
    assert "already holds 6A" in refused(substitutions=taken)


def test_a_make_up_day_has_the_lessons_of_the_day_it_follows():
    """A Sunday that follows a Monday, in the week of the Sunday or in the one that is named."""
    a = Lesson("lab", 1, "morning", 2, "6A", "Tin học", START, week="a")
    sunday = date(2026, 10, 11)  # of a week b
    own = school(lessons=[*LESSONS, a], make_up_days=[MakeUpDay(sunday, 1, "Học bù")])
    assert shown(own, sunday) == {"a101": ["1 6A Toán"], "a102": ["1 6B Văn"]}
    named = school(lessons=[*LESSONS, a], make_up_days=[MakeUpDay(sunday, 1, "Học bù", "a")])
    assert shown(named, sunday)["lab"] == ["2 6A Tin học"]


def test_lessons_in_no_room_are_in_no_room():
    """What is held outside is part of the timetable, takes no room, and can be brought into one."""
    outside = Lesson(None, 1, "morning", 1, "7A", "Thể dục", START, place="outside")
    assert shown(school(lessons=[*LESSONS, outside])) == {"a101": ["1 6A Toán"], "a102": ["1 6B Văn"]}
    rain = school(lessons=[*LESSONS, outside], substitutions=[change("7A", "Thể dục", "lab")])
    assert shown(rain)["lab"] == ["1 7A Thể dục"]


@settings(deadline=None, max_examples=60)
@given(parts(), randoms)
def test_what_is_planned_is_what_the_rules_say(made: Parts, random: Random):
    """After random substitutions the plan is that of the plain rules; no room holds two lessons in one slot."""
    for row in substitutions(random, made, 8):
        more = Parts(**vars(made) | {"substitutions": [*made.substitutions, row]})
        if is_sound(more):
            made = more
        else:
            assert _contradicts(more), row
    calendar = made.calendar()
    for day in made.days():
        lessons = planned(made, day)
        assert not _clashes(lessons)
        for room in ROOMS:
            expected: dict[tuple[str, int], list[Lesson]] = {}
            for lesson in lessons:
                if lesson.room == room:
                    expected.setdefault((lesson.session, lesson.period), []).append(lesson)
            found = calendar.scheduled(room, day)
            assert {
                hour: (lesson.school_class, lesson.subject, lesson.teacher) for hour, lesson in found.items()
            } == {
                hour: (
                    " + ".join(sorted(lesson.school_class for lesson in taught)),
                    taught[0].subject,
                    taught[0].teacher,
                )
                for hour, taught in expected.items()
            }
            rung = {(slot.session, slot.period) for slot in calendar.slots(day) if slot.kind == LESSON}
            if calendar.tz == "Asia/Ho_Chi_Minh":  # elsewhere a change of clocks may swallow a lesson
                assert found.keys() <= rung


def _clashes(lessons: list[Lesson]) -> bool:
    """Whether a room holds two lessons at one time that are not of two classes with one subject and teacher."""
    taken: dict[tuple, list[Lesson]] = {}
    for lesson in lessons:
        if lesson.room is not None:
            taken.setdefault((lesson.room, lesson.session, lesson.period), []).append(lesson)
    for held in taken.values():
        taught = {(lesson.subject, lesson.teacher) for lesson in held}
        classes = Counter(lesson.school_class for lesson in held)
        if len(held) > 1 and (len(taught) > 1 or None in taught.pop() or max(classes.values()) > 1):
            return True
    return False


def _contradicts(made: Parts) -> bool:
    """Whether the last substitution is one of those that docs/calendar.md refuses."""
    given, before = made.substitutions[-1], made.substitutions[:-1]
    day = given.date
    calendar = Parts(**vars(made) | {"substitutions": []}).calendar()
    slots = {
        (bell.session, bell.period)
        for bell in made.bells
        if bell.weekday == calendar.follows(day) and bell.valid_from <= day < (bell.valid_to or date.max)
    }
    hour = (given.session, given.period, given.school_class)
    without = Parts(**vars(made) | {"substitutions": [], "exams": []})
    old = [each for each in planned(without, day) if (each.session, each.period, each.school_class) == hour]
    return (
        not calendar.is_open(day)
        or hour[:2] not in slots
        or any((day, *hour) == (each.date, each.session, each.period, each.school_class) for each in before)
        or (given.subject is None and (not old or given.room is not None))
        or (given.subject is not None and given.room is None and len({each.room for each in old}) != 1)
        or _clashes(planned(made, day))
    )


def test_without_the_check_two_lessons_would_share_a_room(monkeypatch):
    """The control: with the check of rooms taken out, a contradiction is built and one lesson is silently lost."""
    monkeypatch.setattr("campus.calendar.date_checks._one_lesson_a_room", lambda rows, day: None)
    lost = school(substitutions=[change("6B", "Văn", "a101")])
    assert len(shown(lost)["a101"]) == 1 and "a102" not in shown(lost)


def test_a_closed_day_plans_nothing():
    """Neither a closure nor a day outside the term has lessons, whatever the timetable says."""
    calendar = school(closures=[Closure(MONDAY, MONDAY + timedelta(days=1), "Bão")])
    assert calendar.scheduled("a101", MONDAY) == {} == calendar.scheduled("a101", date(2027, 1, 18))
