"""How often may be asked: per credential, per stranger's address, exports per person."""

import threading
import time

import pytest
from api_school import is_problem, running
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

import api.rates
from api.context import Rates
from api.rates import Buckets, Limits, address


class Clock:
    """Seconds, as the test says."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture(scope="module")
def campus(tmp_path_factory):
    with running(tmp_path_factory.mktemp("school")) as campus:
        yield campus


@pytest.fixture
def limits(campus, monkeypatch):
    """Set (rate, at once, strangers' rate) of the running server by a clock that stands still."""

    def set_to(*rates):
        clock = Clock()
        made = Limits(Rates(*rates), clock)
        campus.app.state.limits.__dict__.update(made.__dict__)
        return clock

    before = dict(campus.app.state.limits.__dict__)
    yield set_to
    campus.app.state.limits.__dict__.update(before)


def refused(answer):
    """The seconds to wait, of a 429 that says all it must."""
    body = is_problem(answer, 429)
    wait = int(answer.headers["retry-after"])
    assert wait >= 1 and str(wait) in body["detail"]
    return wait


def settled(limits, count):
    """Wait until so many turns are taken: one is given back just after the last byte was sent."""
    until = time.monotonic() + 20
    while limits._exports.total() != count:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_one_who_asks_too_often_waits_and_is_answered_again(campus, limits):
    """What is left is told with every answer, 429 says how long to wait, and waiting so long is enough."""
    clock = limits(2, 3, 20)
    with campus.program() as program:
        left = [program.get("/api/v1/sites").headers["ratelimit"] for _ in range(3)]
        assert left[1:] == ['"credential";r=1;t=1', '"credential";r=0;t=2']
        answer = program.get("/api/v1/sites")
        assert answer.headers["ratelimit-policy"] == '"credential";q=3;w=2'
        assert answer.headers["cache-control"] == "no-store"
        clock.now += refused(answer)
        assert program.get("/api/v1/sites").status_code == 200


def test_each_credential_has_its_own(campus, limits):
    """Two sessions of one person, and the local token, do not take from one another."""
    limits(1, 2, 50)
    with campus.person() as one, campus.person() as other, campus.program() as program:
        for client in (one, other, program):
            assert [client.get("/api/v1/sites").status_code for _ in range(3)] == [200, 200, 429]


def test_strangers_and_invented_credentials_share_their_address(campus, limits):
    """A new invented token for each request brings no new bucket; who has a valid one is not held up by them."""
    limits(100, 300, 2)
    with campus.program() as program, campus.client() as stranger:
        assert program.get("/api/v1/sites").status_code == 200
        statuses = [
            stranger.get("/api/v1/sites", headers={"Authorization": f"Bearer invented-{number}"}).status_code
            for number in range(8)
        ]
        assert statuses == [401] * 6 + [429] * 2
        assert stranger.get("/health").status_code == 429
        assert program.get("/api/v1/sites").status_code == 200
        assert stranger.get("/static/base.css").status_code == 200


def test_who_signed_in_is_paid_back_to_their_address(campus, limits):
    """Many people of a school behind one address: the first request of each session costs the address nothing."""
    limits(100, 300, 1)
    person = campus.records.person("admin")
    with campus.client() as client:
        for _ in range(12):
            cookie = f"campus_session={campus.records.create_session(person, 1)}"
            assert client.get("/api/v1/sites", headers={"Cookie": cookie}).status_code == 200


def test_a_credential_that_ended_falls_back_to_its_address(campus, limits):
    """A revoked session does not keep its bucket."""
    limits(100, 300, 20)
    with campus.person() as person:
        person.get("/api/v1/sites")
        assert len(campus.app.state.limits.known) == 1
        cookie = person.cookies["campus_session"]
        person.delete("/api/v1/sessions/current")
        answer = person.get("/api/v1/sites", headers={"Cookie": f"campus_session={cookie}"})
        assert answer.status_code == 401
    assert len(campus.app.state.limits.known) == 0


def test_buckets_given_to_every_credential_would_be_noticed(campus, limits, monkeypatch):
    """The control: where the credential alone is looked at, an invented one for each request is never refused."""
    limits(1, 1, 1)
    server = campus.app.state.limits
    monkeypatch.setattr(
        server, "admit", lambda request: server.known.take(api.rates.credential(request)), False
    )
    with campus.client() as stranger:
        statuses = {
            stranger.get("/api/v1/sites", headers={"Authorization": f"Bearer invented-{n}"}).status_code
            for n in range(20)
        }
    assert statuses == {401}


def test_a_person_is_sent_two_exports_at_once(campus, limits):
    """A third is refused until one ends; others, and other requests, are not held up."""
    limits(100, 300, 20)
    server = campus.app.state.limits
    ends = [server.begin_export(0) for _ in range(2)]
    with campus.program() as program, campus.person() as person:
        for path in ("readings/export", "readings/means", "backup", "sites/demo/register/export"):
            assert is_problem(program.get(f"/api/v1/{path}"), 429)
        assert person.get("/api/v1/readings/export").status_code == 200
        assert program.get("/api/v1/sites").status_code == 200
        ends[0]()
        for _ in range(4):  # each gives its turn back when it is done
            settled(server, 1)
            assert program.get("/api/v1/readings/export").status_code == 200
        ends[1]()
    settled(server, 0)


def test_a_turn_is_given_back_when_the_reader_is_gone_or_the_export_fails(campus, limits):
    """Refused, broken off, HEAD: no turn stays taken."""
    limits(100, 300, 20)
    with campus.program() as program:
        for _ in range(3):
            assert program.get("/api/v1/readings/export", params={"site": "none"}).status_code == 404
            assert program.head("/api/v1/readings/export").status_code == 200
            with program.stream("GET", "/api/v1/readings/export"):
                pass
            settled(campus.app.state.limits, 0)
        assert program.get("/api/v1/readings/export").status_code == 200
    settled(campus.app.state.limits, 0)


def test_turns_that_were_never_given_back_would_be_noticed(campus, limits, monkeypatch):
    """The control."""
    limits(100, 300, 20)
    server = campus.app.state.limits
    monkeypatch.setattr(
        server, "begin_export", lambda person: (Limits.begin_export(server, person), lambda: None)[1], False
    )
    with campus.program() as program:
        statuses = [program.get("/api/v1/readings/export").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


@pytest.mark.parametrize(
    ("host", "alike"),
    [
        ("2001:db8:1:2::5", "2001:db8:1:2:ffff::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::2"),
        ("nonsense", "nonsense"),
    ],
)
def test_addresses_of_one_customer_are_one(host, alike):
    """The 64 bits that one line is given; an IPv4 address written as IPv6 is itself."""

    def of(name):
        return address(Request({"type": "http", "client": (name, 1), "headers": []}))

    assert of(host) == of(alike) != of("192.0.2.2")


def test_the_table_is_bounded_and_forgets_who_asked_longest_ago():
    """Ten thousand addresses are not ten thousand entries, and who asks on keeps theirs."""
    buckets = Buckets("address", 1, 3, Clock(), most=5)
    for number in range(100):
        buckets.take(b"steady")
        buckets.take(str(number).encode())
    assert len(buckets) == 5 and b"steady" in buckets
    assert buckets.take(b"steady").wait > 0


def test_takers_at_once_get_no_more_than_there_is():
    """Sixteen threads, one bucket of fifty."""
    buckets = Buckets("credential", 1, 50, Clock())
    got = []
    threads = [
        threading.Thread(target=lambda: got.extend(buckets.take(b"x").wait == 0 for _ in range(20)))
        for _ in range(16)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sum(got) == 50


@given(st.lists(st.floats(0, 30), max_size=60), st.integers(1, 20), st.integers(1, 40))
def test_over_any_time_no_more_are_answered_than_the_rate_allows(pauses, rate, size):
    """At most `size` at once and `rate` each second beside; who waits as told is answered."""
    clock = Clock()
    buckets = Buckets("credential", rate, size, clock)
    start, answered = clock.now, 0
    for pause in pauses:
        clock.now += pause / rate
        standing = buckets.take(b"x")
        answered += standing.wait == 0
        assert 0 <= standing.left <= size
        assert answered <= size + (clock.now - start) * rate + 1e-6
        if standing.wait:
            clock.now += standing.wait + 1e-6
            assert buckets.take(b"x").wait == 0
            answered += 1


def test_the_settings_reach_the_limits(tmp_path):
    """What is set is what the headers tell."""
    from campus.errors import UsageError
    from campus.settings import Settings

    settings = Settings.load(environ={"CAMPUS_REQUESTS_PER_SECOND": "7"})
    assert (settings.requests_per_second, settings.requests_at_once, settings.strangers_per_second) == (
        7,
        300,
        20,
    )
    for wrong in ("0", "-1", "1.5", "many", "1000000"):
        with pytest.raises(UsageError, match="requests_at_once is"):
            Settings.load(environ={"CAMPUS_REQUESTS_AT_ONCE": wrong})
