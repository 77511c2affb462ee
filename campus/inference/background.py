"""Sensors judged against their own last days: light, sound, Wi-Fi clients. The contract is that of `evidence`. Pure."""

import math
from typing import Any

from campus.inference.evidence import Reports
from campus.inference.parameters import PresenceParameters
from campus.inference.windows import Window, order, otsu, quantile

LIGHT_BIN = math.log(1.03)
SOUND_BIN_DB = 0.5
MOST_CLIENTS = 250  # told apart; what one access point carries, and a bound on the stored counts


class Light:
    """Illuminance against a threshold that is learned after three days. It never makes a state alone.

    The first threshold is a guess: until a reading has crossed it, one below it says nothing (the sensor may hang
    in a dim corner), unless it is dark.
    """

    __slots__ = ("first", "history", "hour", "lux", "p", "proven", "reports", "threshold")

    def __init__(self, p: PresenceParameters, state: dict[str, Any] | None = None) -> None:
        s = state or {}
        self.p = p
        self.reports = Reports(p, s.get("reports"))
        self.lux: float = s.get("lux", 0.0)
        self.first: int | None = s.get("first")
        self.history = Window(p.light_window_min, 24 * 60, s.get("history"))
        self.threshold: float = s.get("threshold", p.light_lx)
        self.proven: bool = s.get("proven", False)
        self.hour: int = s.get("hour", -1)

    def read(self, minute: int, lux: float) -> None:
        self.reports.note(minute)
        self.lux = lux
        if self.first is None:
            self.first = minute
        if lux >= self.threshold:
            self.proven = True
        if lux > self.p.light_dark_lx:
            self.history.add(minute, round(math.log(lux) / LIGHT_BIN))
        if minute // 60 != self.hour:
            self.hour = minute // 60
            if minute - self.first >= self.p.light_learn_min:
                self._learn(minute)

    def _learn(self, minute: int) -> None:
        counts = self.history.counts(minute)
        split = otsu({math.exp(bin_ * LIGHT_BIN): count for bin_, count in counts.items()})
        if split and split[1] >= self.p.light_split:
            self.threshold, self.proven = split[0], True

    def weight(self, minute: int) -> float | None:
        if not self.reports.fresh(minute):
            return None
        if not self.proven and self.lux > self.p.light_dark_lx:
            return 0.0
        above = (self.lux - self.threshold) / (self.p.light_width * self.threshold)
        return self.p.light_gain * max(-1.0, min(above, 1.0))

    def state(self) -> dict[str, Any]:
        return {
            "reports": self.reports.state(),
            "lux": self.lux,
            "first": self.first,
            "history": self.history.state(),
            "threshold": self.threshold,
            "proven": self.proven,
            "hour": self.hour,
        }


class Sound:
    """Sound level against the quiet of the last days. It says nothing before it has heard a day's worth of them.

    A level that hardly varies (a fan, a coarse meter) makes no small change loud: the spread has a least value.
    """

    __slots__ = ("history", "hour", "level", "low", "p", "quiet", "reports")

    def __init__(self, p: PresenceParameters, state: dict[str, Any] | None = None) -> None:
        s = state or {}
        self.p = p
        self.reports = Reports(p, s.get("reports"))
        self.level: float = s.get("level", 0.0)
        self.history = Window(p.sound_window_min, 24 * 60, s.get("history"))
        self.quiet: float | None = s.get("quiet")
        self.low: float = s.get("low", 0.0)
        self.hour: int = s.get("hour", -1)

    def read(self, minute: int, level: float) -> None:
        self.reports.note(minute)
        self.level = level
        self.history.add(minute, int(level // SOUND_BIN_DB))
        if minute // 60 != self.hour:
            self.hour = minute // 60
            self._learn(minute)

    def _learn(self, minute: int) -> None:
        counts = self.history.counts(minute)
        if sum(counts.values()) * self.reports.interval_min < self.p.background_learn_min:
            return
        quiet, low = (
            quantile(counts, self.p.sound_quiet_quantile),
            quantile(counts, self.p.sound_low_quantile),
        )
        if quiet is not None and low is not None:
            self.quiet, self.low = quiet * SOUND_BIN_DB, low * SOUND_BIN_DB

    def weight(self, minute: int) -> float | None:
        if self.quiet is None or not self.reports.fresh(minute):
            return None
        p = self.p
        z = (self.level - self.quiet) / max(self.quiet - self.low, p.sound_least_spread_db)
        return max(p.sound_lowest, min((z - p.sound_middle_z) / p.sound_half_width_z, p.sound_highest))

    def state(self) -> dict[str, Any]:
        return {
            "reports": self.reports.state(),
            "level": self.level,
            "history": self.history.state(),
            "quiet": self.quiet,
            "low": self.low,
            "hour": self.hour,
        }


class Clients:
    """Wi-Fi clients of the access point against the devices that are always there. Counts only, never identities."""

    __slots__ = ("always", "count", "history", "hour", "p", "reports")

    def __init__(self, p: PresenceParameters, state: dict[str, Any] | None = None) -> None:
        s = state or {}
        self.p = p
        self.reports = Reports(p, s.get("reports"))
        self.count: float = s.get("count", 0.0)
        self.history = Window(p.clients_window_min, 24 * 60, s.get("history"))
        self.always: int | None = s.get("always")
        self.hour: int = s.get("hour", -1)

    def read(self, minute: int, count: float) -> None:
        self.reports.note(minute)
        self.count = min(count, MOST_CLIENTS)
        self.history.add(minute, int(self.count))
        if minute // 60 != self.hour:
            self.hour = minute // 60
            counts = self.history.counts(minute)
            if sum(counts.values()) * self.reports.interval_min >= self.p.background_learn_min:
                self.always = order(counts, self.p.clients_quantile)

    def weight(self, minute: int) -> float | None:
        if self.always is None or not self.reports.fresh(minute):
            return None
        some = self.count - self.always >= self.p.clients_some
        return self.p.clients_high if some else self.p.clients_low

    def state(self) -> dict[str, Any]:
        return {
            "reports": self.reports.state(),
            "count": self.count,
            "history": self.history.state(),
            "always": self.always,
            "hour": self.hour,
        }
