"""Entity tags: an answer that is there already is not sent again, and nobody undoes another's change unseen."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from api_school import SITE, is_problem, running
from hypothesis import given
from hypothesis import strategies as st

import api.etags
from api.etags import MOST_HEADER, tags

BASE = f"/api/v1/sites/{SITE}"
COUNTER = iter(range(1000))


@pytest.fixture(scope="module")
def campus(tmp_path_factory):
    with running(tmp_path_factory.mktemp("school")) as campus:
        yield campus


@pytest.fixture(scope="module")
def staff(campus):
    with campus.program() as client:
        yield client


@pytest.fixture
def piece(staff):
    """The address of a new piece of equipment."""
    form = {"id": f"piece-{next(COUNTER)}", "name": "Máy chiếu", "kind": "projector"}
    assert staff.post(f"{BASE}/equipment", json=form).status_code == 201
    return f"{BASE}/equipment/{form['id']}"


@pytest.mark.parametrize("path", ["/sites", f"/sites/{SITE}/rooms", "/indicators", "/health"])
def test_an_answer_that_is_there_already_is_not_sent_again(staff, path):
    """One tag for one content; 304 without a body, with what a cache needs; HEAD likewise."""
    first = staff.get(f"/api/v1{path}")
    tag = first.headers["etag"]
    assert tag.startswith('"') and staff.get(f"/api/v1{path}").headers["etag"] == tag
    for sent in (tag, f"W/{tag}", f'"other", {tag}', f',, {tag} ,"x,y"', "*"):
        for method in ("GET", "HEAD"):
            answer = staff.request(method, f"/api/v1{path}", headers={"If-None-Match": sent})
            assert (answer.status_code, answer.content) == (304, b""), sent
            assert answer.headers["etag"] == tag
            assert answer.headers["cache-control"] == "private, no-cache"
            assert answer.headers["vary"] == "Authorization, Cookie"
            assert "content-type" not in answer.headers
            assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "given", ['"other"', 'W/"other"', "", ",", "bare", '"open', '"a" "b"', "**", '"x' * 4000, 'w/"a"']
)
def test_another_tag_or_none_gets_the_whole_answer(staff, given):
    """What asks for nothing that could be told apart is no reason to send less."""
    whole = staff.get("/api/v1/sites")
    answer = staff.get("/api/v1/sites", headers={"If-None-Match": given})
    assert (answer.status_code, answer.content) == (200, whole.content)


def test_a_changed_content_has_another_tag(staff, piece):
    """The tag begins with the version, and what a change answers has the tag that reading it has."""
    first = staff.get(piece).headers["etag"]
    assert first.startswith('"1.')
    changed = staff.patch(piece, json={"note": "mới"})
    assert changed.headers["etag"].startswith('"2.') and changed.headers["cache-control"] == "no-store"
    again = staff.get(piece, headers={"If-None-Match": first})
    assert again.status_code == 200 and again.headers["etag"] == changed.headers["etag"]


def test_what_is_about_secrets_is_kept_nowhere(campus):
    """Sessions and tokens stay no-store, as do errors, files and answers to writes."""
    with campus.person() as person, campus.program() as program:
        for path in ("sessions", "sessions/current", "tokens"):
            assert person.get(f"/api/v1/{path}").headers["cache-control"] == "no-store", path
        for path in ("sites/none", f"sites/{SITE}/register/export", "readings/export"):
            answer = program.get(f"/api/v1/{path}")
            assert answer.headers["cache-control"] == "no-store" and "etag" not in answer.headers, path
        assert person.post("/api/v1/tokens", json={"label": "x"}).headers["cache-control"] == "no-store"
        assert "etag" not in program.get("/health").headers


def test_an_answer_too_large_to_hold_goes_out_as_it_comes(staff, monkeypatch):
    """Its length is known, so that it is never held at all."""
    monkeypatch.setattr(api.etags, "MOST_BODY", 10)
    answer = staff.get("/api/v1/sites", headers={"If-None-Match": "*"})
    assert answer.status_code == 200 and answer.json() and "etag" not in answer.headers


def test_the_live_stream_is_not_held(staff):
    """Its first bytes come while it is open."""
    with staff.stream("GET", "/api/v1/live/events") as stream:
        assert next(stream.iter_bytes()).startswith(b"retry")
        assert "etag" not in stream.headers


def test_a_change_is_made_only_to_the_version_that_was_read(staff, piece):
    """412 once somebody was faster, and nothing changes; the same as `version` in the body is 409."""
    tag = staff.get(piece).headers["etag"]
    assert staff.patch(piece, json={"note": "a"}, headers={"If-Match": tag}).status_code == 200
    is_problem(staff.patch(piece, json={"note": "b"}, headers={"If-Match": tag}), 412)
    is_problem(staff.patch(piece, json={"note": "b", "version": 1}), 409)
    both = staff.patch(piece, json={"note": "b", "version": 2}, headers={"If-Match": tag})
    is_problem(both, 412)
    assert staff.get(piece).json()["note"] == "a"
    now = staff.get(piece).headers["etag"]
    assert staff.patch(piece, json={"note": "c"}, headers={"If-Match": f'"9.x", {now}'}).status_code == 200
    assert staff.patch(piece, json={"note": "d"}, headers={"If-Match": "*"}).status_code == 200
    is_problem(staff.patch(f"{BASE}/equipment/none", json={"note": "d"}, headers={"If-Match": "*"}), 404)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("1", 422),
        ('"1', 422),
        ("", 422),
        (",", 422),
        ('"1.' + "0" * 32 + '", "2.' + "0" * 32 + '"', 422),
        ("," * 5000, 422),
        ('"other"', 412),
        ('W/"1.' + "0" * 32 + '"', 412),
        ('"1"', 412),
        ('"-1.' + "0" * 32 + '"', 412),
        ('"99999999999.' + "0" * 32 + '"', 412),
        ('"4294967296.' + "0" * 32 + '"', 412),
    ],
)
def test_a_header_that_names_no_version_changes_nothing(staff, piece, given, status):
    """422 for what is no entity tag or says two things, 412 for one that the record never had."""
    is_problem(staff.patch(piece, json={"note": "x"}, headers={"If-Match": given}), status)
    assert staff.get(piece).json()["version"] == 1


def test_a_condition_that_nothing_checks_is_refused(campus, staff):
    """A client that believes itself safe must not overwrite; reads are not changes."""
    loan = staff.post(f"{BASE}/loans", json={"equipment": "none", "borrower": "x"}, headers={"If-Match": "*"})
    assert "If-Match" in is_problem(loan, 422)["detail"]
    assert staff.get("/api/v1/sites", headers={"If-Match": '"x"'}).status_code == 200


def race(campus, staff, piece):
    """How many of eight changes, each for the version that all of them read, were made."""
    tag = staff.get(piece).headers["etag"]
    together = threading.Barrier(8)

    def change(number):
        with campus.program() as client:
            together.wait()
            return client.patch(piece, json={"note": str(number)}, headers={"If-Match": tag}).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(change, range(8)))
    assert set(statuses) <= {200, 412}
    return statuses.count(200)


def test_of_many_at_once_one_is_made(campus, staff, piece):
    """The version is checked in the transaction of the write."""
    assert race(campus, staff, piece) == 1


def test_versions_that_nobody_checked_would_be_noticed(campus, staff, piece, monkeypatch):
    """The control: where the version does not reach the transaction, all eight are made."""
    change = campus.records.change_equipment
    monkeypatch.setattr(
        campus.records,
        "change_equipment",
        lambda site, id, changes, by, version: change(site, id, changes, by),
    )
    assert race(campus, staff, piece) == 8


opaque = st.text(
    st.characters(codec="latin-1", exclude_characters='"', min_codepoint=0x21, exclude_categories=["Cc"])
)


@given(
    st.lists(st.tuples(st.booleans(), opaque), min_size=1, max_size=5), st.sampled_from([",", ", ", " ,\t,"])
)
def test_every_list_of_tags_is_read_as_it_was_written(made, between):
    """Commas may stand in a tag, and empty members between tags."""
    text = between.join(f'{"W/" if weak else ""}"{inner}"' for weak, inner in made)
    if "\x7f" not in text and len(text) <= MOST_HEADER:
        assert tags(text) == made


@given(st.text(st.sampled_from('W/", a*\t'), max_size=30))
def test_any_text_is_read_or_refused(text):
    """Nothing but a list or ValueError."""
    try:
        found = tags(text)
    except ValueError:
        return
    assert found is None or found
