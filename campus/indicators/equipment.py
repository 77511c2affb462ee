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
        time = dict.fromkeys((ON, STANDBY, UNKNOWN), 0)
        measured = 0
        for part in parts:
            time[part[2]] = time.get(part[2], 0) + part[1] - part[0]
            measured += part[1] - part[0]
        metered_ms, wh = _energy(parts)
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
                (measured - time[UNKNOWN]) / MINUTE_MS,
                time[ON] / MINUTE_MS,
                time[STANDBY] / MINUTE_MS,
                metered_ms / MINUTE_MS,
                wh,
                length(both) / MINUTE_MS,
                length(idle) / MINUTE_MS,
                _energy(idle)[1],
            )
        )
    return made


def _energy(parts: Iterable[Piece]) -> tuple[int, float]:
    """(metered ms, Wh)."""
    metered, energy = 0, 0.0
    for start, end, _, watts in parts:
        if watts is not None:
            metered += end - start
            energy += (end - start) * watts
    return metered, energy / HOUR_MS
