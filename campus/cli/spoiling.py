"""What goes wrong with sensors, done to a recording: outages that lose readings, faults that falsify them."""

import random
from dataclasses import dataclass, replace

from campus.cli.recording import Recording
from campus.errors import UsageError

HOUR_MS = 3_600_000
WEEK_MS = 168 * HOUR_MS
DRIFT_PPM_PER_WEEK = 100.0
CO2 = "co2_ppm"


@dataclass(frozen=True, slots=True)
class Outage:
    """Each sensor on its own loses this share of its blocks of hours, or of single readings; or one point does."""

    share: float
    hours: int | None = None
    point: str | None = None


OUTAGES = {
    "loss10": Outage(0.1),
    "gaps2h": Outage(0.2, hours=2),
    "pir-half": Outage(0.5, hours=2, point="motion"),
    "gaps6h": Outage(0.4, hours=6),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """`skew_ms` is added to the board's clock. `twice`: every message comes again. `shuffled`: an hour's messages
    come in any order. The others change what CO2 says."""

    skew_ms: int = 0
    twice: bool = False
    shuffled: bool = False
    stuck: bool = False
    drift: bool = False


FAULTS = {
    "skew+1h": Fault(skew_ms=HOUR_MS),
    "skew-1h": Fault(skew_ms=-HOUR_MS),
    "skew8h": Fault(skew_ms=8 * HOUR_MS),
    "stuck-co2": Fault(stuck=True),
    "drift": Fault(drift=True),
    "duplicates": Fault(twice=True),
    "disorder": Fault(shuffled=True),
}
NO_FAULT = Fault()


def with_outage(recording: Recording, name: str, seed: int) -> Recording:
    """A copy without what the outage loses; drawn per sensor and block from `seed`. Raises UsageError for its name."""
    outage = OUTAGES.get(name)
    if outage is None:
        raise UsageError(f"--outage '{name}' is none; they are {', '.join(OUTAGES)}.")
    if outage.point and outage.point not in recording.points:
        raise UsageError(f"--outage {name} is of the point {outage.point}, which the recording has not.")
    drawn: dict[tuple[str, int], bool] = {}

    def lost(point: str, at_ms: int) -> bool:
        if outage.point and point != outage.point:
            return False
        block = point, at_ms // (outage.hours * HOUR_MS) if outage.hours else at_ms
        if block not in drawn:
            drawn[block] = random.Random(f"{seed} {block}").random() < outage.share  # noqa: S311 - no secret
        return drawn[block]

    rows = [
        [None if lost(point, at_ms) else value for point, value in zip(recording.points, row, strict=True)]
        for at_ms, row in zip(recording.observed_at_ms, recording.rows, strict=True)
    ]
    return replace(recording, rows=rows)


def with_fault(recording: Recording, name: str) -> tuple[Recording, Fault]:
    """A copy with what the fault does to values, and the fault, whose rest is done in sending. Raises UsageError.

    A stuck CO2 sensor stays from a third of the recording on at the highest value before; drift adds
    DRIFT_PPM_PER_WEEK.
    """
    fault = FAULTS.get(name)
    if fault is None:
        raise UsageError(f"--fault '{name}' is none; they are {', '.join(FAULTS)}.")
    if not (fault.stuck or fault.drift):
        return recording, fault
    if CO2 not in recording.points:
        raise UsageError(f"--fault {name} is of the point {CO2}, which the recording has not.")
    place = recording.points.index(CO2)
    rows = [list(row) for row in recording.rows]
    begin_ms, begin = recording.observed_at_ms[0], len(rows) // 3
    highest = max((row[place] or 0.0 for row in rows[:begin]), default=0.0)
    for number, (at_ms, row) in enumerate(zip(recording.observed_at_ms, rows, strict=True)):
        value = row[place]
        if value is None:
            continue
        if fault.stuck and number >= begin:
            row[place] = highest
        elif fault.drift:
            row[place] = value + DRIFT_PPM_PER_WEEK * (at_ms - begin_ms) / WEEK_MS
    return replace(recording, rows=rows), fault
