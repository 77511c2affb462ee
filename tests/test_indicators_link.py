"""A school day's connection: of a board, of a room by its boards, and why it was lost."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus.indicators import (
    ACCESS_POINT,
    BOARD,
    CAUSES,
    POWER_LOST,
    SERVER,
    UNTOLD,
    UPLINK,
)
from campus.indicators.link import link_day, room_availability, room_causes
from campus.indicators.spans import ms
from campus.inference import LOST, OFFLINE, ONLINE, SLEEPING, UNKNOWN, Stretch
from campus.inference import ROOM as A_ROOM

MINUTE = 60_000
DAY = date(2026, 11, 20)
SEVEN = datetime(2026, 11, 20, 0, 0, tzinfo=UTC)
HOURS = (SEVEN, SEVEN + timedelta(minutes=100))


def row(*parts):
    """Stretches one after the other, from minute 0 after seven or from the first number on."""
    at, made = ms(SEVEN), []
    for part in parts:
        if isinstance(part, int):
            at += part * MINUTE
        else:
            size, state = part
            made.append(Stretch(at, at + size * MINUTE, state))
            at += size * MINUTE
    return made


def seen(stretches):
    """(first minute, last minute, state) of stretches."""
    base = ms(SEVEN)
    return [((s.start_ms - base) // MINUTE, (s.end_ms - base) // MINUTE, s.state) for s in stretches]


def day(availability, causes=(), hours=HOURS):
    return link_day("s", "board", "b-1", DAY, hours, availability, causes)


def test_a_closed_day_has_no_school_hours():
    """Nobody is cut off on a Sunday."""
    assert day(row((100, ONLINE)), hours=None) is None
    assert day(row((100, ONLINE)), hours=(SEVEN, SEVEN)) is None


def test_online_and_lost_minutes_make_up_the_hours():
    """A sleeping board went as it had said, one that is switched off is away; loss has its cause."""
    found = day(
        row(-20, (50, ONLINE), (20, LOST), (10, OFFLINE), (20, SLEEPING), (40, ONLINE)),
        row(30, (15, POWER_LOST), (5, UPLINK)),
    )
    assert (found.site, found.kind, found.id, found.date) == ("s", "board", "b-1", DAY)
    assert (found.school_minutes, found.online_minutes, found.interruptions) == (100.0, 70.0, 1)
    assert found.lost == {POWER_LOST: 15.0, UPLINK: 5.0, UNTOLD: 10.0}


def test_what_nobody_judged_is_our_servers():
    """Unknown time, time without any stretch, and loss whose cause is the server itself."""
    found = day(row((40, ONLINE), (10, UNKNOWN), (20, LOST), (10, ONLINE)), row(50, (5, SERVER)))
    assert found.lost == {SERVER: 10.0 + 20.0 + 5.0, UNTOLD: 15.0}
    assert found.online_minutes + sum(found.lost.values()) == found.school_minutes


@pytest.mark.parametrize(
    ("availability", "causes", "number"),
    [
        (row((100, ONLINE)), [], 0),
        (row(-50, (70, LOST), (80, ONLINE)), [], 1),  # began before the first bell
        (row(-50, (50, LOST), (100, ONLINE)), [], 0),  # and ended at it
        (row((10, LOST), (10, ONLINE), (10, LOST), (70, ONLINE)), [], 2),
        (row((10, LOST), (10, OFFLINE), (80, ONLINE)), [], 1),
        (row((10, LOST), (10, UNKNOWN), (10, LOST), (70, ONLINE)), [], 1),
        (row((30, LOST), (70, ONLINE)), row(10, (10, SERVER)), 1),
        (row((30, LOST), (70, ONLINE)), row((30, SERVER)), 0),
        (row((50, UNKNOWN), (50, ONLINE)), [], 0),
    ],
)
def test_interruptions_are_losses_since_it_was_last_there(availability, causes, number):
    """However a loss is cut into stretches; our own server's absence is none."""
    assert day(availability, causes).interruptions == number


def test_a_cause_over_connected_time_does_not_count():
    """A cause says why, not whether."""
    assert day(row((100, ONLINE)), row((100, UPLINK))).lost == {}


def test_a_cause_that_is_none_is_refused():
    """With the board, the word and what is allowed."""
    with pytest.raises(ValueError, match="board b-1: 'weather' is no cause; use one of power, uplink"):
        day(row((100, LOST)), row((100, "weather")))


def test_a_room_is_online_by_any_of_its_boards():
    """And unknown rather than lost while one of them may still be there."""
    assert seen(
        room_availability(
            [
                row((20, ONLINE), (30, LOST), (10, ONLINE)),
                row((30, ONLINE), (10, UNKNOWN), (20, OFFLINE), (5, SLEEPING)),
            ]
        )
    ) == [(0, 30, ONLINE), (30, 40, UNKNOWN), (40, 50, LOST), (50, 65, ONLINE)]


def test_a_board_that_came_later_does_not_make_a_room_unknown():
    """Where a board has no stretch it was not in the room."""
    assert seen(room_availability([row((20, LOST)), row(10, (20, ONLINE))])) == [
        (0, 10, LOST),
        (10, 30, ONLINE),
    ]
    assert room_availability([]) == []


def test_a_room_is_lost_for_the_cause_of_its_last_board():
    """The one that was lost first did not take the room away."""
    boards = [row((10, ONLINE), (40, LOST)), row((20, ONLINE), (15, LOST), (15, OFFLINE))]
    causes = [row(10, (40, BOARD)), row(20, (20, ACCESS_POINT))]
    assert seen(room_causes(boards, causes)) == [(20, 40, ACCESS_POINT), (40, 50, UNTOLD)]
    assert seen(room_causes(boards[::-1], causes[::-1])) == [(20, 40, ACCESS_POINT), (40, 50, UNTOLD)]


def test_a_board_that_says_offline_after_it_was_lost_was_not_lost_anew():
    """The first board's loss goes on as another state; the room still went with the second."""
    boards = [row((10, LOST), (20, OFFLINE)), row((5, ONLINE), (25, LOST))]
    assert seen(room_causes(boards, [row((30, BOARD)), row((30, UPLINK))])) == [(5, 30, UPLINK)]


def test_boards_lost_at_once_take_the_first_ones_cause():
    """One answer, always the same."""
    boards = [row((10, LOST)), row((10, LOST))]
    assert seen(room_causes(boards, [row((10, UPLINK)), row((10, POWER_LOST))])) == [(0, 10, UPLINK)]


STATES = st.sampled_from([ONLINE, LOST, OFFLINE, SLEEPING, UNKNOWN])
ROWS = st.lists(st.tuples(st.integers(1, 30), STATES), max_size=10).map(lambda parts: row(-10, *parts))
WHY = st.lists(st.tuples(st.integers(1, 30), st.sampled_from(CAUSES)), max_size=10).map(
    lambda parts: row(-10, *parts)
)


@given(st.lists(st.tuples(ROWS, WHY), min_size=1, max_size=3))
def test_rooms_and_days_are_those_of_a_count_of_minutes(boards):
    """The room's state and the day's minutes, by looking at each minute of each board."""
    availability = [one for one, _ in boards]
    causes = [why for _, why in boards]
    rooms, whys = room_availability(availability), room_causes(availability, causes)

    def at(stretches, minute):
        moment = ms(SEVEN) + minute * MINUTE
        return next((s.state for s in stretches if s.start_ms <= moment < s.end_ms), None)

    online, lost = 0, 0
    for minute in range(100):
        states = {at(board, minute) for board in availability} - {None}
        expected = (
            None
            if not states
            else ONLINE
            if states & {ONLINE, SLEEPING}
            else UNKNOWN
            if UNKNOWN in states
            else LOST
        )
        assert at(rooms, minute) == expected
        assert (at(whys, minute) is not None) == (expected == LOST)
        online += expected == ONLINE
        lost += expected == LOST and at(whys, minute) != SERVER
    found = link_day("s", A_ROOM, "a101", DAY, HOURS, rooms, whys)
    assert (found.online_minutes, found.school_minutes) == (online, 100)
    assert sum(found.lost.values()) + online == 100
    assert sum(minutes for cause, minutes in found.lost.items() if cause != SERVER) == lost
