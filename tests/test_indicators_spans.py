"""Arithmetic of spans: the same as that of sets of whole units."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from campus.indicators.spans import cut, gaps, length, split, union, without

SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 15)).map(lambda one: (one[0], one[0] + one[1])))


def units(spans):
    return {unit for start, end, *_ in spans for unit in range(start, end)}


def ascending(spans):
    return all(a[0] < a[1] < b[0] for a, b in pairwise(spans)) and all(
        start < end for start, end, *_ in spans
    )


@given(SPANS)
def test_a_union_covers_the_same_and_touches_nowhere(spans):
    """Whatever the order, the overlaps and the empty ones."""
    joined = union(spans)
    assert units(joined) == units(spans)
    assert ascending(joined)
    assert length(joined) == len(units(spans))


@given(SPANS, SPANS)
def test_what_is_cut_away_is_gone_and_nothing_else(spans, cuts):
    """`without` is the difference of sets, `gaps` that of everything."""
    left = without(union(spans), union(cuts))
    assert units(left) == units(spans) - units(cuts)
    assert left == union(left)
    assert units(gaps(union(cuts), 0, 80)) == set(range(80)) - units(cuts)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9))), st.lists(st.integers(0, 60), unique=True))
def test_pieces_are_split_at_windows_and_keep_what_is_behind(steps, edges):
    """Each window has the parts of the pieces in it, with their states; windows may leave gaps."""
    pieces, at = [], 0
    for number, (gap, size) in enumerate(steps):
        pieces.append((at + gap, at + gap + size, f"state {number}", number))
        at += gap + size
    ordered = sorted(edges)
    windows = list(zip(ordered[::2], ordered[1::2], strict=False))
    parts = split(pieces, windows)
    assert len(parts) == len(windows)
    for window, within in zip(windows, parts, strict=True):
        assert within == [
            (max(start, window[0]), min(end, window[1]), state, number)
            for start, end, state, number in pieces
            if start < window[1] and end > window[0]
        ]
    assert units(cut(pieces, windows)) == units(pieces) & units(windows)
