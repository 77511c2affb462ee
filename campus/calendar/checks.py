"""What the checks of a calendar share: their error, and how rows are named. Pure."""

from collections.abc import Callable, Sequence

from campus.calendar import WEEKS, Bell, Closure, ExamPeriod, Lesson, Term


class CalendarError(ValueError):
    """A calendar that contradicts itself; the text names the row and the field, as `bells[3].start: ...`."""


Names = Callable[[str, int], str]
"""(part, row) -> where it was written."""


def check_spans(part: str, spans: Sequence[Term | Closure | ExamPeriod], name: Names) -> None:
    for row, span in enumerate(spans):
        if span.end <= span.start:
            raise CalendarError(
                f"{name(part, row)}.end: {span.end} is not after the start {span.start}; the end is the first "
                "day that no longer belongs to it."
            )


def check_week(week: str | None, where: str) -> None:
    if week is not None and week not in WEEKS:
        raise CalendarError(f"{where}: '{week}' is not one of {', '.join(WEEKS)}.")


def check_weekday(weekday: int, where: str) -> None:
    if not 1 <= weekday <= 7:
        raise CalendarError(f"{where}: {weekday} is not 1 (Monday) to 7.")


def check_known(one: str, id: str | None, known: set[str] | None, where: str) -> None:
    if id is not None and known is not None and id not in known:
        field, part = ("school_class", "classes") if one == "class" else (one, f"{one}s")
        raise CalendarError(f"{where}.{field}: there is no '{id}' in {part}; add it to {part} or correct it.")


def when(at: Bell | Lesson) -> str:
    return f"weekday {at.weekday}, {at.session} {at.period}"
