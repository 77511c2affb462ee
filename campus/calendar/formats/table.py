"""Our own shapes of Excel and CSV, docs/timetable.md: a list (a row per lesson) and a grid (a column per class)."""

import re
from collections.abc import Callable, Iterator, Mapping

from campus.calendar.formats import Activity, FormatError, Given, Parsed, Problem
from campus.calendar.formats.labels import MOST_PERIODS, plain, read_day, read_hour, read_session, read_week
from campus.calendar.formats.sheets import Sheet, sheets

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "class": ("Lớp", "class", "school_class"),
    "weekday": ("Thứ", "weekday", "day", "Ngày"),
    "session": ("Buổi", "session"),
    "period": ("Tiết", "period", "Tiết học"),
    "subject": ("Môn", "subject", "Môn học"),
    "teacher": ("Giáo viên", "teacher", "GV"),
    "room": ("Phòng", "room", "Phòng học"),
    "week": ("Tuần", "week"),
    "group": ("Nhóm", "group"),
    "subject_group": ("Tổ chuyên môn", "subject_group", "Tổ"),
}
"""field -> its headings, compared without case and accents; the first is what we write."""
_FIELDS = {plain(heading): field for field, headings in COLUMNS.items() for heading in headings}
_NO_CLASS = ("stt", "tt", "ghi chu", "note", "notes")
_NEEDED = ("class", "weekday", "period", "subject")
_ISO_HEADINGS = ("weekday", "day")  # a bare number under them is 1 for Monday; under Thứ it is 2
_HEAD_ROWS = 30
_PARTS = re.compile(r"\s+[-–]\s+|\s*\n\s*")
_RANGE = re.compile(r"(\d{1,2})\s*[-–,]\s*(\d{1,2})")
_Told = list[Activity | Problem]


def read(content: bytes, given: Given) -> Parsed:
    """Every sheet that has a line of headings; which shape it is, the headings say."""
    activities: list[Activity] = []
    problems: list[Problem] = []
    notes: list[str] = []
    found = sheets(content)
    read_any = False
    for sheet in found:
        told = _sheet(sheet, given)
        if told is None:
            notes.append(f"Sheet {sheet.title} has no line of headings and is left out.")
            continue
        read_any = True
        for one in told:
            if isinstance(one, Problem):
                problems.append(one)
            else:
                activities.append(one)
    if not read_any:
        raise FormatError(
            "There is no line of headings: a list needs Lớp, Thứ, Tiết and Môn (class, weekday, period, subject); a "
            "grid needs Thứ, Tiết and a column for each class. `campus timetable template FILE.xlsx` writes an example."
        )
    return Parsed(activities, problems, (), notes)


def _sheet(sheet: Sheet, given: Given) -> _Told | None:
    for place, (_, cells) in enumerate(sheet.rows[:_HEAD_ROWS]):
        fields = {column: _FIELDS[plain(cell)] for column, cell in enumerate(cells) if plain(cell) in _FIELDS}
        known = set(fields.values())
        if known.issuperset(_NEEDED):
            shape: Callable[..., Iterator[Activity | Problem]] = _list
        elif known.issuperset(("weekday", "period")) and not known & {"class", "subject"}:
            shape = _grid
        else:
            continue
        if len(known) < len(fields):
            twice = next(one for one in fields.values() if list(fields.values()).count(one) > 1)
            raise FormatError(
                f"{sheet.name(sheet.rows[place][0])}: two columns are headed {COLUMNS[twice][0]}."
            )
        session = read_session(sheet.title) or given.session
        return list(shape(sheet, cells, fields, sheet.rows[place + 1 :], session))
    return None


def _list(
    sheet: Sheet,
    heads: list[str],
    fields: Mapping[int, str],
    rows: list[tuple[int, list[str]]],
    session: str | None,
) -> Iterator[Activity | Problem]:
    iso = any(
        field == "weekday" and plain(heads[column]) in _ISO_HEADINGS for column, field in fields.items()
    )
    for number, cells in rows:
        row = sheet.name(number)
        told = {field: cells[column] if column < len(cells) else "" for column, field in fields.items()}
        if not any(told.values()):
            continue
        yield from _lessons(row, told, iso, session)


def _lessons(
    row: str, told: Mapping[str, str], iso: bool, session: str | None
) -> Iterator[Activity | Problem]:
    """The periods of one line of the list; a line with anything wrong is only its problems."""
    problems = []
    when, wrong = _when(row, told.get("weekday", ""), told.get("session", ""), told["period"], iso, session)
    problems += wrong
    week = told.get("week", "")
    if week and read_week(week) is None:
        problems.append(Problem(row, "week", f"'{week}' is not A or B; leave it empty for every week."))
    classes = tuple(name.strip() for name in re.split(r"[+,;]", told["class"]) if name.strip())
    if not classes:
        problems.append(Problem(row, "class", "it is empty."))
    if not told["subject"]:
        problems.append(Problem(row, "subject", "it is empty."))
    if problems:
        yield from problems
        return
    for weekday, half, period in when:
        yield Activity(
            row,
            classes,
            weekday,
            half,
            period,
            told["subject"],
            told.get("teacher") or None,
            told.get("room") or None,
            read_week(week),
            told.get("group") or None,
            told.get("subject_group") or None,
        )


def _grid(
    sheet: Sheet,
    heads: list[str],
    fields: Mapping[int, str],
    rows: list[tuple[int, list[str]]],
    session: str | None,
) -> Iterator[Activity | Problem]:
    iso = any(
        field == "weekday" and plain(heads[column]) in _ISO_HEADINGS for column, field in fields.items()
    )
    classes = {
        column: head
        for column, head in enumerate(heads)
        if head and column not in fields and plain(head) not in _NO_CLASS
    }
    weekday = half = ""  # an empty cell is the one above, as where cells are merged
    for number, cells in rows:
        row = sheet.name(number)
        if len(words := set(filter(None, cells))) == 1 and read_session(only := words.pop()):
            half, weekday = only, ""  # a line that only says "Buổi chiều"
            continue
        told = {field: cells[column] if column < len(cells) else "" for column, field in fields.items()}
        weekday = told["weekday"] or weekday
        half = told.get("session", "") or half
        lessons = {name: cells[c] for c, name in classes.items() if c < len(cells) and cells[c]}
        if not lessons:
            continue
        when, wrong = _when(row, weekday, half, told["period"], iso, session)
        yield from wrong
        for name, cell in lessons.items():
            parts = [part for part in _PARTS.split(cell.strip()) if part]
            if len(parts) > 3 or not parts:
                shown = cell[:60].replace("\n", " / ")
                yield Problem(
                    row, name, f"'{shown}' is not 'Subject - Teacher' or 'Subject - Teacher - Room'."
                )
                continue
            subject, teacher, room = (*parts, None, None)[:3]
            for day, part_of_day, period in when:
                yield Activity(
                    f"{row}, {name}", (name,), day, part_of_day, period, str(subject), teacher, room
                )


def _when(
    row: str, weekday: str, half: str, period: str, iso: bool, session: str | None
) -> tuple[list[tuple[int, str, int]], list[Problem]]:
    """The (weekday, session, period)s of a line, or what is wrong with it."""
    day = _day(weekday, iso)
    first, last = period, period
    if found := _RANGE.fullmatch(period):
        first, last = found.groups()
    begin, end = read_hour(first), read_hour(last)
    problems = []
    if day is None:
        allowed = "1 for Monday to 7" if iso else "Thứ 2 to Thứ 7, or CN"
        problems.append(Problem(row, "weekday", f"'{weekday}' is not a day; write {allowed}."))
    if begin is None or end is None or begin[0] > end[0]:
        problems.append(
            Problem(row, "period", f"'{period}' is not a period of 1 to {MOST_PERIODS}, or a range of them.")
        )
    if half and read_session(half) is None:
        problems.append(Problem(row, "session", f"'{half}' is not Sáng or Chiều (morning, afternoon)."))
    told = read_session(half) or (begin and begin[1]) or (day and day[1]) or session
    if told is None and not problems:
        problems.append(
            Problem(row, "session", "the file does not say morning or afternoon; give --session.")
        )
    if problems or day is None or begin is None or end is None or told is None:
        return [], problems
    return [(day[0], told, number) for number in range(begin[0], end[0] + 1)], []


def _day(text: str, iso: bool) -> tuple[int, str | None] | None:
    if text.isdecimal():
        if iso:
            return (int(text), None) if text in set("1234567") else None
        return read_day(f"Thứ {text}")
    return read_day(text)
