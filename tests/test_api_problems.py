"""How a refusal reads, what surrounds every answer, and what is refused at the edge."""

import re

import pytest
from api_school import NOW, SITE, STRANGER, is_problem, running

from api.security import host_allowed
from api.server import ApiServer
from campus.errors import StoreError, UsageError


@pytest.fixture(scope="module")
def campus(tmp_path_factory):
    with running(tmp_path_factory.mktemp("school")) as campus:
        yield campus


def test_every_answer_keeps_the_browser_honest(campus):
    """Policy headers on pages, data, errors and static files; nothing private is kept by caches."""
    with campus.person() as browser:
        page = browser.get("/", headers={"Accept": "text/html"})
        style = re.search(r'href="(/static/base.css[^"]+)"', page.text)[1]
        for path in ("/", "/api/v1/live", "/api/v1/sites/nope", "/nowhere", "/health", style):
            headers = browser.get(path).headers
            policy = headers["content-security-policy"]
            assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"
            assert "server" not in headers
            kept = {style: "public, max-age=86400", "/api/v1/live": "private, no-cache"}
            assert headers["cache-control"] == kept.get(path, "no-store"), path
        assert "<script>" not in page.text and "style=" not in page.text and "onclick" not in page.text


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8080", "192.168.1.10", "[::1]:8080", "localhost:8080", "minipc", "campus.local:80"]
)
def test_the_server_answers_to_addresses_and_local_names(host):
    """These cannot be pointed here by someone else's public name."""
    assert host_allowed(host)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "[::1", "a.local.evil.example:80"]
)
def test_the_server_refuses_other_names(campus, host):
    """DNS rebinding: a public name that points here is not ours unless the settings say so."""
    assert not host_allowed(host)
    assert host_allowed("evil.example", ("Evil.example",))
    with campus.client(headers={"Host": host}) as browser:
        if host and "[" not in host:
            is_problem(browser.get("/health"), 421)


@pytest.mark.parametrize(
    "path", ["/health", "/api/v1/sites", "/api/v1/live/events", "/api/v1/readings/export", "/static/base.css"]
)
def test_head_is_get_without_its_body(campus, path):
    """Everywhere, streams too: they end at once."""
    with campus.program() as program:
        answer = program.head(path)
        assert answer.status_code == 200 and answer.content == b""
        if "events" not in path:
            assert answer.headers["content-type"] == program.get(path).headers["content-type"]
        is_problem(program.get("/sign-out"), 405)
        assert program.head("/nowhere").status_code == 404


def test_problems_say_what_to_do(campus):
    """Each kind of error as problem+json, with a sentence; field errors name the field."""
    with campus.program() as program:
        body = is_problem(program.get("/api/v1/sites/demo/rooms/a-999"), 404)
        assert "a-999" in body["detail"]
        is_problem(program.get("/api/v1/sites/other/rooms"), 404)
        is_problem(program.get("/api/v1/nothing"), 404)
        is_problem(program.put("/api/v1/sites"), 405)
        is_problem(program.post("/api/v1/sessions", content=b"x" * 70_000), 413)
        is_problem(program.post("/api/v1/sessions", content=iter([b"{}"])), 411)
        is_problem(program.post("/api/v1/sessions", content=b"{"), 422)
        body = is_problem(program.post("/api/v1/sessions", json={"name": "a", "pass": "b"}), 422)
        assert {one["field"] for one in body["errors"]} == {"body.password", "body.pass"}
        body = is_problem(program.get(f"/api/v1/sites/{SITE}/facts?from=2026-11-16"), 422)
        assert body["errors"][0]["field"] == "query.to"
        is_problem(program.get("/api/v1/readings/export?start_ms=5&end_ms=5"), 422)


@pytest.mark.parametrize(
    "id",
    [
        "A-101",
        "a'b",
        "a%0Ab",
        "%3Cscript%3E",
        "a" * 65,
        "x" * 10_000,
        "room",
        "%C3%A9",
        "a%20b",
        "..%2f..",
        "%00",
    ],
)
def test_an_id_that_is_none_is_refused_at_the_edge(campus, id):
    """Quotes, newlines, markup and ten thousand signs reach no store."""
    with campus.program() as program:
        answer = program.get(f"/api/v1/sites/{SITE}/rooms/{id}")
        assert answer.status_code in (404, 422)
        is_problem(answer, answer.status_code)
        page = program.get(f"/rooms/{SITE}/{id}", headers={"Accept": "text/html"})
        assert page.status_code in (404, 422) and "<script>" not in page.text
        if "/" not in id and "%2f" not in id:
            is_problem(program.get("/api/v1/live", params={"site": id.replace("%", "")[:300] + "'"}), 422)


@pytest.mark.parametrize(
    "range",
    [
        "from=2026-11-16&to=2026-11-16",
        "from=2026-11-16&to=2026-11-15",
        "from=2026-11-16&to=2028-11-16",
        "from=16/11/2026&to=2026-11-20",
        "from=0&to=1",
        "from=20261116&to=20261120",
        "from=1000-01-01&to=1000-02-01",
        "from=2026-13-01&to=2026-13-02",
        "from=2026-11-16T00:00&to=2026-11-17",
        "",
    ],
)
def test_dates_that_cannot_be_are_refused(campus, range):
    """Empty, backward, endless or misspelt ranges answer 422 and a sentence."""
    with campus.program() as program:
        is_problem(program.get(f"/api/v1/sites/{SITE}/rooms/{campus.room}/indicators?{range}"), 422)
        is_problem(program.get(f"/api/v1/sites/{SITE}/rooms/{campus.room}/intervals?{range}"), 422)
        is_problem(program.get(f"/api/v1/readings?site={SITE}&board={campus.board}&{range}"), 422)


def test_an_unforeseen_error_tells_the_reader_nothing_of_the_inside(campus, monkeypatch, caplog):
    """500 and 503 keep paths, statements and traces in the log."""

    def fail():
        raise failure

    monkeypatch.setattr(campus.records, "sites", fail)
    with campus.program() as program:
        failure = ZeroDivisionError("secret /srv/campus/records.sqlite")
        body = is_problem(program.get("/api/v1/sites"), 500)
        assert "secret" not in str(body) and "ZeroDivision" not in str(body)
        failure = StoreError("Cannot read /srv/campus/records.sqlite, secret")
        answer = program.get("/api/v1/sites")
        assert "secret" not in str(is_problem(answer, 503))
        assert answer.headers["retry-after"]
        assert "content-security-policy" in answer.headers
        page = program.get("/", headers={"Accept": "text/html"})
        assert page.status_code == 503 and "secret" not in page.text
    assert "ZeroDivisionError" in caplog.text and "secret" in caplog.text


def test_a_port_in_use_is_one_sentence(campus):
    """The server says which address is taken and what to do, before anything is served."""
    with pytest.raises(UsageError, match=rf"127\.0\.0\.1:{campus.server.port}.*--http"):
        ApiServer(campus.app, "127.0.0.1", campus.server.port)


def test_the_clock_and_the_health_are_those_passed_in(campus):
    """Nothing is read from the machine: the live snapshot carries the given time, health what it was given."""
    with campus.program() as program:
        assert program.get("/api/v1/live").json()["at_ms"] == int(NOW.timestamp() * 1000)
        assert STRANGER in program.get("/api/v1/live").text
        assert program.get("/api/v1/health").json() == {"ready": True, "reasons": [], "version": "0.1.0"}
