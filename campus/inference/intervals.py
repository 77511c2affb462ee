"""From minutes to the final intervals of a room: the rules that need a few minutes of hindsight. Pure."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from campus.inference import OCCUPIED, UNKNOWN, VACANT, Interval
from campus.inference.parameters import DEFAULT, PresenceParameters
from campus.inference.presence import MINUTE_MS, PresenceStep

SETTLE_MS = 15 * MINUTE_MS
"""A minute is final once the steps reach this far past it, and knows enough of its past with as much before it."""


@dataclass(slots=True)
class _Run:
    start_ms: int
    end_ms: int
    state: str
    evidence_ms: int | None = None  # of its last step
    onset_ms: int | None = None  # of its first step


def intervals(
    steps: Sequence[PresenceStep],
    start_ms: int | None = None,
    end_ms: int | None = None,
    parameters: PresenceParameters = DEFAULT,
) -> list[Interval]:
    """Intervals over exactly [start_ms, end_ms): sorted, touching, no two neighbours in one state.

    `steps` ascend; minutes without a step are unknown. The span defaults to that of the steps. In this order:
    a visit that begins in vacancy begins with the onset of the evidence that led to it, at most `onset_min` earlier;
    one that ends in vacancy ends with its last evidence, at most `backdate_min` earlier; a vacant gap under
    `merge_gap_min` between two visits is presence; a visit under `shortest_visit_min` between vacant times is none.
    Starts and ends come first so that the result itself keeps the two other rules, and is settled after SETTLE_MS.
    To cut a long stream into pieces with the same result, give each piece the steps from SETTLE_MS before
    `start_ms` (`Presence.recent` keeps them) to SETTLE_MS after `end_ms`.
    """
    if not steps and (start_ms is None or end_ms is None):
        return []
    runs = _dropped(_merged(_backdated(_begun(_runs(steps), parameters), parameters), parameters), parameters)
    start = steps[0].minute_ms if start_ms is None else start_ms
    end = steps[-1].minute_ms + MINUTE_MS if end_ms is None else end_ms
    return cover([Interval(run.start_ms, run.end_ms, run.state) for run in runs], start, end)


def cover(pieces: Sequence[Interval], start_ms: int, end_ms: int) -> list[Interval]:
    """Clip ascending, non-overlapping intervals to [start_ms, end_ms), fill what is left with unknown, join equals."""
    covered: list[Interval] = []

    def add(start: int, end: int, state: str) -> None:
        if covered and covered[-1].state == state:
            covered[-1] = covered[-1]._replace(end_ms=end)
        else:
            covered.append(Interval(start, end, state))

    reached = start_ms
    for piece in pieces:
        begin, finish = max(piece.start_ms, reached), min(piece.end_ms, end_ms)
        if begin >= finish:
            continue
        if begin > reached:
            add(reached, begin, UNKNOWN)
        add(begin, finish, piece.state)
        reached = finish
    if reached < end_ms:
        add(reached, end_ms, UNKNOWN)
    return covered


def _runs(steps: Sequence[PresenceStep]) -> list[_Run]:
    runs: list[_Run] = []
    for state, _, minute_ms, evidence_ms, onset_ms in steps:
        last = runs[-1] if runs else None
        if last is not None and last.end_ms < minute_ms:
            last = _Run(last.end_ms, minute_ms, UNKNOWN)
            runs.append(last)
        if last is not None and last.state == state:
            last.end_ms, last.evidence_ms = minute_ms + MINUTE_MS, evidence_ms
        else:
            runs.append(_Run(minute_ms, minute_ms + MINUTE_MS, state, evidence_ms, onset_ms))
    return runs


def _merged(runs: list[_Run], p: PresenceParameters) -> list[_Run]:
    merged: list[_Run] = []
    for run in runs:
        if run.state == OCCUPIED and len(merged) >= 2:
            visit, gap = merged[-2:]
            short = gap.end_ms - gap.start_ms < p.merge_gap_min * MINUTE_MS
            if visit.state == OCCUPIED and gap.state == VACANT and short:
                del merged[-2:]
                run = _Run(visit.start_ms, run.end_ms, OCCUPIED, run.evidence_ms)
        merged.append(run)
    return merged


def _dropped(runs: list[_Run], p: PresenceParameters) -> list[_Run]:
    # Beside unknown time, or where the steps end, a short visit may be the visible part of a longer one.
    for before, visit, after in zip(runs, runs[1:], runs[2:], strict=False):
        short = visit.end_ms - visit.start_ms < p.shortest_visit_min * MINUTE_MS
        if short and visit.state == OCCUPIED and before.state == after.state == VACANT:
            visit.state = VACANT
    return runs


def _begun(runs: list[_Run], p: PresenceParameters) -> list[_Run]:
    for before, visit in itertools.pairwise(runs):
        if visit.state != OCCUPIED or before.state != VACANT or visit.onset_ms is None:
            continue
        earliest = max(before.start_ms + MINUTE_MS, visit.start_ms - p.onset_min * MINUTE_MS)
        visit.start_ms = before.end_ms = min(visit.start_ms, max(earliest, visit.onset_ms))
    return runs


def _backdated(runs: list[_Run], p: PresenceParameters) -> list[_Run]:
    for visit, after in itertools.pairwise(runs):
        if visit.state != OCCUPIED or after.state != VACANT:
            continue
        earliest = max(visit.start_ms + MINUTE_MS, visit.end_ms - p.backdate_min * MINUTE_MS)
        evidence_end = earliest if visit.evidence_ms is None else visit.evidence_ms + MINUTE_MS
        visit.end_ms = after.start_ms = min(visit.end_ms, max(earliest, evidence_end))
    return runs
