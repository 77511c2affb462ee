"""The outbox against a model of the contract: whatever happens, a record is committed, kept or counted as dropped."""

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from campus.wire.server import seqs
from campus.wire.telemetry import decode, encode
from firmware.board.outbox import Outbox
from firmware.board.ring import Ring
from firmware.board.sampling import Record
from simulator.shelf import Shelf

BOOT = "9f3a61c20000002a"
CAPACITY = 6
MEMORY_BYTES = 300  # so little that its end is met often, and some records find no room at all
POINTS = ["co2_ppm", "temperature_c", "motion", "power_w.1", "energy_mwh.12"]
NUMBERS = st.one_of(
    st.integers(-(10**9), 10**9), st.floats(-1e30, 1e30, allow_nan=False), st.sampled_from([0.1, 23.4, 1e-7])
)
RECORDS = st.builds(
    lambda step, clock, values, reason: (
        step,
        clock,
        values,
        {point: reason for point, value in values.items() if value is None} or None,
    ),
    st.integers(-3, 100_000),
    st.sampled_from(["ntp", "ntp", "ntp", "hold", "up"]),
    st.dictionaries(st.sampled_from(POINTS), st.one_of(st.none(), NUMBERS), min_size=1),
    st.sampled_from(["warmup", "crc", "timeout"]),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), RECORDS),
        st.tuples(st.just("add"), RECORDS),
        st.tuples(st.just("send"), st.integers(0, 3)),
        st.tuples(st.just("collect"), st.sets(st.integers(0, 40))),
        st.tuples(st.just("resend"), st.one_of(st.none(), st.integers(1, 5))),
        st.tuples(st.just("other boot"), st.integers(0, 100)),
    ),
    max_size=80,
)


def ranges(settled, low):
    """(seq, also) as a collector that holds `settled` says it to a board that keeps from `low` on."""
    runs = []
    for seq in sorted(seq for seq in settled if seq >= low):
        if runs and runs[-1][1] == seq - 1:
            runs[-1][1] = seq
        else:
            runs.append([seq, seq])
    through = runs.pop(0)[1] if runs and runs[0][0] == low else low - 1
    return through, runs[:8]


def follow(outbox, steps):
    """Play `steps` against a model; AssertionError where the outbox and the contract part."""
    added, committed, on_the_way = {}, set(), []
    now = 1_795_326_683_120
    for what, detail in steps:
        if what == "add":
            step, clock, values, why = detail
            now += step
            record = Record(now, clock, values, why)
            seq = outbox.add(record)
            assert seq == len(added)
            added[seq] = record
        elif what == "send":
            for _ in range(detail):
                message = outbox.message()
                if message is None:
                    break
                payload = encode(message)
                assert len(payload) <= 1024
                check(decode(payload), added)
                outbox.sent(message)
                on_the_way.append(message)
        elif what == "collect":  # some of the messages on the way arrive, the rest is lost
            settled = {
                seq
                for place, each in enumerate(on_the_way)
                if place in detail
                for seq in seqs(each)
                if seq >= outbox.low
            }
            on_the_way = []
            through, also = ranges(settled | {seq for seq in committed if seq >= outbox.low}, outbox.low)
            covered = {
                seq for first, last in [(outbox.low, through), *also] for seq in range(first, last + 1)
            }
            before = outbox.depth
            assert outbox.committed(BOOT, through, also) == before - outbox.depth
            committed |= covered & settled
        elif what == "resend":
            outbox.resend(detail)
        else:
            assert outbox.committed("00000000", detail) == 0
        kept = outbox.depth
        assert kept + outbox.dropped + len(committed) == len(added)
        assert 0 <= outbox.pending <= kept <= CAPACITY
        assert outbox.low <= outbox.next_seq
    return added, committed


def check(telemetry, added):
    """A message says of its records exactly what was added."""
    for seq, row in zip(seqs(telemetry), telemetry.rows, strict=True):
        record = added[seq]
        assert (telemetry.ts_ms + row[1], telemetry.clock) == (record.observed_at_ms, record.clock)
        values = {p: v for p, v in zip(telemetry.columns, row[2:], strict=True) if v != "-"}
        assert values == record.values
        for point, reason in (record.why or {}).items():
            assert telemetry.why[point] == reason
    assert telemetry.low <= telemetry.seq


@pytest.mark.parametrize(
    "ring", [lambda: Ring(CAPACITY, MEMORY_BYTES), lambda: Shelf(CAPACITY)], ids=["ring", "shelf"]
)
@settings(max_examples=300)
@given(steps=STEPS)
def test_every_record_is_committed_kept_or_counted(ring, steps):
    """Adds, sends, losses, commits and resends in any order; at the end all that is kept can still be sent."""
    outbox = Outbox(BOOT, CAPACITY, ring())
    added, _ = follow(outbox, steps)
    outbox.resend()
    seen = []
    while (message := outbox.message()) is not None:
        outbox.sent(message)
        check(message, added)
        seen += seqs(message)
    assert len(seen) == outbox.depth
    assert seen == sorted(set(seen))
    assert not seen or seen[0] == outbox.low


class FreesOnceSent(Outbox):
    """The defect: what was handed to the broker is let go."""

    def sent(self, telemetry):
        super().sent(telemetry)
        self.committed(self.boot, telemetry.seq + telemetry.rows[-1][0])


class FreesAllBelow(Outbox):
    """The defect: a range above a gap frees the gap too."""

    def committed(self, boot, seq, also=()):
        return super().committed(boot, also[-1][1] if also else seq)


class ForgetsToCount(Outbox):
    """The defect: what a full ring pushes out is not counted."""

    def add(self, record):
        seq = super().add(record)
        self.dropped = 0
        return seq


class AnyBoot(Outbox):
    """The defect: a word meant for an earlier boot frees records of this one."""

    def committed(self, boot, seq, also=()):
        return super().committed(self.boot, seq, also)


@pytest.mark.parametrize("defect", [FreesOnceSent, FreesAllBelow, ForgetsToCount, AnyBoot])
def test_control_the_model_finds_each_defect(defect):
    """The property above fails for an outbox with a defect put in."""

    @settings(max_examples=2000, database=None, print_blob=False, phases=[Phase.generate])
    @given(STEPS)
    def property_of_the_defect(steps):
        follow(defect(BOOT, CAPACITY), steps)

    with pytest.raises(AssertionError):
        property_of_the_defect()
