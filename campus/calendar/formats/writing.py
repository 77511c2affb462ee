"""Lessons -> files that the readers beside this module read back to the same lessons."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from campus.calendar import OUTSIDE, SESSIONS, Bell, Lesson, Term
from campus.calendar.days import letter, term_of
from campus.calendar.formats import FormatError
from campus.calendar.formats.fet_csv import HEADINGS as FET_HEADINGS
from campus.calendar.formats.ics import GROUP
from campus.calendar.formats.table import COLUMNS
from campus.calendar.places import NO_ROOM
from campus.calendar.validity import holds

_HALVES = dict(zip(SESSIONS, ("Sáng", "Chiều"), strict=True))
_LIST = ("class", "weekday", "session", "period", "subject", "teacher", "room", "week", "subject_group")
_HEADINGS = [COLUMNS[field][0] for field in _LIST]
_FIRST_WEEKS = 14  # days in which every weekday of every week occurs
_HELP = (
    "Mỗi dòng của trang 'Danh sách' là một tiết của một lớp. Lớp, Thứ, Tiết, Môn: bắt buộc.",
    "Thứ: Thứ 2 ... Thứ 7, CN.   Buổi: Sáng hoặc Chiều.   Tiết: đếm từ 1 trong mỗi buổi; 1-2 là hai tiết liền.",
    "Phòng: mã hoặc tên phòng; để trống là phòng của lớp, hoặc nơi của môn; 'Ngoài trời' nếu học ngoài sân.",
    "Tuần: A hoặc B; để trống là tuần nào cũng học.   Lớp: 6A + 6B nếu học chung.",
    "Each line of 'Danh sách' is one lesson of one class. The columns are told in docs/timetable.md.",
)


@dataclass(frozen=True, slots=True)
class Exported:
    """The lessons that hold on `on` are written; bells, terms and zone (IANA) are the school's, for clock times."""

    lessons: Sequence[Lesson]
    on: date
    bells: Sequence[Bell] = ()
    terms: Sequence[Term] = ()
    tz: str = "Asia/Ho_Chi_Minh"

    def valid(self) -> list[Lesson]:
        found = [lesson for lesson in self.lessons if holds(lesson, self.on)]
        return sorted(
            found,
            key=lambda one: (
                one.school_class,
                one.weekday,
                SESSIONS.index(one.session),
                one.period,
                one.week or "",
                one.subject,
                one.room or "",
                one.teacher or "",
            ),
        )


def write(what: Exported, format: str) -> bytes:
    """Raises FormatError: an unknown format, or lessons that the format cannot hold."""
    if format not in WRITERS:
        raise FormatError(f"'{format}' cannot be written; choose one of {', '.join(WRITERS)}.")
    return WRITERS[format](what)


def template(grid: bool = False) -> bytes:
    """An empty workbook of the documented shape, with a page of help in Vietnamese."""
    heads = [COLUMNS[field][0] for field in ("weekday", "session", "period")] if grid else _HEADINGS
    rows: list[list[str]] = []
    if grid:
        heads = [*heads, "6A", "6B"]
        rows = [
            [f"Thứ {day}" if number == 1 else "", "Sáng" if number == 1 else "", str(number), "", ""]
            for day in range(2, 8)
            for number in range(1, 6)
        ]
    text = (
        "Mỗi cột là một lớp; trong ô: Môn - Giáo viên, hoặc Môn - Giáo viên - Phòng.",
        "Ô Thứ và Buổi để trống là như ô trên.",
        *_HELP[1:],
    )
    return _workbook(
        [("Thời khóa biểu" if grid else "Danh sách", [heads, *rows])],
        text if grid else _HELP,
    )


def _list_rows(what: Exported) -> Iterable[list[str]]:
    for one in what.valid():
        yield [
            one.school_class,
            _day(one.weekday),
            _HALVES[one.session],
            str(one.period),
            one.subject,
            one.teacher or "",
            _room(one),
            (one.week or "").upper(),
            one.subject_group or "",
        ]


def _csv(what: Exported) -> bytes:
    return _csv_bytes([_HEADINGS, *_list_rows(what)])


def _xlsx(what: Exported) -> bytes:
    return _workbook([("Danh sách", [_HEADINGS, *_list_rows(what)])])


def _fet_csv(what: Exported) -> bytes:
    rows = [
        [
            str(number),
            _day(one.weekday),
            f"{_HALVES[one.session]} {one.period}",
            one.school_class,
            one.subject,
            one.teacher or "",
            f"week-{one.week}" if one.week else "",
            _room(one),
            "",
        ]
        for number, one in enumerate(what.valid(), 1)
    ]
    return _csv_bytes([list(FET_HEADINGS), *rows], csv.QUOTE_ALL)


def _ics(what: Exported) -> bytes:
    zone = ZoneInfo(what.tz)
    calendar = Calendar()
    calendar.add("prodid", "-//Campus Monitor//timetable//VI")
    calendar.add("version", "2.0")
    bells = {(b.weekday, b.session, b.period): b for b in what.bells if holds(b, what.on)}
    for number, one in enumerate(what.valid(), 1):
        bell = bells.get((one.weekday, one.session, one.period))
        if bell is None:
            raise FormatError(
                f"On {what.on} no bell rings for weekday {one.weekday}, {one.session} {one.period} "
                f"({one.school_class} {one.subject}), so it has no clock time."
            )
        first = _first(what, one)
        rule: dict[str, Any] = {"freq": "weekly"}
        if one.week:
            rule["interval"] = 2
        if one.valid_to:
            rule["until"] = datetime.combine(one.valid_to, bell.start, zone).astimezone(UTC) - timedelta(
                days=1
            )
        event = Event()
        event.add("uid", f"{what.on}-{number}@campus-monitor")
        event.add("dtstamp", datetime.combine(what.on, bell.start, zone).astimezone(UTC))
        event.add("dtstart", datetime.combine(first, bell.start, zone))
        event.add("dtend", datetime.combine(first, bell.end, zone))
        event.add("rrule", rule)
        event.add("summary", f"{one.subject} ({one.school_class})")
        event.add("location", _room(one))
        if one.teacher:
            event.add("description", one.teacher)
        if one.subject_group:
            event.add(GROUP, one.subject_group)
        calendar.add_component(event)
    calendar.add_missing_timezones()
    content: bytes = calendar.to_ical()
    return content


WRITERS: Mapping[str, Callable[[Exported], bytes]] = {
    "csv": _csv,
    "xlsx": _xlsx,
    "ics": _ics,
    "fet-csv": _fet_csv,
}


def _first(what: Exported, one: Lesson) -> date:
    """The first date, on or after the date of the export, on which a lesson is held."""
    for after in range(_FIRST_WEEKS):
        day = what.on + timedelta(days=after)
        term = term_of(what.terms, day)
        if day.isoweekday() == one.weekday and (one.week is None or (term and letter(term, day) == one.week)):
            return day
    raise FormatError(
        f"No term goes on for two weeks after {what.on}, so the week {one.week} has no dates; export another date."
    )


def _day(weekday: int) -> str:
    return "Chủ nhật" if weekday == 7 else f"Thứ {weekday + 1}"


def _room(one: Lesson) -> str:
    return one.room or NO_ROOM.get(one.place, NO_ROOM[OUTSIDE])


def _csv_bytes(rows: Iterable[Sequence[str]], quoting: Any = csv.QUOTE_MINIMAL) -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=quoting, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("utf-8-sig")  # Excel takes a file without the mark for an old encoding


def _workbook(pages: Sequence[tuple[str, Sequence[Sequence[str]]]], text: Sequence[str] = ()) -> bytes:
    book = Workbook(write_only=True)
    for title, rows in pages:
        sheet = book.create_sheet(title)
        sheet.freeze_panes = "A2"
        for column in range(1, len(rows[0]) + 1):
            sheet.column_dimensions[get_column_letter(column)].width = 16
        for number, row in enumerate(rows):
            cells = [WriteOnlyCell(sheet, value) for value in row]
            for cell in cells:
                cell.data_type = "s"  # a name that begins with = is no formula
                if number == 0:
                    cell.font = Font(bold=True)
            sheet.append(cells)
    if text:
        sheet = book.create_sheet("Hướng dẫn")
        for line in text:
            sheet.append([line])
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()
