"""Boards that fall silent: stored availability, incidents by cause and days, through the collector's pipeline."""

from datetime import UTC, date, datetime

import pytest
from connectivity_school import HOUR, SITE, STEP, Boards
from test_collector_derive import DAY, MINUTE, START

from campus.errors import StoreError
from campus.inference import BOARD, ROOM
from campus.records.links import BoardStart
from collector import connectivity

NAMES = [f"board-{n}" for n in range(1, 7)]


@pytest.fixture
def school(tmp_path):
    made = Boards(tmp_path / "school", NAMES)
    for n, board in enumerate(NAMES):
        made.birth(board, access_point="aa0000000000" if n < 2 else "bb0000000000")
    made.run(10)
    yield made
    made.close()


def test_boards_that_speak_are_online_and_there_is_no_incident(school):
    """From the first word on; the present is part of what is stored."""
    school.run(20)
    for board in NAMES:
        assert school.availability(board) == [(0, 30, "online")]
    assert school.incidents() == []


def test_one_board_that_falls_silent_is_an_incident_of_its_own(school):
    """Since it was last heard; the cause is known when it returns, here without having started anew."""
    school.speaking -= {"board-1"}
    school.run(20)
    assert school.availability() == [(0, 10, "online"), (10, 30, "lost")]
    assert school.incidents() == [("unknown", 10, None, ("board-1",))]
    school.speaking |= {"board-1"}
    school.run(10)
    assert school.availability() == [(0, 10, "online"), (10, 31, "lost"), (31, 40, "online")]
    assert school.incidents() == [("board", 10, 31, ("board-1",))]


def test_a_board_that_returns_by_power_on_had_lost_its_power(school):
    """Its birth says so; a watchdog's says board. What is stored of starts is not repeated with each birth."""
    for board, cause in (("board-1", "power-on"), ("board-4", "watchdog")):
        school.speaking -= {board}
        school.run(20)
        school.birth(board, cause, "aa0000000000")
        school.birth(board, cause, "aa0000000000", new=False)
        school.speaking |= {board}
        school.run(20)
    assert [(cause, boards) for cause, _, _, boards in school.incidents()] == [
        ("power", ("board-1",)),
        ("board", ("board-4",)),
    ]
    starts = school.records.board_starts(SITE, START)
    assert starts["board-1"] == [
        BoardStart(START, f"{1:016x}", "power-on", "aa0000000000"),
        BoardStart(START + 30 * MINUTE, f"{2:016x}", "power-on", "aa0000000000"),
    ]


def test_a_last_will_is_a_loss_since_the_last_word(school):
    """Earlier than silence alone would say it; the will of a boot that is not current is none."""
    school.speaking -= {"board-1", "board-2"}
    school.say("board-1", "lost")
    school.say("board-2", "lost", boot="ffffffffffffffff")
    school.run(1)
    assert school.availability("board-1")[-1] == (10, 11, "lost")
    assert school.availability("board-2")[-1] == (0, 11, "online")


def test_what_a_board_announced_is_no_silence(school):
    """Offline is its own doing at once; asleep it is not lost."""
    school.speaking -= {"board-1", "board-2"}
    school.say("board-1", "offline")
    school.say("board-2", "sleeping")
    school.run(60)
    assert school.availability("board-1") == [(0, 10, "online"), (10, 70, "offline")]
    assert school.availability("board-2") == [(0, 10, "online"), (10, 70, "sleeping")]
    assert school.incidents() == [("board", 10, None, ("board-1",))]


def test_a_new_boot_of_a_board_that_was_online_is_a_short_loss(school):
    """It had started anew: lost between its last word and the birth."""
    school.speaking -= {"board-1"}
    school.run(1)
    school.birth("board-1", "watchdog")
    school.speaking |= {"board-1"}
    school.run(20)
    assert school.availability() == [(0, 10, "online"), (10, 11, "lost"), (11, 31, "online")]
    assert school.incidents() == [("board", 10, 11, ("board-1",))]


@pytest.mark.parametrize(("reset", "cause"), [("power-on", "power"), (None, "uplink")])
def test_the_whole_site_is_one_incident(school, reset, cause):
    """Power or uplink is told by how most boards return."""
    school.speaking.clear()
    school.run(30)
    assert [(why, end, boards) for why, _, end, boards in school.incidents()] == [
        ("unknown", None, tuple(NAMES))
    ]
    (number,) = (one.number for one in school.records.incidents(SITE, START, START + DAY))
    for board in NAMES:
        if reset:
            school.birth(board, reset)
        school.speaking.add(board)
    school.run(30)
    ((why, start, end, boards),) = school.incidents()
    assert (why, boards) == (cause, tuple(NAMES))
    assert 9 <= start <= 10 and 40 <= end <= 41
    (one,) = school.records.incidents(SITE, START, START + DAY)
    assert one.number == number, "an incident keeps its number while more becomes known"
    assert one.evidence["scope"] == "site"


def test_boards_of_one_access_point_are_one_incident(school):
    """Named by the access point of their births."""
    school.speaking -= {"board-1", "board-2"}
    school.run(20)
    ((cause, _, end, boards),) = school.incidents()
    assert (cause, end, boards) == ("access_point", None, ("board-1", "board-2"))


def test_a_collector_that_was_down_for_an_hour_blames_no_board(tmp_path):
    """The time is unknown, the cause our own server; what boards had kept and send then is of no weight."""
    school = Boards(tmp_path / "school", NAMES)
    school.run(10)
    school.close()
    again = Boards(tmp_path / "school", NAMES, school.now_ms + HOUR)
    for board in NAMES[1:]:
        for minute in range(60):
            again.speak(board, START + (10 + minute) * MINUTE)
    again.speaking -= {"board-1"}
    again.run(10)
    for board in NAMES[1:]:
        states = again.availability(board)
        assert [state for *_, state in states[-3:]] == ["online", "unknown", "online"]
        assert states[-2][0] == 10 and 70 <= states[-2][1] <= 71
    assert [state for *_, state in again.availability("board-1")[-3:]] == ["online", "unknown", "lost"]
    assert again.availability("board-1")[-1][0] == 70, "missed from when we listen again"
    assert ("server", 10, 70, tuple(NAMES)) in again.incidents()
    assert [boards for cause, _, _, boards in again.incidents() if cause != "server"] == [("board-1",)]
    again.close()


def test_a_connection_to_the_broker_that_was_away_is_our_own_time(school):
    """Listening ends with the connection, and begins with the next one."""
    school.disconnect()
    school.speaking.clear()
    school.run(30)
    assert school.availability() == [(0, 10, "online")]
    school.connect()
    school.speaking |= set(NAMES)
    school.run(10)
    states = school.availability()
    assert [state for *_, state in states] == ["online", "unknown", "online"]
    assert [cause for cause, *_ in school.incidents()] == ["server"]


def test_a_process_that_stood_still_did_not_listen(school):
    """Stopped and continued, with the connection still there: nobody is missed for that time."""
    school.now_ms += HOUR
    school.run(10)
    assert "lost" not in str([school.availability(board) for board in NAMES])
    assert [cause for cause, *_ in school.incidents()] == ["server"]


def test_a_queue_that_stands_holds_judgement_back(school):
    """What was received and waits for the journal is not yet silence; taken in, it has been heard all along."""
    for _ in range(30):
        school.now_ms += STEP
        for board in NAMES:
            school.speak(board)
        school.pipeline.follow()
    assert school.availability()[-1][2] == "online"
    school.run(10)
    assert "lost" not in str([school.availability(board) for board in NAMES])


def test_judged_without_regard_to_the_queue_they_would_be_lost(school, monkeypatch):
    """The control: the same with the queue left out of account."""
    monkeypatch.setattr(type(school.pipeline.collector), "queued", 0)
    for _ in range(30):
        school.now_ms += STEP
        for board in NAMES:
            school.speak(board)
        school.pipeline.follow()
    assert school.availability()[-1][2] == "lost"


@pytest.mark.parametrize("back", [MINUTE, HOUR])
def test_a_clock_that_is_set_back_makes_no_loss(school, back):
    """Time stands still until it has caught up, and nothing that was stored is touched."""
    school.run(30)
    school.now_ms -= back
    school.run(back / MINUTE + 20)
    for board in NAMES:
        assert school.availability(board) == [(0, 60, "online")]
    assert school.incidents() == []


def test_a_clock_that_stays_behind_was_ahead_before(school, monkeypatch):
    """What was said of later is taken away, and it goes on from now; a time before any of ours is never believed."""
    monkeypatch.setattr(connectivity, "BEHIND_MS", 30 * MINUTE)
    school.run(30)
    school.now_ms = 0
    school.run(40)
    assert school.records.availability(SITE, "board-1", START, START + DAY)[-1].end_ms == START + 40 * MINUTE
    school.now_ms = START - 10 * DAY
    school.connect()
    school.run(60)
    found = school.records.availability(SITE, "board-1", 0, START + DAY)
    assert [one.state for one in found] == ["unknown", "online"]
    assert found[-1].end_ms == school.now_ms
    assert school.records.incidents(SITE, 0, START + DAY) == []


def test_live_and_stored_agree(school):
    """Who is lost on the live board is lost in the records, and the other way round."""
    school.speaking -= {"board-1", "board-2", "board-3"}
    school.say("board-2", "lost")
    school.say("board-3", "offline")
    for _ in range(20):
        school.run(0.5)
        for board in NAMES:
            live = school.live.board(SITE, board).availability
            assert live == school.availability(board)[-1][2]


def test_a_turn_in_which_nothing_changed_writes_one_row(school, monkeypatch):
    """How long we listened; nothing for a board."""
    stored = []
    keep = school.records.store_heard
    monkeypatch.setattr(school.records, "store_heard", lambda heard: (stored.append(heard), keep(heard)))
    school.run(5)
    assert len(stored) == 10
    assert not any(heard.followed or heard.finished or heard.starts for heard in stored)
    assert all(len(heard.listened) == 1 for heard in stored)


def test_records_that_are_away_lose_nothing_of_what_was_heard(school, monkeypatch):
    """The looks go on; what waited is stored when the records are there again."""

    def away(heard):
        raise StoreError("The records are away.")

    monkeypatch.setattr(school.records, "store_heard", away)
    school.speaking -= {"board-1"}
    for _ in range(40):
        school.run(0.5, look=False)
        school.pipeline.listen()
        with pytest.raises(StoreError):
            school.pipeline.follow()
    school.speaking |= {"board-1"}
    monkeypatch.undo()
    school.run(5)
    assert [state for *_, state in school.availability()] == ["online", "lost", "online"]
    assert school.availability("board-2") == [(0, 35, "online")]


def test_a_stranger_of_no_known_site_is_not_followed(school):
    """There is no calendar for it, and nobody to tell."""
    school.pipeline.offer(
        "campus/v1/nowhere/board-1/availability", b'{"v":1,"boot":"00000000","state":"online"}'
    )
    school.run(1)
    assert {site for site, _ in school.records.followed()} == {SITE}


# days


def test_days_of_boards_and_rooms_are_summed_in_school_hours(tmp_path):
    """Lost minutes by cause, of a board and of the room it is alone in; the server's own time is in no denominator."""
    school = Boards(tmp_path / "school", ("board-1", "board-2"), START + 6 * HOUR + 50 * MINUTE)
    school.run(40)  # to 07:30; school begins at 07:00
    school.speaking -= {"board-1"}
    school.run(30)
    school.birth("board-1", "power-on")
    school.speaking |= {"board-1"}
    school.run(29.5)
    school.pipeline.connectivity._sites._sites[SITE].days_at_ms = 0
    school.run(0.5)
    for kind, id in ((BOARD, "board-1"), (ROOM, "room-1")):
        sums = school.records.link_sums(SITE, kind, date(2026, 9, 21), date(2026, 9, 22), [id])[id]
        assert sums.school_ms == 90 * MINUTE, "as far as it has come"
        assert sums.lost_power_ms == 30 * MINUTE
        assert sums.online_ms == sums.school_ms - sums.lost_power_ms
        assert sums.interruptions == 1
    other = school.records.link_sums(SITE, BOARD, date(2026, 9, 21), date(2026, 9, 22))["board-2"]
    assert other.online_ms == other.school_ms == 90 * MINUTE
    school.close()


def test_days_are_made_again_each_hour_and_after_midnight(tmp_path):
    """A day that is over is whole; the day of a stop is the server's, in boards that were followed before."""
    school = Boards(tmp_path / "school", ("board-1",), START + 7 * HOUR)
    school.run(60)
    school.close()
    again = Boards(tmp_path / "school", ("board-1",), START + 2 * DAY + 9 * HOUR)
    again.run(1)
    days = [
        again.records.link_sums(SITE, BOARD, date(2026, 9, n), date(2026, 9, n + 1))["board-1"]
        for n in (21, 22, 23)
    ]
    assert days[0].online_ms == 59 * MINUTE
    assert days[0].lost_server_ms == 166 * MINUTE
    assert days[1].lost_server_ms == days[1].school_ms == 225 * MINUTE
    assert days[2].school_ms == 2 * HOUR + STEP
    assert all(day.lost_board_ms == day.interruptions == 0 for day in days)
    again.close()


def test_a_change_after_the_month_was_closed_is_an_amendment(tmp_path):
    """The days of a stop over the end of a month, made when the month is closed already."""
    last = START + 9 * DAY + 7 * HOUR  # 2026-09-30
    school = Boards(tmp_path / "school", ("board-1",), last)
    school.run(10)
    school.close()
    again = Boards(tmp_path / "school", ("board-1",), last + DAY)
    again.records._now = lambda: datetime(2026, 10, 1, 12, tzinfo=UTC)
    again.records.close_month(SITE, date(2026, 9, 1), "admin")
    again.run(1)
    (one,) = [one for one in again.records.amendments(SITE, date(2026, 9, 1)) if one.kind == BOARD]
    assert one.date == date(2026, 9, 30)
    assert one.after["lost_server_ms"] > 200 * MINUTE
    again.close()
