"""How many people: from the CO2 balance of a room, while presence says whether there is anybody. Causal, pure.

N = V·10⁻⁶·(b + k(C−B))/g: what the air gains, and loses by airing, is what people breathe out.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from campus.inference import COUNTED, LOW_CONFIDENCE, OCCUPIED, UNKNOWN, VACANT, Interval, Stretch
from campus.inference.air import Air
from campus.inference.parameters import DEFAULT, PresenceParameters
from campus.inference.presence import MINUTE_MS, PresenceStep

BANDS = ("empty", "to_25", "to_50", "to_75", "over_75")  # percent of the capacity
LEAST_MARGIN, MARGIN = 2.0, 0.25
FEW_ABOVE_PPM = 60.0
AIRING_MIN = 30
"""So long after the air lost more than its decay explains, a window counts as open."""
HELD_MIN = 15
CHANGED = 0.6  # of a person, or
CHANGED_SHARE = 0.10  # of the people: what the median must differ by to be told; far less than the margin


class PeopleStep(NamedTuple):
    """One minute's people: `people` None when unknown, else `margin` more or less; `band` None without a capacity.

    `state` is counted, low_confidence or unknown.
    """

    minute_ms: int
    state: str
    people: int | None
    margin: float | None
    band: str | None


class PeopleCount:
    """The streaming count of one room. `state()` is JSON-able; given back, it continues as if without a break.

    `volume_m3` None: always unknown. `capacity` None: neither a limit nor bands.
    """

    def __init__(
        self,
        volume_m3: float | None,
        capacity: int | None,
        parameters: PresenceParameters = DEFAULT,
        state: Mapping[str, Any] | None = None,
    ) -> None:
        s = state or {}
        self._capacity, self._parameters = capacity, parameters
        self._people_per_ppm_h = (
            None if volume_m3 is None else volume_m3 * 1e-6 / parameters.co2_per_head_m3_h
        )
        self._visit: deque[tuple[int, float]] = deque((at, people) for at, people in s.get("visit", ()))
        self._shown: int | None = s.get("shown")
        self._airing_ms: int | None = s.get("airing_ms")
        self._most: int = s.get("most", 0)  # shown in this visit

    def state(self) -> dict[str, Any]:
        return {
            "visit": [list(pair) for pair in self._visit],
            "shown": self._shown,
            "airing_ms": self._airing_ms,
            "most": self._most,
        }

    def step(self, presence: PresenceStep, air: Air | None, window_open: bool = False) -> PeopleStep:
        """Take the step that presence just made, and its `Presence.air`.

        Zero when vacant, at least one when occupied: the median over `count_median_min` of this visit, at most the
        capacity. Confidence is low within FEW_ABOVE_PPM of the baseline, while a window is open, be it told or
        because the air loses more than its decay explains, while the decay is assumed, and while fewer are counted
        than earlier in the visit, by more than the margin: some may have left, or the air is exchanged faster than in
        the empty room that taught the decay, and then the first count was the better one.
        """
        minute_ms = presence.minute_ms
        if presence.state != OCCUPIED:
            self._visit.clear()
            self._shown, self._most = None, 0
        if (
            presence.state == UNKNOWN
            or air is None
            or air.baseline_ppm is None
            or self._people_per_ppm_h is None
        ):
            return PeopleStep(minute_ms, UNKNOWN, None, None, None)
        above = air.level_ppm - air.baseline_ppm
        source = air.slope_ppm_h + air.decay_per_h * max(above, 0.0)
        if window_open or source < -self._parameters.co2_middle_ppm_h:
            self._airing_ms = minute_ms
        elif self._airing_ms is not None and minute_ms - self._airing_ms >= AIRING_MIN * MINUTE_MS:
            self._airing_ms = None
        if presence.state == VACANT:
            return PeopleStep(minute_ms, COUNTED, 0, margin(0), band(0, self._capacity))
        count = self._count(minute_ms, source * self._people_per_ppm_h)
        self._most = max(self._most, count)
        fewer = count < self._most - margin(self._most)
        sure = above >= FEW_ABOVE_PPM and self._airing_ms is None and air.decay_known and not fewer
        return PeopleStep(
            minute_ms,
            COUNTED if sure else LOW_CONFIDENCE,
            count,
            margin(count),
            band(count, self._capacity),
        )

    def _count(self, minute_ms: int, people: float) -> int:
        visit = self._visit
        visit.append((minute_ms, people))
        oldest = minute_ms - self._parameters.count_median_min * MINUTE_MS
        while visit[0][0] <= oldest:
            visit.popleft()
        middle = median([found for _, found in visit])
        if self._capacity is not None:
            middle = min(middle, self._capacity)
        middle = max(middle, 1.0)
        if self._shown is None or abs(middle - self._shown) > max(CHANGED, CHANGED_SHARE * self._shown):
            self._shown = round(middle)
        return self._shown


def margin(people: int) -> float:
    """How far a count may be off; an empty room is empty."""
    return max(LEAST_MARGIN, MARGIN * people) if people else 0.0


def band(people: int, capacity: int | None) -> str | None:
    """The quarter of the capacity, its upper end included; None without a capacity."""
    if capacity is None:
        return None
    return BANDS[0] if people == 0 else BANDS[min(4, -(-4 * people // capacity))]


def people_stretches(steps: Sequence[PeopleStep], presence: Sequence[Interval]) -> list[Stretch]:
    """The final PEOPLE stretches over the span of `presence`, the room's final intervals; as few as there are changes.

    Counts follow the final intervals, which know more than the steps: nobody in a vacant one; in an occupied one,
    where a step saw nobody (a short gap, the first minutes), the last count of HELD_MIN before, else one, with low
    confidence. Minutes without a count or without a step are unknown, their value None. To cut a long stream into
    pieces with the same result, give each piece the steps from HELD_MIN before its start; `steps` ascend.
    """
    counts = {step.minute_ms: step for step in steps}
    found: list[Stretch] = []
    for start_ms, end_ms, room in presence:
        for minute_ms in range(start_ms, end_ms, MINUTE_MS):
            step = counts.get(minute_ms)
            state, count = (UNKNOWN, None) if step is None else (step.state, step.people)
            if room == UNKNOWN:
                state, count = UNKNOWN, None
            elif count is not None and room == VACANT:
                state, count = COUNTED, 0
            elif count == 0:
                state, count = LOW_CONFIDENCE, _held(counts, minute_ms)
            last = found[-1] if found else None
            if last is not None and (last.end_ms, last.state, last.value) == (minute_ms, state, count):
                found[-1] = last._replace(end_ms=minute_ms + MINUTE_MS)
            else:
                found.append(Stretch(minute_ms, minute_ms + MINUTE_MS, state, count))
    return found


def _held(counts: Mapping[int, PeopleStep], minute_ms: int) -> int:
    for back in range(1, HELD_MIN + 1):
        step = counts.get(minute_ms - back * MINUTE_MS)
        if step is not None and step.people:
            return step.people
    return 1
