"""`campus indicators` and `campus month` from the records, without a running system."""

import json
from datetime import date

import pytest
from backup_school import DAY, HOUR, START, School, messages

from campus.cli.app import run


@pytest.fixture
def data(tmp_path, capsys):
    """Two days of September, derived, and a room that is derived to the end of the month."""
    with School(tmp_path / "data", now_ms=START + 2 * DAY + HOUR) as school:
        school.take(messages()).project().derive()
        through = START + 20 * DAY
        school.records.store_derivation("school", "room-1", through, through, [], [], [], through)
    capsys.readouterr()
    return tmp_path / "data"


def asked(capsys, data, *words, code=0):
    assert run([*words, "--data", str(data)]) == code
    done = capsys.readouterr()
    return done.out if code == 0 else done.err


def test_a_month_is_closed_shown_and_its_changes_are_listed(data, capsys):
    """What `show` says stays, what `indicators` says follows, and `amendments` has the difference."""
    assert "No month of school was closed yet" in asked(capsys, data, "month", "list")
    assert "not closed" in asked(capsys, data, "month", "show", "2026-09", code=2)
    assert "2026-09 of school is closed" in asked(capsys, data, "month", "close", "2026-09")
    assert "2026-09: closed at" in asked(capsys, data, "month", "list")
    assert "Nothing changed" in asked(capsys, data, "month", "amendments", "2026-09")
    signed = asked(capsys, data, "month", "show", "2026-09", "--json")
    assert "closed already" in asked(capsys, data, "month", "close", "2026-09", code=2)
    with School(data) as school:
        (fact, *_) = school.records.facts("school", "room-1", date(2026, 9, 21), date(2026, 9, 22))
        begin = int(fact.start.timestamp()) * 1000
        school.records.restate("school", "room-1", begin, begin + DAY, [], [])
    assert asked(capsys, data, "month", "show", "2026-09", "--json") == signed
    figures = {one["id"]: one for one in json.loads(signed)}
    assert figures["frequency_rate"]["denominator"] > 0 and not figures["frequency_rate"]["provisional"]
    assert "room room-1 on 2026-09-21: slots" in asked(capsys, data, "month", "amendments", "2026-09")
    assert "frequency_rate" in asked(capsys, data, "month", "show", "2026-09")


@pytest.mark.parametrize("words", [("month", "close", "2026-13"), ("month", "show", "September")])
def test_a_month_that_is_none_is_told(data, capsys, words):
    """How it is written, with an example."""
    assert "write YYYY-MM, such as 2026-10" in asked(capsys, data, *words, code=2)


def test_a_scope_that_is_none_is_told(data, capsys):
    """The scopes there are, the thing that is not there."""
    assert "use one of site, building" in asked(capsys, data, "indicators", "--scope", "floor", code=2)
    assert "zz" in asked(capsys, data, "indicators", "--room", "zz", code=2)
