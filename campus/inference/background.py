"""Sensors judged against their own last days: light, sound, Wi-Fi clients. The contract is that of `evidence`. Pure.

What the last days were is learned by the classes named `…Learning`, and told to the others by `use`.
"""

import math
from typing import Any

from campus.inference.evidence import Reports
from campus.inference.parameters import PresenceParameters
from campus.inference.windows import Window, order, otsu, quantile

LIGHT_BIN = math.log(1.03)
SOUND_BIN_DB = 0.5
MOST_CLIENTS = 250  # told apart; what one access point carries, and a bound on the stored counts


class Light:
    """Illuminance against a threshold. It never makes a state alone.

    The first threshold is a guess: until a reading has crossed it, one below it says nothing (the sensor may hang
    in a dim corner), unless it is dark.
    """

    __slots__ = ("lux", "p", "proven", "reports", "said", "threshold")

    def __init__(self, p: PresenceParameters, state: dict[str, Any] | None = None) -> None:
        s = state or {}
        self.p = p
        self.reports = Reports(p, s.get("reports"))
        self.lux: float = s.get("lux", 0.0)
        self.use(None, False)

    def use(self, threshold: float | None, proven: bool) -> None:
        self.threshold, self.proven = self.p.light_lx if threshold is None else threshold, proven
        self.said = self._weight()

    def read(self, minute: int, lux: float) -> None:
        self.reports.note(minute)
        if lux != self.lux:
            self.lux = lux
            self.said = self._weight()

    def _weight(self) -> float:
        if not self.proven and self.p.light_dark_lx < self.lux < self.threshold:
            return 0.0
        above = (self.lux - self.threshold) / (self.p.light_width * self.threshold)
        return self.p.light_gain * max(-1.0, min(above, 1.0))

    def weight(self, minute: int) -> float | None:
        return self.said if minute < self.reports.until else None

    def state(self) -> dict[str, Any]:
        return {"reports": self.reports.state(), "lux": self.lux}


class LightLearning:
    """The threshold between a dark and a lit room, learned after three days; None before."""

    __slots__ = ("first", "history", "hour", "p", "proven", "threshold")

    def __init__(self, p: PresenceParameters, state: dict[str, Any] | None = None) -> None:
        s = state or {}
        self.p = p
        self.first: int | None = s.get("first")
        self.history = Window(p.light_window_min, 24 * 60, s.get("history"))
        self.threshold: float | None = s.get("threshold")
        self.proven: bool = s.get("proven", False)
        self.hour: int = s.get("hour", -1)

    def read(self, minute: int, lux: float) -> bool:
        """Take a reading; True if something may have been learned."""
        learned = False
        if self.first is None:
            self.first = minute
        if not self.proven and lux >= (self.p.light_lx if self.threshold is None else self.threshold):
            self.proven = learned = True
        if lux > self.p.light_dark_lx:
            self.history.add(minute, round(math.log(lux) / LIGHT_BIN))
        if minute // 60 != self.hour:
            self.hour = minute // 60
            if minute - self.first >= self.p.light_learn_min:
                counts = self.history.counts(minute)
                split = otsu({math.exp(bin_ * LIGHT_BIN): count for bin_, count in counts.items()})
                if split and split[1] >= self.p.light_split:
                    self.threshold, self.proven, learned = split[0], True, True
        return learned

    def state(self) -> dict[str, Any]:
        return {
            "first": self.first,
            "history": self.history.state(),
            "threshold": self.threshold,
            "proven": self.proven,
            "hour": self.hour,
        }


class Sound:
    """Sound level against the quiet of the last days; it says nothing before that is known.

    A level that hardly varies (a fan, a coarse meter) makes no small change loud: the spread has a least value.
    """

    __slots__ = ("level", "low", "p", "quiet", "reports", "said")

    def __init__(self, p: PresenceParameters, state: dict[str, Any] | None = None) -> None:
        s = state or {}
        self.p = p
        self.reports = Reports(p, s.get("reports"))
        self.level: float = s.get("level", 0.0)
        self.use(None, None)

    def use(self, quiet: float | None, low: float | None) -> None:
        self.quiet, self.low = quiet, low
        self.said = self._weight()

    def read(self, minute: int, level: float) -> None:
        self.reports.note(minute)
        if level != self.level:
            self.level = level
            self.said = self._weight()

    def _weight(self) -> float | None:
        if self.quiet is None or self.low is None:
            return None
        p = self.p
        z = (self.level - self.quiet) / max(self.quiet - self.low, p.sound_least_spread_db)
        return max(p.sound_lowest, min((z - p.sound_middle_z) / p.sound_half_width_z, p.sound_highest))

    def weight(self, minute: int) -> float | None:
        return self.said if minute < self.reports.until else None

    def state(self) -> dict[str, Any]:
        return {"reports": self.reports.state(), "level": self.level}


class SoundLearning:
    """Two quantiles of the level of seven days; None before a day's worth of readings."""

    __slots__ = ("history", "hour", "low", "p", "quiet", "reports")

    def __init__(self, p: PresenceParameters, state: dict[str, Any] | None = None) -> None:
        s = state or {}
        self.p = p
        self.reports = Reports(p, s.get("reports"))
        self.history = Window(p.sound_window_min, 24 * 60, s.get("history"))
        self.quiet: float | None = s.get("quiet")
        self.low: float | None = s.get("low")
        self.hour: int = s.get("hour", -1)

    def read(self, minute: int, level: float) -> bool:
        """Take a reading; True if something may have been learned."""
        self.reports.note(minute)
        self.history.add(minute, int(level // SOUND_BIN_DB))
        if minute // 60 == self.hour:
            return False
        self.hour = minute // 60
        counts = self.history.counts(minute)
        if sum(counts.values()) * self.reports.interval_min < self.p.background_learn_min:
            return False
        quiet, low = (
            quantile(counts, self.p.sound_quiet_quantile),
            quantile(counts, self.p.sound_low_quantile),
        )
        if quiet is None or low is None:
            return False
        self.quiet, self.low = quiet * SOUND_BIN_DB, low * SOUND_BIN_DB
        return True

    def state(self) -> dict[str, Any]:
        return {
            "reports": self.reports.state(),
            "history": self.history.state(),
            "quiet": self.quiet,
            "low": self.low,
            "hour": self.hour,
        }


class Clients:
    """Wi-Fi clients of the access point against those that are always there. Counts only, never identities."""

    __slots__ = ("always", "count", "p", "reports")

    def __init__(self, p: PresenceParameters, state: dict[str, Any] | None = None) -> None:
        s = state or {}
        self.p = p
        self.reports = Reports(p, s.get("reports"))
        self.count: float = s.get("count", 0.0)
        self.always: int | None = None

    def use(self, always: int | None) -> None:
        self.always = always

    def read(self, minute: int, count: float) -> None:
        self.reports.note(minute)
        self.count = min(count, MOST_CLIENTS)

    def weight(self, minute: int) -> float | None:
        if self.always is None or minute >= self.reports.until:
            return None
        some = self.count - self.always >= self.p.clients_some
        return self.p.clients_high if some else self.p.clients_low

    def state(self) -> dict[str, Any]:
        return {"reports": self.reports.state(), "count": self.count}


class ClientsLearning:
    """How many clients are always there, by seven days; None before a day's worth of readings."""

    __slots__ = ("always", "history", "hour", "p", "reports")

    def __init__(self, p: PresenceParameters, state: dict[str, Any] | None = None) -> None:
        s = state or {}
        self.p = p
        self.reports = Reports(p, s.get("reports"))
        self.history = Window(p.clients_window_min, 24 * 60, s.get("history"))
        self.always: int | None = s.get("always")
        self.hour: int = s.get("hour", -1)

    def read(self, minute: int, count: float) -> bool:
        """Take a reading; True if something may have been learned."""
        self.reports.note(minute)
        self.history.add(minute, int(min(count, MOST_CLIENTS)))
        if minute // 60 == self.hour:
            return False
        self.hour = minute // 60
        counts = self.history.counts(minute)
        if sum(counts.values()) * self.reports.interval_min < self.p.background_learn_min:
            return False
        self.always = order(counts, self.p.clients_quantile)
        return True

    def state(self) -> dict[str, Any]:
        return {
            "reports": self.reports.state(),
            "history": self.history.state(),
            "always": self.always,
            "hour": self.hour,
        }
