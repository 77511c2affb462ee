"""Causes of lost boards: one incident for one cause, told by who was lost together and how they came back."""

import itertools
import json
import random
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campus import indicators
from campus.inference import LOST, OFFLINE, ONLINE, SLEEPING, UNKNOWN, Stretch, grouping
from campus.inference.connectivity import Availability
from campus.inference.incidents import (
    ACCESS_POINT,
    BOARD,
    CAUSES,
    POWER,
    SERVER,
    UNTOLD,
    UPLINK,
    BoardFacts,
    Start,
    causes,
    incidents,
)

MIN = 60_000
LIMIT_MS = 3 * MIN
HOURS = 4 * 60
NAMES = [f"b{i:02d}" for i in range(12)]
FLOORS = {
    board: f"ap-{i // 4}" for i, board in enumerate(NAMES)
}  # four boards on each of three access points


class Campus:
    """Twelve boards that speak once a minute, each in its own second; `lose` silences some."""

    def __init__(self, minutes=HOURS, deaf=()):
        self.minutes, self.deaf = minutes, list(deaf)
        self.silent = {board: [] for board in NAMES}
        self.starts = {board: [Start(0, "boot-0", "power", 0.0)] for board in NAMES}

    def lose(self, boards, start, end, cause=None):
        """Silent over [start, end) minutes; `cause` of the reset after it, None where it ran on."""
        for board in boards:
            self.silent[board].append((start, end))
            if cause is not None:
                at = self._beat(board, end)
                self.starts[board].append(Start(at, f"boot-{at}", cause))

    def _beat(self, board, minute):
        return round(minute * MIN) + 1000 + 4 * NAMES.index(board) * 1000

    def availability(self, until=None):
        """What is known of each board at a minute; by default at the end."""
        until = self.minutes if until is None else until
        [(_, found)] = self.views([until])
        return found

    def views(self, untils):
        """(minute, what is known of each board then) for each of some rising minutes, in one stream."""
        boards, begun = {name: Availability(LIMIT_MS) for name in NAMES}, 0
        for until in untils:
            for name, board in boards.items():
                self._speak(name, board, begun, until)
                for start, end in self._listening(begun, until):
                    board.listening(start, end)
            begun = until
            yield until, {name: board.known(until * MIN) for name, board in boards.items()}

    def _speak(self, name, board, start, end):
        boots = {one.at_ms: one.boot for one in self.starts[name]}
        for minute in range(start, end):
            at = self._beat(name, minute)
            quiet = (*self.deaf, *self.silent[name])
            if not any(a * MIN <= at < b * MIN for a, b in quiet):
                if at in boots:
                    board.born(at, boots[at])
                board.heard(at)

    def _listening(self, start, end):
        edges = [0, *(edge for gap in self.deaf for edge in gap), self.minutes]
        for a, b in zip(edges[::2], edges[1::2], strict=True):
            if max(a, start) < min(b, end):
                yield max(a, start) * MIN, min(b, end) * MIN

    def facts(self, until=None):
        until = self.minutes if until is None else until
        return {
            board: BoardFacts(
                ((0, FLOORS[board]),), tuple(one for one in self.starts[board] if one.at_ms < until * MIN)
            )
            for board in NAMES
        }

    def incidents(self, until=None):
        return self.told(self.availability(until), until)

    def told(self, availability, until=None):
        return incidents(availability, self.facts(until), [(a * MIN, b * MIN) for a, b in self.deaf])


def told(found):
    return [(one.cause, len(one.boards)) for one in found]


def test_the_causes_are_those_of_the_indicators():
    """The words are defined twice because inference knows no indicator; they are the same."""
    assert CAUSES == indicators.CAUSES


def test_a_power_cut_of_the_school_is_one_incident_of_power():
    """All boards are gone within a minute and return with a power-on reset, some minutes apart."""
    campus = Campus()
    for i, board in enumerate(NAMES):
        campus.lose([board], 60, 90 + i % 3, "power")
    [one] = campus.incidents()
    assert (one.cause, one.boards) == (POWER, tuple(NAMES))
    assert one.start_ms < 60 * MIN
    assert one.end_ms > 92 * MIN
    assert one.evidence["scope"] == "site"
    json.dumps(asdict(one))


def test_a_switch_that_starts_anew_is_the_uplink():
    """The boards ran on all through it."""
    campus = Campus()
    campus.lose(NAMES, 60, 66)
    assert told(campus.incidents()) == [(UPLINK, 12)]


def test_boards_that_reset_themselves_for_want_of_a_network_had_power():
    """A watchdog is no power cut."""
    campus = Campus()
    campus.lose(NAMES, 60, 90, "watchdog")
    assert told(campus.incidents()) == [(UPLINK, 12)]


def test_a_birth_sent_again_is_no_start():
    """A board tells why it last started at every connection: one of the same boot had power."""
    campus = Campus()
    campus.lose(NAMES, 60, 90, "power")
    for board in NAMES:
        campus.starts[board][-1] = campus.starts[board][-1]._replace(boot="boot-0")
    assert told(campus.incidents()) == [(UPLINK, 12)]


def test_an_uptime_longer_than_the_outage_tells_that_there_was_power():
    """And a younger one that there was none, where the board does not say why it started."""
    long, short = Campus(), Campus()
    for campus, uptime in ((long, 7200.0), (short, 20.0)):
        campus.lose(NAMES, 60, 90, "unknown")
        for board in NAMES:
            campus.starts[board][-1] = campus.starts[board][-1]._replace(uptime_s=uptime)
    assert told(long.incidents()) == [(UPLINK, 12)]
    assert told(short.incidents()) == [(POWER, 12)]


def test_one_access_point_is_one_incident():
    """Three of its four boards are enough, and the rest of the school is not touched."""
    campus = Campus()
    campus.lose(NAMES[4:7], 60, 80)
    [one] = campus.incidents()
    assert (one.cause, one.boards) == (ACCESS_POINT, tuple(NAMES[4:7]))
    assert one.evidence["access_points"] == ["ap-1"]
    assert (one.evidence["lost"], one.evidence["of"]) == (3, 4)


def test_half_of_an_access_point_is_two_boards():
    """60 % are needed."""
    campus = Campus()
    campus.lose(NAMES[4:6], 60, 80)
    assert told(campus.incidents()) == [(BOARD, 1), (BOARD, 1)]


def test_a_floor_without_power_is_power_and_not_its_access_point():
    """Its boards return by power-on."""
    campus = Campus()
    campus.lose(NAMES[:4], 60, 80, "power")
    assert told(campus.incidents()) == [(POWER, 4)]


@pytest.mark.parametrize(("reset", "cause"), [("power", POWER), (None, UPLINK)])
def test_a_building_of_two_access_points_is_one_incident(reset, cause, monkeypatch):
    """What lies behind them both, where they are not most of the site."""
    monkeypatch.setattr(grouping, "SHARE", 0.7)  # eight of twelve are no site then
    campus = Campus()
    campus.lose(NAMES[:8], 60, 80, reset)
    assert told(campus.incidents()) == [(cause, 8)]


def test_one_board_is_unknown_then_its_plug_or_itself():
    """What it says when it is back tells."""
    plug, itself = Campus(), Campus()
    plug.lose(NAMES[:1], 60, 80, "power")
    itself.lose(NAMES[:1], 60, 80)
    assert told(plug.incidents(70)) == [(UNTOLD, 1)]
    assert told(plug.incidents()) == [(POWER, 1)]
    assert told(itself.incidents()) == [(BOARD, 1)]


def test_losses_further_apart_than_two_minutes_are_not_one():
    """A board each five minutes is no outage of the site."""
    campus = Campus()
    for i, board in enumerate(NAMES):
        campus.lose([board], 60 + 5 * i, 150)
    assert told(campus.incidents()) == [(BOARD, 1)] * 12


def test_a_board_that_was_lost_before_is_no_part_of_it():
    """Nor is it counted among those that could be lost."""
    campus = Campus()
    campus.lose(NAMES[:6], 20, 200)  # for each its own reason, at its own time
    campus.silent = {
        board: [(a + 3 * i, b) for a, b in each] for i, (board, each) in enumerate(campus.silent.items())
    }
    campus.lose(NAMES[6:10], 100, 120)
    assert (UPLINK, 4) in told(campus.incidents())


def test_a_board_that_stays_away_has_an_incident_of_its_own_from_then_on():
    """The cut is over when the others are back; who does not follow needs a visit."""
    campus = Campus()
    campus.lose(NAMES[:11], 60, 90, "power")
    campus.lose(NAMES[11:], 60, HOURS)
    cut, own = campus.incidents()
    assert (cut.cause, len(cut.boards)) == (POWER, 12)
    assert 100 * MIN < cut.end_ms < 101 * MIN  # ten minutes after most are back
    assert (own.cause, own.boards, own.end_ms) == (UNTOLD, (NAMES[11],), None)
    assert own.start_ms == cut.end_ms


def test_an_access_point_that_does_not_survive_the_cut_is_the_next_incident():
    """Its boards have power again and no network."""
    campus = Campus()
    campus.lose(NAMES[:8], 60, 90, "power")
    campus.lose(NAMES[8:], 60, 180, "power")
    cut, after = campus.incidents()
    assert (cut.cause, len(cut.boards)) == (POWER, 12)
    assert after.boards == tuple(NAMES[8:])
    assert after.evidence["access_points"] == ["ap-2"]


def test_boards_that_flap_during_an_outage_are_silent_children():
    """All their lost time before its end is the outage's."""
    campus = Campus()
    campus.lose(NAMES, 60, 90)
    campus.silent[NAMES[0]] = [(60, 65), (70, 90)]
    [one] = campus.incidents()
    assert len([loss for loss in one.losses if loss.board == NAMES[0]]) == 2


def test_a_flapping_board_is_itself_each_time():
    """Its incidents are many, and none is anybody else's."""
    campus = Campus()
    for start in range(60, 200, 20):
        campus.lose(NAMES[:1], start, start + 8)
    found = campus.incidents()
    assert told(found) == [(BOARD, 1)] * 7


def test_time_of_our_own_server_is_the_servers():
    """Nobody listened: no board is lost, and all are silent."""
    campus = Campus(deaf=[(60, 90)])
    [one] = campus.incidents()
    assert (one.cause, one.start_ms, one.end_ms, one.boards) == (SERVER, 60 * MIN, 90 * MIN, tuple(NAMES))
    assert LOST not in {s.state for each in campus.availability().values() for s in each}


def test_an_outage_that_our_own_stop_interrupts_is_one():
    """Before the stop and after it the same boards are away."""
    campus = Campus(deaf=[(70, 80)])
    campus.lose(NAMES, 60, 90, "power")
    found = [one for one in campus.incidents() if one.cause != SERVER]
    assert told(found) == [(POWER, 12)]
    assert len(found[0].losses) == 24


def test_boards_dead_since_our_own_stop_are_not_the_site():
    """Those that are there are heard within the next minutes, and count."""
    campus = Campus(deaf=[(60, 90)])
    campus.lose(["b00", "b04", "b08"], 70, 200)
    found = [one for one in campus.incidents() if one.cause != SERVER]
    assert told(found) == [(BOARD, 1)] * 3


def test_a_board_that_said_it_goes_is_itself_and_one_asleep_is_not_lost():
    """An update is no outage."""
    boards = {
        "a": [Stretch(0, 10, ONLINE), Stretch(10, 20, OFFLINE), Stretch(20, 30, ONLINE)],
        "b": [Stretch(0, 10, ONLINE), Stretch(10, 30, SLEEPING)],
    }
    [one] = incidents(boards, {})
    assert (one.cause, one.boards, one.start_ms, one.end_ms) == (BOARD, ("a",), 10, 20)
    assert causes("a", boards["a"], [one]) == [Stretch(10, 20, BOARD)]
    assert causes("b", boards["b"], [one]) == []


def lost_at(*starts_s, back_s=3000, until_s=9000):
    """Boards in order, each lost once; None: never."""
    found = {}
    for name, start in zip(NAMES, starts_s, strict=False):
        edges = [0, until_s] if start is None else [0, start, back_s, until_s]
        states = itertools.cycle([ONLINE, LOST])
        found[name] = [Stretch(1000 * a, 1000 * b, next(states)) for a, b in itertools.pairwise(edges)]
    return found


def test_a_board_that_goes_just_before_the_others_takes_none_of_them_along():
    """The window with the most boards is the outage; two minutes from the first one would cut it in two."""
    boards = lost_at(500, 610, 611, 612, 613, 614, 615, 616, 625, 626, 627, 628)
    assert sorted(told(incidents(boards, {}))) == [(BOARD, 1), (UPLINK, 11)]


def test_a_larger_access_point_that_goes_a_little_later_is_another_matter():
    """It does not take the smaller one apart."""
    boards = lost_at(500, 501, 600, 630, 640, *[None] * 7)
    facts = {
        name: BoardFacts(((0, "small" if i < 2 else "large" if i < 5 else f"own-{i}"),))
        for i, name in enumerate(NAMES)
    }
    assert told(incidents(boards, facts)) == [(ACCESS_POINT, 2), (ACCESS_POINT, 3)]


@pytest.mark.parametrize(("losses", "cause"), [(1, BOARD), (2, ACCESS_POINT), (12, UPLINK)])
def test_no_cause_is_told_before_all_that_was_lost_with_it_is_known(losses, cause):
    """Boards that say their will are known at once, the silent ones minutes later."""
    starts = [600] * losses + [None] * (12 - losses)
    facts = {name: BoardFacts(((0, f"ap-{i // 2}"),)) for i, name in enumerate(NAMES)}
    for until, expected in ((1139, UNTOLD), (1140, cause)):
        boards = lost_at(*starts, back_s=630, until_s=until)
        assert told(incidents(boards, facts)) == [(expected, losses)]


def test_without_any_board_there_is_no_incident():
    """Nor with boards of which nothing is known."""
    assert incidents({}, {}) == []
    assert incidents({"a": [], "b": [Stretch(0, 10, UNKNOWN)]}, {}) == []


def random_campus(seed):
    rng = random.Random(seed)
    campus = Campus(deaf=[(a, a + 15) for a in [rng.randrange(40, 160)] if rng.random() < 0.4])
    for _ in range(rng.randrange(1, 6)):
        boards = rng.choice(
            [NAMES, NAMES[:4], NAMES[4:8], NAMES[:8], [rng.choice(NAMES)], rng.sample(NAMES, 5)]
        )
        start = rng.randrange(20, 200)
        for board in boards:
            if rng.random() < 0.9:
                end = min(HOURS, start + rng.choice([4, 8, 30, 31, 33, 60, 300]))
                campus.lose([board], start, end, rng.choice(["power", "power", "watchdog", None]))
    for starts in campus.starts.values():
        starts.sort()
    return campus


def exactly_once(availability, found):
    """Every lost or offline millisecond of every board is in one incident, and nothing else is."""
    for board, stretches in availability.items():
        own = sorted(
            (loss.start_ms, loss.end_ms)
            for one in found
            if one.cause != SERVER
            for loss in one.losses
            if loss.board == board
        )
        lost = [(one.start_ms, one.end_ms) for one in stretches if one.state in (LOST, OFFLINE)]
        if any(a[1] > b[0] for a, b in itertools.pairwise(own)):
            return False
        if sum(b - a for a, b in own) != sum(b - a for a, b in lost):
            return False
        if not all(any(a <= start and end <= b for a, b in lost) for start, end in own):
            return False
    return True


@settings(max_examples=50)
@given(st.integers(0, 10_000))
def test_each_lost_minute_is_in_exactly_one_incident(seed):
    """And the causes of a board cover exactly the time in which it was lost."""
    campus = random_campus(seed)
    availability = campus.availability()
    found = campus.told(availability)
    assert exactly_once(availability, found)
    for board, stretches in availability.items():
        of = causes(board, stretches, found)
        assert sum(one.end_ms - one.start_ms for one in of) == sum(
            one.end_ms - one.start_ms for one in stretches if one.state in (LOST, OFFLINE)
        )
        assert all(one.state in CAUSES for one in of)
        assert all(a.end_ms <= b.start_ms for a, b in itertools.pairwise(of))
    for one in found:
        assert one.boards == tuple(sorted({loss.board for loss in one.losses}))
        assert all(loss.start_ms >= one.start_ms for loss in one.losses)
        assert one.end_ms is None or all(loss.end_ms <= one.end_ms for loss in one.losses)


def test_the_check_of_exactly_once_sees_a_child_that_speaks():
    """Control: with an incident of its own beside the outage it is part of, a minute counts twice."""
    campus = Campus()
    campus.lose(NAMES, 60, 90)
    availability, found = campus.availability(), campus.incidents()
    assert exactly_once(availability, found)
    alone = {NAMES[0]: availability[NAMES[0]]}
    assert not exactly_once(availability, [*found, *incidents(alone, {})])
    assert not exactly_once(availability, [])


@pytest.mark.parametrize("reset", ["power", None])
def test_late_knowledge_only_makes_an_unknown_cause_known(reset):
    """Minute by minute through a cut of the school: one incident, unknown, then its cause, and never another."""
    campus = Campus(minutes=130)
    for i, board in enumerate(NAMES):
        campus.lose([board], 60, 90 + i % 8, reset)
    found = [campus.incidents(until) for until in range(64, 130)]
    assert {len(each) for each in found[1:]} == {1}
    seen = [each[0].cause for each in found]
    assert set(seen) == {UNTOLD, UPLINK if reset is None else POWER}
    assert seen == sorted(seen, key=lambda one: one != UNTOLD)


def minute_causes(availability, found):
    """(board, whole minute of a loss) -> cause."""
    return {
        (board, minute): one.state
        for board, stretches in availability.items()
        for one in causes(board, stretches, found)
        for minute in range(-(-one.start_ms // MIN), one.end_ms // MIN)
    }


CHANGES = (
    {(UNTOLD, cause) for cause in CAUSES} | {(ACCESS_POINT, POWER)} | {(cause, cause) for cause in CAUSES}
)


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_a_cause_once_told_stays(seed):
    """Every three minutes, for every lost minute: unknown may become known, an access point power."""
    campus, before = random_campus(seed), {}
    for until, availability in campus.views(range(30, HOURS, 3)):
        now = minute_causes(availability, campus.told(availability, until))
        changes = {(before[key], now[key]) for key in before.keys() & now.keys()}
        assert changes <= CHANGES
        before = now


def test_without_the_share_every_pair_would_be_an_access_point(monkeypatch):
    """Control: the same two boards with the rule taken out."""
    campus = Campus()
    campus.lose(NAMES[4:6], 60, 80)
    monkeypatch.setattr(grouping, "SHARE", 0.0)
    assert told(campus.incidents()) == [(ACCESS_POINT, 2)]
