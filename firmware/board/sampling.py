"""Sensors to records: what was measured, when, by which clock, and whether it is worth a report."""

import asyncio
from collections import namedtuple

from campus.wire.names import base

Record = namedtuple("Record", "observed_at_ms clock values why")
"""observed_at_ms: integer, Unix ms (ms since boot if clock is "up"). values: point -> number, or None =
measured but invalid; a missing point = not measured. why: point -> reason of its None; itself None if all is well."""

MAX_INTERVAL_MS = 60000


def phase_ms(board):
    """The part of the minute in which a board of this id reports: 0 to 45 s, so that a late sample is in time still."""
    phase = 0
    for sign in board:
        phase = (phase * 31 + ord(sign)) % 45001
    return phase


class Sampler:
    """Reads all sensors and reports a point

    * when it moved by its `deadband` or more (none: by anything), or turned invalid or valid again, or
      is invalid for another reason; at once, but not sooner than `min_interval_ms` after its last report;
    * in any case once in each window of `max_interval_ms`. Windows are cut at `phase_ms` after the
      full interval, so that every minute has its reading and boards with different phases do not
      all report in the same second.

    A point that a sensor describes stands for its channels too, which may appear later: `disconnects_wifi` for
    `disconnects_wifi.200`.

    clock: an object with now_ms() and quality(). log(text) is told of a driver's error. bound(awaitable) awaits it and
    raises asyncio.TimeoutError if that takes too long; without it a driver may take what time it likes.
    No two sensors may measure the same point.
    """

    def __init__(self, sensors, clock, phase_ms=0, log=None, bound=None):
        self.sensors = sensors
        self.log = log
        self.bound = bound
        self._broken = {}  # sensor -> its latest error, so that each is told once
        self.clock = clock
        self.phase_ms = phase_ms
        self._points = {}
        self._shown = {}  # point -> what was last reported: a value, or the reason why there is none
        self._shown_at = {}  # point -> when
        for sensor in sensors:
            self._points.update(sensor.points)

    def points(self):
        """point -> its description, for the birth."""
        return self._points

    def urgent(self):
        """Whether a sensor saw something that must not wait for the next sample, such as motion beginning."""
        for sensor in self.sensors:
            if getattr(sensor, "edge", False):
                return True
        return False

    async def sample(self, force=False):
        """Read every sensor once; a Record of what is to be reported (`force`: all that was read), or None."""
        clock = self.clock
        now = clock.now_ms()
        quality = clock.quality()
        values = {}
        why = None
        for sensor in self.sensors:
            try:
                reading = sensor.read()
                read = await (self.bound(reading) if self.bound else reading)
                reasons = sensor.why
                _check(read, reasons, sensor.points)
            except Exception as error:  # one broken driver must not silence the others
                self._tell(sensor, repr(error))
                read = dict.fromkeys(sensor.points)
                reasons = dict.fromkeys(read, "timeout") if isinstance(error, asyncio.TimeoutError) else {}
            for point in read:
                value = read[point]
                if value is not None and value - value != 0:  # NaN or infinity: not a measurement
                    value = None
                shown = reasons.get(point, "failed") if value is None else value
                if not force and not self._due(point, shown, now):
                    continue
                values[point] = value
                self._shown[point] = shown
                self._shown_at[point] = now
                if value is None:
                    if why is None:
                        why = {}
                    why[point] = shown
        return Record(now, quality, values, why) if values else None

    def _tell(self, sensor, error):
        if self.log and self._broken.get(sensor) != error:
            self._broken[sensor] = error
            self.log("a sensor of %s: %s" % (", ".join(sensor.points), error))

    def _due(self, point, shown, now):
        at = self._shown_at.get(point)
        if at is None:
            return True
        described = self._points.get(point) or self._points[base(point)]
        window = described.get("max_interval_ms", MAX_INTERVAL_MS)
        phase = self.phase_ms
        if (now - phase) // window != (at - phase) // window:
            return True
        if 0 <= now - at < described.get("min_interval_ms", 0):  # a clock set back must not silence a point
            return False
        before = self._shown[point]
        if before == shown:
            return False
        if type(shown) is str or type(before) is str:
            return True
        return abs(shown - before) >= described.get("deadband", 0)


def _check(read, reasons, points):
    """Raises ValueError if a driver broke its contract: what it gave could be neither compared nor sent."""
    for point in read:
        said = read[point]
        right = type(said) is int or type(said) is float
        if said is None:
            said = reasons.get(point, "failed")
            right = type(said) is str and 0 < len(said) <= 32
        if not right or (point not in points and base(point) not in points):
            raise ValueError("%r of %r" % (said, point))
