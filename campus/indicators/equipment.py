"""Power and presence to facts: what each slot of one day was to one piece of equipment. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from campus.calendar import Lesson, Slot
from campus.indicators import EquipmentFact
from campus.indicators.facts import lesson_of
from campus.indicators.spans import MINUTE_MS, Piece, cut, length, ms, split, union
from campus.inference import ON, STANDBY, UNKNOWN, VACANT, Interval, Stretch

EMPTY_MS = 15 * MINUTE_MS  # of an empty room, before what runs in it is left on
HOUR_MS = 60 * MINUTE_MS


def equipment_facts(
    site: str,
    equipment: str,
    room: str | None,
    power: Sequence[Stretch],
    presence: Sequence[Interval],
    slots: Sequence[Slot],
    scheduled: Mapping[tuple[str, int], Lesson],
) -> list[EquipmentFact]:
    """One fact per slot, in the order of `slots`: those of one local day, ascending and without a gap.

    `power` are the equipment's stretches of POWER, `presence` the intervals of its `room`, `scheduled` what was
    planned there that day; each ascending and non-overlapping, and what they do not cover was not measured.
    Energy is W × time of the stretches with a value, whatever their state. Equipment is left on in those minutes of
    ON or STANDBY that lie EMPTY_MS or more after the room fell empty: the first EMPTY_MS of a vacant run never
    count. A run is measured before it is cut into slots, so `presence` should begin EMPTY_MS before the day.
    """
    windows = [(ms(slot.start), ms(slot.end)) for slot in slots]
    running = [stretch for stretch in power if stretch.state in (ON, STANDBY)]
    known = [stretch for stretch in power if stretch.state != UNKNOWN]
    watched = union(interval for interval in presence if interval.state != UNKNOWN)
    empty = [
        (start + EMPTY_MS, end)
        for start, end in union(interval for interval in presence if interval.state == VACANT)
        if end - start > EMPTY_MS
    ]
    columns = zip(
        slots,
        windows,
        split(power, windows),
        split(cut(known, watched), windows),
        split(cut(running, empty), windows),
        strict=True,
    )
    made = []
    for slot, (start, end), parts, both, idle in columns:
        lesson = lesson_of(slot, scheduled)
        metered = [part for part in parts if part[3] is not None]
        made.append(
            EquipmentFact(
                site,
                equipment,
                room,
                slot.date,
                slot.start,
                slot.end,
                slot.kind,
                slot.session,
                slot.period,
                lesson.school_class if lesson else None,
                lesson.subject_group if lesson else None,
                (end - start) / MINUTE_MS,
                length(part for part in parts if part[2] != UNKNOWN) / MINUTE_MS,
                length(part for part in parts if part[2] == ON) / MINUTE_MS,
                length(part for part in parts if part[2] == STANDBY) / MINUTE_MS,
                length(metered) / MINUTE_MS,
                _wh(metered),
                length(both) / MINUTE_MS,
                length(idle) / MINUTE_MS,
                _wh(part for part in idle if part[3] is not None),
            )
        )
    return made


def _wh(metered: Iterable[Piece]) -> float:
    return sum((end - start) * watts for start, end, _, watts in metered) / HOUR_MS
