"""Each format of timetables, from files as the other programs write them."""

from datetime import date, time
from pathlib import Path

import pytest

from campus.calendar import Bell, Term
from campus.calendar.formats import Activity, FormatError, Given, gathered
from campus.calendar.formats.labels import read_day, read_hour, read_session, read_week
from campus.calendar.formats.registry import READERS, read, sniff

GOLDEN = Path(__file__).parent / "golden" / "timetables"
CLASSES = frozenset(("6A", "6B"))
BELLS = tuple(
    Bell(weekday, session, period, time(hour, minute), time(hour + (minute + 45) // 60, (minute + 45) % 60))
    for weekday in range(1, 8)
    for session, start in (("morning", 7), ("afternoon", 13))
    for period, hour, minute in ((1, start, 0), (2, start, 50), (3, start + 1, 50), (4, start + 2, 40))
)
TERM = Term("HK1", date(2026, 9, 7), date(2027, 1, 16))  # week a is that of 7 September


def content(name):
    return (GOLDEN / name).read_bytes()


def told(activities):
    """The essence of activities, to compare."""
    return {
        (
            "+".join(one.classes),
            f"{one.weekday} {one.session[0]}{one.period}",
            one.subject,
            one.teacher,
            one.room,
            one.week,
            one.group,
        )
        for one in activities
    }


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("asc_2012.xml", "asc-xml"),
        ("fet_data_and_timetable.fet", "fet-xml"),
        ("fet_subgroups.xml", "fet-xml"),
        ("fet_timetable.csv", "fet-csv"),
        ("list_vi.csv", "csv"),
        ("grid.csv", "csv"),
        ("weekly.ics", "ics"),
    ],
)
def test_a_file_says_which_format_it_is(name, format):
    """By its content, with a byte-order mark or without."""
    assert sniff(content(name)) == format
    assert sniff(b"\xef\xbb\xbf" + content(name)) == format


def test_fet_csv_gives_every_hour_and_tells_what_has_no_time():
    """Double lessons are two rows, joint classes are joined by +, a tag names the week, labels have several forms."""
    parsed = read(content("fet_timetable.csv"), Given("afternoon", classes=CLASSES))
    assert parsed.problems == []
    assert told(parsed.activities) == {
        ("6A", "1 a1", "Chào cờ", "Sen", None, None, None),
        ("6B", "1 a1", "Chào cờ", "Mai", None, None, None),
        ("6A", "2 a1", "Toán", "Sen", None, None, None),
        ("6A", "2 a2", "Toán", "Sen", None, None, None),
        ("6A+6B", "7 a2", "Hóa", "Mai, Cúc", None, None, None),
        ("6B", "6 a3", "Tin học", "Mai", "tin-1", "a", None),
        ("", "2 a4", "---", "Cúc", None, None, None),
    }
    assert parsed.unplaced == ["activity 6 (6B GDCD, row 8)"]
    assert parsed.notes == ["Activity ids not in the file (inactive or not placed in FET): 3."]
    assert parsed.activities[0].row == "row 2"


def test_fet_csv_without_a_session_is_told_once():
    """One problem that names the rows, not one for each."""
    (problem,) = gathered(read(content("fet_timetable.csv"), Given()).problems)
    assert str(problem) == (
        "row 2, Hour: the file does not say morning or afternoon; give --session. Also row 3, row 4, row 5, row 6 "
        "and 2 more."
    )


def test_fet_data_file_is_read_with_its_solution():
    """Durations follow the file's hours; a preference below 100 is no place; years and groups become classes."""
    parsed = read(content("fet_data_and_timetable.fet"), Given("morning", classes=CLASSES))
    assert parsed.problems == []
    assert told(parsed.activities) == {
        ("6A+6B", "1 m1", "Chào cờ", None, None, None, None),
        ("6A", "2 m2", "Toán", "Sen", None, None, None),
        ("6A", "2 m3", "Toán", "Sen", None, None, None),
        ("6A", "6 m3", "Tin học", "Mai", "tin-1", "b", "6A Nhóm 2"),
        ("6B", "6 m3", "Ngữ văn", "Mai, Cúc", None, None, None),
    }
    assert parsed.unplaced == ["activity 6 (6B Âm nhạc)"]
    assert parsed.notes == ["1 activities are inactive in FET and are left out."]


def test_fet_data_file_without_a_solution_is_refused():
    """The data before the timetable is made names no times at all."""
    before = content("fet_data_and_timetable.fet").replace(
        b"ConstraintActivityPreferredStartingTime", b"Other"
    )
    with pytest.raises(FormatError, match="not solved yet"):
        read(before, Given("morning"))


def test_fet_subgroups_are_put_together_to_classes():
    """What all subgroups of a class have is the class's; what some have is a part's; one activity may be of several."""
    parsed = read(content("fet_subgroups.xml"), Given("morning", classes=CLASSES))
    assert told(parsed.activities) == {
        ("6A+6B", "1 m1", "Chào cờ", None, None, None, None),
        ("6A", "1 m2", "Toán", "Sen", None, None, None),
        ("6A", "1 m3", "Tin học", "Mai", "tin-1", None, "Nhóm 2"),
        ("6B", "1 m2", "Ngữ văn", "Mai, Cúc", None, None, None),
    }


def test_fet_activities_are_read_with_the_data_file_they_belong_to():
    """They name neither subject nor class; alone they are refused, with the file to use."""
    placed = content("fet_activities.xml")
    with pytest.raises(
        FormatError, match=r"name its \.fet with --with, or import NAME_data_and_timetable\.fet"
    ):
        read(placed, Given("morning"))
    with pytest.raises(FormatError, match="second file is <timetable>"):
        read(placed, Given("morning", data=content("asc_2012.xml")))
    before = content("fet_data_and_timetable.fet").replace(
        b"ConstraintActivityPreferredStartingTime", b"Other"
    )
    parsed = read(placed, Given("morning", classes=CLASSES, data=before))
    assert told(parsed.activities) == {
        ("6A+6B", "1 m1", "Chào cờ", None, None, None, None),
        ("6A", "2 m2", "Toán", "Sen", "p-6b", None, None),
        ("6A", "2 m3", "Toán", "Sen", "p-6b", None, None),
        ("6A", "6 m3", "Tin học", "Mai", None, "b", "6A Nhóm 2"),
    }
    assert len(parsed.unplaced) == 2


def test_asc_cards_become_hours_with_weeks_groups_and_rooms():
    """Both ways to write a double lesson; the session is that of the bell times; weeks 10 and 01 are A and B."""
    parsed = read(content("asc_2012.xml"), Given(classes=CLASSES))
    assert parsed.problems == []
    assert told(parsed.activities) == {
        ("6A", "1 m2", "Toán", "Sen", None, None, None),
        ("6A", "1 m3", "Toán", "Sen", None, None, None),
        ("6A", "2 m1", "Tin học", "Mai", "Phòng Tin học", None, "Nhóm 1"),
        ("6A+6B", "1 m1", "Chào cờ", None, None, None, None),
        ("6B", "3 a1", "Ngữ văn", "Cúc", "Phòng 101", None, None),
        ("6B", "3 a2", "Ngữ văn", "Cúc", "Phòng 101", None, None),
        ("6B", "6 m1", "Âm nhạc", "Cúc", None, "a", None),
        ("6B", "6 m1", "Mĩ thuật", "Sen", None, "b", None),
    }
    assert parsed.unplaced == ["lesson L07 (6A Ngữ văn)"]
    assert parsed.activities[0].row == "card 1"


def test_asc_of_one_half_of_the_day_is_of_the_session_given():
    """The bell times of a program that nobody set right do not overrule the person."""
    text = content("asc_2012.xml").replace(b'starttime="13:', b'starttime="10:')
    parsed = read(text, Given("afternoon", classes=CLASSES))
    assert {one.session for one in parsed.activities} == {"afternoon"}
    assert max(one.period for one in parsed.activities) == 5


def test_asc_of_an_older_version_numbers_its_days():
    """Its cards have day="0", and its days are a table of their own."""
    text = b"""<timetable ascttversion="2008"><days><day day="0" name="CN"/><day day="1" name="Mon"/></days>
    <periods><period period="1"/></periods><subjects><subject id="*1" name="To\xc3\xa1n"/></subjects>
    <classes><class id="*2" name="6A"/></classes>
    <lessons><lesson id="*3" subjectid="*1" classids="*2"/></lessons>
    <cards><card lessonid="*3" day="0" period="1"/><card lessonid="*3" day="1" period="1"/></cards></timetable>"""
    parsed = read(text, Given("morning", classes=CLASSES))
    assert {one.weekday for one in parsed.activities} == {7, 1}


def test_a_list_in_vietnamese_and_in_english():
    """Under Thứ the number 2 is Monday, under weekday it is Tuesday."""
    parsed = read(content("list_vi.csv"), Given())
    assert parsed.problems == []
    assert told(parsed.activities) == {
        ("6A", "1 m1", "Chào cờ", "Sen", None, None, None),
        ("6A", "2 m2", "Toán", "Sen", None, None, None),
        ("6A", "2 m3", "Toán", "Sen", None, None, None),
        ("6A+6B", "7 a1", "Ngữ văn", "Mai", "Phòng Tin học", None, None),
        ("6B", "6 m4", "Âm nhạc", "Cúc", None, "a", None),
        ("6B", "6 m4", "Mỹ thuật", "Sen", None, "b", None),
    }
    parsed = read(content("list_en.csv"), Given())
    assert told(parsed.activities) == {
        ("6A", "1 m1", "Chào cờ", "Sen", None, None, None),
        ("6A", "2 m2", "Tin", "Mai", "tin-1", "b", "Nhóm 1"),
    }
    assert parsed.activities[1].subject_group == "math"


def test_a_grid_has_a_column_for_each_class():
    """Empty day and session are those above; a cell is subject, teacher, room, by " - " or by lines."""
    parsed = read(content("grid.csv"), Given())
    assert parsed.problems == []
    assert told(parsed.activities) == {
        ("6A", "1 m1", "Chào cờ", None, None, None, None),
        ("6B", "1 m1", "Chào cờ", None, None, None, None),
        ("6A", "1 m2", "Toán", "Sen", None, None, None),
        ("6B", "1 m2", "Ngữ văn", "Mai", None, None, None),
        ("6A", "1 m3", "Tin", "Mai", "tin-1", None, None),
        ("6B", "1 m3", "Toán", "Cúc", None, None, None),
        ("6B", "1 a1", "Thể dục", "Cúc", None, None, None),
        ("6A", "2 m1", "HĐTN-HN", "Sen", None, None, None),
    }


def test_a_list_names_every_wrong_field_of_every_row():
    """Row by row, and the good rows are read all the same."""
    text = "Lớp,Thứ,Buổi,Tiết,Môn,Tuần\n6A,9,Sáng,1,Toán,\n,2,Tối,x,,C\n6A,2,Sáng,1,Toán,\n".encode()
    parsed = read(text, Given())
    assert [(one.row, one.field) for one in parsed.problems] == [
        ("row 2", "weekday"),
        ("row 3", "period"),
        ("row 3", "session"),
        ("row 3", "week"),
        ("row 3", "class"),
        ("row 3", "subject"),
    ]
    assert [one.row for one in parsed.activities] == ["row 4"]


def test_weekly_events_become_periods_by_the_bells():
    """Long events take several periods; UTC is made local; every second week is A or B by the term."""
    parsed = read(content("weekly.ics"), Given(bells=BELLS, terms=(TERM,)))
    assert parsed.problems == []
    assert told(parsed.activities) == {
        *(("6A", f"{day} m{period}", "Toán", "Sen", None, None, None) for day in (1, 3) for period in (1, 2)),
        ("6A+6B", "2 a1", "KHTN (Lý)", None, "Phòng Tin học", None, None),
        ("6B", "6 m1", "Âm nhạc", None, None, "a", None),
    }
    assert len(parsed.unplaced) == 1  # the change of one date
    assert "1 excluded dates" in parsed.notes[0]


def dated(*days, summary="Toán (6A)", hour="070000"):
    return "".join(
        f"BEGIN:VEVENT\r\nUID:{summary}{day}\r\nDTSTART:{day}T{hour}\r\nDURATION:PT45M\r\nSUMMARY:{summary}\r\nEND:VEVENT\r\n"
        for day in days
    )


def calendar(*events):
    return ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n" + "".join(events) + "END:VCALENDAR\r\n").encode()


MONDAYS = ("20260907", "20260914", "20260921", "20260928")


@pytest.mark.parametrize(
    ("days", "week"),
    [(MONDAYS, None), (MONDAYS[::2], "a"), (MONDAYS[1::2], "b"), (MONDAYS[:3], None)],
)
def test_dated_events_are_weekly_or_of_one_week(days, week):
    """By the weeks in which anything is taught on that weekday: a holiday of all takes nothing away."""
    others = dated(*MONDAYS, summary="Ngữ văn (6B)", hour="075000")
    parsed = read(calendar(dated(*days), others), Given(bells=BELLS, terms=(TERM,)))
    assert parsed.problems == []
    assert [one.week for one in parsed.activities if one.subject == "Toán"] == [week]


def test_events_that_are_no_lesson_of_the_week_are_told():
    """Whole days, other rules, times without a bell, a summary without a class, a single date among many."""
    odd = [
        "BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20260907\r\nDTEND;VALUE=DATE:20260908\r\nSUMMARY:x\r\nEND:VEVENT\r\n",
        dated("20260907").replace("SUMMARY", "RRULE:FREQ=MONTHLY\r\nSUMMARY"),
        dated("20260907", hour="210000"),
        dated(*MONDAYS, summary="Toán 6A", hour="130000"),
        dated("20260907", summary="Sử (6B)", hour="075000"),
    ]
    parsed = read(calendar(*odd), Given(bells=BELLS, terms=(TERM,)))
    assert parsed.activities == []
    assert sorted((one.row, one.field) for one in parsed.problems) == [
        ("event 1", "DTSTART"),
        ("event 2", "RRULE"),
        ("event 3", "DTSTART"),
        ("event 4", "SUMMARY"),
        ("event 8", "DTSTART"),
    ]


def test_only_the_session_asked_for_is_taken():
    """A file of both sessions, imported for one; nothing of the other, and that is told."""
    parsed = read(content("list_vi.csv"), Given("afternoon"))
    assert [one.session for one in parsed.activities] == ["afternoon"]
    assert parsed.notes == ["5 lessons of the other session are left out: only the afternoon was asked for."]
    with pytest.raises(FormatError, match="none of its 2 lessons is in the afternoon"):
        read(content("list_en.csv"), Given("afternoon"))


def test_labels_in_the_forms_that_files_have():
    """Vietnamese with and without accents, abbreviations, English; anything else is None."""
    days = {"Thứ 2": 1, "thứ hai": 1, "THỨ TƯ": 3, "T7": 6, "CN": 7, "Chủ Nhật": 7, "Monday": 1, "sat": 6}
    assert {label: (read_day(label) or (None,))[0] for label in days} == days
    assert read_day("S2") == read_day("Sáng Thứ 2") == read_day("Thứ Hai - sáng") == (1, "morning")
    assert read_day("C7") == read_day("Chiều Thứ Bảy") == (6, "afternoon")
    assert [read_day(label) for label in ("", "Thứ", "Thứ 1", "Thứ 9", "2", "Ngày")] == [None] * 6
    assert read_hour("Tiết 3") == read_hour("T3") == read_hour("3") == read_hour("Period 3") == (3, None)
    assert read_hour("C1") == read_hour("Chiều 1") == read_hour("Tiết 1 (chiều)") == (1, "afternoon")
    assert [read_hour(label) for label in ("", "Tiết", "0", "21", "7:00", "Sáng")] == [None] * 6
    assert [read_session(label) for label in ("Sáng", "BUỔI CHIỀU", "s", "pm", "tối")] == [
        "morning",
        "afternoon",
        "morning",
        "afternoon",
        None,
    ]
    assert [read_week(label) for label in ("A", "Tuần B", "week-a", "1", "lẻ")] == ["a", "b", "a", None, None]


def test_an_activity_says_what_the_documentation_says():
    """Every reader hands out the same kind of thing."""
    assert set(READERS) == {"fet-csv", "fet-xml", "asc-xml", "ics", "csv", "xlsx"}
    assert Activity("row 2", ("6A",), 1, "morning", 1, "Toán").week is None
