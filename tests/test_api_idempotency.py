"""Idempotency-Key: what is sent again is answered again and done once; what may have been done is not repeated."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from api_school import SITE, TOKEN, is_problem, running
from records_stores import DATABASES, url_of

import api.idempotency
from api.app import create_app
from api.idempotency import PASSWORDS, SECRETS, _Claim
from api.server import ApiServer
from campus.errors import StoreError
from campus.records import idempotency, open_records
from campus.records.entities import Grant
from campus.records.idempotency import KEPT_MS, WHOLE

BASE = f"/api/v1/sites/{SITE}"
COUNTER = iter(range(10_000))
MOST = 30


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("school")


@pytest.fixture(scope="module")
def campus(folder):
    with running(folder) as campus:
        yield campus


@pytest.fixture(scope="module")
def staff(campus):
    with campus.program() as client:
        yield client


@pytest.fixture
def key():
    """A header with a key of this test's own."""
    return {"Idempotency-Key": f"key-{next(COUNTER)}"}


def piece():
    """The form of a new piece of equipment without an id of its own choice used before."""
    return {"id": f"once-{next(COUNTER)}", "name": "Máy chiếu", "kind": "projector"}


@contextmanager
def restarted(campus, folder):
    """A client of a second process's worth of server over the same records."""
    context = campus.app.state.context
    with open_records("sqlite", folder, now=context.now) as records:
        server = ApiServer(create_app(replace(context, records=records)), "127.0.0.1", 0)
        server.start()
        try:
            headers = {"Authorization": f"Bearer {TOKEN}", "Accept-Language": "en"}
            with httpx.Client(base_url=server.url, headers=headers, trust_env=False, timeout=20) as client:
                yield client
        finally:
            server.stop()


def test_the_same_request_is_answered_the_same_and_done_once(campus, staff, folder, key):
    """Status, body and headers; also after a restart. Without the key the second one is refused as done."""
    form = piece()
    first = staff.post(f"{BASE}/equipment", json=form, headers=key)
    assert first.status_code == 201 and "idempotency-replayed" not in first.headers
    with restarted(campus, folder) as later:
        for client in (staff, later):
            again = client.post(f"{BASE}/equipment", json=form, headers=key)
            assert (again.status_code, again.content) == (201, first.content)
            assert again.headers["idempotency-replayed"] == "true"
            assert again.headers["content-type"] == "application/json"
            assert again.headers["cache-control"] == "no-store"
    is_problem(staff.post(f"{BASE}/equipment", json=form), 409)
    loan = {"equipment": form["id"], "borrower": "Cô Hoa"}
    key = {"Idempotency-Key": "the-loan"}
    numbers = {staff.post(f"{BASE}/loans", json=loan, headers=key).json()["number"] for _ in range(3)}
    assert len(numbers) == 1


def test_a_change_keeps_its_tag_and_a_removal_its_silence(staff, key):
    """PATCH with the ETag it had, though the record has another by now; DELETE answers 204 twice."""
    form = piece()
    staff.post(f"{BASE}/equipment", json=form)
    path = f"{BASE}/equipment/{form['id']}"
    tag = staff.get(path).headers["etag"]
    one, two = ({**key, "If-Match": tag}, {"Idempotency-Key": "other"})
    first = staff.patch(path, json={"note": "a"}, headers=one)
    staff.patch(path, json={"note": "b"}, headers=two)
    again = staff.patch(path, json={"note": "a"}, headers=one)
    assert (again.status_code, again.headers["etag"]) == (200, first.headers["etag"])
    assert staff.get(path).json()["note"] == "b"
    made = staff.post(
        f"{path}/files", content=b"\x89PNG\r\n\x1a\npicture", headers={"Idempotency-Key": "file"}
    )
    gone = {"Idempotency-Key": "gone"}
    for _ in range(2):
        assert staff.delete(f"{BASE}/files/{made.json()['number']}", headers=gone).status_code == 204


def test_a_refusal_for_good_is_kept_and_one_for_now_is_not(campus, staff, key, monkeypatch):
    """404 and 422 are answers; 503, 403 and 401 leave the key free."""
    form = piece() | {"room": "none"}
    first = staff.post(f"{BASE}/equipment", json=form, headers=key)
    again = staff.post(f"{BASE}/equipment", json=form, headers=key)
    assert again.content == first.content and "idempotency-replayed" in again.headers
    assert is_problem(again, 422)
    form, own = piece(), {"Idempotency-Key": "for-now"}

    def fail(*_):
        raise StoreError("The disk is full.")

    with monkeypatch.context() as away:
        away.setattr(campus.records, "create_equipment", fail)
        is_problem(staff.post(f"{BASE}/equipment", json=form, headers=own), 503)
    assert staff.post(f"{BASE}/equipment", json=form, headers=own).status_code == 201
    campus.records.add_person("reader", [Grant("leader", SITE)])
    reader = campus.records.person("reader")
    token = {"Authorization": f"Bearer {campus.records.create_token(reader, 'x')}"}
    form, own = piece(), {"Idempotency-Key": "no-right"} | token
    with campus.client() as client:
        is_problem(client.post(f"{BASE}/equipment", json=form, headers=own), 403)
        campus.records.change_person("reader", [Grant("equipment", SITE)])
        assert client.post(f"{BASE}/equipment", json=form, headers=own).status_code == 201
        stranger = {"Idempotency-Key": "stranger"}
        is_problem(client.post(f"{BASE}/equipment", json=piece(), headers=stranger), 401)


def test_another_request_with_the_same_key_is_refused(campus, staff, key):
    """Another body, address, method, query or condition; another person's same key is another key."""
    form = piece()
    staff.post(f"{BASE}/equipment", json=form, headers=key)
    path = f"{BASE}/equipment/{form['id']}"
    for method, where, body, more in (
        ("POST", f"{BASE}/equipment", piece(), {}),
        ("POST", f"{BASE}/loans", form, {}),
        ("POST", f"{BASE}/equipment?x=1", form, {}),
        ("POST", f"{BASE}/equipment", form, {"If-Match": "*"}),
        ("PATCH", path, form, {}),
        ("DELETE", "/api/v1/tokens/1", None, {}),
    ):
        is_problem(staff.request(method, where, json=body, headers=key | more), 422)
    with campus.person() as person:
        assert person.post(f"{BASE}/equipment", json=piece(), headers=key).status_code == 201


def test_what_was_answered_is_not_told_to_who_may_less(campus, key):
    """A weaker token of the same person, or the person with fewer rights, is judged anew."""
    from campus.records.entities import Limits

    campus.records.add_person("changing", [Grant("equipment", SITE)])
    person = campus.records.person("changing")
    whole = {"Authorization": f"Bearer {campus.records.create_token(person, 'all')}"}
    weak = {
        "Authorization": f"Bearer {campus.records.create_token(person, 'few', Limits(frozenset({'figures'})))}"
    }
    form = piece()
    with campus.client(headers=key) as client:
        assert client.post(f"{BASE}/equipment", json=form, headers=whole).status_code == 201
        is_problem(client.post(f"{BASE}/equipment", json=form, headers=weak), 422)
        campus.records.change_person("changing", [Grant("leader", SITE)])
        answer = client.post(f"{BASE}/equipment", json=form, headers=whole)
        assert form["name"] not in answer.text and is_problem(answer, 422)


@pytest.mark.parametrize("given", ["", " ", "a b", "x" * 256, "khóa", "a\tb"])
def test_a_key_that_is_none_is_refused(staff, given):
    """1 to 255 visible ASCII signs, once; on a read it means nothing."""
    form = piece()
    headers = [("Idempotency-Key", given.encode())]
    if given.strip():
        is_problem(staff.post(f"{BASE}/equipment", json=form, headers=headers), 422)
        assert staff.get(BASE, headers=headers).status_code == 200
    twice = [("Idempotency-Key", "a"), ("Idempotency-Key", "a")]
    is_problem(staff.post(f"{BASE}/equipment", json=form, headers=twice), 422)
    is_problem(staff.get(f"{BASE}/equipment/{form['id']}"), 404)


def test_a_secret_is_shown_once(campus, staff, key):
    """A replay says that it was done, the secret is nowhere in the records, and it was done once."""
    form = {"name": "hoa", "grants": [{"role": "leader", "site": SITE}]}
    password = staff.post("/api/v1/people", json=form, headers=key).json()["password"]
    again = staff.post("/api/v1/people", json=form, headers=key)
    assert "once" in is_problem(again, 409)["detail"] and password not in again.text
    with campus.person() as person:
        secret = person.post("/api/v1/tokens", json={"label": "x"}, headers=key).json()["token"]
        is_problem(person.post("/api/v1/tokens", json={"label": "x"}, headers=key), 409)
    other = {"Idempotency-Key": "new-password"}
    given = staff.put("/api/v1/people/hoa/password", headers=other).json()["password"]
    is_problem(staff.put("/api/v1/people/hoa/password", headers=other), 409)
    assert campus.records.sign_in("hoa", given) is not None
    kept = stored(campus)
    assert len(kept) > 3
    assert not any(one in kept for one in (password, secret, given))


def stored(campus):
    """All that is kept of requests, as text."""
    with campus.records._database.engine.connect() as connection:
        return str(connection.exec_driver_sql("SELECT * FROM request_key").all())


def test_every_operation_that_answers_a_secret_is_known_as_such(campus):
    """The schema of the API names them; a new one is refused here until SECRETS has it. Likewise passwords sent."""
    schema = campus.app.openapi()

    def names(part, depth=6):
        found = set()
        if isinstance(part, dict) and depth:
            if "$ref" in part:
                return names(schema["components"]["schemas"][part["$ref"].rpartition("/")[2]], depth - 1)
            found |= set(part.get("properties", {}))
            for one in part.values():
                found |= names(one, depth - 1)
        elif isinstance(part, list):
            for one in part:
                found |= names(one, depth)
        return found

    secret, sent = set(), set()
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            if method.upper() not in api.idempotency.WRITES:
                continue
            shown = f"{method.upper()} {re.sub('{[^}]*}', 'x', path)}"
            good = [one for status, one in operation["responses"].items() if status.startswith("2")]
            if names(good) & {"token", "password", "secret"}:
                secret.add(shown)
            if names(operation.get("requestBody")) & {"token", "password", "secret", "old", "new"}:
                sent.add(shown)
    assert {"POST /api/v1/tokens", "POST /api/v1/people"} <= secret
    assert all(SECRETS.fullmatch(one) for one in secret), secret
    assert sent - {api.idempotency.SIGN_IN} and all(
        PASSWORDS.fullmatch(one) for one in sent - {api.idempotency.SIGN_IN}
    ), sent


def test_a_password_that_was_sent_is_not_kept_as_a_fast_hash(campus, monkeypatch):
    """Its fingerprint is slow to make, the same for the same request, and another for another password."""
    made = []
    scrypt = api.idempotency.hashlib.scrypt
    monkeypatch.setattr(
        api.idempotency.hashlib, "scrypt", lambda *a, **k: made.append(k["n"]) or scrypt(*a, **k)
    )
    key = {"Idempotency-Key": "change-password"}
    form = {"old": campus.password, "new": "mật khẩu khác 2026"}
    with campus.person() as person:
        wrong = {"old": "mật khẩu sai 2026", "new": form["new"]}
        is_problem(person.put("/api/v1/sessions/current/password", json=wrong, headers=key), 422)
        is_problem(person.put("/api/v1/sessions/current/password", json=form, headers=key), 422)
    assert made == [2**14] * 2
    assert campus.records.sign_in("admin", campus.password) is not None


def many(campus, form, key):
    """Statuses of eight of the same request at once."""
    together = threading.Barrier(8)

    def send(_):
        with campus.program() as client:
            together.wait()
            return client.post(f"{BASE}/loans", json=form, headers=key)

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(send, range(8)))


def loans(staff, form):
    return len(staff.get(f"{BASE}/loans", params={"equipment": form["equipment"]}).json()["items"])


def lendable(staff):
    """A set of twenty, so that nothing but the key holds a second loan back."""
    made = staff.post(f"{BASE}/equipment", json=piece() | {"quantity": 20}).json()
    return {"equipment": made["id"], "borrower": "Cô Hoa"}


def test_of_many_at_once_one_is_done(campus, staff, key):
    """The others get its answer, or that it still runs."""
    form = lendable(staff)
    answers = many(campus, form, key)
    assert {one.status_code for one in answers} <= {201, 409}
    assert len({one.content for one in answers if one.status_code == 201}) == 1
    assert all("retry-after" in one.headers for one in answers if one.status_code == 409)
    assert loans(staff, form) == 1


def test_keys_that_claim_nothing_would_be_noticed(campus, staff, key, monkeypatch):
    """The control: where a claim is always free and nobody looks who runs, all eight are done."""
    monkeypatch.setattr(campus.records, "claim_request", lambda *_: None)
    form = lendable(staff)
    keys = iter(range(100))
    monkeypatch.setattr(api.idempotency, "_key", lambda request: f"control-{next(keys)}")
    many(campus, form, key)
    assert loans(staff, form) == 8


def test_while_the_first_runs_the_second_waits(campus, staff, folder, key, monkeypatch):
    """409 with Retry-After in the same process; a later process cannot know, and says so. Then the answer is there."""
    create, begun, go_on = campus.records.create_equipment, threading.Event(), threading.Event()

    def slow(*arguments):
        begun.set()
        assert go_on.wait(20)
        return create(*arguments)

    monkeypatch.setattr(campus.records, "create_equipment", slow)
    form = piece()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(lambda: campus.program().post(f"{BASE}/equipment", json=form, headers=key))
        try:
            assert begun.wait(20)
            second = staff.post(f"{BASE}/equipment", json=form, headers=key)
            assert "still running" in is_problem(second, 409)["detail"] and second.headers["retry-after"]
            is_problem(staff.post(f"{BASE}/equipment", json=piece(), headers=key), 422)
            with restarted(campus, folder) as later:
                told = is_problem(later.post(f"{BASE}/equipment", json=form, headers=key), 409)["detail"]
                assert "unknown" in told and "Read" in told
        finally:
            go_on.set()
        assert first.result().status_code == 201
    assert staff.post(f"{BASE}/equipment", json=form, headers=key).headers["idempotency-replayed"] == "true"


def test_what_broke_off_is_not_done_again(campus, staff, folder, key, monkeypatch):
    """The work was done and the process died before it noted so: 409, before and after a restart, and one loan."""
    form = lendable(staff)
    with monkeypatch.context() as dying:
        dying.setattr(_Claim, "keep", lambda *_: None)
        assert staff.post(f"{BASE}/loans", json=form, headers=key).status_code == 201
    with restarted(campus, folder) as later:
        for client in (staff, later):
            assert (
                "unknown" in is_problem(client.post(f"{BASE}/loans", json=form, headers=key), 409)["detail"]
            )
    assert loans(staff, form) == 1


def test_a_claim_given_up_at_death_would_be_noticed(staff, key, monkeypatch):
    """The control: with the claim made free instead, the loan is written twice."""
    form = lendable(staff)
    with monkeypatch.context() as dying:
        dying.setattr(_Claim, "keep", lambda self, *_: self.release())
        staff.post(f"{BASE}/loans", json=form, headers=key)
    staff.post(f"{BASE}/loans", json=form, headers=key)
    assert loans(staff, form) == 2


def test_a_defect_leaves_the_outcome_unknown(campus, staff, key, monkeypatch):
    """A 500 may have come after the change: the key is not made free."""
    lend = campus.records.lend

    def defective(*arguments):
        lend(*arguments)
        raise ZeroDivisionError

    form = lendable(staff)
    with monkeypatch.context() as broken:
        broken.setattr(campus.records, "lend", defective)
        is_problem(staff.post(f"{BASE}/loans", json=form, headers=key), 500)
    assert "unknown" in is_problem(staff.post(f"{BASE}/loans", json=form, headers=key), 409)["detail"]
    assert loans(staff, form) == 1


def test_an_answer_that_cannot_be_kept_says_that_it_was_done(staff, key, monkeypatch):
    """Too large, or a file."""
    monkeypatch.setattr(api.idempotency, "MOST_BODY", 100)
    form = piece()
    assert staff.post(f"{BASE}/equipment", json=form, headers=key).json()["id"] == form["id"]
    assert (
        "was done already"
        in is_problem(staff.post(f"{BASE}/equipment", json=form, headers=key), 409)["detail"]
    )


@pytest.fixture(params=DATABASES)
def url(request):
    return url_of(request)


def test_keys_end_and_are_bounded(url, tmp_path, monkeypatch):
    """After a day a key is free; the oldest finished one makes room, never one that runs while others are done."""
    monkeypatch.setattr(idempotency, "MOST_KEYS", MOST)
    now = datetime(2026, 11, 18, tzinfo=UTC)
    with open_records(url, tmp_path, now=lambda: now) as records:

        def claim(key, holder="p.1"):
            return records.claim_request(7, key, "f", holder)

        assert claim("runs") is None
        for number in range(MOST + 20):
            now += timedelta(milliseconds=1)
            assert claim(f"k{number}") is None
            records.keep_answer(7, f"k{number}", "p.1", WHOLE, 201, {"etag": '"x"'}, "{}")
        with records._database.engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM request_key").scalar() == MOST
        assert claim("runs", "p.2").holder == "p.1"
        last = claim(f"k{MOST + 19}", "p.2")
        assert (last.kept, last.status, last.headers, last.body) == (WHOLE, 201, {"etag": '"x"'}, "{}")
        records.keep_answer(7, "runs", "p.2", WHOLE, 200, {}, "not the holder's")
        records.release_request(7, "runs", "p.2")
        assert claim("runs", "p.3").kept is None
        assert records.claim_request(8, "runs", "f", "p.9") is None  # another person's
        now += timedelta(milliseconds=KEPT_MS)
        assert claim("runs", "p.4") is None
        with records._database.engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM request_key").scalar() == 1
        records.release_request(7, "runs", "p.4")
        assert claim("runs", "p.5") is None


def test_one_of_many_claims_a_key(url, tmp_path):
    """Threads of two processes over the same records: exactly one may work."""
    with open_records(url, tmp_path) as one, open_records(url, tmp_path) as other:
        together = threading.Barrier(8)

        def claim(number):
            together.wait()
            return (one, other)[number % 2].claim_request(1, "k", "f", f"p.{number}") is None

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(claim, range(8))) == 1


def test_what_a_removed_person_asked_is_removed(campus):
    """Numbers of people may be given again."""
    campus.records.add_person("leaving", [Grant("leader", SITE)])
    person = campus.records.person("leaving")
    assert campus.records.claim_request(person.id, "k", "f", "p.1") is None
    campus.records.remove_person("leaving")
    assert campus.records.claim_request(person.id, "k", "f", "p.2") is None


def test_another_process_of_a_shared_database_may_still_run(campus, staff, key, monkeypatch):
    """On PostgreSQL two servers may answer: a young claim of the other is still running, an old one is unknown."""
    form = lendable(staff)
    monkeypatch.setattr(type(campus.records), "is_shared", True)
    claim = campus.records.claim_request
    monkeypatch.setattr(
        campus.records,
        "claim_request",
        lambda person, k, f, _: claim(person, k, f, "other.1") or claim(person, k, f, "x"),
    )
    assert "still running" in is_problem(staff.post(f"{BASE}/loans", json=form, headers=key), 409)["detail"]
    monkeypatch.setattr(campus.records, "request_age_ms", lambda _: api.idempotency.LEASE_MS)
    assert "unknown" in is_problem(staff.post(f"{BASE}/loans", json=form, headers=key), 409)["detail"]
