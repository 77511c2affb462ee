"""Intervals and the calendar to facts: what happened in each slot of one day in one room. Pure.

All time is compared in integer ms; minutes are divided out last. Definitions: `definitions.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from campus.calendar import LESSON, Lesson, Slot
from campus.indicators import FREE, HELD, NO_SHOW, NOT_MEASURED, PARTLY_HELD, UNSCHEDULED, RoomFact
from campus.inference import OCCUPIED, UNKNOWN, Interval

MINUTE_MS = 60_000
HELD_PCT = 50
NO_SHOW_PCT = 10
GRACE_MS = 10 * MINUTE_MS  # someone who looks in and leaves within this is not a lesson
UNSCHEDULED_MS = 10 * MINUTE_MS
OVERLAP_MS = MINUTE_MS  # of a free run with a slot, to count there
COVERAGE_PCT = 80

Span = tuple[int, int]
"""Half-open [start_ms, end_ms)."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def facts(
    site: str,
    room: str,
    intervals: Sequence[Interval],
    slots: Sequence[Slot],
    scheduled: Mapping[tuple[str, int], Lesson],
) -> list[RoomFact]:
    """One fact per slot, in the order of `slots`: those of one local day, ascending and without a gap.

    `scheduled` is what was planned in this room that day, by (session, period). `intervals` are the room's,
    ascending and non-overlapping; time they do not cover is not measured. They may reach beyond the day, and
    should by UNSCHEDULED_MS: the length of a run is judged before it is cut into slots.
    """
    occupied = _spans(interval for interval in intervals if interval.state == OCCUPIED)
    missing = _gaps(
        _spans(interval for interval in intervals if interval.state != UNKNOWN),
        min([ms(slot.start) for slot in slots] + [interval.start_ms for interval in intervals], default=0),
        max([ms(slot.end) for slot in slots] + [interval.end_ms for interval in intervals], default=0),
    )
    lessons = [_lesson(slot, scheduled) for slot in slots]
    taken = _union(
        [(ms(slot.start), ms(slot.end)) for slot, lesson in zip(slots, lessons, strict=True) if lesson]
    )
    runs = _long(_without(occupied, taken))
    runs_at_most = _long(_without(_union(occupied + missing), taken))

    made = []
    for slot, lesson in zip(slots, lessons, strict=True):
        start, end = ms(slot.start), ms(slot.end)
        there, unknown = _within(occupied, start, end), _within(missing, start, end)
        if lesson:
            result = outcome(start, end, there, unknown)
        else:
            result = free_outcome(start, end, runs, runs_at_most, unknown)
        made.append(
            RoomFact(
                site=site,
                room=room,
                date=slot.date,
                start=slot.start,
                end=slot.end,
                kind=slot.kind,
                session=slot.session,
                period=slot.period,
                school_class=lesson.school_class if lesson else None,
                subject=lesson.subject if lesson else None,
                slot_minutes=(end - start) / MINUTE_MS,
                valid_minutes=(end - start - _length(unknown)) / MINUTE_MS,
                occupied_minutes=_length(there) / MINUTE_MS,
                outcome=result,
            )
        )
    return made


def outcome(start_ms: int, end_ms: int, occupied: Sequence[Span], missing: Sequence[Span]) -> str:
    """held, partly_held, no_show or not_measured, of a scheduled slot [start_ms, end_ms).

    held: presence in at least 50 % of the valid minutes. no_show: in less than 10 % of them, and none from
    start + 10 min to the end. Under 80 % coverage the class stands only if it is the same with all missing time
    vacant and with all of it occupied: every other way to fill it lies between. Spans are within the slot.
    """
    span, unknown, there = end_ms - start_ms, _length(missing), _length(occupied)
    late = _length(_within(occupied, start_ms + GRACE_MS, end_ms))
    if span <= 0:
        return NOT_MEASURED
    if not _thin(span, unknown):
        return _scheduled(there, span - unknown, late)
    least = _scheduled(there, span, late)
    most = _scheduled(there + unknown, span, late + _length(_within(missing, start_ms + GRACE_MS, end_ms)))
    return least if least == most else NOT_MEASURED


def free_outcome(
    start_ms: int, end_ms: int, runs: Sequence[Span], runs_at_most: Sequence[Span], missing: Sequence[Span]
) -> str:
    """free, unscheduled or not_measured, of a slot without a lesson.

    `runs` are the room's occupied spans of at least UNSCHEDULED_MS outside scheduled lessons; `runs_at_most` the
    same if all missing time was occupied. unscheduled: one of them overlaps the slot by at least OVERLAP_MS.
    Under 80 % coverage the class stands only if both say the same.
    """

    def used(candidates: Sequence[Span]) -> bool:
        return any(min(end, end_ms) - max(start, start_ms) >= OVERLAP_MS for start, end in candidates)

    if end_ms <= start_ms or (
        _thin(end_ms - start_ms, _length(missing)) and used(runs) != used(runs_at_most)
    ):
        return NOT_MEASURED
    return UNSCHEDULED if used(runs) else FREE


def ms(at: datetime) -> int:
    """Exact Unix ms of an aware datetime."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


def _lesson(slot: Slot, scheduled: Mapping[tuple[str, int], Lesson]) -> Lesson | None:
    if slot.kind != LESSON or slot.session is None or slot.period is None:
        return None
    return scheduled.get((slot.session, slot.period))


def _thin(span: int, unknown: int) -> bool:
    return 100 * (span - unknown) < COVERAGE_PCT * span


def _scheduled(there: int, valid: int, late: int) -> str:
    if 100 * there >= HELD_PCT * valid:
        return HELD
    return NO_SHOW if 100 * there < NO_SHOW_PCT * valid and not late else PARTLY_HELD


def _spans(intervals: Iterable[Interval]) -> list[Span]:
    return _union([(interval.start_ms, interval.end_ms) for interval in intervals])


def _union(spans: Sequence[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        elif end > start:
            joined.append((start, end))
    return joined


def _gaps(spans: Sequence[Span], start_ms: int, end_ms: int) -> list[Span]:
    return _without([(start_ms, end_ms)], spans)


def _without(spans: Sequence[Span], cuts: Sequence[Span]) -> list[Span]:
    """`spans` less `cuts`; both ascending and non-overlapping."""
    left: list[Span] = []
    for start, end in spans:
        for cut_start, cut_end in cuts:
            if cut_end <= start:
                continue
            if cut_start >= end:
                break
            if cut_start > start:
                left.append((start, cut_start))
            start = cut_end
        if start < end:
            left.append((start, end))
    return left


def _within(spans: Sequence[Span], start_ms: int, end_ms: int) -> list[Span]:
    return [(max(a, start_ms), min(b, end_ms)) for a, b in spans if a < end_ms and b > start_ms]


def _long(spans: Sequence[Span]) -> list[Span]:
    return [(start, end) for start, end in spans if end - start >= UNSCHEDULED_MS]


def _length(spans: Sequence[Span]) -> int:
    return sum(end - start for start, end in spans)
