"""Signing in leads to the page that was asked for, and nowhere else."""

import re

import pytest
from api_school import SITE, running

HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def campus(tmp_path_factory):
    with running(tmp_path_factory.mktemp("school")) as campus:
        yield campus


def sign_in(campus, browser, next, password=None):
    form = {"name": "admin", "password": password or campus.password, "next": next}
    return browser.post("/sign-in", data=form, headers=HTML | {"Origin": campus.url})


@pytest.mark.parametrize("path", ["/", f"/rooms/{SITE}/a-101?day=2026-11-17&x=a%20b", "/?site=demo"])
def test_a_stranger_lands_on_the_page_asked_for(campus, path):
    """The page's own address goes to the sign-in and comes back, through a wrong password too."""
    with campus.client() as browser:
        asked = browser.get(path, headers=HTML)
        assert asked.status_code == 303
        page = browser.get(asked.headers["location"], headers=HTML).text
        *_, next = re.findall(r'name="next" value="([^"]*)"', page)
        next = next.replace("&amp;", "&")
        assert next == path
        wrong = sign_in(campus, browser, next, "wrong")
        assert wrong.status_code == 401
        language, again = re.findall(r'name="next" value="([^"]*)"', wrong.text)
        assert again.replace("&amp;", "&") == path
        assert language == asked.headers["location"]  # a change of language keeps where one was going
        assert sign_in(campus, browser, next).headers["location"] == path


@pytest.mark.parametrize(
    "next",
    [
        "/sign-in",
        "/sign-in?next=/",
        "/sign-in?next=/sign-in?next=/",
        "/sign-out",
        "/language",
        "//evil.example",
        "/\\evil.example",
        "https://evil.example/",
        "javascript:alert(1)",
        "/a b",
        "",
        "/" + "a" * 500,
    ],
)
def test_no_other_address_is_gone_on_to(campus, next):
    """The sign-in itself, addresses that only write, and other hosts all become the room board."""
    with campus.client() as browser:
        assert sign_in(campus, browser, next).headers["location"] == "/"
        assert browser.get("/sign-in", params={"next": next}, headers=HTML).headers["location"] == "/"


def test_signing_out_of_an_ended_session_is_no_error(campus):
    """The button of a page that was left open for a day leads to the sign-in like any other day's."""
    with campus.client() as browser:
        answer = browser.post("/sign-out", headers=HTML | {"Origin": campus.url})
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/")
