"""The ledger of settled records against a model that keeps them all."""

from hypothesis import given
from hypothesis import strategies as st

from collector.ledger import MAX_RANGES, BootLedger, Ledger


@st.composite
def told(draw):
    """(low, seqs) as a message tells them."""
    first = draw(st.integers(0, 40))
    seqs = sorted(draw(st.sets(st.integers(first, first + 8), min_size=1, max_size=6)))
    return draw(st.integers(0, seqs[0])), seqs


@given(st.lists(told(), max_size=60))
def test_the_ledger_equals_a_set_of_all_records(messages):
    """In any order, with any duplicates, each record is new once, and committed, also and gaps follow from the set."""
    boot, settled, low = BootLedger(), set(), 0
    for message_low, seqs in messages:
        low = max(low, message_low)
        assert list(boot.settle(message_low, seqs)) == [seq for seq in seqs if seq not in settled]
        settled |= set(seqs)
        assert {seq for a, b in boot.ranges for seq in range(a, b + 1)} == settled
        assert all(b + 1 < c for (_, b), (c, _) in zip(boot.ranges, boot.ranges[1:], strict=False))
        through, also = boot.committed()
        assert through == next(n for n in range(low - 1, 99) if n + 1 not in settled)
        assert {s for a, b in also for s in range(a, b + 1)} == {s for s in settled if s > through}
        assert boot.gaps() == len(set(range(low)) - settled)


def test_a_record_counted_as_a_gap_is_still_new_when_it_comes():
    """`low` may overtake a record on its way; the gap is then closed, and nothing was lost."""
    ledger = Ledger()
    ledger.settle("s", "b", "9f3a61c2", 0, [0, 1])
    ledger.settle("s", "b", "9f3a61c2", 5, [5])
    assert ledger.gaps() == 3
    assert ledger.committed("s", "b", "9f3a61c2") == (5, [])
    assert ledger.settle("s", "b", "9f3a61c2", 5, [2, 3, 4]) == [2, 3, 4]
    assert ledger.gaps() == 0


def test_ranges_stay_few_whatever_a_board_sends():
    """Holes under low are given up and counted; far out of order above it, records are refused, and stay."""
    boot = BootLedger()
    for seq in range(0, 20 * MAX_RANGES, 2):
        if not boot.refused([seq]):
            boot.settle(0, [seq])
    assert len(boot.ranges) == MAX_RANGES
    assert boot.refused([20 * MAX_RANGES]) and not boot.refused([1]), "what closes a hole is always taken"
    boot.settle(2 * MAX_RANGES - 2, [2 * MAX_RANGES - 1])
    boot.settle(4 * MAX_RANGES, [4 * MAX_RANGES])
    assert len(boot.ranges) <= MAX_RANGES
    assert (
        boot.gaps()
        == 4 * MAX_RANGES - sum(b - a + 1 for a, b in boot.ranges if b < 4 * MAX_RANGES) + boot.closed
    )
