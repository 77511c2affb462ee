"""Places edited one by one: what is allowed, what is kept beside, placements that never overlap, exact dirty days."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import count, pairwise
from zoneinfo import ZoneInfo

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from hypothesis import given, settings
from hypothesis import strategies as st
from records_stores import BOARD, DATABASES, ROOM, SITE, example, opened, url_of
from register_school import NOW, PROJECTOR, Clock, document
from sqlalchemy import text

from campus.acting import acting
from campus.errors import NotFound, UsageError
from campus.indicators import RoomFact
from campus.records import open_records, placement_spans
from campus.records.database import Database
from campus.records.inventory import Inventory
from campus.records.migrations import versions
from campus.records.register import Conflict, Stale

DAY = timedelta(days=1)


@pytest.fixture(params=DATABASES)
def records(request, tmp_path):
    with opened(request, tmp_path, now=Clock()) as records:
        records.import_inventory(Inventory.parse(document()), by="Cô Lan")
        yield records


def whats(records):
    return [row.what for row in records.audit_log()][::-1]


# buildings and rooms


def test_a_building_and_a_room_are_added_changed_and_removed(records):
    """Each change raises the version, is in the history by field, and in the audit log with before and after."""
    with acting("lan", "192.168.1.20"):
        building = records.create_building(SITE, {"id": "b", "name": "Dãy B", "floors": 3}, "lan")
        made = records.create_room(
            SITE, {"id": "b201", "name": "B201", "room_type": "classroom", "building": "b"}, "lan"
        )
        changed = records.change_room(SITE, "b201", {"capacity": 40, "name": "Phòng B201"}, "lan", 1)
        records.remove_room(SITE, "b201", "lan", 2)
        records.remove_building(SITE, "b", "lan")
    assert (building.floors, building.version, made.version) == (3, 1, 1)
    assert (changed.capacity, changed.name, changed.version) == (40, "Phòng B201", 2)
    assert "b201" not in [room.id for room in records.rooms(SITE)]
    history = records.place_history(SITE, "room", "b201")
    assert [(one.field, one.before, one.after) for one in history[1:3]] == [
        ("name", "B201", "Phòng B201"),
        ("capacity", None, 40),
    ]
    assert (history[0].field, history[0].before["capacity"], history[0].after) == ("removed", 40, None)
    assert (history[-1].field, history[-1].by, history[-1].how) == ("created", "lan", "edit")
    rows = records.audit_log()[:5][::-1]
    assert [row.what for row in rows] == [
        "building.added", "room.added", "room.changed", "room.removed", "building.removed",
    ]  # fmt: skip
    assert {(row.who, row.from_where, row.site) for row in rows} == {("lan", "192.168.1.20", SITE)}
    assert (rows[2].kind, rows[2].id) == ("room", "b201")
    assert (rows[2].before, rows[2].after) == (
        {"capacity": None, "name": "B201"},
        {"capacity": 40, "name": "Phòng B201"},
    )
    assert records.verify_audit().why is None


def test_the_same_values_again_change_nothing(records):
    """Neither version, nor history, nor audit log."""
    room = records.room(SITE, ROOM)
    before = whats(records), records.place_history(SITE, "room", ROOM)
    again = records.change_room(SITE, ROOM, {"capacity": room.capacity, "name": room.name}, "lan")
    assert again == room
    assert (whats(records), records.place_history(SITE, "room", ROOM)) == before


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"name": "x", "room_type": "classroom"}, "id: field required"),
        ({"id": "A 1", "name": "x", "room_type": "classroom"}, "id: an id is 1 to 64 of a-z"),
        ({"id": "x" * 65, "name": "x", "room_type": "classroom"}, "id: an id is 1 to 64 of a-z"),
        ({"id": "room", "name": "x", "room_type": "classroom"}, "id: an id is"),
        ({"id": "n1", "name": "", "room_type": "classroom"}, "name: "),
        ({"id": "n1", "name": "a\nb", "room_type": "classroom"}, "name: control characters"),
        ({"id": "n1", "name": "x" * 121, "room_type": "classroom"}, "name: "),
        (
            {"id": "n1", "name": "x", "room_type": "hall"},
            "room_type: there is no 'hall'; use one of classroom",
        ),
        ({"id": "n1", "name": "x", "room_type": "classroom", "building": "z"}, "building: there is no 'z'"),
        ({"id": "n1", "name": "x", "room_type": "classroom", "floor": 101}, "floor: "),
        ({"id": "n1", "name": "x", "room_type": "classroom", "capacity": 0}, "capacity: "),
        ({"id": "n1", "name": "x", "room_type": "classroom", "capacity": "40"}, "capacity: "),
        ({"id": "n1", "name": "x", "room_type": "classroom", "area_m2": float("nan")}, "area_m2: "),
        ({"id": "n1", "name": "x", "room_type": "classroom", "volume_m3": 1e9}, "volume_m3: "),
        ({"id": "n1", "name": "x", "room_type": "classroom", "colour": "red"}, "colour: "),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_written(tmp_path, values, expected):
    """As the inventory import names it; the room is not there."""
    with open_records("sqlite", tmp_path, now=Clock()) as records:
        records.import_inventory(Inventory.parse(document()))
        before = records.rooms(SITE), whats(records)
        with pytest.raises(UsageError) as caught:
            records.create_room(SITE, values, "lan")
        assert str(caught.value).startswith(expected)
        with pytest.raises(UsageError) as caught:
            records.change_room(SITE, ROOM, {**values, "id": ROOM}, "lan")
        assert str(caught.value).startswith("id: not a field that can be changed")
        assert (records.rooms(SITE), whats(records)) == before


def test_an_id_that_is_taken_and_a_stale_version_are_conflicts(records):
    """Another's change is not overwritten: Stale names both versions; an id is given once."""
    with pytest.raises(Conflict, match="there is a room 'a101' already"):
        records.create_room(SITE, {"id": ROOM, "name": "x", "room_type": "classroom"}, "lan")
    records.change_room(SITE, ROOM, {"name": "Phòng 1"}, "lan", 1)
    records.change_building(SITE, "a", {"floors": 2}, "lan", 1)
    records.change_board(SITE, BOARD, {"note": "trên cửa"}, "lan")
    for stale in (
        lambda: records.change_room(SITE, ROOM, {"name": "Phòng 2"}, "minh", 1),
        lambda: records.remove_room(SITE, ROOM, "minh", 1),
        lambda: records.change_building(SITE, "a", {"floors": 3}, "minh", 1),
        lambda: records.remove_building(SITE, "a", "minh", 1),
        lambda: records.change_board(SITE, BOARD, {"name": "x"}, "minh", 1),
        lambda: records.place_board(SITE, BOARD, "a102", NOW, "minh", version=1),
    ):
        with pytest.raises(Stale, match=r"changed by somebody else \(version \d, not 1\)"):
            stale()
    assert records.room(SITE, ROOM).name == "Phòng 1" and records.room(SITE, ROOM).version == 2


def test_the_inventory_raises_versions_too(records):
    """Who read before an import is refused after it, of a room, a building, a board and where it is."""
    document_now = document()
    document_now["rooms"][0]["capacity"] = 50
    document_now["buildings"][0]["floors"] = 4
    document_now["boards"][0]["name"] = "Bảng 1"
    document_now["placements"].append({"board": BOARD, "room": "a102", "from": "2026-11-01"})
    before = records.board(SITE, BOARD).version
    records.import_inventory(Inventory.parse(document_now))
    assert (records.room(SITE, ROOM).version, records.building(SITE, "a").version) == (2, 2)
    board = records.board(SITE, BOARD)
    assert (board.name, board.version) == ("Bảng 1", before + 2)
    told = records.place_history(SITE, "board", BOARD)
    assert (told[0].field, told[0].how, told[0].after[-1]["room"]) == ("room", "import", "a102")
    assert any("a102 from 2026-11-01" in line for line in records.audit_log()[0].after["changes"])


def test_what_others_refer_to_is_not_removed(records):
    """The refusal names what refers and what to do; nothing is changed."""
    records.create_building(SITE, {"id": "b", "name": "B"}, "lan")
    records.change_room(SITE, "a102", {"building": "b"}, "lan")
    with pytest.raises(
        Conflict, match=r"building 'b' cannot be removed: 1 room \(a102\) in it: move or remove"
    ):
        records.remove_building(SITE, "b", "lan")
    with pytest.raises(Conflict) as caught:
        records.remove_room(SITE, ROOM, "lan")
    for part in (
        f"1 board ({BOARD}) placed in it",
        f"1 piece of equipment ({PROJECTOR}) in it: record another room",
        "1 class (6A) with it as home room",
        "1 class (6A) with lessons in it: import a timetable without it",
    ):
        assert part in str(caught.value)
    for path, number in (("stocktaking", 1), ("facts", 2)):
        room = f"x{number}"
        records.create_room(SITE, {"id": room, "name": "x", "room_type": "classroom"}, "lan")
        if path == "stocktaking":
            records.begin_stocktaking(SITE, room, "lan")
        else:
            derived(records, room)
        with pytest.raises(Conflict, match="what was measured or taken stock of in it is kept"):
            records.remove_room(SITE, room, "lan")
    assert {"a101", "a102", "x1", "x2"} <= {room.id for room in records.rooms(SITE)}


def test_places_of_another_school_are_not_found(records):
    """Ids of another site, and what is no id, change nothing and are named in one line."""
    other = {"site": {"id": "other", "name": "Trường khác"}, "rooms": [
        {"id": "z1", "name": "z", "room_type": "classroom"}], "boards": [{"id": "b-z"}],
        "equipment": [{"id": "tv-z", "name": "tv", "kind": "tv"}],
    }  # fmt: skip
    records.import_inventory(Inventory.parse(other))
    for id in ("z1", "nowhere", "a'b", "a\nb", "<b>", "x" * 10_000, "\ud800", ""):
        for ask in (
            lambda id=id: records.change_room(SITE, id, {"name": "x"}, "lan"),
            lambda id=id: records.remove_room(SITE, id, "lan"),
            lambda id=id: records.remove_building(SITE, id, "lan"),
            lambda id=id: records.change_room(id, ROOM, {"name": "x"}, "lan"),
            lambda id=id: records.place_board(SITE, id, ROOM, NOW, "lan"),
            lambda id=id: records.place_history(SITE, "room", id),
        ):
            with pytest.raises(NotFound) as caught:
                ask()
            assert "\n" not in str(caught.value) and len(str(caught.value)) < 250
    for room, channels in (("z1", None), (ROOM, {1: "tv-z"})):
        with pytest.raises(UsageError, match="there is no"):
            records.place_board(SITE, BOARD, room, NOW, "lan", channels)
    with pytest.raises(NotFound):
        records.place_board(SITE, "b-z", ROOM, NOW, "lan")


def derived(records, room, through=NOW):
    """As if the collector had derived the room until then."""
    ms = int(through.timestamp() * 1000)
    records.store_derivation(SITE, room, ms - 60_000, ms, [], [], [], ms)


def test_another_capacity_makes_the_facts_of_the_room_dirty(records):
    """As by the inventory: every date with facts of this room, and no other field does it."""
    start = datetime(2026, 11, 16, 0, 0, tzinfo=UTC)
    ms = int(start.timestamp() * 1000)
    lesson = start, start + timedelta(minutes=45), "lesson", "morning", 1, None, None
    fact = RoomFact(SITE, ROOM, date(2026, 11, 16), *lesson, 45.0, 45.0, 40.0, "unscheduled")
    records.store_derivation(SITE, ROOM, ms, ms + 3_600_000, [], [fact], [], ms + 3_600_000)
    records.change_room(SITE, ROOM, {"name": "Phòng 1", "floor": 2, "area_m2": 60}, "lan")
    assert records.dirty(SITE) == []
    records.change_room(SITE, ROOM, {"capacity": 30}, "lan")
    (one,) = records.dirty(SITE)
    assert (one.room, one.start, one.end, one.again) == (
        ROOM,
        date(2026, 11, 16),
        date(2026, 11, 17),
        "facts",
    )


# placements


def test_moving_a_board_ends_what_was(records):
    """From the moment on it is in the other room and meters nothing of the old one; before, all is as it was."""
    found = records.place_board(SITE, BOARD, "a102", NOW, "minh")
    assert [(one.room, one.valid_from, one.valid_to) for one in found] == [("a102", NOW, None)]
    was = records.placements(SITE, NOW - timedelta(milliseconds=1))
    assert [(one.room, one.equipment, one.valid_to) for one in was] == [
        (ROOM, None, NOW),
        (None, PROJECTOR, NOW),
    ]
    assert records.room_of(BOARD, NOW) == "a102"
    assert records.place_board(SITE, BOARD, "a102", NOW, "minh") == found
    assert whats(records).count("board.placed") == 1
    last = records.audit_log()[0]
    assert (last.what, last.kind, last.id, set(last.before)) == (
        "board.placed",
        "board",
        BOARD,
        {"room", "channel 1"},
    )


def test_a_board_keeps_its_channels_while_it_stays(records):
    """Left out they stay; given they are all; out of its room it meters nothing."""
    assert len(records.place_board(SITE, BOARD, ROOM, NOW, "minh")) == 2
    found = records.place_board(SITE, BOARD, ROOM, NOW, "minh", {2: "tv-1"})
    assert [(one.channel, one.equipment) for one in found] == [(None, None), (2, "tv-1")]
    assert records.place_board(SITE, BOARD, ROOM, NOW, "minh", {})[0].room == ROOM
    assert records.place_board(SITE, BOARD, None, NOW + DAY, "minh") == []
    assert records.board_placements(SITE, BOARD, NOW)[0].valid_to == NOW + DAY
    assert records.unassigned_boards(SITE) == []  # it still is there today
    records.place_board(SITE, BOARD, None, NOW, "minh")
    assert [one.id for one in records.unassigned_boards(SITE)] == [BOARD]


def test_what_is_planned_later_stays(records):
    """A correction of the past ends where the next placement begins."""
    records.place_board(SITE, BOARD, "a102", NOW, "minh")
    records.create_room(SITE, {"id": "a103", "name": "x", "room_type": "classroom"}, "lan")
    found = records.place_board(SITE, BOARD, "a103", NOW - DAY, "minh")
    assert [(one.room, one.valid_from, one.valid_to) for one in found if one.room] == [
        ("a103", NOW - DAY, NOW),
        ("a102", NOW, None),
    ]


def test_a_local_time_is_that_of_the_site(records):
    """Without an offset; of a year that cannot be, it is refused."""
    local = datetime(2026, 11, 1, 7, 0)  # noqa: DTZ001 - what is tested
    found = records.place_board(SITE, BOARD, "a102", local, "minh")
    assert found[0].valid_from == datetime(2026, 11, 1, 0, 0, tzinfo=UTC)
    with pytest.raises(UsageError, match="not a time from 2000 to 2199"):
        records.place_board(SITE, BOARD, "a102", datetime(1970, 1, 1, tzinfo=UTC), "minh")


@pytest.mark.parametrize(
    ("room", "channels", "expected"),
    [
        (None, {1: PROJECTOR}, "channels: a board that is in no room"),
        (ROOM, {1: "nothing"}, "channels.1: there is no 'nothing'"),
        (ROOM, {1000: PROJECTOR}, "channels: '1000' is not the number"),
        (ROOM, {-1: PROJECTOR}, "channels: '-1' is not the number"),
        (ROOM, {"1": PROJECTOR}, "channels: '1' is not the number"),
        (ROOM, {1: PROJECTOR, 2: PROJECTOR}, "channels: 'projector-a101' is given for two"),
        (ROOM, dict.fromkeys(range(65), PROJECTOR), "channels: 65 are given"),
    ],
)
def test_a_wrong_placement_is_refused_as_a_whole(tmp_path, room, channels, expected):
    """And leaves the placements as they were."""
    with open_records("sqlite", tmp_path, now=Clock()) as records:
        records.import_inventory(Inventory.parse(document()))
        before = records.placements(SITE)
        with pytest.raises(UsageError) as caught:
            records.place_board(SITE, BOARD, room, NOW, "minh", channels)
        assert str(caught.value).startswith(expected)
        assert records.placements(SITE) == before


ROOMS, PIECES = ("r1", "r2", "r3"), ("p1", "p2")
START = datetime(2026, 10, 31, 17, tzinfo=UTC)  # a local midnight
STEPS = 20  # of half a day
THROUGH = 15  # up to here the rooms are derived
NUMBERS = count()


def at(step):
    return START + step * timedelta(hours=12)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Rooms derived through step THROUGH; each example has a board of its own."""
    with open_records("sqlite", tmp_path_factory.mktemp("lab"), now=lambda: at(THROUGH)) as records:
        made = {
            "site": {"id": SITE, "name": "x"},
            "room_types": [{"id": "classroom", "name_vi": "x", "name_en": "x"}],
            "rooms": [{"id": id, "name": id, "room_type": "classroom"} for id in ROOMS],
            "equipment": [{"id": id, "name": id, "kind": "tv"} for id in PIECES],
        }
        records.import_inventory(Inventory.parse(made))
        for room in ROOMS:
            derived(records, room, at(THROUGH))
        yield records


EDITS = st.lists(
    st.tuples(
        st.sampled_from((None, *ROOMS)),
        st.integers(0, STEPS - 1),
        st.none() | st.dictionaries(st.sampled_from((1, 2)), st.sampled_from(PIECES), max_size=1),
    ),
    min_size=1,
    max_size=8,
)


class Model:
    """What holds in each step, by the words of the documentation."""

    def __init__(self):
        self.held = {None: [None] * STEPS, 1: [None] * STEPS, 2: [None] * STEPS}

    def place(self, room, step, channels):
        """The steps in which something is said anew: room -> steps."""
        rooms = self.held[None]
        until = next(
            (n for n in range(step + 1, STEPS) if rooms[n] is not None and rooms[n] != rooms[n - 1]), STEPS
        )
        before = {thing: list(held) for thing, held in self.held.items()}
        moves = any(rooms[n] != room for n in range(step, until))
        said = {} if channels is None and moves else channels
        for n in range(step, until):
            rooms[n] = room
            for channel in (1, 2):
                if said is not None:
                    self.held[channel][n] = said.get(channel)
        touched = {}
        for n in range(STEPS):
            if before[None][n] != rooms[n]:
                for one in {before[None][n], rooms[n]} - {None}:
                    touched.setdefault(one, set()).add(n)
            if rooms[n] and any(before[one][n] != self.held[one][n] for one in (1, 2)):
                touched.setdefault(rooms[n], set()).add(n)
        return touched


def checked(records, edits):
    """Make the edits on a new board, and compare with the model after each."""
    board = f"b-{next(NUMBERS)}"
    records.saw_board(SITE, board, None)
    model = Model()
    for room, step, channels in edits:
        if room is None and channels:
            continue
        records.settle([one.number for one in records.dirty(SITE)])
        touched = model.place(room, step, channels)
        records.place_board(SITE, board, room, at(step), "minh", channels)
        rows = records.board_placements(SITE, board)
        by_thing = {}
        for row in rows:
            by_thing.setdefault(row.channel, []).append(row)
        for held in by_thing.values():
            for one, other in pairwise(sorted(held, key=lambda row: row.valid_from)):
                assert one.valid_to is not None and one.valid_to <= other.valid_from, (one, other)
        for n in range(STEPS):
            for thing, held in model.held.items():
                now = [
                    row.room or row.equipment
                    for row in by_thing.get(thing, ())
                    if row.valid_from <= at(n) and (row.valid_to is None or at(n) < row.valid_to)
                ]
                assert now == ([held[n]] if held[n] else []), (n, thing, rows)
        dirty = {
            (one.room, one.start + n * DAY)
            for one in records.dirty(SITE)
            for n in range((one.end - one.start).days)
        }
        zone = ZoneInfo("Asia/Ho_Chi_Minh")
        assert dirty == {
            (room, at(n).astimezone(zone).date())
            for room, steps in touched.items()
            for n in steps
            if n < THROUGH
        }


@settings(max_examples=40, deadline=None)
@given(EDITS)
def test_any_sequence_of_placements_never_overlaps_and_dirties_exactly_its_days(lab, edits):
    """Against a model by half days: what holds when, no two at once, and the local dates to be derived anew."""
    checked(lab, edits)


SEQUENCE = [("r1", 2, {1: "p1"}), ("r2", 6, None), ("r3", 4, {2: "p2"}), (None, 8, None)]


def test_placements_that_are_not_cut_would_be_noticed(lab, monkeypatch):
    """The control: with the cut left out, the check fails; and it passes with the cut."""
    checked(lab, SEQUENCE)

    def uncut(spans, board, channel, start_ms, end_ms, target):
        made = dict(spans)
        if target is not None:
            room, piece = (target, None) if channel is None else (None, target)
            made[board, channel, start_ms] = placement_spans.Span(room, piece, end_ms)
        return made

    monkeypatch.setattr(placement_spans, "overwritten", uncut)
    with pytest.raises(AssertionError):
        checked(lab, SEQUENCE)


def test_dates_noted_too_widely_or_not_at_all_would_be_noticed(lab, monkeypatch):
    """The control: with every change noted from the first step on, or none, the check fails."""
    moved = placement_spans.moved
    for wrong in (lambda *_: [], lambda *sides: [_early(one) for one in moved(*sides)]):
        monkeypatch.setattr(placement_spans, "moved", wrong)
        with pytest.raises(AssertionError):
            checked(lab, SEQUENCE)


def _early(one):
    return type(one)(one.board, one.rooms, int(START.timestamp() * 1000), one.end_ms)


def test_many_who_place_one_board_at_once_leave_no_overlap(records):
    """Each edit sees the one before: one board, eight threads."""
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda n: records.place_board(SITE, BOARD, ("a101", "a102")[n % 2], NOW + n * DAY, "x"),
                range(16),
            )
        )
    rows = sorted(
        (one for one in records.board_placements(SITE, BOARD) if one.room), key=lambda one: one.valid_from
    )
    for one, other in pairwise(rows):
        assert one.valid_to is not None and one.valid_to <= other.valid_from
    assert records.verify_audit().why is None


# schema

RELEASED = sorted(
    name.removesuffix(".py").split("_")[0]
    for name in __import__("os").listdir(versions.__path__[0])
    if name[:4].isdigit() and name[:4] < "0009"
)


@pytest.mark.parametrize("revision", RELEASED)
@pytest.mark.parametrize("records_url", DATABASES, indirect=True)
def test_places_of_every_released_schema_can_be_edited(records_url, tmp_path, monkeypatch, revision):
    """They are brought forward with version 1, and their boards without a name."""
    monkeypatch.setattr(ScriptDirectory, "get_current_head", lambda self: revision)
    upgrade = command.upgrade
    monkeypatch.setattr(command, "upgrade", lambda config, head: upgrade(config, revision))
    database = Database.open(records_url, tmp_path)
    with database.write() as session:
        for statement in (
            "INSERT INTO site (id, name, tz, calendar_version) VALUES ('s', 'S', 'Asia/Ho_Chi_Minh', '')",
            "INSERT INTO building (site, id, name) VALUES ('s', 'a', 'A')",
            "INSERT INTO room_type (id, name_vi, name_en, in_frequency_rate) VALUES ('c', 'c', 'c', true)",
            "INSERT INTO room (site, id, name, building, room_type) VALUES ('s', 'r', 'R', 'a', 'c')",
            "INSERT INTO board (site, id, points, availability) VALUES ('s', 'b', '{}', 'online')",
            "INSERT INTO placement (site, board, room, valid_from_ms) VALUES ('s', 'b', 'r', 1)",
        ):
            session.execute(text(statement))
    database.close()
    monkeypatch.undo()
    with open_records(records_url, tmp_path, now=Clock()) as records:
        assert (records.room("s", "r").version, records.building("s", "a").version) == (1, 1)
        board = records.board("s", "b")
        assert (board.name, board.note, board.version) == (None, None, 1)
        assert records.change_room("s", "r", {"name": "R1"}, "lan", 1).version == 2
        assert records.place_board("s", "b", None, NOW, "lan")[:1] == []
        with pytest.raises(Conflict, match=r"1 board \(b\) placed in it"):
            records.remove_room("s", "r", "lan")


@pytest.fixture
def records_url(request):
    return url_of(request)


def test_room_types_that_all_schools_share_are_kept_where_asked(records):
    """The same again is let through; another name, or a new type, is refused as a whole."""
    same = Inventory.parse(example())
    records.import_inventory(same, keeps_room_types=True)
    for changed in (
        [{"id": "classroom", "name_vi": "Phòng khác", "name_en": "Classroom"}],
        [{"id": "hall", "name_vi": "Hội trường", "name_en": "Hall"}],
    ):
        made = example() | {"room_types": changed, "rooms": []}
        made["site"]["name"] = "Tên khác"
        with pytest.raises(UsageError, match=r"room_types\[0\]: all schools share"):
            records.import_inventory(
                Inventory.parse({"site": made["site"], "room_types": changed}), keeps_room_types=True
            )
        assert records.site(SITE).name == "THCS Hòa Bình"
