"""Clocks that were set earlier ("hold") and are wrong: told by how long their readings seem to travel, and put right.

What is live arrives seconds after it was measured. Readings that are all late by the same minutes, or all early,
while they keep coming at the pace of measuring, are live readings of a wrong clock. A backlog is late too, but it comes
faster than it was measured, so that its lag shrinks. Within a boot nothing but a time server moves a clock.
"""

from collections import OrderedDict
from dataclasses import dataclass

from collector.ledger import BootKey
from collector.messages import Up

WRONG_MS = 2 * 60_000
"""A clock is wrong when it is so far from ours; less changes no slot's class."""
STEADY_MS = 10_000  # the network, and a board's own queue, move the lag by so much
STEADY_MESSAGES = 4
STEADY_FOR_MS = 3 * 60_000
BOOTS = 4096
DOUBTED = Up(0, False)


@dataclass(slots=True)
class _Lag:
    low_ms: int
    high_ms: int
    since_ms: int
    messages: int = 1
    shift_ms: int = 0


class HeldClocks:
    """What was heard of boots whose clock says "hold"; bounded, the longest silent is forgotten."""

    def __init__(self) -> None:
        self._lags: OrderedDict[BootKey, _Lag] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._lags)

    def heard(self, key: BootKey, received_at_ms: int, newest_ms: int) -> Up | None:
        """Take a message whose newest record says `newest_ms`.

        None: its times are what they say. Else what is to be added to them; or DOUBTED, as they are in the future and
        it is not yet known by how much. Delays only ever add: the least lag is the clock's own.
        """
        lag_ms = received_at_ms - newest_ms
        lag = self._lags.get(key)
        if lag is None:
            lag = self._lags[key] = _Lag(lag_ms, lag_ms, received_at_ms)
            if len(self._lags) > BOOTS:
                self._lags.popitem(last=False)
        else:
            self._lags.move_to_end(key)
            lag.low_ms, lag.high_ms = min(lag.low_ms, lag_ms), max(lag.high_ms, lag_ms)
            lag.messages += 1
            if lag.high_ms - lag.low_ms > STEADY_MS:
                lag.low_ms = lag.high_ms = lag_ms
                lag.since_ms, lag.messages = received_at_ms, 1
        if lag.messages >= STEADY_MESSAGES and received_at_ms - lag.since_ms >= STEADY_FOR_MS:
            if abs(lag.low_ms) < WRONG_MS:
                lag.shift_ms = 0
            elif abs(lag.low_ms - lag.shift_ms) > STEADY_MS:  # else it stays: no two records change places
                lag.shift_ms = lag.low_ms
        if lag.shift_ms:
            return Up(lag.shift_ms, True)
        return DOUBTED if lag_ms < -WRONG_MS else None

    def forget(self, key: BootKey) -> None:
        """Its clock was set."""
        self._lags.pop(key, None)

    def wrong(self) -> dict[BootKey, int]:
        """Boots whose times are put right now, and by how much."""
        return {key: lag.shift_ms for key, lag in list(self._lags.items()) if lag.shift_ms}
