"""Clocks that jump, data that comes a little late or waits for a store, rooms that fail: what is derived and live."""

import pytest
from test_collector_derive import DAY, DAYS, HOUR, MINUTE, ROOM, START, School, messages, sample

from campus.wire.lifecycle import encode_availability, encode_birth
from campus.wire.telemetry import Telemetry, decode, encode
from campus.wire.topics import board_topic
from collector.derive import Halted

BOOTS = ("9f3a61c20000002a", "9f3a61c20000002b")


@pytest.fixture
def school(tmp_path):
    made = School(tmp_path / "school")
    yield made
    made.close()


def minutes(days=DAYS):
    """(observed_at_ms, topic, payload): `messages()`, a message for each minute."""
    for _, topic, payload in messages(days):
        whole = decode(payload)
        for row in whole.rows:
            at = whole.ts_ms + row[1]
            one = Telemetry(
                whole.boot, whole.seq + row[0], 0, at, "ntp", whole.columns, [[0, 0, *row[2:]]], None
            )
            yield at, topic, encode(one)


@pytest.mark.parametrize("delay_min", [5, 7, 9])
def test_minutes_that_come_a_little_late_are_derived_as_if_in_time(school, tmp_path, delay_min):
    """An outage of minutes, within LATE_MS: two visits that it hid to be one are one in the end."""
    begin = START + 9 * HOUR
    told = [
        sample(n, begin + n * MINUTE, (int(n < 60 or n >= 69),), ("motion",)) for n in range(120)
    ]  # fmt: skip
    school.now_ms = begin - HOUR
    school.send([sample(500, begin - HOUR, (0,), ("motion",))])
    for n in range(120):
        school.now_ms = begin + n * MINUTE + 1000
        if n not in range(69, 69 + delay_min):
            school.send([told[n]])
        if n == 69 + delay_min:
            school.send(told[69:n])
        school.pipeline.derive()
    whole = School(tmp_path / "whole", school.now_ms)
    whole.send([sample(500, begin - HOUR, (0,), ("motion",)), *told])
    whole.pipeline.derive()
    assert school.outcome()[0] == whole.outcome()[0]
    assert school.outcome() == whole.outcome()
    whole.close()


def test_late_data_just_after_midnight_reaches_back_over_it(school, tmp_path):
    """A visit over midnight whose second part is late: the minutes before midnight are settled anew, once."""
    first = START + DAY - 2 * HOUR
    told = [
        sample(n, first + n * MINUTE, (int(60 <= n < 112 or 121 <= n < 180),), ("motion",))
        for n in range(240)
    ]  # fmt: skip
    late = range(121, 140)
    school.now_ms = START + DAY + 3 * HOUR
    school.send([each for n, each in enumerate(told) if n not in late])
    school.pipeline.derive()
    before = school.outcome()
    school.send([told[n] for n in late])
    school.pipeline.derive()
    whole = School(tmp_path / "whole", school.now_ms)
    whole.send(told)
    whole.pipeline.derive()
    assert before != school.outcome() == whole.outcome()
    at = START + DAY
    assert school.records.checkpoint(*ROOM, at) == whole.records.checkpoint(*ROOM, at)
    assert whole.records.checkpoint(*ROOM, at)[0] == at
    whole.close()


def test_what_waited_for_the_store_is_not_forgotten_by_a_crash(tmp_path, monkeypatch):
    """Received in time, written an hour later, rooms derived past it meanwhile, and the process killed."""
    told = list(minutes(1))
    school = School(tmp_path / "a")
    school.now_ms = told[599][0]
    school.send([each[1:] for each in told[:600]])
    school.pipeline.derive()
    for at, topic, payload in told[600:660]:
        school.now_ms = at
        school.pipeline.offer(topic, payload)
        while school.pipeline.collector.ingest():
            pass
        school.pipeline.derive()
    assert school.records.derived_through(*ROOM) > told[600][0]
    school.pipeline.pump()
    assert school.pipeline.journal.late()
    school.close()
    again = School(tmp_path / "a", school.now_ms)
    again.pipeline.derive()
    whole = School(tmp_path / "whole", again.now_ms)
    whole.send([each[1:] for each in told[:660]])
    whole.pipeline.derive()
    assert again.outcome() == whole.outcome()
    again.now_ms += HOUR
    again.pipeline.derive()
    assert again.pipeline.journal.late() == []
    for each in (again, whole):
        each.close()


def test_a_clock_that_was_a_day_ahead_leaves_no_hole(tmp_path):
    """Rooms were derived through tomorrow; set right, the day is derived as it comes, also over a restart."""
    told = list(minutes(1))
    school = School(tmp_path / "a", START + 22 * HOUR)
    school.send([each[1:] for each in told[: 22 * 60]])
    school.pipeline.derive()
    school.now_ms += DAY
    school.pipeline.derive()
    for part in range(22 * 60, 24 * 60, 5):
        school.now_ms = told[part + 4][0]
        school.send([each[1:] for each in told[part : part + 5]])
        if part < 23 * 60:
            school.pipeline.derive()
    school.close()
    again = School(tmp_path / "a", START + DAY + HOUR)
    again.pipeline.derive()
    whole = School(tmp_path / "whole", again.now_ms)
    whole.send([each[1:] for each in told])
    whole.pipeline.derive()
    assert again.records.derived_through(*ROOM) == whole.records.derived_through(*ROOM)
    for each in (again, whole):
        intervals = each.records.intervals(*ROOM, START, START + DAY)
        assert intervals == whole.records.intervals(*ROOM, START, START + DAY)
        each.close() if each is again else None
    whole.close()


def test_the_live_room_goes_on_when_the_clock_is_set_back(school):
    """Presence, motion and values follow at once, not a day later."""
    school.now_ms = START + 8 * HOUR + DAY
    school.pipeline.tick()
    school.send([sample(0, school.now_ms - 1000, (1, 900))])
    school.pipeline.tick()
    school.now_ms = START + 8 * HOUR
    for n in range(5):
        school.send([sample(n + 1, school.now_ms - 1000, (1, 500 + n))])
        school.now_ms += MINUTE
        school.pipeline.tick()
    state = school.live.room(*ROOM)
    assert state.presence is True and state.values["co2_ppm"] == 504
    assert state.motion_at_ms == school.now_ms - MINUTE - 1000


def test_a_board_is_judged_by_what_is_heard_when_the_clock_is_set_back(school):
    """Births and wills count in the order they come, and silence is noticed."""
    birth, will = (board_topic("school", "board-1", leaf) for leaf in ("birth", "availability"))

    def born(boot):
        return encode_birth(boot, "1", "esp32", "power_on", "ntp", {"motion": {"unit": ""}})

    school.now_ms = START + DAY
    school.pipeline.boards.listening_ms = school.now_ms
    school.send([(birth, born(BOOTS[0]))])
    school.now_ms = START
    school.send([(birth, born(BOOTS[1]))])
    school.send([(will, encode_availability(BOOTS[1], "lost"))])
    assert school.live.board("school", "board-1").availability == "lost"
    school.send([sample(0, school.now_ms, (1, 500))])
    assert school.live.board("school", "board-1").availability == "online"
    assert school.live.board("school", "board-1").last_seen_ms == START
    school.pipeline.tick()
    school.now_ms += 10 * MINUTE
    school.pipeline.tick()
    assert school.live.board("school", "board-1").availability == "lost"


def test_births_in_the_journal_do_not_overtake_what_was_heard_since(tmp_path):
    """After a crash the journal is read again while new messages come: the current boot stays."""
    birth = board_topic("school", "board-1", "birth")
    school = School(tmp_path, START)
    for boot in BOOTS:
        school.pipeline.offer(birth, encode_birth(boot, "1", "esp32", "power_on", "ntp", {}))
        school.pipeline.collector.ingest()
    school.close()
    again = School(tmp_path, START - HOUR)
    now = "9f3a61c20000002c"
    again.pipeline.offer(birth, encode_birth(now, "1", "esp32", "power_on", "ntp", {}))
    again.pipeline.pump()
    assert again.records.board("school", "board-1").boot == now
    again.close()
    third = School(tmp_path, START)
    assert third.records.board("school", "board-1").boot == now
    third.close()


def test_a_room_that_fails_does_not_stop_the_others(school, monkeypatch):
    """The first room cannot be derived nor shown: the second is, and the failure is told."""
    school.now_ms = START + DAY + HOUR
    for n in (1, 2):
        told = messages(days=1, board=f"board-{n}", seed=n)
        school.send([(topic, payload) for _, topic, payload in told])
    read = school.pipeline.places.read

    def failing(telemetry, site, room, start_ms, end_ms):
        if room == "room-1":
            raise ValueError("a fault")
        return read(telemetry, site, room, start_ms, end_ms)

    monkeypatch.setattr(school.pipeline.places, "read", failing)
    for step in (school.pipeline.derive, school.pipeline.tick):
        with pytest.raises(ValueError, match="a fault"):
            step()
    assert school.outcome("room-2")[0] and not school.outcome("room-1")[0]
    assert school.live.room("school", "room-2") is not None
    monkeypatch.undo()
    school.pipeline.derive()
    assert school.outcome("room-1")[0]


def test_a_board_that_moved_speaks_live_for_its_new_room_from_then_on(school):
    """Replayed readings of before the move do not show in the new room."""
    school.now_ms = START + 8 * HOUR
    move = school.now_ms - 5 * MINUTE
    stays = school.pipeline.places._by_board["school", "board-1"]
    old = stays[0]
    stays[:] = [type(old)("board-1", "room-1", old.from_ms, move), type(old)("board-1", "room-2", move, None)]
    school.pipeline.tick()
    school.send([sample(0, move - MINUTE, (1, 2000))])
    assert school.live.room("school", "room-2").values == {}
    assert school.live.room("school", "room-2").motion_at_ms is None
    school.send([sample(1, move + MINUTE, (1, 700))])
    assert school.live.room("school", "room-2").values["co2_ppm"] == 700


def test_a_long_derivation_can_be_halted(school):
    """A stop does not wait for months of history; nothing is half stored, and late data stays noted."""
    school.now_ms = START + DAYS * DAY + HOUR
    school.send([(topic, payload) for _, topic, payload in messages()])
    school.pipeline.deriver.halt()
    with pytest.raises(Halted):
        school.pipeline.derive()
    assert school.outcome() == ([], []) and school.pipeline.journal.late() != []
