"""Signing in by OpenID Connect, at a real provider in a process of its own: Authlib's server side over loopback."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from api_school import SITE, is_problem, running

from api.oidc import Flow, Provider, Refused
from campus.errors import UsageError
from campus.records.entities import Grant
from campus.settings import Settings

CLIENT, SECRET = "campus", "a secret/with:signs+%"
LAN = {"sub": "subject-1", "email": "Lan@Example.org", "email_verified": True}
FINISH = "/sign-in/oidc"


def now():
    return datetime.now(UTC)


class Service:
    def __init__(self, address):
        self.address = address

    def set(self, who=LAN, fault=""):
        httpx.post(
            f"{self.address}/set", json={"who": who, "fault": fault}, trust_env=False
        ).raise_for_status()


@pytest.fixture(scope="module")
def campus(tmp_path_factory):
    with running(tmp_path_factory.mktemp("school")) as campus:
        campus.records.add_person("lan", [Grant("facilities", SITE)], identity="lan@example.org")
        campus.records.add_person("minh", [Grant("facilities", SITE)], identity="subject-2")
        yield campus


@pytest.fixture(scope="module")
def service(campus):
    config = {"client_id": CLIENT, "client_secret": SECRET, "redirect": campus.url + FINISH}
    process = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("oidc_provider.py"), json.dumps(config)],
        env=os.environ | {"AUTHLIB_INSECURE_TRANSPORT": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        service = Service(process.stdout.readline().strip())
        assert service.address.startswith("http://127.0.0.1:")
        yield service
    finally:
        process.kill()
        process.wait()


@pytest.fixture(autouse=True)
def provider(campus, service):
    """Set up as by the settings, a new one for each test; the service has no fault and lan is signed in there."""
    service.set()
    provider = Provider(service.address, CLIENT, SECRET, campus.url + FINISH, now)
    object.__setattr__(campus.app.state.context, "oidc", provider)
    return provider


def browser(campus):
    return campus.client(headers={"Accept": "text/html"})


def at_service(client, next=None):
    """Begin, and be sent back by the service: the address with which it leads back."""
    begun = client.get(f"{FINISH}/start", params={"next": next} if next else None)
    assert begun.status_code == 303, begun.text
    led = httpx.get(begun.headers["location"], trust_env=False)
    assert led.status_code == 302, led.text
    return led.headers["location"]


def signed_in(client):
    answer = client.get("/api/v1/sessions/current")
    return answer.json()["name"] if answer.status_code == 200 else None


def test_a_person_signs_in_and_lands_where_they_wanted(campus, service):
    """By a verified e-mail address, by the subject; with PKCE, state and nonce, and a session like any other."""
    with browser(campus) as client:
        assert f'href="{FINISH}/start' in client.get("/sign-in").text
        begun = client.get(f"{FINISH}/start?next=/rooms/demo/x")
        query = parse_qs(urlsplit(begun.headers["location"]).query)
        assert query["code_challenge_method"] == ["S256"] and query["redirect_uri"] == [campus.url + FINISH]
        assert {"state", "nonce", "code_challenge"} <= set(query)
        cookie = begun.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=lax" in cookie and f"path={FINISH}" in cookie
        done = client.get(at_service(client, "/rooms/demo/x"))
        assert (done.status_code, done.headers["location"]) == (303, "/rooms/demo/x")
        assert signed_in(client) == "lan"
    service.set({"sub": "subject-2"})
    with browser(campus) as client:
        assert client.get(at_service(client, "https://evil.example/")).headers["location"] == "/"
        assert signed_in(client) == "minh"


@pytest.mark.parametrize(
    "fault", ["nonce", "aud", "exp", "iss", "key", "secret", "unsigned", "nobody", "html"]
)
def test_a_token_that_is_not_right_signs_nobody_in(campus, service, fault, caplog):
    """Wrong nonce, audience, time, issuer, key; signed by the client's secret or not at all; no subject; no JSON."""
    service.set(fault=fault)
    with browser(campus) as client:
        done = client.get(at_service(client))
        assert done.status_code == 401 and 'role="alert"' in done.text
        assert signed_in(client) is None
        assert SECRET not in caplog.text and "failed" in caplog.text
        service.set()
        client.get(at_service(client))
        assert signed_in(client) == "lan"  # the control: all else was right


@pytest.mark.parametrize(
    "change", ["state", "no state", "no cookie", "another browser", "twice", "error", "issuer"]
)
def test_what_was_not_begun_here_ends_nowhere(campus, change):
    """The state must be the browser's own, and is for one use."""
    with browser(campus) as client, browser(campus) as other:
        back = at_service(client)
        if change == "state":
            back = re.sub("state=[^&]+", "state=" + "x" * 43, back)
        elif change == "no state":
            back = re.sub("state=[^&]+", "", back)
        elif change == "no cookie":
            client.cookies.clear()
        elif change == "another browser":
            at_service(other)
            client = other
        elif change == "twice":
            client.get(back)
            client.post("/sign-out", headers={"Origin": campus.url})
        elif change == "error":
            back = re.sub("code=[^&]+", "error=access_denied", back)
        elif change == "issuer":
            back += "&iss=https://elsewhere.example"
        assert client.get(back).status_code == 401
        assert signed_in(client) is None


@pytest.mark.parametrize(
    "who",
    [
        {"sub": "nobody"},
        {"sub": "nobody", "email": "lan@example.org"},
        {"sub": "nobody", "email": "lan@example.org", "email_verified": False},
        {"sub": "nobody", "email": "lan@example.org", "email_verified": "true"},
        {"sub": "subject-2", "email": "lan@example.org", "email_verified": True},
        {"sub": "admin"},
        {"sub": "<b>x</b>"},
    ],
)
def test_who_has_no_account_is_told_so(campus, service, who):
    """No account is made; an e-mail address that is not verified counts for nothing; two people are nobody."""
    before = campus.records.people()
    service.set(who)
    with browser(campus) as client:
        done = client.get(at_service(client))
        assert done.status_code == 403 and 'role="alert"' in done.text and "<b>" not in done.text
        assert signed_in(client) is None
    assert campus.records.people() == before


def test_a_code_without_our_verifier_is_worth_nothing(campus, provider):
    """PKCE: a stolen code cannot be used with another verifier, and the secret must be right."""
    with browser(campus) as client:
        query = dict(parse_qs(urlsplit(at_service(client)).query))
    flow = Flow(query["state"][0], "n", "v" * 64, "/")
    with pytest.raises(Refused, match="answered 400"):
        provider.finish(flow, {name: values[0] for name, values in query.items()})
    provider._secret = "another"
    with pytest.raises(Refused, match="answered 401"):
        provider.finish(flow, {name: values[0] for name, values in query.items()})


def test_a_service_that_is_away_or_another_is_a_sentence(campus, service):
    """Neither a crash nor a sign-in: the page says to try again, or to use the password."""
    service.set(fault="discovery")
    with browser(campus) as client:
        assert client.get(f"{FINISH}/start").status_code == 401
        away = Provider("http://127.0.0.1:9", CLIENT, SECRET, campus.url + FINISH, now)
        object.__setattr__(campus.app.state.context, "oidc", away)
        assert client.get(f"{FINISH}/start").status_code == 401
        object.__setattr__(campus.app.state.context, "oidc", None)
        assert "oidc" not in client.get("/sign-in").text
    with campus.client() as program:
        is_problem(program.get(f"{FINISH}/start"), 404)
        is_problem(program.get(FINISH), 404)


@pytest.mark.parametrize("cookie", ["", "x", "e30=", "bnVsbA==", "W10=", "x" * 10_000, "é"])
def test_a_cookie_that_is_no_flow_is_none(campus, cookie):
    """Any text may come in a cookie."""
    headers = {"Cookie": f"campus_oidc={cookie}".encode()}
    with campus.client(headers=headers) as client:
        assert client.get(FINISH, params={"code": "x", "state": "x"}).status_code == 401


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"oidc_issuer": "http://sso.example"}, "https://"),
        ({"oidc_issuer": "sso.example"}, "https://"),
        ({"oidc_redirect": "http://monitor.example/sign-in/oidc"}, "https://"),
        ({"oidc_redirect": "https://monitor.example/"}, "ends with /sign-in/oidc"),
        ({"oidc_client_id": ""}, "oidc_client_id is missing"),
        ({"oidc_client_secret": ""}, "oidc_client_secret is missing"),
        ({"oidc_client_secret": "file:nowhere"}, "cannot be read"),
        ({"oidc_client_secret": "file:/dev/null"}, "empty"),
    ],
)
def test_a_setting_that_is_wrong_is_named(changed, told):
    """Before anything starts."""
    right = {
        "oidc_issuer": "https://sso.example",
        "oidc_client_id": "campus",
        "oidc_client_secret": "x",
        "oidc_redirect": "https://monitor.example/sign-in/oidc",
    }
    assert Provider(*Settings.load(right, environ={}).sign_in_service(), now)
    with pytest.raises(UsageError, match=told):
        Provider(*Settings.load(right | changed, environ={}).sign_in_service(), now)


def test_the_secret_may_be_in_a_file(tmp_path):
    """And without any of the settings there is no service."""
    (tmp_path / "secret").write_text("s3cret\n")
    given = {"oidc_issuer": "https://a", "oidc_client_id": "b", "oidc_redirect": "c"}
    settings = Settings.load(given | {"oidc_client_secret": f"file:{tmp_path / 'secret'}"}, environ={})
    assert settings.sign_in_service() == ("https://a", "b", "s3cret", "c")
    assert Settings.load(environ={}).sign_in_service() is None
