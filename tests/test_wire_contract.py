"""Topics, points and the small messages: what builds them, what bounds them."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus.wire import lifecycle, names, points, remote, server, topics, update
from campus.wire.errors import WireError

ids = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=64).filter(
    lambda text: text not in topics.RESERVED
)
BOOT = "9f3a61c20000002a"


@given(ids, ids, st.sampled_from(topics.LEAVES))
def test_board_topics_parse_to_what_built_them(site, board, leaf):
    """parse undoes board_topic, room_topic and service_topic."""
    assert server.parse(topics.board_topic(site, board, leaf)) == (site, "board", board, leaf)
    assert server.parse(server.room_topic(site, board)) == (site, "room", board, "state")
    assert server.parse(server.service_topic(site, board)) == (site, "service", board, "availability")


@given(st.text(max_size=80))
def test_an_id_is_what_the_contract_says(text):
    """valid_id agrees with the pattern of the contract on any text."""
    assert topics.valid_id(text) == (
        re.fullmatch(r"[a-z0-9-]{1,64}", text) is not None and text not in ("room", "service")
    )


@given(st.text("ab0_.9A", max_size=12) | st.text(max_size=12))
def test_a_point_is_what_the_contract_says(text):
    """valid_point agrees with its pattern on any text."""
    pattern = r"[a-z][a-z0-9_]{0,47}(\.(0|[1-9][0-9]{0,2}))?"
    assert names.valid_point(text) == (re.fullmatch(pattern, text) is not None)


@given(st.text(max_size=120))
def test_any_topic_text_is_parsed_or_refused(text):
    """parse raises nothing but WireError."""
    with pytest.raises(WireError):
        server.parse(text)


@pytest.mark.parametrize("build", [server.room_topic, server.service_topic])
@pytest.mark.parametrize("bad", ["", "room", "service", "A", "a/b", "+", "#", "x" * 65, None, 5])
def test_no_topic_is_built_from_a_bad_id(build, bad):
    """A wildcard or a slash in an id would reach into other boards' topics."""
    with pytest.raises(WireError):
        build("site", bad)
    with pytest.raises(WireError):
        build(bad, "name")
    with pytest.raises(WireError):
        topics.board_topic("site", bad, "telemetry")


def test_subscriptions_reach_boards_of_all_sites_or_of_one():
    """The filter takes a leaf of every board."""
    assert server.subscription("telemetry") == "campus/v1/+/+/telemetry"
    assert server.subscription("birth", "thcs-1") == "campus/v1/thcs-1/+/birth"
    for build in (server.subscription, lambda leaf: topics.board_topic("thcs-1", "b", leaf)):
        with pytest.raises(WireError):
            build("#")


def test_every_point_of_the_table_is_sound():
    """Names are points without a channel, bounds in order, kinds known, the unit named at the end where it has one."""
    assert len(points.POINTS) >= 30
    for name, (unit, low, high, kind) in points.POINTS.items():
        assert names.valid_point(name) and "." not in name
        assert kind in ("bool", "number", "counter") and isinstance(unit, str)
        assert low is None or high is None or low < high
        if kind == "bool":
            assert (low, high) == (0, 1)


def test_channels_belong_to_their_point():
    """A channel has the unit and range of its point."""
    assert names.base("power_w.12") == "power_w" == names.base("power_w")
    assert points.known("power_w.3") and not points.known("power")
    assert points.limits("power_w.3") == (-25000, 25000)


@pytest.mark.parametrize(
    ("point", "value", "expected"),
    [
        ("co2_ppm", 300, True),
        ("co2_ppm", 299.9, False),
        ("co2_ppm", 10000, True),
        ("co2_ppm", 10000.1, False),
        ("temperature_c", -20, True),
        ("temperature_c", -20.1, False),
        ("power_w.2", -25000, True),
        ("power_w.2", -25001, False),
        ("motion", 1, True),
        ("motion", 0, True),
        ("motion", 0.5, False),
        ("motion", 2, False),
        ("energy_mwh.1", 10**15, True),
        ("energy_mwh.1", -1, False),
        ("rssi_dbm", 1, False),
        ("of_the_future", -1e30, True),
    ],
)
def test_plausible_at_the_ends_of_a_range(point, value, expected):
    """Both ends of a range belong to it; an unknown point may be anything."""
    assert points.plausible(point, value) is expected


@given(
    st.integers(-1, 2**32 - 1),
    st.lists(st.integers(0, 2**32 - 1), unique=True, max_size=40),
)
def test_committed_round_trips_and_keeps_the_lowest_eight_ranges(seq, above):
    """What does not fit is told later: the first ranges are kept, none is widened."""
    ends = sorted(each for each in above if each > seq)
    ranges = list(zip(ends[::2], ends[1::2], strict=False))
    read = lifecycle.decode_committed(server.encode_committed(BOOT, seq, ranges))
    assert read == (BOOT, seq, tuple(ranges[:8]))


@pytest.mark.parametrize("also", [[(3, 2)], [(0, 4)], [(4, 5), (5, 6)], [(4.0, 5)], [(4,)]])
def test_committed_is_not_encoded_from_unsound_ranges(also):
    """A wrong range would make a board drop records that are not stored."""
    with pytest.raises(WireError):
        server.encode_committed(BOOT, 2, also)


def test_a_server_writes_nothing_that_no_board_could_read():
    """Each encoder reads what it wrote."""
    for refused in (
        lambda: server.encode_command("c", "op", [], None),
        lambda: server.encode_command("c", "op", {"x": {1, 2}}, None),
        lambda: server.encode_command("c", "op", {"x": float("nan")}, None),
        lambda: server.encode_command("c", "op", {"x": "x" * 1792}),
        lambda: server.encode_desired(0, {}),
        lambda: server.encode_desired(1, None),
        lambda: server.encode_desired(1, {"ntp": "x" * 1792}),
        lambda: server.encode_update("begin", 100, bytes(255)),
        lambda: server.encode_update("begin", 0.5, bytes(256)),
        lambda: server.encode_update("file", "../main.py", 0, b""),
        lambda: server.encode_update("file", "board/x", 0, bytes(1025)),
        lambda: server.encode_update("erase"),
    ):
        with pytest.raises(WireError):
            refused()


@given(st.integers(0, 204800), st.binary(max_size=1024))
def test_a_piece_of_an_update_round_trips(at, data):
    """Any bytes, and the command around them is never more than a board reads."""
    path = "board/" + "x" * 58
    args = server.encode_update("file", path, at, data)
    command = remote.decode_command(server.encode_command("c" * 64, "update", args, 253402300799999))
    assert update.decode_update(command.args) == ("file", (path, at, data))


WIRE = Path(topics.__file__).parent


@pytest.mark.parametrize("module", sorted(path.stem for path in WIRE.glob("[a-z]*.py")))
def test_each_module_imports_on_a_board(module, micropython):
    """Every module of the contract loads by itself on MicroPython."""
    done = micropython.run(["-c", f"import campus.wire.{module}"], heap_kib=96)
    assert done.returncode == 0, done.stderr
