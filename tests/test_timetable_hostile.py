"""Timetable files that are damaged, huge, in an old encoding, or meant to do harm: told in one sentence."""

import io
import zipfile
from datetime import date, time

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campus.calendar import Bell, Term
from campus.calendar.formats import MOST_BYTES, MOST_ROWS, FormatError, Given
from campus.calendar.formats.registry import READERS, read, sniff
from campus.calendar.formats.writing import template

BELLS = tuple(Bell(day, "morning", 1, time(7), time(7, 45)) for day in range(1, 8))
GIVEN = Given(
    "morning", BELLS, (Term("HK1", date(2026, 9, 7), date(2027, 1, 16)),), classes=frozenset(("6A",))
)
LIST = "Lớp,Thứ,Buổi,Tiết,Môn\n6A,Thứ 2,Sáng,1,Toán\n"


def workbook(*rows, merged=(), title="TKB"):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = title
    for row in rows:
        sheet.append(row)
    for cells in merged:
        sheet.merge_cells(cells)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_says_its_encoding_is_read(encoding):
    """UTF-8 with or without a mark, UTF-16 with one."""
    (activity,) = read(LIST.encode(encoding), Given()).activities
    assert (activity.subject, activity.classes) == ("Toán", ("6A",))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"L\xf3p,Th\xfa\n", "Line 1 is not UTF-8 .* Windows-1258"),
        (LIST.encode() + "6B,Thứ 2,Sáng,2,Ngữ văn\n".encode("utf-16-le"), "Line 3 is not UTF-8|zero bytes"),
        (LIST.encode("utf-16-le"), "zero bytes"),
        (b"", "empty"),
        (b" \n\n", "empty"),
        (b"\xef\xbb\xbf\n" + b"x" * (MOST_BYTES + 1), "at most"),
        (b"Activity Id,Day\n1,2\n", "no column Hour, Students Sets, Subject"),
        (b"a,b,c\n1,2,3\n", "no line of headings"),
        (b"\xef\xbb\xbf\n", "no line of headings"),
        ("Lớp,Thứ,Tiết,Môn\n".encode() + b"6A,2,1,T\n" * (MOST_ROWS + 1), "more than 50000 rows"),
        ("Lớp,Thứ,Tiết,Môn,class\n".encode(), "two columns are headed Lớp"),
        (b'Activity Id,Day,Hour,Students Sets,Subject\n"1","2\n', "no row of a CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "before 2007"),
        (b"PK\x03\x04 not a zip", "cannot be read"),
        (workbook(["Lớp"])[:-40], "cannot be read"),
        (b"<timetable><cards/></timetable>", "no export of aSc"),
        (b"<timetable><cards>", "cannot be read"),
        (b"<html/>", "none of FET's"),
        (b"BEGIN:VCALENDAR\nnonsense", "bells first"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "file",
)
def test_a_file_that_cannot_be_read_says_why(content, told):
    """In one sentence, of whichever format it claims to be."""
    with pytest.raises(FormatError, match=told):
        read(content, Given())


def test_a_file_of_nothing_but_a_mark_is_no_timetable_of_fet():
    """Also when it is said to be one."""
    with pytest.raises(FormatError, match="no column Activity Id"):
        read(b"\xef\xbb\xbf\n", Given(), "fet-csv")


def test_xml_with_entities_is_refused():
    """The billion laughs, and a file of this machine read into a name."""
    laughs = (
        '<!DOCTYPE t [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><timetable><lessons/><cards/>&b;</timetable>'
    )
    outside = '<!DOCTYPE t [<!ENTITY f SYSTEM "file:///etc/hostname">]><fet>&f;</fet>'
    for text in (laughs, outside):
        with pytest.raises(FormatError, match="entities"):
            read(text.encode(), Given())


def test_a_workbook_that_unpacks_to_too_much_is_refused_unopened():
    """A zip of some kilobytes that holds 60 MB."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b" " * 60_000_000)
    assert len(content.getvalue()) < 100_000
    with pytest.raises(FormatError, match="unpacks to 60000000 bytes"):
        read(content.getvalue(), Given())


def test_a_workbook_of_a_million_rows_is_refused():
    """One cell far below: the rows between are not walked for long."""
    book = openpyxl.Workbook()
    book.active["A1048576"] = "x"
    content = io.BytesIO()
    book.save(content)
    with pytest.raises(FormatError, match="more than 50000 rows"):
        read(content.getvalue(), Given())


def test_merged_cells_hold_what_their_first_cell_shows():
    """A flag ceremony written once over all classes, a day once beside its periods."""
    content = workbook(
        ["THỜI KHÓA BIỂU"],
        ["Thứ", "Buổi", "Tiết", "6A", "6B", "6C"],
        ["Thứ 2", "Sáng", 1, "Chào cờ", None, None],
        [None, None, 2, "Toán - Sen", None, "Văn - Mai"],
        merged=("A1:F1", "A3:A4", "B3:B4", "D3:F3"),
    )
    parsed = read(content, Given())
    assert parsed.problems == []
    assert sorted((one.classes[0], one.period, one.subject) for one in parsed.activities) == [
        ("6A", 1, "Chào cờ"),
        ("6A", 2, "Toán"),
        ("6B", 1, "Chào cờ"),
        ("6C", 1, "Chào cờ"),
        ("6C", 2, "Văn"),
    ]


def test_sheets_of_both_sessions_are_read_by_their_names():
    """One sheet for the morning and one for the afternoon; a page of help between is left out, and told."""
    book = openpyxl.Workbook()
    for title, subject in (("Sáng", "Toán"), ("Ghi chú", None), ("Buổi chiều", "Văn")):
        sheet = book.create_sheet(title)
        if subject:
            sheet.append(["Thứ", "Tiết", "6A"])
            sheet.append(["Thứ 2", 1, subject])
    del book["Sheet"]
    content = io.BytesIO()
    book.save(content)
    parsed = read(content.getvalue(), Given())
    assert [(one.session, one.subject) for one in parsed.activities] == [
        ("morning", "Toán"),
        ("afternoon", "Văn"),
    ]
    assert parsed.activities[0].row == "sheet Sáng, row 2, 6A"
    assert parsed.notes == ["Sheet Ghi chú has no line of headings and is left out."]


def test_the_templates_are_read_as_what_they_are():
    """Empty ones hold no lesson and no error."""
    for grid in (False, True):
        parsed = read(template(grid), Given())
        assert (list(parsed.activities), list(parsed.problems)) == ([], [])


@given(content=st.binary(max_size=400), format=st.sampled_from(sorted(READERS)))
def test_any_bytes_are_read_or_refused(content, format):
    """No reader fails otherwise, whatever it is given."""
    for chosen in (format, None):
        try:
            read(content, GIVEN, chosen)
        except FormatError as error:
            assert str(error).endswith(".")


SEEDS = {
    "fet-csv": b'"Activity Id","Day","Hour","Students Sets","Subject"\n"1","T2","T1","6A","To\xc3\xa1n"\n',
    "fet-xml": b"<fet><Hours_List><Hour><Name>T1</Name></Hour></Hours_List><Activities_List><Activity><Id>1</Id>"
    b"<Duration>1</Duration><Students>6A</Students></Activity></Activities_List><Time_Constraints_List>"
    b"<ConstraintActivityPreferredStartingTime><Activity_Id>1</Activity_Id><Day>T2</Day><Hour>T1</Hour>"
    b"</ConstraintActivityPreferredStartingTime></Time_Constraints_List></fet>",
    "asc-xml": b'<timetable><periods><period period="1" starttime="7:00"/></periods><lessons><lesson id="1" '
    b'periodspercard="2"/></lessons><cards><card lessonid="1" period="1" days="1" weeks="1"/></cards></timetable>',
    "csv": LIST.encode(),
    "ics": b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;TZID=Asia/Ho_Chi_Minh:20260907T070000\r\nDURATION:PT45M\r\n"
    b"RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO;UNTIL=20270101T000000Z\r\nEXDATE:20260921T070000\r\n"
    b"SUMMARY:To\xc3\xa1n (6A)\r\n"
    b"END:VEVENT\r\nEND:VCALENDAR\r\n",
}


def test_the_seeds_are_good_files():
    """The control: undamaged, each is read to the end."""
    for format, content in SEEDS.items():
        assert sniff(content) == format
        assert len(read(content, GIVEN).activities) == 1
    (lesson,) = read(SEEDS["ics"], GIVEN).activities
    assert (lesson.week, lesson.period) == ("a", 1)


@given(data=st.data(), format=st.sampled_from(sorted(SEEDS)))
def test_damaged_files_are_read_or_refused(data, format):
    """A byte changed, or a piece cut out, of a file of each kind."""
    content = bytearray(SEEDS[format])
    at = data.draw(st.integers(0, len(content) - 1))
    content[at : at + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=5))
    try:
        read(bytes(content), GIVEN)
    except FormatError:
        assert sniff(bytes(content)) in READERS
