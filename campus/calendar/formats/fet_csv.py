"""FET, File > Export > CSV: NAME_timetable.csv, one row per activity and hour.

Shape (https://lalescu.ro/liviu/fet/, CSV import and export): "Activity Id","Day","Hour","Students Sets","Subject",
"Teachers","Activity Tags","Room","Comments"; names in one field are joined by +. A double lesson is two rows of one id.
A tag `week-a` or `week-b` names the week, which FET itself does not know.
"""

from itertools import pairwise

from campus.calendar.formats import MOST_ROWS, Activity, FormatError, Given, Parsed, Problem
from campus.calendar.formats.labels import read_day, read_hour, read_week
from campus.calendar.formats.text import decode, rows

HEADINGS = (
    "Activity Id",
    "Day",
    "Hour",
    "Students Sets",
    "Subject",
    "Teachers",
    "Activity Tags",
    "Room",
    "Comments",
)
_NEEDED = HEADINGS[:5]


def read(content: bytes, given: Given) -> Parsed:
    lines = rows(decode(content))
    _, heads = next(lines, (0, []))
    missing = [name for name in _NEEDED if name not in heads]
    if missing:
        raise FormatError(
            f"The first line has no column {', '.join(missing)}; it is not FET's timetable as CSV."
        )
    where = {name: heads.index(name) for name in HEADINGS if name in heads}
    activities: list[Activity] = []
    problems: list[Problem] = []
    unplaced: list[str] = []
    ids: set[int] = set()
    for line, cells in lines:
        row = f"row {line}"
        if len(cells) != len(heads):
            problems.append(Problem(row, "columns", f"there are {len(cells)}, not {len(heads)}."))
            continue
        told = {name: cells[column] for name, column in where.items()}
        if told["Activity Id"].isdecimal() and len(told["Activity Id"]) < 10:
            ids.add(int(told["Activity Id"]))
        if not told["Day"] and not told["Hour"]:
            unplaced.append(
                f"activity {told['Activity Id']} ({told['Students Sets']} {told['Subject']}, {row})"
            )
            continue
        found = activity(row, told, given)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            activities.append(found)
    return Parsed(activities, problems, unplaced, _gaps(ids))


def activity(row: str, told: dict[str, str], given: Given) -> Activity | Problem:
    """One hour of FET, from its fields by HEADINGS."""
    day, hour = read_day(told["Day"]), read_hour(told["Hour"])
    if day is None:
        return Problem(row, "Day", f"'{told['Day']}' is not a day; write Thứ 2 to Thứ 7, or Chủ nhật.")
    if hour is None:
        return Problem(row, "Hour", f"'{told['Hour']}' is not a period; write Tiết 1, T1, or S1 and C1.")
    session = hour[1] or day[1] or given.session
    if session is None:
        return Problem(row, "Hour", "the file does not say morning or afternoon; give --session.")
    weeks = {week for tag in _names(told.get("Activity Tags", "")) if (week := read_week(tag))}
    return Activity(
        row,
        _names(told["Students Sets"]),
        day[0],
        session,
        hour[0],
        told["Subject"],
        ", ".join(_names(told.get("Teachers", ""))) or None,
        told.get("Room") or None,
        next(iter(weeks)) if len(weeks) == 1 else None,
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split("+") if name.strip())


def _gaps(ids: set[int]) -> list[str]:
    ordered = sorted(ids)
    holes = [(one + 1, other - 1) for one, other in pairwise(ordered) if other > one + 1]
    if not holes or sum(last - first + 1 for first, last in holes) > MOST_ROWS:
        return []
    shown = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in holes[:20])
    more = f" and {len(holes) - 20} more gaps" if len(holes) > 20 else ""
    return [f"Activity ids not in the file (inactive or not placed in FET): {shown}{more}."]
