"""What live presence keeps of a series: as good as everything to `fuse`, small, and bounded."""

from hypothesis import given, settings
from hypothesis import strategies as st

from campus.inference.fuse import HOLD_MIN, INPUTS, fuse
from campus.inference.presence import MINUTE_MS
from campus.telemetry import GOOD, HOLD, SeriesKey
from collector import kept
from collector.kept import MOST, Kept

START_MS = 29_900_000 * MINUTE_MS
KEYS = [
    SeriesKey("s", board, point) for board in ("a", "b") for point in (*INPUTS, "motion.1", "door_open.2")
]
ARRIVALS = st.lists(
    st.tuples(
        st.sampled_from(KEYS),
        st.integers(-3 * MINUTE_MS, MINUTE_MS),  # observed, beside now
        st.sampled_from([0.0, 1.0, 0.1, 0.7, 415.3, 1e15]),
        st.sampled_from([GOOD, HOLD]),
    ),
    max_size=12,
)
STEPS = st.lists(st.tuples(st.integers(0, 9 * MINUTE_MS), ARRIVALS), min_size=1, max_size=14)


def minutes_of(steps, forget=Kept.forget):
    """The minutes of a stream in pieces: from all samples there ever were, and from those that are kept."""
    everything = {key: [] for key in KEYS}
    held = {key: Kept(key.point.partition(".")[0]) for key in KEYS}
    now_ms = next_ms = START_MS
    for passed_ms, arrivals in steps:
        for key, beside_ms, value, quality in arrivals:
            everything[key].append((now_ms + beside_ms, value, quality))
            held[key].add(now_ms + beside_ms, value)
        now_ms += passed_ms
        end_ms = now_ms // MINUTE_MS * MINUTE_MS
        wanted = list(fuse(everything, next_ms, end_ms))
        found = list(fuse({key: one.samples() for key, one in held.items()}, next_ms, end_ms))
        yield wanted, found
        next_ms = end_ms
        for one in held.values():
            forget(one, next_ms)


@settings(max_examples=300)
@given(STEPS)
def test_fuse_makes_the_same_of_what_is_kept(steps):
    """Bit for bit, with channels, late and future samples, and pauses longer than a value is held."""
    for wanted, found in minutes_of(steps):
        assert found == wanted


def test_forgetting_too_much_is_seen():
    """The control: without the held minutes a silent sensor no longer counts."""
    a, b = (SeriesKey("s", board, "co2_ppm") for board in ("a", "b"))
    steps = [(MINUTE_MS, [(a, 0, 400.0, GOOD), (b, 0, 800.0, GOOD)]), (MINUTE_MS, [(a, 0, 400.0, GOOD)])]
    assert [found for _, found in minutes_of(steps)][1][0][1] == {"co2_ppm": 600.0}

    def all_of_it(one, next_ms):
        one.forget(next_ms + HOLD_MIN * MINUTE_MS)

    assert any(found != wanted for wanted, found in minutes_of(steps, all_of_it))


def test_a_series_is_bounded():
    """The newest arrivals stay; nothing grows with what a board sends in a minute, or over hours."""
    one = Kept("co2_ppm")
    for n in range(3 * MOST):
        one.add(START_MS + n, float(n))
    assert MOST - MOST // 16 <= len(one) <= MOST
    assert one.samples()[-1] == (START_MS + 3 * MOST - 1, 3.0 * MOST - 1, GOOD)
    for minute in range(600):
        for second in range(60):
            one.add(START_MS + minute * MINUTE_MS + second * 1000, 1.0)
        one.forget(START_MS + (minute + 1) * MINUTE_MS)
        assert minute < 20 or len(one) == HOLD_MIN * 60


def test_what_is_not_held_goes_with_its_minute():
    """A motion counts in its own minute alone."""
    motion, air = Kept("motion"), Kept("co2_ppm")
    for one in (motion, air):
        one.add(START_MS, 1.0)
        one.forget(START_MS + MINUTE_MS)
    assert (len(motion), len(air)) == (0, 1)
    assert kept.LARGEST and not set(kept.LARGEST) & {"co2_ppm", "sound_level_dba", "door_open"}
