"""The virtual campus: people, air, light, power and motion of single days."""

from datetime import date, timedelta

import numpy as np
import pytest

from campus.wire.points import plausible
from simulator.people import USES
from simulator.school import School
from simulator.world import World

TODAY = date(2026, 11, 23)
DAYS = [TODAY - timedelta(days=i) for i in range(1, 15)]


@pytest.fixture(scope="module")
def school() -> School:
    return School.make(seed=1, today=TODAY)


@pytest.fixture(scope="module")
def world(school) -> World:
    return World(school, keep=20)


def test_a_day_is_the_same_whatever_was_asked_before(school, world):
    """Any day can be computed alone."""
    for day in DAYS[:2]:
        alone = World(school).day(day)
        for point, values in world.day(day).measured.items():
            assert np.array_equal(values, alone.measured[point]), point
        assert np.array_equal(world.day(day).physics.people.people, alone.physics.people.people)
    other = World(School.make(seed=2, today=TODAY)).day(DAYS[0])
    assert not np.array_equal(other.measured["co2_ppm"], world.day(DAYS[0]).measured["co2_ppm"])


def test_co2_follows_the_mass_balance(school, world):
    """V·dC/dt = N·g − k·V·(C − outside), checked from people, volume and air exchange in every minute."""
    for day in DAYS[:3]:
        physics = world.day(day).physics
        people = physics.people.people.astype(float)
        volume = np.array([room.volume_m3 for room in school.rooms])[:, None]
        per_h = physics.exchange_per_h
        co2 = physics.co2_ppm
        # Twice as fine a step of the differential equation itself, from each minute to the next.
        end = co2[:, :-1].copy()
        for _ in range(600):
            source = people[:, 1:] * 0.0187 * 0.85 / volume * 1e6
            end += (source - per_h[:, 1:] * (end - 422)) / 60 / 600
        assert np.abs(end - co2[:, 1:]).max() < 1.0


def test_co2_rises_with_people_and_falls_without(school, world):
    """A full classroom climbs above 600 ppm; at night the air is fresh; nothing leaves the sensor's range."""
    small = np.array([room.volume_m3 < 400 for room in school.rooms])
    for day in DAYS:
        physics = world.day(day).physics
        people, co2 = physics.people.people, physics.co2_ppm
        assert co2.min() > 400 and co2.max() < 9900
        assert (co2[:, 4 * 60] < 480).all()
        full = small & ((people >= 30).sum(axis=1) > 90)
        assert (co2.max(axis=1)[full] > 600).all()
        alone = (people == 0) & (np.roll(people, 1, axis=1) == 0)
        falling = np.diff(co2, axis=1)[:, 1:][alone[:, 2:]]
        assert falling.max() < 0.5  # ppm a minute: nobody there, nothing rises above the sensor's noise


def test_every_value_is_plausible(school, world):
    """The simulator never sends what the contract calls implausible."""
    for day in DAYS:
        measured = world.day(day).measured
        for point, values in measured.items():
            for value in (values.min().item(), values.max().item()):
                assert plausible(point, value), (point, value)


def test_motion_is_seen_where_people_are(world):
    """With a class in the room nearly every minute shows movement; without anyone almost none does."""
    seen, empty = [], []
    for day in DAYS:
        people = world.day(day).physics.people.people
        motion = world.day(day).measured["motion"]
        seen.append(motion[people >= 15])
        empty.append(motion[people == 0])
    assert np.concatenate(seen).mean() > 0.98
    assert 0 < np.concatenate(empty).mean() < 0.002


def test_people_follow_the_timetable_with_exceptions(school, world):
    """Most lessons are held; some classes never come, come late or leave early, and some use is not timetabled."""
    went = [plan.went for day in DAYS for plan in world.day(day).physics.people.plans]
    share = {outcome: went.count(outcome) / len(went) for outcome in set(went)}
    assert 0.80 < share["held"] < 0.92
    assert 0.02 < share["no-show"] < 0.12
    assert share["late"] > 0.01 and share["early"] > 0.01
    used = {USES[i] for day in DAYS for i in np.unique(world.day(day).physics.people.use)}
    assert {"", "lesson", "break", "cleaning", "self-study", "club", "reading", "meeting"} <= used


def test_a_class_that_does_not_come_leaves_its_room_empty(school, world):
    """During a no-show only somebody without a timetable can be there; a held lesson fills the room."""
    for day in DAYS:
        physics = world.day(day).physics
        for plan in physics.people.plans:
            lesson = plan.lesson
            start, end = school.bell_minutes[lesson.weekday, lesson.session, lesson.period]
            row = physics.people.use[school.room(lesson.room).index, start + 5 : end - 5]
            if plan.went == "no-show":
                assert "lesson" not in {USES[i] for i in row}
            elif plan.went == "held":
                assert {USES[i] for i in row} == {"lesson"}


def test_closed_days_are_nearly_empty(school, world):
    """On a Sunday nobody has a lesson; a room is used now and then."""
    sunday = world.day(date(2026, 11, 22)).physics
    assert sunday.people.plans == ()
    assert (sunday.people.people > 0).mean() < 0.02


def test_things_are_left_on_in_empty_rooms(world):
    """Displays, computers and air conditioners run on after people have left, and the power meter shows it."""
    plug = cooling = 0
    for day in DAYS:
        physics, measured = world.day(day).physics, world.day(day).measured
        gone = physics.people.people == 0
        plug += (physics.plug_on & gone).sum()
        cooling += (physics.cooling_on & gone).sum()
        assert (measured["power_w.1"][physics.plug_on] > 80).all()
        assert (measured["power_w.1"][~physics.plug_on] < 60).all()
    assert plug > 15 * len(DAYS) and cooling > 15 * len(DAYS)


def test_sun_and_lamps_light_the_room(world):
    """Nights are dark, noon is not, and lamps add at least 300 lux."""
    for day in DAYS:
        physics = world.day(day).physics
        light, lamps = physics.illuminance_lx, physics.lamps_on
        assert light[:, 2 * 60][~lamps[:, 2 * 60]].max() < 5
        assert light[:, 12 * 60].min() > 20
        assert light[lamps].min() > 300
