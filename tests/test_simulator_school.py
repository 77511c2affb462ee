"""The virtual school: its rooms, timetable, calendar and inventory."""

import re
from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

import pytest

from campus.errors import UsageError
from campus.records.inventory import Inventory
from simulator.school import School
from simulator.timetable import OUTSIDE
from simulator.year import TET

TODAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def school() -> School:
    return School.make(seed=1, today=TODAY)


@pytest.mark.parametrize("rooms", [1, 2, 7, 24, 60])
def test_inventory_of_any_size_is_accepted(rooms):
    """The records' own model takes the inventory, and every room has one board of its own."""
    school = School.make(seed=3, rooms=rooms, today=TODAY)
    inventory = Inventory.parse(school.inventory())
    assert len(inventory.rooms) == rooms == len({room.id for room in inventory.rooms})
    placed = Counter(row.room for row in inventory.placements if row.room)
    assert placed == Counter({room.id: 1 for room in inventory.rooms})
    assert all(re.fullmatch(r"esp32-[0-9a-f]{12}", board.id) for board in inventory.boards)
    metered = {row.equipment for row in inventory.placements if row.equipment}
    assert metered == {row.id for row in inventory.equipment}
    names = {lesson.school_class for lesson in inventory.lessons or ()}
    assert names <= {row.name for row in inventory.classes}


def test_school_has_rooms_of_several_types(school):
    """24 rooms in two buildings: ordinary classrooms and at least eight other types."""
    assert len(school.rooms) == 24
    assert {room.building for room in school.rooms} == {"A", "B"}
    assert len({room.type.id for room in school.rooms}) >= 9


def test_same_seed_makes_the_same_school(school):
    """The seed and the date decide everything; another seed is another school."""
    assert School.make(seed=1, today=TODAY).inventory() == school.inventory()
    other = School.make(seed=2, today=TODAY)
    assert {room.board for room in other.rooms}.isdisjoint({room.board for room in school.rooms})
    assert other.lessons != school.lessons


def test_no_room_and_no_class_is_booked_twice(school):
    """One lesson per room, and one per class, in each period of the week, with those in the yard."""
    rooms = Counter((x.room, x.weekday, x.session, x.period) for x in school.lessons)
    assert max(rooms.values()) == 1
    classes = Counter((x.school_class, x.weekday, x.session, x.period) for x in school.lessons)
    classes.update((c.name, *hour) for c, hour, _ in school.nowhere)
    assert max(classes.values()) == 1
    assert all((x.weekday, x.session, x.period) in school.bell_minutes for x in school.lessons)


def test_every_class_has_its_29_lessons(school):
    """No lesson is lost, whatever room it is in."""
    held = Counter(x.school_class for x in school.lessons)
    held.update(c.name for c, _, _ in school.nowhere)
    assert held == Counter({c.name: 29 for c in school.classes})


def test_one_lesson_in_five_is_outside_the_home_room(school):
    """Those are in a room of the right type, or nowhere: the home room is not booked for an absent class."""
    home = {c.name: c.home_room for c in school.classes}
    away = [x for x in school.lessons if x.room != home[x.school_class]]
    total = len(school.lessons) + len(school.nowhere)
    assert 0.17 <= (len(away) + len(school.nowhere)) / total <= 0.23
    types = {room.id: room.type.id for room in school.rooms}
    assert {types[x.room] for x in school.lessons if x.subject == "Tin học"} == {"tin-hoc"}
    assert not any(x.subject in OUTSIDE for x in school.lessons)
    assert {subject for _, _, subject in school.nowhere} == set(OUTSIDE)


def test_without_a_computer_room_informatics_is_nowhere():
    """A school of one classroom sends its classes out for informatics and does not book the home room for it."""
    school = School.make(seed=1, rooms=1, today=TODAY)
    assert not any(x.subject == "Tin học" for x in school.lessons)
    assert any(subject == "Tin học" for _, _, subject in school.nowhere)


@pytest.mark.parametrize(
    "today", [date(2026, 9, 4), date(2026, 9, 5), TODAY, date(2027, 2, 6), date(2027, 7, 15)]
)
def test_today_and_a_year_around_it_lie_in_terms(today):
    """Terms follow one another without a gap, from a year before today to the end of the next school year."""
    terms = School.make(today=today).terms
    assert all(a.end == b.start for a, b in pairwise(terms))
    assert terms[0].start <= today - timedelta(days=365) or terms[0].start.year == today.year - 1
    assert terms[-1].end > today + timedelta(days=180)


@pytest.mark.parametrize("year", sorted(TET))
def test_school_is_closed_at_tet_and_on_holidays(year):
    """Tết is two weeks without lessons around the lunar new year, and falls where the calendar says."""
    new_year, hung_kings = TET[year]
    school = School.make(today=date(year, 3, 3))
    closed = [new_year + timedelta(days=i) for i in range(-5, 9)] + [
        hung_kings,
        date(year, 4, 30),
        date(year, 9, 2),
    ]
    assert not any(school.is_open(day) for day in closed)
    assert not any(school.lessons_on(day) for day in closed)
    assert date(year, 1, 21) <= new_year <= date(year, 2, 20)
    assert 67 <= (hung_kings - new_year).days <= 70


def test_sunday_has_no_lessons(school):
    """Monday to Saturday are school days."""
    week = [date(2026, 11, 16) + timedelta(days=i) for i in range(7)]
    assert [bool(school.lessons_on(day)) for day in week] == [True] * 6 + [False]


def test_wrong_wishes_are_refused_in_a_sentence(school):
    """Too few or too many rooms, a bad site and an unknown room say what is allowed."""
    for wish in ({"rooms": 0}, {"rooms": 2001}, {"site": "Trường"}, {"site": "room"}):
        with pytest.raises(UsageError, match=r"1 to 2000|a-z, 0-9"):
            School.make(**wish)
    with pytest.raises(UsageError, match="a-101"):
        school.room("z-999")
