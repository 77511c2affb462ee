"""What has lasted longer than the days at hand: told further by its own boards, and as what it was."""

from campus.inference import LOST, ONLINE, UNKNOWN, Stretch
from campus.records.incidents import StoredIncident
from campus.records.links import BoardStart
from collector.link_history import LinkHistory

DAY = 24 * 3_600_000
MINUTE = 60_000
NOW = 30 * DAY
SINCE = NOW - 4 * DAY
LONG_AGO = NOW - 20 * DAY


def stretches(*spans):
    return [Stretch(*span) for span in spans]


def lost_long_ago(boards, scope, cause="unknown", back=None, reset="power-on"):
    """A history in which they are lost since long ago, and return at `back`; another board is online all along."""
    history = LinkHistory("school")
    history.told = [
        StoredIncident(
            7, cause, LONG_AGO, None, tuple(boards), {"scope": scope, "lost": len(boards), "of": 9}
        )
    ]
    history.over = {board: [] for board in boards}
    now = {"other": stretches((LONG_AGO - DAY, NOW, ONLINE))}
    for board in boards:
        stop = LONG_AGO + 5 * DAY  # of our own server in between
        history.over[board] = stretches(
            (LONG_AGO - DAY, LONG_AGO, ONLINE), (LONG_AGO, stop, LOST), (stop, stop + MINUTE, UNKNOWN)
        )
        if back is None:
            now[board] = stretches((stop + MINUTE, NOW, LOST))
        else:
            now[board] = stretches((stop + MINUTE, back, LOST), (back, NOW, ONLINE))
            history.starts[board] = [
                BoardStart(LONG_AGO - DAY, "00000001", reset),
                BoardStart(back, "00000002", reset),
            ]
    return history, now


def told(history, now):
    history.forget(SINCE, now)
    found = history.tell(history.known(now), SINCE, 2 * MINUTE)
    return [(one.cause, one.start_ms, one.end_ms, one.boards, one.evidence["scope"]) for one in found]


def test_a_site_that_is_dark_for_weeks_is_one_incident_from_its_begin():
    """It has no end yet, and the boards that do not know of it do not make it another."""
    boards = ("b-1", "b-2", "b-3")
    history, now = lost_long_ago(boards, "site")
    for _ in range(2):
        assert told(history, now) == [("unknown", LONG_AGO, None, boards, "site")]
    history, now = lost_long_ago(boards, "site", back=NOW - DAY)
    assert told(history, now) == [("power", LONG_AGO, NOW - DAY, boards, "site")]


def test_an_access_point_that_was_away_for_weeks_stays_one():
    """Its boards alone would look like a site."""
    boards = ("b-1", "b-2", "b-3")
    history, now = lost_long_ago(boards, "access_point", "access_point")
    assert told(history, now) == [("access_point", LONG_AGO, None, boards, "access_point")]
    history, now = lost_long_ago(boards, "access_point", "access_point", back=NOW - DAY, reset="watchdog")
    assert told(history, now) == [("access_point", LONG_AGO, NOW - DAY, boards, "access_point")]


def test_a_board_that_was_lost_for_weeks_is_told_also_where_no_incident_is_stored():
    """Nothing that is lost is in no incident."""
    history, now = lost_long_ago(("b-1",), "board")
    history.told = []
    assert told(history, now) == [("unknown", LONG_AGO, None, ("b-1",), "board")]


def test_what_is_over_is_forgotten():
    """But for a loss that reaches into the days at hand, with the start before it."""
    history, now = lost_long_ago(("b-1",), "board", back=SINCE - DAY)
    history.over["b-1"] += now["b-1"][:1]
    now["b-1"] = now["b-1"][1:]
    history.listened = [(LONG_AGO, SINCE - MINUTE), (SINCE, NOW)]
    assert told(history, now) == []
    assert history.over["b-1"] == []
    assert history.starts["b-1"] == [BoardStart(SINCE - DAY, "00000002", "power-on")]
    assert history.listened == [(SINCE, NOW)]
    history, now = lost_long_ago(("b-1",), "board")
    history.forget(SINCE, now)
    assert [one.state for one in history.over["b-1"]] == [LOST, UNKNOWN]
