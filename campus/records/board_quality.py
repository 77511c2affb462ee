"""How good a board's connection is now, from what is stored: readings of the link and its availability.

Formulas, weights and bounds: `campus.inference.quality` and docs/connectivity.md.
"""

from collections.abc import Sequence
from typing import NamedTuple

from campus.inference import LOST, ONLINE, UNKNOWN, Stretch
from campus.inference.quality import (
    CHECK_MS,
    DAY_MS,
    PARTS,
    WINDOW_MS,
    Flapping,
    link,
    quality,
    signal,
)
from campus.records.linked import LinkedRecords
from campus.telemetry import USABLE, SeriesKey, TelemetryStore

RSSI = "rssi_dbm"
TRIPS = ("rtt_broker_ms", "rtt_gateway_ms")
LOSSES = ("loss_broker_pct", "loss_gateway_pct")
"""The broker's before the gateway's: all that a board sends goes there."""
POINTS = {"rssi_dbm": (RSSI,), "loss": LOSSES, "rtt_p95_ms": TRIPS, "jitter_ms": TRIPS}
NOT_JUDGED = "Nobody listened to this board in the last 24 hours."
NOT_KNOWN = "The state of this board in the last 10 minutes is not known."
NOT_MEASURED = "Nothing of this link was measured in the last 10 minutes."


class MeasuredPart(NamedTuple):
    """One of `PARTS`: its value, score 0..1 and weight, and the point it is from; without a value, a reason."""

    name: str
    value: float | None
    score: float | None
    weight: float
    point: str | None
    reason: str | None


class Flaps(NamedTuple):
    """Whether a board comes and goes, since when, after how many checks; without an answer, a reason."""

    flapping: bool | None
    change_pct: float | None
    since_ms: int | None
    checks: int
    reason: str | None


class BoardQuality(NamedTuple):
    """The connection over [start_ms, end_ms); `measured`: the share of the weights that was measured, 0..1.

    `value` (0..100) and `label` None with a `reason` where nothing of the link was measured.
    """

    start_ms: int
    end_ms: int
    value: float | None
    label: str | None
    measured: float
    reason: str | None
    signal: str | None
    parts: list[MeasuredPart]
    flapping: Flaps


def board_quality(
    records: LinkedRecords, telemetry: TelemetryStore, site: str, board: str, now_ms: int
) -> BoardQuality:
    """Of the WINDOW_MS before `now_ms`, availability and flapping of the DAY_MS before. Raises StoreError."""
    start_ms = now_ms - WINDOW_MS
    found = _values(telemetry, site, board, start_ms, now_ms)
    states = records.availability(site, board, now_ms - DAY_MS, now_ms)
    trips, losses = _first(found, TRIPS), _first(found, LOSSES)
    measured = link(found[RSSI], (), found[trips] if trips else (), states)
    if losses:
        measured = measured._replace(loss=sum(found[losses]) / len(found[losses]) / 100)
    used = {
        "rssi_dbm": RSSI if found[RSSI] else None,
        "loss": losses,
        "rtt_p95_ms": trips,
        "jitter_ms": trips,
    }
    parts = [_part(name, getattr(measured, name), used.get(name)) for name in PARTS]
    # A day without a loss says nothing of the last minutes: alone it makes no quality.
    judged = quality(measured) if any(used.values()) else None
    return BoardQuality(
        start_ms,
        now_ms,
        judged.value if judged else None,
        judged.label if judged else None,
        judged.measured if judged else 0.0,
        None if judged else NOT_MEASURED,
        None if measured.rssi_dbm is None else signal(measured.rssi_dbm),
        parts,
        flaps(states, now_ms),
    )


def flaps(availability: Sequence[Stretch], now_ms: int) -> Flaps:
    """What `Flapping` says of stored states, ascending: checked at whole CHECK_MS of Unix time, unknown time left out.

    Only being lost is coming and going: a board that says it sleeps does not flap. `since_ms` is no earlier than the
    first state given. No answer where none of the last WINDOW_MS was checked.
    """
    judge, seen = Flapping(), set[str]()
    checks, checked_ms, since_ms = 0, None, None
    for one in availability:
        if one.state == UNKNOWN:
            continue
        state = LOST if one.state == LOST else ONLINE
        seen.add(state)
        for at in range(-(-one.start_ms // CHECK_MS) * CHECK_MS, one.end_ms, CHECK_MS):
            was = judge.flapping
            if not judge.check(state, between=len(seen) > 1):
                since_ms = None
            elif not was:
                since_ms = at
            checks, checked_ms, seen = checks + 1, at, {state}
    if checked_ms is None or now_ms - checked_ms > WINDOW_MS:
        return Flaps(None, None, None, checks, NOT_KNOWN)
    return Flaps(judge.flapping, judge.change_pct, since_ms, checks, None)


def _values(
    telemetry: TelemetryStore, site: str, board: str, start_ms: int, end_ms: int
) -> dict[str, list[float]]:
    """point -> its usable values in the range, by time."""
    keys = [SeriesKey(site, board, point) for point in (RSSI, *TRIPS, *LOSSES)]
    read = telemetry.read(keys, start_ms, end_ms)
    return {
        key.point: [value for _, value, how in read[key] if value is not None and how in USABLE]
        for key in keys
    }


def _first(found: dict[str, list[float]], points: Sequence[str]) -> str | None:
    return next((point for point in points if found[point]), None)


def _part(name: str, value: float | None, point: str | None) -> MeasuredPart:
    weight = PARTS[name].weight
    if value is not None:
        return MeasuredPart(name, value, PARTS[name].score(value), weight, point, None)
    if name not in POINTS:
        return MeasuredPart(name, None, None, weight, None, NOT_JUDGED)
    least = "no two readings" if name == "jitter_ms" else "no reading"
    which = " or ".join(POINTS[name])
    reason = f"There was {least} of {which} in the last 10 minutes."
    return MeasuredPart(name, None, None, weight, None, reason)
