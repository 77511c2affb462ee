"""What a simulated semester proves: how many facts are right, and how far the figures are from the truth."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from campus.cli.semester_group import Cell, RoomDay, Share, Wrong
from campus.indicators import NO_SHOW, NOT_MEASURED, OUTCOMES
from campus.indicators.sums import EquipmentSums, RoomSums

HOUR_MS = 3_600_000


class Floor(NamedTuple):
    """A figure and what it has to be: `value` at least `least`, or in size at most `most`; None is a miss."""

    name: str
    value: float | None
    least: float | None = None
    most: float | None = None

    @property
    def reached(self) -> bool:
        if self.value is None:
            return False
        if self.least is not None:
            return self.value >= self.least
        return self.most is not None and abs(self.value) <= self.most


def wrong_facts(shares: Iterable[Share]) -> list[Wrong]:
    """Every fact that is wrong by either truth, by date, room and start."""
    found = chain.from_iterable(day.wrong for day in _days(shares))
    return sorted(found, key=lambda one: (one.date, one.room, one.start))


def figures(shares: Sequence[Share]) -> dict[str, Any]:
    """All figures, JSON-able. Percent and percentage points; measured less true."""
    cells: Counter[Cell] = sum((day.cells for day in _days(shares)), Counter())
    measured = sum(n for cell, n in cells.items() if cell.measured != NOT_MEASURED)
    listed = wrong_facts(shares)
    wrong = [one for one in listed if one.measured != one.true]
    by_minute = sum(one.measured != one.true_by_minute for one in listed)
    confusion = {
        true: {out: n for out in OUTCOMES if (n := _count(cells, true=true, measured=out))}
        for true in OUTCOMES
    }
    return {
        "facts": {
            "cells": cells.total(),
            "measured": measured,
            "wrong": len(wrong),
            "right_pct": _percent(measured - len(wrong), measured),
            "right_by_minute_pct": _percent(measured - by_minute, measured),
            "confusion": {true: row for true, row in confusion.items() if row},
            "causes": dict(Counter(one.cause for one in wrong).most_common()),
        },
        "no_show": _no_show(cells),
        "utilisation": _utilisation(shares),
        "equipment": _equipment(shares),
        "late": _late(shares),
    }


def floors(found: Mapping[str, Any]) -> list[Floor]:
    """What `--check` asks of the figures."""
    return [
        Floor("measured facts that are right, %", found["facts"]["right_pct"], least=99.0),
        Floor("no-show precision", found["no_show"]["precision"], least=0.98),
        Floor("no-show recall", found["no_show"]["recall"], least=0.98),
        Floor("utilisation of the school, percentage points", found["utilisation"]["difference"], most=1.0),
        Floor("energy, %", found["equipment"]["energy_error_pct"], most=2.0),
    ]


def _days(shares: Iterable[Share]) -> Iterable[RoomDay]:
    return (day for share in shares for room in share.days.values() for day in room.values())


def _count(cells: Mapping[Cell, int], **wanted: object) -> int:
    return sum(n for cell, n in cells.items() if all(getattr(cell, k) == v for k, v in wanted.items()))


def _percent(part: float, whole: float) -> float | None:
    return 100 * part / whole if whole else None


def _no_show(cells: Mapping[Cell, int]) -> dict[str, Any]:
    """Of scheduled slots that were covered well enough to be judged."""
    among = {cell: n for cell, n in cells.items() if cell.scheduled and cell.covered}
    true, said = _count(among, true=NO_SHOW), _count(among, measured=NO_SHOW)
    both = _count(among, true=NO_SHOW, measured=NO_SHOW)
    return {
        "scheduled": sum(among.values()),
        "true": true,
        "measured": said,
        "both": both,
        "precision": both / said if said else None,
        "recall": both / true if true else None,
    }


def _utilisation(shares: Sequence[Share]) -> dict[str, Any]:
    """Frequency rate: occupied ÷ valid time of the lesson slots; and occupancy, which here is told from CO2.

    True is every minute with somebody there; beside it, presence as it is defined.
    """
    rooms = {room: list(days.values()) for share in shares for room, days in share.days.items()}
    sums = {
        name: {room: RoomSums.total(getattr(day, name) for day in days) for room, days in rooms.items()}
        for name in ("true_by_minute", "true", "measured")
    }
    exact, defined, measured = (RoomSums.total(by_room.values()) for by_room in sums.values())
    apart = {
        room: difference
        for room, m in sums["measured"].items()
        if (difference := _less(_frequency(m), _frequency(sums["true_by_minute"][room]))) is not None
    }
    return {
        "true_pct": _frequency(exact),
        "true_as_defined_pct": _frequency(defined),
        "measured_pct": _frequency(measured),
        "difference": _less(_frequency(measured), _frequency(exact)),
        "difference_as_defined": _less(_frequency(measured), _frequency(defined)),
        "rooms_within_1": sum(abs(d) <= 1 for d in apart.values()),
        "rooms": dict(sorted(apart.items(), key=lambda item: -abs(item[1]))),
        "occupancy_true_pct": _percent(exact.person_ms, exact.seat_ms),
        "occupancy_measured_pct": _percent(measured.person_ms, measured.seat_ms),
        "coverage_pct": _percent(measured.valid_ms, measured.slot_ms),
    }


def _frequency(sums: RoomSums) -> float | None:
    return _percent(sums.occupied_ms, sums.valid_ms)


def _equipment(shares: Sequence[Share]) -> dict[str, Any]:
    pieces: dict[str, list[tuple[EquipmentSums, EquipmentSums]]] = {}
    for day in _days(shares):
        for name, pair in day.equipment.items():
            pieces.setdefault(name, []).append(pair)
    each = {
        name: [EquipmentSums.total(p[i] for p in pairs) for i in (0, 1)] for name, pairs in pieces.items()
    }
    true, measured = (EquipmentSums.total(pair[i] for pair in each.values()) for i in (0, 1))
    apart = {
        name: error
        for name, (t, m) in each.items()
        if (error := _error(m.energy_mwh, t.energy_mwh)) is not None
    }
    worst = max(apart.items(), key=lambda item: abs(item[1]), default=(None, None))
    return {
        "pieces": len(each),
        "energy_true_kwh": true.energy_mwh / 1e6,
        "energy_measured_kwh": measured.energy_mwh / 1e6,
        "energy_error_pct": _error(measured.energy_mwh, true.energy_mwh),
        "energy_worst": {"equipment": worst[0], "error_pct": worst[1]},
        "on_true_h": true.on_ms / HOUR_MS,
        "on_error_pct": _error(measured.on_ms, true.on_ms),
        "periods_used_true": true.periods_used,
        "periods_used_measured": measured.periods_used,
        "idle_true_kwh": true.idle_mwh / 1e6,
        "idle_measured_kwh": measured.idle_mwh / 1e6,
    }


def _late(shares: Sequence[Share]) -> dict[str, Any]:
    """The days that late data touched: their facts before it came and after."""
    before, after = [], []
    for share in shares:
        for (room, day), old in share.before.items():
            before.append(old)
            after.append(share.days[room][day])
    made: dict[str, Any] = {"room_days": len(before)}
    for name, days in (("before", before), ("after", after)):
        cells: Counter[Cell] = sum((day.cells for day in days), Counter())
        made[name] = {
            "cells": cells.total(),
            "not_measured": _count(cells, measured=NOT_MEASURED),
            "wrong": sum(one.measured != one.true for day in days for one in day.wrong),
        }
    return made


def _less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def _error(measured: float, true: float) -> float | None:
    return 100 * (measured / true - 1) if true else None
