"""Readings that were thinned out to means: nothing derives their days anew, whatever comes late or is restarted."""

import logging
import shutil
import sqlite3
from datetime import date

import pytest
from test_collector_derive import DAY, HOUR, START, School, messages

from campus.telemetry import SeriesKey
from collector.horizon import Horizon

DAYS = 4
TOLD = list(messages(DAYS))
MISSING = slice(70, 74)  # two hours of the second day
MOTION = SeriesKey("school", "board-1", "motion")
NOW = START + DAYS * DAY + HOUR


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """The folder of four days that were derived as they came, but for two hours; nothing is thinned yet."""
    folder = tmp_path_factory.mktemp("lived")
    school = School(folder, raw_days=2)
    for n, (at, topic, payload) in enumerate([each for each in TOLD if each not in TOLD[MISSING]]):
        school.now_ms = at
        school.send([(topic, payload)])
        if n % 24 == 0:
            school.pipeline.derive()
            school.telemetry.maintain(school.now_ms)
    school.now_ms = NOW
    school.telemetry.maintain(NOW)
    school.pipeline.derive()
    school.close()
    return folder


@pytest.fixture
def school(lived, tmp_path):
    """Of a copy of it."""
    shutil.copytree(lived, tmp_path / "school")
    made = School(tmp_path / "school", NOW, raw_days=2)
    yield made
    made.close()


def thin_out(school):
    """As two days later, when only the last day's readings have changed since."""
    school.telemetry.maintain(NOW + DAY + HOUR)
    assert START + DAY < school.telemetry.raw_from() < START + 3 * DAY
    assert not school.telemetry.read([MOTION], START, START + DAY)[MOTION]


def late_data(school):
    school.send([each[1:] for each in TOLD[MISSING]])
    school.pipeline.derive()


def clock_set_back(school):
    """It was wrong for a moment, and every room was wound back to where it said."""
    school.now_ms = START + 7 * HOUR
    school.pipeline.derive()
    school.now_ms = NOW
    school.pipeline.derive()


def wound_back(school):
    """The records know no checkpoint since the second morning: derived to its noon, they say."""
    db = sqlite3.connect(school.pipeline.journal.path.with_name("records.sqlite"))
    with db:
        db.execute("DELETE FROM checkpoint WHERE at_ms > ?", (START + DAY,))
        db.execute("UPDATE derived SET through_ms = ?", (START + DAY + 12 * HOUR,))
    db.close()
    school.pipeline.deriver._rooms.clear()
    school.pipeline.derive()


def early(outcome):
    """Of the days that are thinned for certain."""
    intervals, facts = outcome
    end = START + 2 * DAY
    return [
        (max(each.start_ms, 0), min(each.end_ms, end), each.state)
        for each in intervals
        if each.start_ms < end
    ], [fact for fact in facts if fact.date <= date(2026, 9, 22)]


@pytest.mark.parametrize("happens", [late_data, clock_set_back, wound_back])
def test_what_was_derived_of_thinned_days_stays(school, caplog, happens):
    """Late data, a clock that was set back, a restart: facts are what they were, and it is not tried for ever."""
    before = school.outcome()
    thin_out(school)
    with caplog.at_level(logging.WARNING):
        happens(school)
        school.pipeline.derive()
    assert early(school.outcome()) == early(before) and measured(school.outcome()) == measured(before)
    assert school.outcome() == before or happens is wound_back, "from the horizon on, without memory"
    assert school.pipeline.journal.late() == []
    said = [record for record in caplog.records if record.name == "collector.horizon"]
    assert len(said) == (happens is late_data)
    if happens is late_data:
        means = school.telemetry.means([MOTION], START + DAY, START + 2 * DAY)[MOTION]
        assert sum(mean.count for mean in means) == 24 * 60, "the readings are kept all the same"


@pytest.mark.parametrize("happens", [late_data, clock_set_back, wound_back])
def test_the_same_fails_without_the_horizon(school, monkeypatch, happens):
    """A day that was measured becomes one that was not."""
    before = school.outcome()
    thin_out(school)
    monkeypatch.setattr(Horizon, "start_ms", lambda self, zone: 0)
    happens(school)
    assert measured(school.outcome()) < measured(before) - 10


def test_what_is_thinned_while_a_room_is_derived_stays_too(school, monkeypatch):
    """Late data is in hand when its day is thinned: the day is left, and what lies behind is derived."""
    before = school.outcome()
    read, thinned = school.pipeline.places.read, []

    def meanwhile(*given):
        if not thinned:
            thinned.append(thin_out(school))
        return read(*given)

    monkeypatch.setattr(school.pipeline.places, "read", meanwhile)
    late_data(school)
    assert thinned and school.outcome() == before and school.pipeline.journal.late() == []


def measured(outcome):
    """Hours of facts."""
    return sum(fact.valid_minutes for fact in outcome[1]) / 60
