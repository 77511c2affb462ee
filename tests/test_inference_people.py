"""How many people: the formula, its bands and its doubts; on a real room, that it counts well; pieces and restarts."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus.inference import (
    COUNTED,
    LOW_CONFIDENCE,
    OCCUPIED,
    UNKNOWN,
    VACANT,
    Interval,
    Stretch,
)
from campus.inference.air import Air
from campus.inference.parameters import DEFAULT, parameters
from campus.inference.people import BANDS, HELD_MIN, PeopleCount, PeopleStep, people_stretches
from campus.inference.presence import MINUTE_MS, PresenceStep

VOLUME, CAPACITY = 180.0, 40
FEW = Air(420.0, 0.0, 420.0, 0.5, True)


def air_of(people, above=600.0, volume=VOLUME, decay=0.8, known=True, per_head=0.0187):
    """The balance of so many people: what they breathe is what the level gains and loses."""
    source = people * per_head / (volume * 1e-6)
    return Air(420.0 + above, source - decay * above, 420.0, decay, known)


def at(minute, state=OCCUPIED):
    return PresenceStep(state, 0.9, minute * MINUTE_MS, None)


def counted(airs, count=None, state=OCCUPIED):
    count = count or PeopleCount(VOLUME, CAPACITY)
    return [count.step(at(minute, state), air) for minute, air in enumerate(airs)]


@pytest.mark.parametrize("people", [1, 5, 12, 40])
def test_the_balance_counts_who_breathes(people):
    """N = V·10⁻⁶·(b + k(C−B))/g, with a margin of 2 or a quarter, whichever is more."""
    step = counted([air_of(people)] * 20)[-1]
    assert (step.state, step.people, step.margin) == (COUNTED, people, max(2.0, people / 4))


def test_pupils_breathe_less():
    """The same air is some 15 % more people in a class room."""
    class_room = PeopleCount(VOLUME, CAPACITY, parameters("phong-hoc"))
    assert counted([air_of(20)] * 20, class_room)[-1].people == round(20 / 0.85)


def test_nobody_when_vacant_at_least_one_when_occupied_never_more_than_fit():
    """Whatever the air says; without a capacity there is no limit and no band."""
    assert counted([air_of(30)], state=VACANT)[-1] == PeopleStep(0, COUNTED, 0, 0.0, "empty")
    assert counted([FEW] * 20)[-1].people == 1
    assert counted([air_of(200)] * 20)[-1].people == CAPACITY
    free = counted([air_of(200)] * 20, PeopleCount(VOLUME, None))[-1]
    assert (free.people, free.band) == (200, None)


@pytest.mark.parametrize(
    ("people", "band"), [(1, 1), (10, 1), (11, 2), (20, 2), (21, 3), (30, 3), (31, 4), (40, 4)]
)
def test_bands_are_quarters_of_the_capacity(people, band):
    """Their upper ends belong to them."""
    assert counted([air_of(people)] * 20)[-1].band == BANDS[band]


@pytest.mark.parametrize(
    ("volume", "state", "air"),
    [
        (None, OCCUPIED, air_of(5)),
        (VOLUME, OCCUPIED, None),
        (VOLUME, VACANT, None),
        (VOLUME, UNKNOWN, air_of(5)),
        (VOLUME, OCCUPIED, air_of(5)._replace(baseline_ppm=None)),
    ],
)
def test_without_air_volume_or_presence_it_is_unknown(volume, state, air):
    """None, and no zero."""
    step = PeopleCount(volume, CAPACITY).step(at(0, state), air)
    assert step == PeopleStep(0, UNKNOWN, None, None, None)


def test_confidence_is_low_near_the_baseline_and_with_an_assumed_decay():
    """Within 60 ppm of the baseline, or before the decay is fitted often enough."""
    for air, state in (
        (air_of(5, above=59), LOW_CONFIDENCE),
        (air_of(5, above=60), COUNTED),
        (air_of(5, known=False), LOW_CONFIDENCE),
    ):
        assert counted([air] * 20)[-1].state == state


def test_confidence_is_low_while_a_window_is_open_and_for_half_an_hour():
    """Told, or because the air loses more than its decay explains: negative people."""
    told = PeopleCount(VOLUME, CAPACITY)
    states = [told.step(at(minute), air_of(20), minute == 10).state for minute in range(60)]
    assert [state == COUNTED for state in states] == [True] * 10 + [False] * 30 + [True] * 20
    falls = air_of(20)._replace(slope_ppm_h=-900.0)
    seen = counted([air_of(20)] * 10 + [falls] + [air_of(20)] * 40)
    assert [step.state for step in seen] == [COUNTED] * 10 + [LOW_CONFIDENCE] * 30 + [COUNTED] * 11


def test_confidence_is_low_while_fewer_are_counted_than_earlier_in_the_visit():
    """By more than the margin; until as many are counted again, or the next visit."""
    count = PeopleCount(VOLUME, CAPACITY)
    told = counted([air_of(people) for people in (20, 15, 5, 20) for _ in range(30)], count)
    shown = [(told[minute].people, told[minute].state) for minute in (29, 59, 89, 119)]
    assert shown == [(20, COUNTED), (15, COUNTED), (5, LOW_CONFIDENCE), (20, COUNTED)]
    counted([air_of(5)], count, VACANT)
    assert counted([air_of(5)] * 30, count)[-1].state == COUNTED


def test_noise_makes_few_changes():
    """The median, told anew only when it differs by more than a tenth: an hour of noisy air is few stretches."""
    rng = random.Random(1)
    steps = counted([air_of(rng.gauss(25, 6)) for _ in range(180)])
    stretches = people_stretches(steps, [Interval(0, 180 * MINUTE_MS, OCCUPIED)])
    assert len(stretches) <= 12
    assert all(18 <= step.people <= 32 for step in steps[15:])


def test_final_stretches_follow_the_final_intervals():
    """Nobody in what was found vacant later; in a short gap those who were there; before the first count, one."""
    steps = counted([air_of(8)] * 30)
    steps[10:15] = [step._replace(people=0, margin=0.0) for step in steps[10:15]]
    steps[0] = steps[0]._replace(people=0)
    final = [(0, 20, OCCUPIED), (20, 28, VACANT), (28, 35, UNKNOWN)]
    found = people_stretches(steps, [Interval(a * MINUTE_MS, b * MINUTE_MS, s) for a, b, s in final])
    assert found == [
        Stretch(a * MINUTE_MS, b * MINUTE_MS, state, people)
        for a, b, state, people in (
            (0, 1, LOW_CONFIDENCE, 1), (1, 10, COUNTED, 8), (10, 15, LOW_CONFIDENCE, 8), (15, 20, COUNTED, 8),
            (20, 28, COUNTED, 0), (28, 35, UNKNOWN, None),
        )
    ]  # fmt: skip


MINUTES = st.lists(
    st.tuples(st.sampled_from([OCCUPIED, OCCUPIED, VACANT, UNKNOWN]), st.integers(0, 50), st.integers(1, 12)),
    min_size=1,
    max_size=20,
).map(lambda runs: [(state, people) for state, people, length in runs for _ in range(length)])


def run_of(minutes, count):
    return [
        count.step(at(minute, state), None if people > 48 else air_of(people))
        for minute, (state, people) in minutes
    ]


@given(MINUTES, st.data())
def test_a_restart_at_any_minute_changes_nothing(minutes, data):
    """Stored as JSON text, the count goes on as without a break."""
    cut = data.draw(st.integers(0, len(minutes)))
    numbered = list(enumerate(minutes))
    whole, first = PeopleCount(VOLUME, CAPACITY), PeopleCount(VOLUME, CAPACITY)
    steps = run_of(numbered[:cut], first)
    stored = json.loads(json.dumps(first.state()))
    second = PeopleCount(VOLUME, CAPACITY, DEFAULT, stored)
    assert steps + run_of(numbered[cut:], second) == run_of(numbered, whole)
    assert second.state() == whole.state()


@given(MINUTES, st.data())
def test_pieces_give_the_whole(minutes, data):
    """Cut anywhere, each piece with the steps of HELD_MIN before it, joined where equal."""
    cut = data.draw(st.integers(1, len(minutes)))
    steps = run_of(list(enumerate(minutes)), PeopleCount(VOLUME, CAPACITY))
    states = [OCCUPIED if state == VACANT and i % 7 else state for i, (state, _) in enumerate(minutes)]
    final = [Interval(i * MINUTE_MS, (i + 1) * MINUTE_MS, state) for i, state in enumerate(states)]
    whole = people_stretches(steps, final)
    near = people_stretches(steps[max(0, cut - HELD_MIN) :], final[cut:])
    pieces = people_stretches(steps[:cut], final[:cut])
    for piece in near:
        if pieces and pieces[-1][2:] == piece[2:]:
            pieces[-1] = pieces[-1]._replace(end_ms=piece.end_ms)
        else:
            pieces.append(piece)
    assert pieces == whole
