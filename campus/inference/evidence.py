"""What each sensor says about presence: readings in, log-odds out, None while it says nothing. Pure, causal.

Time is the integer Unix minute. Each class is fed by `read` in minutes with a usable value and asked by `weight`
in every minute. `state()` is JSON-able; a restored one continues exactly. Here are the sensors of what moves: PIR,
radar, doors, what is switched; the others are in `air` and `background`.
"""

import math
from collections import deque
from typing import Any

from campus.inference.parameters import PresenceParameters

_GAPS = 9
_NEVER = -(1 << 62)


class Reports:
    """When a sensor last reported, how often it does, and so until when its reading is fresh.

    The interval is the median of the last gaps, starting with two of a minute: one outage is not an interval.
    """

    __slots__ = ("_every_minute", "gaps", "interval_min", "last", "limit_min", "p", "until")

    def __init__(self, p: PresenceParameters, state: dict[str, Any] | None = None) -> None:
        self.p = p
        self.last: int | None = state["last"] if state else None
        self.gaps: deque[int] = deque(state["gaps"] if state else (1, 1), maxlen=_GAPS)
        self._learn()

    def _learn(self) -> None:
        middle = sorted(self.gaps)[(len(self.gaps) - 1) // 2]
        self.interval_min = min(middle, self.p.longest_interval_min)
        self.limit_min = max(self.p.stale_reports * self.interval_min, self.p.stale_min)
        self._every_minute = len(self.gaps) == _GAPS == self.gaps.count(1)
        self.until = _NEVER if self.last is None else self.last + self.limit_min

    def note(self, minute: int) -> None:
        last, self.last = self.last, minute
        if last is not None:
            gap = minute - last
            if gap != 1 or not self._every_minute:  # else one more of the same changes nothing
                self.gaps.append(gap)
                self._learn()
                return
        self.until = minute + self.limit_min

    def fresh(self, minute: int) -> bool:
        return minute < self.until

    def state(self) -> dict[str, Any]:
        return {"last": self.last, "gaps": list(self.gaps)}


class Motion:
    """PIR: full evidence at motion, fading over the quiet minutes that were observed.

    Only readings make quiet: minutes lost on the way do not count as still. After an outage the time before is
    unknown, so the sensor says nothing for presence until it sees motion, and against it as quiet is observed.
    Once quiet says all it can, how long it has lasted is forgotten.
    """

    __slots__ = ("_longest", "p", "reports", "said", "seen", "since")

    def __init__(self, p: PresenceParameters, state: dict[str, Any] | None = None) -> None:
        self.p = p
        self._longest = math.ceil(
            max(p.motion_hold_min, 1 + (p.motion_hold_min - 1) * (1 - p.motion_low / p.motion_high))
        )
        self.reports = Reports(p, state and state["reports"])
        self.since: int = (
            state["since"] if state else 0
        )  # of the last motion, or of the first reading since an outage
        self.seen: bool = state["seen"] if state else False  # `since` is a motion
        self.said = self._weight()

    def read(self, minute: int, value: float) -> bool:
        """Take a reading; True if it is motion."""
        if value >= 0.5:
            self.since, self.seen = minute, True
        elif minute >= self.reports.until:
            self.since, self.seen = minute, False
        elif minute - self.since > self._longest:
            self.since, self.seen = minute - self._longest, False
        self.reports.note(minute)
        self.said = self._weight()
        return value >= 0.5

    def quiet(self, minute: int) -> int | None:
        """Minutes observed without motion, as far as they matter; None while the sensor is stale."""
        if minute >= self.reports.until or self.reports.last is None:
            return None
        return self.reports.last - self.since

    def _weight(self) -> float:
        p = self.p
        quiet = (self.reports.last or 0) - self.since
        weight = p.motion_high * (1 - (quiet - 1) / (p.motion_hold_min - 1))
        return max(p.motion_low, min(weight, p.motion_high if self.seen else 0.0))

    def weight(self, minute: int) -> float | None:
        return self.said if minute < self.reports.until else None

    def state(self) -> dict[str, Any]:
        return {"reports": self.reports.state(), "since": self.since, "seen": self.seen}


class Radar:
    """mmWave radar: somebody is there, or not. Unlike a PIR it sees people who sit still, and also a turning fan.

    Presence that nothing else vouched for in hours counts little, so that the other sensors can outvote it.
    """

    __slots__ = ("alone", "echoes", "p", "present", "reports", "since")

    def __init__(self, p: PresenceParameters, state: dict[str, Any] | None = None) -> None:
        self.p = p
        self.reports = Reports(p, state and state["reports"])
        self.present: bool = state["present"] if state else False
        self.since: int = (
            state["since"] if state else 0
        )  # of an absence, as far as it was observed and matters
        self.alone: int = (
            state["alone"] if state else 0
        )  # since when no other sensor vouched for its presence
        self.echoes = False  # it follows an appliance, which runs now

    def read(self, minute: int, value: float) -> None:
        present = value >= 0.5
        if present != self.present or minute >= self.reports.until:
            self.present, self.since, self.alone = present, minute, minute
        elif present:
            self.since = minute
            self.alone = max(self.alone, minute - self.p.radar_alone_min - 1)
        else:
            self.since = self.alone = max(self.since, minute - self.p.radar_absent_min)
        self.reports.note(minute)

    def vouch(self, minute: int) -> None:
        """Another sensor saw somebody in this minute."""
        if self.present:
            self.alone = minute

    def doubtful(self) -> bool:
        """Whether it reports presence, but alone for so long that it may be a fan, or with an appliance."""
        last = self.reports.last
        alone = last is not None and last - self.alone > self.p.radar_alone_min
        return self.present and (alone or self.echoes)

    def weight(self, minute: int) -> float | None:
        if minute >= self.reports.until or self.reports.last is None:
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
        self.changed: int | None = state["changed"] if state else None  # forgotten once it says nothing

    def read(self, minute: int, value: float, changed: bool) -> None:
        self.reports.note(minute)
        self.open = value >= 0.5
        if changed:
            self.changed = minute
        elif self.changed is not None and minute - self.changed >= self.p.door_fade_min:
            self.changed = None

    def weight(self, minute: int, quiet: int | None) -> float | None:
        """`quiet` is the motion sensor's; None where there is none."""
        if minute >= self.reports.until:
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


class Switched:
    """Something that people switch, and that others judged: equipment in use or not, the room's lighting on or off.

    What was not off for a day, or never yet, is always on: nobody switches it, so that it is on says nothing.
    """

    __slots__ = ("_high", "_low", "off_at", "on", "p", "reports")

    def __init__(
        self, p: PresenceParameters, high: float, low: float, state: dict[str, Any] | None = None
    ) -> None:
        self.p, self._high, self._low = p, high, low
        self.reports = Reports(p, state and state["reports"])
        self.on: bool = state["on"] if state else False
        self.off_at: int | None = state["off_at"] if state else None  # when it was last seen off

    def read(self, minute: int, value: float) -> bool:
        """Take a reading; True if it speaks for people."""
        self.reports.note(minute)
        self.on = value >= 0.5
        if not self.on:
            self.off_at = minute
        elif self.off_at is not None and minute - self.off_at > self.p.always_on_min:
            self.off_at = None
        return self.on and self.off_at is not None

    def weight(self, minute: int) -> float | None:
        if minute >= self.reports.until:
            return None
        if not self.on:
            return self._low
        return 0.0 if self.off_at is None else self._high

    def state(self) -> dict[str, Any]:
        return {"reports": self.reports.state(), "on": self.on, "off_at": self.off_at}
