"""Intervals and the calendar to facts: what happened in each slot of one day in one room. Pure.

All time is compared in integer ms; minutes are divided out last. Definitions: `definitions.py`.
"""

from collections.abc import Mapping, Sequence

from campus.calendar import LESSON, Lesson, Slot
from campus.indicators import FREE, HELD, NO_SHOW, NOT_MEASURED, PARTLY_HELD, UNSCHEDULED, RoomFact
from campus.indicators.spans import (
    MINUTE_MS,
    Piece,
    Span,
    cut,
    gaps,
    length,
    ms,
    split,
    union,
    without,
)
from campus.inference import (
    CO2,
    COUNTED,
    FAIR,
    HIGH,
    OCCUPIED,
    PEOPLE,
    TEMPERATURE,
    UNKNOWN,
    Interval,
    Stretch,
)

__all__ = ["COVERAGE_PCT", "MINUTE_MS", "Span", "facts", "free_outcome", "lesson_of", "ms", "outcome"]

HELD_PCT = 50
NO_SHOW_PCT = 10
GRACE_MS = 10 * MINUTE_MS  # someone who looks in and leaves within this is not a lesson
UNSCHEDULED_MS = 10 * MINUTE_MS
OVERLAP_MS = MINUTE_MS  # of a free run with a slot, to count there
COVERAGE_PCT = 80


def facts(
    site: str,
    room: str,
    intervals: Sequence[Interval],
    slots: Sequence[Slot],
    scheduled: Mapping[tuple[str, int], Lesson],
    *,
    stretches: Mapping[str, Sequence[Stretch]] | None = None,
    capacity: int | None = None,
) -> list[RoomFact]:
    """One fact per slot, in the order of `slots`: those of one local day, ascending and without a gap.

    `scheduled` is what was planned in this room that day, by (session, period). `intervals` are the room's,
    ascending and non-overlapping; time they do not cover is not measured. They may reach beyond the day, and
    should by UNSCHEDULED_MS: the length of a run is judged before it is cut into slots.

    `stretches` are the room's by aspect (PEOPLE, CO2, TEMPERATURE), each ascending and non-overlapping. People are
    counted in occupied time only, and not with low confidence; CO2 and temperature in measured time (HIGH or FAIR).
    """
    if not slots:
        return []
    aspects = stretches or {}
    windows = [(ms(slot.start), ms(slot.end)) for slot in slots]
    lessons = [lesson_of(slot, scheduled) for slot in slots]
    occupied = union(interval for interval in intervals if interval.state == OCCUPIED)
    missing = gaps(
        union(interval for interval in intervals if interval.state != UNKNOWN),
        min(windows[0][0], intervals[0].start_ms if intervals else windows[0][0]),
        max(windows[-1][1], intervals[-1].end_ms if intervals else windows[-1][1]),
    )
    taken = union(window for window, lesson in zip(windows, lessons, strict=True) if lesson)
    columns = zip(
        slots,
        windows,
        lessons,
        split(occupied, windows),
        split(missing, windows),
        split(_long(without(occupied, taken)), windows),
        split(_long(without(union(occupied + missing), taken)), windows),
        _people(aspects.get(PEOPLE, ()), occupied, windows),
        _comfort(aspects.get(CO2, ()), windows),
        _comfort(aspects.get(TEMPERATURE, ()), windows),
        strict=True,
    )
    made = []
    for slot, (start, end), lesson, there, unknown, runs, runs_at_most, people, co2, temperature in columns:
        made.append(
            RoomFact(
                site,
                room,
                slot.date,
                slot.start,
                slot.end,
                slot.kind,
                slot.session,
                slot.period,
                lesson.school_class if lesson else None,
                lesson.subject if lesson else None,
                (end - start) / MINUTE_MS,
                (end - start - length(unknown)) / MINUTE_MS,
                length(there) / MINUTE_MS,
                outcome(start, end, there, unknown)
                if lesson
                else free_outcome(start, end, runs, runs_at_most, unknown),
                lesson.subject_group if lesson else None,
                slot.exam,
                capacity,
                *people,
                *co2,
                *temperature,
            )
        )
    return made


def outcome(start_ms: int, end_ms: int, occupied: Sequence[Piece], missing: Sequence[Piece]) -> str:
    """held, partly_held, no_show or not_measured, of a scheduled slot [start_ms, end_ms).

    held: presence in at least 50 % of the valid minutes. no_show: in less than 10 % of them, and none from
    start + 10 min to the end. Under 80 % coverage the class stands only if it is the same with all missing time
    vacant and with all of it occupied: every other way to fill it lies between. Spans are within the slot.
    """
    span, unknown, there = end_ms - start_ms, length(missing), length(occupied)
    late = _after(occupied, start_ms + GRACE_MS)
    if span <= 0:
        return NOT_MEASURED
    if not _thin(span, unknown):
        return _scheduled(there, span - unknown, late)
    least = _scheduled(there, span, late)
    most = _scheduled(there + unknown, span, late + _after(missing, start_ms + GRACE_MS))
    return least if least == most else NOT_MEASURED


def free_outcome(
    start_ms: int, end_ms: int, runs: Sequence[Piece], runs_at_most: Sequence[Piece], missing: Sequence[Piece]
) -> str:
    """free, unscheduled or not_measured, of a slot without a lesson.

    `runs` are the parts within the slot of the room's occupied spans of at least UNSCHEDULED_MS outside scheduled
    lessons; `runs_at_most` the same if all missing time was occupied. unscheduled: one of them fills at least
    OVERLAP_MS of the slot. Under 80 % coverage the class stands only if both say the same.
    """
    used = _used(runs)
    if end_ms <= start_ms or (_thin(end_ms - start_ms, length(missing)) and used != _used(runs_at_most)):
        return NOT_MEASURED
    return UNSCHEDULED if used else FREE


def lesson_of(slot: Slot, scheduled: Mapping[tuple[str, int], Lesson]) -> Lesson | None:
    """What was planned in the slot; nothing ever is outside lesson slots."""
    if slot.kind != LESSON or slot.session is None or slot.period is None:
        return None
    return scheduled.get((slot.session, slot.period))


def _people(
    stretches: Sequence[Stretch], occupied: Sequence[Span], windows: Sequence[Span]
) -> list[tuple[float, float]]:
    """(counted minutes, person minutes) of each window."""
    if not stretches:
        return [(0.0, 0.0)] * len(windows)
    counted = [stretch for stretch in stretches if stretch.state == COUNTED and stretch.value is not None]
    return [
        (length(parts) / MINUTE_MS, sum((part[1] - part[0]) * part[3] for part in parts) / MINUTE_MS)
        for parts in split(cut(counted, occupied), windows)
    ]


def _comfort(stretches: Sequence[Stretch], windows: Sequence[Span]) -> list[tuple[float, float]]:
    """(measured minutes, minutes that were too high) of each window."""
    if not stretches:
        return [(0.0, 0.0)] * len(windows)
    found = []
    for parts in split(stretches, windows):
        time = dict.fromkeys((HIGH, FAIR, UNKNOWN), 0)
        for start, end, state, *_ in parts:
            time[state] += end - start
        found.append(((time[HIGH] + time[FAIR]) / MINUTE_MS, time[HIGH] / MINUTE_MS))
    return found


def _thin(span: int, unknown: int) -> bool:
    return 100 * (span - unknown) < COVERAGE_PCT * span


def _scheduled(there: int, valid: int, late: int) -> str:
    if 100 * there >= HELD_PCT * valid:
        return HELD
    return NO_SHOW if 100 * there < NO_SHOW_PCT * valid and not late else PARTLY_HELD


def _after(pieces: Sequence[Piece], at_ms: int) -> int:
    return sum(end - max(start, at_ms) for start, end, *_ in pieces if end > at_ms)


def _used(runs: Sequence[Piece]) -> bool:
    return any(end - start >= OVERLAP_MS for start, end, *_ in runs)


def _long(spans: Sequence[Span]) -> list[Span]:
    return [span for span in spans if span[1] - span[0] >= UNSCHEDULED_MS]
