"""Connectivity in the records: states, starts, incidents under numbers that stay, and days."""

from datetime import UTC, date, datetime

import pytest
from records_stores import DATABASES, SITE, fill, url_of

from campus.indicators import LinkDay
from campus.inference import BOARD, LOST, OFFLINE, ONLINE, UNKNOWN, Stretch
from campus.inference.incidents import Incident, Lost
from campus.records import open_records
from campus.records.links import BoardStart, Followed, Heard

MINUTE = 60_000
T = 1_791_000_000_000
KEY = (SITE, "b-1")
NOW = datetime(2026, 12, 5, tzinfo=UTC)


@pytest.fixture(params=DATABASES)
def records(request, tmp_path):
    with open_records(url_of(request), tmp_path, now=lambda: NOW) as opened:
        fill(opened)
        yield opened


def minutes(*spans):
    return [Stretch(T + start * MINUTE, T + end * MINUTE, state) for start, end, state in spans]


def heard(until, finished=(), current=ONLINE, since=0, begin=0, starts=()):
    """A turn of one board that is as `current` since a minute, and listened from `begin`."""
    followed = Followed(current, T + since * MINUTE, T + until * MINUTE, 180_000, {"v": 1, "any": [1, None]})
    listened = [(T + begin * MINUTE, T + until * MINUTE)]
    return Heard([SITE], listened, {KEY: minutes(*finished)}, {KEY: followed}, [(KEY, one) for one in starts])


def test_what_goes_on_is_told_as_far_as_we_listened(records):
    """Stored stretches, then the state that goes on; clipped to what is asked for."""
    records.store_heard(heard(60, [(0, 10, UNKNOWN), (10, 50, ONLINE)], LOST, 50))
    assert records.availability(*KEY, T, T + 90 * MINUTE) == minutes(
        (0, 10, UNKNOWN), (10, 50, ONLINE), (50, 60, LOST)
    )
    assert records.availability(*KEY, T + 40 * MINUTE, T + 55 * MINUTE) == minutes(
        (40, 50, ONLINE), (50, 55, LOST)
    )
    assert records.availability(*KEY, T + 60 * MINUTE, T + 90 * MINUTE) == []
    assert records.availability(SITE, "b-2", T, T + 90 * MINUTE) == []
    assert records.followed()[KEY] == records.followed(SITE)[KEY]
    assert records.followed(SITE)[KEY].state == {"v": 1, "any": [1, None]}


def test_storing_a_turn_again_changes_nothing(records):
    """As after an error whose outcome is not known; a later end of the same listening replaces it."""
    turn = heard(60, [(0, 50, ONLINE)], LOST, 50, starts=[BoardStart(T, "00000001", "power-on", None)])
    for _ in range(2):
        records.store_heard(turn)
    records.store_heard(Heard([SITE], [(T, T + 70 * MINUTE)]))
    assert records.listened(SITE, T, T + MINUTE) == [(T, T + 70 * MINUTE)]
    assert records.listened_until(SITE) == T + 70 * MINUTE
    assert records.availability(*KEY, T, T + 90 * MINUTE) == minutes((0, 50, ONLINE), (50, 70, LOST))
    assert records.board_starts(SITE, T) == {"b-1": [BoardStart(T, "00000001", "power-on", None)]}


def test_history_keeps_the_loss_that_goes_on_whole(records):
    """Also over a time in which nobody listened; of what was before, nothing."""
    spans = [(0, 10, ONLINE), (10, 50, LOST), (50, 55, UNKNOWN), (55, 90, LOST), (90, 95, ONLINE)]
    records.store_heard(heard(100, spans, OFFLINE, 95))
    for since, first in ((5, 0), (10, 1), (60, 1), (89, 1), (91, 4)):
        found = records.link_history(SITE, ["b-1", "b-2"], T + since * MINUTE)
        assert found == {"b-1": minutes(*spans[first:]), "b-2": []}


def test_starts_are_those_since_and_the_one_before(records):
    """Of each board."""
    told = [BoardStart(T + n * MINUTE, f"0000000{n}", None, None) for n in (1, 5, 9)]
    records.store_heard(heard(10, starts=told))
    assert records.board_starts(SITE, T) == {"b-1": told}
    assert records.board_starts(SITE, T + 6 * MINUTE) == {"b-1": told[1:]}
    assert records.board_starts(SITE, T + 99 * MINUTE) == {"b-1": told[2:]}


def test_of_a_clock_that_was_ahead_nothing_later_is_left(records):
    """States and incidents end there."""
    records.store_heard(heard(60, [(0, 10, ONLINE), (10, 50, LOST)], ONLINE, 50))
    records.store_incidents(SITE, T, [incident(10, 50, "b-1"), incident(55, None, "b-2")])
    records.forget_heard_after(SITE, T + 20 * MINUTE)
    assert records.availability(*KEY, T, T + 90 * MINUTE) == minutes((0, 10, ONLINE), (10, 20, LOST))
    assert records.listened_until(SITE) == T + 20 * MINUTE
    assert records.followed() == {}
    assert [one.end_ms for one in records.incidents(SITE, T, T + 90 * MINUTE)] == [T + 20 * MINUTE]


def incident(start, end, *boards, cause="board"):
    until = None if end is None else T + end * MINUTE
    losses = tuple(Lost(board, T + start * MINUTE, until or T + 999 * MINUTE) for board in boards)
    return Incident(cause, T + start * MINUTE, until, boards, losses, {"scope": "board", "lost": 1})


def numbers(records, since=0):
    found = records.incidents(SITE, T + since * MINUTE, T + 999 * MINUTE)
    return {one.number: (one.cause, (one.start_ms - T) // MINUTE, one.boards) for one in found}


def test_an_incident_keeps_its_number(records):
    """While more becomes known; one that is another now, of the same board and nearly the same begin, too."""
    records.store_incidents(SITE, T, [incident(10, None, "b-2", cause="unknown"), incident(30, 40, "b-3")])
    (first, second) = numbers(records)
    grown = incident(9, 50, "b-1", "b-2", cause="power")
    records.store_incidents(SITE, T, [grown, incident(30, 45, "b-3")], 2 * MINUTE)
    assert numbers(records) == {first: ("power", 9, ("b-1", "b-2")), second: ("board", 30, ("b-3",))}
    assert records.incidents(SITE, T, T + 31 * MINUTE)[1].end_ms == T + 45 * MINUTE


def test_incidents_that_are_told_no_more_go_and_older_ones_stay(records):
    """Those that began before the time in question are left as they are."""
    records.store_incidents(
        SITE, T, [incident(1, 5, "b-1"), incident(2, None, "b-2"), incident(20, 25, "b-3")]
    )
    records.store_incidents(SITE, T + 10 * MINUTE, [incident(2, 30, "b-2"), incident(22, 26, "b-4")])
    assert sorted(numbers(records).values()) == [
        ("board", 1, ("b-1",)),
        ("board", 2, ("b-2",)),
        ("board", 22, ("b-4",)),
    ]
    assert sorted(numbers(records, 27).values()) == [("board", 2, ("b-2",))]


def test_our_own_stop_is_never_the_incident_of_a_board(records):
    """They may begin together and have the same boards."""
    records.store_incidents(SITE, T, [incident(10, 20, "b-1", cause="server")])
    (number,) = numbers(records)
    told = [incident(10, 20, "b-1", cause="server"), incident(10, None, "b-1")]
    records.store_incidents(SITE, T, told, 2 * MINUTE)
    assert numbers(records)[number][0] == "server" and len(numbers(records)) == 2


def day(on, online, kind=BOARD, id="b-1"):
    return LinkDay(SITE, kind, id, on, 300.0, online, {"board": 300.0 - online}, 1)


def test_days_are_replaced_taken_away_and_amended(records):
    """In a month that was closed a change is logged."""
    on = date(2026, 10, 5)
    records.store_link_days(SITE, [day(on, 290.0), day(on, 280.0, id="b-2")])
    assert records.link_days(SITE, [on])[BOARD, "b-1", on].online_ms == 290 * MINUTE
    records.close_month(SITE, on, "admin")
    records.store_link_days(SITE, [day(on, 300.0)], [(BOARD, "b-2", on)])
    assert records.link_days(SITE, [on]).keys() == {(BOARD, "b-1", on)}
    amended = {one.id: one for one in records.amendments(SITE, on)}
    assert amended["b-1"].after == {"online_ms": 300 * MINUTE, "lost_board_ms": 0}
    assert amended["b-2"].after["school_ms"] == 0
