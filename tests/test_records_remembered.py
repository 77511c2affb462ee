"""What is kept of ranges that were asked for: never older than what is derived, whoever wrote it, and bounded."""

from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from records_stores import DATABASES, SITE, fill, url_of
from test_records_sums import FIRST, NOW, derivation, piece_fact, room_fact

from campus.indicators import LinkDay
from campus.inference import ROOM
from campus.records import open_records, remembered
from campus.records.figure_scopes import Scope
from campus.records.figures import figures
from campus.records.remembered import MOST, Remembered, cut

RANGE = (FIRST, FIRST + timedelta(days=70))
DAYS = st.integers(0, 60).map(lambda n: FIRST + timedelta(days=n))


@pytest.fixture(params=DATABASES)
def pair(request, tmp_path):
    """Two programs over the same records: one that is asked, one that writes."""
    url = url_of(request)
    with (
        open_records(url, tmp_path, now=lambda: NOW) as asked,
        open_records(url, tmp_path, now=lambda: NOW) as writing,
    ):
        fill(writing, rooms=2)
        yield asked, writing


def told(records, anew=False):
    """Figures of some scopes and ranges; `anew`: with nothing kept."""
    if anew:
        records.remember()
    ranges = (RANGE, (FIRST + timedelta(days=3), FIRST + timedelta(days=40)))
    return [
        figures(records, scope, *span, NOW)
        for scope in (Scope(SITE), Scope(SITE, "room", "a101"))
        for span in ranges
    ]


def write(records, day, value, room, kind):
    match kind:
        case "facts":
            facts = [room_fact(day, 0, "math", value, room)]
            records.store_derivations(
                [derivation(day, facts, [piece_fact(day, 0, "math", value, room)], room)]
            )
        case "no facts":
            records.store_derivations([derivation(day, [], [], room)])
        case "links":
            records.store_link_days(SITE, [LinkDay(SITE, ROOM, room, day, 60.0, value, {}, 0)])


WRITES = st.tuples(
    DAYS,
    st.integers(0, 44).map(float),
    st.sampled_from(["a101", "a102"]),
    st.sampled_from(["facts", "facts", "no facts", "links"]),
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(writes=st.lists(WRITES, min_size=1, max_size=6))
def test_figures_are_those_of_what_is_there(pair, writes):
    """After every write of another program, as if nothing were kept."""
    asked, writing = pair
    for one in writes:
        told(asked)
        write(writing, *one)
        assert told(asked) == told(writing, anew=True)


def test_writes_that_say_nothing_would_be_noticed(pair, monkeypatch):
    """The control."""
    asked, writing = pair
    monkeypatch.setattr(remembered, "move", lambda session, site, days: None)
    write(writing, FIRST, 40.0, "a101", "facts")
    before = told(asked)
    write(writing, FIRST, 0.0, "a101", "facts")
    assert told(asked) == before != told(writing, anew=True)


def test_what_changes_while_it_is_made_is_not_kept(pair):
    """The number is taken before: what was read later is never found by who comes after the write."""
    asked, writing = pair
    keep = asked.remembering(SITE)

    def slowly():
        write(writing, FIRST, 40.0, "a101", "facts")
        return "half"

    assert keep("key", *RANGE, slowly) == "half"
    assert asked.remembering(SITE)("key", *RANGE, lambda: "whole") == "whole"
    assert asked.remembering(SITE)("key", *RANGE, lambda: "anew") == "whole"


def test_what_is_written_of_a_month_leaves_the_others(pair):
    """The number of a write is that of its month: a range before or after it is kept, one that touches it is not."""
    asked, writing = pair
    april, may, june = (date(2026, month, 1) for month in (4, 5, 6))

    def made():
        keep = asked.remembering(SITE)
        return [keep("key", *span, lambda: turn) for span in spans]

    spans = [(april, may), (may, june), (april, date(2026, 5, 2)), (date(2026, 5, 31), june), (june, june)]
    turn = 1
    assert made() == [1] * 5
    write(writing, date(2026, 5, 20), 40.0, "a101", "facts")
    turn = 2
    assert made() == [1, 2, 2, 2, 1]


def test_facts_of_today_leave_what_was_before_this_month_remembered(pair, monkeypatch):
    """After them figures ask the store for sums of this month alone; after a late fact for the others too."""
    asked, writing = pair
    whole, this = (FIRST, NOW.date() + timedelta(days=3)), NOW.date()
    for day in (FIRST, this):
        write(writing, day, 40.0, "a101", "facts")
    read = []
    for name in ("total", "equipment_sums", "lesson_days"):
        real = getattr(asked, name)

        def counted(*words, real=real, **more):
            read.append(next(word for word in words if isinstance(word, date)))
            return real(*words, **more)

        monkeypatch.setattr(asked, name, counted)
    figures(asked, Scope(SITE), *whole, NOW)
    assert {since < this for since in read} == {True, False}
    read.clear()
    write(writing, this, 10.0, "a101", "facts")
    figures(asked, Scope(SITE), *whole, NOW)
    assert read and all(since >= this for since in read)
    read.clear()
    write(writing, FIRST, 10.0, "a101", "facts")
    figures(asked, Scope(SITE), *whole, NOW)
    assert any(since < this for since in read)


def test_a_range_is_cut_where_the_month_begins():
    first, this, last = date(2026, 4, 7), date(2026, 5, 1), date(2026, 5, 9)
    assert cut(first, last, date(2026, 5, 20)) == [(first, this), (this, last)]
    for today in (date(2026, 4, 30), date(2026, 6, 1)):
        assert cut(first, last, today) == [(first, last)]
    assert cut(this, last, last) == [(this, last)] and cut(first, this, last) == [(first, this)]


def test_it_is_bounded():
    kept = Remembered()
    lists = 3 * MOST // 100
    for n in range(lists):
        assert len(kept.get(n, lambda: [0] * 99)) == 99
    assert len(kept._held) == MOST // 100
    assert kept.get(lists - 1, lambda: "made anew") == [0] * 99
    assert kept.get(0, lambda: "made anew") == "made anew"
    kept.get("larger than all", lambda: [0] * MOST)
    assert not kept._held and kept._rows == 0
    nothing = Remembered(0)
    assert (nothing.get(1, lambda: "first"), nothing.get(1, lambda: "second")) == ("first", "second")
