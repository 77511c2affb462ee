"""Accounts, sessions, tokens and the audit log by the API; and that nobody makes more of themselves."""

from contextlib import contextmanager

import pytest
from api_school import SITE, is_problem, items, running

from api.rights import ALL_RIGHTS, RIGHTS, covers
from campus.records.entities import ROLES, Grant, Limits, Person
from campus.records.inventory import Inventory

OTHER = "truong-khac"
LEADER = [{"role": "leader", "site": SITE}]


@pytest.fixture(scope="module")
def campus(tmp_path_factory):
    with running(tmp_path_factory.mktemp("school")) as campus:
        site = {"id": OTHER, "name": "Trường khác", "tz": "Asia/Ho_Chi_Minh"}
        campus.records.import_inventory(Inventory.parse({"site": site}))
        campus.records.add_person("head", [Grant("administrator", SITE)])
        yield campus


@contextmanager
def signed_in(campus, name):
    """A browser with a session of this person."""
    session = campus.records.create_session(campus.records.person(name), 1)
    with campus.client(headers={"Origin": campus.url}, cookies={"campus_session": session}) as client:
        yield client


@contextmanager
def with_token(campus, name, limits):
    token = campus.records.create_token(campus.records.person(name), "x", limits)
    with campus.client(headers={"Authorization": f"Bearer {token}"}) as client:
        yield client


def test_an_account_from_its_making_to_its_removal(campus):
    """Made with a password that is shown once and signs in; changed; given a new one; removed."""
    with campus.person() as admin:
        form = {"name": "lan", "grants": LEADER, "identity": "Lan@example.org"}
        made = admin.post("/api/v1/people", json=form)
        assert made.status_code == 201
        password = made.json().pop("password")
        shown = {"name": "lan", "language": "vi", "identity": "lan@example.org", "grants": LEADER}
        assert admin.get("/api/v1/people/lan").json() == shown
        assert shown in items(admin, "people")
        assert password not in admin.get("/api/v1/people").text
        is_problem(admin.post("/api/v1/people", json=form), 409)
        with campus.client(headers={"Origin": campus.url}) as lan:
            credentials = {"name": "lan", "password": password}
            assert lan.post("/api/v1/sessions", json=credentials).status_code == 201
            assert lan.get("/api/v1/sessions/current").json() == shown
            grants = [{"role": "it", "site": SITE}, {"role": "auditor", "site": None}]
            changed = admin.patch("/api/v1/people/lan", json={"grants": grants, "identity": ""})
            assert changed.json() == shown | {"grants": grants, "identity": None}
            assert lan.get("/api/v1/sessions/current").json()["grants"] == grants  # from the next request on
            renewed = admin.put("/api/v1/people/lan/password").json()["password"]
            is_problem(lan.get("/api/v1/sites"), 401)
            is_problem(lan.post("/api/v1/sessions", json=credentials), 401)
            assert lan.post("/api/v1/sessions", json=credentials | {"password": renewed}).status_code == 201
            assert admin.delete("/api/v1/people/lan/sessions").status_code == 204
            is_problem(lan.get("/api/v1/sites"), 401)
        assert admin.delete("/api/v1/people/lan").status_code == 204
        is_problem(admin.get("/api/v1/people/lan"), 404)
        is_problem(admin.delete("/api/v1/people/admin"), 409)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "Cô Lan"}, "body.name"),
        ({"name": "x" * 10_000}, "body.name"),
        ({"name": "a'--"}, "body.name"),
        ({"grants": []}, "body.grants"),
        ({"grants": [{"role": "root", "site": SITE}]}, "body.grants.0.role"),
        ({"grants": [{"role": "it"}]}, "body.grants.0.site"),
        ({"grants": [{"role": "it", "site": "<b>"}]}, "body.grants.0.site"),
        ({"language": "fr"}, "body.language"),
        ({"password": "chosen by me"}, "body.password"),
    ],
)
def test_a_form_that_is_wrong_names_the_field(campus, change, field):
    """422 with the field; nobody is added."""
    with campus.person() as admin:
        answer = admin.post("/api/v1/people", json={"name": "lan", "grants": LEADER} | change)
        assert field in [one["field"] for one in is_problem(answer, 422)["errors"]]
        assert "lan" not in [one["name"] for one in items(admin, "people")]


def test_an_administrator_of_a_school_stays_in_it(campus):
    """Gives roles there and acts on people who are only there; all others are nobody to them."""
    campus.records.add_person("mine", [Grant("it", SITE)])
    campus.records.add_person("shared", [Grant("it", SITE), Grant("it", OTHER)])
    campus.records.add_person("theirs", [Grant("it", OTHER)])
    with signed_in(campus, "head") as head:
        assert [one["name"] for one in items(head, "people")] == ["head", "mine"]
        for name in ("admin", "shared", "theirs", "nobody-at-all"):
            for method, path, body in (
                ("GET", "", None),
                ("PATCH", "", {"language": "en"}),
                ("DELETE", "", None),
                ("PUT", "/password", None),
                ("DELETE", "/sessions", None),
            ):
                answer = head.request(method, f"/api/v1/people/{name}{path}", json=body)
                assert name in is_problem(answer, 404)["detail"]
        for grant, status in (
            ({"role": "administrator", "site": SITE}, 200),
            ({"role": "it", "site": OTHER}, 404),
            ({"role": "it", "site": "nowhere"}, 404),
            ({"role": "auditor", "site": None}, 403),
            ({"role": "administrator", "site": None}, 403),
        ):
            both = [{"role": "it", "site": SITE}, grant]
            assert head.patch("/api/v1/people/mine", json={"grants": both}).status_code == status, grant
            new = head.post("/api/v1/people", json={"name": "made", "grants": both})
            assert new.status_code == (201 if status == 200 else status), grant
        assert campus.records.person("mine").grants[1] == Grant("administrator", SITE)


def test_only_who_has_everything_gives_it(campus):
    """`covers` is an administrator at all of these places, without the limits of a token; nobody else."""
    here, everywhere = (Person(1, "x", (Grant("administrator", site),)) for site in (SITE, None))
    for role in ROLES:
        assert covers(here, [Grant(role, SITE)]) and covers(everywhere, [Grant(role), Grant(role, OTHER)])
        assert not covers(here, [Grant(role)]) and not covers(here, [Grant(role, SITE), Grant(role, OTHER)])
        if role != "administrator":
            assert not covers(Person(1, "x", (Grant(role),)), [Grant("auditor", SITE)])
    for limits in (
        Limits(frozenset({"people"})),
        Limits(frozenset({"people", "places"})),
        Limits(site=OTHER),
    ):
        limited = Person(1, "x", (Grant("administrator"),), limits=limits)
        assert not covers(limited, [Grant("it", SITE)])
    assert covers(
        Person(1, "x", (Grant("administrator"),), limits=Limits(ALL_RIGHTS, site=SITE)), [Grant("it", SITE)]
    )
    assert "people" in RIGHTS["administrator"]


def test_a_limited_token_makes_nothing_more_of_itself(campus):
    """With the right to administer people and no other, it can neither give roles, nor take an account over."""
    campus.records.add_person("target", [Grant("leader", SITE)])
    with with_token(campus, "admin", Limits(frozenset({"people"}))) as program:
        assert items(program, "people") == []
        is_problem(program.post("/api/v1/people", json={"name": "more", "grants": LEADER}), 403)
        is_problem(program.put("/api/v1/people/target/password"), 404)
        is_problem(program.put("/api/v1/people/admin/password"), 404)
        is_problem(program.get(f"/api/v1/sites/{SITE}/rooms"), 403)


def test_a_token_cannot_act_on_tokens_sessions_or_the_password(campus):
    """An unlimited one neither: what was stolen cannot make itself last."""
    with with_token(campus, "admin", Limits()) as program:
        assert program.get("/api/v1/sites").status_code == 200
        for method, path, body in (
            ("GET", "tokens", None),
            ("POST", "tokens", {"label": "more"}),
            ("DELETE", "tokens/1", None),
            ("GET", "sessions", None),
            ("DELETE", "sessions", None),
            ("PUT", "sessions/current/password", {"old": campus.password, "new": "mật khẩu mới 2026"}),
        ):
            assert (
                "Sign in" in is_problem(program.request(method, f"/api/v1/{path}", json=body), 403)["detail"]
            )


def test_a_token_may_what_it_was_made_for(campus):
    """Reading only, some rights only, one school only; made by a form, and listed with its limits."""
    form = {"label": "report", "reads_only": True, "rights": ["figures", "close"], "site": SITE, "days": 30}
    with campus.person() as admin:
        token = admin.post("/api/v1/tokens", json=form).json()["token"]
        (listed,) = (one for one in items(admin, "tokens") if one["label"] == "report")
        assert listed["rights"] == ["close", "figures"] and listed["reads_only"] and listed["site"] == SITE
        assert (listed["created_at"][:10], listed["expires_at"][:10]) == ("2026-11-18", "2026-12-18")
        for wrong, status in (
            ({"rights": ["everything"]}, 422),
            ({"site": "nowhere"}, 404),
            ({"days": 731}, 422),
            ({"days": 0}, 422),
            ({"label": "a\x00"}, 422),
        ):
            is_problem(admin.post("/api/v1/tokens", json=form | wrong), status)
    months = f"/api/v1/sites/{SITE}/months"
    with campus.client(headers={"Authorization": f"Bearer {token}"}) as program:
        assert program.get(months).status_code == 200
        assert "only reads" in is_problem(program.post(months, json={"month": "2026-09"}), 403)["detail"]
        is_problem(program.get(f"/api/v1/sites/{SITE}/facts?from=2026-11-16&to=2026-11-17"), 403)
        is_problem(program.get(f"/api/v1/sites/{OTHER}/months"), 404)
        is_problem(program.get("/api/v1/sites"), 403)
    with campus.person() as admin:
        assert admin.get(f"/api/v1/sites/{OTHER}/months").status_code == 200  # the control
    with with_token(campus, "admin", Limits(site=OTHER)) as program:
        assert [one["id"] for one in items(program, "sites")] == [OTHER]
        is_problem(program.get("/api/v1/people/head"), 404)


def test_the_tokens_of_another_are_not_there(campus):
    """Neither listed nor revoked."""
    campus.records.create_token(campus.records.person("admin"), "of admin")
    id = campus.records.tokens(campus.records.person("admin"))[-1].id
    with signed_in(campus, "head") as head:
        assert "of admin" not in head.get("/api/v1/tokens").text
        is_problem(head.delete(f"/api/v1/tokens/{id}"), 404)
    with campus.person() as admin:
        assert admin.delete(f"/api/v1/tokens/{id}").status_code == 204


def test_sessions_are_seen_and_ended(campus):
    """Where one is signed in, with the browser's name; one ended, then all."""
    campus.records.add_person("busy", [Grant("it", SITE)])
    with signed_in(campus, "busy") as one, signed_in(campus, "busy") as other:
        listed = items(one, "sessions")
        assert [own["is_own"] for own in listed].count(True) == 1 and len(listed) == 2
        other_id = next(entry["id"] for entry in listed if not entry["is_own"])
        assert one.delete(f"/api/v1/sessions/{other_id}").status_code == 204
        is_problem(other.get("/api/v1/sites"), 401)
        is_problem(one.delete(f"/api/v1/sessions/{other_id}"), 404)
        is_problem(one.delete("/api/v1/sessions/x"), 422)
        assert one.delete("/api/v1/sessions").status_code == 204
        is_problem(one.get("/api/v1/sites"), 401)
    with campus.client(headers={"User-Agent": "A browser", "Origin": campus.url}) as browser:
        form = {"name": "admin", "password": campus.password}
        browser.post("/api/v1/sessions", json=form)
        own = next(one for one in items(browser, "sessions") if one["is_own"])
        assert (own["address"], own["agent"]) == ("127.0.0.1", "A browser")


def test_people_change_their_own_password(campus):
    """With the old one; other sessions and tokens are over, this browser goes on; wrong guesses are slowed down."""
    person, old = campus.records.add_person("self", [Grant("it", SITE)])
    token = campus.records.create_token(person, "x")
    new = {"old": old, "new": "mật khẩu mới 2026"}
    with signed_in(campus, "self") as here, signed_in(campus, "self") as elsewhere:
        path = "/api/v1/sessions/current/password"
        is_problem(here.put(path, json=new | {"old": "wrong"}), 422)
        is_problem(here.put(path, json=new | {"new": "short"}), 422)
        assert here.put(path, json=new).status_code == 204
        assert here.get("/api/v1/sites").status_code == 200
        is_problem(elsewhere.get("/api/v1/sites"), 401)
        assert campus.records.token(token) is None
        answers = [here.put(path, json=new).status_code for _ in range(6)]
        assert answers == [422] * 5 + [429]


def test_the_audit_log_tells_who_and_from_where(campus):
    """The person and the address of a request; the local token by its name; in pages, the newest first."""
    with campus.person() as admin, campus.program() as local:
        for number in range(3):
            admin.post("/api/v1/people", json={"name": f"seen-{number}", "grants": LEADER})
        local.delete("/api/v1/people/seen-0")
        page = admin.get("/api/v1/audit", params={"limit": 2}).json()
        last, before = page["items"]
        assert (last["who"], last["from_where"], last["what"]) == ("local", "127.0.0.1", "person.removed")
        assert (before["who"], before["what"], before["id"]) == ("admin", "person.added", "seen-2")
        assert before["after"]["grants"] == LEADER and before["site"] == SITE
        more = {"limit": 1, "after": page["next"]}
        following = admin.get("/api/v1/audit", params=more).json()["items"][0]
        assert following["id"] == "seen-1"
        everything = items(admin, "audit", limit=500)
        assert [row["number"] for row in everything] == list(range(len(everything), 0, -1))
        is_problem(admin.get("/api/v1/audit", params={"who": "\x00"}), 422)
    with signed_in(campus, "head") as head:
        assert {row["site"] for row in items(head, "audit")} == {SITE}
        is_problem(head.get("/api/v1/audit", params={"site": OTHER}), 404)


def test_a_page_of_a_school_is_for_its_people(campus):
    """The room board of another school is not there, and a choice of schools shows one's own."""
    campus.records.add_person("caretaker", [Grant("facilities", SITE)])
    with signed_in(campus, "caretaker") as browser:
        assert campus.room in browser.get("/").text
        assert browser.get(f"/?site={OTHER}").status_code == 404
        assert browser.get(f"/rooms/{OTHER}/x").status_code == 404
    with campus.person() as admin:
        assert "Trường khác" in admin.get("/").text


def test_a_token_that_only_reads_changes_nothing_by_a_page(campus):
    """The pages take a token too, and keep to its limits."""
    with with_token(campus, "admin", Limits(reads_only=True)) as program:
        assert program.get("/").status_code == 200
        is_problem(program.post("/sign-out"), 403)
