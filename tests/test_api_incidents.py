"""Incidents and availability over the API and the command line, and who may read them."""

import json

import pytest
from api_school import MINUTE, NOW_MS, SITE, is_problem, running

from api.rights import LINKS, may
from api.security import signed_in
from campus.inference import LOST, ONLINE, Stretch
from campus.inference.incidents import Incident, Lost
from campus.records.entities import ROLES, Grant, Person
from campus.records.links import Followed, Heard

SPAN = "from=2026-11-16&to=2026-11-19"
BEGIN = NOW_MS - 60 * MINUTE


@pytest.fixture(scope="module")
def campus(tmp_path_factory):
    with running(tmp_path_factory.mktemp("school")) as campus:
        key = (SITE, campus.board)
        followed = Followed(LOST, BEGIN, NOW_MS, 180_000, {})
        online = Stretch(BEGIN - 60 * MINUTE, BEGIN, ONLINE)
        campus.records.store_heard(
            Heard([SITE], [(online.start_ms, NOW_MS)], {key: [online]}, {key: followed})
        )
        lost = (Lost(campus.board, BEGIN, NOW_MS),)
        evidence = {"scope": "board", "lost": 1, "of": 1}
        campus.records.store_incidents(
            SITE, 0, [Incident("unknown", BEGIN, None, (campus.board,), lost, evidence)]
        )
        yield campus


def test_incidents_of_a_range_of_dates(campus):
    """With number, cause, boards and evidence; one that goes on has no end."""
    with campus.program() as program:
        (one,) = program.get(f"/api/v1/sites/{SITE}/incidents?{SPAN}").json()["items"]
        assert one == {
            "number": one["number"],
            "cause": "unknown",
            "start_ms": BEGIN,
            "end_ms": None,
            "boards": [campus.board],
            "evidence": {"scope": "board", "lost": 1, "of": 1},
        }
        early = program.get(f"/api/v1/sites/{SITE}/incidents?from=2026-11-10&to=2026-11-16")
        assert early.json() == {"items": [], "next": None}


def test_the_availability_of_a_board(campus):
    """Whole states, with what goes on."""
    with campus.program() as program:
        found = program.get(f"/api/v1/sites/{SITE}/boards/{campus.board}/availability?{SPAN}").json()["items"]
    assert found == [
        {"start_ms": BEGIN - 60 * MINUTE, "end_ms": BEGIN, "state": "online"},
        {"start_ms": BEGIN, "end_ms": NOW_MS, "state": "lost"},
    ]


def test_a_wrong_request_is_a_problem(campus):
    """An unknown site or board, a range too long or turned round."""
    with campus.program() as program:
        is_problem(program.get(f"/api/v1/sites/nowhere/incidents?{SPAN}"), 404)
        is_problem(program.get(f"/api/v1/sites/{SITE}/boards/nothing/availability?{SPAN}"), 404)
        is_problem(program.get(f"/api/v1/sites/{SITE}/incidents?from=2026-11-16&to=2026-11-16"), 422)
        long = "from=2026-01-01&to=2026-11-16"
        is_problem(program.get(f"/api/v1/sites/{SITE}/boards/{campus.board}/availability?{long}"), 422)
        is_problem(program.get(f"/api/v1/sites/{SITE}/incidents?from=2020-01-01&to=2026-11-16"), 422)


def test_incidents_are_for_it_staff_and_the_administrator(campus):
    """Others are refused; a stranger is asked to sign in."""
    people = {role: Person(9, role, (Grant(role),)) for role in ROLES}
    assert {role for role in ROLES if may(people[role], LINKS, SITE)} == {"administrator", "it"}
    paths = (f"sites/{SITE}/incidents?{SPAN}", f"sites/{SITE}/boards/{campus.board}/availability?{SPAN}")
    for role, status in (("it", 200), ("leader", 403), ("facilities", 403)):
        campus.app.dependency_overrides[signed_in] = lambda role=role: people[role]
        try:
            with campus.program() as program:
                for path in paths:
                    answer = program.get(f"/api/v1/{path}")
                    assert answer.status_code == status
                    if status == 403:
                        is_problem(answer, 403)
        finally:
            campus.app.dependency_overrides.clear()
    with campus.client() as stranger:
        for path in paths:
            is_problem(stranger.get(f"/api/v1/{path}"), 401)


def test_the_command_reads_the_records_where_nothing_runs(tmp_path, capsys):
    """As a table for people and as one document; the site need not be named where there is one."""
    from campus.cli.app import run

    with running(tmp_path) as campus:
        lost = (Lost("b-1", BEGIN, NOW_MS),)
        campus.records.store_incidents(SITE, 0, [Incident("access_point", BEGIN, None, ("b-1",), lost, {})])
    dates = ["--from", "2026-11-16", "--to", "2026-11-19", "--data", str(tmp_path)]
    assert run(["incidents", *dates, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [one["cause"] for one in document["incidents"]] == ["access_point"]
    assert run(["incidents", SITE, *dates]) == 0
    shown = capsys.readouterr().out
    assert "access point" in shown and "goes on" in shown and "2026-11-18 08:30:00" in shown
    assert run(["incidents", "nowhere", *dates]) != 0
    assert "nowhere" in capsys.readouterr().err
