"""The pages that import a timetable: looked at first, applied exactly, and never anything else."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from api_school import running
from hypothesis import given
from hypothesis import strategies as st
from timetables import FROM, SITE, rows, school

from api.kept_uploads import KeptUploads, Upload
from campus.calendar import SubjectPlace
from campus.calendar.formats import MOST_BYTES
from campus.records.entities import Grant
from dashboards.web.timetable import ADDED, ENDED, REMOVED, changes, counted
from dashboards.web.words import Words

HTML = {"Accept": "text/html"}
PATH = f"/sites/{SITE}/timetable"
VI = Words("vi")
GOOD = rows("6A,Thứ 2,Sáng,1,Toán", "6B,Thứ 2,Sáng,1,Ngữ văn")


@pytest.fixture(scope="module")
def campus(tmp_path_factory):
    with running(tmp_path_factory.mktemp("school")) as campus:
        campus.records.import_inventory(school(("6A", "6B")))
        yield campus


@pytest.fixture
def browser(campus):
    with campus.person() as client:
        client.headers.update(HTML)
        yield client


def send(client, content, name="tkb.csv", **texts):
    form = {"session": "morning", "from": FROM.isoformat(), "to": ""} | texts
    return client.post(PATH, data=form, files={"file": (name, content)})


def look(client, content, **texts):
    """(address of what it would change, its page)."""
    answer = send(client, content, **texts)
    assert answer.status_code == 303, answer.text
    path = answer.headers["location"]
    page = client.get(path)
    assert page.status_code == 200
    return path, page.text


def seen(page):
    return re.search(r'name="seen" value="(\w+)"', page)[1]


def stored(campus):
    return sorted((one.school_class, one.subject) for one in campus.records.calendar(SITE).lessons)


def test_looking_changes_nothing_and_confirming_applies_the_file(campus, browser):
    """The whole way: look, confirm, and what is stored is what was shown; the same file again changes nothing."""
    path, page = look(browser, GOOD)
    assert VI("timetable.would", added=2, removed=0) in page and "Phòng 6A" in page and "Ngữ văn" in page
    assert stored(campus) == []
    answer = browser.post(path, data={"seen": seen(page)})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PATH}?done=imported")
    assert stored(campus) == [("6A", "Toán"), ("6B", "Ngữ văn")]
    after = browser.get(answer.headers["location"]).text
    assert VI("done.imported") in after and VI("timetable.undo.after") in after
    assert browser.post(path, data={"seen": seen(page)}).status_code == 409  # it is not kept any more
    assert VI("timetable.no_changes") in look(browser, GOOD)[1]


def test_the_downloaded_timetable_undoes_an_import(campus, browser):
    """As the page advises: what was downloaded before brings back what was there."""
    before = stored(campus)
    saved = browser.get(f"{PATH}/file", params={"on": FROM.isoformat(), "session": "morning"}).content
    path, page = look(browser, rows("6A,Thứ 3,Sáng,2,Vật lí", "6B,Thứ 2,Sáng,1,Toán"))
    assert f"{PATH}/file?on={FROM}&amp;session=morning" in page
    browser.post(path, data={"seen": seen(page)})
    assert stored(campus) != before
    path, page = look(browser, saved, name="tkb.xlsx")
    browser.post(path, data={"seen": seen(page)})
    assert stored(campus) == before != []


def test_wrong_rows_are_all_told_and_nothing_can_be_confirmed(campus, browser):
    """Every wrong row with its column in the reader's language; no button, and a made-up confirmation does nothing."""
    wrong = rows("6A,Thứ 9,Sáng,1,Toán", "9Z,Thứ 2,Sáng,1,Toán", "6A,Thứ 2,Sáng,77,Toán", "6A,Thứ 2,Sáng,1,")
    before = stored(campus)
    path, page = look(browser, wrong)
    table = re.search(r'<table class="lines">.*?</table>', page, re.S)[0]
    assert 'lang="en"' not in table
    for row, text in (("dòng 2", "Thứ 9"), ("dòng 3", "9Z"), ("dòng 4", "77"), ("dòng 5", VI("told.empty"))):
        assert row in table and text in table
    assert VI("timetable.not_yet") in page and 'name="seen"' not in page
    for digest in ("", "0" * 32):
        assert browser.post(path, data={"seen": digest}).status_code == 409
    assert stored(campus) == before


def test_unknown_subjects_are_asked_for_on_the_page(campus, browser):
    """A subject of which nobody knows where it is held gets an answer there, and the file is looked at again."""
    path, page = look(browser, rows("6A,Thứ 2,Sáng,1,Rô-bốt", "6A,Thứ 2,Sáng,2,Múa"))
    assert 'name="seen"' not in page and page.count('<select id="place-') == 2
    names = dict(re.findall(r'name="(subject-\d)" value="([^"]*)"', page))
    assert set(names.values()) == {"Rô-bốt", "Múa"}
    places = {"Rô-bốt": "room:tin-1", "Múa": "outside"}
    answers = {key.replace("subject", "place"): places[name] for key, name in names.items()}
    made_up = browser.post(f"{path}/subjects", data=names | dict.fromkeys(answers, "anywhere"))
    assert made_up.status_code == 303 and campus.records.subject_places(SITE) == []
    answer = browser.post(f"{path}/subjects", data=names | answers)
    page = browser.get(answer.headers["location"]).text
    assert VI("done.subjects") in page and 'name="seen"' in page
    assert SubjectPlace("Rô-bốt", "room", "tin-1") in campus.records.subject_places(SITE)


def test_a_change_in_between_is_told_and_the_old_picture_is_not_applied(campus, browser):
    """What would change is not what was shown any more: nothing is written before it was looked at again."""
    path, page = look(browser, rows("6A,Thứ 4,Sáng,3,Lịch sử", "6B,Thứ 4,Sáng,3,Địa lí"))
    other = rows("6A,Thứ 5,Sáng,3,Sinh học")
    read = campus.records.read_timetable(SITE, other, "morning", FROM)
    campus.records.import_timetable(SITE, read.lessons, "morning", FROM, None, read.rows)
    answer = browser.post(path, data={"seen": seen(page)})
    assert answer.status_code == 409 and VI("timetable.changed") in answer.text
    assert stored(campus) == [("6A", "Sinh học")]
    assert browser.post(path, data={"seen": seen(answer.text)}).status_code == 303
    assert stored(campus) == [("6A", "Lịch sử"), ("6B", "Địa lí")]


def test_without_the_check_the_old_picture_would_be_applied(campus, browser, monkeypatch):
    """The control: with the comparison put out, a change in between is written over unseen."""
    import api.manage_pages_timetable as pages

    path, page = look(browser, rows("6A,Thứ 6,Sáng,3,Lịch sử"))
    read = campus.records.read_timetable(SITE, rows("6A,Thứ 6,Sáng,4,Sinh học"), "morning", FROM)
    campus.records.import_timetable(SITE, read.lessons, "morning", FROM, None, read.rows)
    would = pages._would_change
    monkeypatch.setattr(pages, "_would_change", lambda *given: (would(*given)[0], seen(page), None))
    assert browser.post(path, data={"seen": seen(page)}).status_code == 303
    assert stored(campus) == [("6A", "Lịch sử")]


@pytest.mark.parametrize(
    ("content", "texts", "field"),
    [
        (b"", {}, "file"),
        (b"\x00\x01\x02", {}, "file"),
        ("Lớp,Thứ\n6A,Thứ 2".encode(), {}, "file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 old workbook", {}, "file"),
        (b"PK\x03\x04 broken", {}, "file"),
        (b"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><x>&a;</x>", {}, "file"),
        (GOOD, {"from": ""}, "from"),
        (GOOD, {"from": "soon"}, "from"),
        (GOOD, {"to": FROM.isoformat()}, "to"),
        (GOOD, {"session": "evening"}, "session"),
    ],
)
def test_what_is_no_timetable_is_told_beside_its_field(campus, browser, content, texts, field):
    """Nothing is kept, nothing is written, and the sentence says what to do."""
    before = stored(campus)
    answer = send(browser, content, **texts)
    assert answer.status_code == 422 and stored(campus) == before
    assert re.search(rf'id="{field}"[^>]*aria-invalid="true"', answer.text)
    assert re.search(rf'<p class="error" id="{field}-wrong">\S', answer.text)
    assert "root:" not in answer.text


def test_a_file_that_is_too_large_is_refused_before_it_is_read(campus, browser):
    """By the length that it says it has, with a page that says how large it may be."""
    answer = send(browser, b"x" * (MOST_BYTES + 1))
    assert answer.status_code == 413 and VI("error.413") in answer.text


def test_only_those_who_may_and_only_their_own_file(campus, browser):
    """Another person's look is as if it were not there; without the right there is neither form nor upload."""
    path, page = look(browser, GOOD)
    for name, grants, status in (
        ("another-admin", [Grant("administrator")], 409),
        ("a-leader", [Grant("leader", SITE)], 403),
        ("a-stranger", [Grant("administrator", "demo")], 404),
    ):
        campus.records.add_person(name, grants)
        cookies = {"campus_session": campus.records.create_session(campus.records.person(name), 1)}
        with campus.client(cookies=cookies, headers=HTML | {"Origin": campus.url}) as client:
            assert client.get(path).status_code == status
            assert client.post(path, data={"seen": seen(page)}).status_code == status
            assert send(client, GOOD).status_code == (303 if status == 409 else status)
    assert browser.get(path).status_code == 200  # the control


def test_the_templates_are_read_as_they_are_filled_in(campus, browser):
    """Both workbooks that are offered open, and empty they are no timetable yet."""
    for grid in ("false", "true"):
        content = browser.get(f"{PATH}/template", params={"grid": grid}).content
        assert content.startswith(b"PK")
        answer = send(browser, content, name="mau.xlsx")
        assert answer.status_code in (303, 422)


class Clock:
    def __init__(self):
        self.at = datetime(2026, 11, 18, tzinfo=UTC)

    def __call__(self):
        return self.at


def upload(person="lan", size=10, site=SITE):
    return Upload(site, person, "tkb.csv", b"x" * size, None, date(2026, 9, 7), None)


def test_a_file_is_kept_for_half_an_hour():
    """And not a moment longer."""
    clock = Clock()
    kept = KeptUploads(clock)
    token = kept.keep(upload())
    clock.at += timedelta(minutes=30, seconds=-1)
    assert kept.get(token, "lan", SITE) is not None
    assert (
        kept.get(token, "minh", SITE) is kept.get(token, "lan", "demo") is kept.get("x", "lan", SITE) is None
    )
    clock.at += timedelta(seconds=1)
    assert kept.get(token, "lan", SITE) is None


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdefghijklmnopqrstuvwxyz"), st.integers(1, 10_000_000)), max_size=60
    )
)
def test_what_is_kept_is_bounded(sent):
    """However many people send however much, files and bytes stay within their bounds, and the newest is there."""
    kept = KeptUploads(Clock())
    content = b"x" * 10_000_000
    for person, size in sent:
        one = Upload(SITE, person, "tkb.csv", memoryview(content)[:size], None, date(2026, 9, 7), None)
        token = kept.keep(one)
        held = [upload for _, upload in kept._kept.values()]
        assert len(held) <= KeptUploads.MOST
        assert sum(len(one.content) for one in held) <= KeptUploads.MOST_BYTES
        assert sum(one.person == person for one in held) <= KeptUploads.OF_ONE
        assert kept.get(token, person, SITE) is one


def test_changes_are_told_in_the_order_of_the_week():
    """Rows of lessons by weekday, session and period; a line that is none of a lesson stays as it is."""
    found = changes(
        [
            "add to lessons: a101, weekday 3, afternoon 1: 6A Toán, from 2026-09-07",
            "remove from lessons: outside, weekday 1, morning 5, week b: 6A Bơi (Hoa), from 2026-09-07 to 2026-10-05",
            "add to lessons: a101, weekday 3, morning 2: 6A Văn",
            "something else",
        ],
        {"a101": "Phòng 101"},
    )
    assert [(one.weekday, one.session, one.period) for one in found] == [
        (0, "", 0),
        (1, "morning", 5),
        (3, "morning", 2),
        (3, "afternoon", 1),
    ]
    removed = found[1]
    assert (removed.kind, removed.room, removed.week, removed.what) == (
        REMOVED,
        "outside",
        "b",
        "6A Bơi (Hoa)",
    )
    assert (removed.start, removed.end) == ("2026-09-07", "2026-10-05")
    assert found[2].room == "Phòng 101" and found[0].line == "something else"


def test_a_lesson_that_goes_on_to_a_date_is_told_as_one_that_ends():
    """Not as one lesson more and one less: the records cut it, the reader sees one row and its date."""
    lesson = "lessons: a101, weekday 1, morning 1: 6A Toán"
    found = changes(
        [
            f"remove from {lesson}, from 2026-09-07",
            f"add to {lesson}, from 2026-09-07 to 2026-11-18",
            f"add to {lesson}b",
        ],
        {},
    )
    assert [(one.kind, one.end) for one in found] == [(ADDED, None), (ENDED, "2026-11-18")]
    assert counted(found) == (1, 1)
