"""Clocks that were set earlier and are wrong: put right by their steady lag, and nothing else taken for one."""

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus.live import Live
from campus.records import open_records
from campus.telemetry.stores import open_telemetry
from campus.wire.telemetry import Telemetry, encode
from campus.wire.topics import board_topic
from collector.held_clocks import BOOTS, DOUBTED, STEADY_MESSAGES, STEADY_MS, WRONG_MS, HeldClocks
from collector.ledger import BootKey
from collector.messages import Up
from collector.pipeline import Pipeline

MINUTE = 60_000
NOW = 1_790_000_000_000
KEY = BootKey("school", "board-1", "9f3a61c20000002a")
OFFSETS = st.integers(WRONG_MS + STEADY_MS, 20 * 3600_000)
TRAVEL = st.lists(st.integers(0, STEADY_MS), min_size=8, max_size=40)


def live(clocks, offset_ms, travel, key=KEY):
    """One message a minute, of a clock that is `offset_ms` ahead; what is said of each."""
    return [
        clocks.heard(key, NOW + n * MINUTE + slow, NOW + n * MINUTE + offset_ms)
        for n, slow in enumerate(travel)
    ]


@given(OFFSETS, TRAVEL)
def test_a_clock_that_is_behind_is_put_right_from_the_fourth_message_on(behind_ms, travel):
    """Within what the network delays; until then nothing parts it from a backlog."""
    said = live(HeldClocks(), -behind_ms, travel)
    settled = next(n for n, one in enumerate(said) if one is not None)
    assert STEADY_MESSAGES - 1 <= settled <= STEADY_MESSAGES
    for one in said[settled:]:
        assert one == said[settled] and one.told
        assert 0 <= one.offset_ms - behind_ms <= STEADY_MS


@given(OFFSETS, TRAVEL)
def test_a_clock_that_is_ahead_is_never_believed(ahead_ms, travel):
    """Readings from the future are doubted at once, and put right when it is known by how much."""
    said = live(HeldClocks(), ahead_ms, travel)
    settled = next(n for n, one in enumerate(said) if one != DOUBTED)
    assert STEADY_MESSAGES - 1 <= settled <= STEADY_MESSAGES
    for one in said[settled:]:
        assert one == said[settled] and one.told
        assert 0 <= one.offset_ms + ahead_ms <= STEADY_MS


@given(st.integers(-WRONG_MS + STEADY_MS, WRONG_MS - 2 * STEADY_MS), TRAVEL)
def test_a_clock_that_is_nearly_right_is_left_alone(ahead_ms, travel):
    """Seconds change no slot's class."""
    assert set(live(HeldClocks(), ahead_ms, travel)) == {None}


@given(
    st.integers(3, 3 * 1440),
    st.integers(1, 20),
    st.lists(st.integers(50, 30_000), min_size=1, max_size=60),
    st.integers(0, 119),
)
def test_a_backlog_is_never_taken_for_a_wrong_clock(minutes, rows, pauses, late_s):
    """Messages of `rows` minutes come at least twice as fast as they were measured, until all is live."""
    clocks, at_ms = HeldClocks(), NOW
    measured = NOW - minutes * MINUTE
    for n in range(minutes // rows):
        at_ms += min(pauses[n % len(pauses)], rows * MINUTE // 2)
        newest = min(measured + ((n + 1) * rows - 1) * MINUTE, at_ms)
        assert clocks.heard(KEY, at_ms, newest) is None
    for _ in range(10):
        at_ms += MINUTE
        assert clocks.heard(KEY, at_ms, at_ms - late_s * 1000) is None
    assert clocks.wrong() == {}


def test_a_backlog_that_comes_at_the_pace_of_measuring_is_the_one_doubt():
    """Control: with a lag that does not shrink it is the same as a clock that is behind."""
    assert live(HeldClocks(), -30 * MINUTE, [0] * 5)[-1] == Up(30 * MINUTE, True)


def test_what_was_kept_by_a_wrong_clock_is_moved_too():
    """Records of a time without a network, sent when the clock was known to be wrong."""
    clocks = HeldClocks()
    live(clocks, -30 * MINUTE, [0] * 5)
    later = NOW + 300 * MINUTE
    for n in range(3):
        assert clocks.heard(KEY, later + n * 100, later - (200 - n) * MINUTE) == Up(30 * MINUTE, True)


def test_a_time_server_ends_it():
    """A clock that is right again is left alone: at once when the board says so, else when its lag is steady."""
    clocks = HeldClocks()
    live(clocks, -30 * MINUTE, [0] * 5)
    assert clocks.wrong() == {KEY: 30 * MINUTE}
    clocks.forget(KEY)
    assert clocks.wrong() == {} and not clocks
    live(clocks, -30 * MINUTE, [0] * 5)
    said = [clocks.heard(KEY, NOW + n * MINUTE, NOW + n * MINUTE) for n in range(10, 16)]
    assert said[0] == Up(30 * MINUTE, True) and said[-1] is None


def test_memory_is_bounded():
    """The boot that was silent for longest is forgotten."""
    clocks = HeldClocks()
    for n in range(BOOTS + 10):
        live(clocks, -30 * MINUTE, [0] * 5, BootKey("school", f"board-{n}", "9f3a61c20000002a"))
    assert len(clocks.wrong()) == BOOTS
    assert BootKey("school", "board-9", "9f3a61c20000002a") not in clocks.wrong()


class Run:
    """A collector on a clock of its own, and a board with a message a minute whose clock is `offset_ms` ahead."""

    def __init__(self, folder, offset_ms, clock="hold"):
        self.folder, self.offset_ms, self.clock, self.now_ms, self.seq = folder, offset_ms, clock, NOW, 0
        self.records = open_records("sqlite", folder)
        self.telemetry = open_telemetry("duckdb", folder)
        self.open()

    def open(self):
        self.pipeline = Pipeline(self.folder, self.records, self.telemetry, Live(), lambda: self.now_ms)

    def minutes(self, count, project=True):
        for _ in range(count):
            told = Telemetry(KEY.boot, self.seq, 0, self.now_ms + self.offset_ms, self.clock, ["co2_ppm"],
                             [[0, 0, 400 + self.seq]], None)  # fmt: skip
            self.pipeline.offer(board_topic("school", "board-1", "telemetry"), encode(told))
            self.pipeline.collector.ingest()
            self.now_ms, self.seq = self.now_ms + MINUTE, self.seq + 1
        if project:
            self.pipeline.pump()

    def held(self):
        """(minutes after the true time, quality) by seq."""
        rows = chain.from_iterable(self.telemetry.rows("school", "board-1", None, None))
        found = {int(row.value) - 400: (row.observed_at_ms, row.quality) for row in rows}
        return [((at - NOW) / MINUTE - seq, quality) for seq, (at, quality) in sorted(found.items())]

    def close(self):
        self.pipeline.close()
        self.telemetry.close()
        self.records.close()


@pytest.fixture
def started(tmp_path):
    runs = []

    def start(offset_ms, clock="hold"):
        runs.append(Run(tmp_path / str(len(runs)), offset_ms, clock))
        return runs[-1]

    yield start
    for run in runs:
        run.close()


def test_the_store_has_the_readings_at_their_times(started):
    """Behind, ahead, right, and a clock that says "ntp", which is taken at its word."""
    behind = started(-30 * MINUTE)
    behind.minutes(10)
    assert behind.held() == [(-30, "hold")] * 3 + [(0, "hold")] * 7
    assert behind.pipeline.intake.clocks.wrong() == {KEY: 30 * MINUTE}
    ahead = started(45 * MINUTE)
    ahead.minutes(10)
    assert ahead.held() == [(45, "unsynced")] * 3 + [(0, "hold")] * 7
    right = started(MINUTE)
    right.minutes(10)
    assert right.held() == [(1, "hold")] * 10
    sure = started(-30 * MINUTE, "ntp")
    sure.minutes(10)
    assert sure.held() == [(-30, "good")] * 10


@pytest.mark.parametrize("offset_ms", [-30 * MINUTE, 45 * MINUTE])
def test_what_the_journal_holds_is_read_as_it_was_taken(started, offset_ms):
    """A crash between journal and store: the same readings at the same times as without it."""
    whole, broken = started(offset_ms), started(offset_ms)
    whole.minutes(10)
    broken.minutes(10, project=False)
    broken.pipeline.close()
    broken.open()
    broken.pipeline.pump()
    assert broken.held() == whole.held()
    assert broken.held()[-1] == (0, "hold")


def test_without_it_the_readings_would_stand_at_the_wrong_times(started, monkeypatch):
    """Control: a collector that takes every clock at its word."""
    monkeypatch.setattr(HeldClocks, "heard", lambda *message: None)
    run = started(-30 * MINUTE)
    run.minutes(10)
    assert run.held() == [(-30, "hold")] * 10


def test_a_board_that_is_synchronised_is_believed_at_once(started):
    """The first message that says "ntp" ends what was known of the boot."""
    run = started(-30 * MINUTE)
    run.minutes(6)
    run.offset_ms, run.clock = 0, "ntp"
    run.minutes(2)
    run.clock = "hold"
    run.minutes(2)
    assert run.held()[3:] == [(0, "hold")] * 3 + [(0, "good")] * 2 + [(0, "hold")] * 2
