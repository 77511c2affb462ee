"""Minutes to final intervals: the three rules, their ends, and that pieces give what the whole gives."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from campus.inference import OCCUPIED, UNKNOWN, VACANT, Interval
from campus.inference import intervals as module
from campus.inference.intervals import SETTLE_MS, cover, intervals
from campus.inference.parameters import DEFAULT
from campus.inference.presence import MINUTE_MS, PresenceStep

LETTERS = {
    "o": (OCCUPIED, True, True),
    "h": (OCCUPIED, False, False),
    "m": (OCCUPIED, False, True),
    ".": (VACANT, False, False),
    ",": (VACANT, True, True),
    ";": (VACANT, False, True),
    "?": (UNKNOWN, False, False),
}
"""state, whether the minute has evidence, whether all sensors together speak for presence"""


def steps(text, at=0):
    """One letter per minute: o occupied with evidence, h occupied held without, m by a sensor's memory, . vacant,
    , vacant with evidence as yet too little, ; the same by memory, ? unknown, space: no step."""
    made, evidence, onset = [], None, None
    for minute, letter in enumerate(text, at):
        if letter == " ":
            continue
        state, seen, speaks = LETTERS[letter]
        at_ms = minute * MINUTE_MS
        evidence = at_ms if seen else evidence
        onset = (at_ms if onset is None else onset) if speaks else None
        made.append(PresenceStep(state, 0.5, at_ms, evidence, onset))
    return made


def minutes(found):
    return [(a // MINUTE_MS, b // MINUTE_MS, state) for a, b, state in found]


def test_nothing_gives_nothing_and_a_span_without_steps_is_unknown():
    """Without steps there are no intervals, unless a span is asked for."""
    assert intervals([]) == []
    assert intervals([], 0, MINUTE_MS) == [Interval(0, MINUTE_MS, UNKNOWN)]


def test_missing_minutes_are_unknown():
    """A minute without a step, inside or beside the steps, is not measured."""
    found = intervals(steps("..  .."), -MINUTE_MS, 7 * MINUTE_MS)
    assert minutes(found) == [
        (-1, 0, UNKNOWN), (0, 2, VACANT), (2, 4, UNKNOWN), (4, 6, VACANT), (6, 7, UNKNOWN),
    ]  # fmt: skip


def test_a_gap_of_nine_minutes_is_presence_and_one_of_ten_is_not():
    """Vacant gaps under 10 min between two visits are merged; at 10 min they stand."""
    assert minutes(intervals(steps("ooo" + "." * 9 + "ooo"))) == [(0, 15, OCCUPIED)]
    assert minutes(intervals(steps("ooo" + "." * 10 + "ooo"))) == [
        (0, 3, OCCUPIED), (3, 13, VACANT), (13, 16, OCCUPIED),
    ]  # fmt: skip


def test_an_unknown_gap_is_never_merged():
    """What was not measured does not become presence."""
    assert minutes(intervals(steps("ooo???ooo")))[1] == (3, 6, UNKNOWN)


def test_a_visit_of_two_minutes_is_none_and_one_of_three_is():
    """Visits under 3 min between vacant times are dropped."""
    assert minutes(intervals(steps("...oo..."))) == [(0, 8, VACANT)]
    assert minutes(intervals(steps("...ooo...")))[1] == (3, 6, OCCUPIED)


def test_a_short_visit_beside_unknown_time_stays():
    """Beside unknown time a short visit may be the visible part of a longer one."""
    assert minutes(intervals(steps("???oo..."))) == [(0, 3, UNKNOWN), (3, 5, OCCUPIED), (5, 8, VACANT)]


def test_a_visit_ends_with_its_last_evidence():
    """The end moves back to the minute after the last evidence, at most by the bound."""
    assert minutes(intervals(steps("ooooohhhh..."))) == [(0, 5, OCCUPIED), (5, 12, VACANT)]
    held = DEFAULT.backdate_min + 5
    assert minutes(intervals(steps("ooooo" + "h" * held + "...")))[0] == (0, 10, OCCUPIED)


def test_a_visit_cut_off_by_an_outage_is_not_moved():
    """Where measuring ended, not presence, the end stays."""
    assert minutes(intervals(steps("ooooohhhh???")))[0] == (0, 9, OCCUPIED)


def test_a_visit_begins_with_the_onset_of_its_evidence():
    """The start moves back to where the evidence began, at most by the bound and only over uninterrupted evidence."""
    assert minutes(intervals(steps("......,;ooooo")))[1] == (6, 13, OCCUPIED)
    assert minutes(intervals(steps("...,,,,,,ooooo")))[1] == (9 - DEFAULT.onset_min, 14, OCCUPIED)
    assert minutes(intervals(steps("....,.,,ooooo")))[1] == (6, 13, OCCUPIED)
    assert minutes(intervals(steps("........hoooo")))[1] == (8, 13, OCCUPIED)


def test_a_visit_that_begins_where_measuring_did_is_not_moved():
    """Unknown time before a visit stays unknown, and of a vacant time before it at least a minute stays."""
    assert minutes(intervals(steps("???ooooo"))) == [(0, 3, UNKNOWN), (3, 8, OCCUPIED)]
    assert minutes(intervals(steps("???,,ooo"))) == [(0, 3, UNKNOWN), (3, 4, VACANT), (4, 8, OCCUPIED)]


def test_an_earlier_start_keeps_the_other_rules():
    """The gap that is left decides on merging, and a single motion is no visit, however long it is remembered."""
    assert minutes(intervals(steps("ooo" + "." * 9 + ",,ooo"))) == [(0, 17, OCCUPIED)]
    assert minutes(intervals(steps("ooo" + "." * 10 + ",,ooo")))[1] == (3, 13, VACANT)
    assert minutes(intervals(steps("....,;mmmmmh.........")))[0] == (0, 21, VACANT)


TEXT = st.lists(st.tuples(st.sampled_from("oohhm..,;? "), st.integers(1, 14)), min_size=1, max_size=30).map(
    lambda parts: "".join(letter * count for letter, count in parts)
)


@given(TEXT, st.integers(-20, 60), st.integers(1, 400))
def test_intervals_cover_the_span_without_gap_or_overlap(text, begin, length):
    """Whatever the steps: exactly [start, end), ascending, touching, no two neighbours alike."""
    start, end = begin * MINUTE_MS, (begin + length) * MINUTE_MS
    found = intervals(steps(text), start, end)
    assert found[0].start_ms == start
    assert found[-1].end_ms == end
    assert all(a.start_ms < a.end_ms for a in found)
    assert all(a.end_ms == b.start_ms and a.state != b.state for a, b in pairwise(found))


@given(TEXT)
def test_the_result_keeps_its_own_rules(text):
    """No vacant gap under 10 min between visits and no visit under 3 min between vacant times is left."""
    found = intervals(steps(text))
    for before, middle, after in zip(found, found[1:], found[2:], strict=False):
        length = (middle.end_ms - middle.start_ms) // MINUTE_MS
        if before.state == after.state == OCCUPIED and middle.state == VACANT:
            assert length >= 10
        if before.state == after.state == VACANT and middle.state == OCCUPIED:
            assert length >= 3


def in_pieces(text, cuts, settle):
    made = steps(text)
    borders = [0, *sorted(cuts), len(text)]
    pieces = []
    for begin, end in pairwise(borders):
        start, stop = begin * MINUTE_MS, end * MINUTE_MS
        near = [step for step in made if start - settle <= step.minute_ms < stop + settle]
        pieces += intervals(near, start, stop)
    return cover(pieces, 0, len(text) * MINUTE_MS)


@given(TEXT, st.data())
def test_pieces_with_fifteen_minutes_around_give_the_whole(text, data):
    """Derived piece by piece, each 15 minutes behind, the intervals are those of one run over everything."""
    cuts = data.draw(st.sets(st.integers(0, len(text)), max_size=4))
    assert in_pieces(text, cuts, SETTLE_MS) == intervals(steps(text), 0, len(text) * MINUTE_MS)


def test_a_short_visit_that_the_next_one_saves_is_the_same_in_pieces():
    """The worst case: what keeps it is the moved start of a visit at the far end of the longest gap."""
    text = "." * 12 + "oo" + "." * 9 + "," * DEFAULT.onset_min + "ooo....."
    whole = intervals(steps(text))
    assert minutes(whole)[1] == (12, 26 + DEFAULT.onset_min, OCCUPIED)
    assert all(in_pieces(text, {cut}, SETTLE_MS) == whole for cut in range(1, len(text)))


def test_pieces_that_know_less_differ():
    """Control: with five minutes around instead of fifteen, a piece misjudges a gap."""
    text = "oooooo" + "." * 8 + "oooooo"
    assert in_pieces(text, {8}, SETTLE_MS) == intervals(steps(text))
    assert in_pieces(text, {8}, 5 * MINUTE_MS) != intervals(steps(text))


def test_fifteen_minutes_are_enough_for_the_parameters():
    """The bound on moving an end, and the shortest visit, fit the time after which an interval is final."""
    assert (DEFAULT.backdate_min + DEFAULT.shortest_visit_min) * MINUTE_MS <= module.SETTLE_MS
    assert DEFAULT.merge_gap_min * MINUTE_MS <= module.SETTLE_MS
    # a short visit, the longest gap that is merged, and the steps that the next visit's start moved back over
    furthest = DEFAULT.shortest_visit_min - 1 + DEFAULT.merge_gap_min - 1 + DEFAULT.onset_min
    assert furthest * MINUTE_MS <= module.SETTLE_MS
