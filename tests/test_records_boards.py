"""Boards as heard, and their placements over time."""

from datetime import UTC, datetime, timedelta

import pytest
from records_stores import BOARD, DATABASES, ROOM, SITE, fill, opened

from campus.records.entities import LastReply, Reported
from campus.records.tables import PlacementTable

NOW = datetime(2026, 10, 5, 3, tzinfo=UTC)


@pytest.fixture(params=DATABASES)
def records(request, tmp_path):
    with opened(request, tmp_path, now=lambda: NOW) as records:
        fill(records)
        yield records


def test_an_unknown_board_is_kept_and_shown_as_unassigned(records):
    """A board of no inventory, of a known or an unknown site, is listed and never dropped."""
    records.saw_board(SITE, "stranger", NOW)
    records.saw_board("elsewhere", "stranger", NOW)
    assert [(board.site, board.id) for board in records.unassigned_boards()] == [
        ("elsewhere", "stranger"),
        (SITE, "stranger"),
    ]
    assert [board.id for board in records.unassigned_boards(SITE)] == ["stranger"]
    assert records.room_of("stranger", NOW) is None


def test_a_declared_board_that_was_never_heard_says_so(records):
    """Before its first message a board of the inventory has no times and no availability."""
    board = records.board(SITE, BOARD)
    assert (board.first_seen, board.last_seen, board.availability, board.points) == (
        None,
        None,
        "unknown",
        {},
    )


def test_what_is_not_told_stays(records):
    """A birth, an availability and plain telemetry each change their own fields only."""
    points = {"co2_ppm": {"unit": "ppm", "max_interval_ms": 60000}}
    records.saw_board(
        SITE, BOARD, NOW, boot="9f3a61c2", birth={"firmware": "1.0", "hardware": "esp32", "points": points}
    )
    records.saw_board(SITE, BOARD, NOW + timedelta(minutes=1), availability="online")
    records.saw_board(SITE, BOARD, NOW - timedelta(days=1))
    board = records.board(SITE, BOARD)
    assert (board.boot, board.firmware, board.hardware, board.points) == ("9f3a61c2", "1.0", "esp32", points)
    assert board.availability == "online"
    assert (board.first_seen, board.last_seen) == (NOW - timedelta(days=1), NOW + timedelta(minutes=1))


def test_what_a_board_reports_is_kept_until_it_reports_again(records):
    """Configuration and last answer are each one value; a birth that tells less leaves them, not its own fields."""
    birth = {
        "firmware": "1.0",
        "reset_cause": "power",
        "access_point": "a0b1c2d3e4f5",
        "notes": ("safe-mode",),
    }
    reported = Reported(7, False, ("config.json: ntp has to be a text",), NOW)
    reply = LastReply("c-1", False, "busy", "an update is running", NOW)
    records.saw_board(SITE, BOARD, NOW, birth=birth, reported=reported, reply=reply)
    board = records.board(SITE, BOARD)
    assert (board.reported, board.last_reply) == (reported, reply)
    assert (board.reset_cause, board.access_point, board.notes) == ("power", "a0b1c2d3e4f5", ("safe-mode",))
    later = NOW + timedelta(minutes=1)
    plain = {**birth, "access_point": None, "notes": ()}
    records.saw_board(SITE, BOARD, later, birth=plain, reply=LastReply("c-2", True, None, None, later))
    board = records.board(SITE, BOARD)
    assert (board.reported, board.last_reply.id, board.last_reply.code) == (reported, "c-2", None)
    assert (board.access_point, board.notes) == (None, ())


def test_a_firmware_is_known_since_it_was_first_heard(records):
    """Births with the same version leave the time, a birth with another sets it."""
    for minute, firmware in enumerate(["1.0", "1.0", "1.1", "1.1"]):
        records.saw_board(SITE, BOARD, NOW + timedelta(minutes=minute), birth={"firmware": firmware})
    assert records.board(SITE, BOARD).firmware_since == NOW + timedelta(minutes=2)


def test_a_board_may_call_itself_anything(records):
    """Texts of a birth that are too long or hold control characters are cut, and never an error."""
    records.saw_board(SITE, BOARD, NOW, boot="f" * 99, birth={"firmware": "x\x00\n" * 500, "hardware": 7})
    board = records.board(SITE, BOARD)
    assert (board.firmware, board.hardware, board.boot) == ("x" * 120, "7", "f" * 32)


def test_ids_that_are_no_ids_are_refused(records):
    """The caller has parsed the topic; anything else is its mistake."""
    with pytest.raises(ValueError, match="not the ids"):
        records.saw_board(SITE, "a/b", NOW)


def test_placements_are_found_by_time(records):
    """[valid_from, valid_to): the first instant belongs, the one before does not."""
    start = records.placements(SITE)[0].valid_from
    before = start - timedelta(milliseconds=1)
    assert records.room_of(BOARD, start) == ROOM and records.room_of(BOARD, before) is None
    assert len(records.placements(SITE, at=start)) == 2 and records.placements(SITE, at=before) == []
    assert [placement.board for placement in records.room_boards(SITE, ROOM, before, NOW)] == [BOARD]
    assert records.room_boards(SITE, ROOM, before, start) == []
    assert records.room_boards(SITE, "a999", before, NOW) == []


def test_equipment_is_no_room(records):
    """A board that only measures a piece of equipment is still unassigned."""
    records.saw_board(SITE, "clamp", NOW)
    with records._database.write() as session:
        session.add(
            PlacementTable(site=SITE, board="clamp", channel=1, equipment="projector-a101", valid_from_ms=0)
        )
    assert [board.id for board in records.unassigned_boards()] == ["clamp"]
