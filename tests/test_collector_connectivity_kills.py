"""A collector that is killed at any moment: at most the time since its last look is unknown, and no board is blamed."""

from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from connectivity_school import SITE, STEP, Boards
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from test_collector_derive import DAY, INVENTORY, MINUTE, START

from campus.inference import LOST, UNKNOWN
from campus.records import open_records
from campus.records.inventory import Inventory
from collector.batch import Sighting
from collector.connectivity import Connectivity
from collector.places import Places

NAMES = ["board-1", "board-2", "board-3"]
RUNS = st.lists(
    st.tuples(
        st.integers(1, 20),  # half minutes it runs
        st.sets(st.sampled_from(NAMES[1:])),  # that fall silent
        st.booleans(),  # whether something came after the last look
        st.integers(0, 30),  # minutes until the next start
    ),
    min_size=1,
    max_size=4,
)


def killed(folder, runs):
    """(stored states per board, when each spoke, the last looks before the kills)."""
    now, spoke, looks, states = START, {board: [] for board in NAMES}, [], {}
    for halves, silent, more, down in runs:
        with open_records("sqlite", folder) as records:
            if not records.sites():
                records.import_inventory(Inventory.model_validate(INVENTORY))
            connectivity, since = Connectivity(records, Places(records, lambda: 0)), now
            for half in range(halves + more):
                now += STEP
                for n, board in enumerate(NAMES):
                    if board not in silent and half % 2 == n % 2:
                        spoke[board].append(now)
                        connectivity.saw(Sighting(SITE, board, now), 3 * MINUTE)
                if half < halves:
                    connectivity.turn(now, since)
            looks.append(now - more * STEP)
            states = {board: records.availability(SITE, board, START, START + DAY) for board in NAMES}
        now += down * MINUTE + 1
    return states, spoke, looks


def faults(states, spoke, looks):
    """What is wrong with the states, in words."""
    for board, each in states.items():
        for one in each:
            if one.state == LOST and any(one.start_ms < at < one.end_ms for at in spoke[board]):
                yield f"{board} is lost while it spoke: {one}"
            # Heard with the last look it was there for a millisecond more.
            if (
                one.state == UNKNOWN
                and one is not each[0]
                and not {one.start_ms, one.start_ms - 1} & {*looks}
            ):
                yield f"{board} is unknown since another time than a last look: {one}"
        if any(one.end_ms != after.start_ms for one, after in pairwise(each)):
            yield f"{board} has holes: {each}"
        if each and each[-1].end_ms != looks[-1]:
            yield f"{board} is not stored up to the last look: {each[-1]}"
    if LOST in {one.state for one in states["board-1"]}:
        yield "board-1 spoke all the time, and was lost"


@settings(max_examples=10, phases=[Phase.explicit, Phase.generate])
@given(RUNS)
def test_a_kill_at_any_moment_is_no_loss(runs):
    """Whatever ran for how long, whoever was silent then, and however long nobody listened."""
    with TemporaryDirectory() as folder:
        assert not list(faults(*killed(Path(folder), runs)))


def test_a_stop_that_counted_as_listened_would_be_noticed(tmp_path):
    """The control: with the time of the stop taken for listened, boards that spoke are lost."""

    def all_of_it(self, now_ms, since_ms):
        start, self._until_ms = self._until_ms or since_ms, now_ms
        if start >= now_ms:
            return None
        self._listened = [(start, now_ms)]
        return start, now_ms

    with patch.object(Connectivity, "_span", all_of_it):
        found = list(faults(*killed(tmp_path, [(20, set(), False, 20), (20, set(), False, 0)])))
    assert "board-1 spoke all the time, and was lost" in found


def test_a_state_that_went_on_from_its_last_change_would_be_noticed(tmp_path):
    """The control: what had not changed since is taken as silent since."""
    runs = [(25, set(), False, 20), (25, set(), False, 0)]
    with patch("collector.connectivity._FOR_EVER_MS", 3 * MINUTE):
        assert list(faults(*killed(tmp_path / "a", runs)))
    assert not list(faults(*killed(tmp_path / "b", runs)))


def test_what_came_after_the_last_look_is_taken_from_the_journal(tmp_path):
    """A birth that was durable when the process was killed is a start all the same; a last will too."""
    school = Boards(tmp_path, NAMES)
    for board in NAMES:
        school.birth(board)
    school.run(5)
    school.birth("board-1", "brownout")
    school.say("board-2", "offline")
    school.now_ms += 1000
    school.take_in()
    school.close()
    again = Boards(tmp_path, NAMES, school.now_ms + 10 * STEP)
    again.speaking.clear()
    again.pipeline.pump()
    again.run(5)
    assert [one.reset_cause for one in again.records.board_starts(SITE, START)["board-1"]] == [
        "power-on",
        "brownout",
    ]
    assert "offline" in str(again.availability("board-2"))
    again.close()
