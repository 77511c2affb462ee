"""The stored calendar: records of 0.3.0 are brought forward, every part is kept, contradictions are refused."""

from dataclasses import fields, replace
from datetime import date, time, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from records_stores import DATABASES, DOCS, SITE, example, opened, url_of, year
from sqlalchemy import text

from campus.calendar import (
    Bell,
    Closure,
    ExamPeriod,
    Lesson,
    MakeUpDay,
    SubjectPlace,
    Substitution,
    Term,
)
from campus.errors import UsageError
from campus.records import Records, open_records, timetable
from campus.records.database import Database
from campus.records.inventory import Inventory
from campus.records.timetable import PARTS, Timetable

# The version that 0.3.0 gave to the calendar of the first test.
VERSION_OF_0_3_0 = "b4349c323676"
TERMS = (Term("HKI", date(2026, 9, 5), date(2027, 1, 16)),)
BELLS = (Bell(1, "morning", 1, time(7), time(7, 45)),)
CLOSURES = (Closure(date(2026, 11, 20), date(2026, 11, 21), "Ngày Nhà giáo"),)
LESSONS = (
    Lesson("a101", 1, "morning", 1, "6A", "Toán", date(2026, 9, 5), date(2026, 11, 2), "math"),
    Lesson("a101", 1, "morning", 1, "6A", "Văn", date(2026, 11, 2)),
)


@pytest.fixture(params=DATABASES)
def url(request):
    return url_of(request)


@pytest.fixture(params=DATABASES)
def records(request, tmp_path):
    """The school of docs/records.md."""
    with opened(request, tmp_path) as records:
        put(records, example())
        yield records


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    """The same on SQLite, for tests that leave it as it is: what they ask does not depend on the database."""
    with open_records("sqlite", tmp_path_factory.mktemp("records")) as records:
        put(records, example())
        put(records, year())
        yield records


def put(records: Records, document: dict, **options) -> list[str]:
    return records.import_inventory(Inventory.parse(document), **options)


def only(**lists) -> dict:
    return {"site": {"id": SITE, "name": "THCS Hòa Bình"}, **lists}


def stored(records: Records) -> Timetable:
    with records._database.read() as session:
        return timetable.load(session, SITE)


def refused(records: Records, document: dict) -> str:
    before = (stored(records), records.calendar(SITE).version)
    with pytest.raises(UsageError) as caught:
        put(records, document)
    assert (stored(records), records.calendar(SITE).version) == before
    return str(caught.value)


def test_calendars_of_the_second_schema_are_kept(url, tmp_path, monkeypatch):
    """Terms, bells, closures and lessons of 0002 come forward unchanged: same content, same version, and writable."""
    monkeypatch.setattr(ScriptDirectory, "get_current_head", lambda self: "0002")
    upgrade = command.upgrade
    monkeypatch.setattr(command, "upgrade", lambda config, head: upgrade(config, "0002"))
    database = Database.open(url, tmp_path)
    # SQLite holds times as SQLAlchemy writes them.
    times = "'07:00:00.000000', '07:45:00.000000'" if url == "sqlite" else "'07:00:00', '07:45:00'"
    with database.write() as session:
        for statement in (
            "INSERT INTO site (id, name, tz, calendar_version) "
            f"VALUES ('s', 'S', 'Asia/Ho_Chi_Minh', '{VERSION_OF_0_3_0}')",
            "INSERT INTO room_type VALUES ('classroom', 'Phòng học', 'Classroom', true)",
            "INSERT INTO room (site, id, name, room_type) VALUES ('s', 'a101', 'A101', 'classroom')",
            "INSERT INTO school_class (site, name) VALUES ('s', '6A')",
            "INSERT INTO subject_group VALUES ('s', 'math', 'Toán')",
            "INSERT INTO term (site, start, \"end\", name) VALUES ('s', '2026-09-05', '2027-01-16', 'HKI')",
            'INSERT INTO bell (site, weekday, session, period, start, "end") '
            f"VALUES ('s', 1, 'morning', 1, {times})",
            'INSERT INTO closure (id, site, start, "end", reason) '
            "VALUES (1, 's', '2026-11-20', '2026-11-21', 'Ngày Nhà giáo')",
            "INSERT INTO lesson VALUES "
            "('s', 'a101', 1, 'morning', 1, '2026-09-05', '2026-11-02', '6A', 'Toán', 'math'), "
            "('s', 'a101', 1, 'morning', 1, '2026-11-02', NULL, '6A', 'Văn', NULL)",
        ):
            session.execute(text(statement))
    database.close()
    monkeypatch.undo()
    with open_records(url, tmp_path) as records:
        calendar = records.calendar("s")
        assert (calendar.terms, calendar.bells, calendar.closures) == (TERMS, BELLS, CLOSURES)
        assert calendar.lessons == LESSONS
        holiday = {"start": date(2026, 12, 24), "end": date(2026, 12, 25), "reason": "x"}
        document = {"site": {"id": "s", "name": "S"}, "closures": [vars_of(CLOSURES[0]), holiday]}
        assert put(records, document) == ["add to closures: x, 2026-12-24 to 2026-12-25"]
        assert len(records.calendar("s").closures) == 2


def vars_of(entry: Closure) -> dict:
    return {"start": entry.start, "end": entry.end, "reason": entry.reason}


def test_what_0_3_0_could_say_has_the_version_that_it_gave():
    """Figures made before the upgrade name the calendar that is still there."""
    assert Timetable(TERMS, BELLS, CLOSURES, LESSONS).version("Asia/Ho_Chi_Minh") == VERSION_OF_0_3_0


def test_the_documented_year_is_imported_whole(records):
    """Every list of docs/records.md, as the entities it stands for, and the dates it makes."""
    put(records, year())
    found = stored(records)
    assert found.terms[1] == Term("HKII", date(2027, 1, 16), date(2027, 5, 31), "2026-2027", "b")
    assert Bell(1, "morning", 1, time(7, 15), time(8), date(2026, 11, 2)) in found.bells
    assert Bell(5, "morning", 1, time(7), time(7, 45), date.min, date(2026, 11, 2)) in found.bells
    assert found.make_up_days == (MakeUpDay(date(2026, 10, 18), 1, "Học bù ngày 12/10"),)
    assert found.exams == (
        ExamPeriod("Khảo sát", date(2026, 10, 7), date(2026, 10, 8), ("6A",)),
        ExamPeriod("Kiểm tra cuối kì I", date(2026, 12, 21), date(2026, 12, 26)),
    )
    assert found.substitutions[1] == Substitution(
        date(2026, 10, 19), "morning", 2, "6A", None, reason="Họp phụ huynh"
    )
    assert found.subject_places == (SubjectPlace("Tin học", "room", "a101"),)
    assert {(lesson.room, lesson.place, lesson.week) for lesson in found.lessons} == {
        ("a101", "room", None),
        ("a101", "room", "a"),
        (None, "outside", None),
    }
    calendar = records.calendar(SITE)
    subjects = {
        day: [lesson.subject for lesson in calendar.scheduled("a101", day).values()]
        for day in (
            date(2026, 10, 5),  # a substitution
            date(2026, 10, 12),  # a closure
            date(2026, 10, 18),  # made up
            date(2026, 10, 19),  # falls out
            date(2026, 10, 26),
            date(2026, 12, 21),  # exams
        )
    }
    assert list(subjects.values()) == [["Ngữ văn"], [], ["Toán"], [], ["Toán"], []]
    assert not calendar.is_open(date(2027, 2, 8)) and calendar.is_open(date(2027, 2, 15))  # Tết


def test_the_same_year_again_changes_nothing(records):
    """No row, no version; a dry run tells what the import does."""
    planned = put(records, year(), dry_run=True)
    assert put(records, year()) == planned != []
    before = (stored(records), records.calendar(SITE).version)
    assert put(records, year()) == []
    assert (stored(records), records.calendar(SITE).version) == before


def test_a_list_replaces_its_own_part_only(records):
    """An empty list takes its part away and leaves the others."""
    put(records, year())
    for name in ("substitutions", "make_up_days", "exams", "subject_places", "lessons"):
        before = stored(records).parts()
        changes = put(records, only(**{name: []}))
        assert len(changes) == len(before[name]) > 0
        assert all(change.startswith(f"remove from {name}: ") for change in changes)
        assert stored(records).parts() == before | {name: ()}


def test_the_version_covers_every_part_and_field(school):
    """Taking any part away, or changing any field of any row, gives another version."""
    parts = stored(school).parts()
    changed = [parts, *(parts | {name: ()} for name in PARTS)]
    for name, entries in parts.items():
        for row, entry in enumerate(entries):
            for field in fields(entry):
                other = replace(entry, **{field.name: _other(getattr(entry, field.name))})
                changed.append(parts | {name: (*entries[:row], other, *entries[row + 1 :])})
    versions = [Timetable(**one).version("Asia/Ho_Chi_Minh") for one in changed]
    assert len(set(versions)) == len(versions) > 100


def _other(value):
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case date():
            return value + timedelta(days=1000)
        case time():
            return value.replace(second=59)
        case tuple():
            return (*value, "12Z")
    return "another"


def test_public_holidays_are_closures_of_the_terms(records):
    """They are added to the school's own, by name and date; those outside the terms are not."""
    changes = put(records, only(public_holidays="VN"))
    assert "add to closures: Ngày Văn hóa Việt Nam (public), 2026-11-24 to 2026-11-25" in changes
    closures = stored(records).closures
    assert Closure(date(2027, 1, 1), date(2027, 1, 2), "Tết Dương lịch") in closures  # the school's own
    assert all(date(2026, 9, 5) <= closure.start < date(2027, 1, 16) for closure in closures)
    assert put(records, only(public_holidays="VN")) == []
    assert put(records, example() | {"public_holidays": "VN"}) == []


def test_public_holidays_follow_the_terms_and_can_be_taken_away(records):
    """Longer terms bring Tết when the country is named again; closures without it are all there is."""
    put(records, only(public_holidays="VN"))
    longer = [example()["terms"][0] | {"end": date(2027, 5, 31)}]
    changes = put(records, only(terms=longer, public_holidays="VN"))
    assert "add to closures: Tết Nguyên Đán (public), 2027-02-06 to 2027-02-07" in changes
    assert not any(change.startswith("remove from closures") for change in changes)
    put(records, only(closures=[]))
    assert stored(records).closures == ()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"lessons.0.from": None}, "lessons[0].from: field required"),
        ({"lessons.0.week": "c"}, "lessons[0].week: input should be 'a' or 'b'"),
        ({"lessons.0.room": None}, "lessons[0].room: name the room, or say with place = 'outside'"),
        ({"lessons.2.room": "a101"}, "lessons[2].place: 'outside' is in no room"),
        ({"lessons.0.room": "a999"}, "lessons[0].room: there is no 'a999' in rooms"),
        ({"lessons.0.subject_group": "art"}, "lessons[0].subject_group: there is no 'art' in subject_groups"),
        ({"terms.0.year": "2026"}, "terms[0].year: write a school year as 2026-2027 (it is '2026')"),
        (
            {"bells.1.from": date(2026, 11, 1)},
            "bells[1].from: weekday 1, morning 1 has two bells on 2026-11-01",
        ),
        ({"make_up_days.0.date": date(2026, 11, 24)}, "make_up_days[0].date: 2026-11-24 is a public holiday"),
        ({"make_up_days.0.weekday": 6}, "make_up_days[0].weekday: no bell rings on weekday 6"),
        (
            {"exams.0.end": date(2027, 8, 1)},
            "exams[0].end: 2027-05-31, before the end 2027-08-01, lies in no term",
        ),
        ({"exams.1.classes": ["9Z"]}, "exams[1].classes: there is no '9Z' in classes"),
        (
            {"substitutions.0.school_class": "9Z"},
            "substitutions[0].school_class: there is no '9Z' in classes",
        ),
        ({"substitutions.0.room": "a999"}, "substitutions[0].room: there is no 'a999' in rooms"),
        ({"substitutions.0.subject_group": "art"}, "substitutions[0].subject_group: there is no 'art'"),
        ({"substitutions.0.period": 3}, "substitutions[0].period: no bell rings for morning 3 of 2026-10-05"),
        (
            {"subject_places.0.target": "a999"},
            "subject_places[0].target: there is no 'a999'; 'room' names one of",
        ),
        (
            {"subject_places.0.place": "room-type"},
            "subject_places[0].target: there is no 'a101'; 'room-type' names",
        ),
        ({"subject_places.0.place": "outside"}, "subject_places[0].target: 'outside' names no room"),
        (
            {"subject_places.1": {"subject": "TIN HỌC", "place": "home-room"}},
            "subject_places[1].subject: 'TIN HỌC' is already subject_places[0]",
        ),
        ({"public_holidays": "XX"}, "public_holidays: the holidays of 'XX' are not known"),
        ({"public_holidays": "Viet Nam"}, "public_holidays: write a country as its two letters"),
    ],
)
def test_a_contradiction_of_the_year_is_refused_as_a_whole(school, change, expected):
    """The row, the field and the value are named; nothing of the file is stored."""
    document = year()
    for path, value in change.items():
        *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
        target = document
        for part in parents:
            target = target[part]
        if isinstance(target, list) and last == len(target):
            target.append(value)
        elif value is None:
            del target[last]
        else:
            target[last] = value
    assert expected in refused(school, document)


def test_what_stays_stored_is_checked_with_what_is_new(school):
    """A closure on a stored make-up day, or a timetable without a substituted lesson, names the stored row."""
    storm = {"start": date(2026, 10, 18), "end": date(2026, 10, 19), "reason": "Bão"}
    assert refused(school, only(closures=[storm])).startswith(
        "the stored make-up day (2026-10-18 as weekday 1: Học bù ngày 12/10).date: "
        "2026-10-18 is closed: Bão (closures[0])"
    )
    assert refused(school, only(lessons=[])).startswith(
        "the stored substitution (2026-10-05, morning 2: 6A Ngữ văn).room: 6A has no lesson"
    )


def test_holidays_without_terms_are_refused(tmp_path):
    """There is no span to take them from."""
    with open_records("sqlite", tmp_path) as records:
        with pytest.raises(UsageError, match=r"public_holidays: there is no term yet"):
            put(records, only(public_holidays="VN"))
        assert records.sites() == []


def test_the_docs_name_every_list():
    """docs/records.md shows each part of the calendar in its second example."""
    assert set(PARTS) <= set(year())
    assert Path(DOCS).with_name("calendar.md").exists()
