"""What an import of a timetable changes, told in rows. Pure."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from campus.calendar.formats import Problem
from dashboards.web.words import Words, catalogue

ADDED, REMOVED, ENDED = "added", "removed", "ended"
_CHANGE = re.compile(
    r"(?P<verb>add to|remove from) lessons: (?P<room>[^,]*), weekday (?P<weekday>[1-7]), "
    r"(?P<session>morning|afternoon) (?P<period>\d+)(?:, week (?P<week>[ab]))?: (?P<what>.*?)"
    r"(?:, from (?P<start>\d{4}-\d\d-\d\d))?(?: to (?P<end>\d{4}-\d\d-\d\d))?",
    re.S,
)
_ROW = re.compile(r"\b(row|card|activity|event|file|and|more)\b")
_UNKNOWN = re.compile(
    r"'(?P<subject>.*)' \((?P<lessons>\d+) lessons\): where it is held is not known; .*", re.S
)


@dataclass(frozen=True, slots=True)
class Change:
    """One lesson that is added, is removed, or ends on a date. `line` alone: a change that is none of a lesson."""

    line: str
    kind: str = ""  # ADDED, REMOVED or ENDED
    room: str = ""
    weekday: int = 0
    session: str = ""
    period: int = 0
    week: str | None = None
    what: str = ""
    start: str | None = None
    end: str | None = None


def changes(lines: Iterable[str], rooms: dict[str, str]) -> list[Change]:
    """The lines that the records tell of an import, as rows by weekday, session, period and room.

    A lesson that is removed and added again with an end is one that ends.
    """
    found = [_change(line, rooms) for line in lines]
    removed = {_lesson(one): one for one in found if one.kind == REMOVED}
    ended = {
        _lesson(one): one
        for one in found
        if one.kind == ADDED and one.end is not None and _lesson(one) in removed
    }
    rows = [one for one in found if one.kind == "" or _lesson(one) not in ended]
    rows += [replace(one, kind=ENDED) for one in ended.values()]
    return sorted(
        rows, key=lambda one: (one.weekday, one.session != "morning", one.period, one.room, one.kind)
    )


def unknown_subject(message: str) -> tuple[str, int] | None:
    """(subject, its lessons) of the problem that nobody has said where it is held."""
    found = _UNKNOWN.fullmatch(message)
    return (found["subject"], int(found["lessons"])) if found else None


def row_errors(
    words: Words, problems: Iterable[Problem], retold: Callable[[str], str | None]
) -> list[tuple[str, str, str, bool]]:
    """(rows of the file, column, what is wrong, whether it is in the reader's language) of every problem.

    Subjects of which nobody has said where they are held are not among them: they are asked for.
    """
    found = []
    for one in problems:
        if unknown_subject(one.message) is not None:
            continue
        message, _, more = one.message.partition(" Also ")
        rows = f"{one.row}, {more.rstrip('.')}" if more else one.row
        told = retold(message)
        column = f"column.{one.field.lower()}"
        found.append(
            (
                _ROW.sub(lambda row: words(f"word.{row[0]}"), rows),
                words(column) if column in catalogue() else one.field,
                told or message,
                told is not None,
            )
        )
    return found


def counted(rows: Sequence[Change]) -> tuple[int, int]:
    """(lessons that are added, that end or are removed)."""
    return sum(one.kind == ADDED for one in rows), sum(one.kind in (REMOVED, ENDED) for one in rows)


def _lesson(one: Change) -> tuple[object, ...]:
    return one.room, one.weekday, one.session, one.period, one.week, one.what, one.start


def _change(line: str, rooms: dict[str, str]) -> Change:
    found = _CHANGE.fullmatch(line)
    if found is None:
        return Change(line)
    return Change(
        line,
        ADDED if found["verb"] == "add to" else REMOVED,
        rooms.get(found["room"], found["room"]),
        int(found["weekday"]),
        found["session"],
        int(found["period"]),
        found["week"],
        found["what"],
        found["start"],
        found["end"],
    )
