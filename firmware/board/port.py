"""Where MicroPython and CPython differ, in one place. Times are integer milliseconds everywhere."""

import asyncio
import time

ticks_ms = getattr(
    time,
    "ticks_ms",  # wraps at 2^30 on a board: compare with ticks_diff only
    lambda: time.monotonic_ns() // 1000000,  # pyright: ignore[reportAttributeAccessIssue] (CPython only)
)
ticks_diff = getattr(time, "ticks_diff", lambda later, earlier: later - earlier)
sleep_ms = getattr(asyncio, "sleep_ms", lambda ms: asyncio.sleep(ms / 1000))
# Raises asyncio.TimeoutError.
wait_for_ms = getattr(asyncio, "wait_for_ms", lambda awaitable, ms: asyncio.wait_for(awaitable, ms / 1000))


def const(value):
    """MicroPython's compiler puts the value itself in place of a name that begins with _ and is one of these."""
    return value
