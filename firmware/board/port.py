"""Where MicroPython and CPython differ, in one place. Times are integer milliseconds everywhere."""

import asyncio
import time


def _monotonic_ms():
    return time.monotonic_ns() // 1000000  # pyright: ignore[reportAttributeAccessIssue] (CPython only)


def _difference(later, earlier):
    return later - earlier


def _sleep_ms(ms):
    return asyncio.sleep(ms / 1000)


def _wait_for_ms(awaitable, ms):
    return asyncio.wait_for(awaitable, ms / 1000)


def const(value):
    """MicroPython's compiler puts the value itself in place of a name that begins with _ and is one of these."""
    return value


ticks_ms = getattr(time, "ticks_ms", _monotonic_ms)  # wraps at 2^30 on a board: compare with ticks_diff only
ticks_diff = getattr(time, "ticks_diff", _difference)
sleep_ms = getattr(asyncio, "sleep_ms", _sleep_ms)
wait_for_ms = getattr(asyncio, "wait_for_ms", _wait_for_ms)  # raises asyncio.TimeoutError
