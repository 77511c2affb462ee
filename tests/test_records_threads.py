"""One Records shared by threads, and several programs on one SQLite file."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from records_stores import DATABASES, ROOM, SITE, fill, opened
from sqlalchemy import text

from campus.errors import StoreError
from campus.inference import OCCUPIED, VACANT, Interval
from campus.records import Records, open_records

NOW = datetime(2026, 10, 5, 3, tzinfo=UTC)


@pytest.fixture(params=DATABASES)
def records(request, tmp_path):
    with opened(request, tmp_path, now=lambda: NOW) as records:
        fill(records, rooms=4)
        yield records


def test_threads_share_one_door(records):
    """Writers of rooms, boards and sessions and their readers, all at once: nothing fails and nothing is lost."""
    person = records.sign_in("admin", records.ensure_admin())

    def derive(room: str) -> None:
        for day in range(10):
            states = [
                Interval(day * 10, day * 10 + 5, OCCUPIED),
                Interval(day * 10 + 5, day * 10 + 10, VACANT),
            ]
            records.store_derivation(SITE, room, day * 10, day * 10 + 10, states, [], [], day * 10 + 10)

    def hear(board: str) -> None:
        for minute in range(10):
            records.saw_board(SITE, board, NOW + timedelta(minutes=minute))

    def look(_: str) -> None:
        for _ in range(10):
            token = records.create_session(person, hours=1)
            assert records.session(token) == person
            for room in records.rooms(SITE):
                for one, other in zip(
                    found := records.intervals(SITE, room.id, 0, 100), found[1:], strict=False
                ):
                    assert one.end_ms <= other.start_ms

    work = [(derive, f"a{101 + n}") for n in range(4)] + [
        (hear, "shared"),
        (hear, "shared"),
        (look, ""),
        (look, ""),
    ]
    with ThreadPoolExecutor(len(work)) as pool:
        for done in [pool.submit(task, argument) for task, argument in work]:
            done.result(timeout=60)
    for room in records.rooms(SITE):
        assert len(records.intervals(SITE, room.id, 0, 100)) == 20
        assert records.derived_through(SITE, room.id) == 100
    assert records.board(SITE, "shared").last_seen == NOW + timedelta(minutes=9)


def read_then_write_beside(one: Records, other: Records) -> None:
    """`one` reads, `other` writes, `one` writes: a transaction that was not announced as writing fails."""
    beside = threading.Thread(target=other.saw_board, args=(SITE, "b-other", NOW))
    with one._database.write() as session:
        session.execute(text("SELECT count(*) FROM board")).scalar()
        beside.start()
        beside.join(timeout=0.5)  # it waits for us, or is through where the defect is put back
        session.execute(text("UPDATE room SET capacity = 1"))
    beside.join()


def test_two_programs_write_one_file_in_turn(tmp_path):
    """A second Records on the file waits its turn; both writes are there."""
    with open_records("sqlite", tmp_path) as one, open_records("sqlite", tmp_path) as other:
        fill(one)
        read_then_write_beside(one, other)
        assert one.room(SITE, ROOM).capacity == 1
        assert "b-other" in [board.id for board in one.boards()]


def test_a_writer_that_does_not_say_so_would_fail(tmp_path):
    """The control: with a plain BEGIN the same sequence is refused by SQLite."""
    with open_records("sqlite", tmp_path) as one, open_records("sqlite", tmp_path) as other:
        fill(one)
        one._database._writer = one._database._engine
        with pytest.raises(StoreError, match="locked"):
            read_then_write_beside(one, other)
