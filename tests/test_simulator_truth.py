"""The truth of the virtual school, to compare measurements with."""

import csv
import io
from datetime import date, timedelta
from itertools import pairwise

import pytest

from campus.errors import UsageError
from campus.inference import OCCUPIED, VACANT
from simulator.faults import LOST, faults_on
from simulator.school import DAY_MS, MINUTE_MS, School, midnight_ms
from simulator.truth import Truth, intervals, truth, write_csv
from simulator.world import World

DAY = date(2026, 11, 20)
START = midnight_ms(DAY)


@pytest.fixture(scope="module")
def school() -> School:
    return School.make(seed=1, rooms=7, today=date(2026, 11, 23))


def test_csv_has_every_minute_of_every_room_once(school):
    """A header, then one line per room and minute of the range."""
    file = io.StringIO()
    count = write_csv(file, school, START, START + DAY_MS)
    rows = list(csv.reader(io.StringIO(file.getvalue())))
    assert tuple(rows[0]) == Truth._fields
    assert count == len(rows) - 1 == 7 * 1440
    assert len({(row[0], row[1]) for row in rows[1:]}) == count


def test_truth_names_the_lesson_and_how_it_went(school):
    """In a scheduled minute the class and subject are the timetable's; people are there for it if it was held."""
    lessons = school.lessons_on(DAY)
    rows = {(row.minute_ms, row.room): row for row in truth(school, START, START + DAY_MS)}
    for lesson in lessons:
        start, end = school.bell_minutes[lesson.weekday, lesson.session, lesson.period]
        for minute in range(start, end):
            row = rows[START + minute * MINUTE_MS, lesson.room]
            assert (row.school_class, row.subject) == (lesson.school_class, lesson.subject)
            assert row.went in ("held", "no-show", "late", "early")
            if row.went == "held" and start + 5 < minute < end - 5:
                assert row.people > 20 and row.use == "lesson"
    scheduled = sum(1 for row in rows.values() if row.school_class)
    assert scheduled == 45 * len(lessons)


def test_intervals_fill_the_range_and_agree_with_the_minutes(school):
    """Half-open, without a gap, of alternating states, over midnight, at any cut."""
    start, end = START - 3 * 3_600_000 + 1234, START + DAY_MS - 777
    for room in school.rooms:
        found = intervals(school, room.id, start, end)
        assert (found[0].start_ms, found[-1].end_ms) == (start, end)
        for a, b in pairwise(found):
            assert a.end_ms == b.start_ms and a.state != b.state
        rows = [row for row in truth(school, START, START + DAY_MS) if row.room == room.id][:-1]
        for row in rows:
            state = next(x.state for x in found if x.start_ms <= row.minute_ms < x.end_ms)
            assert state == (OCCUPIED if row.people else VACANT)


def test_faults_are_in_the_truth(school):
    """The minutes of a lost board are named, and no others."""
    fault = next(f for i in range(90) for f in faults_on(school, DAY - timedelta(days=i), (LOST,)))
    start = midnight_ms(fault.date)
    named = [
        row.minute_ms
        for row in truth(school, start, start + DAY_MS, (LOST,))
        if row.room == fault.room and row.faults == LOST
    ]
    assert named == list(range(fault.start_ms, fault.end_ms, MINUTE_MS))


def test_an_unknown_room_is_refused(school):
    """The sentence names rooms that exist."""
    with pytest.raises(UsageError, match="a-101"):
        intervals(school, "x", START, START + DAY_MS)


def test_a_world_is_shared(school):
    """History, live and truth of one world are one reality."""
    world = World(school, ())
    assert all(row.faults == "" for row in truth(school, START, START + MINUTE_MS, world=world))
