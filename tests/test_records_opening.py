"""Opening the records: the schema, and every way in which it can be refused."""

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from records_stores import DATABASES, SITE, fill, url_of
from sqlalchemy import insert, text

from campus.errors import StoreError
from campus.indicators.sums import RoomSums
from campus.inference import ROOM
from campus.records import open_records
from campus.records.database import Database, migrations
from campus.records.derived_tables import RoomSumsTable
from campus.records.tables import Base

NOW = datetime(2026, 10, 5, 3, tzinfo=UTC)


@pytest.fixture(params=DATABASES)
def url(request):
    return url_of(request)


def test_what_was_stored_is_there_when_opened_again(url, tmp_path):
    """Closing and opening keeps the content and does not migrate twice."""
    with open_records(url, tmp_path) as records:
        fill(records)
    with open_records(url, tmp_path) as records:
        assert [site.id for site in records.sites()] == [SITE]


def test_the_scripts_make_exactly_the_tables_of_the_program(url, tmp_path):
    """Alembic finds no difference between the migrated schema and tables.py."""
    database = Database.open(url, tmp_path)
    with database.read() as session:
        context = MigrationContext.configure(session.connection(), opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    database.close()


REVISIONS = [one.revision for one in ScriptDirectory.from_config(migrations()).walk_revisions()]


@pytest.mark.parametrize("revision", sorted(REVISIONS))
def test_every_schema_there_was_is_brought_forward(url, tmp_path, monkeypatch, revision):
    """With a school in it, to exactly the tables of the program."""
    upgrade = command.upgrade
    with monkeypatch.context() as then:
        then.setattr(ScriptDirectory, "get_current_head", lambda self: revision)
        then.setattr(command, "upgrade", lambda config, head: upgrade(config, revision))
        database = Database.open(url, tmp_path)
        with database.write() as session:
            session.execute(
                text(
                    "INSERT INTO site (id, name, tz, calendar_version) "
                    "VALUES ('school', 'School', 'Asia/Ho_Chi_Minh', '')"
                )
            )
        database.close()
    database = Database.open(url, tmp_path)
    with database.read() as session:
        assert session.scalars(text("SELECT id FROM site")).all() == ["school"]
        context = MigrationContext.configure(session.connection(), opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    database.close()


def test_boards_of_the_first_schema_are_kept_and_can_report_more(url, tmp_path, monkeypatch):
    """Records made by 0001 are brought forward with their rows; what boards could not tell then is unknown."""
    monkeypatch.setattr(ScriptDirectory, "get_current_head", lambda self: "0001")
    upgrade = command.upgrade
    monkeypatch.setattr(command, "upgrade", lambda config, head: upgrade(config, "0001"))
    database = Database.open(url, tmp_path)
    with database.write() as session:
        session.execute(
            text(
                "INSERT INTO board (site, id, firmware, points, availability) "
                "VALUES ('school', 'b-1', '0.1.0', '{}', 'online')"
            )
        )
    database.close()
    monkeypatch.undo()
    with open_records(url, tmp_path) as records:
        board = records.board("school", "b-1")
        assert (board.firmware, board.availability, board.notes) == ("0.1.0", "online", ())
        assert (board.reset_cause, board.access_point, board.reported, board.last_reply) == (None,) * 4
        records.saw_board("school", "b-1", NOW, birth={"reset_cause": "watchdog"})
        assert records.board("school", "b-1").reset_cause == "watchdog"


def test_sums_over_all_rooms_are_made_of_those_that_were_there(url, tmp_path, monkeypatch):
    """Records made by 0011 held the sums of each room only."""
    monkeypatch.setattr(ScriptDirectory, "get_current_head", lambda self: "0011")
    upgrade = command.upgrade
    monkeypatch.setattr(command, "upgrade", lambda config, head: upgrade(config, "0011"))
    database = Database.open(url, tmp_path)
    day = date(2026, 10, 5)
    key = {"site": "school", "subject_group": "", "kind": ROOM}
    held = [
        key | {"id": room, "span": span, "start": start} | dict.fromkeys(RoomSums.names(), amount)
        for room, amount in (("a101", 2**40), ("a102", 3))
        for span, start in (("day", day), ("month", day.replace(day=1)), ("closed", day.replace(day=1)))
    ]
    with database.write() as session:
        session.execute(insert(RoomSumsTable), held)
    database.close()
    monkeypatch.undo()
    both = RoomSums(*(2**40 + 3 for _ in RoomSums.names()))
    with open_records(url, tmp_path) as records:
        for start, end in ((day, date(2026, 10, 6)), (date(2026, 10, 1), date(2026, 11, 1))):
            assert records.total(RoomSums, ROOM, "school", start, end) == both
            assert len(records.room_sums("school", start, end)) == 2


def test_records_of_a_newer_program_are_refused_and_left_alone(url, tmp_path):
    """An unknown revision is a StoreError that says to upgrade, and stays stamped."""
    database = Database.open(url, tmp_path)
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for _ in range(2):
        with pytest.raises(StoreError, match=r"newer version .*9999.*Upgrade the program"):
            open_records(url, tmp_path)
    database.close()


def test_many_may_open_new_records_at_once(url, tmp_path):
    """Processes that start together (here: threads with their own connections) migrate once."""
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _: open_records(url, tmp_path), range(4)))
    fill(opened[0])
    assert all(len(records.sites()) == 1 for records in opened)
    for records in opened:
        records.close()


def test_sqlite_is_set_to_lose_nothing(tmp_path):
    """Every connection has WAL, synchronous=FULL, foreign keys and a busy timeout; the file is its owner's."""
    database = Database.open("sqlite", tmp_path)
    with database.read() as session:
        values = [
            session.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    assert values == ["wal", 2, 1, 10_000]
    assert (tmp_path / "records.sqlite").stat().st_mode & 0o077 == 0
    database.close()


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    """A data folder that cannot be made is one sentence with the path and what to do."""
    (tmp_path / "data").write_text("not a folder")
    with pytest.raises(StoreError, match=r"data/records.sqlite: .*another data folder"):
        open_records("sqlite", tmp_path / "data")


def test_a_folder_without_rights_is_refused(tmp_path):
    """A data folder that may not be written is one sentence, also when the tests run as root."""
    tmp_path.chmod(0o500)
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65534)  # nobody
        with pytest.raises(StoreError, match="Permission denied"):
            open_records("sqlite", tmp_path / "data")
    finally:
        os.seteuid(user)


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    """Something else under the name of the records is not overwritten."""
    (tmp_path / "records.sqlite").write_text("a letter to the head teacher, by mistake in this folder" * 20)
    with pytest.raises(StoreError, match="not a database"):
        open_records("sqlite", tmp_path)
    assert (tmp_path / "records.sqlite").read_text().startswith("a letter")


def test_somebody_elses_database_is_refused_and_left_alone(tmp_path):
    """A migration that fails half way leaves nothing behind."""
    connection = sqlite3.connect(tmp_path / "records.sqlite")
    connection.execute("CREATE TABLE room (number)")
    connection.commit()
    with pytest.raises(StoreError, match="room already exists"):
        open_records("sqlite", tmp_path)
    assert [row[0] for row in connection.execute("SELECT name FROM sqlite_master")] == ["room"]
    connection.close()


@pytest.mark.parametrize(
    "url",
    [
        "mysql://campus:s3cret-word@db/records",
        "postgresql://campus:s3cret-word@127.0.0.1:1/records",
        "postgresql://campus:s3cret-word@127.0.0.1:many/records",
        "postgresql://campus:s3cret-word@127.0.0.1",
        "campus:s3cret-word",
        "",
    ],
)
def test_a_wrong_url_is_one_sentence_without_the_password(url, tmp_path):
    """Neither the message nor its chain of causes shows what may be a password."""
    with pytest.raises(StoreError) as caught:
        open_records(url, tmp_path)
    error: BaseException | None = caught.value
    assert "\n" not in str(error)
    while error is not None:
        assert "s3cret-word" not in str(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def test_a_server_that_went_away_is_a_store_error(postgresql, tmp_path):
    """A restart of PostgreSQL is survived; while it is away the error is ours."""
    with open_records(postgresql.database(), tmp_path) as records:
        postgresql.restart()
        assert records.sites() == []
        postgresql.stop()
        with pytest.raises(StoreError, match="records database"):
            records.sites()
