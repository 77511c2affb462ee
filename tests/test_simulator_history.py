"""The past of the virtual school, as the messages that its boards would have sent."""

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest

from campus.errors import UsageError
from campus.wire.points import plausible
from campus.wire.server import parse, seqs
from campus.wire.telemetry import ABSENT, BOARD_BYTES, decode
from simulator.faults import CLOCK_SKEW, LOST, STUCK, WEAK_AP, faults_on, weak_access_point
from simulator.history import history
from simulator.school import DAY_MS, MINUTE_MS, School, midnight_ms
from simulator.world import World

TODAY = date(2026, 11, 23)
DAY = date(2026, 11, 20)
START = midnight_ms(DAY)
HOUR_MS = 60 * MINUTE_MS


@pytest.fixture(scope="module")
def school() -> School:
    return School.make(seed=1, rooms=24, today=TODAY)


@pytest.fixture(scope="module")
def few() -> School:
    """A school small enough to compute many days of."""
    return School.make(seed=1, rooms=6, today=TODAY)


@pytest.fixture(scope="module")
def day(school):
    """One local day's messages, decoded: (board, telemetry, message)."""
    return [read(m) for m in history(school, START, START + DAY_MS)]


def read(message):
    topic = parse(message.topic)
    assert topic.leaf == "telemetry"
    return topic.name, decode(message.payload), message


def records(messages):
    """(board, boot, seq) -> (time, clock, values) of every record; fails on a repeated identity."""
    found = {}
    for board, telemetry, _ in messages:
        for seq, row in zip(seqs(telemetry), telemetry.rows, strict=True):
            values = {p: v for p, v in zip(telemetry.columns, row[2:], strict=True) if v is not ABSENT}
            identity = (board, telemetry.boot, seq)
            assert identity not in found
            found[identity] = (telemetry.ts_ms + row[1], telemetry.clock, values)
    return found


def test_messages_fit_a_board_and_the_contract(school, day):
    """Each message decodes, is within 1 KiB, and holds plausible values of every point of the board."""
    cooled = {room.board: room.cooled for room in school.rooms}
    for board, telemetry, message in day:
        assert len(message.payload) <= BOARD_BYTES
        assert len(telemetry.columns) == (8 if cooled[board] else 7)
        for row in telemetry.rows:
            for point, value in zip(telemetry.columns, row[2:], strict=True):
                assert value is None or plausible(point, value)


def test_every_board_has_every_minute_once(school, day):
    """1440 one-minute records per board and day, numbered from 0, whatever the batches."""
    found = records(day)
    for room in school.rooms:
        mine = {identity: at for identity, (at, _, _) in found.items() if identity[0] == room.board}
        if any(fault.kind == LOST and fault.room == room.id for fault in faults_on(school, DAY)):
            continue
        assert sorted(seq for _, _, seq in mine) == list(range(1440))
        assert sorted((at - START) // MINUTE_MS for at in mine.values()) == list(range(1440))


def test_messages_come_in_time_order(day):
    """In order per board, and at most about an hour apart across boards."""
    latest: dict[str, int] = {}
    for board, telemetry, message in day:
        assert telemetry.ts_ms > latest.get(board, 0)
        latest[board] = message.observed_at_ms
        assert message.observed_at_ms > max(latest.values()) - 65 * MINUTE_MS
    assert max(latest.values()) < START + DAY_MS


@pytest.mark.parametrize("cut_ms", [0, 9 * HOUR_MS + 12_345, 23 * HOUR_MS + 59 * MINUTE_MS])
def test_any_cut_of_a_range_gives_the_same_records(few, cut_ms):
    """Two ranges that meet hold exactly the records of the whole: none twice, none missing, none changed."""
    start, end = START - 2 * HOUR_MS, START + DAY_MS + HOUR_MS
    whole = records(read(m) for m in history(few, start, end))
    first = records(read(m) for m in history(few, start, START + cut_ms))
    second = records(read(m) for m in history(few, START + cut_ms, end))
    assert first.keys().isdisjoint(second)
    assert first | second == whole


def test_no_cut_leaves_a_gap_to_count(school):
    """`low` above a boot's first number would say that what is before it is lost for good."""
    for board, telemetry, _ in (read(m) for m in history(school, START + 9 * HOUR_MS, START + 10 * HOUR_MS)):
        assert telemetry.low == 0 < telemetry.seq, board


def test_a_range_run_again_repeats_every_identity(school, day):
    """Deduplication by (board, boot, seq) then changes nothing; another seed, or another site, shares no boot."""
    again = {
        (board, t.boot, seq)
        for board, t, _ in map(read, history(school, START, START + HOUR_MS))
        for seq in seqs(t)
    }
    assert again <= records(day).keys()
    for other in (School.make(seed=2, today=TODAY), School.make(seed=1, today=TODAY, site="other")):
        boots = {t.boot for _, t, _ in map(read, history(other, START, START + HOUR_MS))}
        assert boots.isdisjoint({boot for _, boot, _ in again})


def test_readings_agree_with_the_truth(school, day):
    """What boards report of a minute is what the physics says of it, within the instruments' errors."""
    physics = World(school).day(DAY).physics
    index = {room.board: room.index for room in school.rooms}
    errors, motion = [], []
    for (board, _, _), (at, _, values) in records(day).items():
        i, minute = index[board], (at - START) // MINUTE_MS
        if values["co2_ppm"] is not None:
            errors.append(values["co2_ppm"] - physics.co2_ppm[i, minute])
        motion.append((values["motion"], physics.people.people[i, minute] > 0))
        assert abs(values["power_w.1"] - physics.plug_w[i, minute]) <= 0.05 * physics.plug_w[i, minute] + 0.2
    assert np.abs(errors).max() < 90
    assert np.mean([bool(seen) == present for seen, present in motion]) > 0.97


def test_the_weak_access_point_shows(school, day):
    """Boards of the weak access point report a signal below −70 dBm on average, all others above."""
    signal: dict[str, list[float]] = {}
    for (board, _, _), (_, _, values) in records(day).items():
        signal.setdefault(board, []).append(values["rssi_dbm"])
    weak = weak_access_point(school)
    served = [room for room in school.rooms if room.access_point == weak]
    assert 0 < len(served) < len(school.rooms) / 2
    for room in school.rooms:
        assert (np.mean(signal[room.board]) < -70) == (room in served)
    assert World(school, ()).day(DAY).measured["rssi_dbm"].mean(axis=1).min() > -72


def find(school, kind):
    """The first fault of a kind in the weeks before today."""
    for i in range(60):
        for fault in faults_on(school, TODAY - timedelta(days=i), (kind,)):
            return fault
    raise AssertionError(kind)


def of_room(school, fault, kinds):
    start = midnight_ms(fault.date)
    messages = map(read, history(school, start, start + DAY_MS, kinds))
    return [m for m in messages if m[0] == fault.board]


def test_a_board_without_power_is_silent_and_comes_back_with_a_new_boot(few):
    """No record lies in the cut; the air sensor warms up after it, and the new boot counts from 0."""
    fault = find(few, LOST)
    mine = of_room(few, fault, (LOST,))
    found = records(mine)
    times = [at for at, _, _ in found.values()]
    assert not any(fault.start_ms <= at < fault.end_ms for at in times)
    assert len(times) == 1440 - (fault.end_minute - fault.start_minute)
    boots = list(dict.fromkeys(t.boot for _, t, _ in mine))
    assert len(boots) == 2
    back = found[(fault.board, boots[1], 0)]
    assert back[0] // MINUTE_MS == fault.end_ms // MINUTE_MS
    assert back[2]["co2_ppm"] is None and back[2]["motion"] is not None
    assert next(t.why for _, t, _ in mine if t.boot == boots[1])["co2_ppm"] == "warmup"
    assert found[(fault.board, boots[1], 1)][2]["co2_ppm"] is not None


def test_a_stuck_sensor_repeats_one_value(few):
    """CO2 stands still for hours, and only during the fault."""
    fault = find(few, STUCK)
    values = [v["co2_ppm"] for _, _, v in records(of_room(few, fault, (STUCK,))).values()]
    assert len(set(values[fault.start_minute : fault.end_minute])) == 1
    assert len(set(values[: fault.start_minute])) > 5
    right = [v["co2_ppm"] for _, _, v in records(of_room(few, fault, ())).values()]
    assert right != values and right[: fault.start_minute] == values[: fault.start_minute]


def test_a_skewed_clock_moves_the_times_and_says_hold(few):
    """Every time of the day is off by the same offset, under the quality 'hold'; the values are the same."""
    fault = find(few, CLOCK_SKEW)
    right = records(of_room(few, fault, ()))
    wrong = records(of_room(few, fault, (CLOCK_SKEW,)))
    assert {identity: (at + fault.offset_ms, "hold", v) for identity, (at, _, v) in right.items()} == wrong


def test_faults_do_not_depend_on_one_another(school):
    """Leaving a kind out moves no other, so that runs with and without it can be compared."""
    for i in range(30):
        date_ = TODAY - timedelta(days=i)
        both = faults_on(school, date_, (LOST, STUCK, WEAK_AP))
        assert [f for f in both if f.kind == LOST] == faults_on(school, date_, (LOST,))


def test_an_unknown_fault_is_refused(school):
    """The sentence names those that exist."""
    with pytest.raises(UsageError, match="weak-ap"):
        World(school, ("flood",))


def test_an_empty_range_has_no_messages(school):
    """Nothing is invented for [t, t) or a reversed range."""
    assert list(history(school, START, START)) == []
    assert list(history(school, START + DAY_MS, START)) == []


def test_messages_are_full(day):
    """A day takes at most 5 % more messages than full ones would: the collector pays per message."""
    by_board: dict[str, list[int]] = {}
    for board, telemetry, _ in day:
        by_board.setdefault(board, []).append(len(telemetry.rows))
    for rows in by_board.values():
        assert len(rows) <= 1.05 * 1440 / np.median(rows) + 2
    assert all(b[1].seq > a[1].seq or a[1].boot != b[1].boot for a, b in pairwise(day) if a[0] == b[0])
