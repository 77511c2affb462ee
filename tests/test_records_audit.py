"""The audit log: what it tells, that it only grows, and that every kind of tampering is found."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime

import pytest
from records_stores import DATABASES, SITE, example, fill, opened
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from campus.acting import SYSTEM, acting, actor
from campus.errors import StoreError, UsageError
from campus.records import audit, open_records
from campus.records.entities import AuditHead, Grant, Limits
from campus.records.inventory import Inventory
from campus.records.snapshot import load

NOW = datetime(2026, 11, 18, 3, tzinfo=UTC)


@pytest.fixture(params=DATABASES)
def records(request, tmp_path):
    with opened(request, tmp_path, now=lambda: NOW) as records:
        yield records


def whats(records):
    return [row.what for row in records.audit_log(limit=1000)][::-1]


def test_who_did_what_from_where_with_before_and_after(records):
    """Every change by people is a row, with the actor of the moment; what changes nothing is none."""
    assert records.audit_head() == AuditHead(0, audit.FIRST)
    with acting("ngoc", "192.168.1.20"):
        records.ensure_admin()
        fill(records)
        fill(records)
        records.import_inventory(Inventory.parse(example()), dry_run=True)
        records.add_person("lan", [Grant("leader", SITE)])
        records.change_person("lan", language="vi")
        records.change_person("lan", [Grant("auditor", SITE), Grant("it", SITE)])
        lan = records.person("lan")
        records.create_session(lan, 1)
        records.create_token(lan, "report", Limits(frozenset({"figures"}), True, SITE), 30)
        records.revoke_token(1)
        records.end_sessions("lan")
        records.new_password("lan")
        records.remove_person("lan")
    assert actor() == SYSTEM
    assert whats(records) == [
        "person.added",
        "inventory.imported",
        "person.added",
        "person.changed",
        "token.made",
        "token.revoked",
        "sessions.ended",
        "person.password",
        "person.removed",
    ]
    rows = {row.number: row for row in records.audit_log()}
    assert {(row.who, row.from_where) for row in rows.values()} == {("ngoc", "192.168.1.20")}
    assert rows[2].site == SITE and any("a101" in line for line in rows[2].after["changes"])
    changed = rows[4]
    assert (changed.at, changed.kind, changed.id, changed.site) == (NOW, "person", "lan", SITE)
    assert changed.before["grants"] == [{"role": "leader", "site": SITE}]
    assert [one["role"] for one in changed.after["grants"]] == ["auditor", "it"]
    assert rows[5].after["rights"] == ["figures"] and rows[6].before == rows[5].after
    assert records.verify_audit().why is None


def test_the_log_and_its_change_are_one_transaction(records):
    """What is refused, is refused with its row; what cannot be noted does not happen."""
    fill(records)
    head = records.audit_head()
    broken = example()
    broken["lessons"][0]["room"] = "nowhere"
    broken["site"]["name"] = "Another name"
    with pytest.raises(UsageError):
        records.import_inventory(Inventory.parse(broken))
    with pytest.raises(UsageError):
        records.close_month(SITE, date(2027, 1, 1), "lan")
    assert records.audit_head() == head


def test_a_change_that_cannot_be_noted_does_not_happen(records, monkeypatch):
    """The log's failure takes the change back."""

    def fails(*_, **__):
        raise RuntimeError("the log is away")

    monkeypatch.setattr(audit, "note", fails)
    with pytest.raises(RuntimeError):
        fill(records)
    assert records.sites() == []


def test_no_secret_is_in_the_log(records):
    """Neither passwords nor tokens, nor their hashes."""
    password = records.ensure_admin()
    admin = records.person("admin")
    token = records.create_token(admin, "x")
    session = records.create_session(admin, 1)
    made = records.new_password("admin")
    records.set_password("admin", "mật khẩu mới 2026")
    told = str(records.audit_log())
    for secret in (password, token, session, made, "mật khẩu", "argon2"):
        assert secret not in told


def test_rows_can_only_be_added(records):
    """The database itself refuses to change or delete one, whoever asks in SQL."""
    records.ensure_admin()
    words = ["UPDATE audit SET who = 'nobody'", "DELETE FROM audit"]
    if records._database.engine.dialect.name == "postgresql":
        words.append("TRUNCATE audit")
    for statement in words:
        with pytest.raises(StoreError, match="only grows"), records._database.write() as session:
            session.execute(text(statement))
    assert len(records.audit_log()) == 1


def test_the_log_is_read_in_pages_and_of_some_sites(records):
    """Below a number, the newest first; what concerns no single site is not of any site."""
    records.ensure_admin()
    fill(records)
    records.add_person("lan", [Grant("leader", SITE)])
    assert [row.number for row in records.audit_log(limit=2)] == [3, 2]
    assert [row.number for row in records.audit_log(before=2)] == [1]
    assert [row.number for row in records.audit_log(sites={SITE})] == [3, 2]
    assert records.audit_log(sites={"elsewhere"}) == records.audit_log(sites=set()) == []
    assert [row.number for row in records.audit_log(what="inventory.imported")] == [2]
    assert records.audit_log(who="nobody") == []


def test_many_writers_make_one_chain(records):
    """Threads with their own connections note at once: no number twice, nothing forked."""
    fill(records)

    def write(number):
        with acting(f"writer-{number}", "here"):
            records.add_person(f"p{number}", [Grant("it", SITE)])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(18)))
    rows = records.audit_log(limit=1000)
    assert [row.number for row in rows][::-1] == list(range(1, 20))
    assert {row.who for row in rows} >= {f"writer-{number}" for number in range(18)}
    assert records.verify_audit(rows[-1].hash).why is None


@pytest.mark.postgresql
def test_writers_without_the_lock_would_be_noticed(postgresql, tmp_path, monkeypatch):
    """The control: two who both read the same last row cannot both add after it."""
    execute = audit.Session.execute

    def unlocked(session, statement, *more, **named):
        if "advisory" in str(statement):
            statement, more = text("SELECT 1"), ()
        return execute(session, statement, *more, **named)

    monkeypatch.setattr(audit.Session, "execute", unlocked)
    with open_records(postgresql.database(), tmp_path) as records:
        first, second = records._database.write(), records._database.write()
        with pytest.raises(StoreError, match="pk_audit"), first as a:
            audit.note(a, 1, "a", "x", "1")
            with second as b:
                # What the first has not committed, the second does not see.
                row = audit._head(b)
                assert row.number == 0
                a.commit()
                monkeypatch.setattr(audit, "_head", lambda _: row)
                audit.note(b, 1, "b", "x", "1")


@pytest.mark.postgresql
def test_a_restored_log_is_whole_and_only_grows_again(postgresql, tmp_path):
    """Records put in place of others bring their log, which nobody can change there either."""
    (tmp_path / "copy").mkdir()
    with open_records("sqlite", tmp_path, now=lambda: NOW) as records:
        fill(records)
        head = records.audit_head()
        records.snapshot(tmp_path / "copy")
    server = postgresql.database()
    with open_records(server, tmp_path) as records:
        records.ensure_admin()
    load(tmp_path / "copy", server, replace=True)
    with open_records(server, tmp_path) as records:
        assert records.audit_head() == head and records.verify_audit(head.hash).why is None
        with pytest.raises(StoreError, match="only grows"), records._database.write() as session:
            session.execute(text("DELETE FROM audit"))
        records.ensure_admin()
        assert records.verify_audit(head.hash).right == 2


# tampering, in the database file


@pytest.fixture
def log(tmp_path):
    """(file, head) of a log with six rows whose writer is gone."""
    with open_records("sqlite", tmp_path, now=lambda: NOW) as records:
        records.ensure_admin()
        fill(records)
        for number in range(4):
            records.add_person(f"p{number}", [Grant("it", SITE)])
        head = records.audit_head()
    return tmp_path / "records.sqlite", head


def tamper(file, *statements):
    """As one does who has the file: without the triggers."""
    with closing(sqlite3.connect(file)) as connection:
        for word in ("update", "delete"):
            connection.execute(f"DROP TRIGGER IF EXISTS audit_kept_{word}")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def verdict(file, noted=None):
    with open_records("sqlite", file.parent, now=lambda: NOW) as records:
        return records.verify_audit(noted)


def rewrite(file, number):
    """Change a row and give it, and all that follow, new hashes."""
    with open_records("sqlite", file.parent) as records, records._database.write() as session:
        rows = session.scalars(audit.select(audit.AuditTable).order_by(audit.AuditTable.number)).all()
        rows[number - 1].who = "somebody else"
        for before, row in zip([None, *rows], rows, strict=False):
            row.previous_hash = before.hash if before else audit.FIRST
            row.hash = audit.hash_of(row)


EVERY_COLUMN = {
    "at_ms": "at_ms + 1", "who": "'x'", "from_where": "'x'", "what": "'x'", "kind": "'x'", "site": "'x'", "id": "'x'",
    "before": "'1'", "after": "'1'", "previous_hash": "hash", "hash": "previous_hash",
}  # fmt: skip


def test_an_untouched_log_is_whole(log):
    """The control of all that follow; its noted heads are in it, old and new."""
    file, head = log
    tamper(file)
    assert head.number == 6
    for noted in (None, head.hash, audit.FIRST):
        assert verdict(file, noted) == (type(verdict(file)))(6, None, None)


@pytest.mark.parametrize("column", EVERY_COLUMN)
def test_an_edit_is_found(log, column):
    """Of any column, at its row."""
    file, _ = log
    tamper(file, f"UPDATE audit SET {column} = {EVERY_COLUMN[column]} WHERE number = 3")
    found = verdict(file)
    assert (found.right, found.wrong) == (2, 3) and "changed after it was written" in found.why


def test_an_edit_with_a_new_hash_is_found_at_the_next_row(log):
    """Who knows how the hash is made must change every later row."""
    file, _ = log
    tamper(file, "UPDATE audit SET who = 'x' WHERE number = 3")
    with open_records("sqlite", file.parent) as records, records._database.write() as session:
        row = session.get(audit.AuditTable, 3)
        row.hash = audit.hash_of(row)
    found = verdict(file)
    assert (found.right, found.wrong) == (3, 4) and "does not follow row 3" in found.why


def test_a_deletion_is_found(log):
    """In the middle, at the beginning, and where the later rows were moved up."""
    file, _ = log
    tamper(file, "DELETE FROM audit WHERE number = 3")
    found = verdict(file)
    assert (found.right, found.wrong) == (2, 3) and "missing" in found.why
    tamper(file, "UPDATE audit SET number = number - 1 WHERE number > 3")
    found = verdict(file)
    assert (found.right, found.wrong) == (2, 3)
    tamper(file, "DELETE FROM audit WHERE number = 1")
    assert verdict(file).wrong == 1


def test_a_reorder_is_found(log):
    """Two rows that changed their places."""
    file, _ = log
    tamper(
        file,
        "UPDATE audit SET number = 99 WHERE number = 2",
        "UPDATE audit SET number = 2 WHERE number = 4",
        "UPDATE audit SET number = 4 WHERE number = 99",
    )
    found = verdict(file)
    assert (found.right, found.wrong) == (1, 2)


def test_a_truncation_is_found_against_a_noted_head(log):
    """Without one it cannot be; with it, also when new rows came since."""
    file, head = log
    tamper(file, "DELETE FROM audit WHERE number > 4")
    assert verdict(file).why is None
    found = verdict(file, head.hash)
    assert (found.right, found.wrong) == (4, 5) and "cut off" in found.why
    with open_records("sqlite", file.parent) as records:
        for number in range(5):
            records.add_person(f"q{number}", [Grant("it", SITE)])
    assert verdict(file).why is None
    assert "cut off or rewritten" in verdict(file, head.hash).why


def test_a_log_rewritten_as_a_whole_is_found_against_a_noted_head(log):
    """All hashes made anew: only a head noted elsewhere tells."""
    file, head = log
    tamper(file)
    rewrite(file, 3)
    assert verdict(file).why is None
    assert "rewritten" in verdict(file, head.hash).why


def test_tampering_without_dropping_the_triggers_fails(log):
    """The control of `tamper`: the file itself refuses, also another program."""
    file, _ = log
    with closing(sqlite3.connect(file)) as connection:
        for statement in ("UPDATE audit SET who = 'x'", "DELETE FROM audit WHERE number = 6"):
            with pytest.raises((sqlite3.DatabaseError, DatabaseError), match="only grows"):
                connection.execute(statement)
