"""Lessons beside the facts, and figures from them: the ghost slots of the rows are those of the facts."""

from datetime import UTC, date, datetime, timedelta

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from records_stores import DATABASES, SITE, fill, opened, url_of
from sqlalchemy import text

from campus.errors import UsageError
from campus.indicators import HELD, NO_SHOW, NOT_MEASURED, PARTLY_HELD, RoomFact
from campus.indicators.definitions import DEFINITIONS
from campus.indicators.ghosts import LessonDay, ghost_slots, ghosts
from campus.records import open_records
from campus.records.database import Database, migrations
from campus.records.entities import Derivation
from campus.records.figure_scopes import Scope
from campus.records.figures import figures

FIRST = date(2026, 9, 7)
NOW = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture(params=DATABASES)
def records(request, tmp_path):
    with opened(request, tmp_path, now=lambda: NOW) as records:
        fill(records, rooms=2)
        yield records


def fact(day, period, school_class, outcome, room="a101"):
    start = datetime(day.year, day.month, day.day, period, tzinfo=UTC)
    return RoomFact(
        *(SITE, room, day, start, start + timedelta(minutes=45), "lesson", "morning", period, school_class),
        *("Toán" if school_class else None, 45.0, 45.0, 0.0, outcome if school_class else "free"),
    )


def stored(records, day, facts, room="a101"):
    start = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
    end = start + 86_400_000
    records.store_derivations([Derivation(SITE, room, start, end, [], facts, [], end)])


OUTCOMES = st.sampled_from((HELD, PARTLY_HELD, NO_SHOW, NO_SHOW, NO_SHOW, NOT_MEASURED))
LESSONS = st.lists(st.tuples(st.sampled_from((None, "6A", "6B", "6A + 6B")), OUTCOMES), max_size=3)
DAYS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 1), LESSONS), min_size=1, max_size=24)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(days=DAYS)
def test_ghosts_of_the_rows_are_those_of_the_facts(records, days):
    """Whatever is stored, and stored again otherwise, of whatever week, class and outcome."""
    for week, room, lessons in days:
        day, name = FIRST + timedelta(weeks=week), f"a{101 + room}"
        made = [
            fact(day, n, school_class, outcome, name) for n, (school_class, outcome) in enumerate(lessons)
        ]
        stored(records, day, made, name)
    for start, end in ((FIRST, NOW.date()), (FIRST + timedelta(weeks=3), FIRST + timedelta(weeks=9))):
        found = records.lesson_days(SITE, start, end)
        assert ghosts(found, "v", NOW) == ghost_slots(records.facts(SITE, None, start, end), "v", NOW)
        one = records.lesson_days(SITE, start, end, ["a102"])
        assert one == [day for day in found if day.room == "a102"]


def test_a_day_that_loses_its_lessons_has_no_row(records):
    """Facts that an edit takes away leave nothing behind."""
    stored(records, FIRST, [fact(FIRST, 1, "6A", HELD), fact(FIRST, 2, None, HELD)])
    after = FIRST + timedelta(days=1)
    assert records.lesson_days(SITE, FIRST, after) == [
        LessonDay(SITE, "a101", FIRST, (("morning", 1, "6A"),), "h")
    ]
    stored(records, FIRST, [fact(FIRST, 1, None, HELD)])
    assert records.lesson_days(SITE, FIRST, after) == []


@pytest.fixture(params=DATABASES)
def url(request):
    return url_of(request)


def test_lessons_of_earlier_records_are_made_of_their_facts(url, tmp_path):
    """Records without these rows are brought forward with them."""
    with open_records(url, tmp_path) as records:
        fill(records, rooms=2)
    database = Database.open(url, tmp_path)
    columns = (
        "site, room, start_ms, end_ms, date, kind, session, period, school_class, subject, slot_minutes, "
        "valid_minutes, occupied_minutes, outcome, exam, counted_minutes, person_minutes, co2_minutes, "
        "co2_high_minutes, temperature_minutes, temperature_high_minutes"
    )
    rows = [
        (period, kind, session, school_class, outcome)
        for period, kind, session, school_class, outcome in (
            (1, "lesson", "'morning'", "'6A'", "no_show"),
            (2, "lesson", "'morning'", "'6B'", "not_measured"),
            (3, "lesson", "'morning'", "NULL", "free"),
            (4, "break", "NULL", "NULL", "free"),
        )
    ]
    migration = ScriptDirectory.from_config(migrations()).get_revision("0005").module
    with database.write() as session:
        for period, kind, its_session, school_class, outcome in rows:
            session.execute(
                text(
                    f"INSERT INTO room_fact ({columns}) VALUES ('{SITE}', 'a102', {period}, {period + 1}, "
                    f"'2026-09-07', '{kind}', {its_session}, {period}, {school_class}, NULL, 45, 45, 0, "
                    f"'{outcome}', false, 0, 0, 0, 0, 0, 0)"
                )
            )
        session.execute(text("DROP TABLE lesson_day"))
        with Operations.context(MigrationContext.configure(session.connection())):
            migration.upgrade()
    database.close()
    with open_records(url, tmp_path) as records:
        assert records.lesson_days(SITE, FIRST, FIRST + timedelta(days=1)) == [
            LessonDay(SITE, "a102", FIRST, (("morning", 1, "6A"), ("morning", 2, "6B")), "n-")
        ]


def test_what_is_asked_for_is_what_is_given(records):
    """Some indicators alone are those of all of them; an id that is none is told."""
    start = FIRST
    for week in range(5):
        day = FIRST + timedelta(weeks=week)
        stored(records, day, [fact(day, 1, "6A", NO_SHOW), fact(day, 2, "6B", HELD)])
    end = FIRST + timedelta(weeks=5)
    every = figures(records, Scope(SITE), start, end, NOW)
    assert [one.id for one in every.ghost_slots and every.indicators if one.id == "ghost_slots"]
    for id in DEFINITIONS:
        some = figures(records, Scope(SITE), start, end, NOW, ids=[id])
        assert some.indicators == [one for one in every.indicators if one.id == id]
        assert some.ghost_slots == (every.ghost_slots if id == "ghost_slots" else [])
    assert figures(records, Scope(SITE), start, end, NOW, ids=()).indicators == []
    with pytest.raises(UsageError, match="'room_magic' is no indicator"):
        figures(records, Scope(SITE), start, end, NOW, ids=["room_magic"])
