"""Where an activity of a file is held: subject -> place, home rooms, and what is told in place of a guess."""

from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus.calendar import HOME_ROOM, IN_ROOM, IN_ROOM_TYPE, NO_LESSON, OUTSIDE, PLACES, Bell, SubjectPlace
from campus.calendar.formats import Activity
from campus.calendar.places import DEFAULTS, normal, parse, table
from campus.calendar.resolving import School, resolve

FROM = date(2026, 9, 7)
ROOMS = {
    "p-6a": ("Phòng 101", "phong-hoc"),
    "p-6b": ("Phòng 102", "phong-hoc"),
    "tin-1": ("Phòng Tin học", "tin-hoc"),
}
BELLS = tuple(
    Bell(weekday, "morning", period, time(6 + period), time(6 + period, 45))
    for weekday in range(1, 7)
    for period in range(1, 6)
)
SCHOOL = School({"6A": "p-6a", "6B": "p-6b", "6C": None}, ROOMS, BELLS, frozenset(("toan",)))


def taught(subject, *classes, row="row 2", period=1, **more):
    return Activity(row, classes or ("6A",), 1, "morning", period, subject, **more)


def resolved(*activities, school=SCHOOL):
    return resolve(activities, school, FROM)


def held(*activities, school=SCHOOL):
    """(class, room, place) of each lesson; nothing may be wrong."""
    found = resolved(*activities, school=school)
    assert found.problems == []
    return [(one.school_class, one.room, one.place) for one in found.lessons]


def wrong(*activities, school=SCHOOL):
    return [str(one) for one in resolved(*activities, school=school).problems]


@pytest.mark.parametrize(
    "subject", ["Toán", "SHL", "Sinh hoạt lớp", "HĐTN, hướng nghiệp", "GDCD", "KHTN (Lý)", "Địa Lí"]
)
def test_an_ordinary_subject_is_in_the_home_room(subject):
    """So is the class hour, and experience activities."""
    assert held(taught(subject)) == [("6A", "p-6a", IN_ROOM)]


@pytest.mark.parametrize(
    "subject", ["Chào cờ", "TD", "Thể dục", "Giáo dục thể chất", "QP", "GDQP&AN", "SHDC", "GDQP - AN"]
)
def test_flag_ceremony_sport_and_defence_training_are_outside(subject):
    """Nobody is missing in the home room then."""
    assert held(taught(subject)) == [("6A", None, OUTSIDE)]


def test_what_is_no_lesson_is_left_out_and_counted():
    """FET's "---", meetings, and whatever has no class."""
    found = resolved(
        taught("---"), taught("---"), taught("Họp tổ"), Activity("row 9", (), 1, "morning", 1, "Trực ban")
    )
    assert (list(found.lessons), found.problems) == ([], [])
    assert found.notes == [
        "No lessons, left out: 2 of '---', 1 of 'Họp tổ'.",
        "Of no class, left out: 1 of 'Trực ban'.",
    ]


def test_informatics_is_in_the_only_computer_room_or_in_none_that_is_named():
    """One such room: there. None or several: no room is guessed, and that is told."""
    assert held(taught("Tin học")) == [("6A", "tin-1", IN_ROOM)]
    for labs in (0, 2):
        rooms = {id: kind for id, kind in ROOMS.items() if id != "tin-1"}
        rooms |= {f"lab-{n}": (f"Lab {n}", "tin-hoc") for n in range(labs)}
        found = resolved(taught("Tin"), school=School({"6A": "p-6a"}, rooms, BELLS))
        assert [(one.room, one.place) for one in found.lessons] == [(None, IN_ROOM_TYPE)]
        assert found.notes == [
            f"1 lessons not attributed to a room; Tin: the school has {labs or 'no'} rooms of the type tin-hoc."
        ]


def test_two_classes_that_want_the_only_computer_room_at_once_get_none():
    """A real timetable does so where the school has two, or where one has theory: neither is known to be there."""
    both = resolved(taught("Tin", teacher="Mai"), taught("Tin", "6B", teacher="Sen"), taught("Tin", period=2))
    assert [one.room for one in both.lessons] == [None, None, "tin-1"]
    assert "Phòng Tin học is wanted by several lessons at one time" in both.notes[0]
    assert held(taught("Tin", week="a"), taught("Tin", "6B", week="b")) == [
        ("6A", "tin-1", IN_ROOM),
        ("6B", "tin-1", IN_ROOM),
    ]


def test_a_room_that_the_file_names_comes_first():
    """By id or by name, whatever the case and the spaces; also for a subject that nobody mapped."""
    for room in ("p-6b", "P-6B", "Phòng 102", "phòng102"):
        assert held(taught("Toán", room=room)) == [("6A", "p-6b", IN_ROOM)]
    assert held(taught("Robot", room="tin-1")) == [("6A", "tin-1", IN_ROOM)]
    assert held(taught("Toán", room="Sân trường")) == [("6A", None, OUTSIDE)]
    assert wrong(taught("Toán", room="P.999")) == [
        "row 2, room: there is no room 'P.999'; add it to the inventory, or correct it."
    ]


def test_classes_together_are_in_the_room_named_or_in_none():
    """Four classes with one teacher sit in one room, and which one is not known."""
    found = resolved(taught("Sử", "6A", "6B", teacher="Sen"))
    assert [(one.school_class, one.room, one.place) for one in found.lessons] == [
        ("6A", None, IN_ROOM_TYPE),
        ("6B", None, IN_ROOM_TYPE),
    ]
    assert found.notes == [
        "2 lessons not attributed to a room; Sử: several classes together, and no room is named."
    ]
    assert held(taught("Sử", "6A", "6B", teacher="Sen", room="p-6b")) == [
        ("6A", "p-6b", IN_ROOM),
        ("6B", "p-6b", IN_ROOM),
    ]
    assert held(taught("Chào cờ", "6A", "6B")) == [("6A", None, OUTSIDE), ("6B", None, OUTSIDE)]


def test_parts_of_a_class_at_one_time_are_not_both_in_the_home_room():
    """A part is named as the class and more; one alone is in the home room."""
    parts = (taught("Anh", "6A Nhóm 1", teacher="Mai"), taught("Anh", "6a-nhóm 2", teacher="Sen"))
    assert [one.room for one in resolved(*parts).lessons] == [None, None]
    assert [one.room for one in resolved(parts[0]).lessons] == ["p-6a"]
    with_room = (parts[0], taught("Tin", group="Nhóm 2"))
    assert [one.room for one in resolved(*with_room).lessons] == ["p-6a", "tin-1"]


def test_an_unmapped_subject_is_shown_and_refused():
    """With the number of its lessons, and the command that maps it; its own row then counts, over the defaults too."""
    found = resolved(taught("Múa rối"), taught("múa  rối", period=2), taught("Toán", period=3))
    assert dict(found.unmapped) == {"Múa rối": 2}
    assert str(found.problems[0]) == (
        "file, subject: 'Múa rối' (2 lessons): where it is held is not known; say so with "
        '`campus timetable places SITE --set "Múa rối=home-room"`.'
    )
    own = School(
        SCHOOL.classes,
        ROOMS,
        BELLS,
        subject_places=(SubjectPlace("Múa rối", OUTSIDE), SubjectPlace("toán", IN_ROOM, "p-6b")),
    )
    assert held(taught("MÚA RỐI"), taught("Toán", period=2), school=own) == [
        ("6A", None, OUTSIDE),
        ("6A", "p-6b", IN_ROOM),
    ]


def test_what_the_school_does_not_have_is_named_by_row():
    """An unknown class, a class without a home room, an unknown subject group; once, with the rows."""
    assert wrong(
        taught("Toán", "7A"), taught("Toán", "7A", row="row 3"), taught("Toán", "6C", row="row 4")
    ) == [
        "row 2, class: there is no class '7A'; add it and its home room to the inventory, or correct it. Also row 3.",
        "row 4, class: the class 6C has no home room; add it to the inventory.",
    ]
    assert wrong(taught("Toán", subject_group="van")) == [
        "row 2, subject_group: there is no subject group 'van'."
    ]
    assert held(taught("Chào cờ", "6C")) == [("6C", None, OUTSIDE)]


@pytest.mark.parametrize("name", ["6A", "6a", " 6 A", "Lớp 6A", "lớp 6a"])
def test_a_class_is_known_by_its_name(name):
    """Whatever its case and spaces, and with the word class before it."""
    assert held(taught("Toán", name)) == [("6A", "p-6a", IN_ROOM)]


def test_every_clash_and_every_time_without_a_bell_is_named():
    """Not only the first of them."""
    assert wrong(
        taught("Toán", row="row 2"),
        taught("Văn", row="row 3"),
        taught("Lý", "6B", row="row 4", room="p-6a"),
        taught("Toán", row="row 5", period=9),
    ) == [
        "row 5, period: no bell rings for weekday 1, morning 9; add it to the bells, or correct it.",
        "row 3, room: 'p-6a' already holds 6A Toán (row 2) at weekday 1, morning 1. Also row 4.",
    ]


def test_a_lesson_that_stands_twice_counts_once():
    """And a class with two lessons at once is noted: parts of a class do that, or a slip of the pen."""
    found = resolved(taught("Toán"), taught("Toán", row="row 3"), taught("Thể dục", row="row 4"))
    assert (len(found.lessons), list(found.rows)) == (2, ["row 2", "row 4"])
    assert found.notes == [
        "1 lessons stand in the file twice.",
        "1 times a class has two lessons at once, as parts of a class do; the first: 6A, weekday 1, morning 1.",
    ]


def test_the_defaults_contradict_themselves_nowhere():
    """Every name has one place, special rooms name a type, and the subjects of the brief are there."""
    assert {row.place for row in DEFAULTS.values()} == {HOME_ROOM, OUTSIDE, IN_ROOM_TYPE, NO_LESSON}
    assert all((row.target is not None) == (row.place == IN_ROOM_TYPE) for row in DEFAULTS.values())
    places = {
        name: DEFAULTS[normal(name)].place for name in ("Chào cờ", "SHL", "TD", "QP", "Tin", "Thực hành Hóa")
    }
    assert list(places.values()) == [OUTSIDE, HOME_ROOM, OUTSIDE, OUTSIDE, IN_ROOM_TYPE, IN_ROOM_TYPE]
    assert normal("Robot") not in DEFAULTS and normal("TH") not in DEFAULTS  # tin học, or thực hành?


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hoá học", "HÓA  HỌC"),
        ("Địa Lí", "địa lí"),
        ("GDQP - AN", "GDQP-AN"),
        ("To\u00e1n", "Toa\u0301n"),
        ("Thuỷ", "Thủy"),
    ],
)
def test_names_are_compared_without_case_spaces_and_ways_of_writing(one, other):
    """Composed or not, the tone on the first or the second vowel."""
    assert normal(one) == normal(other)


@given(st.text(max_size=30))
def test_normal_is_settled_at_once(text):
    """Twice normal is normal."""
    assert normal(normal(text)) == normal(text)


def test_a_row_of_the_table_as_a_person_writes_it():
    """SUBJECT=PLACE, with an id where a room or a type is meant; anything else says what is allowed."""
    assert parse("Tin học = room-type:tin-hoc") == SubjectPlace("Tin học", IN_ROOM_TYPE, "tin-hoc")
    assert parse("Bơi=outside") == SubjectPlace("Bơi", OUTSIDE)
    assert table([SubjectPlace("TOÁN", OUTSIDE)])[normal("Toán")].place == OUTSIDE
    for text in ("Toán", "=outside", "Toán=yard", "Toán=room", "Toán=home-room:x"):
        with pytest.raises(ValueError, match="|".join(PLACES)):
            parse(text)
