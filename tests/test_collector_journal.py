"""What the journal keeps, forgets and counts, whatever fails; and files of earlier versions."""

import sqlite3

import pytest
from test_collector_ingest import NOW, TOPIC

from campus.errors import StoreError
from collector import journal_file
from collector.journal import Journal
from collector.ledger import BootKey
from collector.messages import Kept, Message, pack

SIZE = 600


def kept(n: int = 0) -> list[Kept]:
    return [Kept(Message(TOPIC, b"x" * SIZE, NOW + n))]


def numbers(journal: Journal, after: int = 0) -> list[int]:
    return [number for number, _ in journal.batches(after)]


def test_what_waits_is_counted_right_whatever_fails(tmp_path):
    """A drop that fails forgets nothing, and the next one forgets it."""
    journal = Journal(tmp_path / "journal.sqlite", keep_bytes=0)
    number = journal.append(kept(), [])
    waiting = journal.waiting_bytes
    assert waiting > SIZE
    db = journal._file.db
    full = sqlite3.connect(journal.path)
    full.execute("BEGIN IMMEDIATE")
    db.execute("PRAGMA busy_timeout = 1")
    with pytest.raises(StoreError):
        journal.drop(number)
    full.rollback()
    assert numbers(journal) == [1]
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("CREATE TABLE other (id INTEGER PRIMARY KEY)")
    db.execute("CREATE TABLE checked (id INTEGER REFERENCES other (id) DEFERRABLE INITIALLY DEFERRED)")
    db.execute("CREATE TRIGGER refuse AFTER DELETE ON batches BEGIN INSERT INTO checked VALUES (7); END")
    with pytest.raises(StoreError):  # only the commit fails
        journal.drop(number)
    assert numbers(journal) == [1]
    db.execute("DROP TRIGGER refuse")
    assert journal.append(kept(), []) == 2
    assert journal.waiting_bytes == waiting, "the second only: every store has the first"
    journal.drop(number)
    assert numbers(journal) == [2] and journal.waiting_bytes == waiting
    journal.close()


def test_of_what_every_store_has_the_newest_is_kept(tmp_path):
    """So that a store that is set back can be brought up to date; the bound holds, and after a restart too."""
    journal = Journal(tmp_path / "journal.sqlite", keep_bytes=5 * SIZE)
    for n in range(20):
        journal.append(kept(n), [])
    journal.drop(18)
    assert numbers(journal)[-2:] == [19, 20] and 4 <= len(numbers(journal)) - 2 <= 5
    waiting = journal.waiting_bytes
    journal.close()
    again = Journal(tmp_path / "journal.sqlite", keep_bytes=5 * SIZE)
    again.start_after(18)
    assert again.waiting_bytes == waiting < 3 * SIZE
    again.drop(20)
    assert again.waiting_bytes == 0 and 4 <= len(numbers(again)) <= 5
    again.close()


def test_a_disk_that_gets_full_is_given_what_was_only_kept(tmp_path):
    """What every store has makes room before anything is refused for long."""
    free = [1 << 40]
    journal = Journal(tmp_path / "journal.sqlite", min_free_bytes=100, free_bytes=lambda folder: free[0])
    for n in range(20):
        journal.append(kept(n), [])
    journal.drop(18)
    assert len(numbers(journal)) == 20 and journal.short_of_space() is None
    free[0] = 10
    assert "make room" in (journal.short_of_space() or "")
    journal.drop(18)
    assert numbers(journal) == [19, 20]
    journal.close()


def test_batches_that_a_store_lacks_and_nobody_has_are_counted(tmp_path):
    """A store that is set back further than the journal reaches is told, not passed over in silence."""
    journal = Journal(tmp_path / "journal.sqlite", keep_bytes=5 * SIZE)
    assert journal.missing_after(0) == 0
    for n in range(20):
        journal.append(kept(n), [])
    assert journal.missing_after(0) == journal.missing_after(7) == journal.missing_after(20) == 0
    journal.drop(20)
    (first, *_) = numbers(journal)
    assert first > 10
    assert journal.missing_after(first - 1) == 0 and journal.missing_after(3) == first - 4
    assert journal.missing_after(25) == 0, "the journal was lost, or is older than the store"
    journal.close()


def test_while_it_is_held_nothing_is_forgotten(tmp_path):
    """A copy of the stores that is being made may lack what they hold by its end."""
    journal = Journal(tmp_path / "journal.sqlite", keep_bytes=0)
    journal.append(kept(), [], late=[("school", "board-1", 1, 2)])
    with journal.holding():
        journal.drop(1)
        journal.clear_late([("school", "board-1", 1)])
        assert numbers(journal) == [1] and len(journal.late()) == 1
        journal.copy_to(tmp_path / "copy.sqlite")
    journal.drop(1)
    journal.clear_late([("school", "board-1", 1)])
    assert numbers(journal) == [] and journal.late() == []
    copy = Journal(tmp_path / "copy.sqlite")
    assert numbers(copy) == [1] and len(copy.late()) == 1 and copy.identity == journal.identity
    copy.close()
    journal.close()


def test_a_journal_of_the_first_schema_goes_on(tmp_path, monkeypatch):
    """Its batches, its ledger and its name are kept; what is new is there."""
    path = tmp_path / "journal.sqlite"
    key = BootKey("school", "board-1", "9f3a61c20000002a")
    with monkeypatch.context() as first:
        first.setattr(journal_file, "MIGRATIONS", journal_file.MIGRATIONS[:1])
        first.setattr(journal_file, "SCHEMA", 1)
        old = journal_file.JournalFile(path)
    with old.writing() as db:
        name = db.execute("SELECT value FROM meta").fetchone()[0]
        db.execute("INSERT INTO batches (messages) VALUES (?)", (pack(kept()),))
        db.execute("INSERT INTO settled VALUES (?, ?, ?, 3, '[[3,9]]', NULL, 0, 0)", key)
    old.close()
    journal = Journal(path)
    assert journal.identity == name and numbers(journal) == [1]
    assert journal.ledger().committed(*key) == (9, [])
    with journal._file.reading() as db:
        assert db.execute("SELECT count(*) FROM unsynced").fetchone() == (0,)
        assert db.execute("PRAGMA user_version").fetchone() == (journal_file.SCHEMA,)
    journal.close()
