"""Signing in, sessions and tokens; and that the database holds no secret."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from records_stores import DATABASES, opened
from sqlalchemy import text

from campus.errors import NotFound, UsageError
from campus.records import passwords
from campus.records.entities import Grant, Limits
from campus.records.tables import Base

START = datetime(2026, 10, 5, 3, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=DATABASES)
def records(request, tmp_path, clock):
    with opened(request, tmp_path, now=clock) as records:
        yield records


@pytest.fixture
def password(records):
    return records.ensure_admin()


def test_the_first_administrator_is_made_once(records, password):
    """The generated password signs in; a second call makes and tells nothing."""
    person = records.sign_in("admin", password)
    assert (person.name, person.grants, person.language) == ("admin", (Grant("administrator"),), "vi")
    assert len(password) >= 16
    assert records.ensure_admin() is None
    assert records.sign_in("admin", password) == person


def test_an_unknown_name_costs_a_hash_too(records, password, monkeypatch):
    """Known or not, one Argon2 verification of the same parameters is done: time tells nothing."""
    verified = []
    matches = passwords.matches
    monkeypatch.setattr(
        passwords, "matches", lambda stored, text: verified.append(stored) or matches(stored, text)
    )
    assert records.sign_in("admin", "wrong password") is None
    known = verified.pop()
    for name in ("Admin", "", "nobody", "admin\x00", "a" * 10_000, "\ud800", "' OR 1=1 --"):
        assert records.sign_in(name, password) is None
        unknown = verified.pop()
        assert unknown.split("$")[:4] == known.split("$")[:4]
        assert [len(part) for part in unknown.split("$")] == [len(part) for part in known.split("$")]
        assert unknown != known


def test_a_hash_of_weaker_parameters_is_renewed(records, password, monkeypatch):
    """A sign-in replaces a hash that was made with other parameters, and both sign in."""
    with monkeypatch.context() as patch:
        patch.setattr(
            passwords, "_HASHER", passwords.PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
        )
        records.set_password("admin", password)
    assert "m=1024," in stored_hash(records)
    assert records.sign_in("admin", password)
    assert "m=19456,t=2," in stored_hash(records)
    assert records.sign_in("admin", password)


def stored_hash(records) -> str:
    with records._database.read() as session:
        return session.execute(text("SELECT password_hash FROM person")).scalar_one()


def test_a_new_password_ends_the_sessions(records, password):
    """After a change the old password and the old sessions are refused."""
    person = records.sign_in("admin", password)
    session = records.create_session(person, hours=1)
    records.set_password("admin", "mật khẩu mới 2026")
    assert records.session(session) is None
    assert records.sign_in("admin", password) is None
    assert records.sign_in("admin", "mật khẩu mới 2026") == person
    with pytest.raises(UsageError, match="10 to 1024"):
        records.set_password("admin", "short")
    with pytest.raises(NotFound):
        records.set_password("nobody", "long enough a password")


def test_a_session_lasts_its_hours(records, password, clock):
    """Accepted until its last moment, refused from then on, and after it was ended."""
    person = records.sign_in("admin", password)
    token = records.create_session(person, hours=8)
    other = records.create_session(person, hours=9)
    clock.now = START + timedelta(hours=8) - timedelta(milliseconds=1)
    assert records.session(token) == person
    clock.now = START + timedelta(hours=8)
    assert records.session(token) is None
    assert records.session(other) == person
    records.end_session(other)
    assert records.session(other) is None
    records.end_session(other)


def test_tokens_are_listed_and_revoked(records, password):
    """A token signs in until it is revoked; another person's cannot be revoked; sessions are no tokens."""
    person = records.sign_in("admin", password)
    token = records.create_token(person, "báo cáo tuần")
    session = records.create_session(person, hours=1)
    assert records.token(token) == replace(person, limits=Limits())
    assert records.token(session) is None and records.session(token) is None
    (listed,) = records.tokens(person)
    assert (listed.label, listed.person, listed.created_at) == ("báo cáo tuần", person.id, START)
    stranger = type(person)(person.id + 1, "other", (Grant("auditor"),))
    with pytest.raises(NotFound):
        records.revoke_token(listed.id, stranger)
    records.revoke_token(listed.id, person)
    assert records.token(token) is None and records.tokens(person) == []
    for id in (listed.id, -1, 2**70):
        with pytest.raises(NotFound):
            records.revoke_token(id)
    with pytest.raises(UsageError, match="label"):
        records.create_token(person, " ")


def test_what_is_no_token_is_nobody(records, password):
    """Any text may come in a header or a cookie."""
    for token in ("", "x", "\x00", "\ud800", "é" * 100_000, password):
        assert records.token(token) is None and records.session(token) is None


def test_no_secret_is_stored(records, password):
    """Neither the password nor a token is found in any cell; their hashes are."""
    person = records.sign_in("admin", password)
    secrets = [password, records.create_session(person, hours=1), records.create_token(person, "x")]
    with records._database.read() as session:
        cells = [
            str(cell)
            for table in Base.metadata.sorted_tables
            for row in session.execute(table.select())
            for cell in row
        ]
    assert any(cell.startswith("$argon2id$") for cell in cells)
    assert not any(secret in cell for secret in secrets for cell in cells)
    assert all(len(secret) >= 43 for secret in secrets[1:])
