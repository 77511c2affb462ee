"""Accounts and what they may, tokens with limits, sessions one by one; and records from before there were grants."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from records_stores import DATABASES, SITE, fill, opened, url_of
from sqlalchemy import text

from campus.errors import NotFound, UsageError
from campus.records import open_records, passwords
from campus.records.database import Database
from campus.records.entities import Grant, Limits

START = datetime(2026, 10, 5, 3, tzinfo=UTC)
OLD_HASH = passwords.hash_password("a password of before")


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
        records.ensure_admin()
        fill(records)
        yield records


def test_a_person_has_several_roles_at_several_sites(records):
    """Added with a password that signs in; changed as a whole; listed by name; removed with everything."""
    grants = (Grant("leader", SITE), Grant("auditor"))
    person, password = records.add_person("lan", grants, "en", " Lan@Example.org ")
    assert (person.grants, person.language, person.identity) == (grants, "en", "lan@example.org")
    assert records.sign_in("lan", password) == records.person("lan") == person
    assert [one.name for one in records.people()] == ["admin", "lan"]
    assert records.people()[1] == person
    changed = records.change_person("lan", [Grant("it", SITE)])
    assert changed == replace(person, grants=(Grant("it", SITE),)) == records.person("lan")
    assert records.change_person("lan", language="vi", identity="").identity is None
    session, token = records.create_session(person, 1), records.create_token(person, "x")
    records.remove_person("lan")
    assert records.session(session) is None and records.token(token) is None
    assert records.sign_in("lan", password) is None
    with pytest.raises(NotFound):
        records.person("lan")


@pytest.mark.parametrize(
    ("fields", "error", "told"),
    [
        ({"name": ""}, UsageError, "name: "),
        ({"name": "Lan"}, UsageError, "a-z, 0-9"),
        ({"name": "x" * 65}, UsageError, "1 to 64"),
        ({"name": "a\n"}, UsageError, "name: "),
        ({"name": "admin"}, UsageError, "taken"),
        ({"grants": []}, UsageError, "grants: "),
        ({"grants": [Grant("it"), Grant("it")]}, UsageError, "each once"),
        ({"grants": [Grant("root")]}, UsageError, "'root' is no role; use one of administrator"),
        ({"grants": [Grant("it", "nowhere")]}, NotFound, "'nowhere'"),
        ({"grants": [Grant("it", "a' OR 1=1")]}, NotFound, "no site"),
        ({"language": "fr"}, UsageError, "one of vi, en"),
        ({"identity": "x" * 256}, UsageError, "at most 255"),
        ({"identity": "a\x00"}, UsageError, "printable"),
    ],
)
def test_what_is_no_account_is_refused_and_nothing_is_stored(records, fields, error, told):
    """One sentence that names the field; neither the person nor a row of the log."""
    head = records.audit_head()
    with pytest.raises(error, match=told):
        records.add_person(**{"name": "lan", "grants": [Grant("it")]} | fields)
    assert [one.name for one in records.people()] == ["admin"] and records.audit_head() == head


def test_somebody_always_administers_the_server(records):
    """The last administrator of all sites stays one; one of a school does not count; with a second one it is free."""
    records.add_person("lan", [Grant("administrator", SITE)])
    for change in (
        lambda: records.remove_person("admin"),
        lambda: records.change_person("admin", [Grant("administrator", SITE), Grant("auditor")]),
    ):
        with pytest.raises(UsageError, match="Nobody would be left"):
            change()
        assert records.person("admin").grants == (Grant("administrator"),)
    records.add_person("minh", [Grant("administrator")])
    records.remove_person("admin")
    assert records.ensure_admin() is None  # it is not made again behind their back
    records.remove_person("lan")  # what was no administrator of all can always go


def test_a_guard_sees_the_person_as_stored_and_refuses(records):
    """Its exception takes the change back, of every method that has one."""
    records.add_person("lan", [Grant("it", SITE)])
    session = records.create_session(records.person("lan"), 1)
    seen = []

    def refuse(person):
        seen.append(person)
        raise UsageError("no")

    for change in (
        lambda: records.change_person("lan", language="en", guard=refuse),
        lambda: records.remove_person("lan", refuse),
        lambda: records.set_password("lan", "long enough a password", refuse),
        lambda: records.new_password("lan", refuse),
        lambda: records.end_sessions("lan", refuse),
    ):
        with pytest.raises(UsageError, match="no"):
            change()
    assert seen == [records.person("lan")] * 5
    assert records.session(session) is not None


def test_an_identity_is_of_one_person(records):
    """E-mail addresses whatever their case, subjects exactly; nothing matches nothing, and two people are nobody."""
    records.add_person("lan", [Grant("it")], identity="Lan@Example.org")
    records.add_person("minh", [Grant("it")], identity="Subject-1")
    assert records.identified(["LAN@example.org"]).name == "lan"
    assert records.identified(["Subject-1"]).name == "minh"
    for none in (
        [],
        [""],
        ["subject-1"],
        ["x"],
        ["Subject-1", "lan@example.org"],
        ["x" * 10_000],
        ["a\x00"],
        ["\ud800"],
    ):
        assert records.identified(none) is None
    with pytest.raises(UsageError, match="another person"):
        records.change_person("minh", identity="lan@example.ORG")
    assert records.change_person("lan", identity="lan@example.org").identity == "lan@example.org"


def test_a_token_ends(records, clock):
    """Valid to its last moment, for a year if nothing is said, at most for two."""
    admin = records.person("admin")
    token = records.create_token(admin, "x", days=1)
    records.create_token(admin, "y")
    assert [one.expires_at - START for one in records.tokens(admin)] == [
        timedelta(days=1),
        timedelta(days=365),
    ]
    clock.now = START + timedelta(days=1) - timedelta(milliseconds=1)
    assert records.token(token)
    clock.now = START + timedelta(days=1)
    assert records.token(token) is None
    for days in (0, -1, 731):
        with pytest.raises(UsageError, match="1 to 730 days"):
            records.create_token(admin, "z", days=days)


def test_a_token_carries_its_limits_and_when_it_was_used(records, clock):
    """As they were given; the use is noted at most hourly."""
    admin = records.person("admin")
    limits = Limits(frozenset({"figures", "places"}), True, SITE)
    token = records.create_token(admin, "x", limits)
    assert records.tokens(admin)[0].last_used_at is None
    assert records.token(token) == replace(admin, limits=limits)
    for after, noted in ((59, 0), (60, 60), (61, 60)):
        clock.now = START + timedelta(minutes=after)
        records.token(token)
        assert records.tokens(admin)[0].last_used_at == START + timedelta(minutes=noted)
    with pytest.raises(NotFound):
        records.create_token(admin, "y", Limits(site="nowhere"))


def test_sessions_are_listed_and_ended_one_by_one(records):
    """With where they came from; an id is of its person only and is no secret."""
    admin, _ = records.person("admin"), records.add_person("lan", [Grant("it")])
    lan = records.person("lan")
    tokens = [records.create_session(admin, 1, "192.168.1.2", "Browser\n" + "x" * 500) for _ in range(3)]
    foreign = records.create_session(lan, 1)
    listed = records.sessions(admin, tokens[1])
    assert len(listed) == 3 and [one.is_own for one in listed].count(True) == 1
    assert {one.address for one in listed} == {"192.168.1.2"}
    assert all(one.agent.startswith("Browser?x") and len(one.agent) == 120 for one in listed)
    own = next(one.id for one in listed if one.is_own)
    assert own not in tokens[1] and records.session(own) is None
    with pytest.raises(NotFound):
        records.end_one_session(lan, own)
    records.end_one_session(admin, own)
    assert [records.session(token) is not None for token in tokens] == [True, False, True]
    assert records.end_sessions("admin") == 2 and records.sessions(admin) == []
    assert records.session(foreign) == lan


def test_a_new_password_ends_sessions_and_tokens(records):
    """One act after a suspicion: whatever was made with the old one is worth nothing."""
    person, old = records.add_person("lan", [Grant("it")])
    session, token = records.create_session(person, 1), records.create_token(person, "x")
    new = records.new_password("lan")
    assert records.session(session) is None and records.token(token) is None
    assert records.sign_in("lan", old) is None and records.sign_in("lan", new) == person


@pytest.mark.parametrize("database", DATABASES)
def test_records_from_before_grants_are_brought_forward(request, database, tmp_path, monkeypatch):
    """A role becomes a grant at every site; sessions stay; a token that had no end gets one."""
    request.param = database
    url = url_of(request)
    upgrade = command.upgrade
    monkeypatch.setattr(ScriptDirectory, "get_current_head", lambda self: "0006")
    monkeypatch.setattr(command, "upgrade", lambda config, head: upgrade(config, "0006"))
    before = Database.open(url, tmp_path)
    with before.write() as session:
        for id, name, role in ((1, "admin", "administrator"), (2, "Cô Hoa", "leader")):
            row = {"id": id, "name": name, "role": role, "hash": OLD_HASH}
            session.execute(text("INSERT INTO person VALUES (:id, :name, :role, 'vi', :hash)"), row)
        secret = {"hash": passwords.digest("secret")}
        session.execute(text("INSERT INTO sign_in VALUES (:hash, 1, 0, 9999999999999)"), secret)
        session.execute(text("INSERT INTO access_token VALUES (1, :hash, 2, 'báo cáo', 0)"), secret)
    before.close()
    monkeypatch.undo()
    with open_records(url, tmp_path) as records:
        assert [(one.name, one.grants) for one in records.people()] == [
            ("Cô Hoa", (Grant("leader"),)),
            ("admin", (Grant("administrator"),)),
        ]
        assert records.session("secret").name == "admin"
        assert records.token("secret") == replace(records.person("Cô Hoa"), limits=Limits())
        (token,) = records.tokens(records.person("Cô Hoa"))
        assert timedelta(days=364) < token.expires_at - datetime.now(UTC) < timedelta(days=366)
        assert records.sign_in("Cô Hoa", "a password of before") is not None
        records.change_person("Cô Hoa", language="en")
        assert records.verify_audit().right == 1
