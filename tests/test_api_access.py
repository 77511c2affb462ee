"""Who may ask, what is refused, and how a refusal reads."""

import re

import pytest
from api_school import SITE, is_problem, running
from fastapi.routing import iter_route_contexts

from api.context import Context
from api.problems import ProblemError
from api.rights import ALL_RIGHTS, LIVE, PERIODS, RIGHTS, may, require, somewhere
from api.security import SignIn, signed_in
from campus.records.entities import ROLES, Grant, Person

OPEN = {
    ("GET", "/health"),
    ("POST", "/api/v1/sessions"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("POST", "/language"),
    ("GET", "/sign-in/oidc"),
    ("GET", "/sign-in/oidc/start"),
}


@pytest.fixture(scope="module")
def campus(tmp_path_factory):
    with running(tmp_path_factory.mktemp("school")) as campus:
        yield campus


def routes(app):
    """(method, path) of every route, also of included routers."""
    for route in iter_route_contexts(app.routes):
        for method in getattr(route, "methods", None) or ():
            yield method, route.path


def test_every_route_but_the_open_ones_refuses_a_stranger(campus):
    """No session, no token: 401 everywhere, and the walk really sees the routes there are."""
    seen = set(routes(campus.app))
    assert {("GET", "/api/v1/readings/export"), ("GET", "/api/v1/live/events"), ("GET", "/")} <= seen
    with campus.client() as stranger:
        for method, path in sorted(seen - OPEN):
            address = re.sub("{[^}]*}", "1", path.replace("{site}", SITE))
            is_problem(stranger.request(method, address), 401)
        for method, path in OPEN & seen:
            assert stranger.request(method, path).status_code != 401
    assert seen >= OPEN


def test_a_wrong_cookie_or_token_is_a_stranger(campus):
    """Neither invented secrets nor the local token in a cookie open anything."""
    for headers in (
        {"Cookie": "campus_session=local-token-of-this-run"},
        {"Authorization": "Bearer local-token-of-this-ru"},
        {"Authorization": "Basic YWRtaW46YWRtaW4="},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer " + "x" * 5000},
    ):
        with campus.client(headers=headers) as stranger:
            is_problem(stranger.get("/api/v1/sites"), 401)


def test_health_is_open_and_says_no_more_than_ready(campus, tmp_path):
    """The reasons are for those who are signed in; an unready system answers 503."""
    with campus.client() as stranger:
        assert stranger.get("/health").json() == {"ready": True}
    with running(tmp_path, ready=False) as other, other.client() as stranger, other.program() as program:
        assert stranger.get("/health").status_code == 503
        assert "broker" not in stranger.get("/health").text
        assert program.get("/api/v1/health").json()["reasons"] == ["the broker is away"]


def test_signing_in_gives_a_cookie_that_scripts_cannot_read(campus):
    """HttpOnly and SameSite; not Secure over plain http, where it could not come back."""
    with campus.client() as browser:
        answer = browser.post("/api/v1/sessions", json={"name": "admin", "password": campus.password})
        assert answer.status_code == 201
        assert answer.json() == {
            "name": "admin",
            "language": "vi",
            "identity": None,
            "grants": [{"role": "administrator", "site": None}],
        }
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=lax" in cookie and "path=/" in cookie
        assert "secure" not in cookie
        assert browser.get("/api/v1/sessions/current").json()["name"] == "admin"
        assert browser.delete("/api/v1/sessions/current", headers={"Origin": campus.url}).status_code == 204


def test_signing_out_ends_the_session_on_the_server(campus):
    """A copied cookie is worth nothing afterwards."""
    with campus.person() as browser:
        copied = dict(browser.cookies)
        assert browser.delete("/api/v1/sessions/current").status_code == 204
    with campus.client(cookies=copied) as thief:
        is_problem(thief.get("/api/v1/sites"), 401)


def test_a_write_with_a_cookie_must_come_from_our_own_page(campus):
    """Another site's form is refused; the same request from our page, or with a token, is not."""
    form = {"label": "report"}
    with campus.person() as browser:
        cookies = dict(browser.cookies)
        assert browser.post("/api/v1/tokens", json=form).status_code == 201  # the control
        for headers in (
            {"Origin": "https://elsewhere.example"},
            {"Origin": "null"},
            {"Origin": campus.url + "0"},
            {"Origin": ""},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {},
        ):
            with campus.client(cookies=cookies, headers=headers) as forger:
                is_problem(forger.post("/api/v1/tokens", json=form), 403)
    with campus.client(headers={"Origin": "https://elsewhere.example"}) as forger:
        is_problem(forger.post("/api/v1/sessions", json={"name": "admin", "password": campus.password}), 403)


def test_a_personal_token_acts_for_its_person_until_it_is_revoked(campus):
    """Made once, shown once, listed without its secret, gone when revoked."""
    with campus.person() as browser:
        token = browser.post("/api/v1/tokens", json={"label": "monthly"}).json()["token"]
        listed = [one for one in browser.get("/api/v1/tokens").json()["items"] if one["label"] == "monthly"]
        assert token not in str(listed)
        with campus.client(headers={"Authorization": f"Bearer {token}"}) as program:
            assert program.get("/api/v1/sessions/current").json()["name"] == "admin"
            assert browser.delete(f"/api/v1/tokens/{listed[0]['id']}").status_code == 204
            is_problem(program.get("/api/v1/sites"), 401)
        is_problem(browser.delete(f"/api/v1/tokens/{listed[0]['id']}"), 404)
    with campus.program() as local:
        is_problem(local.post("/api/v1/tokens", json={"label": "mine"}), 409)


class _Nobody:
    """Records in which every password is wrong."""

    def sign_in(self, name, password):
        return None


def attempt(check, name="admin"):
    with pytest.raises(ProblemError) as refused:
        check(Context.__new__(_Only), name, "guess")
    return refused.value


class _Only(Context):
    records = _Nobody()


def test_guessing_a_password_is_slowed_by_account():
    """After five failures an account waits, longer each time; another account does not."""
    now = [0.0]
    check = SignIn(lambda: now[0])
    assert [attempt(check).status for _ in range(6)] == [401] * 5 + [429]
    assert attempt(check, " ADMIN ").status == 429  # the same account, written otherwise
    assert attempt(check, "teacher").status == 401
    waits = []
    for _ in range(12):
        refused = attempt(check)
        waits.append(int(refused.headers["Retry-After"]))
        now[0] += waits[-1]
        assert attempt(check).status == 401
    assert waits == sorted(waits) and waits[0] == 5 and waits[-1] == SignIn.LONGEST


def test_what_is_remembered_of_attempts_is_bounded():
    """Ten thousand invented names do not fill the memory."""
    check = SignIn(lambda: 0.0)
    for number in range(SignIn.ACCOUNTS + 100):
        attempt(check, f"name-{number}")
    assert len(check._failures) == SignIn.ACCOUNTS


def test_a_refused_sign_in_says_to_wait(campus):
    """Over HTTP: 401 five times, then 429 with Retry-After, also for the right password."""
    with campus.client() as browser:
        wrong = {"name": "nobody", "password": "wrong"}
        for _ in range(5):
            is_problem(browser.post("/api/v1/sessions", json=wrong), 401)
        answer = browser.post("/api/v1/sessions", json=wrong)
        is_problem(answer, 429)
        assert int(answer.headers["retry-after"]) >= 1


def test_one_table_decides_what_a_role_may_read(campus):
    """A no-show of one period is for facilities staff and the administrator; others are refused, by page and by API."""
    assert set(RIGHTS) == set(ROLES)
    people = {role: Person(9, role, (Grant(role),)) for role in ROLES}
    assert {role for role in ROLES if may(people[role], PERIODS, SITE)} == {"administrator", "facilities"}
    assert RIGHTS["administrator"] == ALL_RIGHTS
    assert not somewhere(Person(9, "x", (Grant("unheard-of"),)), LIVE)
    with pytest.raises(ProblemError, match="right 'periods'"):
        require(people["leader"], PERIODS, SITE)
    campus.app.dependency_overrides[signed_in] = lambda: people["leader"]
    try:
        with campus.program() as program:
            assert program.get(f"/api/v1/sites/{SITE}/rooms").status_code == 200
            span = "from=2026-11-16&to=2026-11-17"
            for path in (
                f"sites/{SITE}/facts?{span}",
                f"sites/{SITE}/rooms/{campus.room}/indicators?{span}",
                f"sites/{SITE}/rooms/{campus.room}/intervals?{span}",
                f"sites/{SITE}/rooms/{campus.room}/forecast?date=2026-11-19",
                f"sites/{SITE}/rooms/{campus.room}/anomalies?date=2026-11-17",
                f"sites/{SITE}/equipment/facts?{span}",
                f"sites/{SITE}/boards/{campus.board}/quality",
                f"sites/{SITE}/findings",
                f"readings?site={SITE}&room={campus.room}&{span}",
                "readings/export",
                "readings/means",
                "live",
                "live/events",
            ):
                is_problem(program.get(f"/api/v1/{path}"), 403)
    finally:
        campus.app.dependency_overrides.clear()


def test_a_stranger_is_led_to_the_sign_in_and_back(campus):
    """A page without a session leads to the sign-in, which leads on to that page and to no other server."""
    with campus.client(headers={"Accept": "text/html", "Origin": campus.url}) as browser:
        answer = browser.get(f"/rooms/{SITE}/{campus.room}?day=2026-11-17")
        assert answer.status_code == 303
        assert answer.headers["location"] == f"/sign-in?next=/rooms/{SITE}/{campus.room}%3Fday%3D2026-11-17"
        assert "day=2026-11-17" in browser.get(answer.headers["location"]).text
        for next, lands in (
            ("/rooms/demo/a-101?day=2026-11-17", "/rooms/demo/a-101?day=2026-11-17"),
            ("https://evil.example/", "/"),
            ("//evil.example/", "/"),
            ("/\\evil.example", "/"),
            ("/a\r\nSet-Cookie: x=y", "/"),
            ("", "/"),
        ):
            form = {"name": "admin", "password": campus.password, "next": next}
            answer = browser.post("/sign-in", data=form)
            assert (answer.status_code, answer.headers["location"]) == (303, lands)
        wrong = browser.post("/sign-in", data={"name": "<b>admin</b>", "password": "wrong"})
        assert wrong.status_code == 401
        assert "&lt;b&gt;admin" in wrong.text and "<b>" not in wrong.text
