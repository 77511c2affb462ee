"""Schools kept apart by PostgreSQL itself: what a person of one reaches when a query forgets to ask for the site."""

import itertools
import json
import os
import subprocess
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest
from cli import campus as command
from processes import program
from servers import ROOT, PostgreSQL
from sqlalchemy import JSON as Json
from sqlalchemy import Boolean, Date, Float, Integer, Time, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from api.rights import knows, reach
from campus.acting import acting
from campus.records import Records, isolation
from campus.records.database import Database, unheld
from campus.records.entities import ADMINISTRATOR, Grant, Limits, Person
from campus.records.tables import Base

pytestmark = pytest.mark.postgresql

NOW = datetime(2026, 11, 18, 2, tzinfo=UTC)
OWN, OTHER = "truong-a", "truong-b"
SITES = (OWN, OTHER)
TABLES = {table.name: table for table in Base.metadata.sorted_tables}
SHARED = {
    "room_type": "the kinds of rooms are the same at all schools, and say nothing of one",
}
"""Tables without a policy, and why."""
ISOLATED = sorted(TABLES.keys() - SHARED.keys())
NEEDED = {"placement": ("room",)}  # may be empty, but not together with another


def value(column, number):
    """Something that fits, other at each school, and the same in whatever refers to it."""
    kinds = {
        Boolean: False,
        Integer: number,
        Float: float(number),
        Date: date(2026, 1, number),
        Time: time(number),
        Json: {},
    }
    if column.name == "site" or (column.table.name, column.name) == ("site", "id"):
        return SITES[number % 2 - 1]
    return next((one for kind, one in kinds.items() if isinstance(column.type, kind)), f"x{number}")


def row(table, number):
    """A row of a table; odd numbers are of the own school, even ones of the other."""
    needed = ("site", *NEEDED.get(table.name, ()))
    return {
        column.name: value(column, number)
        for column in table.columns
        if not column.nullable or column.name in needed
    }


def only_own(database):
    """Within, a person of the own school asks."""
    return acting("lan", "192.168.1.20", frozenset({OWN}))


@pytest.fixture(scope="module")
def database(_postgresql, tmp_path_factory):
    """One row of each school in every table."""
    folder = tmp_path_factory.mktemp("records")
    with closing(Database.open(_postgresql.start().database(), folder)) as database:
        fill(database)
        yield database


@pytest.fixture(scope="module")
def unguarded(_postgresql, tmp_path_factory):
    """The same without any policy."""
    folder = tmp_path_factory.mktemp("records")
    with closing(Database.open(_postgresql.start().database(), folder)) as database:
        fill(database)
        with database.write() as session:
            for name in ISOLATED:
                session.execute(text(f"DROP POLICY reached_sites ON {name}"))
                session.execute(text(f"ALTER TABLE {name} DISABLE ROW LEVEL SECURITY"))
        yield database


def fill(database):
    with database.write() as session:
        for number, table in itertools.product((1, 2), TABLES.values()):
            session.execute(insert(table).values(row(table, number)))


def found(database, name):
    """What a query without any filter finds, by key."""
    table = TABLES[name]
    with only_own(database), database.read() as session:
        return {tuple(one) for one in session.execute(select(*table.primary_key.columns))}


def key(table, number):
    values = row(table, number)
    return tuple(values[column.name] for column in table.primary_key.columns)


def of_other(table):
    """The condition that names the other school's row by its key."""
    values = row(table, 2)
    return [column == values[column.name] for column in table.primary_key.columns]


def test_every_table_has_a_policy_or_a_reason(database):
    """A new table has to be put under a policy that holds its owner too, or be named here."""
    with database.read() as session:
        held = set(
            session.scalars(
                text(
                    "SELECT c.relname FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid "
                    "WHERE c.relrowsecurity AND c.relforcerowsecurity"
                )
            )
        )
    assert held == set(ISOLATED)
    assert all("site" not in TABLES[name].columns for name in SHARED)


@pytest.mark.parametrize("name", ISOLATED)
def test_a_query_without_its_filter_finds_one_school(database, name):
    """Of every table, all that a person of one school can select is that school's row."""
    assert found(database, name) == {key(TABLES[name], 1)}


@pytest.mark.parametrize("name", ISOLATED)
def test_without_the_policies_it_would_find_the_other(unguarded, name):
    """The control: the same probe finds both schools when nothing holds it."""
    assert found(unguarded, name) == {key(TABLES[name], 1), key(TABLES[name], 2)}


@pytest.mark.parametrize("name", ISOLATED)
def test_the_other_schools_rows_cannot_be_changed(database, name):
    """Updates and deletes do not find them, and no row can be added there."""
    table = TABLES[name]
    first = table.columns[0]
    with only_own(database), database.read() as session:
        assert session.execute(update(table).where(*of_other(table)).values({first: first})).rowcount == 0
        assert session.execute(table.delete().where(*of_other(table))).rowcount == 0
        session.rollback()
        with pytest.raises(DBAPIError, match="row-level security"):
            session.execute(insert(table).values(added(table)))
        session.rollback()
    assert everything(database, name) == 2


@pytest.mark.parametrize("name", sorted(set(ISOLATED) - {"audit"}))
def test_without_the_policies_they_could_be_changed(unguarded, name):
    """The control: the same update finds the row. (The audit log refuses every change.)"""
    table = TABLES[name]
    first = table.columns[0]
    with only_own(unguarded), unguarded.read() as session:
        assert session.execute(update(table).where(*of_other(table)).values({first: first})).rowcount == 1


def added(table):
    """A new row of the other school, or of its people and stocktakings."""
    values = row(table, 4)
    parents = {"stock_item": "stocktaking", "sign_in": "person", "request_key": "person"}
    if table.name in parents:
        values[parents[table.name]] = 2
    return values


def everything(database, name):
    with database.read() as session:
        return len(session.execute(select(TABLES[name])).all())


@pytest.mark.parametrize("name", ["room", "loan", "access_token", "person_grant"])
def test_a_row_cannot_be_moved_to_another_school(database, name):
    """Neither to the other one, nor to all."""
    table = TABLES[name]
    with only_own(database), database.read() as session:
        for site in (OTHER, None)[: 1 + bool(table.columns.site.nullable)]:
            with pytest.raises(DBAPIError, match="row-level security"):
                session.execute(update(table).values(site=site))
            session.rollback()


def test_what_is_of_all_schools_is_for_those_who_reach_all(database):
    """A grant at every site, and an audit row of none, are not found from one school."""
    with database.write() as session:
        session.execute(insert(TABLES["person_grant"]).values(id=9, person=1, role="auditor"))
    assert found(database, "person_grant") == {(1,)}
    assert everything(database, "person_grant") == 3
    with database.write() as session:
        session.execute(TABLES["person_grant"].delete().where(TABLES["person_grant"].c.id == 9))


@pytest.mark.parametrize("sites", [frozenset(), frozenset({"truong-"}), frozenset({"truong-a-2"})])
def test_who_reaches_nothing_finds_nothing(database, sites):
    """No site, and ids that only begin like one."""
    with acting("nobody", "here", sites), database.read() as session:
        assert [session.execute(select(TABLES[name])).all() for name in ISOLATED] == [[]] * len(ISOLATED)


def test_a_connection_that_nobody_told_finds_nothing(database):
    """The setting ends with its transaction; without it nothing is reached, so a forgotten one is noticed."""
    with database.read() as session:
        assert len(session.execute(select(TABLES["room"])).all()) == 2
    with closing(database.engine.raw_connection()) as connection:
        cursor = connection.cursor()
        assert [cursor.execute(f"SELECT * FROM {name}").fetchall() for name in ISOLATED] == [[]] * len(
            ISOLATED
        )


def ask_at_once(database, rounds=60):
    """Four people of two schools and the server over the same connections; returns what somebody ought not to see."""
    table = TABLES["room"]
    people = [frozenset({OWN}), frozenset({OTHER}), frozenset({OWN}), frozenset({OTHER}), frozenset(SITES)]
    together = threading.Barrier(len(people))

    def ask(sites):
        wrong = []
        together.wait(30)
        for _ in range(rounds):
            with acting("somebody", "here", sites), database.read() as session:
                seen = frozenset(session.scalars(select(table.c.site)))
                wrong += [] if seen == sites else [seen]
        return wrong

    with ThreadPoolExecutor(len(people)) as pool:
        return [one for wrong in pool.map(ask, people) for one in wrong]


def test_people_who_ask_at_once_see_their_own_school(database):
    """Connections go from person to person; what they reach does not go with them."""
    assert ask_at_once(database) == []


def test_a_setting_that_stays_with_the_connection_would_be_noticed(database, monkeypatch):
    """The control: set once for each connection, it leaks to whoever is next."""

    def once(connection):
        if not connection.info.setdefault("told", False):
            connection.info["told"] = True
            told = ",".join(isolation.actor().sites or [isolation.EVERY_SITE])
            connection.exec_driver_sql("SELECT set_config('campus.sites', %s, false)", (told,))

    monkeypatch.setattr(isolation, "begin", once)
    url = database.engine.url.render_as_string(hide_password=False)
    with closing(Database.open(url, Path())) as leaking:
        assert ask_at_once(leaking) != []


def test_reaching_everywhere_ends_with_its_block(database):
    """Within a transaction of a person, the server looks at all schools for a moment, also when that fails."""
    rooms = select(TABLES["room"].c.site)
    with only_own(database), database.write() as session:
        with isolation.everywhere(session):
            assert set(session.scalars(rooms)) == set(SITES)
            with isolation.everywhere(session):
                pass
            assert set(session.scalars(rooms)) == set(SITES)
        assert set(session.scalars(rooms)) == {OWN}
        with pytest.raises(ValueError, match="meanwhile"), isolation.everywhere(session):
            raise ValueError("meanwhile")
        assert set(session.scalars(rooms)) == {OWN}


@pytest.mark.parametrize("name", ["room_fact", "room_interval", "lesson_day", "equipment"])
def test_the_policy_leaves_indexes_in_use_and_is_cheap_for_a_row(database, name):
    """A query for one site scans by its key; the setting is read once, not for each row."""
    with only_own(database), database.read() as session:
        session.execute(text("SET LOCAL enable_seqscan = off"))
        session.execute(text("SET LOCAL enable_bitmapscan = off"))
        plan = session.scalars(text(f"EXPLAIN SELECT * FROM {name} WHERE site = '{OWN}'")).all()
    told = "\n".join(plan)
    assert "Index Cond: ((site)::text" in told, told
    assert "InitPlan" in told, told
    filters = [line for line in plan if "Filter" in line]
    assert filters and "current_setting" not in "".join(filters), told


@pytest.fixture
def records(postgresql, tmp_path):
    with closing(Database.open(postgresql.database(), tmp_path)) as database:
        with database.write() as session:
            for number in range(1, len(SITES) + 1):
                for table in ("site", "room_type", "equipment"):
                    values = row(TABLES[table], number) | (
                        {"tz": "Asia/Ho_Chi_Minh"} if table == "site" else {}
                    )
                    session.execute(insert(TABLES[table]).values(values))
        yield Records(database, lambda: NOW, tmp_path)


def test_two_schools_write_one_audit_log_and_read_their_own(records):
    """Each person's changes follow the other's in the chain; rows of the other school are not read back."""
    for number, site in enumerate(SITES * 3, 1):
        with acting("lan", "here", frozenset({site})):
            records.create_equipment(site, {"id": f"new-{number}", "name": "New", "kind": "pc"}, "lan")
    assert records.verify_audit().wrong is None
    for site in SITES:
        with acting("lan", "here", frozenset({site})):
            assert {one.site for one in records.audit_log()} == {site}
            assert len(records.audit_log()) == 3


def test_accounts_are_judged_by_all_of_their_grants(records):
    """Who administers one school is shown, by the part that guards accounts, what a person may at another."""
    grants = [Grant(ADMINISTRATOR, OWN), Grant("leader", OTHER)]
    records.ensure_admin()
    records.add_person("lan", grants)
    seen = []
    with acting("somebody", "here", frozenset({OWN})):
        records.change_person("lan", language="en", guard=lambda person: seen.append(person.grants))
        assert records.person("lan").grants == tuple(grants)
    assert seen == [tuple(grants)]


def test_a_file_of_two_schools_stays_for_the_one_that_keeps_it(records, tmp_path):
    """The same manual, attached at both: when one removes it, the other still has its content."""
    manual = b"%PDF-1.7 the manual"
    made = []
    for number, site in enumerate(SITES, 1):
        with acting("lan", "here", frozenset({site})):
            made.append(records.attach(site, f"x{number}", "manual.pdf", manual, "lan"))
    with acting("lan", "here", frozenset({OWN})):
        records.remove_attachment(OWN, made[0].number)
    with acting("lan", "here", frozenset({OTHER})):
        assert records.attachment(OTHER, made[1].number)[1] == manual
        records.remove_attachment(OTHER, made[1].number)
    assert [path for path in (tmp_path / "attachments").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(("option", "why"), [("SUPERUSER", "is a superuser"), ("BYPASSRLS", "has BYPASSRLS")])
def test_the_doctor_names_a_role_that_no_policy_holds(postgresql, tmp_path, option, why):
    """With what to do; of a plain role that owns the tables it says nothing."""
    plain = postgresql.database()
    Database.open(plain, tmp_path).close()
    with closing(Database.open(postgresql.url_of("postgres", postgresql.superuser), tmp_path)) as server:
        with server.write() as session:
            session.execute(text(f"CREATE ROLE held_by_none LOGIN {option} IN ROLE campus"))
        try:
            free = plain.replace(f"{postgresql.user}@", "held_by_none@")
            for url, ok in ((plain, True), (free, False)):
                done = command("doctor", "--data", "d", "--records", url, "--json", cwd=tmp_path)
                (found,) = [one for one in json.loads(done.stdout)["findings"] if one["check"] == "records"]
                assert found["ok"] is ok, found
                assert (why in found["found"] and "role" in found["advice"]) is not ok
        finally:
            with server.write() as session:
                session.execute(text("DROP ROLE held_by_none"))


def test_the_containers_role_is_held(tmp_path):
    """What the PostgreSQL of docker-compose.yml runs on an empty disk makes a role and a database like that."""

    class Empty(PostgreSQL):
        def ready(self):
            """Without the tests' own role."""

    with tempfile.TemporaryDirectory(prefix="campus-postgresql-") as folder, Empty(Path(folder)) as server:
        told = {"PGHOST": server.host, "PGPORT": str(server.port), "POSTGRES_PASSWORD": "it's made up"}
        subprocess.run([ROOT / "tools" / "compose-postgresql"], env={**os.environ, **told}, check=True)
        url = server.url_of("campus")
        with closing(Database.open(url, tmp_path)) as database:
            fill(database)
            assert unheld(url) is None
            assert found(database, "room") == {key(TABLES["room"], 1)}


def test_a_dump_by_the_role_is_whole_or_refused(postgresql, database):
    """As docs/records.md says: it never leaves rows out in silence."""
    url = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    dump = [program("pg_dump") or "pg_dump", "--data-only", "--table=room", url]
    plain = subprocess.run(dump, capture_output=True, text=True)
    assert plain.returncode != 0 and "row-level security" in plain.stderr
    told = {**os.environ, "PGOPTIONS": "-c campus.sites=*"}
    whole = subprocess.run([*dump, "--enable-row-security"], env=told, capture_output=True, text=True)
    assert whole.returncode == 0 and all(site in whole.stdout for site in SITES), whole.stderr


@pytest.mark.parametrize("limit", [None, *SITES, "truong-c"])
@pytest.mark.parametrize("granted", [(), (OWN,), (OWN, OTHER), (None,), (OTHER, None)])
def test_a_person_reaches_the_schools_they_may_know_of(granted, limit):
    """By grants, and with a token by its limit: the database lets through what the rights do, and no more."""
    grants = tuple(Grant("leader", site) for site in granted)
    person = Person(1, "lan", grants, limits=Limits(site=limit) if limit else None)
    for site in (*SITES, "truong-c"):
        assert (reach(person) is None or site in reach(person)) == knows(person, site)
