"""Availability of a board: what is lost, since when, and what nobody can know; quality, signal and flapping."""

import itertools
import json
import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus.inference import LOST, OFFLINE, ONLINE, SLEEPING, UNKNOWN, Stretch
from campus.inference.connectivity import (
    LIMIT_MS,
    LONGEST_TICK_MS,
    SLEEP_MS,
    Availability,
    joined,
    listened,
    silence_limit_ms,
)
from campus.inference.quality import (
    PARTS,
    Flapping,
    Link,
    available,
    link,
    p95,
    quality,
    signal,
)

MIN = 60_000
BOOT, OTHER = "0000000000000001", "0000000000000002"


def minutes(stretches):
    return [(one.start_ms / MIN, one.end_ms / MIN, one.state) for one in stretches]


def follow(board, until, *events, since=0):
    """Feed (minute, how, ...) events and listening up to `until` minutes; what is known then."""
    for minute, how, *rest in events:
        getattr(board, how)(round(minute * MIN), *rest)
    board.listening(round(since * MIN), until * MIN)
    return minutes(board.known(until * MIN))


def beats(start, end):
    return [(minute, "heard") for minute in range(start, end)]


def test_a_board_that_speaks_is_online_from_the_first_word():
    """Before it was heard nothing is known."""
    assert follow(Availability(), 10, *beats(2, 10)) == [(0, 2, UNKNOWN), (2, 10, ONLINE)]


def test_a_loss_begins_when_the_board_was_last_heard():
    """Silence longer than the limit is a loss, from its beginning; it ends with the next word."""
    board = Availability(3 * MIN)
    assert follow(board, 17, *beats(0, 6), (15, "heard")) == [(0, 5, ONLINE), (5, 15, LOST), (15, 17, ONLINE)]


def test_a_single_word_is_a_return():
    """It ends a loss though another begins with it: two interruptions, and not one."""
    board = Availability(3 * MIN)
    follow(board, 30, (0, "heard"), (15, "heard"))
    assert board.known(30 * MIN) == [
        Stretch(0, 1, ONLINE),
        Stretch(1, 15 * MIN, LOST),
        Stretch(15 * MIN, 15 * MIN + 1, ONLINE),
        Stretch(15 * MIN + 1, 30 * MIN, LOST),
    ]


@pytest.mark.parametrize(("silence", "state"), [(3 * MIN, ONLINE), (3 * MIN + 1, LOST)])
def test_silence_of_exactly_the_limit_is_no_loss(silence, state):
    """More than the limit is."""
    board = Availability(3 * MIN)
    board.heard(0)
    board.listening(0, silence)
    assert board.current == state


def test_a_last_will_is_a_loss_since_the_last_word():
    """Also where the limit of silence has not passed."""
    board = Availability(3 * MIN)
    events = [(0, "born", BOOT), (1, "heard"), (2.5, "said", LOST, BOOT)]
    assert follow(board, 3, *events) == [(0, 1, ONLINE), (1, 3, LOST)]


def test_the_will_of_an_old_boot_is_ignored():
    """It is of a connection that the board has replaced."""
    board = Availability(3 * MIN)
    events = [(0, "born", BOOT), (1, "born", OTHER), (2, "said", LOST, BOOT), (2, "said", OFFLINE, BOOT)]
    assert follow(board, 3, *events)[-1] == (1, 3, ONLINE)
    assert follow(board, 4, (3, "said", LOST, OTHER))[-1][2] == LOST  # that of its own is not


def test_a_half_open_connection_is_lost_until_the_board_is_back():
    """Its will comes with the new connection, ten minutes late; the loss began with the silence."""
    board = Availability(30 * MIN)
    events = [*beats(0, 4), (13, "said", LOST, BOOT), (13, "said", ONLINE, BOOT), (14, "heard")]
    assert follow(board, 15, *events) == [(0, 3, ONLINE), (3, 13, LOST), (13, 15, ONLINE)]


def test_a_new_boot_without_a_farewell_was_a_loss():
    """A board that starts anew was away, however briefly; one that said so before was offline."""
    board = Availability(3 * MIN)
    events = [(0, "born", BOOT), (1, "heard"), (2, "born", OTHER)]
    assert follow(board, 3, *events) == [(0, 1, ONLINE), (1, 2, LOST), (2, 3, ONLINE)]
    board = Availability(3 * MIN)
    events = [(0, "born", BOOT), (1, "said", OFFLINE, BOOT), (2, "born", OTHER)]
    assert follow(board, 3, *events) == [(0, 1, ONLINE), (1, 2, OFFLINE), (2, 3, ONLINE)]


def test_a_birth_that_is_sent_again_is_no_loss():
    """Boards repeat their birth when their clock is set."""
    board = Availability(3 * MIN)
    assert follow(board, 3, (0, "born", BOOT), (2, "born", BOOT)) == [(0, 3, ONLINE)]


def test_offline_and_asleep_are_not_judged_by_silence():
    """Until it has slept a day."""
    board = Availability(3 * MIN)
    assert follow(board, 600, (0, "heard"), (5, "said", OFFLINE))[-1] == (5, 600, OFFLINE)
    board = Availability(3 * MIN)
    day = SLEEP_MS // MIN
    assert follow(board, day, (0, "heard"), (1, "said", SLEEPING))[-1] == (1, day, SLEEPING)
    assert follow(board, day + 2)[-1] == (1, day + 2, LOST)


def test_time_in_which_nobody_listened_is_unknown():
    """Our own stop is nobody's loss; what was lost before is judged anew after it."""
    board = Availability(3 * MIN)
    follow(board, 10, *beats(0, 10))
    assert follow(board, 40, *beats(31, 40), since=30) == [
        (0, 10, ONLINE),
        (10, 31, UNKNOWN),
        (31, 40, ONLINE),
    ]


def test_a_board_is_missed_only_after_we_have_listened_long_enough():
    """From the begin of listening on it is lost, and not from before it."""
    board = Availability(3 * MIN)
    follow(board, 10, *beats(0, 10))
    assert follow(board, 33, since=30)[-1] == (10, 33, UNKNOWN)
    assert follow(board, 34, since=33)[-2:] == [(10, 30, UNKNOWN), (30, 34, LOST)]


def test_what_was_announced_before_our_own_stop_still_holds_after_it():
    """A board that said it goes is not lost because we were away."""
    board = Availability(3 * MIN)
    follow(board, 10, (0, "heard"), (5, "said", OFFLINE))
    assert follow(board, 60, since=30)[-2:] == [(10, 30, UNKNOWN), (30, 60, OFFLINE)]


def test_what_the_broker_kept_says_how_things_are_but_is_not_heard():
    """A kept will is a loss from when we listen; a kept "online" and a kept birth prove nothing."""
    board = Availability(3 * MIN)
    assert follow(board, 12, (10, "said", LOST, BOOT, True), since=10) == [(10, 12, LOST)]
    board = Availability(3 * MIN)
    events = [(10, "born", BOOT, True), (10, "said", ONLINE, BOOT, True)]
    assert follow(board, 12, *events, since=10) == [(10, 12, UNKNOWN)]


def test_a_clock_set_back_makes_no_loss():
    """For the hour that is lived twice time stands still; then it goes on."""
    board = Availability(3 * MIN)
    for now in (*range(60), *range(70)):
        board.heard(now * MIN)
        board.listening((now - 1) * MIN, now * MIN)
    assert minutes(board.known(69 * MIN))[-1][2] == ONLINE
    assert LOST not in {one.state for one in board.known(69 * MIN)}


def test_an_event_of_a_clock_set_back_counts_from_now():
    """What was judged of the time before stays as it is."""
    board = Availability(3 * MIN)
    follow(board, 10, (0, "heard"), (2, "heard"))
    assert follow(board, 12, (5, "heard"))[1:] == [(2, 10, LOST), (10, 12, ONLINE)]


def test_a_clock_set_forward_is_a_time_in_which_nobody_listened():
    """The ticks of the loop say so; without them it would be everybody's loss."""
    ticks = [*(i * MIN for i in range(10)), *((600 + i) * MIN for i in range(10))]
    assert listened(ticks) == [(0, 9 * MIN), (600 * MIN, 609 * MIN)]
    assert listened([0, LONGEST_TICK_MS]) == [(0, LONGEST_TICK_MS)]
    assert listened([0, MIN, 0, 2 * MIN]) == [(0, 2 * MIN)]  # set back for a moment
    assert listened([0, LONGEST_TICK_MS + 1]) == []
    board, careless = Availability(3 * MIN), Availability(3 * MIN)
    for at in ticks:
        board.heard(at)
        careless.heard(at)
    for start, end in listened(ticks):
        board.listening(start, end)
    careless.listening(0, ticks[-1])  # control: it claims to have heard the silence
    assert {one.state for one in board.known(ticks[-1])} == {ONLINE, UNKNOWN}
    assert LOST in {one.state for one in careless.known(ticks[-1])}


@pytest.mark.parametrize(
    ("keep_alive", "interval", "limit"),
    [(60_000, 60_000, 180_000), (300_000, 60_000, 450_000), (None, 20_000, 60_000), (None, None, LIMIT_MS)],
)
def test_the_limit_is_one_and_a_half_keep_alives_or_three_intervals(keep_alive, interval, limit):
    """Whichever is longer."""
    assert silence_limit_ms(keep_alive, interval) == limit


def test_a_state_that_a_board_cannot_say_is_refused():
    """As is a stored state of another version."""
    with pytest.raises(ValueError, match="'gone' is not one of"):
        Availability().said(0, "gone")
    with pytest.raises(ValueError, match="version 9"):
        Availability(state={"v": 9})


EVENTS = st.lists(
    st.tuples(
        st.integers(0, 400_000),
        st.sampled_from(
            [
                ("heard",),
                ("heard",),
                ("heard",),
                ("born", BOOT),
                ("born", OTHER),
                ("said", LOST, BOOT),
                ("said", LOST, None),
                ("said", ONLINE, BOOT),
                ("said", OFFLINE, BOOT),
                ("said", SLEEPING, OTHER),
                ("said", LOST, BOOT, True),
            ]
        ),
    ),
    max_size=40,
)
CUTS = st.lists(st.integers(1, 399_999), max_size=12)


def run(events, parts, limit=20_000, restart=False, taken=None):
    board, ahead = Availability(limit), sorted(events, key=lambda one: one[0])
    for start, end in parts:
        while ahead and ahead[0][0] < end:
            at, (how, *rest) = ahead.pop(0)
            getattr(board, how)(at, *rest)
        board.listening(start, end)
        if restart:
            board = Availability(limit, json.loads(json.dumps(board.state())))
        if taken is not None:
            taken += board.take()
    return board


@given(EVENTS, CUTS, st.integers(0, 200_000), st.integers(0, 100_000))
def test_in_steps_with_restarts_it_is_as_in_one(events, cuts, gap_at, gap):
    """Streaming, stored and restored at every cut, gives what one run over everything gives; what is taken is final."""
    whole = [(0, gap_at), (gap_at + gap, 400_000)]
    parts = []
    for start, end in whole:
        inside = sorted({cut for cut in cuts if start < cut < end})
        parts += list(zip([start, *inside], [*inside, end], strict=True))
    one = run(events, whole)
    taken: list[Stretch] = []
    many = run(events, parts, restart=True, taken=taken)
    streamed = joined([*taken, *many.known(400_000)])
    assert streamed == one.known(400_000)
    assert many.current == one.current
    found = streamed
    assert all(a.end_ms == b.start_ms and a.state != b.state for a, b in itertools.pairwise(found))
    assert found[0].start_ms >= 0
    assert found[-1].end_ms == 400_000


@given(EVENTS, st.integers(1, 399_999))
def test_the_gap_of_our_own_server_is_unknown_through_and_through(events, gap_at):
    """No event of a board can make time known in which nobody listened."""
    end = min(gap_at + 50_000, 400_000)
    board = run([one for one in events if not gap_at <= one[0] < end], [(0, gap_at), (end, 400_001)])
    for one in board.known(400_001):
        if one.start_ms < end and one.end_ms > gap_at:
            assert one.state == UNKNOWN


# Quality


def test_a_perfect_link_is_a_hundred_and_a_dead_one_nearly_nothing():
    """The least part score keeps the product above zero."""
    best = quality(Link(-50, 0.0, 20, 5, 1.0))
    assert (best.value, best.label, best.measured) == (pytest.approx(100), "good", pytest.approx(1))
    worst = quality(Link(-95, 0.5, 900, 300, 0.1))
    assert (worst.value, worst.label) == (pytest.approx(5), "poor")


def test_quality_is_the_weighted_product():
    """By hand: half of the RSSI range, 1 % loss, RTT 250 ms, jitter 65 ms, 97.25 % available."""
    expected = 100 * 0.5**0.15 * 0.8**0.35 * 0.5**0.2 * 0.5**0.1 * 0.5**0.2
    assert quality(Link(-72.5, 0.01, 250, 65, 0.9725)).value == pytest.approx(expected)


def test_what_was_not_measured_is_left_out_and_told():
    """The weights of the rest count for all; nothing measured is no quality."""
    found = quality(Link(rssi_dbm=-72.5))
    assert found.value == pytest.approx(50)
    assert found.measured == pytest.approx(0.15)
    assert quality(Link()) is None
    assert quality(Link(rssi_dbm=math.nan)) is None


@given(
    st.builds(
        Link,
        st.none() | st.floats(-120, 0),
        st.none() | st.floats(0, 1),
        st.none() | st.floats(0, 5000),
        st.none() | st.floats(0, 5000),
        st.floats(0, 1),
    ),
    st.sampled_from(["rssi_dbm", "loss", "rtt_p95_ms", "jitter_ms", "available"]),
)
def test_quality_lies_between_its_bounds_and_is_never_better_for_a_worse_part(one, part):
    """0 to 100, whatever is measured."""
    found = quality(one)
    assert 5 - 1e-9 <= found.value <= 100 + 1e-9
    worst = {"rssi_dbm": -120, "loss": 1, "rtt_p95_ms": 5000, "jitter_ms": 5000, "available": 0}[part]
    if getattr(one, part) is not None:
        assert quality(one._replace(**{part: worst})).value <= found.value + 1e-9


def test_a_window_of_readings_becomes_a_link():
    """Loss by record numbers, p95 by rank, jitter by successive round trips."""
    found = link([-60, -70], [5, 6, 6, 8], [10, 30, 20], [Stretch(0, 90, ONLINE), Stretch(90, 100, LOST)])
    assert found == Link(-65, pytest.approx(0.25), 30, 15, pytest.approx(0.9))
    assert link() == Link()
    assert p95(list(range(1, 101))) == 95


def test_time_that_nobody_judged_is_in_no_availability():
    """Nor is a board that said it goes a bad link."""
    assert available([Stretch(0, 50, UNKNOWN)]) is None
    stretches = [
        Stretch(0, 50, UNKNOWN),
        Stretch(50, 70, ONLINE),
        Stretch(70, 80, OFFLINE),
        Stretch(80, 90, LOST),
    ]
    assert available(stretches) == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("rssi", "word"),
    [(-30, "good"), (-67, "good"), (-68, "fair"), (-75, "fair"), (-76, "weak"), (-85, "weak"), (-86, "poor")],
)
def test_signal_in_words(rssi, word):
    """The bounds belong to the better word."""
    assert signal(rssi) == word


def test_the_page_tells_the_weights_and_bounds_of_quality():
    """docs/connectivity.md shows the table that is used."""
    page = (
        (Path(__file__).parents[1] / "docs" / "connectivity.md").read_text(encoding="utf-8").replace("−", "-")
    )
    rows = re.findall(r"^\| [^|]+ \| (0\.\d+) \| (-?[\d.]+)[^|]* \| (-?[\d.]+)[^|]* \|$", page, re.M)
    scale = {"loss": 100, "available": 100}
    assert [tuple(map(float, row)) for row in rows] == [
        pytest.approx((part.weight, part.worst * scale.get(name, 1), part.best * scale.get(name, 1)))
        for name, part in PARTS.items()
    ]
    assert sum(part.weight for part in PARTS.values()) == pytest.approx(1)


# Flapping


def test_a_board_that_changes_at_every_check_flaps_fully():
    """20 changes of 20 are 100 %."""
    flapping = Flapping()
    for i in range(21):
        flapping.check(LOST if i % 2 else ONLINE)
    assert flapping.change_pct == pytest.approx(100)
    assert flapping.flapping


def test_flapping_begins_at_thirty_and_ends_at_twenty_percent():
    """Between the two it stays as it was."""
    flapping, seen = Flapping(), []
    for i in range(60):
        state = LOST if i % 2 and i < 7 else ONLINE
        seen.append((flapping.check(state), flapping.change_pct))
    begun = next(i for i, (flaps, _) in enumerate(seen) if flaps)
    ended = next(i for i, (flaps, _) in enumerate(seen) if i > begun and not flaps)
    assert seen[begun][1] >= 30 > seen[begun - 1][1]
    assert seen[ended][1] <= 20 < seen[ended - 1][1]
    assert any(flaps and 20 < percent < 30 for flaps, percent in seen)


def test_newer_changes_count_for_more():
    """One change counts 1.25/20 when new and 0.75/20 as the oldest."""
    flapping = Flapping()
    flapping.check(ONLINE)
    flapping.check(LOST)
    assert flapping.change_pct == pytest.approx(100 * 1.25 / 20)
    for _ in range(19):
        flapping.check(LOST)
    assert flapping.change_pct == pytest.approx(100 * 0.75 / 20)
    flapping.check(LOST)
    assert flapping.change_pct == 0


def test_a_loss_between_two_checks_is_a_change():
    """And a stored state goes on as it was."""
    flapping = Flapping()
    for _ in range(8):
        flapping = Flapping(json.loads(json.dumps(flapping.state())))
        flapping.check(ONLINE, between=True)
    assert flapping.flapping
    assert not Flapping({"last": ONLINE}).check(ONLINE)
