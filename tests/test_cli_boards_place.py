"""`campus board place` and `unplace` as a person uses them."""

import pytest
from records_stores import BOARD
from register_school import SITE, school
from test_register_commands import campus

from campus.records import open_records


@pytest.fixture
def place(tmp_path):
    school(tmp_path / "data").close()
    return tmp_path


def ran(place, *words) -> list[str]:
    done = campus("board", *words, cwd=place)
    assert done.returncode == 0, done
    return done.stdout.splitlines()


def test_a_board_is_placed_and_taken_out(place):
    """From a local time on, with what it meters; then in no room; the history and the audit log tell who."""
    told = ran(place, "place", BOARD, "a102", "--at", "2026-11-16T07:00", "--channel", "2=tv-1")
    assert told == [
        f"{BOARD} in a102 from 2026-11-16 07:00+07:00",
        "channel 2 on tv-1 from 2026-11-16 07:00+07:00",
    ]
    assert ran(place, "unplace", BOARD, "--at", "2026-11-18") == [f"{BOARD} is in no room."]
    with open_records("sqlite", place / "data") as records:
        assert [one.field for one in records.place_history(SITE, "board", BOARD)][:2] == ["channel 2", "room"]
        row = records.audit_log(limit=1)[0]
        assert (row.what, row.from_where) == ("board.placed", "command line")
        assert row.after["room"][0]["to"] == "2026-11-17T17:00:00.000+00:00"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("place", BOARD, "a999"), "room: there is no 'a999'"),
        (("place", "nothing", "a102"), "There is no board 'nothing'"),
        (("place", BOARD, "a102", "--at", "tomorrow"), "--at is 'tomorrow'"),
        (("place", BOARD, "a102", "--at", "1969-01-01"), "not a time from 2000 to 2199"),
        (("place", BOARD, "a102", "--channel", "tv-1"), "--channel is 'tv-1'"),
        (("place", BOARD, "a102", "--channel", "1=tv-1", "--channel", "1=set-1"), "--channel names 1 twice"),
        (("unplace", BOARD, "--site", "other"), "There is no site 'other'"),
    ],
)
def test_what_is_wrong_is_one_line_and_changes_nothing(place, words, told):
    """Exit code 1 or 2, the placements as they were."""
    with open_records("sqlite", place / "data") as records:
        before = records.placements(SITE)
    done = campus("board", *words, cwd=place)
    assert done.returncode in (1, 2) and told in done.stderr and len(done.stderr.splitlines()) == 1
    with open_records("sqlite", place / "data") as records:
        assert records.placements(SITE) == before
