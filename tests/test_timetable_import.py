"""A file's timetable into the records: whole or not at all, from a date on, again without a change, and back."""

import csv
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from records_stores import DATABASES, opened
from timetables import FROM, SITE, rows, school

from campus.calendar import IN_ROOM, IN_ROOM_TYPE, OUTSIDE, Lesson, SubjectPlace
from campus.calendar.formats.writing import WRITERS, Exported, write
from campus.errors import NotFound, StoreError, UsageError
from campus.records import open_records, timetable, timetable_import

LATER = date(2026, 10, 5)
DAY = "6A,Thứ 2,Sáng"


@pytest.fixture
def records(tmp_path):
    with open_records("sqlite", tmp_path) as opened:
        opened.import_inventory(school(("6A", "6B")))
        yield opened


@pytest.fixture(params=DATABASES)
def either(request, tmp_path):
    """On SQLite and on PostgreSQL."""
    with opened(request, tmp_path) as records:
        records.import_inventory(school(("6A", "6B")))
        yield records


def read(records, content, session=None, start=FROM, end=None):
    found = records.read_timetable(SITE, content, session, start, end)
    assert list(found.problems) == []
    return found


def put(records, content, session=None, start=FROM, end=None, dry_run=False):
    """Import; returns the changes."""
    found = read(records, content, session, start, end)
    return records.import_timetable(SITE, found.lessons, session, start, end, found.rows, dry_run)


def stored(records):
    """(class, subject, session, from, to) of what is stored."""
    return sorted(
        (one.school_class, one.subject, one.session, str(one.valid_from), str(one.valid_to or ""))
        for one in records.calendar(SITE).lessons
    )


@pytest.mark.parametrize(
    ("name", "session", "labs", "places"),
    [
        ("lower-secondary", "morning", 1, {IN_ROOM: 230, OUTSIDE: 27}),
        ("lower-secondary", "morning", 2, {IN_ROOM: 212, OUTSIDE: 27, IN_ROOM_TYPE: 18}),
        # Two classes want the only computer room at once (12), and classes sit together in no room that is named (26).
        ("upper-secondary-afternoon", "afternoon", 1, {IN_ROOM: 278, OUTSIDE: 58, IN_ROOM_TYPE: 38}),
    ],
)
def test_both_real_files_import_as_they_are(data_dir, tmp_path, name, session, labs, places):
    """Into a school of their classes and home rooms: every lesson has a room, is outside, or is told to have none."""
    content = (data_dir / "timetable" / f"{name}_fet.csv").read_bytes()
    lines = list(csv.DictReader(content.decode("utf-8-sig").splitlines()))
    sets = [
        one for line in lines for one in line["Students Sets"].split("+") if one and line["Subject"] != "---"
    ]
    with open_records("sqlite", tmp_path) as records:
        records.import_inventory(school(sorted(set(sets)), labs))
        found = read(records, content, session)
        assert (found.format, found.activities, len(found.lessons)) == ("fet-csv", len(lines), len(sets))
        assert Counter(one.place for one in found.lessons) == places
        assert Counter(one.room is None for one in found.lessons)[False] == places[IN_ROOM]
        assert len(put(records, content, session)) == len(sets)
        version = records.calendar(SITE).version
        assert put(records, content, session) == []
        assert records.calendar(SITE).version == version
        for format in WRITERS:
            assert put(records, exported(records, format)) == []


def exported(records, format, on=FROM):
    calendar = records.calendar(SITE)
    return write(Exported(calendar.lessons, on, calendar.bells, calendar.terms, calendar.tz), format)


def test_an_import_ends_what_was_before_and_begins_at_its_date(either):
    """The other session stays; what would begin later is removed; the calendar has another version."""
    put(either, rows(f"{DAY},1,Toán,Sen,,", f"{DAY},2,Văn,Mai,,", "6A,Thứ 2,Chiều,1,Anh,Mai,,"))
    put(either, rows(f"{DAY},1,Lý,Sen,,"), "morning", date(2026, 12, 7))
    before = either.calendar(SITE).version
    changes = put(either, rows(f"{DAY},1,Hóa,Sen,,", f"{DAY},2,Văn,Mai,,"), "morning", LATER)
    assert stored(either) == [
        ("6A", "Anh", "afternoon", "2026-09-07", ""),
        ("6A", "Hóa", "morning", "2026-10-05", ""),
        ("6A", "Toán", "morning", "2026-09-07", "2026-10-05"),
        ("6A", "Văn", "morning", "2026-09-07", ""),  # goes on: one row, as before
    ]
    assert either.calendar(SITE).version != before
    assert any(
        "add to lessons: p-6a, weekday 1, morning 1: 6A Hóa (Sen), from 2026-10-05" in one for one in changes
    )


def test_a_timetable_with_an_end_gives_way_again(records):
    """Two weeks with another timetable: before and after, the old one holds."""
    put(records, rows(f"{DAY},1,Toán,Sen,,"))
    put(records, rows(f"{DAY},1,Lý,Mai,,"), "morning", LATER, date(2026, 10, 19))
    assert stored(records) == [
        ("6A", "Lý", "morning", "2026-10-05", "2026-10-19"),
        ("6A", "Toán", "morning", "2026-09-07", "2026-10-05"),
        ("6A", "Toán", "morning", "2026-10-19", ""),
    ]
    put(records, rows(f"{DAY},1,Toán,Sen,,"), "morning", LATER, date(2026, 10, 19))
    assert stored(records) == [("6A", "Toán", "morning", "2026-09-07", "")]


def test_a_dry_run_writes_nothing_and_says_the_same(records):
    """The changes of a dry run are those of the import."""
    content = rows(f"{DAY},1,Toán,Sen,,")
    before = records.calendar(SITE).version
    told = put(records, content, dry_run=True)
    assert (stored(records), records.calendar(SITE).version) == ([], before)
    assert (
        put(records, content)
        == told
        == ["add to lessons: p-6a, weekday 1, morning 1: 6A Toán (Sen), from 2026-09-07"]
    )


def test_lessons_that_contradict_the_calendar_are_refused_as_a_whole(records):
    """By the row of the file; nothing of the rest is there then."""
    good = Lesson("p-6a", 1, "morning", 1, "6A", "Toán", FROM)
    for bad, told in [
        (replace(good, school_class="6B", subject="Văn"), "row 9.room: 'p-6a' already holds 6A Toán"),
        (replace(good, period=9), "row 9.period: no bell rings"),
        (replace(good, room="p-9", period=2), "row 9.room: there is no 'p-9' in rooms"),
        (replace(good, school_class="9Z", period=2), "row 9.school_class: there is no '9Z'"),
        (replace(good, period=2, session="afternoon"), "row 9: the lesson is not one of the session"),
        (replace(good, period=2, valid_from=LATER), "row 9: the lesson is not one of the session and dates"),
    ]:
        with pytest.raises(UsageError, match=told):
            records.import_timetable(SITE, [good, bad], "morning", FROM, rows=["row 2", "row 9"])
        assert stored(records) == []
    assert records.import_timetable(SITE, [good], "morning", FROM)


def test_what_cannot_be_asked_is_refused(records):
    """No start, an end before it, an unknown session or site, no lesson at all."""
    content = rows(f"{DAY},1,Toán,Sen,,")
    for asked, told in [
        ((SITE, content, None, None), "needs the first date"),
        ((SITE, content, None, FROM, FROM), "is not after its start"),
        ((SITE, content, "evening", FROM), "not one of morning, afternoon"),
        ((SITE, content, None, FROM, None, "pdf"), "'pdf' is no format"),
    ]:
        with pytest.raises(UsageError, match=told):
            records.read_timetable(*asked)
    with pytest.raises(NotFound):
        records.read_timetable("nowhere", content, None, FROM)
    with pytest.raises(UsageError, match="no lesson to import"):
        records.import_timetable(SITE, [], None, FROM)


def test_what_the_file_says_nothing_of_is_told_before_it_ends(records):
    """A file of one class, or of one session, that would end the rest."""
    put(records, rows(f"{DAY},1,Toán,Sen,,", "6B,Thứ 2,Chiều,1,Anh,Mai,,"))
    found = read(records, rows(f"{DAY},1,Toán,Sen,,"), start=LATER)
    assert list(found.notes) == [
        "The file has no lessons in the afternoon; the 1 stored ones end. To keep them, give --session.",
        "The file has no lessons of 6B; their stored ones end.",
    ]
    assert list(read(records, rows(f"{DAY},1,Toán,Sen,,"), "morning", LATER).notes) == []


def test_a_subject_keeps_the_group_that_it_has(records):
    """Files of other programs tell no groups; two groups of one subject are not guessed between."""
    lesson = Lesson("p-6a", 1, "morning", 1, "6A", "Toán", FROM, subject_group="toan")
    records.import_timetable(SITE, [lesson], None, FROM)
    put(records, rows(f"{DAY},2,toán,Mai,,", f"{DAY},3,Văn,Mai,,"), start=LATER)
    groups = {(one.subject, one.subject_group) for one in records.calendar(SITE).lessons}
    assert groups == {("Toán", "toan"), ("toán", "toan"), ("Văn", None)}


def test_places_of_subjects_are_the_schools_own(records):
    """Set, changed, taken away, refused; an import uses them."""
    with pytest.raises(UsageError, match="there is no 'nowhere'"):
        records.set_subject_places(SITE, [SubjectPlace("Toán", IN_ROOM, "nowhere")])
    assert records.set_subject_places(SITE, [SubjectPlace("Toán", IN_ROOM, "p-6b")]) == [
        "add to subject_places: Toán: room p-6b"
    ]
    assert [one.room for one in read(records, rows(f"{DAY},1,TOÁN,Sen,,")).lessons] == ["p-6b"]
    records.set_subject_places(SITE, [SubjectPlace("toán", OUTSIDE), SubjectPlace("Bơi", OUTSIDE)])
    assert [one.subject for one in records.subject_places(SITE)] == ["Bơi", "toán"]
    records.set_subject_places(SITE, [], ["TOÁN"])
    with pytest.raises(UsageError, match="no row of the school's own"):
        records.set_subject_places(SITE, [], ["TOÁN"])
    assert [one.room for one in read(records, rows(f"{DAY},1,Toán,Sen,,")).lessons] == ["p-6a"]


CLASSES = ("6A", "6B", "10A1")
TEXT = st.text("aăâbcdđeêghiklmnoôơpqrstuưvxyÁỜ019 .'&()", min_size=1, max_size=12).map(str.strip)
SUBJECTS = st.one_of(st.sampled_from(("Toán", "Ngữ văn", "KHTN (Lý)", "Tin học", "=1+2")), TEXT.filter(bool))


@st.composite
def timetables(draw):
    """Lessons of one week that do not contradict one another, in rooms, outside, in no named room, in weeks A and B."""
    found, taken = [], set()
    for _ in range(draw(st.integers(1, 12))):
        weekday, period = draw(st.integers(1, 6)), draw(st.integers(1, 5))
        session, week = (
            draw(st.sampled_from(("morning", "afternoon"))),
            draw(st.sampled_from((None, "a", "b"))),
        )
        name = draw(st.sampled_from(CLASSES))
        room = draw(st.sampled_from((*(f"p-{one.lower()}" for one in CLASSES), "tin-1", None)))
        keys = {
            (weekday, session, period, who, one)
            for who in filter(None, (name, room))
            for one in ((week,) if week else ("a", "b"))
        }
        if keys & taken:
            continue
        taken |= keys
        place = IN_ROOM if room else draw(st.sampled_from((OUTSIDE, IN_ROOM_TYPE)))
        teacher = draw(st.one_of(st.none(), TEXT.map(lambda text: " ".join(text.split()) or None)))
        subject = " ".join(draw(SUBJECTS).split())
        group = draw(st.sampled_from((None, "toan")))
        found.append(
            Lesson(room, weekday, session, period, name, subject, FROM, None, group, week, teacher, place)
        )
    return found


@contextmanager
def school_of_classes():
    with TemporaryDirectory() as folder, open_records("sqlite", Path(folder)) as records:
        records.import_inventory(school(CLASSES))
        yield records


@settings(max_examples=40)
@given(lessons=timetables(), format=st.sampled_from(sorted(WRITERS)))
def test_what_is_exported_is_imported_as_the_same_lessons(shared_school, lessons, format):
    """Of any timetable, in every format that is written: nothing to change. FET knows no subject groups."""
    if format == "fet-csv":
        lessons = [replace(lesson, subject_group=None) for lesson in lessons]
    shared_school.import_timetable(SITE, lessons, None, FROM)
    content = exported(shared_school, format)
    found = read(shared_school, content)
    assert Counter(found.lessons) == Counter(lessons)
    assert put(shared_school, content) == []


@pytest.fixture(scope="module")
def shared_school():
    with school_of_classes() as records:
        yield records


@pytest.mark.parametrize("lost", [{"week": None}, {"teacher": None}, {"room": "p-6b"}, {"subject": "Toan"}])
def test_an_export_that_lost_something_would_be_found(records, lost):
    """The control: the same comparison, with a writer that forgets one field."""
    lesson = Lesson("p-6a", 1, "morning", 1, "6A", "Toán", FROM, week="a", teacher="Sen")
    records.import_timetable(SITE, [lesson], None, FROM)
    calendar = records.calendar(SITE)
    forgetful = [replace(one, **lost) for one in calendar.lessons]
    for format in WRITERS:
        whole = write(Exported(calendar.lessons, FROM, calendar.bells, calendar.terms, calendar.tz), format)
        less = write(Exported(forgetful, FROM, calendar.bells, calendar.terms, calendar.tz), format)
        assert read(records, whole).lessons == [lesson]
        assert read(records, less).lessons != [lesson]


def break_off(monkeypatch):
    """The next insert of lessons fails, after the stored ones were deleted in the same transaction."""

    def insert(table):
        raise StoreError("the disk is full")

    monkeypatch.setattr(timetable, "insert", insert)


def test_an_import_that_breaks_off_changes_nothing(either, monkeypatch):
    """The lessons stored before are all there, under the same version."""
    put(either, rows(f"{DAY},1,Toán,Sen,,"))
    before, version = stored(either), either.calendar(SITE).version
    found = read(either, rows(f"{DAY},1,Lý,Sen,,"))
    with monkeypatch.context() as patched:
        break_off(patched)
        with pytest.raises(StoreError):
            either.import_timetable(SITE, found.lessons, None, FROM)
    assert (stored(either), either.calendar(SITE).version) == (before, version)
    assert len(put(either, rows(f"{DAY},1,Lý,Sen,,"))) == 2


def test_a_broken_import_that_was_kept_would_be_found(records, monkeypatch):
    """The control: the same break, with the transaction committed all the same, has lost the lessons."""
    put(records, rows(f"{DAY},1,Toán,Sen,,"))
    found = read(records, rows(f"{DAY},1,Lý,Sen,,"))
    with monkeypatch.context() as patched:
        break_off(patched)
        with records._database.write() as session, pytest.raises(StoreError):
            timetable_import.apply(session, SITE, found.lessons, found.rows, None, FROM, None)
    assert timetable_of(records) == ()


def timetable_of(records):
    with records._database.read() as session:
        return timetable.load(session, SITE).lessons
