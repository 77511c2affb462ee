"""A small simulated semester against its truth, and that the comparison finds what is wrong."""

import csv
import json
from collections import Counter
from datetime import date, timedelta

import pytest
from cli import campus

from campus.calendar.school import SchoolCalendar
from campus.cli import semester_rooms
from campus.cli.semester import FAULTS
from campus.cli.semester_group import SITE, Share, Task, run
from campus.cli.semester_rooms import RoomStream
from campus.cli.semester_score import Floor, figures, floors, wrong_facts
from campus.cli.semester_truth import DEFINED, RoomTruth
from campus.indicators import NOT_MEASURED
from simulator.arrivals import Arrivals, arrivals
from simulator.faults import LOST, STUCK
from simulator.school import TZ, School
from simulator.world import World

BEGIN = date(2026, 9, 7)
TASK = Task(seed=1, rooms=4, start=BEGIN, days=6, kinds=(LOST, STUCK), first=0, step=1)
SMALL = Task(seed=1, rooms=2, start=BEGIN, days=3, kinds=(), first=0, step=1)


@pytest.fixture(scope="module")
def share() -> Share:
    return run(TASK)


def missed(share: Share) -> set[str]:
    return {floor.name for floor in floors(figures([share])) if not floor.reached}


def test_a_small_semester_reaches_the_floors(share):
    """Facts, no-shows, utilisation and energy of four rooms and a school week, with faults."""
    found = figures([share])
    assert missed(share) == set(), found
    assert found["facts"]["cells"] > 500 and found["no_show"]["true"] >= 5
    assert found["equipment"]["energy_true_kwh"] > 10
    assert found["facts"]["right_by_minute_pct"] > 98


def test_every_wrong_fact_is_listed_with_a_cause(share):
    """What the confusion holds beside its diagonal is the list, one by one."""
    found, listed = figures([share]), wrong_facts([share])
    beside = sum(
        n
        for true, row in found["facts"]["confusion"].items()
        for measured, n in row.items()
        if measured not in (true, NOT_MEASURED)
    )
    wrong = [one for one in listed if one.measured != one.true]
    assert beside == len(wrong) == found["facts"]["wrong"]
    assert all(one.cause for one in listed)
    assert {one.cause for one in listed if one.measured == one.true} <= {DEFINED}
    assert Counter(one.cause for one in wrong) == found["facts"]["causes"]


def test_the_truth_of_another_hour_fails(monkeypatch):
    """Control: against the truth of one period later, hardly a figure holds."""
    take = RoomTruth.take

    def shifted(self, day):
        take(self, day)
        people = self.people[day.date]
        self.people[day.date] = people[[*range(50, len(people)), *range(50)]]

    monkeypatch.setattr(RoomTruth, "take", shifted)
    assert {"measured facts that are right, %", "no-show precision", "no-show recall"} <= missed(run(SMALL))


def test_without_motion_the_floors_are_missed(monkeypatch):
    """Control: boards whose motion sensor never says anything but no."""

    def still(day, room) -> Arrivals:
        come = arrivals(day, room)
        for samples in (come.at_once, come.late):
            for key, found in samples.items():
                if key.point == "motion":
                    samples[key] = [(at, 0, quality) for at, _, quality in found]
        return come

    monkeypatch.setattr("campus.cli.semester_group.arrivals", still)
    assert {"measured facts that are right, %", "no-show precision"} <= missed(run(SMALL))


def test_energy_that_is_a_twentieth_too_high_is_found(monkeypatch):
    """Control: meters that show 5 % more. Without it the floor of the same small semester is reached."""
    assert "energy, %" not in missed(run(SMALL))

    def more(day, room) -> Arrivals:
        come = arrivals(day, room)
        for key, found in come.at_once.items():
            if key.point.startswith("power_w"):
                come.at_once[key] = [(at, value * 1.05, quality) for at, value, quality in found]
        return come

    monkeypatch.setattr("campus.cli.semester_group.arrivals", more)
    assert "energy, %" in missed(run(SMALL))


ONE_DAY = timedelta(days=1)
LATE_DAYS = (BEGIN + 2 * ONE_DAY, BEGIN + 3 * ONE_DAY)
ARRIVES = LATE_DAYS[-1] + 7 * ONE_DAY


def late_stream(late_days: tuple[date, ...] = LATE_DAYS) -> RoomStream:
    """A room whose readings of two school days came a week late: derived to the day on which they come."""
    school = School.make(1, 1, BEGIN, SITE)
    calendar = SchoolCalendar(TZ, school.terms, school.bells, school.closures, school.lessons, "1")
    world = World(school, ())
    stream = RoomStream(SITE, school.rooms[0], calendar)
    for number in range((ARRIVES - BEGIN).days + 2):
        day = BEGIN + number * ONE_DAY
        come = arrivals(world.day(day), school.rooms[0])
        if day in late_days:
            come = Arrivals({}, come.at_once, ARRIVES)
        stream.take(day, come)
        if number:
            stream.derive(day - ONE_DAY)
    return stream


def test_late_data_fill_the_gap_and_then_nothing_more_changes():
    """A day not measured is measured once its readings came; the days from where the state is the same again are
    left as they are."""
    stream = late_stream()
    before = stream.facts(LATE_DAYS[0])[0]
    touched = stream.arrive(ARRIVES)
    after = stream.facts(LATE_DAYS[0])[0]
    lessons = [(b, a) for b, a in zip(before, after, strict=True) if b.kind == "lesson"]
    assert len(lessons) == 10 and {b.outcome for b, _ in lessons} == {NOT_MEASURED}
    assert all(a.coverage == 1 and a.outcome != NOT_MEASURED for _, a in lessons)
    assert {LATE_DAYS[0] - ONE_DAY, *LATE_DAYS} <= set(touched)
    assert ARRIVES not in touched
    assert stream.arrive(ARRIVES) == []


def test_late_data_are_derived_with_the_calibrations_that_were_issued(monkeypatch):
    """A recomputation learns nothing. Control: one that learns meets a minute for the second time."""
    stream = late_stream()
    once = RoomStream._run
    monkeypatch.setattr(RoomStream, "_run", lambda self, *given, **named: once(self, *given, learn=True))
    with pytest.raises(ValueError, match="is not after"):
        stream.arrive(ARRIVES)


def test_a_floor_is_a_least_or_a_most():
    """At the bound it is reached; a figure that could not be computed is a miss."""
    assert Floor("x", 99.0, least=99.0).reached and not Floor("x", 98.999, least=99.0).reached
    assert Floor("x", -2.0, most=2.0).reached and not Floor("x", -2.001, most=2.0).reached
    assert not Floor("x", None, least=0.0).reached and not Floor("x", 1.0).reached


def test_the_command_shares_the_rooms_between_processes(tmp_path):
    """Two processes find what one finds; `--wrong` lists what is counted, and nothing else is left behind."""
    done = campus(
        "semester", "--rooms=2", "--weeks=1", "--jobs=2", "--json", "--wrong=wrong.csv", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.pop("run")["seconds"] > 0 and len(found.pop("floors")) == 5
    alone = figures([run(Task(1, 2, BEGIN, 7, FAULTS, 0, 1))])
    assert found == json.loads(json.dumps(alone))
    rows = list(csv.DictReader((tmp_path / "wrong.csv").open(encoding="utf-8")))
    assert sum(row["true"] != row["measured"] for row in rows) == found["facts"]["wrong"]
    assert [file.name for file in tmp_path.iterdir()] == ["wrong.csv"]


def test_a_wrong_fault_is_refused(tmp_path):
    """The sentence names the faults there are."""
    done = campus("semester", "--faults", "flood", cwd=tmp_path)
    assert done.returncode == 2 and "lost" in done.stderr


def test_the_collectors_own_parts_are_compared():
    """The stream is made of the estimators and the facts of the product, not of copies."""
    for name in ("RoomInference", "RoomLearning", "cut", "fuse", "facts", "equipment_facts"):
        assert getattr(semester_rooms, name).__module__.startswith(("campus.inference", "campus.indicators"))
