"""Runs the suites beside this file, on CPython and MicroPython alike: `micropython boards_run.py [suite ...]`.

A suite is a module of plain functions test_*(), coroutines too; a failed assert ends the run with its traceback.
"""

import asyncio
import sys

SUITES = (
    "boards_clock",
    "boards_config",
    "boards_mqtt",
    "boards_outbox",
    "boards_resend",
    "boards_sampling",
    "boards_scd4x",
    "boards_link",
)


def tests(suite):
    """name -> function of a suite's tests."""
    module = __import__(suite)
    return {name: getattr(module, name) for name in dir(module) if name.startswith("test_")}


def run(test):
    result = test()
    if result is not None:
        asyncio.run(result)


if __name__ == "__main__":
    for suite in sys.argv[1:] or SUITES:
        for name, test in sorted(tests(suite).items()):
            run(test)
            print("passed", suite, name)
