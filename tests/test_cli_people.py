"""`campus people` and `campus audit`, as a person types them."""

import json
import sqlite3
from contextlib import closing

import pytest
from records_stores import SITE, fill

from campus.cli.app import run
from campus.records import open_records


@pytest.fixture
def data(tmp_path):
    with open_records("sqlite", tmp_path) as records:
        records.ensure_admin()
        fill(records)
    return tmp_path


@pytest.fixture
def ran(data, capsys, monkeypatch):
    """What a command prints; of one that fails in good order, with this exit code, its one sentence."""
    monkeypatch.setenv("COLUMNS", "200")

    def ran(*words, code=0):
        assert run([*words, "--data", str(data)]) == code, capsys.readouterr()
        told = capsys.readouterr()
        if code == 0:
            assert told.err == ""
            return told.out
        assert told.err.startswith("campus: ") and len(told.err.splitlines()) == 1
        return told.err

    return ran


def test_people_are_added_given_roles_and_removed(data, ran):
    """The password that is shown signs in; roles are as written; the log tells which account of the machine did it."""
    told = ran("people", "add", "lan", "--role", f"leader@{SITE}", "--role", "auditor")
    password = told.split()[-1]
    with open_records("sqlite", data) as records:
        assert records.sign_in("lan", password)
        (row,) = records.audit_log(limit=1)
        assert (row.what, row.id, row.from_where) == ("person.added", "lan", "command line")
        assert row.who not in ("system", "")
    people = json.loads(ran("people", "list", "--json"))
    assert people[1]["name"] == "lan" and people[1]["roles"] == [f"leader@{SITE}", "auditor"]
    assert "it" in ran("people", "role", "lan", "--role", "it")
    assert "lan" in ran("people", "list")
    renewed = ran("people", "password", "lan").split()[-1]
    with open_records("sqlite", data) as records:
        assert records.sign_in("lan", password) is None and records.sign_in("lan", renewed)
    ran("people", "remove", "lan")
    assert '"lan"' not in ran("people", "list", "--json")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["add", "lan", "--role", "chief"], "ROLE@SITE"),
        (["add", "lan", "--role", "it@"], "ROLE@SITE"),
        (["add", "lan", "--role", "it@nowhere"], "no site 'nowhere'"),
        (["add", "Cô Lan", "--role", "it"], "a-z, 0-9"),
        (["add", "admin", "--role", "it"], "taken"),
        (["remove", "admin"], "Nobody would be left"),
        (["role", "nobody", "--role", "it"], "no person of this name"),
    ],
)
def test_what_cannot_be_is_one_sentence(ran, words, told):
    """With what is allowed, or what to do."""
    assert told in ran("people", *words, code=2)


def test_the_audit_log_is_shown_and_verified(data, ran):
    """Whole, also against a noted head; a changed row is named, and the exit code is 1."""
    number, noted = ran("audit", "head").split()
    assert number == "2"
    assert "2 rows" in ran("audit", "verify") and noted in ran("audit", "verify", "--head", noted)
    assert "inventory.imported" in ran("audit", "show")
    (row,) = json.loads(ran("audit", "show", "--json", "--last", "1", "--site", SITE))
    assert row["hash"] == noted and row["after"]["changes"]
    with closing(sqlite3.connect(data / "records.sqlite")) as connection:
        connection.execute("DROP TRIGGER audit_kept_delete")
        connection.execute("DELETE FROM audit WHERE number = 2")
        connection.commit()
    assert "1 rows" in ran("audit", "verify")
    assert "cut off" in ran("audit", "verify", "--head", noted, code=1)
    assert "64 signs" in ran("audit", "verify", "--head", "x", code=2)
