"""Faults of the virtual school: sensors that see nothing, readings that come a week late, and that no one is in two
places at once."""

from collections import defaultdict
from datetime import date, timedelta

import numpy as np
import pytest

from campus.telemetry import HOLD, INVALID_WARMUP, SeriesKey
from campus.wire.telemetry import ABSENT, decode
from simulator.arrivals import arrivals
from simulator.faults import BLIND_PIR, CLOCK_SKEW, KINDS, LATE, LATE_BY, LOST, Fault, faults_on
from simulator.history import history
from simulator.people import USES
from simulator.school import DAY_MS, MINUTE_MS, School, midnight_ms
from simulator.sensors import ClockFeed
from simulator.world import World

TODAY = date(2026, 11, 23)
DAYS = [TODAY - timedelta(days=i) for i in range(150)]


@pytest.fixture(scope="module")
def school() -> School:
    return School.make(seed=1, rooms=24, today=TODAY)


@pytest.fixture(scope="module")
def found(school) -> dict[str, list[Fault]]:
    """Every fault of DAYS, the oldest first, by kind."""
    by_kind: dict[str, list[Fault]] = defaultdict(list)
    for day in reversed(DAYS):
        for fault in faults_on(school, day, tuple(KINDS)):
            by_kind[fault.kind].append(fault)
    return by_kind


def test_every_kind_of_fault_happens(found):
    """Five months of 24 boards have each of them."""
    assert set(found) == set(KINDS)


def test_a_blind_motion_sensor_sees_nothing_and_the_rest_is_as_it_was(school, found):
    """No movement in the minutes of the fault, in history and live; every other value is that of a run without it."""
    fault = next(f for f in found[BLIND_PIR] if school.is_open(f.date))
    blind, clean = World(school, (BLIND_PIR,)).day(fault.date), World(school, ()).day(fault.date)
    room = school.room(fault.room)
    dark = slice(fault.start_minute, fault.end_minute)
    assert clean.measured["motion"][room.index, dark].any()
    assert not blind.measured["motion"][room.index, dark].any()
    for point, values in clean.measured.items():
        same = values == blind.measured[point]
        same[room.index, dark] |= point == "motion"
        assert same.all(), point

    class Clock:
        def now_ms(self) -> int:
            return fault.start_ms

    feed = ClockFeed(World(school, (BLIND_PIR,)), room, Clock())
    following = feed.next_motion_ms()
    assert following is None or following >= fault.end_ms


def test_late_readings_come_at_once_a_week_after_the_last_of_them(found):
    """The dates of one such time touch, are whole in between, and arrive on one date, 7 days after the last."""
    times: dict[tuple[str, date], list[Fault]] = defaultdict(list)
    for fault in found[LATE]:
        times[fault.room, fault.arrives_on].append(fault)
    assert len(times) > 5
    whole = [parts for parts in times.values() if parts[0].date > DAYS[-1] and parts[-1].date < TODAY]
    assert any(len(parts) > 1 for parts in whole)
    for parts in whole:
        days = [part.date for part in parts]
        assert days == [days[0] + timedelta(days=i) for i in range(len(days))]
        assert parts[0].arrives_on == days[-1] + LATE_BY
        assert all(part.end_minute == 1440 for part in parts[:-1])
        assert all(part.start_minute == 0 for part in parts[1:])


def test_arrivals_are_the_readings_of_history():
    """The same times, values and qualities that the boards' messages carry, with a power cut, a skewed clock, and late
    readings, of which none is lost and none comes twice."""
    school, kinds = School.make(seed=1, rooms=4, today=TODAY), (LOST, CLOCK_SKEW, LATE)
    for kind in kinds:
        day = next(day for day in DAYS if school.is_open(day) and faults_on(school, day, (kind,)))
        sent: dict[SeriesKey, list] = defaultdict(list)
        start = midnight_ms(day)
        for topic, payload, _ in history(school, start, start + DAY_MS, kinds):
            board, message = topic.split("/")[3], decode(payload)
            for _, offset, *values in message.rows:
                for point, value in zip(message.columns, values, strict=True):
                    if value is not ABSENT:
                        key = SeriesKey(school.site, board, point)
                        sent[key].append((message.ts_ms + offset, value, message.clock))
        world = World(school, kinds).day(day)
        for room in school.rooms:
            come = arrivals(world, room)
            late = world.fault(room, LATE)
            assert come.late_on == (late.arrives_on if late else None)
            for point in world.points(room):
                key = SeriesKey(school.site, room.board, point)
                samples = sorted([*come.at_once.get(key, ()), *come.late.get(key, ())])
                assert [(at, value) for at, value, _ in samples] == [(at, v) for at, v, _ in sent[key]]
                for (_, value, quality), (_, _, word) in zip(samples, sent[key], strict=True):
                    assert (quality == INVALID_WARMUP) == (value is None)
                    assert value is None or (quality == HOLD) == (word == "hold")
                if late is not None:
                    begin = world.start_ms + late.start_minute * MINUTE_MS
                    assert all(at >= begin - 3_600_000 for at, _, _ in come.late.get(key, ()))


def test_no_class_waits_for_a_lesson_while_it_has_another(school):
    """Pupils who wait for the first lesson in a room come from home, or when the class's lesson before is over."""
    world, waited = World(school, ()), 0
    for day in DAYS[1:15]:
        for plan in world.day(day).physics.people.plans:
            lesson = plan.lesson
            before = school.period_before(lesson)
            if before is None or not plan.people:
                continue
            over = school.bell_minutes[lesson.weekday, lesson.session, before][1]
            start, _ = school.bell_minutes[lesson.weekday, lesson.session, lesson.period]
            use = world.day(day).physics.people.use[school.room(lesson.room).index]
            waiting = np.flatnonzero(use[over - 45 : start] == USES.index("before")) + over - 45
            waited += len(waiting)
            assert (waiting >= over).all(), (lesson, day)
    assert waited > 100


def test_the_lesson_before_counts_wherever_it_was(school):
    """A lesson in the yard keeps a class as much as one in a room; the first of a session has none before it."""
    school_class, (weekday, session, period), _ = next(
        away
        for away in school.nowhere
        if any(
            x.school_class == away[0].name
            and (x.weekday, x.session, x.period) == (*away[1][:2], away[1][2] + 1)
            for x in school.lessons
        )
    )
    after = next(
        x
        for x in school.lessons
        if (x.school_class, x.weekday, x.session, x.period)
        == (school_class.name, weekday, session, period + 1)
    )
    assert school.period_before(after) == period
    for lesson in school.lessons:
        earlier = [
            x.period
            for x in school.lessons
            if (x.school_class, x.weekday, x.session) == (lesson.school_class, lesson.weekday, lesson.session)
            and x.period < lesson.period
        ]
        before = school.period_before(lesson)
        assert before is None or before < lesson.period
        assert not earlier or before >= max(earlier)
