"""Readings to intervals and facts over restarts, late data and history; and the live state beside them."""

import random
from datetime import date, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import insert, select

from campus.inference import OCCUPIED
from campus.live import Live
from campus.records import open_records
from campus.records.derived_tables import CalibrationTable
from campus.records.inventory import Inventory
from campus.telemetry.stores import open_telemetry
from campus.wire.telemetry import Telemetry, encode
from campus.wire.topics import board_topic
from collector import passage
from collector.pipeline import Pipeline

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 1_789_923_600_000  # 2026-09-21 00:00 in Ha Noi, a Monday
DAYS = 2
ROOM = ("school", "room-1")
INVENTORY = {
    "site": {"id": "school", "name": "School", "tz": "Asia/Ho_Chi_Minh"},
    "room_types": [{"id": "classroom", "name_vi": "Phòng học", "name_en": "Classroom"}],
    "rooms": [
        {"id": "room-1", "name": "1", "room_type": "classroom"},
        {"id": "room-2", "name": "2", "room_type": "classroom"},
    ],
    "boards": [{"id": "board-1"}, {"id": "board-2"}],
    "placements": [
        {"board": "board-1", "room": "room-1", "from": "2026-09-01"},
        {"board": "board-2", "room": "room-2", "from": "2026-09-01"},
    ],
    "terms": [{"name": "1", "start": "2026-09-01", "end": "2027-01-15"}],
    "bells": [
        {"weekday": d, "session": "morning", "period": p, "start": f"{6 + p:02}:00", "end": f"{6 + p:02}:45"}
        for d in range(1, 6)
        for p in range(1, 5)
    ],
}  # fmt: skip


class School:
    """A pipeline in `folder` with a clock of its own, over stores that a second one can open again."""

    def __init__(self, folder, now_ms=START, url="duckdb", **options):
        self.now_ms = now_ms
        self.live = Live()
        self.changes = []
        self.live.listen(self.changes.append)
        self.records = open_records("sqlite", folder)
        if not self.records.sites():
            self.records.import_inventory(Inventory.model_validate(INVENTORY))
        self.telemetry = open_telemetry(url, folder, **options)
        self.pipeline = Pipeline(folder, self.records, self.telemetry, self.live, lambda: self.now_ms)

    def send(self, messages):
        for topic, payload in messages:
            self.pipeline.offer(topic, payload)
        self.pipeline.pump()

    def outcome(self, room="room-1"):
        """What is derived: intervals and facts."""
        return (
            self.records.intervals("school", room, START - DAY, START + 30 * DAY),
            self.records.facts("school", room, date(2026, 9, 1), date(2026, 12, 1)),
        )

    def close(self):
        self.pipeline.close()
        self.telemetry.close()
        self.records.close()


@pytest.fixture
def school(tmp_path):
    made = School(tmp_path / "school")
    yield made
    made.close()


def messages(days=DAYS, board="board-1", seed=1, columns=("motion", "co2_ppm")):
    """(observed_at_ms, topic, payload): motion and CO2 each minute, thirty rows a message, people now and then."""
    chance = random.Random(seed)
    seq, co2, there = 0, 430.0, False
    for at in range(START, START + days * DAY, 30 * MINUTE):
        rows = []
        for n in range(30):
            if chance.random() < 0.02:
                there = not there
            co2 += (9.0 if there else 0) - (co2 - 420) / 60
            measured = [int(there and chance.random() < 0.6), round(co2)]
            rows.append([n, n * MINUTE, *measured[: len(columns)]])
        message = Telemetry("9f3a61c20000002a", seq, 0, at, "ntp", list(columns), rows, None)
        yield at + 29 * MINUTE, board_topic("school", board, "telemetry"), encode(message)
        seq += 30


def streamed(school, told, every=2, ahead=1):
    """Live: each message when its time has come, deriving after each, or after some, `ahead` of what has come."""
    for n, (at, topic, payload) in enumerate(told):
        school.now_ms = at
        school.send([(topic, payload)])
        if n % every == 0:
            school.now_ms = at + 15 * MINUTE * (n % 3) * ahead
            school.pipeline.derive()


def teach(made, school, rooms=("room-1",)):
    """What `school` has learned and how far it has derived: what `made` derives now is a recomputation."""
    with school.records._database.read() as session:
        rows = [dict(row) for row in session.execute(select(CalibrationTable.__table__)).mappings()]
    for room in rooms:
        through = school.records.derived_through("school", room)
        made.records.store_derivation("school", room, 0, 0, [], [], [], through)
    with made.records._database.write() as session:
        if rows:
            session.execute(insert(CalibrationTable), rows)


def recomputed(school, folder):
    """What another collector derives of the same readings with the calibrations that this one issued."""
    made = School(folder, school.now_ms)
    teach(made, school)
    made.send([(topic, payload) for _, topic, payload in messages()])
    made.pipeline.deriver.touched("school", "board-1", START, made.now_ms, 1)
    made.pipeline.derive()
    found = made.outcome()
    made.close()
    return found


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """What one run over everything derives."""
    made = School(tmp_path_factory.mktemp("expected"), START + DAYS * DAY + HOUR)
    made.send([(topic, payload) for _, topic, payload in messages()])
    made.pipeline.derive()
    found = made.outcome()
    made.close()
    return found


def test_intervals_cover_the_days_and_facts_every_slot(expected):
    """No gap and no overlap from the first midnight on; each slot of each day has one fact."""
    intervals, facts = expected
    assert intervals[0].start_ms == START
    assert all(a.end_ms == b.start_ms and a.state != b.state for a, b in pairwise(intervals))
    assert intervals[-1].end_ms == START + DAYS * DAY + 45 * MINUTE
    assert 10 < sum(interval.state == OCCUPIED for interval in intervals) < 150
    days = [date(2026, 9, 21) + timedelta(days=n) for n in range(DAYS)]
    assert {fact.date for fact in facts} >= set(days)
    assert all(sum(fact.slot_minutes for fact in facts if fact.date == day) == 24 * 60 for day in days)


def test_deriving_as_it_comes_equals_deriving_at_once(school, expected):
    """Chunk by chunk through the days: the same intervals and facts."""
    streamed(school, messages(), ahead=0)
    school.now_ms = START + DAYS * DAY + HOUR
    school.pipeline.derive()
    assert school.outcome() == expected


def test_a_restart_loses_nothing_that_was_derived(tmp_path):
    """A new process goes on from the last checkpoint, also where it had derived ahead of the data."""
    told = list(messages())
    for part in range(0, len(told), 40):
        school = School(tmp_path / "school", START)
        streamed(school, told[part : part + 40], 7)
        if part + 40 >= len(told):
            school.now_ms = START + DAYS * DAY + HOUR
            school.pipeline.derive()
            assert school.outcome() == recomputed(school, tmp_path / "other")
        school.close()


def test_late_data_changes_the_past_to_what_it_would_have_been(school, tmp_path):
    """Two thirds of the messages come a day late, in any order; the record ends as if computed with them, with what
    had been learned by then."""
    told = list(messages())
    streamed(school, told[::3], 5)
    school.now_ms = START + DAYS * DAY + HOUR
    school.pipeline.derive()
    before = school.outcome()
    learned = learned_of(school)
    late = [each for n, each in enumerate(told) if n % 3]
    random.Random(5).shuffle(late)
    for part in range(0, len(late), 30):
        school.send([(topic, payload) for _, topic, payload in late[part : part + 30]])
        school.pipeline.derive()
    assert school.outcome() != before
    assert school.outcome() == recomputed(school, tmp_path / "other")
    assert learned and learned_of(school)[: len(learned)] == learned  # what was issued is never changed
    assert all(row.issued_at_ms > school.now_ms - HOUR for row in learned_of(school)[len(learned) :])
    assert school.pipeline.journal.late() == []


def test_a_recomputation_that_learns_would_be_noticed(school, tmp_path, monkeypatch):
    """The control: with what it learns itself, a recomputation is another."""
    told = list(messages())
    streamed(school, told[::3], 5)
    school.now_ms = START + DAYS * DAY + HOUR
    school.pipeline.derive()
    monkeypatch.setattr(passage, "stored_calibrations", lambda *args: [])
    monkeypatch.setattr(passage.Passage, "_frontier", property(lambda self: 0))
    for n in (1, 2):
        school.send([(topic, payload) for _, topic, payload in told[n::3]])
        school.pipeline.derive()
    monkeypatch.undo()
    assert school.outcome() != recomputed(school, tmp_path / "other")


def learned_of(school):
    return school.records.calibrations("school", "room", ["room-1"], 0, 2**60)


def test_late_data_is_remembered_over_a_restart(tmp_path):
    """A crash between storing late data and deriving from it forgets nothing."""
    told = list(messages())
    school = School(tmp_path / "school")
    streamed(school, told[:40] + told[50:], 11)
    school.now_ms = START + DAYS * DAY + HOUR
    school.pipeline.derive()
    school.send([(topic, payload) for _, topic, payload in told[40:50]])
    assert [late[:2] for late in school.pipeline.journal.late()] == [("school", "board-1")]
    school.close()
    again = School(tmp_path / "school", START + DAYS * DAY + HOUR)
    again.pipeline.derive()
    assert again.outcome() == recomputed(again, tmp_path / "other")
    again.close()


def test_a_change_of_the_past_stops_where_the_state_matches_again(school):
    """Late motion of one morning derives its day and the next anew, and not the following weeks."""
    told = list(messages(days=1, columns=("motion",)))
    school.now_ms = START + 20 * DAY
    school.send([(topic, payload) for _, topic, payload in told[:20] + told[21:]])
    school.pipeline.derive()
    before = school.pipeline.deriver.days
    school.send([told[20][1:]])
    school.pipeline.derive()
    assert 1 <= school.pipeline.deriver.days - before <= 2
    school.now_ms += HOUR
    school.pipeline.derive()
    intervals, _ = school.outcome()
    assert intervals[-1].end_ms == START + 20 * DAY + 45 * MINUTE


def test_history_is_followed_a_day_at_a_time(school, expected):
    """While days of history stream in, each is derived about once, when the data has passed it."""
    school.now_ms = START + DAYS * DAY + HOUR
    for _, topic, payload in messages():
        school.send([(topic, payload)])
        school.now_ms += 100
        school.pipeline.deriver.derive(patient=True)
    followed = school.pipeline.deriver.days
    assert DAYS - 1 <= followed <= DAYS
    school.pipeline.derive(START + DAYS * DAY + HOUR)
    assert school.outcome() == expected
    assert school.pipeline.deriver.settled(START + DAYS * DAY)


def test_rooms_and_boards_are_kept_apart(school):
    """Another room's readings change nothing here, and a board that left a room no longer speaks for it."""
    school.now_ms = START + DAY + HOUR
    school.send([(topic, payload) for _, topic, payload in messages(days=1, board="board-2", seed=9)])
    school.pipeline.derive()
    assert school.outcome("room-1") == ([], [])
    assert school.outcome("room-2")[0]


def sample(seq, at, values, columns=("motion", "co2_ppm"), board="board-1"):
    message = Telemetry("9f3a61c20000002b", seq, 0, at, "ntp", list(columns), [[0, 0, *values]], None)
    return board_topic("school", board, "telemetry"), encode(message)


def test_motion_shows_at_once_and_presence_with_the_minute(school):
    """The live room changes on arrival; presence follows when the minute is over."""
    school.now_ms = START + 8 * HOUR
    school.pipeline.tick()
    for n in range(4):
        school.now_ms += MINUTE
        school.send([sample(n, school.now_ms - 1000, (1, 500 + n))])
        assert school.live.room(*ROOM).motion_at_ms == school.now_ms - 1000
        school.pipeline.tick()
    state = school.live.room(*ROOM)
    assert state.presence is True and state.values == {"motion": 1.0, "co2_ppm": 503.0}
    assert START + 8 * HOUR <= state.since_ms < school.now_ms
    assert {change.body["room"] for change in school.changes if change.kind == "room"} == {"room-1", "room-2"}


def test_an_old_record_never_overwrites_the_live_state(school):
    """Replayed readings of an hour ago are stored, and the tile stays."""
    school.now_ms = START + 8 * HOUR
    school.pipeline.tick()
    school.send([sample(0, school.now_ms - 1000, (1, 700))])
    before = school.live.room(*ROOM)
    school.send([sample(1, school.now_ms - HOUR, (1, 400)), sample(2, school.now_ms + HOUR, (1, 400))])
    assert school.live.room(*ROOM) == before


def test_the_live_state_is_the_same_after_a_restart(tmp_path):
    """It is rebuilt from where the derived record ends and what the store holds since."""
    told = list(messages(days=2))
    school = School(tmp_path, START + DAY)
    school.send([(topic, payload) for _, topic, payload in told[:48]])
    school.pipeline.derive()
    school.pipeline.tick()
    for at, topic, payload in told[48:70]:
        school.now_ms = at + MINUTE
        school.send([(topic, payload)])
        school.pipeline.derive()
        school.pipeline.tick()
    before = school.live.room(*ROOM)
    last = school.pipeline.rooms._rooms[ROOM].inference.state()
    school.close()
    again = School(tmp_path, school.now_ms)
    again.pipeline.tick()
    after = again.live.room(*ROOM)
    assert (after.presence, after.motion_at_ms, after.values) == (
        before.presence,
        before.motion_at_ms,
        before.values,
    )
    assert again.pipeline.rooms._rooms[ROOM].inference.state() == last
    again.close()


def test_when_the_past_arrives_late_the_tile_says_since_when(school):
    """A collector that began in the middle of a visit learns its start once the history is derived."""
    school.now_ms = START + 10 * HOUR
    school.pipeline.tick()
    began = school.now_ms - 2 * HOUR
    school.send(
        [
            sample(n, at, (1 if at >= began else 0, 600))
            for n, at in enumerate(range(START, school.now_ms, MINUTE))
        ]
    )
    school.pipeline.tick()
    assert school.live.room(*ROOM).presence is None, "late records do not touch the live state"
    school.pipeline.derive()
    school.now_ms += MINUTE
    school.pipeline.tick()
    state = school.live.room(*ROOM)
    assert state.presence is True
    assert abs(state.since_ms - began) <= 5 * MINUTE


def test_a_sensor_that_cannot_be_right_is_in_doubt(school):
    """CO2 that repeats one value for two days beside changing light is told, and not in a room that nobody measures."""
    columns = ["motion", "co2_ppm", "illuminance_lx"]
    for at in range(START, START + 2 * DAY, 30 * MINUTE):
        rows = [[n, n * MINUTE, 0, 812, 100 + (at // MINUTE + n) % 50] for n in range(30)]
        seq = (at - START) // MINUTE
        message = Telemetry("9f3a61c20000002a", seq, 0, at, "ntp", columns, rows, None)
        school.send([(board_topic("school", "board-1", "telemetry"), encode(message))])
    school.now_ms = START + 2 * DAY + HOUR
    school.pipeline.derive()
    (room, finding), *others = school.live.doubts("school")
    assert (room, finding["kind"], finding["point"]) == ("room-1", "stuck", "co2_ppm")
    assert START <= finding["since_ms"] < START + HOUR
    assert not others
