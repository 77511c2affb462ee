"""Problems in the reader's language: which language it is, and that every sentence of the API is known in it."""

import json
import re
import string
from http import HTTPStatus
from pathlib import Path

import pytest
import sentences
from api_school import SITE, is_problem, running
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core._pydantic_core import list_all_errors

import api.sentences
from api.sentences import MOST, Sentences, accepted, in_language, vietnamese
from campus.records.entities import Grant

BASE = f"/api/v1/sites/{SITE}"
CATALOGUE = json.loads((Path(sentences.ROOT) / "api/sentences_vi.json").read_text(encoding="utf-8"))
FORMS = {"class_name", "field_type", "expected_plural"}
"""Of pydantic's sentences: they say nothing in Vietnamese."""

NEVER = {
    "callable", "dataclass", "function", "frozen", "complex", "fraction", "uuid", "url", "named_tuple", "counter",
    "ordered_dict", "deque", "set", "mapping", "iterable", "iteration", "instance", "subclass", "recursion",
    "attribute", "argument", "python", "sentinel", "ellipsis", "factory", "default", "decimal_", "object",
    "json_type", "value_error", "offset", "encoding", "hashable", "generator", "is_",
}  # fmt: skip
"""Kinds of pydantic's errors that no model of the API can raise: words in their names."""


@pytest.fixture(scope="module")
def campus(tmp_path_factory):
    with running(tmp_path_factory.mktemp("school")) as campus:
        yield campus


@pytest.fixture(scope="module")
def staff(campus):
    with campus.program() as client:
        yield client


def names(template):
    return sorted(re.findall(r"\{(\w+)\}", template))


def test_every_sentence_that_the_api_may_tell_is_in_the_catalogue():
    """Collected from the source of all modules that the API reaches; each with the same values."""
    told = sentences.sentences()
    assert len(told) > 200 and any(where.startswith("campus/records/") for where in told.values())
    missing = {template: where for template, where in told.items() if template not in CATALOGUE}
    assert not missing, missing


@pytest.mark.parametrize(
    "source", ["raise UsageError('Nothing {of} this.')", "raise NotFound(f'No {one} {two.three[0]} here.')"]
)
def test_a_sentence_without_its_translation_would_be_noticed(source):
    """The control: a new sentence is collected as a template that the catalogue lacks."""
    found = [template for template, _ in sentences.of(source)]
    assert len(found) == 1 and found[0] not in CATALOGUE
    assert found[0] in ("Nothing {of} this.", "No {one} {three} here.")


def test_each_translation_has_the_values_of_its_sentence():
    """No value is lost and none invented; none is left English."""
    for english, told in CATALOGUE.items():
        assert set(names(told)) == set(names(english)) - FORMS or names(told) == names(english), english
        fixed = re.sub(r"\{\w+\}", "", english)
        if re.search("[A-Za-z]{4} ", fixed):
            assert told != english, english
        if english.endswith(".") and len(english) > 20:
            assert told.endswith("."), english
    assert len({re.sub(r"\{\w+\}", "", one) for one in CATALOGUE}) > 200


def filled(template):
    """A sentence with values as they come: ids in quotes, numbers, lists."""
    return re.sub(r"\{(\w+)\}", lambda found: f"v{len(found[1])}x", template)


@pytest.mark.parametrize("english", sorted(CATALOGUE))
def test_each_sentence_is_found_when_it_is_finished(english):
    """With values in place of the names, and those stand in the translation."""
    if english.startswith("{field}: {message}") or not re.search("[A-Za-z]", re.sub(r"\{\w+\}", "", english)):
        assert vietnamese().find(filled(english)) is None  # they carry other sentences
        return
    told = vietnamese().find(filled(english))
    assert told is not None
    for name in set(names(CATALOGUE[english])):
        assert f"v{len(name)}x" in told or f"V{len(name)}x" in told


def test_pydantics_own_sentences_are_known():
    """Those of every kind of error that a model of the API can have."""
    missing = []
    for error in list_all_errors():
        if any(word in error["type"] for word in NEVER):
            continue
        for template in {error["message_template_python"], error.get("message_template_json")} - {None}:
            if template not in CATALOGUE:
                missing.append((error["type"], template))
    assert not missing


def test_the_title_of_every_status_is_known():
    """Each that the API answers with."""
    for status in (400, 401, 403, 404, 405, 409, 411, 412, 413, 415, 421, 422, 429, 500, 503):
        assert HTTPStatus(status).phrase in CATALOGUE


REQUESTS = [
    ("GET", f"{BASE}/rooms/a-999", None, "Không có phòng 'a-999'"),
    ("GET", "/api/v1/sites/none/rooms", None, "Không có trường 'none'"),
    ("GET", "/api/v1/nothing", None, "Địa chỉ này không có gì"),
    ("PUT", "/api/v1/sites", {}, "không nhận phương thức"),
    ("GET", f"{BASE}/facts?from=2026-11-16", None, "Cần có mục này"),
    ("GET", f"{BASE}/facts?from=16/11/2026&to=2026-11-17", None, "hãy ghi ngày theo dạng"),
    ("GET", f"{BASE}/rooms/A'b", None, "mã định danh"),
    ("GET", f"{BASE}/equipment?limit=501", None, "không được lớn hơn 500"),
    ("GET", f"{BASE}/equipment?condition=fine", None, "phải là"),
    ("GET", f"{BASE}/equipment?retired=perhaps", None, "phải là true hoặc false"),
    (
        "POST",
        f"{BASE}/equipment",
        {"id": "x", "kind": "tv", "name": "x", "price_vnd": -1},
        "phải từ 0 trở lên",
    ),
    ("POST", f"{BASE}/equipment", {"id": "x", "kind": "tv", "name": "x", "room": "none"}, "không có 'none'"),
    ("POST", f"{BASE}/equipment", {"id": "x", "kind": "tv", "name": "x" * 500}, "ký tự"),
    (
        "POST",
        f"{BASE}/equipment",
        {"id": "x", "kind": "tv", "name": "x", "colour": "red"},
        "Không rõ mục này",
    ),
    (
        "POST",
        f"{BASE}/equipment",
        {"id": "x", "kind": "tv", "name": "x", "verified_on": "2199-01-01"},
        "tương lai",
    ),
    ("POST", f"{BASE}/loans", {"equipment": "none", "borrower": "x"}, "không có 'none'"),
    ("DELETE", "/api/v1/tokens/1", None, "không có tài khoản riêng"),
    ("PATCH", f"{BASE}/equipment/none", {"note": "x"}, "Không có thiết bị dạy học 'none'"),
]


@pytest.mark.parametrize(("method", "path", "body", "told"), REQUESTS)
def test_a_problem_is_told_in_the_language_that_is_asked_for(staff, method, path, body, told):
    """Title, sentence and fields; Vietnamese and English of the same, with headers that say so."""
    answers = {
        language: staff.request(method, path, json=body, headers={"Accept-Language": language})
        for language in ("vi", "en")
    }
    for language, answer in answers.items():
        problem = is_problem(answer, answer.status_code)
        assert answer.headers["content-language"] == language
        assert "Accept-Language" in answer.headers["vary"]
        shown = problem["detail"] + str(problem.get("errors"))
        assert (told in shown) == (language == "vi"), shown
        title = HTTPStatus(answer.status_code).phrase
        assert problem["title"] == (CATALOGUE[title] if language == "vi" else title)
    vi, en = (answers[one].json() for one in ("vi", "en"))
    fields = [[one["field"] for one in problem.get("errors", [])] for problem in (vi, en)]
    assert fields[0] == fields[1] and vi["status"] == en["status"]


def test_without_a_header_it_is_the_persons_language_else_the_installations(campus):
    """Also where the body is no JSON, and before anybody is known."""
    campus.records.add_person("english", [Grant("administrator")], "en")
    campus.records.add_person("viet", [Grant("administrator")], "vi")
    for name, language in (("english", "en"), ("viet", "vi")):
        for body in (b"{", b"{}"):
            token = campus.records.create_token(campus.records.person(name), "x")
            with campus.client(headers={"Authorization": f"Bearer {token}"}) as client:
                del client.headers["Accept-Language"]
                answer = client.post(f"{BASE}/equipment", content=body)
                is_problem(answer, 422)
                assert answer.headers["content-language"] == language, (name, body)
                answer = client.get("/api/v1/nothing", headers={"Accept-Language": "fr"})
                is_problem(answer, 404)
                english = client.get(f"{BASE}/rooms/none", headers={"Accept-Language": "en-GB, vi;q=0.3"})
                assert english.headers["content-language"] == "en"
    with campus.client() as stranger:
        del stranger.headers["Accept-Language"]
        answer = stranger.get("/api/v1/sites")
        assert answer.headers["content-language"] == "vi" and "đăng nhập" in is_problem(answer, 401)["detail"]
        early = stranger.post("/api/v1/sessions", content=b"x" * 70_000, headers={"Accept-Language": "en"})
        assert early.headers["content-language"] == "en" and is_problem(early, 413)


def test_a_sentence_that_is_not_known_stays_english_as_a_whole(campus, staff, monkeypatch):
    """Nothing half and half: the title stays English too, and the header says so."""
    from campus.errors import UsageError

    def refuse(*_):
        raise UsageError("This sentence was never translated at all.")

    monkeypatch.setattr(campus.records, "sites", refuse)
    answer = staff.get("/api/v1/sites", headers={"Accept-Language": "vi"})
    body = is_problem(answer, 422)
    assert (answer.headers["content-language"], body["detail"]) == (
        "en",
        "This sentence was never translated at all.",
    )
    assert body["title"] == HTTPStatus(422).phrase


def test_pages_keep_their_own_words(campus):
    """An error as a page is not problem+json and says no language of it."""
    with campus.client() as client:
        answer = client.get("/nowhere", headers={"Accept": "text/html", "Accept-Language": "en"})
        assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("header", "preferred", "language"),
    [
        ("vi-VN,vi;q=0.9,en-US;q=0.6,en;q=0.5", "en", "vi"),
        ("en", "vi", "en"),
        ("EN-us", "vi", "en"),
        ("fr, de;q=0.5", "en", "en"),
        ("*", "en", "en"),
        ("fr, *;q=0.1", "vi", "vi"),
        ("en;q=0.2, vi;q=0.7", "en", "vi"),
        ("en, vi", "vi", "vi"),
        ("vi;q=0", "vi", "en"),
        ("vi;q=0, en;q=0", "vi", "vi"),
        ("vi;q=0, *", "vi", "en"),
        ("vi;q=nonsense, en", "vi", "en"),
        ("", "vi", "vi"),
        (",,;", "en", "en"),
        ("vi" * 5000, "en", "en"),
    ],
)
def test_the_language_with_the_most_weight_is_taken(header, preferred, language):
    """RFC 9110, 12.5.4; what is liked alike, or not at all, is the reader's own choice."""
    assert accepted(header, preferred) == language


@given(st.text(max_size=300), st.sampled_from(["vi", "en"]))
def test_any_header_gives_a_language(header, preferred):
    """Never an error."""
    assert accepted(header, preferred) in ("vi", "en")


values = st.text(st.sampled_from(string.ascii_letters + "0123456789 .:;,()[]{}"), max_size=40)


@given(values, values)
def test_a_strangers_value_stays_what_it_is(one, other):
    """What stands in quotes is neither translated nor filled, whatever it looks like."""
    told = Sentences({"No '{a}' in '{b}'.": "Không có '{a}' ở '{b}'.", "room": "phòng", "{a}": "{a}!"}).find(
        f"No '{one}' in '{other}'."
    )
    assert told == f"Không có '{one}' ở '{other}'."


def test_braces_of_a_stranger_are_not_filled():
    """A value that looks like a name of ours stays as it was written."""
    told = vietnamese().find(
        "There is no room '{site_id}' in site '{id}'. Add it to the inventory, or check its id."
    )
    assert "phòng '{site_id}' ở trường '{id}'" in told


def test_no_text_makes_the_search_long(monkeypatch):
    """Bounded work: the longest texts, made of what many templates have in common, are looked for so many times."""
    tried, look = [], api.sentences._Template.values
    monkeypatch.setattr(
        api.sentences._Template, "values", lambda self, text: tried.append(text) or look(self, text)
    )
    for text in (
        "a: b; " * 700,
        "The room 'x' cannot be removed: " * 120,
        "x.y: z (it is q). " * 220,
        "there is no '" * 300,
    ):
        tried.clear()
        vietnamese().find(text[:MOST])
        assert 0 < len(tried) <= api.sentences._MOST_LOOKS * len(CATALOGUE)
        tried.clear()
        assert vietnamese().find(text + "x" * MOST) is None and not tried


def test_several_sentences_are_of_one_language():
    """All in Vietnamese, or all in English."""
    known, unknown = "This is required.", "Nobody knows this."
    assert in_language("vi", [known]) == ("vi", ["Cần có mục này."])
    assert in_language("vi", [known, unknown]) == ("en", [known, unknown])
    assert in_language("en", [known]) == ("en", [known])
