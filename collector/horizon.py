"""How far back rooms may be derived anew: not where readings were thinned out to means."""

import logging
from zoneinfo import ZoneInfo

from campus.inference.fuse import HOLD_MIN
from campus.inference.presence import MINUTE_MS
from campus.telemetry import TelemetryStore
from collector.days import next_midnight

log = logging.getLogger(__name__)

HOLD_MS = HOLD_MIN * MINUTE_MS
"""Of readings before a moment, what still holds in it."""


class Thinned(Exception):
    """Readings of the range in hand were thinned out meanwhile."""


class Horizon:
    """A day that is thinned would be derived as one that was hardly measured, in the place of what was true."""

    def __init__(self, telemetry: TelemetryStore) -> None:
        self._telemetry = telemetry
        self._told = False

    def start_ms(self, zone: ZoneInfo) -> int:
        """The first local midnight from which on the store has every reading; 0 where it has all. Raises StoreError."""
        raw_from_ms = self._telemetry.raw_from()
        return next_midnight(raw_from_ms + HOLD_MS - 1, zone) if raw_from_ms else 0

    def clip(self, late: tuple[int, int], start_ms: int) -> tuple[int, int] | None:
        """What of late data may be derived from; that there was more is said once."""
        if late[0] >= start_ms:
            return late
        if not self._told:
            self._told = True
            log.warning(
                "Readings came so late that those of their time are thinned out to means: they are stored, and "
                "what was derived of that time stays as it is. This is said once."
            )
        return (start_ms, late[1]) if late[1] >= start_ms else None
