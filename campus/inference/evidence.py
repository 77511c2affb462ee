"""What each sensor says about presence: readings in, log-odds out, None while it says nothing. Pure, causal.

Time is the integer Unix minute. Each class is fed by `read` in minutes with a usable value and asked by `weight`
in every minute. `state()` is JSON-able; a restored one continues exactly. Here are the sensors of what moves: PIR,
radar, doors; the others are in `air` and `background`.
"""

from collections import deque
from typing import Any

from campus.inference.parameters import PresenceParameters

_GAPS = 9


class Reports:
    """When a sensor last reported, how often it does, and so whether its reading is fresh.

    The interval is the median of the last gaps, starting with two of a minute: one outage is not an interval.
    """

    __slots__ = ("gaps", "interval_min", "last", "limit_min", "p")

    def __init__(self, p: PresenceParameters, state: dict[str, Any] | None = None) -> None:
        self.p = p
        self.last: int | None = state["last"] if state else None
        self.gaps: deque[int] = deque(state["gaps"] if state else (1, 1), maxlen=_GAPS)
        self._learn()

    def _learn(self) -> None:
        middle = sorted(self.gaps)[(len(self.gaps) - 1) // 2]
        self.interval_min = min(middle, self.p.longest_interval_min)
        self.limit_min = max(self.p.stale_reports * self.interval_min, self.p.stale_min)

    def note(self, minute: int) -> None:
        if self.last is not None:
            gap = minute - self.last
            self.gaps.append(gap)
            if gap != self.interval_min or self.interval_min != 1:
                self._learn()
        self.last = minute

    def fresh(self, minute: int) -> bool:
        return self.last is not None and minute - self.last < self.limit_min

    def state(self) -> dict[str, Any]:
        return {"last": self.last, "gaps": list(self.gaps)}


class Motion:
    """PIR: full evidence at motion, fading over the quiet minutes that were observed.

    Only readings make quiet: minutes lost on the way do not count as still. After an outage the time before is
    unknown, so the sensor says nothing for presence until it sees motion, and against it as quiet is observed.
    """

    __slots__ = ("p", "reports", "seen", "since")

    def __init__(self, p: PresenceParameters, state: dict[str, Any] | None = None) -> None:
        self.p = p
        self.reports = Reports(p, state and state["reports"])
        self.since: int = (
            state["since"] if state else 0
        )  # of the last motion, or of the first reading since an outage
        self.seen: bool = state["seen"] if state else False  # `since` is a motion

    def read(self, minute: int, value: float) -> bool:
        """Take a reading; True if it is motion."""
        returned = not self.reports.fresh(minute)
        self.reports.note(minute)
        if value >= 0.5:
            self.since, self.seen = minute, True
            return True
        if returned:
            self.since, self.seen = minute, False
        return False

    def quiet(self, minute: int) -> int | None:
        """Minutes observed without motion; None while the sensor is stale."""
        if not self.reports.fresh(minute) or self.reports.last is None:
            return None
        return self.reports.last - self.since

    def weight(self, minute: int) -> float | None:
        quiet = self.quiet(minute)
        if quiet is None:
            return None
        p = self.p
        weight = p.motion_high * (1 - (quiet - 1) / (p.motion_hold_min - 1))
        return max(p.motion_low, min(weight, p.motion_high if self.seen else 0.0))

    def state(self) -> dict[str, Any]:
        return {"reports": self.reports.state(), "since": self.since, "seen": self.seen}


class Radar:
    """mmWave radar: somebody is there, or not. Unlike a PIR it sees people who sit still, and also a turning fan.

    Presence that nothing else vouched for in hours counts little, so that the other sensors can outvote it.
    """

    __slots__ = ("alone", "p", "present", "reports", "since")

    def __init__(self, p: PresenceParameters, state: dict[str, Any] | None = None) -> None:
        self.p = p
        self.reports = Reports(p, state and state["reports"])
        self.present: bool = state["present"] if state else False
        self.since: int = state["since"] if state else 0  # of what it reports, as far as that was observed
        self.alone: int = state["alone"] if state else 0  # since when no other sensor vouched for presence

    def read(self, minute: int, value: float) -> None:
        present = value >= 0.5
        if present != self.present or not self.reports.fresh(minute):
            self.present, self.since, self.alone = present, minute, minute
        self.reports.note(minute)

    def vouch(self, minute: int) -> None:
        """Another sensor saw somebody in this minute."""
        self.alone = minute

    def doubtful(self) -> bool:
        """Whether it reports presence, but has done so alone for so long that it may be a fan."""
        last = self.reports.last
        return self.present and last is not None and last - self.alone > self.p.radar_alone_min

    def weight(self, minute: int) -> float | None:
        if not self.reports.fresh(minute) or self.reports.last is None:
            return None
        p = self.p
        if self.present:
            return p.radar_alone if self.doubtful() else p.radar_present
        return p.radar_absent if self.reports.last - self.since < p.radar_absent_min else p.radar_long_absent

    def state(self) -> dict[str, Any]:
        return {
            "reports": self.reports.state(),
            "present": self.present,
            "since": self.since,
            "alone": self.alone,
        }


class Door:
    """A door that moved was moved by somebody; behind a closed one a motion sensor's quiet means more."""

    __slots__ = ("changed", "open", "p", "reports")

    def __init__(self, p: PresenceParameters, state: dict[str, Any] | None = None) -> None:
        self.p = p
        self.reports = Reports(p, state and state["reports"])
        self.open: bool = state["open"] if state else False
        self.changed: int | None = state["changed"] if state else None

    def read(self, minute: int, value: float, changed: bool) -> None:
        self.reports.note(minute)
        self.open = value >= 0.5
        if changed:
            self.changed = minute

    def weight(self, minute: int, quiet: int | None) -> float | None:
        """`quiet` is the motion sensor's; None where there is none."""
        if not self.reports.fresh(minute):
            return None
        p = self.p
        weight = 0.0
        if self.changed is not None and minute - self.changed < p.door_fade_min:
            weight = p.door_changed * (1 - (minute - self.changed) / p.door_fade_min)
        if not self.open and quiet is not None and quiet >= p.motion_hold_min:
            weight += p.door_closed
        return weight

    def state(self) -> dict[str, Any]:
        return {"reports": self.reports.state(), "open": self.open, "changed": self.changed}
