"""How good a board's connection is: quality 0 to 100 over 10 minutes, signal in words, flapping. Pure.

The formula, its weights and its bounds: docs/connectivity.md.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from campus.inference import LOST, Stretch

WINDOW_MS = 10 * 60_000
DAY_MS = 24 * 3_600_000
LEAST = 0.05  # no single part makes all of it nothing
GOOD_AT, FAIR_AT = 80.0, 60.0
SIGNALS = ((-67.0, "good"), (-75.0, "fair"), (-85.0, "weak"))
CHECKS = 21
CHECK_MS = 5 * 60_000
FLAPS_AT_PCT, CALM_AT_PCT = 30.0, 20.0


class Link(NamedTuple):
    """What was measured of a link in WINDOW_MS, but `available` in 24 h; None: not measured.

    `loss` and `available` are fractions. `jitter_ms`: the mean difference of successive round trips.
    """

    rssi_dbm: float | None = None
    loss: float | None = None
    rtt_p95_ms: float | None = None
    jitter_ms: float | None = None
    available: float | None = None


class Part(NamedTuple):
    """One part of a quality: 1 at `best` or beyond, 0 at `worst`, linear between."""

    weight: float
    worst: float
    best: float

    def score(self, value: float) -> float:
        return max(0.0, min((value - self.worst) / (self.best - self.worst), 1.0))


PARTS = {
    "rssi_dbm": Part(0.15, -85.0, -60.0),
    "loss": Part(0.35, 0.05, 0.0),
    "rtt_p95_ms": Part(0.20, 400.0, 100.0),
    "jitter_ms": Part(0.10, 100.0, 30.0),
    "available": Part(0.20, 0.95, 0.995),
}


class Quality(NamedTuple):
    """`value` 0..100; `label` good, fair or poor; `measured`: the share of the weights that was measured, 0..1."""

    value: float
    label: str
    measured: float


def quality(link: Link) -> Quality | None:
    """100 · Π max(score, LEAST)^weight over the parts measured, their weights made to sum to 1; None without any."""
    exponent = measured = 0.0
    for name, part in PARTS.items():
        value = getattr(link, name)
        if value is not None and math.isfinite(value):
            exponent += part.weight * math.log(max(part.score(value), LEAST))
            measured += part.weight
    if not measured:
        return None
    value = 100 * math.exp(exponent / measured)
    label = "good" if value >= GOOD_AT else "fair" if value >= FAIR_AT else "poor"
    return Quality(value, label, min(measured, 1.0))


def link(
    rssi_dbm: Sequence[float] = (),
    seqs: Iterable[int] = (),
    rtt_ms: Sequence[float] = (),
    availability: Sequence[Stretch] = (),
) -> Link:
    """The Link of a window's readings: signal and round trips in order, record numbers of one boot, states of 24 h."""
    numbers = set(seqs)
    return Link(
        rssi_dbm=sum(rssi_dbm) / len(rssi_dbm) if rssi_dbm else None,
        loss=1 - len(numbers) / (max(numbers) - min(numbers) + 1) if numbers else None,
        rtt_p95_ms=p95(rtt_ms) if rtt_ms else None,
        jitter_ms=sum(abs(b - a) for a, b in itertools.pairwise(rtt_ms)) / (len(rtt_ms) - 1)
        if len(rtt_ms) > 1
        else None,
        available=available(availability),
    )


def p95(values: Sequence[float]) -> float:
    """The smallest value that 95 % of them do not exceed."""
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]


def available(availability: Sequence[Stretch]) -> float | None:
    """The share of the time judged in which a board was not lost; None if there is none.

    Unknown time is judged by nobody. What a board announced (offline, sleeping) is no loss of its link.
    """
    judged = lost = 0
    for one in availability:
        if one.state != "unknown":
            judged += one.end_ms - one.start_ms
            lost += one.end_ms - one.start_ms if one.state == LOST else 0
    return 1 - lost / judged if judged else None


def signal(rssi_dbm: float) -> str:
    """RSSI in words: good from −67 dBm, fair from −75, weak from −85, else poor."""
    return next((word for least, word in SIGNALS if rssi_dbm >= least), "poor")


class Flapping:
    """Whether a board comes and goes, as Nagios tells it: the last CHECKS states, a newer change counting for more.

    Call `check` every CHECK_MS, only for time in which somebody listened. `state()` is JSON-able.
    https://assets.nagios.com/downloads/nagioscore/docs/nagioscore/4/en/flapping.html
    """

    def __init__(self, state: dict[str, object] | None = None) -> None:
        s: dict[str, object] = state or {}
        self._last = s.get("last")
        self._changed: list[bool] = list(map(bool, s.get("changed", ())))  # type: ignore[call-overload]
        self.flapping = bool(s.get("flapping", False))

    def state(self) -> dict[str, object]:
        return {"last": self._last, "changed": list(self._changed), "flapping": self.flapping}

    @property
    def change_pct(self) -> float:
        """P = 100/20 · Σ changed_x · (0.75 + 0.5 (x − 1)/19), x = 20 the newest; states not seen yet did not change."""
        most = CHECKS - 1
        first = most - len(self._changed) + 1
        weights = (0.75 + 0.5 * (x - 1) / (most - 1) for x in range(first, CHECKS))
        return 100 / most * sum(w for w, changed in zip(weights, self._changed, strict=True) if changed)

    def check(self, state: str, between: bool = False) -> bool:
        """Take the state of one check; `between`: it was another one at some time since the last. True: it flaps.

        It begins to at FLAPS_AT_PCT and above, and ends at CALM_AT_PCT and below.
        """
        if self._last is not None:
            self._changed = [*self._changed, between or state != self._last][-(CHECKS - 1) :]
        self._last = state
        percent = self.change_pct
        self.flapping = percent > CALM_AT_PCT if self.flapping else percent >= FLAPS_AT_PCT
        return self.flapping
